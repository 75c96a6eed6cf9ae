#include <algorithm>
#include <cstring>

#include "dicom_extract.h"
#include "jpeg2000.h"

namespace carina {

namespace {

constexpr int kStart = 0x4f, kSize = 0x51, kCoding = 0x52, kComponentCoding = 0x53, kRegion = 0x5e, kQuantizer = 0x5c,
              kComponentQuantizer = 0x5d, kOrder = 0x5f, kPackedMain = 0x60, kPackedTile = 0x61, kTilePart = 0x90,
              kData = 0x93, kEnd = 0xd9;

// What a radiograph keeps by far: tiles, layers of quality; and in all precincts, blocks, packets, the decoder's list
// of packets, and values times bit planes, which bounds the time: about ten seconds.
constexpr uint64_t kTiles = 4096, kPrecincts = 200000, kBlocks = 600000, kPackets = 4000000, kPacketList = 16000000;
constexpr double kPlanes = 1.2e9;

uint64_t ceilShift(uint64_t value, int shift) { return (value + (uint64_t{1} << shift) - 1) >> shift; }

uint64_t ceilDivide(uint64_t value, uint64_t by) { return (value + by - 1) / by; }

/// The big-endian fields of a marker segment.
struct Fields {
  const uint8_t *bytes;
  size_t count, offset = 0;

  uint32_t next(size_t size) {
    if (size > count - offset) refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has a header that is too short");
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | bytes[offset++];
    return value;
  }
};

/// How a component is coded.
struct Coding {
  int levels = 0, block_width = 0, block_height = 0;  // exponents
  uint8_t precincts[33] = {};                         // exponents, height in the upper half

  void read(Fields &fields, bool has_precincts) {
    levels = static_cast<int>(fields.next(1));
    block_width = static_cast<int>(fields.next(1)) + 2;
    block_height = static_cast<int>(fields.next(1)) + 2;
    const bool isHighThroughput = fields.next(1) & 0x40;
    fields.next(1);
    if (isHighThroughput) requireHighThroughput();
    if (levels > 32 || block_width > 10 || block_height > 10 || block_width + block_height > 12)
      refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has %d resolutions with blocks of 2^%d x 2^%d", levels + 1,
             block_width, block_height);
    for (int level = 0; level <= levels; level++) {
      precincts[level] = has_precincts ? static_cast<uint8_t>(fields.next(1)) : 0xff;
      if (level > 0 && (precincts[level] % 16 == 0 || precincts[level] / 16 == 0))
        refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has precincts without width");
    }
  }
};

struct Codestream {
  const carina_dicom_report &promised;
  int bitsAllocated;
  JPEG2000Header header;
  uint64_t left = 0, top = 0, right = 0, bottom = 0, tile_left = 0, tile_top = 0, tile_width = 0, tile_height = 0;
  uint64_t tiles_across = 0, tiles = 0, layers = 1, orders = 1;
  bool has_coding = false, has_quantizer = false;
  int planes = 0, region_shift = 0;

  void readSize(Fields fields) {
    fields.next(2);
    right = fields.next(4), bottom = fields.next(4), left = fields.next(4), top = fields.next(4);
    tile_width = fields.next(4), tile_height = fields.next(4), tile_left = fields.next(4), tile_top = fields.next(4);
    const uint32_t parts = fields.next(2);
    if (right <= left || bottom <= top) refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has no pixels");
    if (right - left != static_cast<uint64_t>(promised.width) || bottom - top != static_cast<uint64_t>(promised.height) ||
        parts != static_cast<uint32_t>(promised.channels))
      refuse(CARINA_DICOM_DAMAGED,
             "its JPEG 2000 has %llu x %llu pixels of %u channels, its attributes say %d x %d of %d",
             static_cast<unsigned long long>(right - left), static_cast<unsigned long long>(bottom - top), parts,
             promised.width, promised.height, promised.channels);
    if (right > 1u << 30 || bottom > 1u << 30)
      refuse(CARINA_DICOM_TOO_LARGE, "its JPEG 2000 lies too far out on its reference grid");
    if (tile_width == 0 || tile_height == 0 || tile_left > left || tile_top > top || tile_left + tile_width <= left ||
        tile_top + tile_height <= top)
      refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has tiles that do not cover it");
    tiles_across = ceilDivide(right - tile_left, tile_width);
    tiles = tiles_across * ceilDivide(bottom - tile_top, tile_height);
    if (tiles > kTiles)
      refuse(CARINA_DICOM_TOO_LARGE, "its JPEG 2000 has %llu tiles; the limit is %llu",
             static_cast<unsigned long long>(tiles), static_cast<unsigned long long>(kTiles));
    for (uint32_t part = 0; part < parts; part++) {
      const uint32_t depth = fields.next(1), across = fields.next(1), down = fields.next(1);
      const int precision = static_cast<int>(depth & 0x7f) + 1;
      if (across != 1 || down != 1)
        refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG 2000 has channels of different sizes, which is not supported");
      if (precision > bitsAllocated || precision > 16 || (parts > 1 && precision != promised.bits_stored))
        refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has %d bits a value, its attributes say %d", precision,
               bitsAllocated);
      if (part == 0) {
        header.precision = precision;
        header.is_signed = depth >> 7 != 0;
      } else if (precision != header.precision || (depth >> 7 != 0) != header.is_signed) {
        refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG 2000 has channels of different depths, which is not supported");
      }
    }
    if (parts > 1 && header.is_signed)
      refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG 2000 has colours with a sign, which is not supported");
  }

