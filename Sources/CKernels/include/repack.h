#pragma once
#include <stdint.h>

/// A matrix of 16-bit numbers in tiles of 32 rows by 64 columns, two rows interleaved, tiles of the same columns one
/// after the other ("16a64b2a" in oneDNN's words), becomes its transpose in the same layout. Both sizes are multiples of
/// 64. `first`..`end` of the target's runs of 64 columns (64 rows of the source) are written.
void carina_transpose_pair_tiles(const uint16_t *source, uint16_t *target, int64_t rows, int64_t columns, int64_t first,
                                 int64_t end);
