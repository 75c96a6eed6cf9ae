#include <openjpeg.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "dicom_extract.h"
#include "jpeg2000.h"

namespace carina {

namespace {

struct Memory {
  const uint8_t *bytes;
  size_t count, offset;
};

OPJ_SIZE_T readMemory(void *target, OPJ_SIZE_T wanted, void *source) {
  Memory &memory = *static_cast<Memory *>(source);
  const size_t length = std::min(static_cast<size_t>(wanted), memory.count - memory.offset);
  if (length == 0) return static_cast<OPJ_SIZE_T>(-1);
  memcpy(target, memory.bytes + memory.offset, length);
  memory.offset += length;
  return length;
}

OPJ_OFF_T skipMemory(OPJ_OFF_T wanted, void *source) {
  Memory &memory = *static_cast<Memory *>(source);
  if (wanted < 0) return -1;
  const size_t length = std::min(static_cast<size_t>(wanted), memory.count - memory.offset);
  if (length == 0 && wanted > 0) return -1;
  memory.offset += length;
  return static_cast<OPJ_OFF_T>(length);
}

OPJ_BOOL seekMemory(OPJ_OFF_T wanted, void *source) {
  Memory &memory = *static_cast<Memory *>(source);
  if (wanted < 0 || static_cast<size_t>(wanted) > memory.count) return OPJ_FALSE;
  memory.offset = static_cast<size_t>(wanted);
  return OPJ_TRUE;
}

/// Keeps the first error's text.
void keepMessage(const char *text, void *target) {
  char *kept = static_cast<char *>(target);
  if (kept[0] != 0) return;
  strncpy(kept, text, 119);
  for (size_t length = strlen(kept); length > 0 && kept[length - 1] == '\n'; length--) kept[length - 1] = 0;
}

void dropMessage(const char *, void *) {}

}  // namespace

bool decodesHighThroughput() {
  int major = 0, minor = 0, patch = 0;
  if (sscanf(opj_version(), "%d.%d.%d", &major, &minor, &patch) != 3) return false;
  return major > 2 || (major == 2 && (minor > 5 || (minor == 5 && patch >= 1)));
}

void requireHighThroughput() {
  if (!decodesHighThroughput())
    refuse(CARINA_DICOM_UNSUPPORTED,
           "High-Throughput JPEG 2000 is not decoded with OpenJPEG %.20s, only from 2.5.1 on; decompress the file, e.g. with pydicom",
           opj_version());
}

void decodeJPEG2000(const uint8_t *bytes, size_t count, const JPEG2000Header &header, carina_dicom_report &report,
                    std::vector<uint16_t> &codes) {
  Memory memory{bytes + header.start, count - header.start, 0};
  char message[120] = {};
  const auto fail = [&message] {
    refuse(CARINA_DICOM_DAMAGED, "OpenJPEG says: %s", message[0] != 0 ? message : "nothing");
  };
  const std::unique_ptr<opj_codec_t, void (*)(opj_codec_t *)> codec(
      opj_create_decompress(OPJ_CODEC_J2K), [](opj_codec_t *p) { opj_destroy_codec(p); });
  const std::unique_ptr<opj_stream_t, void (*)(opj_stream_t *)> stream(
      opj_stream_create(1 << 16, OPJ_TRUE), [](opj_stream_t *p) { opj_stream_destroy(p); });
  if (!codec || !stream) refuse(CARINA_DICOM_NO_MEMORY, "no memory for its pixels");
  opj_set_error_handler(codec.get(), keepMessage, message);
  opj_set_warning_handler(codec.get(), dropMessage, nullptr);
  opj_set_info_handler(codec.get(), dropMessage, nullptr);
  opj_stream_set_user_data(stream.get(), &memory, nullptr);
  opj_stream_set_user_data_length(stream.get(), memory.count);
  opj_stream_set_read_function(stream.get(), readMemory);
  opj_stream_set_skip_function(stream.get(), skipMemory);
  opj_stream_set_seek_function(stream.get(), seekMemory);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!opj_setup_decoder(codec.get(), &parameters)) fail();
  opj_image_t *read = nullptr;
  const bool hasHeader = opj_read_header(stream.get(), codec.get(), &read);
  const std::unique_ptr<opj_image_t, void (*)(opj_image_t *)> image(
      read, [](opj_image_t *p) { if (p) opj_image_destroy(p); });
  if (!hasHeader || !opj_decode(codec.get(), stream.get(), image.get())) fail();
  const size_t channels = static_cast<size_t>(report.channels);
  if (image->numcomps != channels) fail();
  for (size_t channel = 0; channel < channels; channel++) {
    const opj_image_comp_t &part = image->comps[channel];
    if (!part.data || part.w != static_cast<OPJ_UINT32>(report.width) ||
        part.h != static_cast<OPJ_UINT32>(report.height))
      fail();
  }
  const size_t pixels = static_cast<size_t>(report.width) * static_cast<size_t>(report.height);
  codes.resize(pixels * channels);
  // The bits of the precision, with the sign that the attributes give them.
  const int precision = header.precision;
  const int32_t mask = (1 << precision) - 1, sign = report.is_signed ? 1 << (precision - 1) : 0;
  const int32_t low = report.is_signed ? -(1 << (report.bits_stored - 1)) : 0;
  const int32_t high = low + (1 << report.bits_stored) - 1;
  int32_t least = low, most = high;
  for (size_t channel = 0; channel < channels; channel++) {
    const OPJ_INT32 *values = image->comps[channel].data;
    uint16_t *target = codes.data() + channel;
    for (size_t i = 0; i < pixels; i++) {
      const int32_t value = ((values[i] & mask) ^ sign) - sign;
      least = std::min(least, value);
      most = std::max(most, value);
      target[i * channels] = static_cast<uint16_t>(value);
    }
  }
  if (least < low || most > high) report.code_bits = precision;
  const uint16_t kept = static_cast<uint16_t>((1u << report.code_bits) - 1);
  if (report.is_signed)
    for (uint16_t &code : codes) code &= kept;
}

}  // namespace carina
