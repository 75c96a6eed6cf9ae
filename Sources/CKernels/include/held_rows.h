#pragma once
#include <stdint.h>

/// out = gelu(x) rounded to bfloat16.
void carina_gelu_rounded(const float *x, uint16_t *out, int64_t count, int kind);
/// Rounds rows [rows, width] to bfloat16 as they are and transposed, and adds their column sums to `sums`.
///
/// `x`, where it is not null, are rows of the same shape: the rows are multiplied by gelu'(x) first. Row r goes to
/// `out + r * width` and to element r of each of the `width` rows of `transposed`, `stride` apart. Either target and
/// `sums` may be null.
void carina_round_both_ways(const float *rows_of, const float *x, int kind, int64_t rows, int64_t width, uint16_t *out,
                            uint16_t *transposed, int64_t stride, float *sums);
