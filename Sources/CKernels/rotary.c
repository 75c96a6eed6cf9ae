#include "rotary.h"

#include "kernel_clones.h"

CARINA_KERNEL void carina_rotary(const float *x, float *out, const float *cosines, const float *sines,
                                 const int32_t *positions, int64_t rows, int64_t heads, int64_t size,
                                 float direction) {
  const int64_t half = size / 2;
  for (int64_t row = 0; row < rows; row++) {
    const float *c = cosines + positions[row] * half, *s = sines + positions[row] * half;
    for (int64_t head = 0; head < heads; head++) {
      const float *in = x + (row * heads + head) * size;
      float *target = out + (row * heads + head) * size;
      for (int64_t i = 0; i < half; i++) {
        const float a = in[i], b = in[half + i], sine = direction * s[i];
        target[i] = a * c[i] - b * sine;
        target[half + i] = b * c[i] + a * sine;
      }
    }
  }
}
