#include "image_decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoders.h"
#include "image_resize.h"
#include "resampler.h"

int carina_image_fail(carina_image_report *report, int status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(report->message, sizeof report->message, format, arguments);
  va_end(arguments);
  return status;
}

int carina_image_check_size(carina_image_report *report, uint64_t width, uint64_t height) {
  if (width == 0 || height == 0) {
    return carina_image_fail(report, CARINA_IMAGE_DAMAGED, "the header says %llu x %llu pixels",
                             (unsigned long long)width, (unsigned long long)height);
  }
  if (width > CARINA_IMAGE_MAX_SIDE || height > CARINA_IMAGE_MAX_SIDE || width * height > CARINA_IMAGE_MAX_PIXELS) {
    return carina_image_fail(
        report, CARINA_IMAGE_TOO_LARGE, "the header says %llu x %llu pixels; the limits are %d a side and %d in all",
        (unsigned long long)width, (unsigned long long)height, CARINA_IMAGE_MAX_SIDE, CARINA_IMAGE_MAX_PIXELS);
  }
  report->width = (int32_t)width;
  report->height = (int32_t)height;
  return CARINA_IMAGE_OK;
}

static int read_any(
    const uint8_t *bytes, size_t count, int32_t fast_size, const struct row_sink *sink, carina_image_report *report) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  memset(report, 0, sizeof *report);
  if (count == 0) return carina_image_fail(report, CARINA_IMAGE_DAMAGED, "the file is empty");
  if (count >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff) {
    report->format = CARINA_IMAGE_JPEG;
    return carina_jpeg_read(bytes, count, fast_size, sink, report);
  }
  if (count >= sizeof png && memcmp(bytes, png, sizeof png) == 0) {
    report->format = CARINA_IMAGE_PNG;
    return carina_png_read(bytes, count, sink, report);
  }
  return carina_image_fail(report, CARINA_IMAGE_UNKNOWN_FORMAT, "the content is neither JPEG, PNG nor DICOM");
}

int carina_image_header(const uint8_t *bytes, size_t count, int32_t fast_size, carina_image_report *report) {
  return read_any(bytes, count, fast_size, NULL, report);
}

// A sink that keeps every row.
struct buffer_sink {
  uint8_t *next;
  size_t capacity, row_bytes;
};

static int buffer_start(void *context, int32_t width, int32_t height, int32_t channels, int32_t depth) {
  struct buffer_sink *sink = context;
  sink->row_bytes = (size_t)width * (size_t)channels * (size_t)(depth / 8);
  return sink->row_bytes * (size_t)height > sink->capacity ? CARINA_IMAGE_TOO_LARGE : CARINA_IMAGE_OK;
}

static void buffer_row(void *context, const void *row) {
  struct buffer_sink *sink = context;
  memcpy(sink->next, row, sink->row_bytes);
  sink->next += sink->row_bytes;
}

int carina_image_decode(
    const uint8_t *bytes, size_t count, int32_t fast_size, void *pixels, size_t capacity,
    carina_image_report *report) {
  struct buffer_sink buffer = {pixels, capacity, 0};
  const struct row_sink sink = {buffer_start, buffer_row, &buffer};
  return read_any(bytes, count, fast_size, &sink, report);
}

// A sink that resizes, turning colour into luma on the way when asked.
struct resize_sink {
  int32_t size, width, channels;
  int to_grey, order, filter;
  struct resampler *resampler;
  uint8_t *grey;
};

static int resize_start(void *context, int32_t width, int32_t height, int32_t channels, int32_t depth) {
  struct resize_sink *sink = context;
  if (depth != 8) return CARINA_IMAGE_UNSUPPORTED;
  sink->width = width;
  sink->to_grey = sink->to_grey && channels == 3;
  sink->channels = sink->to_grey ? 1 : channels;
  if (sink->to_grey) {
    sink->grey = malloc((size_t)width);
    if (!sink->grey) return CARINA_IMAGE_NO_MEMORY;
  }
  sink->resampler = carina_resampler_create(
      width, height, sink->channels, sink->size, sink->size, sink->order, sink->filter, 1);
  return sink->resampler ? CARINA_IMAGE_OK : CARINA_IMAGE_NO_MEMORY;
}

static void resize_row(void *context, const void *row) {
  struct resize_sink *sink = context;
  if (sink->to_grey) {
    carina_luma(row, sink->width, sink->grey);
    row = sink->grey;
  }
  carina_resampler_push(sink->resampler, row);
}

int carina_image_decode_resized(
    const uint8_t *bytes, size_t count, int32_t fast_size, int32_t size, int to_grey, int order, int filter,
    uint8_t *pixels, carina_image_report *report) {
  struct resize_sink resize = {.size = size, .to_grey = to_grey, .order = order, .filter = filter};
  const struct row_sink sink = {resize_start, resize_row, &resize};
  const int status = read_any(bytes, count, fast_size, &sink, report);
  if (status == CARINA_IMAGE_OK) {
    carina_resampler_finish(resize.resampler, pixels);
    report->channels = resize.channels;
  }
  carina_resampler_destroy(resize.resampler);
  free(resize.grey);
  return status;
}
