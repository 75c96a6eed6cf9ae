#include "gzip_read.h"

#include <stdlib.h>

#include <zlib.h>

enum { PIECE = 1 << 16 };

struct carina_gzip {
  z_stream stream;
  int is_within_member;
  size_t consumed;
  unsigned char input[PIECE];
};

carina_gzip *carina_gzip_begin(void) {
  carina_gzip *gzip = calloc(1, sizeof *gzip);
  // 16 asks zlib for gzip headers, 15 for the largest window.
  if (gzip && inflateInit2(&gzip->stream, 16 + 15) != Z_OK) {
    free(gzip);
    return NULL;
  }
  return gzip;
}

void carina_gzip_end(carina_gzip *gzip) {
  if (!gzip) return;
  inflateEnd(&gzip->stream);
  free(gzip);
}

size_t carina_gzip_consumed(const carina_gzip *gzip) { return gzip->consumed; }

int carina_gzip_read(carina_gzip *gzip, FILE *file, uint8_t *bytes, size_t room, size_t *count) {
  z_stream *stream = &gzip->stream;
  stream->next_out = bytes;
  stream->avail_out = (uInt)(room < (1u << 30) ? room : 1u << 30);
  *count = 0;
  while (stream->avail_out > 0) {
    if (stream->avail_in == 0) {
      stream->next_in = gzip->input;
      stream->avail_in = (uInt)fread(gzip->input, 1, PIECE, file);
      if (ferror(file)) return 1;
      gzip->consumed += stream->avail_in;
      // The file may end where a member does, and nowhere else.
      if (stream->avail_in == 0) {
        if (gzip->is_within_member) return 1;
        break;
      }
    }
    if (!gzip->is_within_member) {
      if (inflateReset(stream) != Z_OK) return 1;
      gzip->is_within_member = 1;
    }
    const int result = inflate(stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      gzip->is_within_member = 0;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return 1;
    }
  }
  *count = (size_t)(stream->next_out - bytes);
  return 0;
}
