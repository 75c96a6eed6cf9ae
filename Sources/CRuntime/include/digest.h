#pragma once
#include <stddef.h>
#include <stdint.h>

/// SHA-256 (FIPS 180-4), in steps: begin, any number of updates, finish.
typedef struct {
  uint32_t state[8];
  uint64_t byte_count;
  uint8_t pending[64];
  size_t pending_count;
  int uses_instructions;
} carina_sha256;

/// Uses the processor's SHA-256 instructions where it has them, unless told not to; the digest is the same.
void carina_sha256_begin(carina_sha256 *hash, int may_use_instructions);
void carina_sha256_update(carina_sha256 *hash, const void *bytes, size_t count);
void carina_sha256_finish(carina_sha256 *hash, uint8_t digest[32]);
