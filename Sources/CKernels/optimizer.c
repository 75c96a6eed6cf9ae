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

CARINA_INLINE void decode_run(const uint8_t *restrict codes, const float *restrict values, float scale,
                              float *restrict target, int64_t count) {
  for (int64_t i = 0; i < count; i++) target[i] = values[codes[i]] * scale;
}

CARINA_INLINE void encode_run(const float *restrict source, float inverse, const float *restrict bounds,
                              const int32_t *restrict starts, uint8_t *restrict codes, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float x = source[i] * inverse;
    uint32_t bits;
    memcpy(&bits, &x, 4);
    const int32_t code = starts[bits >> 16];
    codes[i] = (uint8_t)(code + (x > bounds[code]));
  }
}

/// Fills `target` with the numbers of a block.
CARINA_INLINE void decode(carina_coded_moment moment, int64_t start, int64_t count, float *target) {
  decode_run(moment.codes + start, moment.values, moment.scales[start / CARINA_MOMENT_BLOCK], target, count);
}

/// Replaces the codes of a block by those nearest to `source`.
CARINA_INLINE void encode(carina_coded_moment moment, int64_t start, int64_t count, const float *source) {
  // Of numbers without a sign the larger has the larger bits.
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, source + i, 4);
    bits &= 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  float scale;
  memcpy(&scale, &largest, 4);
  // One over less than the least normal number would be no number: such a block is zero.
  if (!(scale >= 0x1p-126f)) scale = 0;
  moment.scales[start / CARINA_MOMENT_BLOCK] = scale;
  encode_run(source, scale > 0 ? 1 / scale : 0, moment.bounds, moment.starts, moment.codes + start, count);
}

/// A step over blocks: `change(i, m, v)` steps weight i with its moments.
#define STEP_BY_BLOCKS(change)                                                                                    \
  const adamw_constants k =                                                                                       \
      constants_of(gradient_scale, rate, beta1, beta2, epsilon, decay, correction1, correction2);                 \
  float m[CARINA_MOMENT_BLOCK], v[CARINA_MOMENT_BLOCK];                                                           \
  for (int64_t start = 0; start < count; start += CARINA_MOMENT_BLOCK) {                                          \
    const int64_t length = count - start < CARINA_MOMENT_BLOCK ? count - start : CARINA_MOMENT_BLOCK;             \
    decode(first, start, length, m);                                                                              \
    decode(second, start, length, v);                                                                             \
    for (int64_t i = 0; i < length; i++) change(start + i, m + i, v + i);                                         \
    encode(first, start, length, m);                                                                              \
    encode(second, start, length, v);                                                                             \
  }

CARINA_KERNEL void carina_adamw_coded(float *restrict weights, const float *restrict gradients,
                                      carina_coded_moment first, carina_coded_moment second, int64_t count,
                                      float gradient_scale, float rate, double beta1, double beta2, float epsilon,
                                      float decay, float correction1, float correction2) {
#define CHANGE(i, m, v) weights[i] = stepped(weights[i], gradients[i], m, v, k)
  STEP_BY_BLOCKS(CHANGE)
#undef CHANGE
}

CARINA_KERNEL void carina_adamw_coded_split(uint16_t *restrict upper, uint16_t *restrict lower,
                                            const float *restrict gradients, carina_coded_moment first,
                                            carina_coded_moment second, int64_t count, float gradient_scale,
                                            float rate, double beta1, double beta2, float epsilon, float decay,
                                            float correction1, float correction2) {
#define CHANGE(i, m, v) split(stepped(joined(upper[i], lower[i]), gradients[i], m, v, k), upper + (i), lower + (i))
  STEP_BY_BLOCKS(CHANGE)
#undef CHANGE
}
