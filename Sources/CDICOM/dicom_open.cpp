#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include "CDICOM.h"
#include "compressed_frame_check.h"
#include "dicom_attributes.h"
#include "dicom_extract.h"
#include "dicom_frames.h"
#include "jpeg2000.h"

struct carina_dicom {
  std::vector<uint16_t> codes;
  carina::DicomTable tables[CARINA_DICOM_TABLES];
};

namespace carina {

namespace {

/// Who decodes the pixels.
enum class Codec { none, jpeg, jpegLS, rle, jpeg2000 };

/// A transfer syntax: its name, its decoder, and what DCMTK calls it.
struct Syntax {
  std::string name;
  E_TransferSyntax transfer;
  Codec codec = Codec::none;
  bool is_encapsulated = false;
};

/// Transfer syntaxes that DCMTK 3.6.7 does not name, or does not decode.
const struct {
  const char *uid, *name;
  bool is_decoded;
} otherSyntaxes[] = {
    {"1.2.840.10008.1.2.4.90", "JPEG 2000 (Lossless only)", true},
    {"1.2.840.10008.1.2.4.91", "JPEG 2000 (Lossless or Lossy)", true},
    {"1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless only)", true},
    {"1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL (Lossless only)", true},
    {"1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", true},
    {"1.2.840.10008.1.2.4.110", "JPEG XL (Lossless)", false},
    {"1.2.840.10008.1.2.4.111", "JPEG XL (Recompression of JPEG)", false},
    {"1.2.840.10008.1.2.4.112", "JPEG XL", false},
    {"1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", false},
};

void prepareLibrary() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    DcmRLEDecoderRegistration::registerCodecs();
  });
  if (!dcmDataDict.isDictionaryLoaded())
    refuse(CARINA_DICOM_UNSUPPORTED, "DCMTK's data dictionary is not installed, or DCMDICTPATH does not name it");
}

/// The syntax of a file, with its name in the report. Throws a `Refusal` for one that nobody here decodes.
Syntax findSyntax(const DicomExtract &extract, carina_dicom_report &report) {
  const DcmXfer transfer(extract.syntax.c_str());
  const bool isKnown = transfer.getXfer() != EXS_Unknown;
  Syntax syntax{isKnown ? transfer.getXferName() : extract.syntax.c_str(), transfer.getXfer()};
  syntax.is_encapsulated = !isKnown || transfer.isEncapsulated();
  bool isDecoded = !syntax.is_encapsulated, isHighThroughput = false;
  if (extract.syntax.empty()) {
    if (extract.is_encapsulated)
      refuse(CARINA_DICOM_UNSUPPORTED, "its pixels are compressed, and it names no transfer syntax");
    syntax = {"none", EXS_LittleEndianExplicit};
    isDecoded = true;
  }
  for (const auto &other : otherSyntaxes) {
    if (extract.syntax != other.uid) continue;
    syntax.name = other.name;
    syntax.codec = Codec::jpeg2000;
    isDecoded = other.is_decoded;
    isHighThroughput = isDecoded && syntax.name[0] == 'H';
  }
  if (syntax.is_encapsulated && syntax.codec == Codec::none && isKnown &&
      DcmCodecList::canChangeCoding(transfer.getXfer(), EXS_LittleEndianExplicit)) {
    const bool isLS = transfer.getXfer() == EXS_JPEGLSLossless || transfer.getXfer() == EXS_JPEGLSLossy;
    syntax.codec = isLS ? Codec::jpegLS : transfer.getXfer() == EXS_RLELossless ? Codec::rle : Codec::jpeg;
    isDecoded = true;
  }
  snprintf(report.syntax, sizeof report.syntax, "%s", syntax.name.c_str());
  if (!isDecoded)
    refuse(CARINA_DICOM_UNSUPPORTED,
           "the transfer syntax %.90s is not decoded; decompress the file, e.g. with gdcmconv --raw", report.syntax);
  if (isHighThroughput) requireHighThroughput();
  return syntax;
}

