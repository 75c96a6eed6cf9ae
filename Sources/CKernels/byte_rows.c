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
  /// Half octaves from which on more than MOST_LARGE magnitudes are known to be; 0 for none.
  int32_t crowded;
} span;

/// What numbers below a cut span, and how many others there are.
typedef struct {
  float low, high;
  int64_t above;
} lower_span;

/// Magnitudes are compared by their bits, which rise with them.
CARINA_INLINE int32_t magnitude_bits(float value) {
  int32_t bits;
  memcpy(&bits, &value, 4);
  return bits & 0x7fffffff;
}

CARINA_INLINE float number(const float *x, const float *factors, int64_t i) { return factors ? x[i] * factors[i] : x[i]; }

/// The highest half octave from which on more than MOST_LARGE of the numbers that were counted are.
static int32_t crowded_part(const int32_t counts[MOST_HALF_OCTAVES], int32_t top) {
  int32_t sum = 0;
  for (int i = 0; i < MOST_HALF_OCTAVES && i < top; i++) {
    sum += counts[i];
    if (sum > MOST_LARGE) return top - i;
  }
  return 0;
}

CARINA_KERNEL static span span_plain(const float *x, const float *factors, int64_t count) {
  span found = {0, 0, 1, 0};
  int32_t largest = 0;
  for (int64_t i = 0; i < count; i++) {
    const float value = number(x, factors, i);
    const int32_t bits = magnitude_bits(value);
    found.low = value < found.low ? value : found.low;
    found.high = value > found.high ? value : found.high;
    largest = bits > largest ? bits : largest;
  }
  found.finite = largest < 0x7f800000;
  int32_t counts[MOST_HALF_OCTAVES] = {0};
  const int32_t top = largest >> HALF_OCTAVE;
  for (int64_t i = 0; i < count; i++) {
    const int32_t below = top - (magnitude_bits(number(x, factors, i)) >> HALF_OCTAVE);
    if (below < MOST_HALF_OCTAVES) counts[below]++;
  }
  found.crowded = crowded_part(counts, top);
  return found;
}

