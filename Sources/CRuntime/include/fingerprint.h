#pragma once
#include <stddef.h>
#include <stdint.h>

/// A 64-bit hash of bytes that tells accidental changes: every change of a single 8-byte word changes it for certain,
/// others but for one chance in 2^64. Not a defence against an adversary. The same bytes give the same hash on every
/// little-endian machine.
uint64_t carina_fingerprint(const void *bytes, size_t count);

/// Hash of two hashes, in this order.
uint64_t carina_fingerprint_join(uint64_t first, uint64_t second);
