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
#include <dcmtk/oflog/oflog.h>

#include "CDICOM.h"
#include "compressed_frame_check.h"
#include "dicom_attributes.h"
#include "dicom_extract.h"

struct carina_dicom {
  std::vector<uint16_t> codes;
  carina::DicomTable tables[2];
};

namespace carina {

namespace {

void prepareLibrary() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs();
    DcmRLEDecoderRegistration::registerCodecs();
  });
  if (!dcmDataDict.isDictionaryLoaded())
    refuse(CARINA_DICOM_UNSUPPORTED, "DCMTK's data dictionary is not installed, or DCMDICTPATH does not name it");
}

/// The extract's elements as a dataset of DCMTK.
void load(const DicomExtract &extract, const uint8_t *bytes, E_TransferSyntax syntax, DcmDataset &dataset) {
  std::vector<uint8_t> slim;
  size_t size = extract.pixel_element.length;
  for (const DicomExtract::Span &span : extract.attributes) size += span.length;
  slim.reserve(size);
  for (const DicomExtract::Span &span : extract.attributes)
    slim.insert(slim.end(), bytes + span.start, bytes + span.start + span.length);
  const DicomExtract::Span &pixels = extract.pixel_element;
  slim.insert(slim.end(), bytes + pixels.start, bytes + pixels.start + pixels.length);
  DcmInputBufferStream stream;
  stream.setBuffer(slim.data(), static_cast<offile_off_t>(slim.size()));
  stream.setEos();
  dataset.transferInit();
  const OFCondition condition = dataset.read(stream, syntax, EGL_noChange);
  dataset.transferEnd();
  if (condition.bad()) refuse(CARINA_DICOM_DAMAGED, "DCMTK says: %s", condition.text());
}

bool isJPEG(const std::string &syntax) {
  static const char prefix[] = "1.2.840.10008.1.2.4.";
  return syntax.compare(0, sizeof prefix - 1, prefix) == 0;
}

void checkCompressed(const DicomExtract &extract, const uint8_t *bytes, const carina_dicom_report &report,
                     int allocated) {
  if (extract.fragments.empty()) refuse(CARINA_DICOM_DAMAGED, "its compressed pixel data are empty");
  if (!isJPEG(extract.syntax)) {
    // RLE, the only other compression that is registered; a frame is one fragment.
    if (extract.fragments.size() != 1)
      refuse(CARINA_DICOM_DAMAGED, "its RLE data are in %zu pieces instead of one", extract.fragments.size());
    checkRLEFrame(bytes + extract.fragments[0].start, extract.fragments[0].length, report, allocated);
    return;
  }
  if (extract.fragments.size() == 1) {
    checkJPEGFrame(bytes + extract.fragments[0].start, extract.fragments[0].length, report, allocated);
    return;
  }
  std::vector<uint8_t> joined;
  for (const DicomExtract::Span &span : extract.fragments)
    joined.insert(joined.end(), bytes + span.start, bytes + span.start + span.length);
  checkJPEGFrame(joined.data(), joined.size(), report, allocated);
}

/// The stored values out of what DCMTK decoded: unused high bits cleared, channels interleaved.
void copyCodes(DcmDataset &dataset, const carina_dicom_report &report, int allocated, std::vector<uint16_t> &codes) {
  Uint16 high = 0;
  if (dataset.findAndGetUint16(DCM_HighBit, high).bad()) high = static_cast<Uint16>(report.bits_stored - 1);
  const int shift = high + 1 - report.bits_stored;
  if (shift < 0 || high >= allocated)
    refuse(CARINA_DICOM_DAMAGED, "its highest bit is %d, of %d", high, report.bits_stored);
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

void checkColour(DcmDataset &dataset, const carina_dicom_report &report) {
  OFString photometric;
  dataset.findAndGetOFString(DCM_PhotometricInterpretation, photometric);
  if (report.channels == 3 && photometric != "RGB")
    refuse(CARINA_DICOM_UNSUPPORTED, "the photometric interpretation %.40s is not supported; convert it to RGB",
           photometric.c_str());
}

std::unique_ptr<carina_dicom> open(const uint8_t *bytes, size_t count, bool withPixels, carina_dicom_report &report) {
  if (!carina_dicom_is_dicom(bytes, count)) refuse(CARINA_DICOM_DAMAGED, "the content is not DICOM");
  prepareLibrary();
  const DicomExtract extract(bytes, count);
  const DcmXfer transfer(extract.syntax.c_str());
  const bool isKnown = transfer.getXfer() != EXS_Unknown;
  snprintf(report.syntax, sizeof report.syntax, "%s", isKnown ? transfer.getXferName() : extract.syntax.c_str());
  const bool needsCodec = !isKnown || transfer.isEncapsulated();
  if (needsCodec && (!isKnown || !DcmCodecList::canChangeCoding(transfer.getXfer(), EXS_LittleEndianExplicit)))
    refuse(CARINA_DICOM_UNSUPPORTED,
           "the transfer syntax %.90s is not decoded by this DCMTK; decompress the file, e.g. with gdcmconv --raw",
           report.syntax);
  if (needsCodec != extract.is_encapsulated)
    refuse(CARINA_DICOM_DAMAGED, "its pixel data are not stored as its transfer syntax, %.90s, says", report.syntax);
  if (extract.pixel_element.length > CARINA_DICOM_MAX_PIXEL_BYTES)
    refuse(CARINA_DICOM_TOO_LARGE, "it has %zu bytes of pixel data; the limit is %d", extract.pixel_element.length,
           CARINA_DICOM_MAX_PIXEL_BYTES);
  DcmDataset dataset;
  load(extract, bytes, transfer.getXfer(), dataset);
  const int allocated = readPixelAttributes(dataset, report);
  if (!needsCodec) checkColour(dataset, report);
  std::unique_ptr<carina_dicom> file(new carina_dicom);
  for (int which : {CARINA_DICOM_MODALITY_TABLE, CARINA_DICOM_DISPLAY_TABLE})
    file->tables[which] = readTable(dataset, which, report.is_signed != 0);
  if (!withPixels) return file;
  if (needsCodec) {
    checkCompressed(extract, bytes, report, allocated);
    const OFCondition condition = dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
    if (condition.bad()) refuse(CARINA_DICOM_DAMAGED, "DCMTK says: %s", condition.text());
    carina_dicom_report decoded = {};
    if (readPixelAttributes(dataset, decoded) != allocated || decoded.width != report.width ||
        decoded.height != report.height || decoded.channels != report.channels ||
        decoded.bits_stored != report.bits_stored || decoded.is_signed != report.is_signed)
      refuse(CARINA_DICOM_DAMAGED, "its compressed pixels are of another kind than its attributes say");
    checkColour(dataset, report);
  }
  copyCodes(dataset, report, allocated, file->codes);
  return file;
}

int fail(carina_dicom_report *report, int status, const char *text) {
  snprintf(report->message, sizeof report->message, "%s", text);
  return status;
}

}  // namespace

}  // namespace carina

int carina_dicom_is_dicom(const uint8_t *bytes, size_t count) {
  return count >= 132 && memcmp(bytes + 128, "DICM", 4) == 0;
}

int carina_dicom_open(
    const uint8_t *bytes, size_t count, int with_pixels, carina_dicom **file, carina_dicom_report *report) {
  *file = nullptr;
  memset(report, 0, sizeof *report);
  try {
    *file = carina::open(bytes, count, with_pixels != 0, *report).release();
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
