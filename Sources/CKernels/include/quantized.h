#pragma once
#include <stdint.h>

/// Rounds rows of weights [rows, columns] (bfloat16, `stride` elements apart) to 8 bits: values[n, i] nearest to
/// weights[n, i] / scales[n] with scales[n] = largest magnitude of the row / 127. sums[n] is the sum of the row's
/// values, errors[n] the Euclidean length of what the rounding changed in the row.
void carina_quantize_rows(const uint16_t *weights, int64_t stride, int64_t rows, int64_t columns, int8_t *values,
                          float *scales, int32_t *sums, float *errors);

/// Whether the processor multiplies bytes into whole numbers (AVX-512 VNNI), which `carina_few_rows_bytes` is made of.
int carina_has_byte_products(void);

/// Rounds rows of x [rows, columns] to 16 bits with one step a row, in two bytes: x = step * (256 * (upper - 128) +
/// lower), off by at most half a step, which is the largest magnitude of the row / 65024.
void carina_split_rows(const float *x, int64_t rows, int64_t columns, uint8_t *upper, uint8_t *lower, float *steps);

/// out[r, n] = scales[n] * sum over i of x[r, i] * values[n, i] with the rows of x as `carina_split_rows` leaves them.
/// The sums are whole numbers, so no order of them matters.
void carina_few_rows_bytes(const uint8_t *upper, const uint8_t *lower, const float *steps, const int8_t *values,
                           const float *scales, const int32_t *sums, float *out, int64_t out_stride, int64_t rows,
                           int64_t outputs, int64_t inputs);

/// Rows [rows, columns] back to bfloat16: values[n, i] * scales[n].
void carina_dequantize_rows(const int8_t *values, const float *scales, int64_t rows, int64_t columns, uint16_t *out);

/// out[r, n] = scales[n] * sum over i of x[r, i] * values[n, i] for 1 to CARINA_MOST_FEW_ROWS rows of x [rows, inputs];
/// rows of out lie `out_stride` apart. The digits of an output depend on nothing but its own row of values and scale,
/// `inputs` and x.
void carina_few_rows_int8(const float *x, const int8_t *values, const float *scales, float *out, int64_t out_stride,
                          int64_t rows, int64_t outputs, int64_t inputs);

/// inverses[n] is 1 over the largest magnitude of row n (bfloat16, rows `stride` elements apart), 0 for a row of zeros.
void carina_inverse_row_sizes(const uint16_t *weights, int64_t stride, int64_t rows, int64_t columns, float *inverses);

/// sums[i] += sum over rows n, first to last, of (weights[n, i] * inverses[n])^2.
void carina_add_column_squares(const uint16_t *weights, int64_t stride, const float *inverses, int64_t rows,
                               int64_t columns, double *sums);

/// out = weights / factors of their columns [columns], which are powers of two; both densely stored.
void carina_divide_columns(const uint16_t *weights, const float *factors, int64_t rows, int64_t columns, uint16_t *out);
