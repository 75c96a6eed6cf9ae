#include "float_product.h"

#include <string.h>

#include "kernel_clones.h"
#include "word_transpose.h"

// A number of the result is the sum over runs of RUN products, each formed in order and then added to the ones before:
// it does not depend on how many rows or columns stand beside it.

enum {
  COLUMNS = CARINA_FLOAT_PANEL_COLUMNS,
  WIDTH = 16,
  VECTORS = COLUMNS / WIDTH,
  RUN = 8,
  // Sums of a run and of all runs stay in 24 of 32 registers of 16 numbers.
  MOST_ROWS = 6
};

typedef float sixteen __attribute__((vector_size(64), aligned(4)));

#define UNROLLED _Pragma("clang loop unroll(full)")

/// The sums of a tile; `rows` and `vectors` are constants where this is inlined, so that they stay in registers.
CARINA_INLINE void float_tile(const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t length,
                              float *out, int rows, int vectors) {
  sixteen totals[MOST_ROWS][VECTORS];
  for (int64_t first = 0; first < length; first += RUN) {
    const int64_t end = length - first < RUN ? length : first + RUN;
    sixteen sums[MOST_ROWS][VECTORS];
    UNROLLED for (int r = 0; r < rows; r++) {
      UNROLLED for (int v = 0; v < vectors; v++) sums[r][v] = (sixteen){0};
    }
    for (int64_t k = first; k < end; k++) {
      sixteen right[VECTORS];
      UNROLLED for (int v = 0; v < vectors; v++) right[v] = *(const sixteen *)(b + k * COLUMNS + v * WIDTH);
      const float *left = a + k * a_column;
      UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < vectors; v++) sums[r][v] += left[r * a_row] * right[v];
      }
    }
    UNROLLED for (int r = 0; r < rows; r++) {
      UNROLLED for (int v = 0; v < vectors; v++) totals[r][v] = first ? totals[r][v] + sums[r][v] : sums[r][v];
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int v = 0; v < vectors; v++) *(sixteen *)(out + r * COLUMNS + v * WIDTH) = totals[r][v];
  }
}

/// A tile of all columns of a panel, `vectors` vectors of them at a time.
CARINA_INLINE void float_panel(const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t length,
                               float *out, int rows, int vectors) {
  for (int v = 0; v < VECTORS; v += vectors) {
    float_tile(a, a_row, a_column, b + v * WIDTH, length, out + v * WIDTH, rows, vectors);
  }
}

/// All rows by one panel.
CARINA_INLINE void float_rows(const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t length, float *c,
                              int64_t c_stride, int64_t rows, int64_t columns, int accumulate, int vectors) {
  for (int64_t r = 0; r < rows; r += MOST_ROWS) {
    float out[MOST_ROWS][COLUMNS];
    const float *left = a + r * a_row;
    int64_t count = rows - r;
    if (count >= MOST_ROWS) {
      count = MOST_ROWS;
      float_panel(left, a_row, a_column, b, length, out[0], MOST_ROWS, vectors);
    } else {
      int64_t i = 0;
      for (; i + 4 <= count; i += 4) float_panel(left + i * a_row, a_row, a_column, b, length, out[i], 4, vectors);
      for (; i < count; i++) float_panel(left + i * a_row, a_row, a_column, b, length, out[i], 1, vectors);
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

CARINA_KERNEL static void rows_of_few_registers(const float *a, int64_t a_row, int64_t a_column, const float *b,
                                                int64_t length, float *c, int64_t c_stride, int64_t rows,
                                                int64_t columns, int accumulate) {
  float_rows(a, a_row, a_column, b, length, c, c_stride, rows, columns, accumulate, 1);
}

#if defined(__x86_64__)
// Without min_vector_width the compiler cuts vectors of 16 numbers in two for this architecture.
__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void rows_of_many_registers(
    const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t length, float *c, int64_t c_stride,
    int64_t rows, int64_t columns, int accumulate) {
  float_rows(a, a_row, a_column, b, length, c, c_stride, rows, columns, accumulate, VECTORS);
}
static int has_many_registers(void) { return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"); }
#else
static void rows_of_many_registers(const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t length,
                                   float *c, int64_t c_stride, int64_t rows, int64_t columns, int accumulate) {}
static int has_many_registers(void) { return 0; }
#endif

/// Copies `columns` columns of b side by side, and zeros for those that are missing. Rows of b that lie a power of two
/// apart would push each other out of the first-level cache if they were read where they are.
CARINA_KERNEL static void pack(const float *b, int64_t b_row, int64_t b_column, int64_t length, int64_t columns,
                               float *out) {
  int64_t k = 0;
  if (b_row == 1 && columns % WIDTH == 0) {
    for (; k + WIDTH <= length; k += WIDTH) {
      for (int64_t first = 0; first < columns; first += WIDTH) {
        word_row block[WIDTH];
        for (int n = 0; n < WIDTH; n++) memcpy(&block[n], b + (first + n) * b_column + k, sizeof block[n]);
        transpose_words(block);
        for (int n = 0; n < WIDTH; n++) memcpy(out + (k + n) * COLUMNS + first, &block[n], sizeof block[n]);
      }
    }
    if (columns < COLUMNS) {
      for (int64_t row = 0; row < k; row++) {
        for (int64_t n = columns; n < COLUMNS; n++) out[row * COLUMNS + n] = 0;
      }
    }
  } else if (b_column == 1 && columns == COLUMNS) {
    for (; k < length; k++) memcpy(out + k * COLUMNS, b + k * b_row, COLUMNS * sizeof(float));
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
    pack(b + first * b_column, b_row, b_column, length, count, memory);
    (many ? rows_of_many_registers : rows_of_few_registers)(a, a_row, a_column, memory, length, c + first, c_stride,
                                                            rows, count, accumulate);
  }
}
