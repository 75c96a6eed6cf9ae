#include "dicom_extract.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "element_walker.h"

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

constexpr size_t kAttributes = 256, kAttributeBytes = 1 << 16, kTableBytes = 1 << 19;

std::string text(const uint8_t *bytes, const Element &element) {
  size_t length = element.length < 64 ? element.length : 64;
  while (length > 0 && (bytes[element.value + length - 1] == 0 || bytes[element.value + length - 1] == ' ')) length--;
  return std::string(reinterpret_cast<const char *>(bytes) + element.value, length);
}

bool isSequenceByDictionary(const Element &element) {
  return DcmTag(element.group, element.number).getEVR() == EVR_SQ;
}

/// The type of an element of group 0028: its own where it names one of the standard, else the dictionary's. Empty where
/// nobody knows.
std::string typeOf(const Element &element) {
  if (element.namesType() && ElementWalker::isKnown(element.type) && !element.isType("UN"))
    return std::string(element.type, 2);
  const DcmEVR type = DcmTag(element.group, element.number).getEVR();
  switch (type) {
    case EVR_xs: return "US";
    case EVR_lt:
    case EVR_ox: return "OW";
    case EVR_UN:
    case EVR_UNKNOWN:
    case EVR_SQ: return "";
    default: {
      const char *name = DcmVR(type).getValidVRName();
      return ElementWalker::isKnown(name) && strcmp(name, "UN") != 0 ? name : "";
    }
  }
}

/// Writes elements with their types, in one byte order.
struct ElementWriter {
  std::vector<uint8_t> &out;
  bool is_big;

  void word(uint32_t value) {
    const uint8_t low = static_cast<uint8_t>(value), high = static_cast<uint8_t>(value >> 8);
    out.push_back(is_big ? high : low);
    out.push_back(is_big ? low : high);
  }

  void quad(uint32_t value) {
    word(is_big ? value >> 16 : value & 0xffff);
    word(is_big ? value & 0xffff : value >> 16);
  }

  void tag(uint32_t group, uint32_t number) {
    word(group);
    word(number);
  }

  void head(const Element &element, const char *type, size_t length) {
    tag(element.group, element.number);
    out.push_back(static_cast<uint8_t>(type[0]));
    out.push_back(static_cast<uint8_t>(type[1]));
    if (ElementWalker::hasLongLength(type)) word(0);
    ElementWalker::hasLongLength(type) ? quad(static_cast<uint32_t>(length)) : word(static_cast<uint32_t>(length));
  }

  /// False for one whose type nobody knows, or that is too long for it.
  bool add(const uint8_t *bytes, const Element &element) {
    const std::string type = typeOf(element);
    const size_t length = element.length + element.length % 2;
    if (type.empty() || type == "SQ") return false;
    if (!ElementWalker::hasLongLength(type.c_str()) && length > 0xfffe) return false;
    head(element, type.c_str(), length);
    out.insert(out.end(), bytes + element.value, bytes + element.value + element.length);
    // Odd lengths are against the standard and yet met; numbers have none, so what is added is the blank of texts.
    if (length != element.length) out.push_back(element.number == 0x3006 ? 0 : ' ');
    return true;
  }

  void addTable(const uint8_t *bytes, const Element &sequence, const std::vector<Element> &item) {
    std::vector<uint8_t> content;
    ElementWriter inner{content, is_big};
    for (const Element &element : item) inner.add(bytes, element);
    head(sequence, "SQ", content.size() + 8);
    tag(0xfffe, 0xe000);
    quad(static_cast<uint32_t>(content.size()));
    out.insert(out.end(), content.begin(), content.end());
  }
};

std::vector<uint64_t> longWords(const uint8_t *bytes, const Element &element) {
  std::vector<uint64_t> values(element.length / 8);
  for (size_t i = 0; i < values.size(); i++)
    for (size_t byte = 8; byte-- > 0;) values[i] = values[i] << 8 | bytes[element.value + 8 * i + byte];
  return values;
}

bool isTypeAt(const uint8_t *bytes, size_t offset) {
  return ElementWalker::isKnown(reinterpret_cast<const char *>(bytes) + offset + 4);
}

}  // namespace

bool findDataSet(const uint8_t *bytes, size_t count, size_t *offset, bool *has_preamble) {
  *has_preamble = count >= 132 && memcmp(bytes + 128, "DICM", 4) == 0;
  *offset = *has_preamble ? 132 : 0;
  if (*has_preamble) return true;
  // Two elements in order, the first of a group with which files begin.
  for (const bool is_big : {false, true}) {
    if (count < 16) return false;
    ElementWalker walker{bytes, count, is_big};
    const uint16_t group = walker.word(0);
    if (group != 0x0002 && group != 0x0008 && group != 0x0010 && group != 0x0018 && group != 0x0020 &&
        group != 0x0028)
      continue;
    const bool implicit = !isTypeAt(bytes, 0);
    if (implicit && is_big) continue;
    try {
      const Element first = walker.head(0, count, implicit);
      if (first.length == Element::undefined || first.length > 0x4000) continue;
      const Element second = walker.head(first.value + first.length, count, implicit);
      if (second.group > first.group || (second.group == first.group && second.number > first.number)) return true;
    } catch (const Refusal &) {
    }
  }
  return false;
}

