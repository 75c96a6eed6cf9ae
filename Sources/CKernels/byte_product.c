#include "byte_product.h"

#include <math.h>
#include <string.h>

#include "byte_vectors.h"
#include "kernel_clones.h"

// A panel is a run of groups. Each begins with the sums of its columns, negated, as 32-bit numbers; words follow, the
// j-th of which holds numbers 4j to 4j + 3 of every column side by side.
enum { COLUMNS = CARINA_BYTE_PANEL_COLUMNS, WORD = 4 * COLUMNS };

static inline int64_t words_of(int64_t count) { return (count + 3) / 4; }

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

/// Adds what the numbers of a row have beyond their first byte.
static void add_large_plain(const carina_large_numbers *large, const int8_t *panel, int32_t sums[COLUMNS]) {
  for (int i = 0; i < large->ends[3]; i++) {
    const int8_t *right = panel + (large->words[i] + 1) * WORD;
    const int is_third = i < large->ends[1], is_below = i < large->ends[0] || (!is_third && i < large->ends[2]);
    const int32_t unit = (is_third ? 65536 : 256) * (is_below ? -1 : 1);
    for (int n = 0; n < COLUMNS; n++) {
      for (int t = 0; t < 4; t++) {
        sums[n] += unit * (int32_t)((large->digits[i] >> (8 * t)) & 255) * right[4 * n + t];
      }
    }
  }
}

CARINA_KERNEL static void product_plain(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                                        const carina_large_numbers *large, int64_t rows, int64_t length, int64_t group,
                                        const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                                        const float *other, float *c, int64_t c_stride) {
  const int64_t groups = (length + group - 1) / group;
  for (int64_t r = 0; r < rows; r++) {
    float total[COLUMNS] = {0};
    const int8_t *part = panel;
    for (int64_t g = 0; g < groups; g++) {
      const int64_t words = words_of(smaller(group, length - g * group));
      int32_t sums[COLUMNS];
      memcpy(sums, part, sizeof sums);
      for (int n = 0; n < COLUMNS; n++) sums[n] *= zeros[r * groups + g];
      for (int64_t j = 0; j < words; j++) {
        const uint8_t *left = values + r * stride + g * group + 4 * j;
        const int8_t *right = part + (j + 1) * WORD;
        for (int n = 0; n < COLUMNS; n++) {
          for (int t = 0; t < 4; t++) sums[n] += (int32_t)left[t] * right[4 * n + t];
        }
      }
      if (large) add_large_plain(large + r, part, sums);
      for (int n = 0; n < COLUMNS; n++) total[n] = fmaf((float)sums[n], steps[r * groups + g], total[n]);
      part += (words + 1) * WORD;
    }
    for (int64_t n = 0; n < columns; n++) {
      float value = fmaf(total[n], scales ? scales[n] : 1.f, bias ? bias[n] : 0.f);
      if (other) value += other[r * c_stride + n];
      c[r * c_stride + n] = value;
    }
  }
}

#if defined(__x86_64__)

enum { VECTORS = COLUMNS / 16, MOST_ROWS = 12 };

int carina_has_byte_tiles(void) {
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

/// The sums of what the numbers of a row have beyond their first byte, 16 columns.
BYTES static __m512i large_sums(const carina_large_numbers *large, const int8_t *words) {
  __m512i sums = _mm512_setzero_si512();
  int i = 0;
  for (int run = 0; run < 4; run++) {
    for (; i < large->ends[run]; i++) {
      const __m512i right = _mm512_loadu_si512(words + large->words[i] * WORD);
      sums = _mm512_dpbusd_epi32(sums, _mm512_set1_epi32((int32_t)large->digits[i]), right);
    }
    if (run == 1) sums = _mm512_slli_epi32(sums, 8);
    // Digits of numbers below zero are taken away: what follows them is added to the negated sum.
    if (run < 3) sums = _mm512_sub_epi32(_mm512_setzero_si512(), sums);
  }
  return _mm512_slli_epi32(sums, 8);
}

/// What the large numbers of a tile's rows add to its sums, for a tile that has none null. Apart from the tile, so that
/// its sums stay in registers.
BYTES static __attribute__((noinline)) const int32_t *tile_large_sums(const carina_large_numbers *large, int64_t rows,
                                                                      const int8_t *panel, int32_t *sums) {
  int any = 0;
  for (int64_t r = 0; r < rows; r++) any |= large[r].ends[3];
  if (!any) return 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int v = 0; v < VECTORS; v++) {
      _mm512_storeu_si512(sums + COLUMNS * r + 16 * v, large_sums(large + r, panel + WORD + 64 * v));
    }
  }
  return sums;
}

