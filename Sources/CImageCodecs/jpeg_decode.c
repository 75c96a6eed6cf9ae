#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "decoders.h"

// libjpeg reports an error by a call that must not return; the jump ends here, in C, with everything freed.

struct jpeg_session {
  struct jpeg_decompress_struct decoder;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  JSAMPLE *rows[4];
  uint8_t *converted;
  carina_image_report *report;
  int status;
};

static void stop(j_common_ptr decoder) {
  struct jpeg_session *session = (struct jpeg_session *)decoder->client_data;
  if (session->status == CARINA_IMAGE_OK) {
    char text[JMSG_LENGTH_MAX];
    decoder->err->format_message(decoder, text);
    const int code = decoder->err->msg_code;
    const int unsupported = code == JERR_SOF_UNSUPPORTED || code == JERR_BAD_PRECISION || code == JERR_NOT_COMPILED ||
                            code == JERR_CONVERSION_NOTIMPL || code == JERR_CCIR601_NOTIMPL;
    const int memory = code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE;
    session->status = carina_image_fail(
        session->report,
        memory ? CARINA_IMAGE_TOO_LARGE : unsupported ? CARINA_IMAGE_UNSUPPORTED : CARINA_IMAGE_DAMAGED, "%s",
        memory ? "a progressive image of this size takes too much memory to decode" : text);
  }
  longjmp(session->escape, 1);
}

static void stop_with(j_common_ptr decoder, int status, const char *text) {
  struct jpeg_session *session = (struct jpeg_session *)decoder->client_data;
  session->status = carina_image_fail(session->report, status, "%s", text);
  longjmp(session->escape, 1);
}

static void keep_quiet(j_common_ptr decoder, int level) {
  if (level < 0) decoder->err->num_warnings++;
}

static void no_output(j_common_ptr decoder) { (void)decoder; }

static void no_source_step(j_decompress_ptr decoder) { (void)decoder; }

static boolean end_of_bytes(j_decompress_ptr decoder) {
  stop_with((j_common_ptr)decoder, CARINA_IMAGE_DAMAGED, "the file is truncated");
  return FALSE;
}

static void skip_bytes(j_decompress_ptr decoder, long count) {
  if (count <= 0) return;
  if ((size_t)count > decoder->src->bytes_in_buffer) end_of_bytes(decoder);
  decoder->src->next_input_byte += count;
  decoder->src->bytes_in_buffer -= (size_t)count;
}

// A progressive file may hold any number of scans over the whole image: a small file that takes minutes.
static void watch_scans(j_common_ptr common) {
  const j_decompress_ptr decoder = (j_decompress_ptr)common;
  const double scans = decoder->input_scan_number;
  const double pixels = (double)decoder->image_width * decoder->image_height;
  if (scans > 1000 || (scans > 20 && scans * pixels > 1e9)) {
    stop_with(common, CARINA_IMAGE_TOO_LARGE, "it has so many scans that decoding would take too long");
  }
}

// The values of a four-component file are inverted, as Adobe writes them: K - (K * (255 - C)) / 255 rounded.
static void cmyk_to_rgb(const JSAMPLE *row, int32_t width, uint8_t *rgb) {
  for (int32_t x = 0; x < width; x++, row += 4, rgb += 3) {
    for (int channel = 0; channel < 3; channel++) {
      const int product = (255 - row[channel]) * row[3] + 128;
      rgb[channel] = (uint8_t)(row[3] - ((product + (product >> 8)) >> 8));
    }
  }
}

