#pragma once
#include <cstddef>
#include <cstdint>

#include "CDICOM.h"

namespace carina {

// DCMTK leaves values that a compressed frame does not have as it found them in memory. Both checks throw a `Refusal`.

/// Compares the frame headers of a compressed JPEG with what the file's attributes promise, and counts its scans.
void checkJPEGFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated);

/// Counts the bytes that each segment of an RLE frame (PS3.5 annex G) holds.
void checkRLEFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated);

}  // namespace carina
