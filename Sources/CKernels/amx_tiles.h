#pragma once
#include <string.h>

#include "amx_product.h"

#if defined(__x86_64__)
#include <immintrin.h>

/// Compiles a function for processors with tile registers.
#define AMX                                                                                                         \
  __attribute__((target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,fma")))
#define AMX_INLINE                                                                                                 \
  static inline __attribute__((                                                                                    \
      always_inline, target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,fma")))

/// Rows of a tile register, bytes of each, and rows of two tiles, whose sums are formed at a time.
enum { TILE_ROWS = 16, TILE_BYTES = 64, STRIP = 2 * TILE_ROWS };

/// What the processor reads the sizes of its tiles from.
typedef struct {
  uint8_t palette, first_row, unused[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_sizes;

/// Makes all eight tiles whole ones of 16 rows of 64 bytes; what they held is gone. To be followed by _tile_release: a
/// thread with tiles in use costs more to put aside.
AMX_INLINE void use_whole_tiles(void) {
  tile_sizes sizes = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    sizes.row_bytes[i] = TILE_BYTES;
    sizes.rows[i] = TILE_ROWS;
  }
  _tile_loadconfig(&sizes);
}
/// Makes tiles for the rows of a strip: 0, 1 and 4 of the first sixteen, 2, 3 and 5 of the others.
AMX_INLINE void use_tiles_of(int64_t rows) {
  tile_sizes sizes = {.palette = 1};
  const uint8_t upper = rows < TILE_ROWS ? (uint8_t)rows : TILE_ROWS, lower = (uint8_t)(rows - upper);
  const uint8_t counts[8] = {upper, upper, lower, lower, upper, lower, TILE_ROWS, TILE_ROWS};
  for (int i = 0; i < 8; i++) {
    sizes.row_bytes[i] = counts[i] ? TILE_BYTES : 0;
    sizes.rows[i] = counts[i];
  }
  _tile_loadconfig(&sizes);
}
#endif
