#pragma once
#include <stdint.h>

// Products of rows of bytes, whose sums are whole numbers: no order of them matters, and a row of the result depends on
// its own row of the left factor alone. The length of the sums is cut into groups of `group` numbers (a multiple of 4),
// the last perhaps shorter; each group of a row of the left factor has a step and a zero of its own.

/// Columns of a panel of the right factor.
enum { CARINA_BYTE_PANEL_COLUMNS = 64 };
/// The longest group whose sums 32 bits hold, those of large numbers included.
enum { CARINA_MOST_BYTE_GROUP = 1 << 15 };
/// How many numbers of a row may take more than a byte.
enum { CARINA_MOST_LARGE_NUMBERS = 16 };

/// What a row's few large numbers have beyond their first byte: digits of 256 and of 65,536 steps, each with the index
/// of the four numbers among which it stands, and its byte there. They come in four runs that end at `ends`: digits of
/// 65,536 of numbers below zero, of numbers above, and those of 256 likewise.
typedef struct {
  uint8_t ends[4];
  uint32_t words[2 * CARINA_MOST_LARGE_NUMBERS], digits[2 * CARINA_MOST_LARGE_NUMBERS];
} carina_large_numbers;

/// The weights of the panel that is packed next: `rows` rows of `bytes` bytes, `stride` apart. One row is a panel that
/// is packed already.
typedef struct {
  const int8_t *weights;
  int64_t stride, rows, bytes;
} carina_next_weights;

/// Whether the processor multiplies bytes into whole numbers (AVX-512 VNNI).
int carina_has_byte_tiles(void);

// All functions give the same bits `by_vectors`, which only a processor with these products can, and without.

/// Bytes of a panel over sums of `length` numbers.
int64_t carina_byte_panel_bytes(int64_t length, int64_t group);

/// Packs a panel whose column n is row n of weights [columns, length], `stride` bytes apart, for at most
/// CARINA_BYTE_PANEL_COLUMNS columns; missing ones are 0.
void carina_pack_byte_rows(const int8_t *weights, int64_t stride, int64_t columns, int64_t length, int64_t group,
                           int8_t *panel, int by_vectors);

/// Packs a panel whose column n is column n of weights [length, columns].
void carina_pack_byte_columns(const int8_t *weights, int64_t stride, int64_t columns, int64_t length, int64_t group,
                              int8_t *panel, int by_vectors);

/// Packs a panel whose column n is column `first` + n of weights [length, width] that lie packed for the product with
/// their rows: by carina_pack_byte_rows, CARINA_BYTE_PANEL_COLUMNS rows a panel, in groups of `packed_group`. `first` is
/// a multiple of CARINA_BYTE_PANEL_COLUMNS; columns beyond the width are 0.
void carina_pack_packed_bytes(const int8_t *panels, int64_t width, int64_t packed_group, int64_t first, int64_t length,
                              int64_t group, int8_t *panel, int by_vectors);

/// Rounds rows x [rows, columns] to 8 bits: x · factors ≈ step · (value − zero), with 0 met exactly and a step of a
/// 255th of what the group of the row spans, 0 included. `factors` [columns] may be null. Rows of `values` lie
/// `stride` bytes apart, a multiple of 4. A group with a number that is none, or infinite, has a step that is none.
/// Where `large` is given, an element a row, and a row is one group, at most CARINA_MOST_LARGE_NUMBERS that are far
/// larger than the others get further digits, and the step is that of the others.
void carina_round_to_bytes(const float *x, const float *factors, int64_t rows, int64_t columns, int64_t group,
                           uint8_t *values, int64_t stride, float *steps, int32_t *zeros, carina_large_numbers *large,
                           int by_vectors);

/// gelu of `count` numbers that are rounded to 8 bits next; of the tanh form with a relative error of under 1e-6.
void carina_gelu_for_bytes(const float *x, float *out, int64_t count, int kind, int by_vectors);

/// gelu(gate) · up of bfloat16 numbers, tanh form, with a relative error of under 1e-6, times `factors`: what is rounded
/// to 8 bits next. `narrow` gets the products without the factors, as bfloat16; either may be null.
void carina_gate_for_bytes(const uint16_t *gate, const uint16_t *up, const float *factors, float *out, uint16_t *narrow,
                           int64_t count, int by_vectors);

/// Where a gradient goes: times `factors` to `out`, and as bfloat16 without them to `narrow`, which may be null.
typedef struct {
  const float *factors;
  float *out;
  uint16_t *narrow;
} carina_gate_gradient;

/// The gradients of gate and up likewise, from that of their gate.
void carina_gate_back_for_bytes(const uint16_t *gate, const uint16_t *up, const float *dout,
                                carina_gate_gradient of_gate, carina_gate_gradient of_up, int64_t count,
                                int by_vectors);

/// c[r, n] = scales[n] · Σ over groups of step · Σ (value − zero) · panel + bias[n] + other[r, n], for the `columns`
/// columns of one panel, the bias being added before the first rounding; `large`, `scales`, `bias` and `other` (rows
/// `c_stride` apart, like those of c) may be null; `other` may be c. `next` is brought into the second-level cache
/// meanwhile; null for nothing. Where `narrow` is given, the results are rounded to bfloat16 and go there in place of c.
void carina_byte_product(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                         const carina_large_numbers *large, int64_t rows, int64_t length, int64_t group,
                         const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                         const float *other, float *c, uint16_t *narrow, int64_t c_stride,
                         const carina_next_weights *next, int by_vectors);
