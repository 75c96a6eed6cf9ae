#pragma once
#include <stddef.h>
#include <stdint.h>

/// Outcome of a decoder call; everything but CARINA_IMAGE_OK comes with a text in the report.
enum {
  CARINA_IMAGE_OK = 0,
  CARINA_IMAGE_UNKNOWN_FORMAT,  // the first bytes are neither a JPEG's nor a PNG's
  CARINA_IMAGE_DAMAGED,         // truncated or corrupt
  CARINA_IMAGE_TOO_LARGE,       // over the limits below, refused from the header
  CARINA_IMAGE_UNSUPPORTED,     // well-formed, but of a kind that is not handled
  CARINA_IMAGE_NO_MEMORY,
};

enum { CARINA_IMAGE_JPEG = 1, CARINA_IMAGE_PNG = 2 };

/// Limits that a header must keep before anything is allocated for its pixels, and the largest buffer, in bytes, of
/// a decoder that cannot work row by row (interlaced PNG, progressive JPEG).
enum { CARINA_IMAGE_MAX_SIDE = 20000, CARINA_IMAGE_MAX_PIXELS = 200000000, CARINA_IMAGE_MAX_BUFFER = 400000000 };

/// What a header says and, on failure, why.
typedef struct {
  int32_t format;    // CARINA_IMAGE_JPEG or CARINA_IMAGE_PNG
  int32_t width, height;
  int32_t channels;  // as decoded: 1 grey, 3 RGB (alpha is dropped, palettes are looked up)
  int32_t depth;     // bits of a decoded value: 8 or 16
  char message[240];
} carina_image_report;

/// Reads the header. The content decides the format; there is no file name to mislead.
/// With `fast_size` above 0 a JPEG is decoded at n/8 of its size by scaled inverse cosine transforms, n the smallest of
/// 1...8 that leaves both sides at `fast_size` or more; the report then has the width and height that come out. 0
/// decodes everything, and other formats always are.
int carina_image_header(const uint8_t *bytes, size_t count, int32_t fast_size, carina_image_report *report);

/// Decodes everything into `pixels`, interleaved, row by row: uint8_t for depth 8, host-order uint16_t for depth 16.
/// `capacity` in bytes must hold width * height * channels values.
int carina_image_decode(
    const uint8_t *bytes, size_t count, int32_t fast_size, void *pixels, size_t capacity, carina_image_report *report);

/// Decodes an image of depth 8 and resizes it to `size` x `size` as the rows arrive, so that no full-size image is
/// kept; same bytes as carina_image_decode followed by carina_resize. `pixels` must hold size * size * 3;
/// `report->channels` says how many channels were written. `to_grey` non-zero turns colour into luma first; `order` is
/// and `filter` those of carina_resize.
int carina_image_decode_resized(
    const uint8_t *bytes, size_t count, int32_t fast_size, int32_t size, int to_grey, int order, int filter,
    uint8_t *pixels, carina_image_report *report);
