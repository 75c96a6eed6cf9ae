#include "quantized.h"

#include <math.h>
#include <string.h>

#include "few_rows.h"
#include "kernel_clones.h"

enum { LANES = 16, PREFETCH_BYTES = 4096 };
typedef float lanes_f32 __attribute__((vector_size(64)));
typedef int8_t lanes_i8 __attribute__((vector_size(16)));

CARINA_INLINE float widened(uint16_t value) {
  const uint32_t bits = (uint32_t)value << 16;
  float result;
  memcpy(&result, &bits, 4);
  return result;
}

CARINA_KERNEL void carina_quantize_rows(const uint16_t *weights, int64_t stride, int64_t rows, int64_t columns,
                                        int8_t *values, float *scales, float *errors) {
  CARINA_FAST_SUMS
  for (int64_t n = 0; n < rows; n++) {
    const uint16_t *row = weights + n * stride;
    int8_t *target = values + n * columns;
    float largest = 0;
    for (int64_t i = 0; i < columns; i++) {
      const float magnitude = fabsf(widened(row[i]));
      largest = magnitude > largest ? magnitude : largest;
    }
    const float scale = largest / 127.f, inverse = scale > 0 ? 1.f / scale : 0.f;
    float squares = 0;
    for (int64_t i = 0; i < columns; i++) {
      const float weight = widened(row[i]), steps = weight * inverse;
      // Adding and taking away 1.5 · 2^23 rounds to the nearest whole number, ties to even.
      const float rounded = (steps + 12582912.f) - 12582912.f;
      target[i] = (int8_t)rounded;
      const float change = weight - rounded * scale;
      squares += change * change;
    }
    scales[n] = scale;
    errors[n] = sqrtf(squares);
  }
}

CARINA_KERNEL void carina_dequantize_rows(const int8_t *values, const float *scales, int64_t rows, int64_t columns,
                                          uint16_t *out) {
  for (int64_t n = 0; n < rows; n++) {
    const int8_t *row = values + n * columns;
    uint16_t *target = out + n * columns;
    const float scale = scales[n];
    for (int64_t i = 0; i < columns; i++) {
      const float value = (float)row[i] * scale;
      uint32_t bits;
      memcpy(&bits, &value, 4);
      target[i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    }
  }
}

/// `rows` and `chains` are constants where this is inlined; rows times chains independent sums hide the latency of the
/// multiply-add.
CARINA_INLINE void multiply(const float *x, const int8_t *values, const float *scales, float *out, int64_t out_stride,
                            int64_t outputs, int64_t inputs, int rows, int chains) {
  const int64_t step = (int64_t)chains * LANES, whole = inputs / step * step, vectors = inputs / LANES * LANES;
  for (int64_t n = 0; n < outputs; n++) {
    const int8_t *row = values + n * inputs;
    lanes_f32 sums[CARINA_MOST_FEW_ROWS][4];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < chains; c++) sums[r][c] = (lanes_f32){0};
    }
    int64_t i = 0;
    for (; i < whole; i += step) {
      __builtin_prefetch(row + i + PREFETCH_BYTES, 0, 3);
      for (int c = 0; c < chains; c++) {
        lanes_i8 narrow;
        memcpy(&narrow, row + i + c * LANES, sizeof narrow);
        const lanes_f32 w = __builtin_convertvector(narrow, lanes_f32);
        for (int r = 0; r < rows; r++) {
          lanes_f32 value;
          memcpy(&value, x + r * inputs + i + c * LANES, sizeof value);
          sums[r][c] += w * value;
        }
      }
    }
    for (; i < vectors; i += LANES) {
      lanes_i8 narrow;
      memcpy(&narrow, row + i, sizeof narrow);
      const lanes_f32 w = __builtin_convertvector(narrow, lanes_f32);
      for (int r = 0; r < rows; r++) {
        lanes_f32 value;
        memcpy(&value, x + r * inputs + i, sizeof value);
        sums[r][0] += w * value;
      }
    }
    for (int r = 0; r < rows; r++) {
      for (int width = chains / 2; width > 0; width /= 2) {
        for (int c = 0; c < width; c++) sums[r][c] += sums[r][c + width];
      }
      float v[LANES];
      memcpy(v, &sums[r][0], sizeof v);
      for (int width = LANES / 2; width > 0; width /= 2) {
        for (int lane = 0; lane < width; lane++) v[lane] += v[lane + width];
      }
      float sum = v[0];
      for (int64_t rest = vectors; rest < inputs; rest++) sum += (float)row[rest] * x[r * inputs + rest];
      out[r * out_stride + n] = sum * scales[n];
    }
  }
}

CARINA_KERNEL void carina_few_rows_int8(const float *x, const int8_t *values, const float *scales, float *out,
                                        int64_t out_stride, int64_t rows, int64_t outputs, int64_t inputs) {
  switch (rows) {
    case 1: multiply(x, values, scales, out, out_stride, outputs, inputs, 1, 4); break;
    case 2: multiply(x, values, scales, out, out_stride, outputs, inputs, 2, 4); break;
    case 3: multiply(x, values, scales, out, out_stride, outputs, inputs, 3, 2); break;
    default: multiply(x, values, scales, out, out_stride, outputs, inputs, 4, 2); break;
  }
}
