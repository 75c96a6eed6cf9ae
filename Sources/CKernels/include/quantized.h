#pragma once
#include <stdint.h>

/// Rounds rows of weights [rows, columns] (bfloat16, `stride` elements apart) to 8 bits: values[n, i] nearest to
/// weights[n, i] / scales[n] with scales[n] = largest magnitude of the row / 127. errors[n] is the Euclidean length of
/// what the rounding changed in the row.
void carina_quantize_rows(const uint16_t *weights, int64_t stride, int64_t rows, int64_t columns, int8_t *values,
                          float *scales, float *errors);

/// Rows [rows, columns] back to bfloat16: values[n, i] * scales[n].
void carina_dequantize_rows(const int8_t *values, const float *scales, int64_t rows, int64_t columns, uint16_t *out);

/// out[r, n] = scales[n] * sum over i of x[r, i] * values[n, i] for 1 to CARINA_MOST_FEW_ROWS rows of x [rows, inputs];
/// rows of out lie `out_stride` apart. The digits of an output depend on nothing but its own row of values and scale,
/// `inputs` and x.
void carina_few_rows_int8(const float *x, const int8_t *values, const float *scales, float *out, int64_t out_stride,
                          int64_t rows, int64_t outputs, int64_t inputs);
