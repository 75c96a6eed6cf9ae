#pragma once
#include <stddef.h>
#include <stdint.h>

/// The constants of the 64 rounds.
extern const uint32_t carina_sha256_rounds[64];

/// Whether the processor has SHA-256 instructions and this build can use them.
int carina_sha256_has_instructions(void);

/// Takes in whole blocks of 64 bytes with those instructions. Only where the processor has them.
void carina_sha256_absorb_by_instructions(uint32_t state[8], const uint8_t *blocks, size_t count);
