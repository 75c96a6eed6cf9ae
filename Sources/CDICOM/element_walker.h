#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dicom_extract.h"

namespace carina {

/// The head of a data element (PS3.5 section 7.1).
struct Element {
  static constexpr uint32_t undefined = 0xffffffff;

  uint16_t group, number;
  char type[2];  // zero where the encoding names none
  uint32_t length;
  size_t start, value;  // where the element and its value begin

  bool is(uint16_t g, uint16_t n) const { return group == g && number == n; }
  bool isType(const char *name) const { return type[0] == name[0] && type[1] == name[1]; }
  bool namesType() const { return type[0] != 0; }
};

/// Reads the heads of elements one after the other, believing no length before it has seen that the bytes are there.
/// Everything throws a `Refusal`.
struct ElementWalker {
  const uint8_t *bytes;
  size_t count;
  bool is_big = false;
  size_t elements = 0;
  bool has_mixed = false;  // elements without type were met where types are named

  uint16_t word(size_t offset) const {
    const uint8_t *p = bytes + offset;
    return static_cast<uint16_t>(is_big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
  }

  uint32_t quad(size_t offset) const {
    const uint32_t first = word(offset), second = word(offset + 2);
    return is_big ? first << 16 | second : second << 16 | first;
  }

  /// Whether the two bytes are a type of the standard.
  static bool isKnown(const char type[2]);

  /// Whether the length of an element of this type has 32 bits.
  static bool hasLongLength(const char type[2]);

  /// Whether the two bytes can be no type, so that the element at hand names none.
  static bool isNoType(const char type[2]);

  /// The head of the element at `offset`; its value, unless of undefined length, lies before `end`.
  ///
  /// Among elements with types one without is met now and then; it is read as what it is, as pydicom does.
  Element head(size_t offset, size_t end, bool implicit);

  /// The end of a sequence of undefined length whose first item lies at `offset`.
  size_t sequenceEnd(size_t offset, size_t end, bool implicit);

  /// The end of the fragments of encapsulated pixel data; the first item is the offset table.
  size_t fragmentsEnd(
      size_t offset, DicomExtract::Span &offset_table, std::vector<DicomExtract::Fragment> &fragments);

  /// The elements of the first item of a table's sequence within `offset`...`end`; false unless the items hold plain
  /// values of group 0028 alone.
  bool tableItem(size_t offset, size_t end, bool undefined, bool implicit, std::vector<Element> &first);

 private:
  void need(size_t offset, size_t length, size_t end) const;
  bool beginsWithoutType(size_t offset, size_t end) const;
};

}  // namespace carina
