#include "resampler.h"

#include <stdlib.h>
#include <string.h>

#include "image_resize.h"
#include "resample_axis.h"

enum { PADDING = 32 };

struct resampler {
  int32_t width, height, channels, target_width, target_height;
  int vertical_first;
  int32_t row_stride;  // of the kept planes, a multiple of 32: room for a target row, or a source row
  int32_t next_row;
  struct resample_axis across, down;
  uint8_t *planar;   // one source row, a plane after the other
  uint8_t *kept;     // channels planes of height rows, through the horizontal pass unless vertical_first
  uint8_t *between;  // one row through the vertical pass
  uint8_t *output;   // one target row, a plane after the other
  resample_row_function row;
  resample_column_function column;
};

static int prepare(struct resampler *r, int filter, int vector) {
  r->row = carina_resample_row_plain;
  r->column = carina_resample_column_plain;
#if defined(__x86_64__)
  if (vector && __builtin_cpu_supports("avx2")) {
    r->row = carina_resample_row_avx2;
    r->column = carina_resample_column_avx2;
  }
#endif
  const size_t planes = (size_t)r->channels;
  r->planar = calloc(planes, (size_t)r->width + PADDING);
  r->kept = malloc(planes * (size_t)r->height * (size_t)r->row_stride);
  r->between = calloc(1, (size_t)r->row_stride + PADDING);
  r->output = malloc(planes * (size_t)r->target_width);
  if (!r->planar || !r->kept || !r->between || !r->output) return 1;
  if (r->width != r->target_width && carina_resample_axis_create(&r->across, r->width, r->target_width, filter)) {
    return 1;
  }
  if (r->height != r->target_height && carina_resample_axis_create(&r->down, r->height, r->target_height, filter)) {
    return 1;
  }
  return 0;
}

struct resampler *carina_resampler_create(
    int32_t width, int32_t height, int32_t channels, int32_t target_width, int32_t target_height, int order, int filter,
    int vector) {
  struct resampler *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->width = width, r->height = height, r->channels = channels;
  r->target_width = target_width, r->target_height = target_height;
  const int64_t shrinks_across = width > target_width ? width - target_width : 0;
  r->vertical_first = order == CARINA_RESIZE_ADAPTIVE && height - target_height > 2 * shrinks_across;
  r->row_stride = ((r->vertical_first ? width : target_width) + 31) / 32 * 32;
  if (prepare(r, filter, vector)) {
    carina_resampler_destroy(r);
    return NULL;
  }
  return r;
}

void carina_resampler_destroy(struct resampler *r) {
  if (!r) return;
  carina_resample_axis_destroy(&r->across);
  carina_resample_axis_destroy(&r->down);
  free(r->planar);
  free(r->kept);
  free(r->between);
  free(r->output);
  free(r);
}

static void run_across(const struct resampler *r, const uint8_t *source, uint8_t *target) {
  if (r->width == r->target_width) {
    memcpy(target, source, (size_t)r->width);
  } else {
    r->row(&r->across, source, target);
  }
}

// Row y of the plane after the vertical pass.
static const uint8_t *run_down(const struct resampler *r, const uint8_t *plane, int32_t y) {
  if (r->height == r->target_height) return plane + (size_t)y * (size_t)r->row_stride;
  r->column(&r->down, plane, r->row_stride, y, r->between);
  return r->between;
}

void carina_resampler_push(struct resampler *r, const uint8_t *row) {
  if (r->next_row >= r->height) return;
  const int32_t width = r->width, plane_stride = width + PADDING;
  if (r->channels == 1) {
    memcpy(r->planar, row, (size_t)width);
  } else {
    uint8_t *red = r->planar, *green = red + plane_stride, *blue = green + plane_stride;
    for (int32_t x = 0; x < width; x++) red[x] = row[3 * x], green[x] = row[3 * x + 1], blue[x] = row[3 * x + 2];
  }
  const int32_t used = r->vertical_first ? width : r->target_width;
  for (int32_t channel = 0; channel < r->channels; channel++) {
    const uint8_t *source = r->planar + (size_t)channel * (size_t)plane_stride;
    const size_t kept_row = (size_t)channel * (size_t)r->height + (size_t)r->next_row;
    uint8_t *target = r->kept + kept_row * (size_t)r->row_stride;
    if (r->vertical_first) {
      memcpy(target, source, (size_t)width);
    } else {
      run_across(r, source, target);
    }
    memset(target + used, 0, (size_t)(r->row_stride - used));
  }
  r->next_row++;
}

void carina_resampler_finish(struct resampler *r, uint8_t *target) {
  const int32_t width = r->target_width;
  for (int32_t y = 0; y < r->target_height; y++) {
    for (int32_t channel = 0; channel < r->channels; channel++) {
      const uint8_t *plane = r->kept + (size_t)channel * (size_t)r->height * (size_t)r->row_stride;
      const uint8_t *row = run_down(r, plane, y);
      uint8_t *output = r->output + (size_t)channel * (size_t)width;
      if (r->vertical_first) {
        run_across(r, row, output);
      } else {
        memcpy(output, row, (size_t)width);
      }
    }
    uint8_t *line = target + (size_t)y * (size_t)width * (size_t)r->channels;
    if (r->channels == 1) {
      memcpy(line, r->output, (size_t)width);
    } else {
      const uint8_t *red = r->output, *green = red + width, *blue = green + width;
      for (int32_t x = 0; x < width; x++) line[3 * x] = red[x], line[3 * x + 1] = green[x], line[3 * x + 2] = blue[x];
    }
  }
}

static int resize_with(
    const uint8_t *source, int32_t width, int32_t height, int32_t channels, uint8_t *target, int32_t target_width,
    int32_t target_height, int order, int filter, int vector) {
  struct resampler *r =
      carina_resampler_create(width, height, channels, target_width, target_height, order, filter, vector);
  if (!r) return 1;
  for (int32_t y = 0; y < height; y++) {
    carina_resampler_push(r, source + (size_t)y * (size_t)width * (size_t)channels);
  }
  carina_resampler_finish(r, target);
  carina_resampler_destroy(r);
  return 0;
}

int carina_resize(
    const uint8_t *source, int32_t width, int32_t height, int32_t channels, uint8_t *target, int32_t target_width,
    int32_t target_height, int order, int filter) {
  return resize_with(source, width, height, channels, target, target_width, target_height, order, filter, 1);
}

int carina_resize_plain(
    const uint8_t *source, int32_t width, int32_t height, int32_t channels, uint8_t *target, int32_t target_width,
    int32_t target_height, int order, int filter) {
  return resize_with(source, width, height, channels, target, target_width, target_height, order, filter, 0);
}

void carina_luma(const uint8_t *rgb, int64_t count, uint8_t *grey) {
  for (int64_t i = 0; i < count; i++, rgb += 3) {
    grey[i] = (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
  }
}
