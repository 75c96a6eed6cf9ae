#pragma once
#include <stdint.h>

// The weights of one direction. An output value is (sum of weight * input + half) >> 22, clamped to 0...255. A weight
// w is kept as two 16-bit halves, w = high * 2048 + low, because products of 16-bit pairs are what processors add
// up fastest; the sums recombine exactly.
struct resample_axis {
  int32_t source_length, target_length;
  int32_t stride;        // 16-bit slots for an output's weights, a multiple of 16; unused slots are zero
  int32_t *first;        // first input of each output
  int32_t *tap_count;    // how many inputs
  int16_t *high, *low;   // target_length * stride each
};

enum { CARINA_WEIGHT_BITS = 22, CARINA_LOW_BITS = 11 };

// Returns 0, or 1 when there is no memory; then the axis holds nothing.
// `filter` is one of the CARINA_FILTER_… numbers.
int carina_resample_axis_create(
    struct resample_axis *axis, int32_t source_length, int32_t target_length, int filter);
void carina_resample_axis_destroy(struct resample_axis *axis);

// The two passes over one plane. A row has at least 32 readable bytes after its end.
typedef void (*resample_row_function)(const struct resample_axis *axis, const uint8_t *row, uint8_t *target);
// `plane` holds source_length rows of `row_stride` bytes (a multiple of 32); writes output row y, `row_stride` bytes.
typedef void (*resample_column_function)(
    const struct resample_axis *axis, const uint8_t *plane, int32_t row_stride, int32_t y, uint8_t *target);

void carina_resample_row_plain(const struct resample_axis *axis, const uint8_t *row, uint8_t *target);
void carina_resample_column_plain(
    const struct resample_axis *axis, const uint8_t *plane, int32_t row_stride, int32_t y, uint8_t *target);
#if defined(__x86_64__)
void carina_resample_row_avx2(const struct resample_axis *axis, const uint8_t *row, uint8_t *target);
void carina_resample_column_avx2(
    const struct resample_axis *axis, const uint8_t *plane, int32_t row_stride, int32_t y, uint8_t *target);
#endif
