#include "resample_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image_resize.h"

// The kernels at a distance x from an output's centre. The order of operations is fixed: the rounded weights depend on
// it.
static double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

static double triangle(double x) {
  x = fabs(x);
  return x < 1 ? 1 - x : 0;
}

static double sinc(double x) {
  if (x == 0) return 1;
  x = x * M_PI;
  return sin(x) / x;
}

// A sinc of one lobe under Hamming's window, whose two constants Pillow has in single precision.
static double hamming(double x) {
  x = fabs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  x = x * M_PI;
  return sin(x) / x * (0.54f + 0.46f * cos(x));
}

// Keys' cubic convolution kernel with a = -1/2.
static double cubic(double x) {
  x = fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

static double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

struct kernel {
  double (*value)(double x);
  double support;
};

static struct kernel kernel_of(int filter) {
  switch (filter) {
    case CARINA_FILTER_BOX: return (struct kernel){box, 0.5};
    case CARINA_FILTER_BILINEAR: return (struct kernel){triangle, 1};
    case CARINA_FILTER_HAMMING: return (struct kernel){hamming, 1};
    case CARINA_FILTER_LANCZOS: return (struct kernel){lanczos, 3};
    default: return (struct kernel){cubic, 2};
  }
}

// The input under the middle of each output, alone. Pillow adds the step up from output to output, which decides where
// a middle falls between two inputs.
static void take_nearest(struct resample_axis *axis, double scale) {
  double centre = scale * 0.5;
  for (int32_t i = 0; i < axis->target_length; i++, centre += scale) {
    const int32_t nearest = (int32_t)centre;
    axis->first[i] = nearest < axis->source_length ? nearest : axis->source_length - 1;
    axis->tap_count[i] = 1;
    axis->high[(size_t)i * (size_t)axis->stride] = 1 << (CARINA_WEIGHT_BITS - CARINA_LOW_BITS);
  }
}

int carina_resample_axis_create(
    struct resample_axis *axis, int32_t source_length, int32_t target_length, int filter) {
  const struct kernel kernel = kernel_of(filter);
  const double scale = (double)source_length / target_length;
  const double stretch = scale < 1 ? 1 : scale;
  const double reach = kernel.support * stretch, shrink = 1 / stretch;
  const int32_t most = filter == CARINA_FILTER_NEAREST ? 1 : (int32_t)ceil(reach) * 2 + 1;
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
  if (filter == CARINA_FILTER_NEAREST) {
    take_nearest(axis, scale);
    free(weights);
    return 0;
  }
  for (int32_t i = 0; i < target_length; i++) {
    const double centre = (i + 0.5) * scale;
    int32_t first = (int32_t)(centre - reach + 0.5), end = (int32_t)(centre + reach + 0.5);
    if (first < 0) first = 0;
    if (end > source_length) end = source_length;
    const int32_t count = end - first;
    double total = 0;
    for (int32_t k = 0; k < count; k++) {
      weights[k] = kernel.value((k + first - centre + 0.5) * shrink);
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
