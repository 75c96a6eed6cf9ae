#include <math.h>
#include <string.h>

#include "bfloat16_numbers.h"
#include "byte_amx.h"
#include "byte_panel.h"
#include "byte_result.h"
#include "byte_vectors.h"
#include "kernel_clones.h"

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
                                        const float *other, float *c, uint16_t *narrow, int64_t c_stride) {
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
      if (narrow) {
        narrow[r * c_stride + n] = narrowed(value);
      } else {
        c[r * c_stride + n] = value;
      }
    }
  }
}

#if defined(__x86_64__)

enum { MOST_ROWS = 6 };

int carina_has_byte_tiles(void) {
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

/// Lines of the cache, `stride` bytes apart.
typedef struct {
  const int8_t *first;
  int64_t stride;
} line_run;

/// Adds to the sums of a tile the products of `words` words of its rows and of a panel's columns. `rows` is a constant
/// where this is inlined: rows × VECTORS sums stay in registers. Meanwhile a line of the cache is asked for with each
/// word, from `ahead` on.
BYTES_INLINE void add_words(__m512i sums[MOST_ROWS][VECTORS], const uint8_t *left, int64_t stride, const int8_t *panel,
                            int64_t words, line_run ahead, int rows) {
  for (int64_t j = 0; j < words; j++) {
    // The intrinsic function would count as a change of memory, after which the sums could not stay in registers.
    __asm__ volatile("prefetcht1 (%0)" : : "r"(ahead.first + j * ahead.stride));
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
}

/// Writes a tile of rows that are one group each, from its sums of whole numbers. `is_whole`, whether it has all columns
/// of the panel, is a constant where this is inlined.
BYTES_INLINE void write_tile(__m512i sums[MOST_ROWS][VECTORS], const float *steps, const int32_t *zeros,
                             const int32_t *more, const int8_t *panel, byte_result to, int rows, int is_whole) {
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    const int64_t left = to.columns - 16 * v;
    if (!is_whole && left <= 0) break;
    const __mmask16 mask = is_whole ? 0xffff : lanes(left);
    const __m512i negated = _mm512_loadu_si512(panel + 64 * v);
    const __m512 scale = to.scales ? _mm512_maskz_loadu_ps(mask, to.scales + 16 * v) : _mm512_set1_ps(1);
    const __m512 shift = to.bias ? _mm512_maskz_loadu_ps(mask, to.bias + 16 * v) : _mm512_setzero_ps();
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512i sum = _mm512_add_epi32(sums[r][v], _mm512_mullo_epi32(negated, _mm512_set1_epi32(zeros[r])));
      if (more) sum = _mm512_add_epi32(sum, _mm512_loadu_si512(more + COLUMNS * r + 16 * v));
      const __m512 total = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(steps[r]));
      write_result(to, r, v, total, scale, shift, mask);
    }
  }
}

/// A tile of rows that are one group each. `more` [rows, COLUMNS] is added to the sums of whole numbers; null for
/// nothing.
BYTES_INLINE void byte_tile(const uint8_t *a, int64_t stride, const float *steps, const int32_t *zeros,
                            const int32_t *more, int64_t length, const int8_t *panel, line_run ahead, byte_result to,
                            int rows) {
  __m512i sums[MOST_ROWS][VECTORS];
  // Unrolled at once, so that nothing makes zeros in memory of it.
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_setzero_si512();
  }
  // While the sums are formed, what they will meet comes near.
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int n = 0; n < COLUMNS; n += 16) {
      const int64_t offset = r * to.stride + n;
      __builtin_prefetch(to.narrow ? (const void *)(to.narrow + offset) : to.c + offset, 1);
    }
  }
  if (to.other && to.other != to.c) {
    for (int r = 0; r < rows; r++) {
      for (int64_t n = 0; n < to.columns; n += 16) __builtin_prefetch(to.other + r * to.stride + n);
    }
  }
  add_words(sums, a, stride, panel + WORD, words_of(length), ahead, rows);
  if (to.columns == COLUMNS) {
    write_tile(sums, steps, zeros, more, panel, to, rows, 1);
  } else {
    write_tile(sums, steps, zeros, more, panel, to, rows, 0);
  }
}

/// A tile of rows of several groups each.
BYTES_INLINE void grouped_tile(const uint8_t *a, int64_t stride, const float *steps, const int32_t *zeros,
                               int64_t length, int64_t group, const int8_t *panel, byte_result to, int rows) {
  const int64_t groups = (length + group - 1) / group;
  __m512 total[MOST_ROWS][VECTORS];
  for (int64_t g = 0; g < groups; g++) {
    const int64_t words = words_of(smaller(group, length - g * group));
    __m512i sums[MOST_ROWS][VECTORS];
    for (int v = 0; v < VECTORS; v++) {
      const __m512i negated = _mm512_loadu_si512(panel + 64 * v);
      for (int r = 0; r < rows; r++) {
        sums[r][v] = _mm512_mullo_epi32(negated, _mm512_set1_epi32(zeros[r * groups + g]));
      }
    }
    add_words(sums, a + g * group, stride, panel + WORD, words, (line_run){panel, 0}, rows);
    panel += (words + 1) * WORD;
    for (int r = 0; r < rows; r++) {
      const __m512 step = _mm512_set1_ps(steps[r * groups + g]);
      for (int v = 0; v < VECTORS; v++) {
        const __m512 sum = _mm512_cvtepi32_ps(sums[r][v]);
        total[r][v] = g == 0 ? _mm512_mul_ps(sum, step) : _mm512_fmadd_ps(sum, step, total[r][v]);
      }
    }
  }
  for (int v = 0; v < VECTORS; v++) {
    const int64_t left = to.columns - 16 * v;
    if (left <= 0) break;
    const __mmask16 mask = lanes(left);
    const __m512 scale = to.scales ? _mm512_maskz_loadu_ps(mask, to.scales + 16 * v) : _mm512_set1_ps(1);
    const __m512 shift = to.bias ? _mm512_maskz_loadu_ps(mask, to.bias + 16 * v) : _mm512_setzero_ps();
    for (int r = 0; r < rows; r++) write_result(to, r, v, total[r][v], scale, shift, mask);
  }
}

