#pragma once
#include <math.h>
#include <stdint.h>

#include "kernel_clones.h"

/// The largest of a row's numbers.
CARINA_INLINE float row_maximum(const float *row, int64_t count) {
  float lanes[16];
  for (int l = 0; l < 16; l++) lanes[l] = -INFINITY;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int l = 0; l < 16; l++) lanes[l] = row[i + l] > lanes[l] ? row[i + l] : lanes[l];
  }
  for (; i < count; i++) lanes[0] = row[i] > lanes[0] ? row[i] : lanes[0];
  float maximum = lanes[0];
  for (int l = 1; l < 16; l++) maximum = lanes[l] > maximum ? lanes[l] : maximum;
  return maximum;
}
