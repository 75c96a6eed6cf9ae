#include "byte_panel.h"

#include <string.h>

#include "byte_vectors.h"
#include "word_transpose.h"

int64_t carina_byte_panel_bytes(int64_t length, int64_t group) {
  const int64_t whole = length / group, rest = length % group;
  return whole * (words_of(group) + 1) * WORD + (rest ? (words_of(rest) + 1) * WORD : 0);
}

/// Writes the negated sums of a group whose words are there.
static void sum_group(int8_t *group, int64_t words) {
  int32_t sums[COLUMNS] = {0};
  const int8_t *bytes = group + WORD;
  for (int64_t j = 0; j < words; j++) {
    for (int n = 0; n < COLUMNS; n++) {
      for (int t = 0; t < 4; t++) sums[n] -= bytes[j * WORD + 4 * n + t];
    }
  }
  memcpy(group, sums, sizeof sums);
}

static void pack_rows_plain(const int8_t *weights, int64_t stride, int64_t columns, int64_t length, int64_t group,
                            int8_t *panel) {
  for (int64_t first = 0; first < length; first += group) {
    const int64_t count = smaller(group, length - first), words = words_of(count), whole = count / 4;
    int32_t *target = (int32_t *)(panel + WORD);
    for (int64_t n = 0; n < COLUMNS; n++) {
      if (n >= columns) {
        for (int64_t j = 0; j < words; j++) target[j * COLUMNS + n] = 0;
        continue;
      }
      const int8_t *row = weights + n * stride + first;
      for (int64_t j = 0; j < whole; j++) memcpy(target + j * COLUMNS + n, row + 4 * j, 4);
      if (whole < words) {
        int32_t last = 0;
        memcpy(&last, row + 4 * whole, (size_t)(count - 4 * whole));
        target[whole * COLUMNS + n] = last;
      }
    }
    sum_group(panel, words);
    panel += (words + 1) * WORD;
  }
}

static void pack_columns_plain(const int8_t *weights, int64_t stride, int64_t columns, int64_t length, int64_t group,
                               int8_t *panel) {
  for (int64_t first = 0; first < length; first += group) {
    const int64_t count = smaller(group, length - first), words = words_of(count);
    for (int64_t j = 0; j < words; j++) {
      int8_t rows[4][COLUMNS] = {{0}};
      for (int64_t t = 0; t < 4 && 4 * j + t < count; t++) {
        const int8_t *source = weights + (first + 4 * j + t) * stride;
        memcpy(rows[t], source, (size_t)columns);
      }
      int8_t *target = panel + (j + 1) * WORD;
      for (int n = 0; n < COLUMNS; n++) {
        for (int t = 0; t < 4; t++) target[4 * n + t] = rows[t][n];
      }
    }
    sum_group(panel, words);
    panel += (words + 1) * WORD;
  }
}

#if defined(__x86_64__)

/// Adds the bytes of each word to its lane.
BYTES_INLINE __m512i summed(__m512i sums, __m512i words) {
  return _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), words);
}

BYTES_INLINE __mmask64 bytes_of(int64_t count) { return count >= 64 ? ~0ull : (1ull << (count > 0 ? count : 0)) - 1; }

BYTES static void pack_rows_by_vectors(const int8_t *weights, int64_t stride, int64_t columns, int64_t length,
                                       int64_t group, int8_t *panel) {
  for (int64_t first = 0; first < length; first += group) {
    const int64_t count = smaller(group, length - first), words = words_of(count);
    for (int v = 0; v < VECTORS; v++) {
      __m512i sums = _mm512_setzero_si512();
      for (int64_t j = 0; j < words; j += 16) {
        __m512i block[16];
        const __mmask64 mask = bytes_of(count - 4 * j);
        for (int n = 0; n < 16; n++) {
          const int64_t column = 16 * v + n;
          block[n] = column < columns ? _mm512_maskz_loadu_epi8(mask, weights + column * stride + first + 4 * j)
                                      : _mm512_setzero_si512();
        }
        transpose_words((word_row *)block);
        for (int i = 0; i < 16 && j + i < words; i++) {
          sums = summed(sums, block[i]);
          _mm512_storeu_si512(panel + (j + i + 1) * WORD + 64 * v, block[i]);
        }
      }
      _mm512_storeu_si512(panel + 64 * v, _mm512_sub_epi32(_mm512_setzero_si512(), sums));
    }
    panel += (words + 1) * WORD;
  }
}

