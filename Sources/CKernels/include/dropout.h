#pragma once
#include <stdint.h>

// Which numbers of a matrix are kept is a function of a key, the row and the column alone: of 32 mixed bits that are at
// least `threshold`. The rows of a call are numbered from `first`.

/// target = source where a number is kept, else 0.
void carina_drop_float(const float *source, float *target, int64_t first, int64_t rows, int64_t width, uint64_t key,
                       uint32_t threshold);
/// The same of bfloat16 numbers.
void carina_drop_bfloat16(const uint16_t *source, uint16_t *target, int64_t first, int64_t rows, int64_t width,
                          uint64_t key, uint32_t threshold);
/// target += source where a number is kept.
void carina_add_kept(const float *source, float *target, int64_t first, int64_t rows, int64_t width, uint64_t key,
                     uint32_t threshold);
