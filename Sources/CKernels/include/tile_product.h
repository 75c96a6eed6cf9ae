#pragma once
#include <stdint.h>

/// Columns of a panel: a packed right factor is cut into panels of so many columns.
enum { CARINA_PANEL_COLUMNS = 64 };

/// Whether the processor has the instructions that the products below are made of (AVX-512 BF16). Without them none of
/// these functions may be called.
int carina_has_tile_products(void);

/// Packs a right factor B of products over `width`: column n of B is row n of x [rows, width] fp32 (leading dimension
/// `stride`), rounded to bfloat16. out has ceil(rows / 64) panels of ceil(width / 2) pairs × 64 columns × 2, zero
/// where x has nothing.
void carina_pack_rows_as_columns(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out);

/// Packs a right factor B = x [rows, width] of products over the rows: ceil(width / 64) panels of ceil(rows / 2)
/// pairs × 64 columns × 2.
void carina_pack_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out);

/// Pairs rows 2j and 2j + 1 of x [rows, width]: out[j, c] holds both as bfloat16, zero for a missing last row. Read
/// with pair stride `width` and row stride 1 it is the left factor xᵀ.
void carina_pair_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out);

/// Rounds rows of x [rows, width] to bfloat16 rows of `pairs` pairs, zero beyond `width`.
void carina_round_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out, int64_t pairs);

/// c [rows, columns] = (or += where `accumulate`) A B over `pairs` pairs, in fp32. A's pair j of row r is the 32-bit
/// word a[r * row_stride + j * pair_stride]. B is packed with `panel_pairs` pairs a panel; its pairs from `first_pair`
/// on are used. The order of each sum depends on `pairs` alone.
void carina_tile_product(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint16_t *b,
                         int64_t panel_pairs, int64_t first_pair, float *c, int64_t c_stride, int64_t rows,
                         int64_t columns, int64_t pairs, int accumulate);
