#include <math.h>
#include <string.h>

#include "byte_product.h"
#include "byte_vectors.h"
#include "kernel_clones.h"

/// The largest quotient of a number and its step: so many such numbers, and all others, still have sums of 32 bits.
static const float MOST_STEPS = 520000.f;
/// Further digits are worth their time where the step becomes so much smaller.
static const float FEWER_STEPS = 0.8f;
enum { MOST_LARGE = CARINA_MOST_LARGE_NUMBERS, HALF_OCTAVE = 22, MOST_HALF_OCTAVES = 24 };

/// What a row's numbers span, 0 included.
typedef struct {
  float low, high;
  int finite;
} span;

/// Magnitudes are compared by their bits, which rise with them.
CARINA_INLINE int32_t magnitude_bits(float value) {
  int32_t bits;
  memcpy(&bits, &value, 4);
  return bits & 0x7fffffff;
}

CARINA_INLINE float number(const float *x, const float *factors, int64_t i) { return factors ? x[i] * factors[i] : x[i]; }

/// The span of the numbers whose magnitudes are below `cut`.
CARINA_KERNEL static span span_plain(const float *x, const float *factors, int64_t count, int32_t cut) {
  span found = {0, 0, 1};
  for (int64_t i = 0; i < count; i++) {
    const float value = number(x, factors, i);
    found.finite &= fabsf(value) <= 3.4028234e38f;
    if (magnitude_bits(value) >= cut) continue;
    found.low = value < found.low ? value : found.low;
    found.high = value > found.high ? value : found.high;
  }
  return found;
}

/// How many magnitudes are `cut` or more.
CARINA_KERNEL static int64_t count_plain(const float *x, const float *factors, int64_t count, int32_t cut) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; i++) found += magnitude_bits(number(x, factors, i)) >= cut;
  return found;
}

CARINA_INLINE uint8_t rounded_byte(float x, float inverse, float zero) {
  const float steps = rintf(x * inverse) + zero;
  return (uint8_t)(int32_t)(steps < 0.f ? 0.f : (steps > 255.f ? 255.f : steps));
}

CARINA_KERNEL static void round_plain(const float *x, const float *factors, int64_t count, float inverse, int32_t zero,
                                      uint8_t *values) {
  for (int64_t i = 0; i < count; i++) values[i] = rounded_byte(number(x, factors, i), inverse, (float)zero);
}

/// Indices of the magnitudes of `cut` or more.
static int find_plain(const float *x, const float *factors, int64_t count, int32_t cut, int64_t *indices) {
  int found = 0;
  for (int64_t i = 0; i < count; i++) {
    if (magnitude_bits(number(x, factors, i)) >= cut) indices[found++] = i;
  }
  return found;
}

#if defined(__x86_64__)
/// Sixteen numbers of x, times their factors.
BYTES_INLINE __m512 scaled(const float *x, const float *factors, int64_t i, __mmask16 mask) {
  const __m512 value = _mm512_maskz_loadu_ps(mask, x + i);
  return factors ? _mm512_mul_ps(value, _mm512_maskz_loadu_ps(mask, factors + i)) : value;
}

BYTES_INLINE __mmask16 at_least(__m512 value, __m512i cut) {
  return _mm512_cmpge_epi32_mask(_mm512_castps_si512(_mm512_abs_ps(value)), cut);
}

BYTES static span span_by_vectors(const float *x, const float *factors, int64_t count, int32_t cut) {
  const __m512 most = _mm512_set1_ps(3.4028234e38f);
  const __m512i bound = _mm512_set1_epi32(cut);
  __m512 lows = _mm512_setzero_ps(), highs = _mm512_setzero_ps();
  __mmask16 finite = 0xffff;
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 value = scaled(x, factors, i, lanes(count - i));
    const __mmask16 below = (__mmask16)~at_least(value, bound);
    finite &= _mm512_cmp_ps_mask(_mm512_abs_ps(value), most, _CMP_LE_OQ);
    lows = _mm512_mask_min_ps(lows, below, lows, value);
    highs = _mm512_mask_max_ps(highs, below, highs, value);
  }
  const span found = {_mm512_reduce_min_ps(lows), _mm512_reduce_max_ps(highs), finite == 0xffff};
  return found;
}

BYTES static int64_t count_by_vectors(const float *x, const float *factors, int64_t count, int32_t cut) {
  const __m512i bound = _mm512_set1_epi32(cut);
  __m512i found = _mm512_setzero_si512();
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 large = at_least(scaled(x, factors, i, lanes(count - i)), bound);
    found = _mm512_mask_sub_epi32(found, large, found, _mm512_set1_epi32(-1));
  }
  return _mm512_reduce_add_epi32(found);
}

BYTES static void round_by_vectors(const float *x, const float *factors, int64_t count, float inverse, int32_t zero,
                                   uint8_t *values) {
  const __m512 factor = _mm512_set1_ps(inverse);
  const __m512i shift = _mm512_set1_epi32(zero);
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = lanes(count - i);
    const __m512 steps = _mm512_mul_ps(scaled(x, factors, i, mask), factor);
    const __m512i whole = _mm512_max_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(steps), shift), _mm512_setzero_si512());
    _mm_mask_storeu_epi8(values + i, mask, _mm512_cvtusepi32_epi8(whole));
  }
}

