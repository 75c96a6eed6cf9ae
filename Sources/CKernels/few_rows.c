#include "few_rows.h"

#include <string.h>

#include "kernel_clones.h"

// Sixteen lanes are one register of AVX-512, two of AVX2; the compiler divides them.
enum { LANES = 16 };
typedef float lanes_f32 __attribute__((vector_size(64)));
typedef uint32_t lanes_u32 __attribute__((vector_size(64)));
typedef uint16_t lanes_u16 __attribute__((vector_size(32)));

// The processor's own prefetcher stops at the end of a page; this far ahead is past the end before it is reached.
enum { PREFETCH_BYTES = 4096 };

CARINA_INLINE void load_float(const void *source, lanes_f32 *target) { memcpy(target, source, sizeof *target); }

CARINA_INLINE void load_bfloat16(const void *source, lanes_f32 *target) {
  lanes_u16 narrow;
  memcpy(&narrow, source, sizeof narrow);
  const lanes_u32 bits = __builtin_convertvector(narrow, lanes_u32) << 16;
  memcpy(target, &bits, sizeof bits);
}

CARINA_INLINE float scalar(const uint8_t *source, int64_t index, int is_bfloat16) {
  float value;
  if (is_bfloat16) {
    uint16_t narrow;
    memcpy(&narrow, source + 2 * index, 2);
    const uint32_t bits = (uint32_t)narrow << 16;
    memcpy(&value, &bits, 4);
  } else {
    memcpy(&value, source + 4 * index, 4);
  }
  return value;
}

CARINA_INLINE float sum_of_lanes(const lanes_f32 *lanes) {
  float v[LANES];
  memcpy(v, lanes, sizeof v);
  for (int width = LANES / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; i++) v[i] += v[i + width];
  }
  return v[0];
}

/// `rows`, `chains` and `is_bfloat16` are constants where this is inlined; rows times chains independent sums hide the
/// latency of the multiply-add.
CARINA_INLINE void multiply(const float *x, const uint8_t *weights, int64_t stride, float *out, int64_t out_stride,
                            int64_t outputs, int64_t inputs, int rows, int chains, int is_bfloat16) {
  const int64_t size = is_bfloat16 ? 2 : 4, step = (int64_t)chains * LANES;
  const int64_t whole = inputs / step * step, vectors = inputs / LANES * LANES;
  for (int64_t n = 0; n < outputs; n++) {
    const uint8_t *row = weights + n * stride * size;
    lanes_f32 sums[CARINA_MOST_FEW_ROWS][4];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < chains; c++) sums[r][c] = (lanes_f32){0};
    }
    int64_t i = 0;
    for (; i < whole; i += step) {
      for (int64_t line = 0; line < step * size; line += 64) {
        __builtin_prefetch(row + i * size + line + PREFETCH_BYTES, 0, 3);
      }
      for (int c = 0; c < chains; c++) {
        lanes_f32 w;
        if (is_bfloat16) {
          load_bfloat16(row + (i + c * LANES) * size, &w);
        } else {
          load_float(row + (i + c * LANES) * size, &w);
        }
        for (int r = 0; r < rows; r++) {
          lanes_f32 value;
          load_float(x + r * inputs + i + c * LANES, &value);
          sums[r][c] += w * value;
        }
      }
    }
    for (; i < vectors; i += LANES) {
      lanes_f32 w;
      if (is_bfloat16) {
        load_bfloat16(row + i * size, &w);
      } else {
        load_float(row + i * size, &w);
      }
      for (int r = 0; r < rows; r++) {
        lanes_f32 value;
        load_float(x + r * inputs + i, &value);
        sums[r][0] += w * value;
      }
    }
    for (int r = 0; r < rows; r++) {
      for (int width = chains / 2; width > 0; width /= 2) {
        for (int c = 0; c < width; c++) sums[r][c] += sums[r][c + width];
      }
      float sum = sum_of_lanes(&sums[r][0]);
      for (int64_t rest = vectors; rest < inputs; rest++) {
        sum += scalar(row, rest, is_bfloat16) * x[r * inputs + rest];
      }
      out[r * out_stride + n] = sum;
    }
  }
}

#define FEW_ROWS(name, type, is_bfloat16)                                                                             \
  CARINA_KERNEL void name(const float *x, const type *weights, int64_t stride, float *out, int64_t out_stride,        \
                          int64_t rows, int64_t outputs, int64_t inputs) {                                            \
    const uint8_t *w = (const uint8_t *)weights;                                                                      \
    switch (rows) {                                                                                                   \
      case 1: multiply(x, w, stride, out, out_stride, outputs, inputs, 1, 4, is_bfloat16); break;                     \
      case 2: multiply(x, w, stride, out, out_stride, outputs, inputs, 2, 2, is_bfloat16); break;                     \
      case 3: multiply(x, w, stride, out, out_stride, outputs, inputs, 3, 2, is_bfloat16); break;                     \
      default: multiply(x, w, stride, out, out_stride, outputs, inputs, 4, 2, is_bfloat16); break;                    \
    }                                                                                                                 \
  }

FEW_ROWS(carina_few_rows_bfloat16, uint16_t, 1)
FEW_ROWS(carina_few_rows_float, float, 0)

CARINA_KERNEL uint64_t carina_read_bytes(const void *bytes, int64_t byte_count) {
  uint64_t sums[8] = {0};
  const uint8_t *next = bytes;
  for (int64_t i = 0; i < byte_count; i += 64) {
    uint64_t words[8];
    __builtin_prefetch(next + i + PREFETCH_BYTES, 0, 3);
    memcpy(words, next + i, sizeof words);
    for (int lane = 0; lane < 8; lane++) sums[lane] += words[lane];
  }
  uint64_t sum = 0;
  for (int lane = 0; lane < 8; lane++) sum += sums[lane];
  return sum;
}
