#include "elementwise.h"

#include <string.h>

#include "kernel_clones.h"

CARINA_KERNEL void carina_add(const float *a, const float *b, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

CARINA_KERNEL void carina_add_bfloat16(const float *a, const uint16_t *b, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)b[i] << 16;
    float wide;
    memcpy(&wide, &bits, 4);
    out[i] = a[i] + wide;
  }
}

CARINA_KERNEL void carina_add_scaled(const float *restrict source, float factor, float *restrict target,
                                     int64_t count) {
  for (int64_t i = 0; i < count; i++) target[i] += factor * source[i];
}

CARINA_KERNEL void carina_scale(float *values, float factor, int64_t count) {
  for (int64_t i = 0; i < count; i++) values[i] *= factor;
}

CARINA_KERNEL void carina_add_bias(float *restrict values, const float *restrict bias, int64_t rows,
                                   int64_t width) {
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t i = 0; i < width; i++) values[row * width + i] += bias[i];
  }
}

CARINA_KERNEL void carina_add_column_sums(const float *restrict values, float *restrict target, int64_t rows,
                                          int64_t width) {
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t i = 0; i < width; i++) target[i] += values[row * width + i];
  }
}

CARINA_KERNEL double carina_sum_of_squares(const float *values, int64_t count) {
  CARINA_FAST_SUMS
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)values[i] * (double)values[i];
  return sum;
}

CARINA_KERNEL int carina_all_finite(const float *values, int64_t count) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, values + i, 4);
    bad |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return bad == 0;
}
