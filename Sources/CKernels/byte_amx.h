#pragma once
#include "byte_product.h"

/// Where so few rows meet a panel, vectors are as fast as tile registers.
enum { CARINA_FEWEST_AMX_BYTE_ROWS = 8 };

/// Whether a product of bytes goes by the tile registers of the processor.
int carina_bytes_by_amx(int64_t rows, int64_t length, int64_t group);

/// As carina_byte_product, for rows that are one group each.
void carina_byte_product_by_amx(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                                const carina_large_numbers *large, int64_t rows, int64_t length, const int8_t *panel,
                                int64_t columns, const float *scales, const float *bias, const float *other, float *c,
                                uint16_t *narrow, int64_t c_stride, const carina_next_weights *next);