void DicomExtract::remark(const char *text) {
  if (!remarks.empty()) remarks += "; ";
  remarks += text;
}

DicomExtract::DicomExtract(const uint8_t *file, size_t count) : bytes(file) {
  size_t offset = 0;
  bool has_preamble = false;
  if (!findDataSet(file, count, &offset, &has_preamble)) refuse(CARINA_DICOM_DAMAGED, "the content is not DICOM");
  if (!has_preamble) remark("it has no preamble");
  ElementWalker walker{file, count};
  while (count - offset >= 8 && walker.word(offset) == 0x0002) {
    const Element element = walker.head(offset, count, false);
    if (element.length == Element::undefined)
      refuse(CARINA_DICOM_DAMAGED, "the file's head has an element without length");
    if (element.is(0x0002, 0x0010)) syntax = text(file, element);
    offset = element.value + element.length;
  }
  if (syntax.find_first_not_of("0123456789.") != std::string::npos)
    refuse(CARINA_DICOM_DAMAGED, "its transfer syntax is no identifier");
  walker.has_mixed = false;
  // Unknown syntaxes are explicit by the standard. DCMTK has one of its own under no name at all.
  const DcmXfer transfer(syntax.c_str());
  const bool isKnown = !syntax.empty() && transfer.getXfer() != EXS_Unknown;
  bool is_implicit = isKnown && transfer.isImplicitVR();
  walker.is_big = isKnown && transfer.isBigEndian();
  if (isKnown && transfer.getStreamCompression() != ESC_none) {
    inflated = inflateDataSet(file + offset, count - offset);
    bytes = walker.bytes = inflated.data();
    count = walker.count = inflated.size();
    offset = 0;
  }
  if (count - offset >= 8) {
    const bool hasType = !ElementWalker::isNoType(reinterpret_cast<const char *>(bytes) + offset + 4);
    if (syntax.empty()) {
      remark("it names no transfer syntax, and is read as its first element looks");
      is_implicit = !isTypeAt(bytes, offset);
      walker.is_big = !is_implicit && walker.word(offset) >= 0x0400;
    } else {
      if (hasType == is_implicit)
        remark(is_implicit ? "its elements name types, against its transfer syntax"
                           : "its elements name no types, against its transfer syntax");
      is_implicit = !hasType;
      // Groups are small or, where they are not, odd; a first one such as 0800 has its bytes the other way round.
      const uint16_t group = walker.word(offset);
      if (group >= 0x0100 && group % 0x0100 == 0) {
        walker.is_big = !walker.is_big;
        remark("its byte order is not that of its transfer syntax");
      }
    }
  }
  is_big = walker.is_big;
  ElementWriter writer{attributes, is_big};
  size_t written = 0;
  while (offset < count) {
    const Element element = walker.head(offset, count, is_implicit);
    if (element.group == 0xfffe) refuse(CARINA_DICOM_DAMAGED, "an item lies outside of any sequence");
    if (element.is(0x7fe0, 0x0008) || element.is(0x7fe0, 0x0009))
      refuse(CARINA_DICOM_UNSUPPORTED, "pixels stored as floating-point numbers are not supported");
    const bool undefined = element.length == Element::undefined;
    if (element.is(0x7fe0, 0x0010)) {
      is_encapsulated = undefined;
      has_words = !element.namesType() || element.isType("OW");
      offset = undefined ? walker.fragmentsEnd(element.value, offset_table, fragments) : element.value + element.length;
      pixels = {element.value, offset - element.value};
      if (walker.has_mixed) remark("some of its elements name no type");
      return;
    }
    if (element.is(0x7fe0, 0x0001) && !undefined && element.length <= kTableBytes)
      frame_offsets = longWords(bytes, element);
    if (element.is(0x7fe0, 0x0002) && !undefined && element.length <= kTableBytes)
      frame_lengths = longWords(bytes, element);
    if (undefined && element.namesType() && !element.isType("SQ") && !element.isType("UN"))
      refuse(CARINA_DICOM_DAMAGED, "(%04x,%04x) has no length", element.group, element.number);
    const bool inner = is_implicit || element.isType("UN");
    offset = undefined ? walker.sequenceEnd(element.value, count, inner) : element.value + element.length;
    if (element.group != 0x0028) continue;
    const size_t length = offset - element.start;
    const bool is_sequence = undefined || element.isType("SQ") || isSequenceByDictionary(element);
    const bool is_palette = element.number >= 0x1201 && element.number <= 0x1203;
    if (element.number == 0x3000 || element.number == 0x3010) {
      std::vector<Element> item;
      if (length > kTableBytes || !walker.tableItem(element.value, offset, undefined, inner, item))
        refuse(CARINA_DICOM_UNSUPPORTED, "its table (%04x,%04x) is of a form that is not understood", element.group,
               element.number);
      if (item.empty()) continue;
      writer.addTable(bytes, element, item);
    } else if (is_sequence || length > (is_palette ? kTableBytes : kAttributeBytes) || !writer.add(bytes, element)) {
      continue;
    }
    if (++written > kAttributes) refuse(CARINA_DICOM_TOO_LARGE, "it has too many image attributes");
  }
  refuse(CARINA_DICOM_UNSUPPORTED, "it holds no picture: there are no pixel data");
}

}  // namespace carina