  /// Adds up what the tiles of one component hold, and refuses more than the limits.
  void measure(const Coding &coding) {
    uint64_t precincts = 0, blocks = 0, widest = 0;
    for (uint64_t tile = 0; tile < tiles; tile++) {
      const uint64_t x = tile_left + tile % tiles_across * tile_width, y = tile_top + tile / tiles_across * tile_height;
      const uint64_t x0 = std::max(x, left), x1 = std::min(x + tile_width, right);
      const uint64_t y0 = std::max(y, top), y1 = std::min(y + tile_height, bottom);
      for (int level = 0; level <= coding.levels; level++) {
        const int shift = coding.levels - level;
        const int across = coding.precincts[level] % 16, down = coding.precincts[level] / 16;
        const uint64_t left = ceilShift(x0, shift), right = ceilShift(x1, shift);
        const uint64_t top = ceilShift(y0, shift), bottom = ceilShift(y1, shift);
        if (right == left || bottom == top) continue;
        const uint64_t columns = ceilShift(right, across) - (left >> across);
        const uint64_t rows = ceilShift(bottom, down) - (top >> down);
        const int bands = level == 0 ? 1 : 3, half = level == 0 ? 0 : 1;
        const int width = std::min(coding.block_width, across - half), height = std::min(coding.block_height, down - half);
        precincts += columns * rows;
        widest = std::max(widest, columns * rows);
        // Every precinct may cut one block more, in each direction.
        blocks += static_cast<uint64_t>(bands) * ((ceilShift(right - left, half) >> width) + columns + 1) *
                  ((ceilShift(bottom - top, half) >> height) + rows + 1);
        if (precincts > kPrecincts || blocks > kBlocks)
          refuse(CARINA_DICOM_TOO_LARGE, "its JPEG 2000 is divided into more pieces than a radiograph has");
      }
    }
    const uint64_t parts = static_cast<uint64_t>(promised.channels), resolutions = static_cast<uint64_t>(coding.levels) + 1;
    if (precincts * parts * layers * orders > kPackets ||
        widest * parts * resolutions * (layers + 1) > kPacketList)
      refuse(CARINA_DICOM_TOO_LARGE, "its JPEG 2000 has more packets than a radiograph has");
  }

  void readCoding(Fields fields) {
    const uint32_t style = fields.next(1);
    fields.next(1);
    layers = std::max<uint64_t>(layers, fields.next(2));
    fields.next(1);
    Coding coding;
    coding.read(fields, style & 1);
    has_coding = true;
    measure(coding);
  }

  void readComponentCoding(Fields fields) {
    fields.next(1);
    const uint32_t style = fields.next(1);
    Coding coding;
    coding.read(fields, style & 1);
    measure(coding);
  }

  void readQuantizer(Fields fields, bool is_component) {
    if (is_component) fields.next(1);
    const uint32_t style = fields.next(1);
    const int guard = static_cast<int>(style >> 5);
    const size_t size = style % 32 == 0 ? 1 : 2;
    if (style % 32 > 2) refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has a quantization that is not known");
    while (fields.count - fields.offset >= size) {
      const int exponent = static_cast<int>(size == 1 ? fields.next(1) >> 3 : fields.next(2) >> 11);
      planes = std::max(planes, guard + exponent - 1);
    }
    has_quantizer = true;
  }

