#pragma once
#include "activation.h"
#include "kernel_clones.h"
#include "transcendental.h"

#define SQRT_2_OVER_PI 0.7978845608f
#define CUBIC 0.044715f
#define INVERSE_SQRT_2 0.7071067812f
#define INVERSE_SQRT_2PI 0.3989422804f

CARINA_INLINE float tanh_part(float x) { return fast_tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)); }

CARINA_INLINE float tanh_slope(float x, float t) {
  return 0.5f * (1.f + t) + 0.5f * x * (1.f - t * t) * SQRT_2_OVER_PI * (1.f + 3.f * CUBIC * x * x);
}

/// gelu(x); `kind` is a constant where this is inlined.
CARINA_INLINE float gelu_of(float x, int kind) {
  return kind == CARINA_GELU_TANH ? 0.5f * x * (1.f + tanh_part(x)) : 0.5f * x * fast_erfc(-x * INVERSE_SQRT_2);
}

/// gelu'(x); `kind` is a constant where this is inlined.
CARINA_INLINE float gelu_slope(float x, int kind) {
  if (kind == CARINA_GELU_TANH) return tanh_slope(x, tanh_part(x));
  const float cumulative = 0.5f * fast_erfc(-x * INVERSE_SQRT_2);
  const float density = INVERSE_SQRT_2PI * fast_exp(-0.5f * x * x);
  return cumulative + x * density;
}
