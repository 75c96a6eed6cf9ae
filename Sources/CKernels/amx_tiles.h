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

// A kernel here sums two tiles of columns in tiles 0 and 1, and loads the rows into 2 and the columns into 3, again and
// again. That so few are in use is on purpose: threads that share a core share the registers behind the tiles, and with
// all eight in use the same products take twice as long there. Alone on a core no order of loads and products is faster.

/// Rows of a tile register, and bytes of each.
enum { TILE_ROWS = 16, TILE_BYTES = 64 };

/// What the processor reads the sizes of its tiles from.
typedef struct {
  uint8_t palette, first_row, unused[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_sizes;

/// Makes tiles 0, 1 and 2 of so many rows and 3 a whole one; what they held is gone. To be followed by _tile_release: a
/// thread with tiles in use costs more to put aside.
AMX_INLINE void use_tiles_of(int64_t rows) {
  tile_sizes sizes = {.palette = 1};
  const uint8_t counts[4] = {(uint8_t)rows, (uint8_t)rows, (uint8_t)rows, TILE_ROWS};
  for (int i = 0; i < 4; i++) {
    sizes.row_bytes[i] = TILE_BYTES;
    sizes.rows[i] = counts[i];
  }
  _tile_loadconfig(&sizes);
}
#endif
