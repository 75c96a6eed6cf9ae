#pragma once
#include <stdint.h>

/// Whether a product of attention goes by the tile registers of the processor.
int carina_tiles_by_amx(int64_t pair_stride, int64_t pairs);

/// As carina_tile_product.
void carina_tile_product_by_amx(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint16_t *b,
                                int64_t panel_pairs, int64_t first_pair, float *c, int64_t c_stride, int64_t rows,
                                int64_t columns, int64_t pairs, int accumulate);

/// c [rows, words] = factor of its row · c + weights · values, for rows of pairs of weights `stride` words apart and
/// values as `carina_pack_value_rows` packs them, `words` (at most CARINA_STREAMED_WIDTH) in a pair of rows.
void carina_add_weighted_rows_by_amx(const uint32_t *weights, int64_t stride, const uint32_t *values, int64_t words,
                                     int64_t pairs, const float *factors, float *c, int64_t c_stride, int64_t rows);
