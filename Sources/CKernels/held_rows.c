#include "held_rows.h"

#include <string.h>

#include "bfloat16_rounding.h"
#include "gelu.h"
#include "word_transpose.h"

/// tanh(z) of the approximation by one exponential: (1 + tanh z) / 2 = 1 / (1 + e^(-2z)).
CARINA_INLINE float share_of(float x) {
  return 1.f / (1.f + fast_exp(-2.f * SQRT_2_OVER_PI * (x + CUBIC * x * x * x)));
}

CARINA_INLINE float value_of(float x, int kind) {
  return kind == CARINA_GELU_TANH ? x * share_of(x) : gelu_of(x, kind);
}

CARINA_INLINE float slope_of(float x, int kind) {
  if (kind != CARINA_GELU_TANH) return gelu_slope(x, kind);
  const float share = share_of(x);
  return share + 2.f * x * share * (1.f - share) * SQRT_2_OVER_PI * (1.f + 3.f * CUBIC * x * x);
}

CARINA_KERNEL void carina_gelu_rounded(const float *x, uint16_t *out, int64_t count, int kind) {
  if (kind == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < count; i++) out[i] = nearest_bfloat16(value_of(x[i], CARINA_GELU_TANH));
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = nearest_bfloat16(value_of(x[i], CARINA_GELU_ERF));
  }
}

enum { SIDE = 16 };

/// Two rows of 16 numbers rounded, as pairs, and written to their rows.
CARINA_INLINE void round_pair(const float *upper, const float *lower, word_row *pairs, uint16_t *out, int64_t width) {
  uint16_t high[SIDE], low[SIDE];
  uint32_t both[SIDE];
  for (int i = 0; i < SIDE; i++) high[i] = nearest_bfloat16(upper[i]);
  for (int i = 0; i < SIDE; i++) low[i] = nearest_bfloat16(lower[i]);
  for (int i = 0; i < SIDE; i++) both[i] = (uint32_t)high[i] | (uint32_t)low[i] << 16;
  if (out) {
    memcpy(out, high, sizeof high);
    memcpy(out + width, low, sizeof low);
  }
  memcpy(pairs, both, sizeof both);
}

/// 32 rows by 16 columns; `kind` is a constant where this is inlined, and negative for no activation.
CARINA_INLINE void round_tile(const float *rows_of, const float *x, int kind, int64_t width, uint16_t *out,
                              uint16_t *transposed, int64_t stride, float *sums) {
  word_row tile[SIDE];
  float total[SIDE] = {0};
  if (sums) memcpy(total, sums, sizeof total);
  for (int pair = 0; pair < SIDE; pair++) {
    float values[2][SIDE];
    for (int half = 0; half < 2; half++) {
      const int64_t row = 2 * pair + half;
      const float *source = rows_of + row * width;
      __builtin_prefetch(source + 4 * SIDE);
      if (kind < 0) {
        memcpy(values[half], source, sizeof values[half]);
      } else {
        const float *argument = x + row * width;
        __builtin_prefetch(argument + 4 * SIDE);
        for (int i = 0; i < SIDE; i++) values[half][i] = source[i] * slope_of(argument[i], kind);
      }
      for (int i = 0; i < SIDE; i++) total[i] += values[half][i];
    }
    round_pair(values[0], values[1], tile + pair, out ? out + 2 * pair * width : 0, width);
  }
  if (sums) memcpy(sums, total, sizeof total);
  if (!transposed) return;
  transpose_words(tile);
  for (int i = 0; i < SIDE; i++) memcpy(transposed + i * stride, tile + i, sizeof tile[i]);
}

/// What is left of a whole number of tiles, number by number.
CARINA_INLINE void round_rest(const float *rows_of, const float *x, int kind, int64_t rows, int64_t columns,
                              int64_t width, uint16_t *out, uint16_t *transposed, int64_t stride, float *sums) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < columns; c++) {
      const int64_t at = r * width + c;
      const float value = kind < 0 ? rows_of[at] : rows_of[at] * slope_of(x[at], kind);
      if (sums) sums[c] += value;
      if (out) out[at] = nearest_bfloat16(value);
      if (transposed) transposed[c * stride + r] = nearest_bfloat16(value);
    }
  }
}

CARINA_INLINE void round_rows(const float *rows_of, const float *x, int kind, int64_t rows, int64_t width,
                              uint16_t *out, uint16_t *transposed, int64_t stride, float *sums) {
  const int64_t whole = width / SIDE * SIDE;
  for (int64_t r = 0; r < rows; r += 2 * SIDE) {
    const float *source = rows_of + r * width, *argument = x ? x + r * width : 0;
    uint16_t *target = out ? out + r * width : 0, *columns = transposed ? transposed + r : 0;
    const int64_t height = rows - r < 2 * SIDE ? rows - r : 2 * SIDE;
    int64_t c = 0;
    if (height == 2 * SIDE) {
      for (; c < whole; c += SIDE) {
        round_tile(source + c, argument ? argument + c : 0, kind, width, target ? target + c : 0,
                   columns ? columns + c * stride : 0, stride, sums ? sums + c : 0);
      }
    }
    round_rest(source + c, argument ? argument + c : 0, kind, height, width - c, width, target ? target + c : 0,
               columns ? columns + c * stride : 0, stride, sums ? sums + c : 0);
  }
}

CARINA_KERNEL void carina_round_both_ways(const float *rows_of, const float *x, int kind, int64_t rows, int64_t width,
                                          uint16_t *out, uint16_t *transposed, int64_t stride, float *sums) {
  if (!x) {
    round_rows(rows_of, 0, -1, rows, width, out, transposed, stride, sums);
  } else if (kind == CARINA_GELU_TANH) {
    round_rows(rows_of, x, CARINA_GELU_TANH, rows, width, out, transposed, stride, sums);
  } else {
    round_rows(rows_of, x, CARINA_GELU_ERF, rows, width, out, transposed, stride, sums);
  }
}
