#include "png_write.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
  uint8_t *bytes;
  size_t count, capacity;
  char *message;
  size_t message_size;
};

static void say(struct output *out, const char *text) {
  if (out->message_size > 0) snprintf(out->message, out->message_size, "%s", text);
}

static void on_error(png_structp png, png_const_charp text) {
  say((struct output *)png_get_error_ptr(png), text);
  longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void append(png_structp png, png_bytep data, png_size_t length) {
  struct output *out = png_get_io_ptr(png);
  if (out->count + length > out->capacity) {
    size_t capacity = 2 * (out->count + length);
    uint8_t *grown = realloc(out->bytes, capacity);
    if (!grown) png_error(png, "out of memory");
    out->bytes = grown;
    out->capacity = capacity;
  }
  memcpy(out->bytes + out->count, data, length);
  out->count += length;
}

static void flush(png_structp png) { (void)png; }

int carina_png_write(const uint8_t *pixels, int width, int height, int channels, uint8_t **bytes, size_t *count,
                     char *message, size_t message_size) {
  *bytes = NULL;
  *count = 0;
  /* Lives on the heap, because a longjmp leaves changed automatic variables undefined. */
  struct output *out = calloc(1, sizeof *out);
  if (!out) return 1;
  out->message = message;
  out->message_size = message_size;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, out, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    say(out, "libpng cannot start");
    png_destroy_write_struct(&png, NULL);
    free(out);
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    free(out->bytes);
    free(out);
    return 1;
  }
  png_set_write_fn(png, out, append, flush);
  png_set_compression_level(png, 4);
  png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8,
               channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  const size_t row_bytes = (size_t)width * (size_t)channels;
  for (int row = 0; row < height; row++) png_write_row(png, (png_const_bytep)(pixels + (size_t)row * row_bytes));
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  *bytes = out->bytes;
  *count = out->count;
  free(out);
  return 0;
}

void carina_png_free(uint8_t *bytes) { free(bytes); }
