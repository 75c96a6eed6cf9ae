#include "dicom_attributes.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "dicom_extract.h"

namespace carina {

namespace {

int required(DcmItem &item, const DcmTagKey &key, const char *name) {
  Uint16 value = 0;
  if (item.findAndGetUint16(key, value).bad()) refuse(CARINA_DICOM_DAMAGED, "it does not say its %s", name);
  return value;
}

std::string word(DcmItem &item, const DcmTagKey &key) {
  OFString text;
  if (item.findAndGetOFString(key, text).bad()) return "";
  const size_t last = text.find_last_not_of(' ');
  const size_t first = text.find_first_not_of(' ');
  return last == OFString_npos ? "" : std::string(text.c_str() + first, last + 1 - first);
}

/// What is read of a number.
enum class Reading { absent, number, unreadable };

/// The first number of an element, of whatever type it is: a text has to be a number from its first character to its
/// last (DCMTK takes `2048,5` for 2048).
Reading readNumber(DcmItem &item, const DcmTagKey &key, double &value) {
  DcmElement *element = nullptr;
  if (item.findAndGetElement(key, element).bad() || !element || element->getLength() == 0) return Reading::absent;
  Float64 wide = 0;
  Float32 narrow = 0;
  Uint16 plain = 0;
  Sint16 signed16 = 0;
  Uint32 plain32 = 0;
  Sint32 signed32 = 0;
  switch (element->ident()) {
    case EVR_FD: value = element->getFloat64(wide).good() ? wide : NAN; break;
    case EVR_FL: value = element->getFloat32(narrow).good() ? narrow : NAN; break;
    case EVR_US: value = element->getUint16(plain).good() ? plain : NAN; break;
    case EVR_SS: value = element->getSint16(signed16).good() ? signed16 : NAN; break;
    case EVR_UL: value = element->getUint32(plain32).good() ? plain32 : NAN; break;
    case EVR_SL: value = element->getSint32(signed32).good() ? signed32 : NAN; break;
    default: {
      const std::string text = word(item, key);
      if (text.empty()) return Reading::absent;
      // The standard allows a plus sign before the number, `from_chars` does not.
      const char *first = text.data() + (text[0] == '+' ? 1 : 0), *last = text.data() + text.size();
      const auto parsed = std::from_chars(first, last, value);
      if (parsed.ec != std::errc() || parsed.ptr != last || (text[0] == '+' && *first == '-')) value = NAN;
    }
  }
  return std::isfinite(value) ? Reading::number : Reading::unreadable;
}

/// Whether a number is there; refuses one that is none.
bool number(DcmItem &item, const DcmTagKey &key, const char *name, double &value) {
  double read = 0;
  switch (readNumber(item, key, read)) {
    case Reading::absent: return false;
    case Reading::unreadable:
      refuse(CARINA_DICOM_DAMAGED, "its %s is no number: %.40s", name, word(item, key).c_str());
    case Reading::number: value = read;
  }
  return true;
}

/// A 16-bit value whose type, US or SS, is decided by the file or by the sign of the pixels.
bool either(DcmItem &item, const DcmTagKey &key, unsigned long index, bool isSigned, int32_t &value) {
  DcmElement *element = nullptr;
  if (item.findAndGetElement(key, element).bad() || !element) return false;
  Uint16 plain = 0;
  Sint16 narrow = 0;
  if (element->getSint16(narrow, index).good()) {
    value = narrow;
  } else if (element->getUint16(plain, index).good()) {
    value = isSigned ? static_cast<Sint16>(plain) : plain;
  } else {
    double number = 0;
    if (index != 0 || readNumber(item, key, number) != Reading::number) return false;
    if (number < INT16_MIN || number > UINT16_MAX || number != std::floor(number)) return false;
    value = static_cast<int32_t>(number);
  }
  return true;
}

void readWindow(DcmDataset &dataset, carina_dicom_report &report) {
  if (!number(dataset, DCM_WindowCenter, "window centre", report.window_center)) return;
  if (!number(dataset, DCM_WindowWidth, "window width", report.window_width)) return;
  std::string function = word(dataset, DCM_VOILUTFunction);
  std::transform(function.begin(), function.end(), function.begin(), [](unsigned char c) { return std::toupper(c); });
  if (function.empty() || function == "LINEAR") {
    report.window_function = CARINA_DICOM_LINEAR;
  } else if (function == "LINEAR_EXACT") {
    report.window_function = CARINA_DICOM_LINEAR_EXACT;
  } else if (function == "SIGMOID") {
    report.window_function = CARINA_DICOM_SIGMOID;
  } else {
    refuse(CARINA_DICOM_UNSUPPORTED, "the window function %.40s is not known", function.c_str());
  }
  if (report.window_width < (report.window_function == CARINA_DICOM_LINEAR ? 1 : 1e-9))
    refuse(CARINA_DICOM_DAMAGED, "its window has a width of %g", report.window_width);
}

}  // namespace

void putNumbersInTheirTypes(DcmDataset &dataset) {
  for (const DcmTagKey &key :
       {DCM_Rows, DCM_Columns, DCM_SamplesPerPixel, DCM_BitsAllocated, DCM_BitsStored, DCM_HighBit,
        DCM_PixelRepresentation, DCM_PlanarConfiguration}) {
    Uint16 plain = 0;
    double value = 0;
    if (dataset.findAndGetUint16(key, plain).good() || readNumber(dataset, key, value) != Reading::number) continue;
    if (value >= 0 && value <= UINT16_MAX && value == std::floor(value))
      dataset.putAndInsertUint16(key, static_cast<Uint16>(value));
  }
}

int readPixelAttributes(DcmDataset &dataset, carina_dicom_report &report) {
  report.height = required(dataset, DCM_Rows, "rows");
  report.width = required(dataset, DCM_Columns, "columns");
  report.channels = required(dataset, DCM_SamplesPerPixel, "samples per pixel");
  const int allocated = required(dataset, DCM_BitsAllocated, "bits allocated");
  report.bits_stored = required(dataset, DCM_BitsStored, "bits stored");
  report.code_bits = report.bits_stored;
  report.is_signed = required(dataset, DCM_PixelRepresentation, "pixel representation") != 0;
  const std::string photometric = word(dataset, DCM_PhotometricInterpretation);
  const double pixels = static_cast<double>(report.width) * report.height;
  if (report.width == 0 || report.height == 0)
    refuse(CARINA_DICOM_DAMAGED, "its attributes say %d x %d pixels", report.width, report.height);
  if (report.width > CARINA_DICOM_MAX_SIDE || report.height > CARINA_DICOM_MAX_SIDE ||
      pixels * std::max(report.channels, 1) > CARINA_DICOM_MAX_VALUES)
    refuse(CARINA_DICOM_TOO_LARGE,
           "its attributes say %d x %d pixels of %d channels; the limits are %d a side and %d values",
           report.width, report.height, report.channels, CARINA_DICOM_MAX_SIDE, CARINA_DICOM_MAX_VALUES);
  Sint32 frames = 1;
  double counted = 1;
  const Reading read = readNumber(dataset, DCM_NumberOfFrames, counted);
  if (read == Reading::number && std::abs(counted) < 1e9) frames = static_cast<Sint32>(counted);
  if (read == Reading::unreadable || counted != frames)
    refuse(CARINA_DICOM_DAMAGED, "its number of frames is no number");
  if (frames < 0) refuse(CARINA_DICOM_DAMAGED, "it says that it has %d frames", static_cast<int>(frames));
  // None at all is written for one.
  report.frames = frames == 0 ? 1 : frames;
  if (allocated != 8 && allocated != 16)
    refuse(CARINA_DICOM_UNSUPPORTED, "%d bits a value are not supported, only 8 and 16", allocated);
  if (report.bits_stored < 1 || report.bits_stored > allocated)
    refuse(CARINA_DICOM_DAMAGED, "it stores %d of %d bits", report.bits_stored, allocated);
  if (photometric == "MONOCHROME1" || photometric == "MONOCHROME2") {
    if (report.channels != 1)
      refuse(CARINA_DICOM_DAMAGED, "%d channels are not %s", report.channels, photometric.c_str());
    report.is_monochrome1 = photometric == "MONOCHROME1";
  } else if (photometric == "PALETTE COLOR" && report.channels == 1) {
    report.is_palette = 1;
  } else if (photometric.empty()) {
    refuse(CARINA_DICOM_DAMAGED, "it does not say its photometric interpretation");
  } else if (report.channels != 3 || allocated != 8 || report.bits_stored != 8 || report.is_signed) {
    refuse(CARINA_DICOM_UNSUPPORTED,
           "the photometric interpretation %.40s with %d channels of %d bits is not supported",
           photometric.c_str(), report.channels, report.bits_stored);
  }
  report.slope = 1;
  const bool hasSlope = number(dataset, DCM_RescaleSlope, "rescale slope", report.slope);
  const bool hasIntercept = number(dataset, DCM_RescaleIntercept, "rescale intercept", report.intercept);
  report.has_rescale = hasSlope || hasIntercept;
  if (report.slope == 0) refuse(CARINA_DICOM_DAMAGED, "its rescale slope is 0");
  // A window that cannot be used matters to who asks for it alone.
  try {
    readWindow(dataset, report);
  } catch (const Refusal &refusal) {
    report.window_function = CARINA_DICOM_NO_WINDOW;
    snprintf(report.window_problem, sizeof report.window_problem, "%s", refusal.text.c_str());
  }
  const bool isSigned = report.is_signed != 0;
  int32_t padding = 0, limit = 0;
  if (either(dataset, DCM_PixelPaddingValue, 0, isSigned, padding)) {
    if (!either(dataset, DCM_PixelPaddingRangeLimit, 0, isSigned, limit)) limit = padding;
    report.has_padding = 1;
    report.padding_low = std::min(padding, limit);
    report.padding_high = std::max(padding, limit);
  }
  return allocated;
}

namespace {

/// The table of a descriptor and its data.
DicomTable readTable(DcmItem &item, const DcmTagKey &descriptor, const DcmTagKey &entriesKey, const char *name,
                     bool isSigned) {
  DicomTable table;
  int32_t count = 0, bits = 0;
  if (!either(item, descriptor, 0, false, count) || !either(item, descriptor, 1, isSigned, table.first) ||
      !either(item, descriptor, 2, false, bits))
    refuse(CARINA_DICOM_DAMAGED, "its %s table has no descriptor", name);
  // A count of 65,536 does not fit and is written as 0; a signed one comes out negative.
  count &= 0xffff;
  const size_t entries = count == 0 ? 65536 : static_cast<size_t>(count);
  if (bits < 8 || bits > 16) refuse(CARINA_DICOM_UNSUPPORTED, "its %s table has values of %d bits", name, bits);
  DcmElement *data = nullptr;
  Uint16 *words = nullptr;
  if (item.findAndGetElement(entriesKey, data).bad() || !data || data->getUint16Array(words).bad() || !words)
    refuse(CARINA_DICOM_DAMAGED, "its %s table has no values that can be read", name);
  const size_t held = data->getLength() / 2;
  table.bits = bits;
  table.values.resize(entries);
  if (held >= entries) {
    std::copy(words, words + entries, table.values.begin());
  } else if (bits == 8 && held == (entries + 1) / 2) {
    // Two entries a word, the first in its low half.
    for (size_t i = 0; i < entries; i++) table.values[i] = static_cast<uint16_t>(words[i / 2] >> (i % 2 * 8) & 0xff);
  } else {
    refuse(CARINA_DICOM_DAMAGED, "its %s table has %zu values instead of %zu", name, held, entries);
  }
  return table;
}

}  // namespace

DicomTable readTable(DcmDataset &dataset, int which, bool isSigned) {
  DcmItem *item = nullptr;
  const bool isModality = which == CARINA_DICOM_MODALITY_TABLE;
  const DcmTagKey key = isModality ? DCM_ModalityLUTSequence : DCM_VOILUTSequence;
  if (!dataset.tagExistsWithValue(key)) return {};
  const char *name = isModality ? "modality" : "display";
  if (dataset.findAndGetSequenceItem(key, item, 0).bad() || !item)
    refuse(CARINA_DICOM_DAMAGED, "its %s table has no descriptor", name);
  return readTable(*item, DCM_LUTDescriptor, DCM_LUTData, name, isSigned);
}

DicomTable readPaletteTable(DcmDataset &dataset, int which, bool isSigned) {
  static const struct {
    DcmTagKey descriptor, entries, segments;
    const char *name;
  } keys[] = {
      {DCM_RedPaletteColorLookupTableDescriptor, DCM_RedPaletteColorLookupTableData,
       DCM_SegmentedRedPaletteColorLookupTableData, "red"},
      {DCM_GreenPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableData,
       DCM_SegmentedGreenPaletteColorLookupTableData, "green"},
      {DCM_BluePaletteColorLookupTableDescriptor, DCM_BluePaletteColorLookupTableData,
       DCM_SegmentedBluePaletteColorLookupTableData, "blue"},
  };
  const auto &key = keys[which - CARINA_DICOM_RED_TABLE];
  if (!dataset.tagExistsWithValue(key.entries) && dataset.tagExistsWithValue(key.segments))
    refuse(CARINA_DICOM_UNSUPPORTED, "its palette is written in segments, which is not supported");
  return readTable(dataset, key.descriptor, key.entries, key.name, isSigned);
}

}  // namespace carina
