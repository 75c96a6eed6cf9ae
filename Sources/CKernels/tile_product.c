#include "tile_product.h"

#include <math.h>
#include <string.h>

#include "tile_amx.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "word_transpose.h"

#define TILE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define TILE_INLINE \
  static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

enum { PANEL_WORDS = CARINA_PANEL_COLUMNS, MOST_ROWS = 6 };

int carina_has_tile_products(void) {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

/// Sixteen numbers rounded to bfloat16, each in the lower half of a word.
TILE_INLINE __m512i rounded(__m512 x) { return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(x)); }

TILE_INLINE __m512 part(const float *x, int64_t count) {
  return count >= 16 ? _mm512_loadu_ps(x)
                     : _mm512_maskz_loadu_ps((__mmask16)((1u << (count > 0 ? count : 0)) - 1), x);
}

/// `count` words of rows `upper` and `lower` interleaved as pairs; a missing row is null.
TILE_INLINE __m512i pairs_of(const float *upper, const float *lower, int64_t count) {
  const __m512i first = rounded(part(upper, count));
  return lower ? _mm512_or_si512(first, _mm512_slli_epi32(rounded(part(lower, count)), 16)) : first;
}

TILE void carina_pair_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out) {
  uint32_t *words = (uint32_t *)out;
  for (int64_t r = 0; r < rows; r += 2) {
    const float *upper = x + r * stride, *lower = r + 1 < rows ? upper + stride : 0;
    for (int64_t c = 0; c < width; c += 16) {
      const int64_t left = width - c;
      const __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
      _mm512_mask_storeu_epi32(words + r / 2 * width + c, mask, pairs_of(upper + c, lower ? lower + c : 0, left));
    }
  }
}

TILE void carina_pack_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out) {
  const int64_t pairs = (rows + 1) / 2;
  uint32_t *words = (uint32_t *)out;
  for (int64_t j = 0; j < pairs; j++) {
    const float *upper = x + 2 * j * stride, *lower = 2 * j + 1 < rows ? upper + stride : 0;
    for (int64_t c = 0; c < (width + PANEL_WORDS - 1) / PANEL_WORDS * PANEL_WORDS; c += 16) {
      const int64_t left = width - c;
      const __m512i value =
          left > 0 ? pairs_of(upper + c, lower ? lower + c : 0, left) : _mm512_setzero_si512();
      _mm512_storeu_si512(words + (c / PANEL_WORDS * pairs + j) * PANEL_WORDS + c % PANEL_WORDS, value);
    }
  }
}

TILE void carina_round_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out, int64_t pairs) {
  for (int64_t r = 0; r < rows; r++) {
    uint16_t *target = out + r * 2 * pairs;
    for (int64_t c = 0; c < 2 * pairs; c += 16) {
      const int64_t left = width - c, room = 2 * pairs - c;
      const __m256i value =
          left > 0 ? (__m256i)_mm512_cvtneps_pbh(part(x + r * stride + c, left)) : _mm256_setzero_si256();
      _mm256_mask_storeu_epi16(target + c, room >= 16 ? 0xffff : (__mmask16)((1u << room) - 1), value);
    }
  }
}

TILE void carina_pack_rows_as_columns(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out) {
  const int64_t pairs = (width + 1) / 2;
  uint32_t *words = (uint32_t *)out;
  for (int64_t n = 0; n < (rows + PANEL_WORDS - 1) / PANEL_WORDS * PANEL_WORDS; n += 16) {
    uint32_t *columns = words + n / PANEL_WORDS * pairs * PANEL_WORDS + n % PANEL_WORDS;
    for (int64_t c = 0; c < 2 * pairs; c += 32) {
      __m512i block[16];
      for (int64_t i = 0; i < 16; i++) {
        const float *row = x + (n + i) * stride + c;
        const int64_t left = n + i < rows ? width - c : 0;
        block[i] = left > 0 ? (__m512i)_mm512_cvtne2ps_pbh(left > 16 ? part(row + 16, left - 16) : _mm512_setzero_ps(),
                                                           part(row, left))
                            : _mm512_setzero_si512();
      }
      transpose_words((word_row *)block);
      const int64_t last = pairs - c / 2 < 16 ? pairs - c / 2 : 16;
      for (int64_t j = 0; j < last; j++) _mm512_storeu_si512(columns + (c / 2 + j) * PANEL_WORDS, block[j]);
    }
  }
}

/// `rows` is a constant where this is inlined: rows × 4 sums stay in registers.
TILE_INLINE void tile(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint32_t *b, float *c,
                      int64_t c_stride, int64_t columns, int64_t pairs, int accumulate, int rows) {
  __m512 sums[MOST_ROWS][4];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < 4; v++) sums[r][v] = _mm512_setzero_ps();
  }
  for (int64_t j = 0; j < pairs; j++) {
    __m512bh right[4];
    for (int v = 0; v < 4; v++) right[v] = (__m512bh)_mm512_loadu_si512(b + j * PANEL_WORDS + 16 * v);
    for (int r = 0; r < rows; r++) {
      const __m512bh left = (__m512bh)_mm512_set1_epi32((int)a[r * row_stride + j * pair_stride]);
      for (int v = 0; v < 4; v++) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], left, right[v]);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < 4; v++) {
      const int64_t left = columns - 16 * v;
      if (left <= 0) break;
      const __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
      float *target = c + r * c_stride + 16 * v;
      const __m512 sum = accumulate ? _mm512_add_ps(sums[r][v], _mm512_maskz_loadu_ps(mask, target)) : sums[r][v];
      _mm512_mask_storeu_ps(target, mask, sum);
    }
  }
}

TILE void carina_tile_product(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint16_t *b,
                              int64_t panel_pairs, int64_t first_pair, float *c, int64_t c_stride, int64_t rows,
                              int64_t columns, int64_t pairs, int accumulate) {
  if (carina_tiles_by_amx(pair_stride, pairs)) {
    carina_tile_product_by_amx(a, row_stride, pair_stride, b, panel_pairs, first_pair, c, c_stride, rows, columns, pairs,
                               accumulate);
    return;
  }
  for (int64_t n = 0; n < columns; n += PANEL_WORDS) {
    const uint32_t *panel = (const uint32_t *)b + (n / PANEL_WORDS * panel_pairs + first_pair) * PANEL_WORDS;
    const int64_t width = columns - n < PANEL_WORDS ? columns - n : PANEL_WORDS;
    for (int64_t r = 0; r < rows; r += MOST_ROWS) {
      const uint32_t *left = a + r * row_stride;
      float *target = c + r * c_stride + n;
#define CASE(count)                                                                                                \
  case count:                                                                                                      \
    tile(left, row_stride, pair_stride, panel, target, c_stride, width, pairs, accumulate, count);                 \
    break;
      switch (rows - r) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        default:
          tile(left, row_stride, pair_stride, panel, target, c_stride, width, pairs, accumulate, MOST_ROWS);
      }
#undef CASE
    }
  }
}

#else

int carina_has_tile_products(void) { return 0; }
void carina_pair_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out) {}
void carina_pack_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out) {}
void carina_round_rows(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out, int64_t pairs) {}
void carina_pack_rows_as_columns(const float *x, int64_t stride, int64_t rows, int64_t width, uint16_t *out) {}
void carina_tile_product(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint16_t *b,
                         int64_t panel_pairs, int64_t first_pair, float *c, int64_t c_stride, int64_t rows,
                         int64_t columns, int64_t pairs, int accumulate) {}

#endif
