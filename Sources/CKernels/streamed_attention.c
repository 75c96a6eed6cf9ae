#include "streamed_attention.h"

#include <math.h>
#include <string.h>

#include "tile_amx.h"
#include "tile_product.h"

static int64_t vectors_of(int64_t size) { return (size + 15) / 16; }

int64_t carina_value_words(int64_t rows, int64_t size) { return (rows + 1) / 2 * 16 * vectors_of(size); }

#if defined(__x86_64__)
#include <immintrin.h>

#define TILE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define TILE_INLINE \
  static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

enum {
  PANEL = CARINA_PANEL_COLUMNS,
  BLOCK_ROWS = CARINA_STREAMED_ROWS,
  BLOCK_KEYS = CARINA_STREAMED_KEYS,
  WIDEST = CARINA_STREAMED_WIDTH,
  MOST_ROWS = 6
};

/// What a block of rows needs besides keys and values: it stays in the second-level cache.
typedef struct {
  float scores[BLOCK_ROWS * BLOCK_KEYS];
  float sums[BLOCK_ROWS * WIDEST];
  uint32_t weights[BLOCK_ROWS * BLOCK_KEYS / 2];
  uint32_t rows[BLOCK_ROWS * WIDEST / 2];
  float largest[BLOCK_ROWS], totals[BLOCK_ROWS], factors[BLOCK_ROWS];
} block_memory;

int64_t carina_streamed_attention_bytes(void) { return (int64_t)sizeof(block_memory); }

TILE_INLINE __mmask16 mask_of(int64_t left) { return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1); }

/// `rows` is a constant where this is inlined: rows × 4 sums stay in registers.
TILE_INLINE void score_tile(const uint32_t *a, int64_t a_stride, const uint32_t *b, float *c, int64_t pairs, int rows) {
  __m512 sums[MOST_ROWS][4];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < 4; v++) sums[r][v] = _mm512_setzero_ps();
  }
  for (int64_t j = 0; j < pairs; j++) {
    __m512bh right[4];
    for (int v = 0; v < 4; v++) right[v] = (__m512bh)_mm512_loadu_si512(b + j * PANEL + 16 * v);
    for (int r = 0; r < rows; r++) {
      const __m512bh left = (__m512bh)_mm512_set1_epi32((int)a[r * a_stride + j]);
      for (int v = 0; v < 4; v++) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], left, right[v]);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < 4; v++) _mm512_storeu_ps(c + r * BLOCK_KEYS + 16 * v, sums[r][v]);
  }
}

/// Corrects sums of weighted rows by `factors` and adds those of a block of keys. `rows`, `vectors` of 16 columns and a
/// half one are constants where this is inlined.
TILE_INLINE void value_tile(const uint32_t *a, const uint32_t *b, float *c, const float *factors, int64_t pairs,
                            int rows, int vectors, int half) {
  const int64_t stride = 16 * (vectors + half);
  __m512 sums[MOST_ROWS][5];
  __m256 halves[MOST_ROWS];
  for (int r = 0; r < rows; r++) {
    const __m512 factor = _mm512_set1_ps(factors[r]);
    float *row = c + r * WIDEST;
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_mul_ps(factor, _mm512_loadu_ps(row + 16 * v));
    if (half) halves[r] = _mm256_mul_ps(_mm512_castps512_ps256(factor), _mm256_loadu_ps(row + 16 * vectors));
  }
  for (int64_t j = 0; j < pairs; j++) {
    const uint32_t *right = b + j * stride;
    for (int r = 0; r < rows; r++) {
      const __m512i left = _mm512_set1_epi32((int)a[r * (BLOCK_KEYS / 2) + j]);
      for (int v = 0; v < vectors; v++) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], (__m512bh)left, (__m512bh)_mm512_loadu_si512(right + 16 * v));
      }
      if (half) {
        halves[r] = _mm256_dpbf16_ps(halves[r], (__m256bh)_mm512_castsi512_si256(left),
                                     (__m256bh)_mm256_loadu_si256((const __m256i *)(right + 16 * vectors)));
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    float *row = c + r * WIDEST;
    for (int v = 0; v < vectors; v++) _mm512_storeu_ps(row + 16 * v, sums[r][v]);
    if (half) _mm256_storeu_ps(row + 16 * vectors, halves[r]);
  }
}

TILE_INLINE void value_rows(block_memory *m, const uint32_t *values, int64_t rows, int64_t pairs, int vectors,
                            int half) {
  const int most = vectors + half > 4 ? 5 : 6;
  int64_t r = 0;
#define TILE_OF(count)                                                                                             \
  value_tile(m->weights + r * (BLOCK_KEYS / 2), values, m->sums + r * WIDEST, m->factors + r, pairs, count, vectors, \
             half)
  for (; r + most <= rows; r += most) TILE_OF(most);
  for (; r < rows; r++) TILE_OF(1);
#undef TILE_OF
}

/// 2^x for x <= 0 in fp32, relative error below 2^-18, far below the rounding to bfloat16 that follows: a polynomial of
/// degree 4 fitted on [-1/2, 1/2].
TILE_INLINE __m512 power_of_two(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(9.570101276e-3f);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(5.591785908e-2f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(2.402474433e-1f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(6.931217909e-1f));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(9.999992847e-1f));
  return _mm512_scalef_ps(p, whole);
}

