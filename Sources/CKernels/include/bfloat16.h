#pragma once
#include <stdint.h>

/// Rounds fp32 to bfloat16, to nearest, ties to even; NaN stays NaN.
void carina_to_bfloat16(const float *source, uint16_t *target, int64_t count);
/// Widens bfloat16 to fp32, exactly.
void carina_from_bfloat16(const uint16_t *source, float *target, int64_t count);
/// Widens IEEE half precision to fp32, exactly.
void carina_from_float16(const uint16_t *source, float *target, int64_t count);
