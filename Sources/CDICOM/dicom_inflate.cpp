#include <zlib.h>

#include "dicom_extract.h"

namespace carina {

std::vector<uint8_t> inflateDataSet(const uint8_t *bytes, size_t count) {
  // Pixel data at their limit, and whatever else a radiograph says.
  constexpr size_t limit = CARINA_DICOM_MAX_PIXEL_BYTES + (size_t{1} << 24);
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) refuse(CARINA_DICOM_NO_MEMORY, "no memory to inflate it");
  struct Ending {
    z_stream *stream;
    ~Ending() { inflateEnd(stream); }
  } ending{&stream};
  std::vector<uint8_t> result;
  size_t held = 0;
  stream.next_in = const_cast<uint8_t *>(bytes);
  stream.avail_in = static_cast<uInt>(count);
  for (;;) {
    if (held == limit) refuse(CARINA_DICOM_TOO_LARGE, "its deflated data hold more than %zu bytes", limit);
    const size_t more = held < (1u << 16) ? (1u << 16) : held;
    result.resize(held + more < limit ? held + more : limit);
    stream.next_out = result.data() + held;
    stream.avail_out = static_cast<uInt>(result.size() - held);
    const int status = inflate(&stream, Z_NO_FLUSH);
    held = result.size() - stream.avail_out;
    if (status == Z_STREAM_END) break;
    if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0))
      refuse(CARINA_DICOM_DAMAGED, "its deflated data are damaged or truncated");
  }
  result.resize(held);
  return result;
}

}  // namespace carina
