#pragma once
#include <cstddef>
#include <vector>

#include "dicom_extract.h"

namespace carina {

/// The number, counted from 0, of the frame that is wanted: one counted from 1, or CARINA_DICOM_ONLY_FRAME or
/// CARINA_DICOM_MIDDLE_FRAME. Throws a `Refusal` where the file does not have it.
size_t frameIndex(int wanted, int frames);

/// The encoded bytes of one of the frames of encapsulated pixel data: by the extended or the basic offset table, or one
/// fragment a frame, or up to the fragment that ends with JPEG's mark of the end, as pydicom does. Throws a `Refusal`.
std::vector<uint8_t> encodedFrame(const DicomExtract &extract, size_t index, size_t frames);

/// The stored values of one frame of pixels that are not compressed, as they lie: unused bits cleared, channels
/// interleaved. `lowest` is the number of unused bits below them, `planar` says that channels lie one after the other.
/// Throws a `Refusal`.
void copyNativeFrame(const DicomExtract &extract, const carina_dicom_report &report, int allocated, int lowest,
                     bool planar, bool is_big, size_t index, std::vector<uint16_t> &codes);

}  // namespace carina