BYTES static int find_by_vectors(const float *x, const float *factors, int64_t count, int32_t cut, int64_t *indices) {
  const __m512i bound = _mm512_set1_epi32(cut);
  int found = 0;
  for (int64_t i = 0; i < count; i += 16) {
    unsigned large = at_least(scaled(x, factors, i, lanes(count - i)), bound);
    for (; large; large &= large - 1) indices[found++] = i + __builtin_ctz(large);
  }
  return found;
}
#define VECTORS_OR_PLAIN(name, ...) (by_vectors ? name##_by_vectors(__VA_ARGS__) : name##_plain(__VA_ARGS__))
#else
#define VECTORS_OR_PLAIN(name, ...) name##_plain(__VA_ARGS__)
#endif

/// The magnitude from which numbers get further digits: the least half octave that at most MOST_LARGE reach.
static int32_t large_cut(const float *x, const float *factors, int64_t count, float largest, int by_vectors) {
  int32_t cut = INT32_MAX;
  const int32_t top = magnitude_bits(largest) >> HALF_OCTAVE;
  for (int32_t part = top; part > 0 && part > top - MOST_HALF_OCTAVES; part--) {
    if (VECTORS_OR_PLAIN(count, x, factors, count, part << HALF_OCTAVE) > MOST_LARGE) break;
    cut = part << HALF_OCTAVE;
  }
  return cut;
}

/// Writes the bytes of the numbers at `indices`, and their further digits.
static void write_large(const float *x, const float *factors, const int64_t *indices, int count, float inverse,
                        int32_t zero, uint8_t *values, carina_large_numbers *large) {
  int32_t rest[MOST_LARGE];
  for (int i = 0; i < count; i++) {
    const int32_t steps = (int32_t)rintf(number(x, factors, indices[i]) * inverse) + zero, byte = steps & 255;
    values[indices[i]] = (uint8_t)byte;
    rest[i] = (steps - byte) / 256;
  }
  int end = 0;
  for (int run = 0; run < 4; run++) {
    for (int i = 0; i < count; i++) {
      const uint32_t size = (uint32_t)(rest[i] < 0 ? -rest[i] : rest[i]), digit = run < 2 ? size >> 8 : size & 255;
      if (digit == 0 || (rest[i] < 0) != (run % 2 == 0)) continue;
      large->words[end] = (uint32_t)(indices[i] / 4);
      large->digits[end++] = digit << (8 * (indices[i] % 4));
    }
    large->ends[run] = (uint8_t)end;
  }
}

static void round_group(const float *x, const float *factors, int64_t count, uint8_t *values, float *step,
                        int32_t *zero, carina_large_numbers *large, int by_vectors) {
  if (large) memset(large->ends, 0, sizeof large->ends);
  const span all = VECTORS_OR_PLAIN(span, x, factors, count, INT32_MAX);
  if (!all.finite) {
    *step = NAN;
    *zero = 0;
    memset(values, 0, (size_t)count);
    return;
  }
  // Divided first, as the difference may be beyond all numbers.
  float low = all.low, size = all.high / 255.f - all.low / 255.f;
  const float largest = -all.low > all.high ? -all.low : all.high;
  int32_t cut = INT32_MAX;
  if (large && size > 1e-30f) cut = large_cut(x, factors, count, largest, by_vectors);
  if (cut != INT32_MAX) {
    const span rest = VECTORS_OR_PLAIN(span, x, factors, count, cut);
    const float body = rest.high / 255.f - rest.low / 255.f, least = largest / MOST_STEPS;
    const float smaller_size = body > least ? body : least;
    if (smaller_size <= FEWER_STEPS * size) {
      size = smaller_size;
      low = rest.low;
    } else {
      cut = INT32_MAX;
    }
  }
  const float inverse = size > 1e-37f ? 1.f / size : 0.f;
  *step = inverse > 0 ? size : 0.f;
  *zero = (int32_t)fmaf(-low, inverse, 0.5f);
  VECTORS_OR_PLAIN(round, x, factors, count, inverse, *zero, values);
  if (cut == INT32_MAX) return;
  int64_t indices[MOST_LARGE];
  const int found = VECTORS_OR_PLAIN(find, x, factors, count, cut, indices);
  write_large(x, factors, indices, found, inverse, *zero, values, large);
}

void carina_round_to_bytes(const float *x, const float *factors, int64_t rows, int64_t columns, int64_t group,
                           uint8_t *values, int64_t stride, float *steps, int32_t *zeros, carina_large_numbers *large,
                           int by_vectors) {
  for (int64_t r = 0; r < rows; r++) {
    uint8_t *row = values + r * stride;
    for (int64_t first = 0; first < columns; first += group) {
      const int64_t count = smaller(group, columns - first);
      round_group(x + r * columns + first, factors ? factors + first : 0, count, row + first, steps++, zeros++,
                  large ? large + r : 0, by_vectors);
    }
    for (int64_t i = columns; i < stride; i++) row[i] = 0;
  }
}
