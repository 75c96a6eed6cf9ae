#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "decoders.h"

// libpng reports an error by a call that must not return; the jump ends here, in C, with everything freed.

struct png_session {
  png_structp png;
  png_infop info;
  const uint8_t *next;
  size_t left;
  uint8_t *row, *converted, *image;
  png_bytep *rows;
  carina_image_report *report;
  jmp_buf escape;
  int status;
};

static void stop_with(struct png_session *session, int status, const char *text) {
  session->status = carina_image_fail(session->report, status, "%s", text);
  longjmp(session->escape, 1);
}

static void stop(png_structp png, png_const_charp text) {
  stop_with(png_get_error_ptr(png), CARINA_IMAGE_DAMAGED, text);
}

static void keep_quiet(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void take_bytes(png_structp png, png_bytep target, size_t count) {
  struct png_session *session = png_get_io_ptr(png);
  if (count > session->left) stop_with(session, CARINA_IMAGE_DAMAGED, "the file is truncated");
  memcpy(target, session->next, count);
  session->next += count;
  session->left -= count;
}

// Chunks that change no pixel are not even read: some hold compressed data of any size.
static void skip_useless_chunks(png_structp png) {
  static const png_byte names[] =
      "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0"
      "sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0tRNS\0zTXt";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, (int)(sizeof names / 5));
}

struct png_layout {
  int32_t width, height;
  int colour_type, stored_channels, wide;
  png_colorp palette;
  int palette_count;
};

// One row from libpng's unpacked form (alpha last, palette as indices, 16 bits big-endian) to grey or RGB.
static void convert_row(const struct png_layout *layout, const uint8_t *row, void *target) {
  const int32_t width = layout->width;
  const int in = layout->stored_channels, out = in >= 3 ? 3 : 1;
  if (layout->colour_type == PNG_COLOR_TYPE_PALETTE) {
    uint8_t *rgb = target;
    for (int32_t x = 0; x < width; x++, rgb += 3) {
      const int index = row[x];
      const png_color none = {0, 0, 0}, colour = index < layout->palette_count ? layout->palette[index] : none;
      rgb[0] = colour.red, rgb[1] = colour.green, rgb[2] = colour.blue;
    }
  } else if (layout->wide) {
    uint16_t *values = target;
    for (int32_t x = 0; x < width; x++, row += 2 * in) {
      for (int c = 0; c < out; c++) *values++ = (uint16_t)(row[2 * c] << 8 | row[2 * c + 1]);
    }
  } else {
    uint8_t *values = target;
    for (int32_t x = 0; x < width; x++, row += in) {
      for (int c = 0; c < out; c++) *values++ = row[c];
    }
  }
}

static void decode_rows(struct png_session *session, const struct png_layout *layout, const struct row_sink *sink) {
  const png_structp png = session->png;
  const size_t row_bytes = png_get_rowbytes(png, session->info);
  const int direct = !layout->wide && layout->colour_type != PNG_COLOR_TYPE_PALETTE &&
                     (layout->stored_channels == 1 || layout->stored_channels == 3);
  if (!direct) {
    session->converted = malloc((size_t)layout->width * 3 * 2);
    if (!session->converted) stop_with(session, CARINA_IMAGE_NO_MEMORY, "no memory for a row");
  }
  if (png_get_interlace_type(png, session->info) == PNG_INTERLACE_NONE) {
    session->row = malloc(row_bytes);
    if (!session->row) stop_with(session, CARINA_IMAGE_NO_MEMORY, "no memory for a row");
  } else {
    const size_t bytes = row_bytes * (size_t)layout->height;
    if (bytes > CARINA_IMAGE_MAX_BUFFER) {
      stop_with(session, CARINA_IMAGE_TOO_LARGE, "an interlaced image of this size takes too much memory to decode");
    }
    session->image = malloc(bytes);
    session->rows = malloc((size_t)layout->height * sizeof *session->rows);
    if (!session->image || !session->rows) stop_with(session, CARINA_IMAGE_NO_MEMORY, "no memory for the image");
    for (int32_t y = 0; y < layout->height; y++) session->rows[y] = session->image + (size_t)y * row_bytes;
    png_read_image(png, session->rows);
  }
  for (int32_t y = 0; y < layout->height; y++) {
    const uint8_t *row = session->rows ? session->rows[y] : session->row;
    if (!session->rows) png_read_row(png, session->row, NULL);
    if (!direct) convert_row(layout, row, session->converted);
    sink->row(sink->context, direct ? row : session->converted);
  }
}

static void read_session(struct png_session *session, const struct row_sink *sink) {
  const png_structp png = session->png;
  carina_image_report *report = session->report;
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_chunk_malloc_max(png, 1u << 20);
  skip_useless_chunks(png);
  png_set_read_fn(png, session, take_bytes);
  png_read_info(png, session->info);
  const int colour_type = png_get_color_type(png, session->info);
  session->status = carina_image_check_size(
      report, png_get_image_width(png, session->info), png_get_image_height(png, session->info));
  report->depth = png_get_bit_depth(png, session->info) == 16 ? 16 : 8;
  report->channels = colour_type & PNG_COLOR_MASK_COLOR ? 3 : 1;
  if (session->status != CARINA_IMAGE_OK || !sink) return;
  if (colour_type == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(png);
  } else if (png_get_bit_depth(png, session->info) < 8) {
    png_set_expand_gray_1_2_4_to_8(png);
  }
  if (png_get_interlace_type(png, session->info) != PNG_INTERLACE_NONE) png_set_interlace_handling(png);
  png_read_update_info(png, session->info);
  struct png_layout layout = {
      .width = report->width, .height = report->height, .colour_type = colour_type,
      .stored_channels = png_get_channels(png, session->info), .wide = report->depth == 16};
  if (colour_type == PNG_COLOR_TYPE_PALETTE) {
    png_get_PLTE(png, session->info, &layout.palette, &layout.palette_count);
  }
  session->status = sink->start(sink->context, report->width, report->height, report->channels, report->depth);
  if (session->status == CARINA_IMAGE_UNSUPPORTED) {
    stop_with(session, session->status, "16-bit values need a window policy");
  } else if (session->status != CARINA_IMAGE_OK) {
    stop_with(session, session->status, "no memory for the pixels");
  }
  decode_rows(session, &layout, sink);
}

int carina_png_read(const uint8_t *bytes, size_t count, const struct row_sink *sink, carina_image_report *report) {
  struct png_session *session = calloc(1, sizeof *session);
  if (!session) return carina_image_fail(report, CARINA_IMAGE_NO_MEMORY, "no memory for a decoder");
  session->report = report;
  session->next = bytes;
  session->left = count;
  if (setjmp(session->escape) == 0) {
    session->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, session, stop, keep_quiet);
    if (session->png) session->info = png_create_info_struct(session->png);
    if (session->info) {
      read_session(session, sink);
    } else {
      session->status = carina_image_fail(report, CARINA_IMAGE_NO_MEMORY, "no memory for a decoder");
    }
  }
  if (session->png) png_destroy_read_struct(&session->png, session->info ? &session->info : NULL, NULL);
  free(session->row);
  free(session->converted);
  free(session->image);
  free(session->rows);
  const int status = session->status;
  free(session);
  return status;
}
