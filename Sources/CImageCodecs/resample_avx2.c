#include "resample_axis.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static inline AVX2 int32_t lane_sum(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

static inline AVX2 __m256i load(const int16_t *p) { return _mm256_loadu_si256((const __m256i *)p); }

AVX2 void carina_resample_row_avx2(const struct resample_axis *axis, const uint8_t *row, uint8_t *target) {
  for (int32_t x = 0; x < axis->target_length; x++) {
    const uint8_t *source = row + axis->first[x];
    const int16_t *high = axis->high + (size_t)x * (size_t)axis->stride;
    const int16_t *low = axis->low + (size_t)x * (size_t)axis->stride;
    const int32_t count = axis->tap_count[x];
    __m256i high_sum = _mm256_setzero_si256(), low_sum = _mm256_setzero_si256();
    for (int32_t k = 0; k < count; k += 16) {
      const __m256i values = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(source + k)));
      high_sum = _mm256_add_epi32(high_sum, _mm256_madd_epi16(values, load(high + k)));
      low_sum = _mm256_add_epi32(low_sum, _mm256_madd_epi16(values, load(low + k)));
    }
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high_sum, CARINA_LOW_BITS), low_sum);
    const int32_t value = (lane_sum(sum) + (1 << (CARINA_WEIGHT_BITS - 1))) >> CARINA_WEIGHT_BITS;
    target[x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

static inline AVX2 __m256i finished(__m256i high, __m256i low) {
  const __m256i half = _mm256_set1_epi32(1 << (CARINA_WEIGHT_BITS - 1));
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, CARINA_LOW_BITS), low), half);
  return _mm256_srai_epi32(sum, CARINA_WEIGHT_BITS);
}

// The two weights of a pair of rows, side by side in every 32-bit lane.
static inline AVX2 __m256i pair(const int16_t *weights) {
  return _mm256_set1_epi32((int32_t)((uint16_t)weights[0] | (uint32_t)(uint16_t)weights[1] << 16));
}

AVX2 void carina_resample_column_avx2(
    const struct resample_axis *axis, const uint8_t *plane, int32_t row_stride, int32_t y, uint8_t *target) {
  const uint8_t *top = plane + (size_t)axis->first[y] * (size_t)row_stride;
  const int16_t *high = axis->high + (size_t)y * (size_t)axis->stride;
  const int16_t *low = axis->low + (size_t)y * (size_t)axis->stride;
  const int32_t count = axis->tap_count[y];
  for (int32_t x = 0; x < row_stride; x += 32) {
    __m256i high_sum[4], low_sum[4];
    for (int i = 0; i < 4; i++) high_sum[i] = low_sum[i] = _mm256_setzero_si256();
    for (int32_t k = 0; k < count; k += 2) {
      const uint8_t *upper = top + (size_t)k * (size_t)row_stride + (size_t)x;
      // An odd last row is paired with itself; the second weight is zero there.
      const uint8_t *under = k + 1 < count ? upper + row_stride : upper;
      const __m256i high_pair = pair(high + k), low_pair = pair(low + k);
      for (int half = 0; half < 2; half++) {
        const __m128i a = _mm_loadu_si128((const __m128i *)(upper + 16 * half));
        const __m128i b = _mm_loadu_si128((const __m128i *)(under + 16 * half));
        const __m256i left = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
        const __m256i right = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
        high_sum[2 * half] = _mm256_add_epi32(high_sum[2 * half], _mm256_madd_epi16(left, high_pair));
        low_sum[2 * half] = _mm256_add_epi32(low_sum[2 * half], _mm256_madd_epi16(left, low_pair));
        high_sum[2 * half + 1] = _mm256_add_epi32(high_sum[2 * half + 1], _mm256_madd_epi16(right, high_pair));
        low_sum[2 * half + 1] = _mm256_add_epi32(low_sum[2 * half + 1], _mm256_madd_epi16(right, low_pair));
      }
    }
    for (int half = 0; half < 2; half++) {
      const __m256i left = finished(high_sum[2 * half], low_sum[2 * half]);
      const __m256i right = finished(high_sum[2 * half + 1], low_sum[2 * half + 1]);
      // The packing works within 128-bit lanes; the permutation puts the quarters back in order.
      const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(left, right), 0xd8);
      const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_storeu_si128((__m128i *)(target + x + 16 * half), bytes);
    }
  }
}
#endif
