#include "element_walker.h"

#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

namespace carina {

namespace {

// What real radiographs keep by far: nesting, elements and items in all, and fragments.
constexpr size_t kDepth = 32, kElements = 100000, kFragments = 10000;

template <size_t Count>
bool isAmong(const char type[2], const char *const (&names)[Count]) {
  for (const char *name : names)
    if (type[0] == name[0] && type[1] == name[1]) return true;
  return false;
}

}  // namespace

bool ElementWalker::hasLongLength(const char type[2]) {
  static const char *const names[] = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"};
  return isAmong(type, names);
}

bool ElementWalker::isKnown(const char type[2]) {
  static const char *const names[] = {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
                                      "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"};
  return isAmong(type, names) || hasLongLength(type);
}

bool ElementWalker::isNoType(const char type[2]) {
  return memcmp(type, "AA", 2) < 0 || memcmp(type, "ZZ", 2) > 0;
}

void ElementWalker::need(size_t offset, size_t length, size_t end) const {
  if (length > end || offset > end - length) refuse(CARINA_DICOM_DAMAGED, "the file is truncated");
}

Element ElementWalker::head(size_t offset, size_t end, bool implicit) {
  if (++elements > kElements) refuse(CARINA_DICOM_TOO_LARGE, "it has more than %zu elements", kElements);
  need(offset, 8, end);
  Element element{word(offset), word(offset + 2), {0, 0}, 0, offset, offset + 8};
  if (implicit || element.group == 0xfffe) {
    element.length = quad(offset + 4);
  } else {
    memcpy(element.type, bytes + offset + 4, 2);
    if (isNoType(element.type)) {
      element.type[0] = element.type[1] = 0;
      element.length = quad(offset + 4);
      has_mixed = true;
    } else if (hasLongLength(element.type)) {
      need(offset, 12, end);
      element.length = quad(offset + 8);
      element.value = offset + 12;
    } else {
      // A type that is not known is taken for one of those with a short length.
      element.length = word(offset + 6);
    }
  }
  if (element.length != Element::undefined && element.length > end - element.value)
    refuse(CARINA_DICOM_DAMAGED, "the file is truncated: the element (%04x,%04x) claims %u bytes, and %zu are left",
           element.group, element.number, element.length, end - element.value);
  return element;
}

bool ElementWalker::beginsWithoutType(size_t offset, size_t end) const {
  if (end - offset < 8 || word(offset) == 0xfffe) return false;
  return isNoType(reinterpret_cast<const char *>(bytes) + offset + 4);
}

size_t ElementWalker::sequenceEnd(size_t offset, size_t end, bool implicit) {
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
      if (level.end != 0 || element.length != 0) refuse(CARINA_DICOM_DAMAGED, "a sequence ends where it should not");
      levels.pop_back();
      continue;
    }
    const bool is_item = element.is(0xfffe, 0xe000);
    if (is_item == level.is_item || (!is_item && element.group == 0xfffe))
      refuse(CARINA_DICOM_DAMAGED, "a sequence holds (%04x,%04x) where it should not", element.group, element.number);
    const bool is_sequence = !is_item && (element.isType("SQ") || element.length == Element::undefined);
    if (is_item || (is_sequence && element.length == Element::undefined)) {
      if (is_sequence && element.namesType() && !element.isType("SQ") && !element.isType("UN"))
        refuse(CARINA_DICOM_DAMAGED, "(%04x,%04x) has no length", element.group, element.number);
      if (levels.size() >= 2 * kDepth) refuse(CARINA_DICOM_TOO_LARGE, "its sequences are nested too deeply");
      const size_t own = element.length == Element::undefined ? 0 : offset + element.length;
      if (own != 0) limit = own;
      // The content of an unknown element of undefined length is implicit, whatever is around it; so are items whose
      // first element names no type.
      const bool inner = level.implicit || element.isType("UN") || (is_item && beginsWithoutType(offset, limit));
      levels.push_back({is_item, own, inner});
    } else {
      offset += element.length;
    }
  }
  return offset;
}

size_t ElementWalker::fragmentsEnd(
    size_t offset, DicomExtract::Span &offset_table, std::vector<DicomExtract::Fragment> &fragments) {
  size_t first = 0;
  for (bool is_table = true;; is_table = false) {
    const Element element = head(offset, count, false);
    if (element.is(0xfffe, 0xe0dd) && element.length == 0) return element.value;
    if (!element.is(0xfffe, 0xe000) || element.length == Element::undefined)
      refuse(CARINA_DICOM_DAMAGED, "the compressed pixel data hold (%04x,%04x) where they should not", element.group,
             element.number);
    if (is_table) {
      offset_table = {element.value, element.length};
      first = element.value + element.length;
    } else {
      fragments.push_back({element.value, element.length, element.start - first});
    }
    if (fragments.size() > kFragments)
      refuse(CARINA_DICOM_TOO_LARGE, "the pixel data are in more than %zu fragments", kFragments);
    offset = element.value + element.length;
  }
}

bool ElementWalker::tableItem(
    size_t offset, size_t end, bool undefined, bool implicit, std::vector<Element> &first) {
  for (bool is_first = true; offset < end; is_first = false) {
    const Element item = head(offset, end, implicit);
    if (undefined && item.is(0xfffe, 0xe0dd)) return true;
    if (!item.is(0xfffe, 0xe000)) return false;
    offset = item.value;
    const size_t item_end = item.length == Element::undefined ? end : offset + item.length;
    const bool inner = implicit || beginsWithoutType(offset, item_end);
    while (offset < item_end) {
      const Element element = head(offset, item_end, inner);
      offset = element.value;
      if (item.length == Element::undefined && element.is(0xfffe, 0xe00d)) break;
      if (element.group != 0x0028 || element.length == Element::undefined || element.isType("SQ") ||
          DcmTag(element.group, element.number).getEVR() == EVR_SQ)
        return false;
      if (is_first) first.push_back(element);
      offset += element.length;
    }
  }
  return !undefined;
}

}  // namespace carina
