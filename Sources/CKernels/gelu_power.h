#pragma once
#include <math.h>
#include <string.h>

#include "byte_vectors.h"
#include "kernel_clones.h"

// gelu(x) = x σ with σ = 1 / (1 + 2^z) in its tanh form, with z = -2 log2(e) √(2/π) (x + 0.044715 x³) a whole number and
// a rest in [-1/2, 1/2], whose power is a polynomial. Beside a step of 8 bits its relative error of under 1e-6 is nothing.
static const float LINEAR = -2.302208198f, CUBED = -0.102943239f, MOST_POWER = 125.f;
static const float POWER[6] = {1.f, 0.693146944f, 0.240221202f, 0.0555071607f, 0.0096755391f, 0.00132756087f};

/// 2^z.
CARINA_INLINE float power_of(float x) {
  const float z = x * fmaf(CUBED, x * x, LINEAR);
  const float power = z >= -MOST_POWER ? (z > MOST_POWER ? MOST_POWER : z) : -MOST_POWER;
  const float whole = rintf(power), rest = power - whole;
  float p = POWER[5];
  for (int i = 4; i >= 0; i--) p = fmaf(p, rest, POWER[i]);
  int32_t bits;
  memcpy(&bits, &p, 4);
  bits += (int32_t)whole * (1 << 23);
  memcpy(&p, &bits, 4);
  return p;
}

#if defined(__x86_64__)
BYTES_INLINE __m512 power_of_sixteen(__m512 x) {
  const __m512 most = _mm512_set1_ps(MOST_POWER), least = _mm512_set1_ps(-MOST_POWER);
  const __m512 slope = _mm512_fmadd_ps(_mm512_set1_ps(CUBED), _mm512_mul_ps(x, x), _mm512_set1_ps(LINEAR));
  const __m512 power = _mm512_min_ps(_mm512_max_ps(_mm512_mul_ps(x, slope), least), most);
  const __m512 whole = _mm512_roundscale_ps(power, 0), rest = _mm512_sub_ps(power, whole);
  __m512 p = _mm512_set1_ps(POWER[5]);
  for (int i = 4; i >= 0; i--) p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(POWER[i]));
  return _mm512_scalef_ps(p, whole);
}
#endif
