#pragma once
#include <stdint.h>

/// The two shapes of GELU (Hendrycks and Gimpel 2016): the exact one and the tanh approximation.
enum carina_gelu { CARINA_GELU_ERF = 0, CARINA_GELU_TANH = 1 };

void carina_gelu_forward(const float *x, float *out, int64_t count, int kind);
/// dx = dout * gelu'(x)
void carina_gelu_backward(const float *x, const float *dout, float *dx, int64_t count, int kind);
/// out = gelu_tanh(gate) * up
void carina_gated_gelu_forward(const float *gate, const float *up, float *out, int64_t count);
void carina_gated_gelu_backward(const float *gate, const float *up, const float *dout, float *dgate, float *dup,
                                int64_t count);
