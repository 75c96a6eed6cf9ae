#include "digest_blocks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

static int ask_processor(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

int carina_sha256_has_instructions(void) {
  // Kept, because a virtual machine takes longer to answer than a short text to digest.
  static atomic_int known = -1;
  int answer = atomic_load_explicit(&known, memory_order_relaxed);
  if (answer < 0) {
    answer = ask_processor();
    atomic_store_explicit(&known, answer, memory_order_relaxed);
  }
  return answer;
}

// The instructions keep the eight words of the state as (a, b, e, f) and (c, d, g, h), highest lane first, and do two
// rounds at a time; the message schedule lives in four registers, four words each.
__attribute__((target("sha,ssse3,sse4.1"))) void carina_sha256_absorb_by_instructions(uint32_t state[8],
                                                                                      const uint8_t *blocks,
                                                                                      size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
  for (; count > 0; count--, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i words[4];
#pragma unroll
    for (int group = 0; group < 16; group++) {
      __m128i *current = &words[group & 3];
      const __m128i last = words[(group + 3) & 3];
      if (group < 4) {
        *current = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 16 * group)), big_endian);
      } else {
        const __m128i seven_before = _mm_alignr_epi8(last, words[(group + 2) & 3], 4);
        *current = _mm_sha256msg2_epu32(
            _mm_add_epi32(_mm_sha256msg1_epu32(*current, words[(group + 1) & 3]), seven_before), last);
      }
      const __m128i sums =
          _mm_add_epi32(*current, _mm_loadu_si128((const __m128i *)(carina_sha256_rounds + 4 * group)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sums);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sums, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#else
int carina_sha256_has_instructions(void) { return 0; }
void carina_sha256_absorb_by_instructions(uint32_t state[8], const uint8_t *blocks, size_t count) {
  (void)state, (void)blocks, (void)count;
}
#endif
