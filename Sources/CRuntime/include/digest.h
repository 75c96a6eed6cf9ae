#pragma once
#include <stddef.h>
#include <stdint.h>

/// SHA-256 (FIPS 180-4), in steps: begin, any number of updates, finish.
typedef struct {
  uint32_t state[8];
  uint64_t byte_count;
  uint8_t pending[64];
  size_t pending_count;
} carina_sha256;

void carina_sha256_begin(carina_sha256 *hash);
void carina_sha256_update(carina_sha256 *hash, const void *bytes, size_t count);
void carina_sha256_finish(carina_sha256 *hash, uint8_t digest[32]);