/// The weights of a row's scores under its largest score so far, and by what its earlier sums shrink.
TILE_INLINE void weigh(block_memory *m, int64_t r, int64_t count, float scale) {
  const float *row = m->scores + r * BLOCK_KEYS;
  uint16_t *target = (uint16_t *)(m->weights + r * (BLOCK_KEYS / 2));
  __m512 top[4];
  for (int v = 0; v < 4; v++) top[v] = _mm512_set1_ps(-INFINITY);
  int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (int v = 0; v < 4; v++) top[v] = _mm512_max_ps(top[v], _mm512_loadu_ps(row + i + 16 * v));
  }
  for (; i < count; i += 16) top[0] = _mm512_mask_max_ps(top[0], mask_of(count - i), top[0], _mm512_loadu_ps(row + i));
  const float found =
      _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(top[0], top[1]), _mm512_max_ps(top[2], top[3])));
  const float before = m->largest[r], largest = found > before ? found : before;
  const float factor = scale * 1.44269504f;
  m->largest[r] = largest;
  m->factors[r] = before == largest ? 1.f : exp2f((before - largest) * factor);
  const __m512 slope = _mm512_set1_ps(factor), offset = _mm512_set1_ps(-largest * factor);
  __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
  for (i = 0; i + 32 <= count; i += 32) {
    const __m512 x = power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(row + i), slope, offset));
    const __m512 y = power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(row + i + 16), slope, offset));
    even = _mm512_add_ps(even, x);
    odd = _mm512_add_ps(odd, y);
    _mm512_storeu_si512(target + i, (__m512i)_mm512_cvtne2ps_pbh(y, x));
  }
  for (; i < count; i += 16) {
    const __m512 all = power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(row + i), slope, offset));
    const __m512 x = _mm512_maskz_mov_ps(mask_of(count - i), all);
    even = _mm512_add_ps(even, x);
    _mm256_storeu_si256((__m256i *)(target + i), (__m256i)_mm512_cvtneps_pbh(x));
  }
  m->totals[r] = m->totals[r] * m->factors[r] + _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
}

TILE void carina_pack_value_rows(const float *x, int64_t stride, int64_t rows, int64_t size, uint32_t *out) {
  const int64_t words = 16 * vectors_of(size);
  for (int64_t j = 0; j < (rows + 1) / 2; j++) {
    const float *upper = x + 2 * j * stride, *lower = 2 * j + 1 < rows ? upper + stride : 0;
    for (int64_t c = 0; c < words; c += 16) {
      const __mmask16 mask = mask_of(size - c);
      const __m512 first = _mm512_maskz_loadu_ps(mask, upper + c);
      const __m512 second = lower ? _mm512_maskz_loadu_ps(mask, lower + c) : _mm512_setzero_ps();
      const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
      const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
      _mm512_storeu_si512(out + j * words + c, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

TILE void carina_streamed_attention(const float *query, int64_t stride, int64_t rows, int64_t size,
                                    const uint16_t *keys, const uint32_t *values, int64_t key_count,
                                    int64_t block_keys, float scale, float *out, int64_t out_stride, void *memory) {
  block_memory *m = memory;
  const int64_t pairs = size / 2, words = 16 * vectors_of(size);
  const int halves = (int)(2 * vectors_of(size)) - (size % 16 > 0 && size % 16 <= 8);
  const int by_amx = carina_tiles_by_amx(1, pairs);
  carina_round_rows(query, stride, rows, size, (uint16_t *)m->rows, pairs);
  for (int64_t r = 0; r < rows; r++) {
    m->largest[r] = -INFINITY;
    m->totals[r] = 0;
  }
  memset(m->sums, 0, sizeof m->sums);
  for (int64_t first = 0; first < key_count; first += block_keys) {
    const int64_t count = key_count - first < block_keys ? key_count - first : block_keys;
    if (by_amx) {
      carina_tile_product_by_amx(m->rows, pairs, 1, keys + first * pairs * 2, pairs, 0, m->scores, BLOCK_KEYS, rows, count,
                                 pairs, 0);
    }
    for (int64_t n = 0; n < count && !by_amx; n += PANEL) {
      const uint32_t *panel = (const uint32_t *)keys + (first + n) * pairs;
      int64_t r = 0;
      for (; r + MOST_ROWS <= rows; r += MOST_ROWS) {
        score_tile(m->rows + r * pairs, pairs, panel, m->scores + r * BLOCK_KEYS + n, pairs, MOST_ROWS);
      }
      for (; r < rows; r++) score_tile(m->rows + r * pairs, pairs, panel, m->scores + r * BLOCK_KEYS + n, pairs, 1);
    }
    for (int64_t r = 0; r < rows; r++) weigh(m, r, count, scale);
    const uint32_t *block = values + first / 2 * words;
    const int64_t used = (count + 1) / 2;
    if (by_amx) {
      carina_add_weighted_rows_by_amx(m->weights, BLOCK_KEYS / 2, block, words, used, m->factors, m->sums, WIDEST, rows);
      continue;
    }
#define CASE(count)                                               \
  case count:                                                     \
    value_rows(m, block, rows, used, (count) / 2, (count) % 2);   \
    break;
    switch (halves) {
      CASE(1)
      CASE(2)
      CASE(3)
      CASE(4)
      CASE(5)
      CASE(6)
      CASE(7)
      CASE(8)
      CASE(9)
      default: value_rows(m, block, rows, used, 5, 0);
    }
#undef CASE
  }
  for (int64_t r = 0; r < rows; r++) {
    const float inverse = 1.f / m->totals[r];
    for (int64_t c = 0; c < size; c++) out[r * out_stride + c] = m->sums[r * WIDEST + c] * inverse;
  }
}

#else

int64_t carina_streamed_attention_bytes(void) { return 0; }
void carina_pack_value_rows(const float *x, int64_t stride, int64_t rows, int64_t size, uint32_t *out) {}
void carina_streamed_attention(const float *query, int64_t stride, int64_t rows, int64_t size, const uint16_t *keys,
                               const uint32_t *values, int64_t key_count, int64_t block_keys, float scale, float *out,
                               int64_t out_stride, void *memory) {}

#endif
