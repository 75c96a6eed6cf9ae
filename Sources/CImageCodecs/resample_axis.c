#include "resample_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Keys' cubic convolution kernel with a = -1/2. The order of operations is fixed: the rounded weights depend on it.
static double cubic(double x) {
  x = fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

int carina_resample_axis_create(struct resample_axis *axis, int32_t source_length, int32_t target_length) {
  const double scale = (double)source_length / target_length;
  const double stretch = scale < 1 ? 1 : scale;
  const double reach = 2 * stretch, shrink = 1 / stretch;
  const int32_t most = (int32_t)ceil(reach) * 2 + 1;
  const int32_t stride = (most + 15) / 16 * 16;
  const size_t slots = (size_t)target_length * (size_t)stride;
  memset(axis, 0, sizeof *axis);
  axis->source_length = source_length;
  axis->target_length = target_length;
  axis->stride = stride;
  axis->first = malloc((size_t)target_length * sizeof *axis->first);
  axis->tap_count = malloc((size_t)target_length * sizeof *axis->tap_count);
  axis->high = calloc(slots, sizeof *axis->high);
  axis->low = calloc(slots, sizeof *axis->low);
  double *weights = malloc((size_t)most * sizeof *weights);
  if (!axis->first || !axis->tap_count || !axis->high || !axis->low || !weights) {
    free(weights);
    carina_resample_axis_destroy(axis);
    return 1;
  }
  for (int32_t i = 0; i < target_length; i++) {
    const double centre = (i + 0.5) * scale;
    int32_t first = (int32_t)(centre - reach + 0.5), end = (int32_t)(centre + reach + 0.5);
    if (first < 0) first = 0;
    if (end > source_length) end = source_length;
    const int32_t count = end - first;
    double total = 0;
    for (int32_t k = 0; k < count; k++) {
      weights[k] = cubic((k + first - centre + 0.5) * shrink);
      total += weights[k];
    }
    for (int32_t k = 0; k < count; k++) {
      const double share = total != 0 ? weights[k] / total : weights[k];
      const double scaled = share * (1 << CARINA_WEIGHT_BITS);
      const int32_t weight = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
      const size_t slot = (size_t)i * (size_t)stride + (size_t)k;
      axis->high[slot] = (int16_t)(weight >> CARINA_LOW_BITS);
      axis->low[slot] = (int16_t)(weight & ((1 << CARINA_LOW_BITS) - 1));
    }
    axis->first[i] = first;
    axis->tap_count[i] = count;
  }
  free(weights);
  return 0;
}

void carina_resample_axis_destroy(struct resample_axis *axis) {
  free(axis->first);
  free(axis->tap_count);
  free(axis->high);
  free(axis->low);
  memset(axis, 0, sizeof *axis);
}

static uint8_t rounded(int32_t sum) {
  const int32_t value = sum >> CARINA_WEIGHT_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static int32_t weight_at(const struct resample_axis *axis, int32_t output, int32_t tap) {
  const size_t slot = (size_t)output * (size_t)axis->stride + (size_t)tap;
  return axis->high[slot] * (1 << CARINA_LOW_BITS) + axis->low[slot];
}

void carina_resample_row_plain(const struct resample_axis *axis, const uint8_t *row, uint8_t *target) {
  for (int32_t x = 0; x < axis->target_length; x++) {
    int32_t sum = 1 << (CARINA_WEIGHT_BITS - 1);
    for (int32_t k = 0; k < axis->tap_count[x]; k++) sum += weight_at(axis, x, k) * row[axis->first[x] + k];
    target[x] = rounded(sum);
  }
}

void carina_resample_column_plain(
    const struct resample_axis *axis, const uint8_t *plane, int32_t row_stride, int32_t y, uint8_t *target) {
  const uint8_t *top = plane + (size_t)axis->first[y] * (size_t)row_stride;
  for (int32_t x = 0; x < row_stride; x++) {
    int32_t sum = 1 << (CARINA_WEIGHT_BITS - 1);
    for (int32_t k = 0; k < axis->tap_count[y]; k++) {
      sum += weight_at(axis, y, k) * top[(size_t)k * (size_t)row_stride + (size_t)x];
    }
    target[x] = rounded(sum);
  }
}