/// `rows` is a constant where this is inlined: rows × VECTORS sums stay in registers. `more` [rows, COLUMNS] is added to
/// the sums of whole numbers where there is one group; null for nothing.
BYTES_INLINE void byte_tile(const uint8_t *a, int64_t stride, const float *steps, const int32_t *zeros,
                            const int32_t *more, int64_t length, int64_t group, const int8_t *panel, int64_t columns,
                            const float *scales, const float *bias, const float *other, float *c, int64_t c_stride,
                            int rows) {
  const int64_t groups = (length + group - 1) / group;
  __m512 total[MOST_ROWS][VECTORS];
  for (int64_t g = 0; g < groups; g++) {
    const int64_t words = words_of(smaller(group, length - g * group));
    __m512i sums[MOST_ROWS][VECTORS];
    for (int v = 0; v < VECTORS; v++) {
      const __m512i negated = _mm512_loadu_si512(panel + 64 * v);
      for (int r = 0; r < rows; r++) {
        sums[r][v] = _mm512_mullo_epi32(negated, _mm512_set1_epi32(zeros[r * groups + g]));
        if (more) sums[r][v] = _mm512_add_epi32(sums[r][v], _mm512_loadu_si512(more + COLUMNS * r + 16 * v));
      }
    }
    panel += WORD;
    const uint8_t *left = a + g * group;
    for (int64_t j = 0; j < words; j++) {
      __m512i right[VECTORS];
      for (int v = 0; v < VECTORS; v++) right[v] = _mm512_loadu_si512(panel + 64 * v);
      panel += WORD;
      for (int r = 0; r < rows; r++) {
        int32_t word;
        memcpy(&word, left + r * stride + 4 * j, 4);
        const __m512i four = _mm512_set1_epi32(word);
        for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], four, right[v]);
      }
    }
    for (int r = 0; r < rows; r++) {
      const __m512 step = _mm512_set1_ps(steps[r * groups + g]);
      for (int v = 0; v < VECTORS; v++) {
        const __m512 sum = _mm512_cvtepi32_ps(sums[r][v]);
        total[r][v] = g == 0 ? _mm512_mul_ps(sum, step) : _mm512_fmadd_ps(sum, step, total[r][v]);
      }
    }
  }
  for (int v = 0; v < VECTORS; v++) {
    const int64_t left = columns - 16 * v;
    if (left <= 0) break;
    const __mmask16 mask = lanes(left);
    const __m512 scale = scales ? _mm512_maskz_loadu_ps(mask, scales + 16 * v) : _mm512_set1_ps(1);
    const __m512 shift = bias ? _mm512_maskz_loadu_ps(mask, bias + 16 * v) : _mm512_setzero_ps();
    for (int r = 0; r < rows; r++) {
      __m512 value = _mm512_fmadd_ps(total[r][v], scale, shift);
      if (other) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, other + r * c_stride + 16 * v));
      _mm512_mask_storeu_ps(c + r * c_stride + 16 * v, mask, value);
    }
  }
}

