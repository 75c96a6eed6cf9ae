#include "bfloat16.h"

#include <string.h>

#include "bfloat16_rounding.h"
#include "kernel_clones.h"

CARINA_KERNEL void carina_to_bfloat16(const float *restrict source, uint16_t *restrict target, int64_t count) {
  for (int64_t i = 0; i < count; i++) target[i] = nearest_bfloat16(source[i]);
}

CARINA_KERNEL void carina_from_bfloat16(const uint16_t *restrict source, float *restrict target, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)source[i] << 16;
    memcpy(target + i, &bits, 4);
  }
}

void carina_from_float16(const uint16_t *source, float *target, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const uint32_t sign = (uint32_t)(source[i] & 0x8000u) << 16;
    uint32_t exponent = (source[i] >> 10) & 31u, mantissa = source[i] & 1023u, bits;
    if (exponent == 31) {
      bits = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent != 0) {
      bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else if (mantissa == 0) {
      bits = sign;
    } else {
      exponent = 113;
      while (!(mantissa & 1024u)) {
        mantissa <<= 1;
        exponent--;
      }
      bits = sign | (exponent << 23) | ((mantissa & 1023u) << 13);
    }
    memcpy(target + i, &bits, 4);
  }
}
