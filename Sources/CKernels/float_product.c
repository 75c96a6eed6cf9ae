#include "float_product.h"

#include <string.h>

#include "kernel_clones.h"
#include "word_transpose.h"

// A number of the result is the sum over runs of RUN products, each formed in order and then added to the ones before:
// it does not depend on how many rows or columns stand beside it.

enum { COLUMNS = CARINA_FLOAT_PANEL_COLUMNS, RUN = 8, MOST_ROWS = 8, FEWER_ROWS = 6 };

typedef float sixteen __attribute__((vector_size(64), aligned(4)));

/// Where the right factor's numbers of COLUMNS columns lie side by side.
typedef struct {
  const float *first;
  int64_t stride;
} panel;

/// The sums of a tile; `rows` is a constant where this is inlined, so that they stay in registers.
CARINA_INLINE void float_tile(const float *a, int64_t a_row, int64_t a_column, panel b, int64_t length,
                              float out[MOST_ROWS][COLUMNS], int rows) {
  for (int64_t first = 0; first < length; first += RUN) {
    const int64_t end = length - first < RUN ? length : first + RUN;
    sixteen sums[MOST_ROWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[r] = (sixteen){0};
    for (int64_t k = first; k < end; k++) {
      const sixteen right = *(const sixteen *)(b.first + k * b.stride);
      const float *left = a + k * a_column;
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) sums[r] += left[r * a_row] * right;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sixteen *target = (sixteen *)out[r];
      *target = first ? *target + sums[r] : sums[r];
    }
  }
}

/// All rows by one panel.
CARINA_INLINE void float_rows(const float *a, int64_t a_row, int64_t a_column, panel b, int64_t length, float *c,
                              int64_t c_stride, int64_t rows, int64_t columns, int accumulate, int most) {
  for (int64_t r = 0; r < rows; r += most) {
    float out[MOST_ROWS][COLUMNS];
    const float *left = a + r * a_row;
    int64_t count = rows - r;
    if (count >= most) {
      count = most;
      float_tile(left, a_row, a_column, b, length, out, most);
    } else {
      int64_t i = 0;
      for (; i + 4 <= count; i += 4) float_tile(left + i * a_row, a_row, a_column, b, length, out + i, 4);
      for (; i < count; i++) float_tile(left + i * a_row, a_row, a_column, b, length, out + i, 1);
    }
    for (int64_t i = 0; i < count; i++) {
      float *target = c + (r + i) * c_stride;
      if (accumulate) {
        for (int64_t n = 0; n < columns; n++) target[n] += out[i][n];
      } else {
        memcpy(target, out[i], (size_t)columns * sizeof(float));
      }
    }
  }
}

CARINA_KERNEL static void rows_of_few_registers(const float *a, int64_t a_row, int64_t a_column, panel b,
                                                int64_t length, float *c, int64_t c_stride, int64_t rows,
                                                int64_t columns, int accumulate) {
  float_rows(a, a_row, a_column, b, length, c, c_stride, rows, columns, accumulate, FEWER_ROWS);
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) static void rows_of_many_registers(
    const float *a, int64_t a_row, int64_t a_column, panel b, int64_t length, float *c, int64_t c_stride, int64_t rows,
    int64_t columns, int accumulate) {
  float_rows(a, a_row, a_column, b, length, c, c_stride, rows, columns, accumulate, MOST_ROWS);
}
static int has_many_registers(void) { return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"); }
#else
static void rows_of_many_registers(const float *a, int64_t a_row, int64_t a_column, panel b, int64_t length, float *c,
                                   int64_t c_stride, int64_t rows, int64_t columns, int accumulate) {}
static int has_many_registers(void) { return 0; }
#endif

/// Copies `columns` columns of b side by side, and zeros for those that are missing.
CARINA_KERNEL static void pack(const float *b, int64_t b_row, int64_t b_column, int64_t length, int64_t columns,
                               float *out) {
  int64_t k = 0;
  if (b_row == 1 && columns == COLUMNS) {
    for (; k + COLUMNS <= length; k += COLUMNS) {
      word_row block[COLUMNS];
      for (int n = 0; n < COLUMNS; n++) memcpy(&block[n], b + n * b_column + k, sizeof block[n]);
      transpose_words(block);
      memcpy(out + k * COLUMNS, block, sizeof block);
    }
  }
  for (; k < length; k++) {
    for (int64_t n = 0; n < columns; n++) out[k * COLUMNS + n] = b[k * b_row + n * b_column];
    for (int64_t n = columns; n < COLUMNS; n++) out[k * COLUMNS + n] = 0;
  }
}

void carina_float_product(const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t b_row,
                          int64_t b_column, float *c, int64_t c_stride, int64_t rows, int64_t columns, int64_t length,
                          int accumulate, float *memory) {
  const int many = has_many_registers();
  for (int64_t first = 0; first < columns; first += COLUMNS) {
    const int64_t count = columns - first < COLUMNS ? columns - first : COLUMNS;
    panel right = {b + first, b_row};
    if (b_column != 1 || count < COLUMNS) {
      pack(b + first * b_column, b_row, b_column, length, count, memory);
      right = (panel){memory, COLUMNS};
    }
    (many ? rows_of_many_registers : rows_of_few_registers)(a, a_row, a_column, right, length, c + first, c_stride,
                                                            rows, count, accumulate);
  }
}
