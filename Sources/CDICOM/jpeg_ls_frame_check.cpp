#include <algorithm>
#include <cstddef>
#include <cstring>

#include "compressed_frame_check.h"
#include "dicom_extract.h"

namespace carina {

namespace {

constexpr int kFrame = 0xf7, kPresets = 0xf8, kScan = 0xda, kEnd = 0xd9, kComment = 0xfe;

bool isApplication(int marker) { return marker >= 0xe0 && marker <= 0xef; }

/// A segment with the default presets of values below 8 bits: the largest value, three thresholds, and when counts are halved.
std::vector<uint8_t> defaultPresets(int bits, int near) {
  const int largest = (1 << bits) - 1;
  if (near > largest / 2) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS allows errors as large as its values");
  const auto clamp = [=](int value, int low) { return value > largest || value < low ? low : value; };
  const int factor = 256 / (largest + 1);
  const int first = clamp(std::max(2, 3 / factor + 3 * near), near + 1);
  const int second = clamp(std::max(3, 7 / factor + 5 * near), first);
  const int third = clamp(std::max(4, 21 / factor + 7 * near), second);
  std::vector<uint8_t> segment = {0xff, kPresets, 0, 13, 1};
  for (int value : {largest, first, second, third, 64}) {
    segment.push_back(static_cast<uint8_t>(value >> 8));
    segment.push_back(static_cast<uint8_t>(value));
  }
  return segment;
}

/// The next marker in the data of a scan, in which a byte of ones is followed by one below 0x80; `count` where none is.
size_t nextMarker(const uint8_t *bytes, size_t count, size_t offset) {
  while (offset + 1 < count) {
    const void *found = memchr(bytes + offset, 0xff, count - offset - 1);
    if (!found) return count;
    offset = static_cast<size_t>(static_cast<const uint8_t *>(found) - bytes);
    if (bytes[offset + 1] >= 0x80 && bytes[offset + 1] != 0xff) return offset;
    offset++;
  }
  return count;
}

}  // namespace

int checkJPEGLSFrame(std::vector<uint8_t> &frame, const carina_dicom_report &promised, int bitsAllocated) {
  const uint8_t *bytes = frame.data();
  const size_t count = frame.size();
  if (count < 4 || bytes[0] != 0xff || bytes[1] != 0xd8)
    refuse(CARINA_DICOM_DAMAGED, "its compressed pixel data are no JPEG-LS");
  bool has_frame = false, has_presets = false;
  size_t first_scan = 0;
  int near = 0;
  int scans = 0, expected = 1, bits = 0;
  size_t offset = 2;
  for (;;) {
    if (offset + 2 > count || bytes[offset] != 0xff) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS is truncated");
    const int marker = bytes[offset + 1];
    if (marker == kEnd) break;
    if (count - offset < 4) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS is truncated");
    const size_t length = static_cast<size_t>(bytes[offset + 2] << 8 | bytes[offset + 3]);
    if (length < 2 || length > count - offset - 2) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS is truncated");
    const uint8_t *head = bytes + offset + 4;
    if (marker == kFrame) {
      if (length < 8 || has_frame) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has a frame header that is unusable");
      const int precision = head[0], height = head[1] << 8 | head[2], width = head[3] << 8 | head[4], parts = head[5];
      if (width != promised.width || height != promised.height || parts != promised.channels)
        refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has %d x %d pixels of %d channels, its attributes say %d x %d of %d",
               width, height, parts, promised.width, promised.height, promised.channels);
      if (precision < 2 || precision > 16 || (precision > 8 ? bitsAllocated == 8 : promised.bits_stored > 8 && promised.is_signed))
        refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has %d bits a value, its attributes say %d", precision,
               promised.bits_stored);
      bits = precision;
      if (length < 8 + 3 * static_cast<size_t>(parts))
        refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has a frame header that is unusable");
      for (int part = 0; part < parts; part++)
        if (head[7 + 3 * part] != 0x11)
          refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG-LS has channels of different sizes, which is not supported");
      has_frame = true;
    } else if (marker == kPresets) {
      has_presets = true;
      if (length != 13 || head[0] != 1 || scans > 0)
        refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG-LS has a mapping table or an extension, which is not supported");
    } else if (marker == kScan) {
      if (!has_frame || length < 6 || length != 6 + 2 * static_cast<size_t>(head[0]))
        refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has a scan that is unusable");
      const int interleave = head[length - 4];
      if (interleave > 2) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has a scan that is unusable");
      if (scans == 0) {
        first_scan = offset;
        near = head[length - 5];
      }
      if (scans == 0 && interleave == 0) expected = promised.channels;
      const int parts = expected == promised.channels && promised.channels > 1 ? 1 : promised.channels;
      if (head[0] != parts || scans >= expected)
        refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has scans of other channels than its frame");
      scans++;
      offset = nextMarker(bytes, count, offset + 2 + length);
      continue;
    } else if (!isApplication(marker) && marker != kComment) {
      refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG-LS has a segment %02x, which is not supported", marker);
    }
    offset += 2 + length;
  }
  if (scans != expected) refuse(CARINA_DICOM_DAMAGED, "its JPEG-LS has %d scans instead of %d", scans, expected);
  if (bits < 8 && !has_presets) {
    const std::vector<uint8_t> presets = defaultPresets(bits, near);
    frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(first_scan), presets.begin(), presets.end());
  }
  return bits;
}

}  // namespace carina
