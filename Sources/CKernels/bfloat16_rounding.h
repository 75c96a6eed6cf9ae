#pragma once
#include <stdint.h>
#include <string.h>

#include "kernel_clones.h"

/// The bfloat16 that is nearest to x, ties to even; NaN stays NaN.
CARINA_INLINE uint16_t nearest_bfloat16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  const uint32_t nearest = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, quiet = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : nearest);
}
