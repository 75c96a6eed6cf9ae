#include "dicom_extract.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

namespace carina {

void refuse(int status, const char *format, ...) {
  char text[240];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Refusal{status, text};
}

namespace {

constexpr uint32_t kUndefined = 0xffffffff;
// What real radiographs keep by far: nesting, elements and items in all, and the sizes of what is handed on.
constexpr size_t kDepth = 32, kElements = 100000, kAttributes = 256, kFragments = 10000;
constexpr size_t kAttributeBytes = 1 << 16, kTableBytes = 1 << 19;

struct Element {
  uint16_t group, number;
  char type[2];  // zero where the encoding names none
  uint32_t length;
  size_t start, value;
  bool is(uint16_t g, uint16_t n) const { return group == g && number == n; }
};

struct Walker {
  const uint8_t *bytes;
  size_t count;
  bool is_implicit = false, is_big = false;
  size_t elements = 0;

  uint16_t word(size_t offset) const {
    const uint8_t *p = bytes + offset;
    return static_cast<uint16_t>(is_big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
  }

  uint32_t quad(size_t offset) const {
    const uint32_t first = word(offset), second = word(offset + 2);
    return is_big ? first << 16 | second : second << 16 | first;
  }

  void need(size_t offset, size_t length, size_t end) const {
    if (length > end || offset > end - length) refuse(CARINA_DICOM_DAMAGED, "the file is truncated");
  }

  static bool hasLongLength(const char type[2]) {
    for (const char *name : {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
      if (type[0] == name[0] && type[1] == name[1]) return true;
    return false;
  }

  static bool isKnown(const char type[2]) {
    for (const char *name : {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL",
                             "SS", "ST", "TM", "UI", "UL", "US"})
      if (type[0] == name[0] && type[1] == name[1]) return true;
    return hasLongLength(type);
  }

  /// The head of the element at `offset`; its value, unless of undefined length, lies before `end`.
  Element head(size_t offset, size_t end, bool implicit) {
    if (++elements > kElements) refuse(CARINA_DICOM_TOO_LARGE, "it has more than %zu elements", kElements);
    need(offset, 8, end);
    Element element{word(offset), word(offset + 2), {0, 0}, 0, offset, offset + 8};
    if (implicit || element.group == 0xfffe) {
      element.length = quad(offset + 4);
    } else {
      memcpy(element.type, bytes + offset + 4, 2);
      if (!isKnown(element.type))
        refuse(CARINA_DICOM_DAMAGED, "the element (%04x,%04x) has no known type", element.group, element.number);
      if (hasLongLength(element.type)) {
        need(offset, 12, end);
        element.length = quad(offset + 8);
        element.value = offset + 12;
      } else {
        element.length = word(offset + 6);
      }
    }
    if (element.length != kUndefined && element.length > end - element.value)
      refuse(CARINA_DICOM_DAMAGED, "the file is truncated: the element (%04x,%04x) claims %u bytes, and %zu are left",
             element.group, element.number, element.length, end - element.value);
    return element;
  }

  static bool isType(const Element &element, const char *name) {
    return element.type[0] == name[0] && element.type[1] == name[1];
  }

  /// The end of a sequence of undefined length whose first item lies at `offset`.
  size_t sequenceEnd(size_t offset, size_t end, bool implicit) {
    // Each level is a sequence or an item, with its end or 0 for one that a delimiter ends.
    struct Level {
      bool is_item;
      size_t end;
      bool implicit;
    };
    std::vector<Level> levels{{false, 0, implicit}};
    size_t limit = end;
    while (!levels.empty()) {
      const Level level = levels.back();
      if (level.end != 0 && offset == level.end) {
        levels.pop_back();
        limit = end;
        for (const Level &outer : levels)
          if (outer.end != 0) limit = outer.end;
        continue;
      }
      const Element element = head(offset, limit, level.implicit);
      offset = element.value;
      if (element.is(0xfffe, level.is_item ? 0xe00d : 0xe0dd)) {
        if (level.end != 0 || element.length != 0)
          refuse(CARINA_DICOM_DAMAGED, "a sequence ends where it should not");
        levels.pop_back();
        continue;
      }
      const bool is_item = element.is(0xfffe, 0xe000);
      if (is_item == level.is_item || (!is_item && element.group == 0xfffe))
        refuse(CARINA_DICOM_DAMAGED, "a sequence holds (%04x,%04x) where it should not", element.group, element.number);
      const bool is_sequence = !is_item && (isType(element, "SQ") || element.length == kUndefined);
      if (is_item || (is_sequence && element.length == kUndefined)) {
        if (is_sequence && !level.implicit && !isType(element, "SQ") && !isType(element, "UN"))
          refuse(CARINA_DICOM_DAMAGED, "(%04x,%04x) has no length", element.group, element.number);
        if (levels.size() >= 2 * kDepth) refuse(CARINA_DICOM_TOO_LARGE, "its sequences are nested too deeply");
        const size_t own = element.length == kUndefined ? 0 : offset + element.length;
        if (own != 0) limit = own;
        // The content of an unknown element of undefined length is implicit, whatever is around it.
        levels.push_back({is_item, own, level.implicit || isType(element, "UN")});
      } else {
        offset += element.length;
      }
    }
    return offset;
  }

  /// The end of the fragments of encapsulated pixel data.
  size_t fragmentsEnd(size_t offset, std::vector<DicomExtract::Span> &fragments) {
    for (bool is_first = true;; is_first = false) {
      const Element element = head(offset, count, false);
      if (element.is(0xfffe, 0xe0dd) && element.length == 0) return element.value;
      if (!element.is(0xfffe, 0xe000) || element.length == kUndefined)
        refuse(CARINA_DICOM_DAMAGED, "the compressed pixel data hold (%04x,%04x) where they should not", element.group,
               element.number);
      if (!is_first) fragments.push_back({element.value, element.length});
      if (fragments.size() > kFragments)
        refuse(CARINA_DICOM_TOO_LARGE, "the pixel data are in more than %zu fragments", kFragments);
      offset = element.value + element.length;
    }
  }

  /// Whether the items of a table's sequence, within `offset`...`end`, hold plain values alone.
  bool isFlat(size_t offset, size_t end, bool undefined) {
    while (offset < end) {
      const Element item = head(offset, end, is_implicit);
      if (undefined && item.is(0xfffe, 0xe0dd)) return true;
      if (!item.is(0xfffe, 0xe000)) return false;
      offset = item.value;
      const size_t item_end = item.length == kUndefined ? end : offset + item.length;
      while (offset < item_end) {
        const Element element = head(offset, item_end, is_implicit);
        offset = element.value;
        if (item.length == kUndefined && element.is(0xfffe, 0xe00d)) break;
        if (element.group != 0x0028 || element.length == kUndefined || isType(element, "SQ") ||
            DcmTag(element.group, element.number).getEVR() == EVR_SQ)
          return false;
        offset += element.length;
      }
    }
    return !undefined;
  }
};

std::string text(const uint8_t *bytes, const Element &element) {
  size_t length = element.length < 64 ? element.length : 64;
  while (length > 0 && (bytes[element.value + length - 1] == 0 || bytes[element.value + length - 1] == ' ')) length--;
  return std::string(reinterpret_cast<const char *>(bytes) + element.value, length);
}

}  // namespace

DicomExtract::DicomExtract(const uint8_t *bytes, size_t count) {
  Walker walker{bytes, count};
  size_t offset = 132;
  while (count - offset >= 8 && walker.word(offset) == 0x0002) {
    const Element element = walker.head(offset, count, false);
    if (element.length == kUndefined) refuse(CARINA_DICOM_DAMAGED, "the file's head has an element without length");
    if (element.is(0x0002, 0x0010)) syntax = text(bytes, element);
    offset = element.value + element.length;
  }
  if (syntax.empty()) refuse(CARINA_DICOM_DAMAGED, "the file names no transfer syntax");
  if (syntax.find_first_not_of("0123456789.") != std::string::npos)
    refuse(CARINA_DICOM_DAMAGED, "its transfer syntax is no identifier");
  // DCMTK's own opinion of the encoding, so that both read the same elements. Unknown syntaxes are explicit by the
  // standard, and refused after the walk.
  const DcmXfer transfer(syntax.c_str());
  if (transfer.getStreamCompression() != ESC_none)
    refuse(CARINA_DICOM_UNSUPPORTED, "the transfer syntax %.90s is not decoded; inflate it with dcmconv +te",
           transfer.getXferName());
  const bool isKnown = transfer.getXfer() != EXS_Unknown;
  walker.is_implicit = isKnown && transfer.isImplicitVR();
  walker.is_big = isKnown && transfer.isBigEndian();
  while (offset < count) {
    const Element element = walker.head(offset, count, walker.is_implicit);
    if (element.group == 0xfffe) refuse(CARINA_DICOM_DAMAGED, "an item lies outside of any sequence");
    if (element.is(0x7fe0, 0x0008) || element.is(0x7fe0, 0x0009))
      refuse(CARINA_DICOM_UNSUPPORTED, "pixels stored as floating-point numbers are not supported");
    const bool undefined = element.length == kUndefined;
    if (element.is(0x7fe0, 0x0010)) {
      is_encapsulated = undefined;
      offset = undefined ? walker.fragmentsEnd(element.value, fragments) : element.value + element.length;
      pixel_element = {element.start, offset - element.start};
      return;
    }
    if (undefined && !walker.is_implicit && !Walker::isType(element, "SQ") && !Walker::isType(element, "UN"))
      refuse(CARINA_DICOM_DAMAGED, "(%04x,%04x) has no length", element.group, element.number);
    offset = undefined ? walker.sequenceEnd(element.value, count, walker.is_implicit || Walker::isType(element, "UN"))
                       : element.value + element.length;
    if (element.group != 0x0028) continue;
    const size_t length = offset - element.start;
    const bool is_table = element.is(0x0028, 0x3000) || element.is(0x0028, 0x3010);
    const bool is_sequence =
        undefined || Walker::isType(element, "SQ") || DcmTag(element.group, element.number).getEVR() == EVR_SQ;
    if (is_table) {
      if (length > kTableBytes || !walker.isFlat(element.value, offset, undefined))
        refuse(CARINA_DICOM_UNSUPPORTED, "its table (%04x,%04x) is of a form that is not understood", element.group,
               element.number);
    } else if (is_sequence || length > kAttributeBytes) {
      continue;
    }
    attributes.push_back({element.start, length});
    if (attributes.size() > kAttributes) refuse(CARINA_DICOM_TOO_LARGE, "it has too many image attributes");
  }
  refuse(CARINA_DICOM_UNSUPPORTED, "it holds no picture: there are no pixel data");
}

}  // namespace carina
