#include "compressed_frame_check.h"

#include <cstring>

#include "dicom_extract.h"

namespace carina {

namespace {

bool isFrameHeader(int marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

bool isBare(int marker) { return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8); }

}  // namespace

int checkJPEGFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated) {
  if (count < 4 || bytes[0] != 0xff || bytes[1] != 0xd8)
    refuse(CARINA_DICOM_DAMAGED, "its compressed pixel data are no JPEG");
  size_t frames = 0, scans = 0, offset = 2;
  int bits = 0;
  for (;;) {
    // Between segments, and after the data of a scan, the next marker is looked for; stuffed zeros are none.
    const void *found = offset < count ? memchr(bytes + offset, 0xff, count - offset) : nullptr;
    if (!found) break;
    offset = static_cast<size_t>(static_cast<const uint8_t *>(found) - bytes) + 1;
    if (offset >= count) break;
    const int marker = bytes[offset];
    if (marker == 0xff || marker == 0) continue;
    offset++;
    if (marker == 0xd9) break;
    if (isBare(marker)) continue;
    if (count - offset < 2) break;
    const size_t length = static_cast<size_t>(bytes[offset] << 8 | bytes[offset + 1]);
    if (length < 2 || length > count - offset) refuse(CARINA_DICOM_DAMAGED, "its JPEG is truncated");
    if (marker == 0xda) scans++;
    if (isFrameHeader(marker)) {
      if (length < 8) refuse(CARINA_DICOM_DAMAGED, "its JPEG has a frame header that is too short");
      const uint8_t *head = bytes + offset + 2;
      const int precision = head[0], height = head[1] << 8 | head[2], width = head[3] << 8 | head[4], parts = head[5];
      if (width != promised.width || height != promised.height || parts != promised.channels)
        refuse(CARINA_DICOM_DAMAGED, "its JPEG has %d x %d pixels of %d channels, its attributes say %d x %d of %d",
               width, height, parts, promised.width, promised.height, promised.channels);
      if (precision > 8 ? bitsAllocated == 8 : promised.bits_stored > 8 && promised.is_signed)
        refuse(CARINA_DICOM_DAMAGED, "its JPEG has %d bits a value, its attributes say %d", precision,
               promised.bits_stored);
      bits = precision;
      frames++;
    }
    offset += length;
  }
  if (frames != 1 || scans == 0)
    refuse(CARINA_DICOM_DAMAGED, "its JPEG has %zu frame headers and %zu scans", frames, scans);
  const double values = static_cast<double>(promised.width) * promised.height;
  if (scans > 1000 || (scans > 20 && static_cast<double>(scans) * values > 1e9))
    refuse(CARINA_DICOM_TOO_LARGE, "its JPEG has so many scans that decoding would take too long");
  return bits;
}

}  // namespace carina