BYTES static void product_by_tiles(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                                   const carina_large_numbers *large, int64_t rows, int64_t length, int64_t group,
                                   const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                                   const float *other, float *c, int64_t c_stride) {
  const int64_t groups = (length + group - 1) / group;
  for (int64_t r = 0; r < rows; r += MOST_ROWS) {
    const uint8_t *a = values + r * stride;
    const float *step = steps + r * groups, *summand = other ? other + r * c_stride : 0;
    const int32_t *zero = zeros + r * groups;
    int32_t large_part[MOST_ROWS * COLUMNS];
    const int64_t count = smaller(MOST_ROWS, rows - r);
    const int32_t *more = large ? tile_large_sums(large + r, count, panel, large_part) : 0;
    float *target = c + r * c_stride;
#define CASE(number)                                                                                                  \
  case number:                                                                                                        \
    byte_tile(a, stride, step, zero, more, length, group, panel, columns, scales, bias, summand, target, c_stride,    \
              number);                                                                                                \
    break;
    switch (count) {
      CASE(1)
      CASE(2)
      CASE(3)
      CASE(4)
      CASE(5)
      CASE(6)
      CASE(7)
      CASE(8)
      CASE(9)
      CASE(10)
      CASE(11)
      default:
        byte_tile(a, stride, step, zero, more, length, group, panel, columns, scales, bias, summand, target, c_stride,
                  MOST_ROWS);
    }
#undef CASE
  }
}

/// Adds the bytes of each word to its lane.
BYTES_INLINE __m512i summed(__m512i sums, __m512i words) {
  return _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), words);
}

/// Exchanges rows and columns of 16 × 16 words.
BYTES_INLINE void transpose(__m512i rows[16]) {
  __m512i pairs[16];
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    pairs[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    pairs[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
    pairs[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    pairs[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; i++) {
    rows[i] = _mm512_shuffle_i32x4(pairs[i], pairs[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(pairs[i], pairs[i + 8], 0xdd);
  }
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
        transpose(block);
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

BYTES static void pack_columns_by_vectors(const int8_t *weights, int64_t stride, int64_t columns, int64_t length,
                                          int64_t group, int8_t *panel) {
  for (int64_t first = 0; first < length; first += group) {
    const int64_t count = smaller(group, length - first), words = words_of(count);
    __m512i sums[VECTORS];
    for (int v = 0; v < VECTORS; v++) sums[v] = _mm512_setzero_si512();
    for (int64_t j = 0; j < words; j++) {
      const int8_t *source = weights + (first + 4 * j) * stride;
      int8_t *target = panel + (j + 1) * WORD;
      for (int v = 0; v < VECTORS; v++) {
        const __mmask16 mask = lanes(columns - 16 * v);
        __m128i rows[4];
        for (int t = 0; t < 4; t++) {
          rows[t] = 4 * j + t < count ? _mm_maskz_loadu_epi8(mask, source + t * stride + 16 * v) : _mm_setzero_si128();
        }
        const __m128i a = _mm_unpacklo_epi8(rows[0], rows[1]), b = _mm_unpackhi_epi8(rows[0], rows[1]);
        const __m128i c = _mm_unpacklo_epi8(rows[2], rows[3]), d = _mm_unpackhi_epi8(rows[2], rows[3]);
        const __m256i lower = _mm256_set_m128i(_mm_unpackhi_epi16(a, c), _mm_unpacklo_epi16(a, c));
        const __m256i upper = _mm256_set_m128i(_mm_unpackhi_epi16(b, d), _mm_unpacklo_epi16(b, d));
        const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(lower), upper, 1);
        sums[v] = summed(sums[v], all);
        _mm512_storeu_si512(target + 64 * v, all);
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      _mm512_storeu_si512(panel + 64 * v, _mm512_sub_epi32(_mm512_setzero_si512(), sums[v]));
    }
    panel += (words + 1) * WORD;
  }
}

#else

int carina_has_byte_tiles(void) { return 0; }

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

void carina_byte_product(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                         const carina_large_numbers *large, int64_t rows, int64_t length, int64_t group,
                         const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                         const float *other, float *c, int64_t c_stride, int by_vectors) {
  BY_VECTORS(product_by_tiles(values, stride, steps, zeros, large, rows, length, group, panel, columns, scales, bias,
                              other, c, c_stride));
  product_plain(values, stride, steps, zeros, large, rows, length, group, panel, columns, scales, bias, other, c,
                c_stride);
}
