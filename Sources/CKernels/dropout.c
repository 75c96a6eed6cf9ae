#include "dropout.h"

#include "kernel_clones.h"

/// Mixes 32 bits (Wellons 2018, "lowbias32").
CARINA_INLINE uint32_t mixed(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

CARINA_INLINE uint32_t row_key(uint64_t key, int64_t row) {
  return mixed((uint32_t)key + (uint32_t)row * 0x9e3779b9u) ^ (uint32_t)(key >> 32);
}

CARINA_INLINE int is_kept(uint32_t key, int64_t column, uint32_t threshold) {
  return mixed(key + (uint32_t)column * 0x85ebca6bu) >= threshold;
}

CARINA_KERNEL void carina_drop_float(const float *restrict source, float *restrict target, int64_t first, int64_t rows,
                                     int64_t width, uint64_t key, uint32_t threshold) {
  for (int64_t row = 0; row < rows; row++) {
    const uint32_t own = row_key(key, first + row);
    for (int64_t i = 0; i < width; i++) {
      target[row * width + i] = is_kept(own, i, threshold) ? source[row * width + i] : 0;
    }
  }
}

CARINA_KERNEL void carina_drop_bfloat16(const uint16_t *restrict source, uint16_t *restrict target, int64_t first,
                                        int64_t rows, int64_t width, uint64_t key, uint32_t threshold) {
  for (int64_t row = 0; row < rows; row++) {
    const uint32_t own = row_key(key, first + row);
    for (int64_t i = 0; i < width; i++) {
      target[row * width + i] = is_kept(own, i, threshold) ? source[row * width + i] : 0;
    }
  }
}

CARINA_KERNEL void carina_add_kept(const float *restrict source, float *restrict target, int64_t first, int64_t rows,
                                   int64_t width, uint64_t key, uint32_t threshold) {
  for (int64_t row = 0; row < rows; row++) {
    const uint32_t own = row_key(key, first + row);
    for (int64_t i = 0; i < width; i++) {
      target[row * width + i] += is_kept(own, i, threshold) ? source[row * width + i] : 0;
    }
  }
}
