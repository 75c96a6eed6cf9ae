#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Outcome of reading a DICOM file; everything but CARINA_DICOM_OK comes with a text in the report.
enum {
  CARINA_DICOM_OK = 0,
  CARINA_DICOM_DAMAGED,      // truncated, contradictory, or refused by DCMTK
  CARINA_DICOM_TOO_LARGE,    // over the limits below, refused before anything is allocated for it
  CARINA_DICOM_UNSUPPORTED,  // well-formed, but of a kind that is not handled
  CARINA_DICOM_NO_MEMORY,
};

/// Limits that a file must keep before it is given to DCMTK: pixels a side, values in all (pixels times channels), and
/// bytes of (compressed or plain) pixel data.
enum {
  CARINA_DICOM_MAX_SIDE = 20000,
  CARINA_DICOM_MAX_VALUES = 100000000,
  CARINA_DICOM_MAX_PIXEL_BYTES = 220000000,
};

/// The function of a display window (VOI LUT Function, PS3.3 C.11.2.1.2).
enum {
  CARINA_DICOM_NO_WINDOW = 0,
  CARINA_DICOM_LINEAR = 1,
  CARINA_DICOM_LINEAR_EXACT = 2,
  CARINA_DICOM_SIGMOID = 3,
};

/// The tables that a file may hold: the last three turn stored values into red, green and blue.
enum {
  CARINA_DICOM_MODALITY_TABLE = 0,
  CARINA_DICOM_DISPLAY_TABLE = 1,
  CARINA_DICOM_RED_TABLE = 2,
  CARINA_DICOM_GREEN_TABLE = 3,
  CARINA_DICOM_BLUE_TABLE = 4,
  CARINA_DICOM_TABLES = 5,
};

/// Which frame is read: one counted from 1, or one of these.
enum {
  CARINA_DICOM_ONLY_FRAME = 0,     // a file of several is refused
  CARINA_DICOM_MIDDLE_FRAME = -1,  // of N frames, number N / 2 counted from 0
};

/// What the attributes say about the pixels and, on failure, why.
typedef struct {
  int32_t width, height;
  int32_t channels;           // of a stored pixel: 1 grey or palette, 3 RGB
  int32_t is_palette;         // stored values are looked up in the tables of red, green and blue
  int32_t bits_stored;        // 1...16
  int32_t code_bits;          // bits_stored, or more where a JPEG 2000 codestream holds values beyond them; at most 16
  int32_t is_signed;          // stored values are two's complement of code_bits bits
  int32_t is_monochrome1;     // small values are bright
  int32_t has_rescale;        // slope and intercept are given
  double slope, intercept;
  int32_t window_function;    // of the first window; CARINA_DICOM_NO_WINDOW when there is none
  double window_center, window_width;
  char window_problem[120];   // why the file's window cannot be used; empty where it can or there is none
  char display_problem[120];  // the same of its display table
  int32_t has_padding;        // stored values padding_low...padding_high are no part of the picture
  int32_t padding_low, padding_high;
  int32_t frames, frame;      // how many there are, and which was read, counted from 1
  char syntax[120];           // the transfer syntax by name
  char remarks[400];          // what is odd about the file, in words; empty where nothing is
  char message[240];
} carina_dicom_report;

typedef struct carina_dicom carina_dicom;

/// Whether the bytes are those of a DICOM file: "DICM" after a preamble of 128 bytes, or without it two elements such as
/// those with which a file begins.
int carina_dicom_is_dicom(const uint8_t *bytes, size_t count);

/// Whether the installed OpenJPEG decodes High-Throughput JPEG 2000 and stays alive for damaged codestreams; files of that
/// kind are refused where it does not.
int carina_dicom_decodes_htj2k(void);

/// Reads one frame of a DICOM file, its pixels only when `with_pixels` is not zero. Sets *file, to be closed with
/// carina_dicom_close, on success; no C++ exception passes. Safe to call from several threads at once.
int carina_dicom_open(
    const uint8_t *bytes, size_t count, int frame, int with_pixels, carina_dicom **file,
    carina_dicom_report *report);

/// The stored values as bit patterns of code_bits bits, channels interleaved: width * height * channels of them.
const uint16_t *carina_dicom_codes(const carina_dicom *file);

/// A table of the file: its entries, the input value of the first entry, and the bits of an output value. NULL when
/// the file has none.
const uint16_t *carina_dicom_table(
    const carina_dicom *file, int which, int32_t *count, int32_t *first, int32_t *bits);

/// Frees what carina_dicom_open gave; NULL is allowed.
void carina_dicom_close(carina_dicom *file);

#ifdef __cplusplus
}
#endif
