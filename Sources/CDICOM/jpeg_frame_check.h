#pragma once
#include <cstddef>
#include <cstdint>

#include "CDICOM.h"

namespace carina {

/// Compares the frame headers of a compressed JPEG with what the file's attributes promise, and counts its scans. A
/// frame smaller than its attributes would leave values that nothing has written.
/// Throws a `Refusal`.
void checkJPEGFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated);

}  // namespace carina
