#include <string.h>
#include <zlib.h>

#include "hdf5_survey.h"

ptrdiff_t carina_inflate_chunk(const void *from, size_t count, void *to, size_t capacity) {
  if (count > UINT32_MAX || capacity > UINT32_MAX) return -1;
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (inflateInit(&stream) != Z_OK) return -1;
  stream.next_in = (Bytef *)from;
  stream.avail_in = (uInt)count;
  stream.next_out = to;
  stream.avail_out = (uInt)capacity;
  const int status = inflate(&stream, Z_FINISH);
  const ptrdiff_t result = status == Z_STREAM_END ? (ptrdiff_t)stream.total_out : -1;
  inflateEnd(&stream);
  return result;
}