/// Lines of a packed panel that the tile of the rows from `first` on asks for, one with each word of a panel of `words`:
/// four tiles ask for all of it. Rows that are packed later are another's work.
BYTES_INLINE line_run lines_ahead(const carina_next_weights *next, int64_t first, int64_t words, const int8_t *panel) {
  const int64_t asked = first / MOST_ROWS * words * 64;
  const int is_packed = next && next->rows == 1 && asked < next->bytes;
  return is_packed ? (line_run){next->weights + asked, 64} : (line_run){panel, 0};
}

/// The tiles of each number of rows, apart from one another: inlined into one function the compiler keeps some of their
/// sums in memory.
#define TILE_OF(number)                                                                                          \
  BYTES static __attribute__((noinline)) void byte_tile_##number(                                               \
      const uint8_t *a, int64_t stride, const float *steps, const int32_t *zeros, const int32_t *more, int64_t length, \
      const int8_t *panel, line_run ahead, const byte_result *to) {                                             \
    byte_tile(a, stride, steps, zeros, more, length, panel, ahead, *to, number);                                \
  }                                                                                                             \
  BYTES static __attribute__((noinline)) void grouped_tile_##number(                                            \
      const uint8_t *a, int64_t stride, const float *steps, const int32_t *zeros, int64_t length, int64_t group, \
      const int8_t *panel, const byte_result *to) {                                                             \
    grouped_tile(a, stride, steps, zeros, length, group, panel, *to, number);                                   \
  }
TILE_OF(1)
TILE_OF(2)
TILE_OF(3)
TILE_OF(4)
TILE_OF(5)
TILE_OF(6)
#undef TILE_OF

/// Asks for the part of the next panel's weights that belongs to these of the rows.
BYTES_INLINE void fetch_ahead(const carina_next_weights *next, int64_t first, int64_t count, int64_t rows) {
  const int64_t end = next->rows * (first + count) / rows;
  for (int64_t row = next->rows * first / rows; row < end; row++) {
    const int8_t *bytes = next->weights + row * next->stride;
    for (int64_t i = 0; i < next->bytes; i += 64) _mm_prefetch((const char *)bytes + i, _MM_HINT_T1);
  }
}

BYTES static void product_by_tiles(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                                   const carina_large_numbers *large, int64_t rows, int64_t length, int64_t group,
                                   const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                                   const float *other, float *c, uint16_t *narrow, int64_t c_stride,
                                   const carina_next_weights *next) {
  const int64_t groups = (length + group - 1) / group;
  const byte_result all = {scales, bias, other, c, narrow, c_stride, columns};
  for (int64_t r = 0; r < rows; r += MOST_ROWS) {
    const uint8_t *a = values + r * stride;
    const float *step = steps + r * groups;
    const int32_t *zero = zeros + r * groups;
    int32_t large_part[MOST_ROWS * COLUMNS];
    const int64_t count = smaller(MOST_ROWS, rows - r);
    const int32_t *more = large ? sums_of_large(large + r, count, panel, large_part) : 0;
    const byte_result to = from_row(all, r);
    if (next && next->rows > 1) fetch_ahead(next, r, count, rows);
    const line_run ahead = lines_ahead(next, r, words_of(length), panel);
#define CASE(number)                                                             \
  case number:                                                                   \
    if (groups == 1) {                                                           \
      byte_tile_##number(a, stride, step, zero, more, length, panel, ahead, &to); \
    } else {                                                                     \
      grouped_tile_##number(a, stride, step, zero, length, group, panel, &to);   \
    }                                                                            \
    break;
    switch (count) {
      CASE(1)
      CASE(2)
      CASE(3)
      CASE(4)
      CASE(5)
      CASE(6)
    }
#undef CASE
  }
}

#else

int carina_has_byte_tiles(void) { return 0; }

#endif

void carina_byte_product(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                         const carina_large_numbers *large, int64_t rows, int64_t length, int64_t group,
                         const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                         const float *other, float *c, uint16_t *narrow, int64_t c_stride,
                         const carina_next_weights *next, int by_vectors) {
  if (by_vectors && carina_bytes_by_amx(rows, length, group)) {
    carina_byte_product_by_amx(values, stride, steps, zeros, large, rows, length, panel, columns, scales, bias, other, c,
                               narrow, c_stride, next);
    return;
  }
  BY_VECTORS(product_by_tiles(values, stride, steps, zeros, large, rows, length, group, panel, columns, scales, bias,
                              other, c, narrow, c_stride, next));
  product_plain(values, stride, steps, zeros, large, rows, length, group, panel, columns, scales, bias, other, c,
                narrow, c_stride);
}