static void decode_rows(struct jpeg_session *session, const struct row_sink *sink) {
  const j_decompress_ptr decoder = &session->decoder;
  const int cmyk = decoder->num_components == 4;
  decoder->out_color_space = cmyk ? JCS_CMYK : decoder->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(decoder);
  const size_t row_bytes = (size_t)decoder->output_width * (size_t)decoder->output_components;
  int wanted = decoder->rec_outbuf_height;
  if (wanted < 1 || wanted > 4) wanted = 1;
  for (int i = 0; i < wanted; i++) session->rows[i] = malloc(row_bytes);
  if (cmyk) session->converted = malloc((size_t)decoder->output_width * 3);
  for (int i = 0; i < wanted; i++) {
    if (!session->rows[i]) stop_with((j_common_ptr)decoder, CARINA_IMAGE_NO_MEMORY, "no memory for a row");
  }
  if (cmyk && !session->converted) stop_with((j_common_ptr)decoder, CARINA_IMAGE_NO_MEMORY, "no memory for a row");
  while (decoder->output_scanline < decoder->output_height) {
    const JDIMENSION count = jpeg_read_scanlines(decoder, session->rows, (JDIMENSION)wanted);
    for (JDIMENSION i = 0; i < count; i++) {
      const void *row = session->rows[i];
      if (cmyk) {
        cmyk_to_rgb(row, (int32_t)decoder->output_width, session->converted);
        row = session->converted;
      }
      sink->row(sink->context, row);
    }
  }
  // Reads on to the end marker, whose absence is a truncation too.
  jpeg_finish_decompress(decoder);
}

// The smallest part of eight at which both sides stay at `fast_size` or more.
static void choose_scale(j_decompress_ptr decoder, int32_t fast_size, carina_image_report *report) {
  const int64_t shorter = report->width < report->height ? report->width : report->height;
  int eighths = 1;
  while (eighths < 8 && (shorter * eighths + 7) / 8 < fast_size) eighths++;
  decoder->scale_num = (unsigned)eighths;
  decoder->scale_denom = 8;
  jpeg_calc_output_dimensions(decoder);
  report->width = (int32_t)decoder->output_width;
  report->height = (int32_t)decoder->output_height;
}

int carina_jpeg_read(
    const uint8_t *bytes, size_t count, int32_t fast_size, const struct row_sink *sink, carina_image_report *report) {
  struct jpeg_session *session = calloc(1, sizeof *session);
  if (!session) return carina_image_fail(report, CARINA_IMAGE_NO_MEMORY, "no memory for a decoder");
  const j_decompress_ptr decoder = &session->decoder;
  session->report = report;
  decoder->err = jpeg_std_error(&session->errors);
  session->errors.error_exit = stop;
  session->errors.emit_message = keep_quiet;
  session->errors.output_message = no_output;
  decoder->client_data = session;
  if (setjmp(session->escape) == 0) {
    jpeg_create_decompress(decoder);
    decoder->client_data = session;
    decoder->mem->max_memory_to_use = CARINA_IMAGE_MAX_BUFFER;
    session->source = (struct jpeg_source_mgr){
        .next_input_byte = bytes, .bytes_in_buffer = count, .init_source = no_source_step,
        .fill_input_buffer = end_of_bytes, .skip_input_data = skip_bytes,
        .resync_to_restart = jpeg_resync_to_restart, .term_source = no_source_step};
    decoder->src = &session->source;
    session->progress.progress_monitor = watch_scans;
    decoder->progress = &session->progress;
    jpeg_read_header(decoder, TRUE);
    session->status = carina_image_check_size(report, decoder->image_width, decoder->image_height);
    report->depth = 8;
    report->channels = decoder->num_components == 1 ? 1 : 3;
    if (session->status == CARINA_IMAGE_OK && decoder->num_components != 1 && decoder->num_components != 3 &&
        decoder->num_components != 4) {
      session->status = carina_image_fail(
          report, CARINA_IMAGE_UNSUPPORTED, "a JPEG of %d components is not supported", decoder->num_components);
    }
    if (session->status == CARINA_IMAGE_OK && fast_size > 0) choose_scale(decoder, fast_size, report);
    if (session->status == CARINA_IMAGE_OK && sink) {
      session->status = sink->start(sink->context, report->width, report->height, report->channels, 8);
      if (session->status == CARINA_IMAGE_OK) {
        decode_rows(session, sink);
      } else {
        carina_image_fail(report, session->status, "no memory for %d x %d pixels", report->width, report->height);
      }
    }
  }
  jpeg_destroy_decompress(decoder);
  for (int i = 0; i < 4; i++) free(session->rows[i]);
  free(session->converted);
  const int status = session->status;
  free(session);
  return status;
}
