#include "crc32.h"

#include <string.h>

// The remainder of one byte, eight times over: a word at a time ("slicing by eight", Kounavis and Berry 2005).
static uint32_t tables[8][256];

__attribute__((constructor)) static void fill_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    tables[0][i] = value;
  }
  for (int table = 1; table < 8; table++) {
    for (int i = 0; i < 256; i++) {
      const uint32_t before = tables[table - 1][i];
      tables[table][i] = tables[0][before & 255] ^ (before >> 8);
    }
  }
}

static uint32_t absorb(uint32_t crc, const uint8_t *next, size_t count) {
  for (; count >= 8; count -= 8, next += 8) {
    uint32_t low, high;
    memcpy(&low, next, 4);
    memcpy(&high, next + 4, 4);
    low ^= crc;
    crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^ tables[4][low >> 24] ^
          tables[3][high & 255] ^ tables[2][high >> 8 & 255] ^ tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
  }
  while (count--) crc = tables[0][(crc ^ *next++) & 255] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

// Folding by products without carry (Gopal et al. 2009, "Fast CRC Computation Using PCLMULQDQ"). A factor for a
// distance of n bits is the pair x^(n + 32), x^(n - 32) modulo the polynomial, its bits reversed, shifted left by one.
enum { PIECE = 64 };
static const uint64_t fold_128[2] = {0x1751997d0, 0x0ccaa009e}, fold_512[2] = {0x154442bd4, 0x1c6e41596},
                      fold_2048[2] = {0x11542778a, 0x1322d1430};

__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold(__m128i sum, __m128i factor, __m128i next) {
  return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(sum, factor, 0x00), _mm_clmulepi64_si128(sum, factor, 0x11)),
                       next);
}

__attribute__((target("pclmul,sse4.1"))) static uint32_t absorb_128(uint32_t crc, const uint8_t *next, size_t count) {
  if (count < PIECE) return absorb(crc, next, count);
  __m128i sums[4];
  for (int i = 0; i < 4; i++) sums[i] = _mm_loadu_si128((const __m128i *)next + i);
  sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)crc));
  const __m128i far = _mm_loadu_si128((const __m128i *)fold_512), near = _mm_loadu_si128((const __m128i *)fold_128);
  for (next += PIECE, count -= PIECE; count >= PIECE; next += PIECE, count -= PIECE) {
    for (int i = 0; i < 4; i++) sums[i] = fold(sums[i], far, _mm_loadu_si128((const __m128i *)next + i));
  }
  for (int i = 1; i < 4; i++) sums[i] = fold(sums[i - 1], near, sums[i]);
  uint8_t rest[16];
  _mm_storeu_si128((__m128i *)rest, sums[3]);
  return absorb(absorb(0, rest, sizeof rest), next, count);
}

__attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1"))) static inline __m512i fold_wide(
    __m512i sum, __m512i factor, __m512i next) {
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, factor, 0x00),
                                   _mm512_clmulepi64_epi128(sum, factor, 0x11), next, 0x96);
}

__attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1"))) static uint32_t absorb_512(
    uint32_t crc, const uint8_t *next, size_t count) {
  if (count < 4 * PIECE) return absorb_128(crc, next, count);
  __m512i sums[4];
  for (int i = 0; i < 4; i++) sums[i] = _mm512_loadu_si512(next + PIECE * i);
  sums[0] = _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
  const __m512i far = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)fold_2048));
  const __m512i near = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)fold_512));
  for (next += 4 * PIECE, count -= 4 * PIECE; count >= 4 * PIECE; next += 4 * PIECE, count -= 4 * PIECE) {
    for (int i = 0; i < 4; i++) sums[i] = fold_wide(sums[i], far, _mm512_loadu_si512(next + PIECE * i));
  }
  for (int i = 1; i < 4; i++) sums[i] = fold_wide(sums[i - 1], near, sums[i]);
  for (; count >= PIECE; next += PIECE, count -= PIECE) sums[3] = fold_wide(sums[3], near, _mm512_loadu_si512(next));
  uint8_t rest[PIECE];
  _mm512_storeu_si512(rest, sums[3]);
  return absorb(absorb(0, rest, sizeof rest), next, count);
}
#endif

uint32_t carina_crc32(uint32_t before, const void *bytes, size_t count, int instructions) {
#if defined(__x86_64__)
  if (instructions >= 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq")) {
    return ~absorb_512(~before, bytes, count);
  }
  if (instructions >= 1 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
    return ~absorb_128(~before, bytes, count);
  }
#endif
  (void)instructions;
  return ~absorb(~before, bytes, count);
}
