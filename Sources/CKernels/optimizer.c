#include "optimizer.h"

#include <math.h>
#include <string.h>

#include "kernel_clones.h"

CARINA_INLINE uint16_t to_bfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

CARINA_KERNEL void carina_adamw(float *restrict weights, const float *restrict gradients, float *restrict first,
                                float *restrict second, uint16_t *restrict copy, int64_t count,
                                float gradient_scale, float rate, double beta1, double beta2, float epsilon,
                                float decay, float correction1, float correction2) {
  // 1 - beta is taken in double: in fp32 it would be off by 4e-5 of itself for beta2 = 0.999.
  const float b1 = (float)beta1, c1 = (float)(1 - beta1), b2 = (float)beta2, c2 = (float)(1 - beta2);
  const float keep = 1.f - rate * decay, step = rate / correction1, root = 1.f / sqrtf(correction2);
  for (int64_t i = 0; i < count; i++) {
    const float g = gradients[i] * gradient_scale;
    const float m = b1 * first[i] + c1 * g;
    const float v = b2 * second[i] + c2 * g * g;
    const float w = weights[i] * keep - step * m / (sqrtf(v) * root + epsilon);
    first[i] = m;
    second[i] = v;
    weights[i] = w;
    if (copy) copy[i] = to_bfloat16(w);
  }
}
