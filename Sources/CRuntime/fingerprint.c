#include "fingerprint.h"

#include <string.h>

enum { LANES = 8 };

// Odd, with well-mixed bits: fractional parts of the golden ratio and of the square root of 3.
static const uint64_t step_factor = 0x9e3779b97f4a7c15u, join_factor = 0xbb67ae8584caa73bu;

static inline uint64_t rotate(uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }

// One to one in `word` for any `lane`, and in `lane` for any `word`: a difference, once in, stays. After a single
// multiplication a flipped top bit (the sign of a number) would be one flipped bit, which the next word could undo.
static inline uint64_t absorb(uint64_t lane, uint64_t word) {
  return rotate((lane ^ word) * step_factor, 29) * join_factor;
}

static inline uint64_t finish(uint64_t value) {
  value = (value ^ (value >> 32)) * join_factor;
  value = (value ^ (value >> 29)) * step_factor;
  return value ^ (value >> 32);
}

uint64_t carina_fingerprint_join(uint64_t first, uint64_t second) {
  return finish(absorb(finish(first ^ step_factor), second));
}

uint64_t carina_fingerprint(const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  uint64_t lanes[LANES];
  for (int i = 0; i < LANES; i++) lanes[i] = join_factor * (uint64_t)(i + 1);
  size_t left = count;
  // Eight independent chains hide the latency of the multiplication.
  for (; left >= 8 * LANES; left -= 8 * LANES, next += 8 * LANES) {
    uint64_t words[LANES];
    memcpy(words, next, sizeof words);
    for (int i = 0; i < LANES; i++) lanes[i] = absorb(lanes[i], words[i]);
  }
  uint64_t tail[LANES] = {0};
  if (left > 0) memcpy(tail, next, left);
  for (int i = 0; i < LANES; i++) lanes[i] = absorb(lanes[i], tail[i]);
  uint64_t hash = (uint64_t)count;
  for (int i = 0; i < LANES; i++) hash = carina_fingerprint_join(hash, lanes[i]);
  return hash;
}
