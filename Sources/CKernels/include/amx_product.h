#pragma once
#include <stdint.h>

// Products of bfloat16 matrices by the tile registers of the processor (AMX), with sums in fp32. The order of a number's
// sum depends on the length of the sums alone: a row of the result does not change with the rows beside it.

/// Columns of a panel of the right factor, rows of a strip of the left one, and numbers that a tile sums at a time.
enum { CARINA_AMX_COLUMNS = 64, CARINA_AMX_ROWS = 16, CARINA_AMX_LENGTH = 32 };

/// Whether the processor has tile registers for products of bfloat16 and of bytes, and the system lets the process use
/// them. The first call asks for it.
int carina_has_amx(void);

/// Numbers of a packed left factor [rows, length]: rows filled up to whole strips, lengths to whole tiles.
int64_t carina_amx_left_count(int64_t rows, int64_t length);

/// Packs strips `first`..`end` of the rows of a [rows, length], whose numbers lie `row` and `column` apart.
void carina_amx_pack_left(const uint16_t *a, int64_t row, int64_t column, int64_t rows, int64_t length, int64_t first,
                          int64_t end, uint16_t *out);

/// Numbers of a packed panel over sums of `length`.
int64_t carina_amx_panel_count(int64_t length);

/// Packs `columns` columns of b [length, …], whose numbers lie `row` and `column` apart, one of which is 1: tiles of
/// CARINA_AMX_LENGTH rows and 16 columns, pairs of rows side by side, zero where b has nothing; those of the same columns
/// follow each other.
void carina_amx_pack_panel(const uint16_t *b, int64_t row, int64_t column, int64_t length, int64_t columns,
                           uint16_t *panel);

/// Packs the panel of columns `first` on of bᵀ, where b [length, width] lies in packed panels; `first` is a multiple of
/// CARINA_AMX_LENGTH. The sums of the product with bᵀ go over the width.
void carina_amx_turn_panels(const uint16_t *panels, int64_t length, int64_t width, int64_t first, uint16_t *panel);

/// What is done to the sums and where they go: c = other op activation(sums + bias), or c += sums.
typedef struct {
  /// fp32, or bfloat16 where `is_narrow`; rows lie `stride` numbers apart.
  void *c;
  int64_t stride, columns;
  int is_narrow, accumulates;
  /// One number a column; null for none.
  const float *bias;
  /// An enum carina_gelu; negative for none.
  int activation;
  /// fp32, rows `stride` apart; null for none.
  const float *other;
  int other_multiplies;
} carina_amx_result;

/// Numbers of fp32 that a product of so many rows needs to work with, from an address that is a multiple of 64 on.
int64_t carina_amx_memory_count(int64_t rows);

/// The product of a packed left factor and one packed panel.
void carina_amx_product(const uint16_t *left, int64_t rows, int64_t length, const uint16_t *panel,
                        carina_amx_result to, float *memory);
