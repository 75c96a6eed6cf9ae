#include "dicom_frames.h"

#include <algorithm>
#include <cstring>

namespace carina {

namespace {

uint32_t quad(const uint8_t *p) {
  return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 |
         static_cast<uint32_t>(p[3]) << 24;
}

using Range = std::pair<size_t, size_t>;  // of fragments

[[noreturn]] void unclear(size_t fragments, size_t frames) {
  refuse(CARINA_DICOM_DAMAGED, "its %zu frames are in %zu pieces, and which belong together is not said", frames,
         fragments);
}

/// Fragments from the one at `first` to before the one at `next`, bytes behind the offset table.
Range between(const DicomExtract &extract, uint64_t first, uint64_t next) {
  const auto &all = extract.fragments;
  const auto at = [&all](uint64_t offset) {
    return static_cast<size_t>(
        std::lower_bound(all.begin(), all.end(), offset,
                         [](const DicomExtract::Fragment &f, uint64_t o) { return f.offset < o; }) -
        all.begin());
  };
  const size_t from = at(first), to = at(next);
  if (from >= to || all[from].offset != first)
    refuse(CARINA_DICOM_DAMAGED, "its offset table names a frame where none begins");
  return {from, to};
}

bool hasEndMark(const DicomExtract &extract, const DicomExtract::Fragment &fragment) {
  const size_t looked = std::min<size_t>(10, fragment.length);
  const uint8_t *p = extract.bytes + fragment.start + fragment.length - looked;
  for (size_t i = 0; i + 1 < looked; i++)
    if (p[i] == 0xff && p[i + 1] == 0xd9) return true;
  return false;
}

Range fragmentsOfFrame(const DicomExtract &extract, size_t index, size_t frames) {
  const size_t count = extract.fragments.size();
  if (frames == 1) return {0, count};
  const size_t offsets = extract.offset_table.length / 4;
  if (offsets != 0) {
    if (offsets != frames)
      refuse(CARINA_DICOM_DAMAGED, "its offset table names %zu frames of %zu", offsets, frames);
    const uint8_t *table = extract.bytes + extract.offset_table.start;
    const uint64_t next = index + 1 < frames ? quad(table + 4 * index + 4) : UINT64_MAX;
    return between(extract, quad(table + 4 * index), next);
  }
  if (count == frames) return {index, index + 1};
  if (count < frames) unclear(count, frames);
  size_t first = 0, seen = 0;
  for (size_t i = 0; i < count; i++) {
    if (!hasEndMark(extract, extract.fragments[i])) continue;
    if (seen++ == index) return {first, i + 1};
    first = i + 1;
  }
  unclear(count, frames);
}

}  // namespace

size_t frameIndex(int wanted, int frames) {
  if (wanted == CARINA_DICOM_MIDDLE_FRAME) return static_cast<size_t>(frames / 2);
  if (wanted == CARINA_DICOM_ONLY_FRAME) {
    if (frames != 1)
      refuse(CARINA_DICOM_UNSUPPORTED, "it has %d frames, and which of them is meant is not known", frames);
    return 0;
  }
  if (wanted < 1 || wanted > frames)
    refuse(CARINA_DICOM_UNSUPPORTED, "it has %d frames, and not the one that is asked for, %d", frames, wanted);
  return static_cast<size_t>(wanted - 1);
}

std::vector<uint8_t> encodedFrame(const DicomExtract &extract, size_t index, size_t frames) {
  if (extract.fragments.empty()) refuse(CARINA_DICOM_DAMAGED, "its compressed pixel data are empty");
  std::vector<uint8_t> joined;
  const auto add = [&](size_t start, size_t length) {
    joined.insert(joined.end(), extract.bytes + start, extract.bytes + start + length);
  };
  if (frames > 1 && !extract.frame_offsets.empty()) {
    if (extract.frame_offsets.size() != frames || extract.frame_lengths.size() != frames)
      refuse(CARINA_DICOM_DAMAGED, "its extended offset table names %zu frames of %zu", extract.frame_offsets.size(),
             frames);
    const uint64_t offset = extract.frame_offsets[index], length = extract.frame_lengths[index];
    const Range found = between(extract, offset, offset + 1);
    const DicomExtract::Fragment &fragment = extract.fragments[found.first];
    if (length > fragment.length)
      refuse(CARINA_DICOM_DAMAGED, "its extended offset table claims more bytes than a frame has");
    add(fragment.start, static_cast<size_t>(length));
    return joined;
  }
  const Range found = fragmentsOfFrame(extract, index, frames);
  for (size_t i = found.first; i < found.second; i++) add(extract.fragments[i].start, extract.fragments[i].length);
  return joined;
}

void copyNativeFrame(const DicomExtract &extract, const carina_dicom_report &report, int allocated, int lowest,
                     bool planar, bool is_big, size_t index, std::vector<uint16_t> &codes) {
  const size_t pixels = static_cast<size_t>(report.width) * static_cast<size_t>(report.height);
  const size_t count = pixels * static_cast<size_t>(report.channels), size = allocated == 8 ? 1 : 2;
  const size_t held = extract.pixels.length / size, wanted = count * static_cast<size_t>(report.frames);
  if (held < wanted) refuse(CARINA_DICOM_DAMAGED, "it has %zu pixel values instead of %zu", held, wanted);
  const uint8_t *bytes = extract.bytes + extract.pixels.start;
  const uint16_t mask = static_cast<uint16_t>((1u << report.bits_stored) - 1);
  // Values of 8 bits that lie in words of the other byte order are swapped in pairs, over all frames.
  const size_t swapped = size == 1 && is_big && extract.has_words ? 1 : 0;
  const size_t first = count * index;
  if (swapped != 0 && extract.pixels.length % 2 != 0)
    refuse(CARINA_DICOM_DAMAGED, "its pixel data end within a word");
  codes.resize(count);
  const auto copy = [&](auto value) {
    for (size_t i = 0; i < count; i++)
      codes[i] = static_cast<uint16_t>(value(first + (planar ? i % 3 * pixels + i / 3 : i)) >> lowest & mask);
  };
  if (size == 1) {
    copy([=](size_t i) { return unsigned{bytes[i ^ swapped]}; });
  } else if (is_big) {
    copy([=](size_t i) { return static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]); });
  } else {
    copy([=](size_t i) { return static_cast<unsigned>(bytes[2 * i + 1] << 8 | bytes[2 * i]); });
  }
}

}  // namespace carina
