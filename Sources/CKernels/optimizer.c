#include "optimizer.h"

#include <math.h>
#include <string.h>

#include "kernel_clones.h"

CARINA_INLINE float joined(uint16_t upper, uint16_t lower) {
  // Rounding carried into the upper half where the lower one is at least half of its range.
  const uint32_t bits = (((uint32_t)upper - (lower >> 15)) << 16) | lower;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

CARINA_INLINE void split(float value, uint16_t *upper, uint16_t *lower) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  bits -= (bits & 0x1ffffu) == 0x8000u;
  *upper = (uint16_t)((bits + 0x8000u) >> 16);
  *lower = (uint16_t)bits;
}

CARINA_KERNEL void carina_split_float(const float *restrict source, uint16_t *restrict upper,
                                      uint16_t *restrict lower, int64_t count) {
  for (int64_t i = 0; i < count; i++) split(source[i], upper + i, lower + i);
}

CARINA_KERNEL void carina_join_float(const uint16_t *restrict upper, const uint16_t *restrict lower,
                                     float *restrict target, int64_t count) {
  for (int64_t i = 0; i < count; i++) target[i] = joined(upper[i], lower[i]);
}

/// The constants of a step that do not change from weight to weight.
typedef struct {
  float scale, b1, c1, b2, c2, keep, step, root, epsilon;
} adamw_constants;

CARINA_INLINE adamw_constants constants_of(float gradient_scale, float rate, double beta1, double beta2, float epsilon,
                                           float decay, float correction1, float correction2) {
  // 1 - beta is taken in double: in fp32 it would be off by 4e-5 of itself for beta2 = 0.999.
  return (adamw_constants){gradient_scale, (float)beta1, (float)(1 - beta1), (float)beta2, (float)(1 - beta2),
                           1.f - rate * decay, rate / correction1, 1.f / sqrtf(correction2), epsilon};
}

CARINA_INLINE float stepped(float weight, float gradient, float *first, float *second, adamw_constants k) {
  const float g = gradient * k.scale;
  const float m = k.b1 * *first + k.c1 * g;
  const float v = k.b2 * *second + k.c2 * g * g;
  *first = m;
  *second = v;
  return weight * k.keep - k.step * m / (sqrtf(v) * k.root + k.epsilon);
}

CARINA_KERNEL void carina_adamw(float *restrict weights, const float *restrict gradients, float *restrict first,
                                float *restrict second, int64_t count, float gradient_scale, float rate, double beta1,
                                double beta2, float epsilon, float decay, float correction1, float correction2) {
  const adamw_constants k =
      constants_of(gradient_scale, rate, beta1, beta2, epsilon, decay, correction1, correction2);
  for (int64_t i = 0; i < count; i++) weights[i] = stepped(weights[i], gradients[i], first + i, second + i, k);
}

CARINA_KERNEL void carina_adamw_split(uint16_t *restrict upper, uint16_t *restrict lower,
                                      const float *restrict gradients, float *restrict first, float *restrict second,
                                      int64_t count, float gradient_scale, float rate, double beta1, double beta2,
                                      float epsilon, float decay, float correction1, float correction2) {
  const adamw_constants k =
      constants_of(gradient_scale, rate, beta1, beta2, epsilon, decay, correction1, correction2);
  for (int64_t i = 0; i < count; i++) {
    split(stepped(joined(upper[i], lower[i]), gradients[i], first + i, second + i, k), upper + i, lower + i);
  }
}
