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

/// What blocks of a group's numbers span: of each 16 × 16 numbers every 16th belongs to a cell, so that few cells have to
/// be looked into for the few large numbers.
enum { BLOCK = 256, CELLS = 16, MOST_BLOCKS = CARINA_MOST_BYTE_GROUP / BLOCK };
typedef struct {
  float low[MOST_BLOCKS][CELLS], high[MOST_BLOCKS][CELLS];
  /// Bits of the largest magnitude.
  int32_t largest[MOST_BLOCKS][CELLS];
} block_spans;

/// Magnitudes are compared by their bits, which rise with them.
CARINA_INLINE int32_t magnitude_bits(float value) {
  int32_t bits;
  memcpy(&bits, &value, 4);
  return bits & 0x7fffffff;
}

CARINA_INLINE float number(const float *x, const float *factors, int64_t i) { return factors ? x[i] * factors[i] : x[i]; }

/// The span of the numbers whose magnitudes are below `cut`.
CARINA_KERNEL static span rest_plain(const float *x, const float *factors, int64_t count, const block_spans *blocks,
                                     int32_t cut) {
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

/// The span of all of them.
static span span_plain(const float *x, const float *factors, int64_t count, block_spans *blocks) {
  return rest_plain(x, factors, count, blocks, INT32_MAX);
}

/// How many magnitudes are as large as the cut or larger.
CARINA_KERNEL static int64_t count_plain(const float *x, const float *factors, int64_t count, const block_spans *blocks,
                                         int32_t cut) {
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
static int find_plain(const float *x, const float *factors, int64_t count, const block_spans *blocks, int32_t cut,
                      int64_t *indices) {
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

/// What the numbers of a block span, cell by cell; those of `cut` or more are left out where there is one. `has_cut` is
/// a constant where this is inlined.
BYTES_INLINE void span_cells(const float *x, const float *factors, int64_t count, int32_t cut, int has_cut, __m512 *low,
                             __m512 *high, __m512i *largest) {
  const __m512i bound = _mm512_set1_epi32(cut);
  __m512 lows[LANES], highs[LANES];
  __m512i sizes[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    lows[lane] = highs[lane] = _mm512_setzero_ps();
    sizes[lane] = _mm512_setzero_si512();
  }
#define SPAN(at, lane, mask)                                                                                \
  do {                                                                                                      \
    const __m512 value = scaled(x, factors, at, mask), size = _mm512_abs_ps(value);                         \
    sizes[lane] = _mm512_max_epi32(sizes[lane], _mm512_castps_si512(size));                                 \
    if (has_cut) {                                                                                          \
      const __mmask16 below = _mm512_cmplt_epi32_mask(_mm512_castps_si512(size), bound);                    \
      lows[lane] = _mm512_mask_min_ps(lows[lane], below, lows[lane], value);                                \
      highs[lane] = _mm512_mask_max_ps(highs[lane], below, highs[lane], value);                             \
    } else {                                                                                                \
      lows[lane] = _mm512_min_ps(lows[lane], value);                                                        \
      highs[lane] = _mm512_max_ps(highs[lane], value);                                                      \
    }                                                                                                       \
  } while (0)
  FOR_SIXTEENS(count, SPAN);
#undef SPAN
  for (int lane = 1; lane < LANES; lane++) {
    lows[0] = _mm512_min_ps(lows[0], lows[lane]);
    highs[0] = _mm512_max_ps(highs[0], highs[lane]);
    sizes[0] = _mm512_max_epi32(sizes[0], sizes[lane]);
  }
  *low = lows[0];
  *high = highs[0];
  *largest = sizes[0];
}

BYTES static span span_by_vectors(const float *x, const float *factors, int64_t count, block_spans *blocks) {
  __m512 low = _mm512_setzero_ps(), high = low;
  __m512i largest = _mm512_setzero_si512();
  for (int64_t b = 0; b * BLOCK < count; b++) {
    __m512 block_low, block_high;
    __m512i block_largest;
    const int64_t first = b * BLOCK;
    span_cells(x + first, factors ? factors + first : 0, smaller(BLOCK, count - first), 0, 0, &block_low, &block_high,
               &block_largest);
    _mm512_storeu_ps(blocks->low[b], block_low);
    _mm512_storeu_ps(blocks->high[b], block_high);
    _mm512_storeu_si512(blocks->largest[b], block_largest);
    low = _mm512_min_ps(low, block_low);
    high = _mm512_max_ps(high, block_high);
    largest = _mm512_max_epi32(largest, block_largest);
  }
  const span found = {_mm512_reduce_min_ps(low), _mm512_reduce_max_ps(high),
                      _mm512_reduce_max_epi32(largest) < 0x7f800000};
  return found;
}

/// The cells of a block with a magnitude of `cut` or more.
BYTES_INLINE __mmask16 cells_from(const block_spans *blocks, int64_t b, int32_t cut) {
  return _mm512_cmpge_epi32_mask(_mm512_loadu_si512(blocks->largest[b]), _mm512_set1_epi32(cut));
}

BYTES static span rest_by_vectors(const float *x, const float *factors, int64_t count, const block_spans *blocks,
                                  int32_t cut) {
  __m512 low = _mm512_setzero_ps(), high = low;
  for (int64_t b = 0; b * BLOCK < count; b++) {
    __m512 block_low = _mm512_loadu_ps(blocks->low[b]), block_high = _mm512_loadu_ps(blocks->high[b]);
    if (cells_from(blocks, b, cut)) {
      __m512i largest;
      const int64_t first = b * BLOCK;
      span_cells(x + first, factors ? factors + first : 0, smaller(BLOCK, count - first), cut, 1, &block_low,
                 &block_high, &largest);
    }
    low = _mm512_min_ps(low, block_low);
    high = _mm512_max_ps(high, block_high);
  }
  const span found = {_mm512_reduce_min_ps(low), _mm512_reduce_max_ps(high), 1};
  return found;
}

/// As the plain count, up to more than MOST_LARGE of them: so many cells with one are enough to know.
BYTES static int64_t count_by_vectors(const float *x, const float *factors, int64_t count, const block_spans *blocks,
                                      int32_t cut) {
  const __m512i bound = _mm512_set1_epi32(cut);
  int64_t cells = 0, found = 0;
  for (int64_t b = 0; b * BLOCK < count; b++) cells += __builtin_popcount(cells_from(blocks, b, cut));
  if (cells > MOST_LARGE) return cells;
  for (int64_t b = 0; b * BLOCK < count; b++) {
    if (!cells_from(blocks, b, cut)) continue;
    for (int64_t i = b * BLOCK, end = smaller(count, i + BLOCK); i < end; i += 16) {
      found += __builtin_popcount(at_least(scaled(x, factors, i, lanes(count - i)), bound));
    }
  }
  return found;
}

BYTES static int find_by_vectors(const float *x, const float *factors, int64_t count, const block_spans *blocks,
                                 int32_t cut, int64_t *indices) {
  const __m512i bound = _mm512_set1_epi32(cut);
  int found = 0;
  for (int64_t b = 0; b * BLOCK < count; b++) {
    if (!cells_from(blocks, b, cut)) continue;
    for (int64_t i = b * BLOCK, end = smaller(count, i + BLOCK); i < end; i += 16) {
      unsigned large = at_least(scaled(x, factors, i, lanes(count - i)), bound);
      for (; large; large &= large - 1) indices[found++] = i + __builtin_ctz(large);
    }
  }
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

#define VECTORS_OR_PLAIN(name, ...) (by_vectors ? name##_by_vectors(__VA_ARGS__) : name##_plain(__VA_ARGS__))
#else
#define VECTORS_OR_PLAIN(name, ...) name##_plain(__VA_ARGS__)
#endif

/// The magnitude from which numbers get further digits: the least half octave that at most MOST_LARGE reach.
static int32_t large_cut(const float *x, const float *factors, int64_t count, const block_spans *blocks, float largest,
                         int by_vectors) {
  int32_t cut = INT32_MAX;
  const int32_t top = magnitude_bits(largest) >> HALF_OCTAVE;
  for (int32_t part = top; part > 0 && part > top - MOST_HALF_OCTAVES; part--) {
    const int32_t next = part << HALF_OCTAVE;
    if (VECTORS_OR_PLAIN(count, x, factors, count, blocks, next) > MOST_LARGE) break;
    cut = next;
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
  block_spans blocks;
  const span all = VECTORS_OR_PLAIN(span, x, factors, count, &blocks);
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
  if (large && size > 1e-30f) cut = large_cut(x, factors, count, &blocks, largest, by_vectors);
  if (cut != INT32_MAX) {
    const span rest = VECTORS_OR_PLAIN(rest, x, factors, count, &blocks, cut);
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
  const int found = VECTORS_OR_PLAIN(find, x, factors, count, &blocks, cut, indices);
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