/// Elements with their types as a dataset of DCMTK.
void load(const std::vector<uint8_t> &elements, E_TransferSyntax syntax, DcmDataset &dataset) {
  DcmInputBufferStream stream;
  stream.setBuffer(elements.data(), static_cast<offile_off_t>(elements.size()));
  stream.setEos();
  dataset.transferInit();
  const OFCondition condition = dataset.read(stream, syntax, EGL_noChange);
  dataset.transferEnd();
  if (condition.bad()) refuse(CARINA_DICOM_DAMAGED, "DCMTK says: %s", condition.text());
  putNumbersInTheirTypes(dataset);
}

/// The bits below the stored ones.
int lowestBit(DcmDataset &dataset, const carina_dicom_report &report, int allocated) {
  Uint16 high = 0;
  if (dataset.findAndGetUint16(DCM_HighBit, high).bad()) high = static_cast<Uint16>(report.bits_stored - 1);
  const int lowest = high + 1 - report.bits_stored;
  if (lowest < 0 || high >= allocated)
    refuse(CARINA_DICOM_DAMAGED, "its highest bit is %d, of %d", high, report.bits_stored);
  return lowest;
}

/// The stored values out of what DCMTK decoded: unused high bits cleared, channels interleaved.
void copyCodes(DcmDataset &dataset, const carina_dicom_report &report, int allocated, std::vector<uint16_t> &codes) {
  const int shift = lowestBit(dataset, report, allocated);
  const uint16_t mask = static_cast<uint16_t>((1u << report.bits_stored) - 1);
  const size_t pixels = static_cast<size_t>(report.width) * static_cast<size_t>(report.height);
  const size_t count = pixels * static_cast<size_t>(report.channels);
  const Uint8 *narrow = nullptr;
  const Uint16 *wide = nullptr;
  unsigned long held = 0;
  const OFCondition condition = allocated == 8 ? dataset.findAndGetUint8Array(DCM_PixelData, narrow, &held)
                                               : dataset.findAndGetUint16Array(DCM_PixelData, wide, &held);
  if (condition.bad() || (!narrow && !wide)) refuse(CARINA_DICOM_DAMAGED, "DCMTK says: %s", condition.text());
  if (held < count) refuse(CARINA_DICOM_DAMAGED, "it has %lu pixel values instead of %zu", held, count);
  Uint16 planar = 0;
  if (report.channels > 1) dataset.findAndGetUint16(DCM_PlanarConfiguration, planar);
  codes.resize(count);
  for (size_t i = 0; i < count; i++) {
    const size_t from = planar == 0 ? i : i % 3 * pixels + i / 3;
    codes[i] = static_cast<uint16_t>((narrow ? narrow[from] : wide[from]) >> shift & mask);
  }
}

void checkColour(DcmDataset &dataset, const carina_dicom_report &report, Codec codec) {
  OFString photometric;
  dataset.findAndGetOFString(DCM_PhotometricInterpretation, photometric);
  // The transforms of JPEG 2000 itself are undone where its codestream says so.
  const bool isTransformed = codec == Codec::jpeg2000 && (photometric == "YBR_RCT" || photometric == "YBR_ICT");
  if (report.channels == 3 && photometric != "RGB" && !isTransformed)
    refuse(CARINA_DICOM_UNSUPPORTED, "the photometric interpretation %.40s is not supported; convert it to RGB",
           photometric.c_str());
}

