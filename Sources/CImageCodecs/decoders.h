#pragma once
#include "image_decode.h"
#include "row_sink.h"

// Both fill the report from the header, check the limits, and, when `sink` is not null, decode into it.
// `fast_size` as for carina_image_header.
int carina_jpeg_read(
    const uint8_t *bytes, size_t count, int32_t fast_size, const struct row_sink *sink, carina_image_report *report);
int carina_png_read(const uint8_t *bytes, size_t count, const struct row_sink *sink, carina_image_report *report);

// Writes the report's message and returns `status`.
int carina_image_fail(carina_image_report *report, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Refuses dimensions over the limits.
int carina_image_check_size(carina_image_report *report, uint64_t width, uint64_t height);
