#pragma once
#include <stdint.h>

void carina_add(const float *a, const float *b, float *out, int64_t count);
/// out = a + b with b of bfloat16
void carina_add_bfloat16(const float *a, const uint16_t *b, float *out, int64_t count);
/// target += factor * source
void carina_add_scaled(const float *source, float factor, float *target, int64_t count);
void carina_scale(float *values, float factor, int64_t count);
/// Adds `bias` [width] to each row of `values` [rows, width].
void carina_add_bias(float *values, const float *bias, int64_t rows, int64_t width);
/// target[j] += sum over rows of values[i, j]
void carina_add_column_sums(const float *values, float *target, int64_t rows, int64_t width);
/// Sum of squares in double precision.
double carina_sum_of_squares(const float *values, int64_t count);
/// 1 when every value is finite.
int carina_all_finite(const float *values, int64_t count);
