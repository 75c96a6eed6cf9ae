#pragma once
#include <stdint.h>

/// Rotary embedding (Su et al. 2021), rotate-half form, of x [rows, heads, size] into out (may be x).
/// `cosines` and `sines` are [positions, size/2]; `positions` gives each row's line in them.
/// `direction` is 1 forward and -1 for the backward pass.
void carina_rotary(const float *x, float *out, const float *cosines, const float *sines, const int32_t *positions,
                   int64_t rows, int64_t heads, int64_t size, float direction);