/// Decodes one compressed frame through DCMTK.
void decodeByDCMTK(const DicomExtract &extract, const Syntax &syntax, std::vector<uint8_t> frame,
                   const carina_dicom_report &report, int allocated, std::vector<uint16_t> &codes) {
  int precision = allocated;
  if (syntax.codec == Codec::rle) {
    checkRLEFrame(frame.data(), frame.size(), report, allocated);
  } else if (syntax.codec == Codec::jpegLS) {
    precision = checkJPEGLSFrame(frame, report, allocated);
  } else {
    precision = checkJPEGFrame(frame.data(), frame.size(), report, allocated);
  }
  std::vector<uint8_t> elements = extract.attributes;
  const auto add = [&elements](std::initializer_list<uint8_t> bytes) {
    elements.insert(elements.end(), bytes.begin(), bytes.end());
  };
  const size_t length = frame.size() + frame.size() % 2;
  add({0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0});
  for (int shift : {0, 8, 16, 24}) elements.push_back(static_cast<uint8_t>(length >> shift));
  elements.insert(elements.end(), frame.begin(), frame.end());
  if (length != frame.size()) elements.push_back(0);
  add({0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0});
  DcmDataset dataset;
  load(elements, syntax.transfer, dataset);
  dataset.findAndDeleteElement(DCM_NumberOfFrames);
  // DCMTK refuses values of 8 bits that the attributes keep in 16, or store with more.
  carina_dicom_report stored = report;
  if (precision <= 8 && allocated == 16) {
    allocated = 8;
    dataset.putAndInsertUint16(DCM_BitsAllocated, 8);
    if (stored.bits_stored > 8) {
      stored.bits_stored = 8;
      dataset.putAndInsertUint16(DCM_BitsStored, 8);
      dataset.putAndInsertUint16(DCM_HighBit, 7);
    }
  }
  const OFCondition condition = dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
  if (condition.bad()) refuse(CARINA_DICOM_DAMAGED, "DCMTK says: %s", condition.text());
  carina_dicom_report decoded = {};
  if (readPixelAttributes(dataset, decoded) != allocated || decoded.width != report.width ||
      decoded.height != report.height || decoded.channels != report.channels ||
      decoded.bits_stored != stored.bits_stored || decoded.is_signed != report.is_signed)
    refuse(CARINA_DICOM_DAMAGED, "its compressed pixels are of another kind than its attributes say");
  checkColour(dataset, report, syntax.codec);
  copyCodes(dataset, stored, allocated, codes);
  // JPEG-LS knows no sign: that of a signed value is the highest bit of the precision.
  if (syntax.codec != Codec::jpegLS || !report.is_signed || precision >= report.bits_stored) return;
  const int sign = 1 << (precision - 1), mask = (1 << report.bits_stored) - 1;
  for (uint16_t &code : codes) code = static_cast<uint16_t>(((code ^ sign) - sign) & mask);
}

void decodeNative(DcmDataset &dataset, const DicomExtract &extract, const carina_dicom_report &report, int allocated,
                  size_t index, std::vector<uint16_t> &codes) {
  Uint16 planar = 0;
  if (report.channels > 1) dataset.findAndGetUint16(DCM_PlanarConfiguration, planar);
  // One private syntax has its pixels, and nothing else, most significant byte first.
  const DcmXfer transfer(extract.syntax.c_str());
  const bool isBig =
      extract.is_big || (transfer.getXfer() != EXS_Unknown && transfer.isLittleEndian() &&
                         transfer.getPixelDataByteOrder() == EBO_BigEndian);
  copyNativeFrame(extract, report, allocated, lowestBit(dataset, report, allocated), planar != 0, isBig, index, codes);
}

