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
                                        int8_t *values, float *scales, int32_t *sums, float *errors) {
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
    int32_t sum = 0;
    for (int64_t i = 0; i < columns; i++) {
      const float weight = widened(row[i]), steps = weight * inverse;
      // Adding and taking away 1.5 · 2^23 rounds to the nearest whole number, ties to even.
      const float rounded = (steps + 12582912.f) - 12582912.f;
      target[i] = (int8_t)rounded;
      sum += (int32_t)rounded;
      const float change = weight - rounded * scale;
      squares += change * change;
    }
    scales[n] = scale;
    sums[n] = sum;
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

CARINA_KERNEL void carina_inverse_row_sizes(const uint16_t *weights, int64_t stride, int64_t rows, int64_t columns,
                                            float *inverses) {
  for (int64_t n = 0; n < rows; n++) {
    float largest = 0;
    for (int64_t i = 0; i < columns; i++) {
      const float magnitude = fabsf(widened(weights[n * stride + i]));
      largest = magnitude > largest ? magnitude : largest;
    }
    inverses[n] = largest > 1e-37f ? 1.f / largest : 0.f;
  }
}

CARINA_KERNEL void carina_add_column_squares(const uint16_t *weights, int64_t stride, const float *inverses,
                                             int64_t rows, int64_t columns, double *sums) {
  for (int64_t n = 0; n < rows; n++) {
    const uint16_t *row = weights + n * stride;
    const float inverse = inverses[n];
    for (int64_t i = 0; i < columns; i++) {
      const double part = (double)(widened(row[i]) * inverse);
      sums[i] += part * part;
    }
  }
}

CARINA_KERNEL void carina_divide_columns(const uint16_t *weights, const float *factors, int64_t rows, int64_t columns,
                                         uint16_t *out) {
  for (int64_t n = 0; n < rows; n++) {
    for (int64_t i = 0; i < columns; i++) {
      const float value = widened(weights[n * columns + i]) / factors[i];
      uint32_t bits;
      memcpy(&bits, &value, 4);
      out[n * columns + i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
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

CARINA_KERNEL void carina_split_rows(const float *x, int64_t rows, int64_t columns, uint8_t *upper, uint8_t *lower,
                                     float *steps) {
  for (int64_t r = 0; r < rows; r++) {
    const float *row = x + r * columns;
    float largest = 0;
    int finite = 1;
    for (int64_t i = 0; i < columns; i++) {
      const float magnitude = fabsf(row[i]);
      finite &= magnitude <= 3.4028234e38f;
      largest = magnitude > largest ? magnitude : largest;
    }
    const float step = largest / 32512.f, inverse = step > 0 ? 1.f / step : 0.f;
    for (int64_t i = 0; i < columns; i++) {
      const float rounded = finite ? (row[i] * inverse + 12582912.f) - 12582912.f : 0.f;
      const float limited = rounded > 32512.f ? 32512.f : (rounded < -32512.f ? -32512.f : rounded);
      const int32_t whole = (int32_t)limited + 32768;
      upper[r * columns + i] = (uint8_t)(whole >> 8);
      lower[r * columns + i] = (uint8_t)whole;
    }
    // What is no number, or infinite, must reach the output.
    steps[r] = finite ? step : NAN;
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define BYTES __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define BYTES_INLINE static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512vnni")))

int carina_has_byte_products(void) {
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
}

/// `rows` is a constant where this is inlined.
BYTES_INLINE void byte_products(const uint8_t *upper, const uint8_t *lower, const float *steps, const int8_t *values,
                                const float *scales, const int32_t *sums, float *out, int64_t out_stride,
                                int64_t outputs, int64_t inputs, int rows) {
  const int64_t whole = inputs / 64 * 64;
  const __mmask64 mask = inputs > whole ? (1ull << (inputs - whole)) - 1 : 0;
  for (int64_t n = 0; n < outputs; n++) {
    const int8_t *row = values + n * inputs;
    __m512i high[CARINA_MOST_FEW_ROWS], low[CARINA_MOST_FEW_ROWS];
    for (int r = 0; r < rows; r++) high[r] = low[r] = _mm512_setzero_si512();
    for (int64_t i = 0; i < whole; i += 64) {
      _mm_prefetch((const char *)row + i + PREFETCH_BYTES, _MM_HINT_T0);
      const __m512i w = _mm512_loadu_si512(row + i);
      for (int r = 0; r < rows; r++) {
        high[r] = _mm512_dpbusd_epi32(high[r], _mm512_loadu_si512(upper + r * inputs + i), w);
        low[r] = _mm512_dpbusd_epi32(low[r], _mm512_loadu_si512(lower + r * inputs + i), w);
      }
    }
    if (mask) {
      const __m512i w = _mm512_maskz_loadu_epi8(mask, row + whole);
      for (int r = 0; r < rows; r++) {
        high[r] = _mm512_dpbusd_epi32(high[r], _mm512_maskz_loadu_epi8(mask, upper + r * inputs + whole), w);
        low[r] = _mm512_dpbusd_epi32(low[r], _mm512_maskz_loadu_epi8(mask, lower + r * inputs + whole), w);
      }
    }
    for (int r = 0; r < rows; r++) {
      const int64_t top = (int64_t)_mm512_reduce_add_epi32(high[r]) - 128 * (int64_t)sums[n];
      const int64_t sum = 256 * top + _mm512_reduce_add_epi32(low[r]);
      out[r * out_stride + n] = (float)sum * (steps[r] * scales[n]);
    }
  }
}

BYTES void carina_few_rows_bytes(const uint8_t *upper, const uint8_t *lower, const float *steps, const int8_t *values,
                                 const float *scales, const int32_t *sums, float *out, int64_t out_stride, int64_t rows,
                                 int64_t outputs, int64_t inputs) {
#define CASE(count)                                                                                                \
  case count:                                                                                                      \
    byte_products(upper, lower, steps, values, scales, sums, out, out_stride, outputs, inputs, count);             \
    break;
  switch (rows) {
    CASE(1)
    CASE(2)
    CASE(3)
    default: byte_products(upper, lower, steps, values, scales, sums, out, out_stride, outputs, inputs, 4);
  }
#undef CASE
}

#else

int carina_has_byte_products(void) { return 0; }
void carina_few_rows_bytes(const uint8_t *upper, const uint8_t *lower, const float *steps, const int8_t *values,
                           const float *scales, const int32_t *sums, float *out, int64_t out_stride, int64_t rows,
                           int64_t outputs, int64_t inputs) {}

#endif
