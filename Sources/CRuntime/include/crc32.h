#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32 of bytes as zlib, gzip and PNG have it (polynomial 0xedb88320, reflected, inverted before and after), going
/// on from the CRC of what came before; 0 to begin. Which of the processor's instructions are used changes nothing:
/// `instructions` is the most that may be: 0 none, 1 128-bit products without carry, 2 512-bit ones.
uint32_t carina_crc32(uint32_t before, const void *bytes, size_t count, int instructions);
