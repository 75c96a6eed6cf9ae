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
/// DCMTK 3.6.7 reads sequences by recursion without a limit, believes lengths before it has seen the bytes, and reads
/// an encoding that is not the transfer syntax's as nonsense. So the structure is walked here first, with a bounded
/// depth, every length checked and the encoding taken from the elements themselves; only the attributes of group 0028
/// and the pixel data are handed on.
struct DicomExtract {
  struct Span {
    size_t start = 0, length = 0;
  };
  struct Fragment {
    size_t start, length;
    size_t offset;  // of its item, from the end of the offset table
  };

  std::string syntax;                // transfer syntax UID; empty where the file names none
  std::string remarks;               // what is odd about the file, in words, "; " between
  const uint8_t *bytes;              // what all offsets count from: the file, or what it holds deflated
  bool is_big = false;               // numbers and pixels lie most significant byte first
  std::vector<uint8_t> attributes;   // elements of group 0028 with their types, in the byte order of the file
  Span pixels;                       // the value of the pixel data
  bool has_words = false;            // pixels of 8 bits lie in words, OW
  bool is_encapsulated = false;
  Span offset_table;                 // the basic offset table, where the pixel data are encapsulated
  std::vector<Fragment> fragments;   // the items after it
  std::vector<uint64_t> frame_offsets, frame_lengths;  // the extended offset table

  /// - Throws: a `Refusal`.
  DicomExtract(const uint8_t *file, size_t count);

  void remark(const char *text);

 private:
  std::vector<uint8_t> inflated;
};

/// What a deflated data set (RFC 1951, PS3.5 annex A.5) holds, within the limits of pixel data. Throws a `Refusal`.
std::vector<uint8_t> inflateDataSet(const uint8_t *bytes, size_t count);

/// Where the data set of a file may begin: behind preamble and "DICM", or at once where the first elements look like
/// those of an image; 0 in `*has_preamble` for the latter. False for what is no DICOM.
bool findDataSet(const uint8_t *bytes, size_t count, size_t *offset, bool *has_preamble);

}  // namespace carina
