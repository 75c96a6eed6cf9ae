#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "CDICOM.h"

namespace carina {

// DCMTK leaves values that a compressed frame does not have as it found them in memory. All checks throw a `Refusal`.

/// Compares the frame headers of a compressed JPEG with what the file's attributes promise, and counts its scans. Returns
/// the bits of a value.
int checkJPEGFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated);

/// The same for JPEG-LS (ISO/IEC 14495-1), which keeps nothing but one frame header, presets of the coding parameters, and
/// the scans; restart intervals, mapping tables and lines counted afterwards are refused.
///
/// Where values have fewer than 8 bits and no presets are written, those of the standard's annex C are put in: the defaults
/// of DCMTK's CharLS are others there.
int checkJPEGLSFrame(std::vector<uint8_t> &frame, const carina_dicom_report &promised, int bitsAllocated);

/// Counts the bytes that each segment of an RLE frame (PS3.5 annex G) holds.
void checkRLEFrame(const uint8_t *bytes, size_t count, const carina_dicom_report &promised, int bitsAllocated);

}  // namespace carina