std::unique_ptr<carina_dicom> open(const uint8_t *bytes, size_t count, int frame, bool withPixels,
                                   carina_dicom_report &report) {
  prepareLibrary();
  DicomExtract extract(bytes, count);
  const Syntax syntax = findSyntax(extract, report);
  if (syntax.is_encapsulated != extract.is_encapsulated || (extract.is_encapsulated && extract.is_big))
    refuse(CARINA_DICOM_DAMAGED, "its pixel data are not stored as its transfer syntax, %.90s, says", report.syntax);
  if (extract.pixels.length > CARINA_DICOM_MAX_PIXEL_BYTES)
    refuse(CARINA_DICOM_TOO_LARGE, "it has %zu bytes of pixel data; the limit is %d", extract.pixels.length,
           CARINA_DICOM_MAX_PIXEL_BYTES);
  DcmDataset dataset;
  load(extract.attributes, extract.is_big ? EXS_BigEndianExplicit : EXS_LittleEndianExplicit, dataset);
  const int allocated = readPixelAttributes(dataset, report);
  const size_t index = frameIndex(frame, report.frames);
  report.frame = static_cast<int32_t>(index) + 1;
  if (syntax.codec == Codec::none || syntax.codec == Codec::jpeg2000) checkColour(dataset, report, syntax.codec);
  std::unique_ptr<carina_dicom> file(new carina_dicom);
  const bool isSigned = report.is_signed != 0;
  file->tables[CARINA_DICOM_MODALITY_TABLE] = readTable(dataset, CARINA_DICOM_MODALITY_TABLE, isSigned);
  try {
    file->tables[CARINA_DICOM_DISPLAY_TABLE] = readTable(dataset, CARINA_DICOM_DISPLAY_TABLE, isSigned);
  } catch (const Refusal &refusal) {
    snprintf(report.display_problem, sizeof report.display_problem, "%s", refusal.text.c_str());
  }
  for (int which : {CARINA_DICOM_RED_TABLE, CARINA_DICOM_GREEN_TABLE, CARINA_DICOM_BLUE_TABLE})
    if (report.is_palette) file->tables[which] = readPaletteTable(dataset, which, isSigned);
  if (withPixels && !extract.is_encapsulated) {
    decodeNative(dataset, extract, report, allocated, index, file->codes);
  } else if (withPixels) {
    const std::vector<uint8_t> encoded = encodedFrame(extract, index, static_cast<size_t>(report.frames));
    if (syntax.codec == Codec::jpeg2000) {
      const JPEG2000Header header = checkJPEG2000Frame(encoded.data(), encoded.size(), report, allocated);
      if (header.is_signed != isSigned && report.channels == 1)
        extract.remark("the sign of its JPEG 2000 is not that of its pixel representation, which is obeyed");
      decodeJPEG2000(encoded.data(), encoded.size(), header, report, file->codes);
    } else {
      decodeByDCMTK(extract, syntax, encoded, report, allocated, file->codes);
    }
  }
  snprintf(report.remarks, sizeof report.remarks, "%s", extract.remarks.c_str());
  return file;
}

int fail(carina_dicom_report *report, int status, const char *text) {
  snprintf(report->message, sizeof report->message, "%s", text);
  return status;
}

}  // namespace

}  // namespace carina

int carina_dicom_is_dicom(const uint8_t *bytes, size_t count) {
  try {
    size_t offset = 0;
    bool has_preamble = false;
    return carina::findDataSet(bytes, count, &offset, &has_preamble);
  } catch (...) {
    return 0;
  }
}

int carina_dicom_decodes_htj2k(void) { return carina::decodesHighThroughput(); }

int carina_dicom_open(
    const uint8_t *bytes, size_t count, int frame, int with_pixels, carina_dicom **file,
    carina_dicom_report *report) {
  *file = nullptr;
  memset(report, 0, sizeof *report);
  try {
    *file = carina::open(bytes, count, frame, with_pixels != 0, *report).release();
    return CARINA_DICOM_OK;
  } catch (const carina::Refusal &refusal) {
    return carina::fail(report, refusal.status, refusal.text.c_str());
  } catch (const std::bad_alloc &) {
    return carina::fail(report, CARINA_DICOM_NO_MEMORY, "no memory for its pixels");
  } catch (...) {
    return carina::fail(report, CARINA_DICOM_DAMAGED, "DCMTK failed without saying why");
  }
}

const uint16_t *carina_dicom_codes(const carina_dicom *file) { return file->codes.data(); }

const uint16_t *carina_dicom_table(
    const carina_dicom *file, int which, int32_t *count, int32_t *first, int32_t *bits) {
  const carina::DicomTable &table = file->tables[which];
  *count = static_cast<int32_t>(table.values.size());
  *first = table.first;
  *bits = table.bits;
  return table.values.empty() ? nullptr : table.values.data();
}

void carina_dicom_close(carina_dicom *file) { delete file; }
