#include "digest.h"

#include <string.h>

#include "digest_blocks.h"

const uint32_t carina_sha256_rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t rotate_right(uint32_t value, int bits) {
  return (value >> bits) | (value << (32 - bits));
}

static void absorb_block(uint32_t state[8], const uint8_t *block) {
  uint32_t schedule[64];
  for (int i = 0; i < 16; i++) {
    schedule[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                  (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  }
  for (int i = 16; i < 64; i++) {
    const uint32_t a = schedule[i - 15], b = schedule[i - 2];
    schedule[i] = schedule[i - 16] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ (a >> 3)) +
                  schedule[i - 7] + (rotate_right(b, 17) ^ rotate_right(b, 19) ^ (b >> 10));
  }
  uint32_t v[8];
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    const uint32_t s1 = rotate_right(v[4], 6) ^ rotate_right(v[4], 11) ^ rotate_right(v[4], 25);
    const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    const uint32_t first = v[7] + s1 + choice + carina_sha256_rounds[i] + schedule[i];
    const uint32_t s0 = rotate_right(v[0], 2) ^ rotate_right(v[0], 13) ^ rotate_right(v[0], 22);
    const uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + first;
    v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = first + s0 + majority;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

void carina_sha256_begin(carina_sha256 *hash, int may_use_instructions) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash->state, initial, sizeof initial);
  hash->byte_count = 0;
  hash->pending_count = 0;
  hash->uses_instructions = may_use_instructions && carina_sha256_has_instructions();
}

static void absorb_blocks(carina_sha256 *hash, const uint8_t *blocks, size_t count) {
  if (hash->uses_instructions) {
    carina_sha256_absorb_by_instructions(hash->state, blocks, count);
  } else {
    for (size_t i = 0; i < count; i++) absorb_block(hash->state, blocks + 64 * i);
  }
}

void carina_sha256_update(carina_sha256 *hash, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  hash->byte_count += count;
  while (count > 0) {
    if (hash->pending_count == 0 && count >= 64) {
      const size_t blocks = count / 64;
      absorb_blocks(hash, next, blocks);
      next += 64 * blocks;
      count -= 64 * blocks;
      continue;
    }
    size_t take = 64 - hash->pending_count;
    if (take > count) take = count;
    memcpy(hash->pending + hash->pending_count, next, take);
    hash->pending_count += take;
    next += take;
    count -= take;
    if (hash->pending_count == 64) {
      absorb_blocks(hash, hash->pending, 1);
      hash->pending_count = 0;
    }
  }
}

void carina_sha256_finish(carina_sha256 *hash, uint8_t digest[32]) {
  const uint64_t bit_count = hash->byte_count * 8;
  const uint8_t marker = 0x80, zero = 0;
  carina_sha256_update(hash, &marker, 1);
  while (hash->pending_count != 56) carina_sha256_update(hash, &zero, 1);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bit_count >> (56 - 8 * i));
  carina_sha256_update(hash, length, 8);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}
