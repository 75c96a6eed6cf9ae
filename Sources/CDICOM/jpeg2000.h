#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "CDICOM.h"

namespace carina {

/// What the headers of a JPEG 2000 codestream (ISO/IEC 15444-1, annex A) say.
struct JPEG2000Header {
  size_t start = 0;  // of the codestream, behind the boxes of a JP2 file where there are any
  int precision = 0;
  bool is_signed = false;
};

/// Whether High-Throughput JPEG 2000 (ISO/IEC 15444-15) is decoded: OpenJPEG before 2.5.1 ends the process for some damaged
/// codestreams.
bool decodesHighThroughput();

/// Throws a `Refusal` where it is not.
void requireHighThroughput();

/// Reads the headers of a codestream, main and of every tile-part, and refuses what would take more memory or time than
/// a radiograph is worth, is truncated, or is not what the attributes promise. Nothing is allocated for what a header
/// only claims. Throws a `Refusal`.
JPEG2000Header checkJPEG2000Frame(
    const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated);

/// The stored values of a frame that was checked, as bit patterns of `report.code_bits` bits, channels interleaved.
///
/// Values are those that pydicom 3 reads: of the codestream's precision, and signed where the pixel representation says
/// so, whatever the codestream says. `report.code_bits` grows where values lie beyond the bits stored. Throws a `Refusal`.
void decodeJPEG2000(const uint8_t *bytes, size_t count, const JPEG2000Header &header, carina_dicom_report &report,
                    std::vector<uint16_t> &codes);

}  // namespace carina
