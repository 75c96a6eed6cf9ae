#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "CDICOM.h"

namespace carina {

/// Why a file is refused: thrown within this target, turned into a status at its C face.
struct Refusal {
  int status;
  std::string text;
};

[[noreturn]] void refuse(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// The part of a file that decides its pixels.
///
/// DCMTK 3.6.7 reads sequences by recursion without a limit and believes lengths before it has seen the bytes. So the
/// structure is walked here first, with a bounded depth and every length checked, and only the attributes of group
/// 0028 and the pixel data are handed on.
struct DicomExtract {
  struct Span {
    size_t start, length;
  };
  std::string syntax;             // transfer syntax UID
  std::vector<Span> attributes;   // whole elements of group 0028, in the order of the file
  Span pixel_element{0, 0};       // the whole element of pixel data
  std::vector<Span> fragments;    // the values of its items after the offset table, where it is encapsulated
  bool is_encapsulated = false;

  DicomExtract(const uint8_t *bytes, size_t count);
};

}  // namespace carina
