#include "activation.h"

#include "gelu.h"

CARINA_KERNEL void carina_gelu_forward(const float *x, float *out, int64_t count, int kind) {
  if (kind == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < count; i++) out[i] = gelu_of(x[i], CARINA_GELU_TANH);
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = gelu_of(x[i], CARINA_GELU_ERF);
  }
}

CARINA_KERNEL void carina_gelu_backward(const float *x, const float *dout, float *dx, int64_t count, int kind) {
  if (kind == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < count; i++) dx[i] = dout[i] * gelu_slope(x[i], CARINA_GELU_TANH);
  } else {
    for (int64_t i = 0; i < count; i++) dx[i] = dout[i] * gelu_slope(x[i], CARINA_GELU_ERF);
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
