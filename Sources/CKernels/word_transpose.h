#pragma once
#include <stdint.h>

#include "kernel_clones.h"

/// 16 words of 32 bits, a row of a block of 16 × 16; of whatever type the memory is that it is read from.
typedef uint32_t word_row __attribute__((vector_size(64), may_alias));

/// Exchanges rows and columns of 16 × 16 words: of pairs of rows pairs of columns, twice, within each quarter of a row,
/// then the quarters.
CARINA_INLINE void transpose_words(word_row *rows) {
  word_row pairs[16];
  for (int i = 0; i < 16; i += 2) {
    const word_row a = rows[i], b = rows[i + 1];
    pairs[i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
    pairs[i + 1] = __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; j++) {
      const word_row a = pairs[i + j], b = pairs[i + j + 2];
      rows[i + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
      rows[i + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
  }
  for (int i = 0; i < 16; i += 8) {
    for (int j = 0; j < 4; j++) {
      const word_row a = rows[i + j], b = rows[i + j + 4];
      pairs[i + j] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
      pairs[i + j + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
  }
  for (int i = 0; i < 8; i++) {
    const word_row a = pairs[i], b = pairs[i + 8];
    rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
    rows[i + 8] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  }
}