  /// A segment of a main header or of a tile-part's.
  void read(int marker, Fields fields) {
    switch (marker) {
      case kCoding: return readCoding(fields);
      case kComponentCoding: return readComponentCoding(fields);
      case kQuantizer: return readQuantizer(fields, false);
      case kComponentQuantizer: return readQuantizer(fields, true);
      case kRegion:
        fields.next(2);
        region_shift = std::max(region_shift, static_cast<int>(fields.next(1)));
        return;
      case kOrder:
        orders += (fields.count + 6) / 7;
        if (orders > 32) refuse(CARINA_DICOM_TOO_LARGE, "its JPEG 2000 has more than 31 changes of order");
        return;
      case kPackedMain:
      case kPackedTile:
        refuse(CARINA_DICOM_UNSUPPORTED, "its JPEG 2000 has its packet headers apart, which is not supported");
      case kSize: refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 says its size twice");
      default: return;
    }
  }

  void finish() {
    const double values = static_cast<double>(promised.width) * promised.height * promised.channels;
    if (values * (planes + region_shift) > kPlanes)
      refuse(CARINA_DICOM_TOO_LARGE, "its JPEG 2000 has so many bits that decoding would take too long");
  }
};

/// Where the codestream begins: at once, or in the boxes of a JP2 file, which the standard forbids and some write.
size_t codestreamStart(const uint8_t *bytes, size_t count) {
  static const uint8_t signature[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
  if (count < sizeof signature || memcmp(bytes, signature, sizeof signature) != 0) return 0;
  for (size_t offset = 0; count - offset >= 8;) {
    if (memcmp(bytes + offset + 4, "jp2c", 4) == 0) return offset + 8;
    const size_t length = Fields{bytes + offset, 4}.next(4);
    if (length < 8 || length > count - offset) break;
    offset += length;
  }
  refuse(CARINA_DICOM_DAMAGED, "its JP2 file holds no codestream");
}

}  // namespace

JPEG2000Header checkJPEG2000Frame(
    const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated) {
  Codestream stream{promised, bitsAllocated, {}};
  size_t offset = stream.header.start = codestreamStart(bytes, count);
  const auto truncated = [] { refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 is truncated"); };
  if (count - offset < 4 || bytes[offset] != 0xff || bytes[offset + 1] != kStart || bytes[offset + 3] != kSize)
    refuse(CARINA_DICOM_DAMAGED, "its compressed pixel data are no JPEG 2000");
  offset += 2;
  bool is_first = true;
  size_t part_end = 0;  // of the tile-part whose header is read; 0 in the main header
  uint64_t seen = 0;
  std::vector<bool> has_tile;
  for (;;) {
    if (count - offset < 2) truncated();
    if (bytes[offset] != 0xff) refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has no marker where one should be");
    const int marker = bytes[offset + 1];
    if (marker == kEnd && part_end == 0 && !is_first) break;
    if (marker == kData && part_end != 0) {
      offset = part_end;
      part_end = 0;
      // The last tile-part may go to the end, without its mark.
      if (count - offset < 2) break;
      continue;
    }
    if (count - offset < 4) truncated();
    const size_t length = static_cast<size_t>(bytes[offset + 2] << 8 | bytes[offset + 3]);
    if (length < 2 || length > count - offset - 2) truncated();
    const Fields fields{bytes + offset + 4, length - 2};
    if (is_first) {
      stream.readSize(fields);
      has_tile.resize(stream.tiles);
      is_first = false;
    } else if (marker == kTilePart) {
      if (part_end != 0 || length != 10 || !stream.has_coding || !stream.has_quantizer)
        refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has a tile before its headers are complete");
      Fields part = fields;
      const uint32_t tile = part.next(2);
      const size_t size = part.next(4);
      if (tile >= stream.tiles) refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has a tile %u that it should not", tile);
      if ((size != 0 && size < 14) || size > count - offset) truncated();
      // Without a length it is the last, and goes to the mark of the end.
      part_end = size != 0 ? offset + size : count;
      if (size == 0 && bytes[count - 2] == 0xff && bytes[count - 1] == kEnd) part_end = count - 2;
      seen += !has_tile[tile];
      has_tile[tile] = true;
    } else {
      stream.read(marker, fields);
    }
    offset += 2 + length;
    if (part_end != 0 && offset > part_end) truncated();
  }
  if (seen != stream.tiles)
    refuse(CARINA_DICOM_DAMAGED, "its JPEG 2000 has %llu of %llu tiles", static_cast<unsigned long long>(seen),
           static_cast<unsigned long long>(stream.tiles));
  stream.finish();
  return stream.header;
}

}  // namespace carina