/// Words of the bytes that four rows have in each of 64 columns.
BYTES_INLINE void interleave(const __m512i rows[4], __m512i words[4]) {
  const __m512i a = _mm512_unpacklo_epi8(rows[0], rows[1]), b = _mm512_unpackhi_epi8(rows[0], rows[1]);
  const __m512i c = _mm512_unpacklo_epi8(rows[2], rows[3]), d = _mm512_unpackhi_epi8(rows[2], rows[3]);
  // Each has four words of every 16 columns.
  const __m512i first = _mm512_unpacklo_epi16(a, c), second = _mm512_unpackhi_epi16(a, c);
  const __m512i third = _mm512_unpacklo_epi16(b, d), fourth = _mm512_unpackhi_epi16(b, d);
  const __m512i lower = _mm512_shuffle_i32x4(first, second, 0x88), upper = _mm512_shuffle_i32x4(third, fourth, 0x88);
  const __m512i lower_odd = _mm512_shuffle_i32x4(first, second, 0xdd);
  const __m512i upper_odd = _mm512_shuffle_i32x4(third, fourth, 0xdd);
  words[0] = _mm512_shuffle_i32x4(lower, upper, 0x88);
  words[1] = _mm512_shuffle_i32x4(lower_odd, upper_odd, 0x88);
  words[2] = _mm512_shuffle_i32x4(lower, upper, 0xdd);
  words[3] = _mm512_shuffle_i32x4(lower_odd, upper_odd, 0xdd);
}

BYTES static void pack_columns_by_vectors(const int8_t *weights, int64_t stride, int64_t columns, int64_t length,
                                          int64_t group, int8_t *panel) {
  const __mmask64 mask = bytes_of(columns);
  for (int64_t first = 0; first < length; first += group) {
    const int64_t count = smaller(group, length - first), words = words_of(count);
    __m512i sums[VECTORS];
    for (int v = 0; v < VECTORS; v++) sums[v] = _mm512_setzero_si512();
    for (int64_t j = 0; j < words; j++) {
      const int8_t *source = weights + (first + 4 * j) * stride;
      __m512i rows[4], all[4];
      for (int t = 0; t < 4; t++) {
        rows[t] = 4 * j + t < count ? _mm512_maskz_loadu_epi8(mask, source + t * stride) : _mm512_setzero_si512();
      }
      interleave(rows, all);
      for (int v = 0; v < VECTORS; v++) {
        sums[v] = summed(sums[v], all[v]);
        _mm512_storeu_si512(panel + (j + 1) * WORD + 64 * v, all[v]);
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      _mm512_storeu_si512(panel + 64 * v, _mm512_sub_epi32(_mm512_setzero_si512(), sums[v]));
    }
    panel += (words + 1) * WORD;
  }
}

#endif

void carina_pack_byte_rows(const int8_t *weights, int64_t stride, int64_t columns, int64_t length, int64_t group,
                           int8_t *panel, int by_vectors) {
  BY_VECTORS(pack_rows_by_vectors(weights, stride, columns, length, group, panel));
  pack_rows_plain(weights, stride, columns, length, group, panel);
}

void carina_pack_byte_columns(const int8_t *weights, int64_t stride, int64_t columns, int64_t length, int64_t group,
                              int8_t *panel, int by_vectors) {
  BY_VECTORS(pack_columns_by_vectors(weights, stride, columns, length, group, panel));
  pack_columns_plain(weights, stride, columns, length, group, panel);
}
