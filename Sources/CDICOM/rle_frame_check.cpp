#include "compressed_frame_check.h"
#include "dicom_extract.h"

namespace carina {

namespace {

size_t quad(const uint8_t *p) {
  return static_cast<size_t>(p[0]) | static_cast<size_t>(p[1]) << 8 | static_cast<size_t>(p[2]) << 16 |
         static_cast<size_t>(p[3]) << 24;
}

/// Bytes that the packets before `end` hold, at most `wanted`: more than that is never looked at.
size_t held(const uint8_t *bytes, size_t offset, size_t end, size_t wanted) {
  size_t sum = 0;
  while (sum < wanted && offset < end) {
    const size_t code = bytes[offset++];
    if (code < 128) {
      // A packet that is cut short ends the segment.
      if (code + 1 > end - offset) break;
      sum += code + 1;
      offset += code + 1;
    } else if (code > 128) {
      if (offset == end) break;
      sum += 257 - code;
      offset++;
    }
  }
  return sum < wanted ? sum : wanted;
}

}  // namespace

void checkRLEFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated) {
  if (count < 64) refuse(CARINA_DICOM_DAMAGED, "its RLE data are truncated");
  const size_t segments = quad(bytes), expected = static_cast<size_t>(promised.channels * bitsAllocated / 8);
  if (segments != expected)
    refuse(CARINA_DICOM_DAMAGED, "its RLE data have %zu segments instead of %zu", segments, expected);
  const size_t pixels = static_cast<size_t>(promised.width) * static_cast<size_t>(promised.height);
  for (size_t segment = 0; segment < segments; segment++) {
    const size_t start = quad(bytes + 4 + 4 * segment);
    const size_t end = segment + 1 < segments ? quad(bytes + 8 + 4 * segment) : count;
    if (start < 64 || start > end || end > count)
      refuse(CARINA_DICOM_DAMAGED, "its RLE data have a segment outside of them");
    const size_t found = held(bytes, start, end, pixels);
    if (found < pixels)
      refuse(CARINA_DICOM_DAMAGED, "a segment of its RLE data has %zu bytes instead of %zu", found, pixels);
  }
}

}  // namespace carina
