#include "gzip_read.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

int carina_gzip_inflate(const uint8_t *bytes, size_t count, size_t limit, uint8_t **content, size_t *content_count) {
  enum { STEP = 1 << 24 };
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  *content = NULL;
  *content_count = 0;
  // 16 asks zlib for gzip headers, 15 for the largest window.
  if (inflateInit2(&stream, 16 + 15) != Z_OK) return 3;
  size_t used = 0, done = 0, room = 1 << 16;
  uint8_t *buffer = malloc(room);
  int status = buffer ? 0 : 3;
  while (status == 0) {
    if (done == room) {
      uint8_t *larger = room > limit ? NULL : realloc(buffer, room * 2);
      if (!larger) {
        status = room > limit ? 2 : 3;
        break;
      }
      buffer = larger;
      room *= 2;
    }
    stream.next_in = (Bytef *)(bytes + used);
    const size_t input = count - used < STEP ? count - used : STEP;
    stream.avail_in = (uInt)input;
    stream.next_out = buffer + done;
    const size_t output = room - done < STEP ? room - done : STEP;
    stream.avail_out = (uInt)output;
    const int result = inflate(&stream, Z_NO_FLUSH);
    used += input - stream.avail_in;
    done += output - stream.avail_out;
    if (result == Z_STREAM_END) {
      if (used == count) break;
      if (inflateReset(&stream) != Z_OK) status = 1;
    } else if (result != Z_OK || (used == count && stream.avail_out > 0)) {
      status = 1;
    }
  }
  inflateEnd(&stream);
  if (status == 0 && done > limit) status = 2;
  if (status != 0) {
    free(buffer);
    return status;
  }
  *content = buffer;
  *content_count = done;
  return 0;
}
