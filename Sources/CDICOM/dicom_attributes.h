#pragma once
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "CDICOM.h"

namespace carina {

/// A lookup table of the file.
struct DicomTable {
  std::vector<uint16_t> values;
  int32_t first = 0, bits = 0;
};

/// Gives the whole numbers that decoding needs the types of the dictionary: some files have them in another, which says
/// the same.
void putNumbersInTheirTypes(DcmDataset &dataset);

/// Fills the report from the attributes, checking what decoding relies on; returns the bits allocated a value (8 or
/// 16). Throws a `Refusal`.
int readPixelAttributes(DcmDataset &dataset, carina_dicom_report &report);

/// The modality or display table; empty when there is none.
DicomTable readTable(DcmDataset &dataset, int which, bool isSigned);

/// One of the three tables of a palette (PS3.3 C.7.9). Throws a `Refusal` where it is missing.
DicomTable readPaletteTable(DcmDataset &dataset, int which, bool isSigned);

}  // namespace carina
