#pragma once
#include <stdint.h>
#include <string.h>

#include "kernel_clones.h"

/// e^x in fp32, error below 2 units in the last place; 0 below -87.3, infinity above 88.7.
/// Argument reduction to |r| <= ln2/2 with a two-part constant, then a degree-6 polynomial.
CARINA_INLINE float fast_exp(float x) {
  const float limited = x < -87.3f ? -87.3f : (x > 88.7f ? 88.7f : x);
  const float steps = limited * 1.44269504f;
  const float rounded = (steps + 12582912.f) - 12582912.f;
  const float r = (limited - rounded * 0.693359375f) + rounded * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  // 2^n in two factors, so that n = 128 does not overflow the exponent field.
  const int32_t n = (int32_t)rounded, half = n >> 1;
  const uint32_t a = (uint32_t)(half + 127) << 23, b = (uint32_t)(n - half + 127) << 23;
  float first, second;
  memcpy(&first, &a, 4);
  memcpy(&second, &b, 4);
  const float value = p * first * second;
  return x < -87.3f ? 0.f : value;
}

/// tanh in fp32 through e^(2|x|).
CARINA_INLINE float fast_tanh(float x) {
  const float magnitude = x < 0 ? -x : x;
  const float e = fast_exp(2.f * (magnitude > 20.f ? 20.f : magnitude));
  const float large = 1.f - 2.f / (e + 1.f);
  const float square = x * x;
  // Near zero the difference above loses digits; the odd series keeps them.
  const float small = magnitude * (1.f + square * (-0.333333333f + square * 0.133333333f));
  const float value = magnitude < 0.03f ? small : large;
  return x < 0 ? -value : value;
}

/// erfc in fp32, relative error about 1.2e-7: the Chebyshev fit in t = 1/(1+|x|/2) of
/// Press et al., Numerical Recipes, 2nd edition, section 6.2.
CARINA_INLINE float fast_erfc(float x) {
  const float z = x < 0 ? -x : x;
  const float t = 1.f / (1.f + 0.5f * z);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  const float value = t * fast_exp(-z * z - 1.26551223f + t * p);
  return x < 0 ? 2.f - value : value;
}