CARINA_KERNEL static lower_span lower_span_plain(const float *x, const float *factors, int64_t count, int32_t cut) {
  lower_span found = {0, 0, 0};
  for (int64_t i = 0; i < count; i++) {
    const float value = number(x, factors, i);
    if (magnitude_bits(value) >= cut) {
      found.above++;
      continue;
    }
    found.low = value < found.low ? value : found.low;
    found.high = value > found.high ? value : found.high;
  }
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

/// Runs of 16 numbers go into one of four lanes of work, so that none waits for the one before.
enum { LANES = 4 };
/// Calls `body(i, lane, mask)` for every 16 numbers.
#define FOR_SIXTEENS(count, body)                                                  \
  do {                                                                             \
    int64_t i = 0;                                                                 \
    for (; i + 16 * LANES <= (count); i += 16 * LANES) {                           \
      for (int lane = 0; lane < LANES; lane++) body(i + 16 * lane, lane, 0xffff);  \
    }                                                                              \
    for (; i < (count); i += 16) body(i, 0, lanes((count) - i));                   \
  } while (0)

/// What is crowded is said of the largest numbers of the lanes alone, which in a long row are enough.
BYTES static span span_by_vectors(const float *x, const float *factors, int64_t count) {
  __m512 lows[LANES], highs[LANES];
  __m512i largest[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    lows[lane] = highs[lane] = _mm512_setzero_ps();
    largest[lane] = _mm512_setzero_si512();
  }
#define SPAN(at, lane, mask)                                                                              \
  do {                                                                                                    \
    const __m512 value = scaled(x, factors, at, mask);                                                    \
    largest[lane] = _mm512_max_epi32(largest[lane], _mm512_castps_si512(_mm512_abs_ps(value)));           \
    lows[lane] = _mm512_min_ps(lows[lane], value);                                                        \
    highs[lane] = _mm512_max_ps(highs[lane], value);                                                      \
  } while (0)
  FOR_SIXTEENS(count, SPAN);
#undef SPAN
  for (int lane = 1; lane < LANES; lane++) {
    lows[0] = _mm512_min_ps(lows[0], lows[lane]);
    highs[0] = _mm512_max_ps(highs[0], highs[lane]);
  }
  const __m512i all = _mm512_max_epi32(_mm512_max_epi32(largest[0], largest[1]),
                                       _mm512_max_epi32(largest[2], largest[3]));
  const int32_t most = _mm512_reduce_max_epi32(all), top = most >> HALF_OCTAVE;
  int32_t crowded = 0;
  for (int32_t part = top; part > 0 && part > top - MOST_HALF_OCTAVES && !crowded; part--) {
    const __m512i cut = _mm512_set1_epi32(part << HALF_OCTAVE);
    int lanes_above = 0;
    for (int lane = 0; lane < LANES; lane++) {
      lanes_above += __builtin_popcount(_mm512_cmpge_epi32_mask(largest[lane], cut));
    }
    if (lanes_above > MOST_LARGE) crowded = part;
  }
  const span found = {_mm512_reduce_min_ps(lows[0]), _mm512_reduce_max_ps(highs[0]), most < 0x7f800000, crowded};
  return found;
}

BYTES static lower_span lower_span_by_vectors(const float *x, const float *factors, int64_t count, int32_t cut) {
  const __m512i bound = _mm512_set1_epi32(cut);
  __m512 lows[LANES], highs[LANES];
  int64_t above = 0;
  for (int lane = 0; lane < LANES; lane++) lows[lane] = highs[lane] = _mm512_setzero_ps();
#define SPAN(at, lane, mask)                                                             \
  do {                                                                                   \
    const __m512 value = scaled(x, factors, at, mask);                                   \
    const __mmask16 large = at_least(value, bound), below = (__mmask16)~large;           \
    above += __builtin_popcount(large);                                                  \
    lows[lane] = _mm512_mask_min_ps(lows[lane], below, lows[lane], value);               \
    highs[lane] = _mm512_mask_max_ps(highs[lane], below, highs[lane], value);            \
  } while (0)
  FOR_SIXTEENS(count, SPAN);
#undef SPAN
  for (int lane = 1; lane < LANES; lane++) {
    lows[0] = _mm512_min_ps(lows[0], lows[lane]);
    highs[0] = _mm512_max_ps(highs[0], highs[lane]);
  }
  const lower_span found = {_mm512_reduce_min_ps(lows[0]), _mm512_reduce_max_ps(highs[0]), above};
  return found;
}

BYTES static void round_by_vectors(const float *x, const float *factors, int64_t count, float inverse, int32_t zero,
                                   uint8_t *values) {
  const __m512 factor = _mm512_set1_ps(inverse);
  const __m512i shift = _mm512_set1_epi32(zero);
#define ROUND(at, lane, mask)                                                                                         \
  do {                                                                                                                \
    const __m512i steps = _mm512_cvtps_epi32(_mm512_mul_ps(scaled(x, factors, at, mask), factor));                    \
    const __m512i whole = _mm512_max_epi32(_mm512_add_epi32(steps, shift), _mm512_setzero_si512());                   \
    _mm_mask_storeu_epi8(values + (at), mask, _mm512_cvtusepi32_epi8(whole));                                         \
  } while (0)
  FOR_SIXTEENS(count, ROUND);
#undef ROUND
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

/// The magnitude from which numbers get further digits: the least half octave that at most MOST_LARGE reach, and what
/// the numbers below it span; INT32_MAX where the highest is crowded already.
static int32_t large_cut(const float *x, const float *factors, int64_t count, const span *all, lower_span *rest,
                         int by_vectors) {
  const int32_t top = magnitude_bits(-all->low > all->high ? all->low : all->high) >> HALF_OCTAVE;
  int32_t part = all->crowded + 1;
  if (part <= top - MOST_HALF_OCTAVES) part = top - MOST_HALF_OCTAVES + 1;
  for (; part <= top; part++) {
    *rest = VECTORS_OR_PLAIN(lower_span, x, factors, count, part << HALF_OCTAVE);
    if (rest->above <= MOST_LARGE) return part << HALF_OCTAVE;
  }
  return INT32_MAX;
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
  const span all = VECTORS_OR_PLAIN(span, x, factors, count);
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
  lower_span rest = {0, 0, 0};
  if (large && size > 1e-30f) cut = large_cut(x, factors, count, &all, &rest, by_vectors);
  if (cut != INT32_MAX) {
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
