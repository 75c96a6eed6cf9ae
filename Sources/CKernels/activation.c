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

CARINA_KERNEL void carina_gelu_forward(const float *x, float *out, int64_t count, int kind) {
  if (kind == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < count; i++) out[i] = 0.5f * x[i] * (1.f + tanh_part(x[i]));
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = 0.5f * x[i] * fast_erfc(-x[i] * INVERSE_SQRT_2);
  }
}

CARINA_KERNEL void carina_gelu_backward(const float *x, const float *dout, float *dx, int64_t count, int kind) {
  if (kind == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < count; i++) dx[i] = dout[i] * tanh_slope(x[i], tanh_part(x[i]));
  } else {
    for (int64_t i = 0; i < count; i++) {
      const float cumulative = 0.5f * fast_erfc(-x[i] * INVERSE_SQRT_2);
      const float density = INVERSE_SQRT_2PI * fast_exp(-0.5f * x[i] * x[i]);
      dx[i] = dout[i] * (cumulative + x[i] * density);
    }
  }
}

CARINA_KERNEL void carina_gated_gelu_forward(const float *gate, const float *up, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) out[i] = 0.5f * gate[i] * (1.f + tanh_part(gate[i])) * up[i];
}

CARINA_KERNEL void carina_gated_gelu_backward(const float *gate, const float *up, const float *dout, float *dgate,
                                              float *dup, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float g = gate[i], u = up[i], d = dout[i], t = tanh_part(g);
    dup[i] = d * 0.5f * g * (1.f + t);
    dgate[i] = d * u * tanh_slope(g, t);
  }
}
