#pragma once
#include <string.h>

#include "bfloat16_numbers.h"
#include "byte_panel.h"
#include "byte_vectors.h"

// What the tiles of a product of bytes share, however their sums are formed.

#if defined(__x86_64__)

/// Adds the sums of what the numbers of a row have beyond their first byte.
BYTES_INLINE void large_sums(const carina_large_numbers *large, const int8_t *words, int32_t *target) {
  __m512i sums[VECTORS];
  for (int v = 0; v < VECTORS; v++) sums[v] = _mm512_setzero_si512();
  int i = 0;
  for (int run = 0; run < 4; run++) {
    for (; i < large->ends[run]; i++) {
      const int8_t *right = words + large->words[i] * WORD;
      const __m512i digits = _mm512_set1_epi32((int32_t)large->digits[i]);
      for (int v = 0; v < VECTORS; v++) {
        sums[v] = _mm512_dpbusd_epi32(sums[v], digits, _mm512_loadu_si512(right + 64 * v));
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      if (run == 1) sums[v] = _mm512_slli_epi32(sums[v], 8);
      // Digits of numbers below zero are taken away: what follows them is added to the negated sum.
      if (run < 3) sums[v] = _mm512_sub_epi32(_mm512_setzero_si512(), sums[v]);
    }
  }
  for (int v = 0; v < VECTORS; v++) _mm512_storeu_si512(target + 16 * v, _mm512_slli_epi32(sums[v], 8));
}

/// What the large numbers of a tile's rows add to its sums, for a tile that has none null. Apart from the tile, so that
/// its sums stay in registers.
BYTES static __attribute__((noinline)) const int32_t *sums_of_large(const carina_large_numbers *large, int64_t rows,
                                                                    const int8_t *panel, int32_t *sums) {
  int any = 0;
  for (int64_t r = 0; r < rows; r++) any |= large[r].ends[3];
  if (!any) return 0;
  for (int64_t r = 0; r < rows; r++) {
    if (large[r].ends[3]) {
      large_sums(large + r, panel + WORD, sums + COLUMNS * r);
    } else {
      memset(sums + COLUMNS * r, 0, COLUMNS * sizeof *sums);
    }
  }
  return sums;
}

/// Where a tile's results go, and what is done to them before.
typedef struct {
  const float *scales, *bias, *other;
  float *c;
  /// Where it goes as bfloat16 in place of c; null for c.
  uint16_t *narrow;
  int64_t stride, columns;
} byte_result;

/// Where the rows from `row` on go.
BYTES_INLINE byte_result from_row(byte_result to, int64_t row) {
  const int64_t offset = row * to.stride;
  if (to.other) to.other += offset;
  if (to.narrow) {
    to.narrow += offset;
  } else {
    to.c += offset;
  }
  return to;
}

/// Writes 16 columns of a row, from their sum times the row's step.
BYTES_INLINE void write_result(byte_result to, int r, int v, __m512 total, __m512 scale, __m512 shift, __mmask16 mask) {
  __m512 value = _mm512_fmadd_ps(total, scale, shift);
  const int64_t offset = r * to.stride + 16 * v;
  if (to.other) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, to.other + offset));
  if (to.narrow) {
    _mm256_mask_storeu_epi16(to.narrow + offset, mask, narrowed_sixteen(value));
  } else {
    _mm512_mask_storeu_ps(to.c + offset, mask, value);
  }
}
#endif
