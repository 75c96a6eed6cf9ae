#include <math.h>

#include "byte_product.h"
#include "byte_vectors.h"
#include "kernel_clones.h"

/// Step and zero of a group that spans `low` to `high`, and one over the step; a group of zeros has the step 0.
CARINA_INLINE float span(float low, float high, int finite, float *step, int32_t *zero) {
  // Divided first, as the difference may be beyond all numbers.
  const float size = high / 255.f - low / 255.f, inverse = size > 1e-37f ? 1.f / size : 0.f;
  *step = !finite ? NAN : (inverse > 0 ? size : 0.f);
  *zero = finite ? (int32_t)fmaf(-low, inverse, 0.5f) : 0;
  return finite ? inverse : 0.f;
}

CARINA_INLINE uint8_t rounded_byte(float x, float inverse, float zero) {
  const float steps = rintf(x * inverse) + zero;
  return (uint8_t)(int32_t)(steps < 0.f ? 0.f : (steps > 255.f ? 255.f : steps));
}

CARINA_KERNEL static void round_plain(const float *x, const float *factors, int64_t count, uint8_t *values, float *step,
                                      int32_t *zero) {
  float low = 0, high = 0;
  int finite = 1;
  for (int64_t i = 0; i < count; i++) {
    const float value = factors ? x[i] * factors[i] : x[i];
    finite &= fabsf(value) <= 3.4028234e38f;
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  const float inverse = span(low, high, finite, step, zero);
  for (int64_t i = 0; i < count; i++) {
    const float value = factors ? x[i] * factors[i] : x[i];
    values[i] = finite ? rounded_byte(value, inverse, (float)*zero) : 0;
  }
}

#if defined(__x86_64__)
/// Sixteen numbers of x, times their factors.
BYTES_INLINE __m512 scaled(const float *x, const float *factors, int64_t i, __mmask16 mask) {
  const __m512 value = _mm512_maskz_loadu_ps(mask, x + i);
  return factors ? _mm512_mul_ps(value, _mm512_maskz_loadu_ps(mask, factors + i)) : value;
}

BYTES static void round_by_vectors(const float *x, const float *factors, int64_t count, uint8_t *values, float *step,
                                   int32_t *zero) {
  const __m512 most = _mm512_set1_ps(3.4028234e38f);
  __m512 lows = _mm512_setzero_ps(), highs = _mm512_setzero_ps();
  __mmask16 finite = 0xffff;
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 value = scaled(x, factors, i, lanes(count - i));
    finite &= _mm512_cmp_ps_mask(_mm512_abs_ps(value), most, _CMP_LE_OQ);
    lows = _mm512_min_ps(lows, value);
    highs = _mm512_max_ps(highs, value);
  }
  const float inverse = span(_mm512_reduce_min_ps(lows), _mm512_reduce_max_ps(highs), finite == 0xffff, step, zero);
  const __m512 factor = _mm512_set1_ps(inverse);
  const __m512i shift = _mm512_set1_epi32(*zero);
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = lanes(count - i);
    const __m512 steps = _mm512_mul_ps(scaled(x, factors, i, mask), factor);
    const __m512i whole = _mm512_max_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(steps), shift), _mm512_setzero_si512());
    const __m128i bytes = _mm512_cvtusepi32_epi8(whole);
    _mm_mask_storeu_epi8(values + i, mask, finite == 0xffff ? bytes : _mm_setzero_si128());
  }
}
#endif

static void round_group(const float *x, const float *factors, int64_t count, uint8_t *values, float *step,
                        int32_t *zero, int by_vectors) {
  BY_VECTORS(round_by_vectors(x, factors, count, values, step, zero));
  round_plain(x, factors, count, values, step, zero);
}

void carina_round_to_bytes(const float *x, const float *factors, int64_t rows, int64_t columns, int64_t group,
                           uint8_t *values, int64_t stride, float *steps, int32_t *zeros, int by_vectors) {
  for (int64_t r = 0; r < rows; r++) {
    uint8_t *row = values + r * stride;
    for (int64_t first = 0; first < columns; first += group) {
      const int64_t count = smaller(group, columns - first);
      round_group(x + r * columns + first, factors ? factors + first : 0, count, row + first, steps++, zeros++,
                  by_vectors);
    }
    for (int64_t i = columns; i < stride; i++) row[i] = 0;
  }
}
