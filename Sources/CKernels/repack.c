#include "repack.h"

#include <string.h>

#include "kernel_clones.h"

typedef uint64_t octet __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(64)));

enum { TILE = 32 * 64, QUADS = 32 };

/// Four numbers are two rows of two columns, row by row within a column; exchanges rows and columns.
CARINA_INLINE void exchange(octet *x) {
  const halves h = (halves)*x;
  *x = (octet)__builtin_shufflevector(h, h, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15, 16, 18, 17, 19, 20,
                                      22, 21, 23, 24, 26, 25, 27, 28, 30, 29, 31);
}

/// Transposes 8 × 8 groups of four numbers; rows of either tile are `QUADS` groups apart. The
/// processor's own prefetcher does not find the tile that comes next, `ahead` groups on.
CARINA_INLINE void transpose_groups(const uint64_t *source, uint64_t *target, int64_t ahead) {
  octet a[8], b[8];
  for (int i = 0; i < 8; i++) {
    memcpy(a + i, source + i * QUADS, 64);
    exchange(a + i);
    __builtin_prefetch(source + i * QUADS + ahead);
  }
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; j++) {
      a[i + j] = __builtin_shufflevector(b[i + j], b[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + j + 2] = __builtin_shufflevector(b[i + j], b[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int j = 0; j < 4; j++) {
    b[j] = __builtin_shufflevector(a[j], a[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[j + 4] = __builtin_shufflevector(a[j], a[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  // Whole lines, past the caches, which need not read them first.
  for (int i = 0; i < 8; i++) __builtin_nontemporal_store(b[i], (octet *)(target + i * QUADS));
}

CARINA_KERNEL void carina_transpose_pair_tiles(const uint16_t *restrict source, uint16_t *restrict target, int64_t rows,
                                               int64_t columns, int64_t first, int64_t end) {
  for (int64_t run = first; run < end; run++) {
    // The target from front to back.
    for (int64_t row = 0; row < columns / 32; row++) {
      uint64_t *to = (uint64_t *)(target + (run * (columns / 32) + row) * TILE);
      for (int half = 0; half < 2; half++) {
        const uint16_t *tile = source + (row / 2 * (rows / 32) + 2 * run + half) * TILE;
        const uint64_t *from = (const uint64_t *)tile + row % 2 * 16;
        for (int i = 0; i < 2; i++) {
          for (int j = 0; j < 2; j++) {
            transpose_groups(from + 8 * i * QUADS + 8 * j, to + 8 * j * QUADS + 16 * half + 8 * i,
                             rows / 32 * (TILE / 4));
          }
        }
      }
    }
  }
  // What was stored past the caches is there for other threads.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
