#include <math.h>
#include <string.h>

#include "kernel_clones.h"
#include "row_maximum.h"
#include "softmax.h"
#include "transcendental.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define PAIRS_INLINE \
  static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

/// `fast_exp` of sixteen numbers that are not above 0, in the same operations.
PAIRS_INLINE __m512 exponential(__m512 x) {
  const __m512 least = _mm512_set1_ps(-87.3f), magic = _mm512_set1_ps(12582912.f);
  const __mmask16 below = _mm512_cmp_ps_mask(x, least, _CMP_LT_OQ);
  const __m512 limited = _mm512_mask_mov_ps(x, below, least);
  const __m512 rounded = _mm512_sub_ps(_mm512_fmadd_ps(limited, _mm512_set1_ps(1.44269504f), magic), magic);
  __m512 r = _mm512_fnmadd_ps(rounded, _mm512_set1_ps(0.693359375f), limited);
  r = _mm512_fmadd_ps(rounded, _mm512_set1_ps(2.12194440e-4f), r);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(1.9875691500e-4f), r, _mm512_set1_ps(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
  p = _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(p, r), r, r), _mm512_set1_ps(1.f));
  return _mm512_maskz_scalef_ps((__mmask16)~below, p, rounded);
}

/// A row whose length is a multiple of 64, with the sums in the order of the plain loop compiled for AVX-512.
PAIRS static float exponentials_by_vectors(const float *row, int64_t count, float scale, uint16_t *target) {
  __m512 largest[4], sums[4];
  for (int v = 0; v < 4; v++) largest[v] = _mm512_set1_ps(-INFINITY);
  for (int64_t i = 0; i < count; i += 64) {
    for (int v = 0; v < 4; v++) largest[v] = _mm512_max_ps(_mm512_loadu_ps(row + i + 16 * v), largest[v]);
  }
  largest[0] = _mm512_max_ps(_mm512_max_ps(largest[0], largest[1]), _mm512_max_ps(largest[2], largest[3]));
  const __m512 maximum = _mm512_set1_ps(_mm512_reduce_max_ps(largest[0])), factor = _mm512_set1_ps(scale);
  for (int v = 0; v < 4; v++) sums[v] = _mm512_setzero_ps();
  for (int64_t i = 0; i < count; i += 64) {
    for (int v = 0; v < 4; v++) {
      const __m512 e = exponential(_mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(row + i + 16 * v), maximum), factor));
      _mm256_storeu_si256((__m256i *)(target + i + 16 * v), (__m256i)_mm512_cvtneps_pbh(e));
      sums[v] = _mm512_add_ps(sums[v], e);
    }
  }
  const __m512 all = _mm512_add_ps(sums[3], _mm512_add_ps(sums[2], _mm512_add_ps(sums[1], sums[0])));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 two = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static int has_vectors(void) {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#else
static int has_vectors(void) { return 0; }
static float exponentials_by_vectors(const float *row, int64_t count, float scale, uint16_t *target) { return 0; }
#endif

CARINA_KERNEL static float exponentials_plain(const float *row, int64_t count, float scale, uint16_t *target) {
  CARINA_FAST_SUMS
  const float maximum = row_maximum(row, count);
  float sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const float e = fast_exp(scale * (row[i] - maximum));
    uint32_t bits;
    memcpy(&bits, &e, 4);
    target[i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    sum += e;
  }
  return sum;
}

void carina_masked_exponentials(const float *scores, int64_t rows, int64_t columns, int64_t stride, float scale,
                                const int32_t *first, const int32_t *last, uint16_t *out, float *inverse,
                                int by_vectors) {
  const int vectors = by_vectors && has_vectors();
  for (int64_t r = 0; r < rows; r++) {
    const float *row = scores + r * stride;
    uint16_t *target = out + r * columns;
    const int64_t begin = first[r], end = last[r], count = end - begin;
    inverse[r] = 0;
    if (count <= 0) {
      memset(target, 0, (size_t)columns * sizeof(uint16_t));
      continue;
    }
    inverse[r] = 1.f / (vectors && count % 64 == 0 ? exponentials_by_vectors(row + begin, count, scale, target + begin)
                                                   : exponentials_plain(row + begin, count, scale, target + begin));
    if (begin > 0) memset(target, 0, (size_t)begin * sizeof(uint16_t));
    if (end < columns) memset(target + end, 0, (size_t)(columns - end) * sizeof(uint16_t));
  }
}
