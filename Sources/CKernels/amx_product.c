#include "amx_product.h"

#include <string.h>

#include "amx_tiles.h"
#include "gelu.h"
#include "word_transpose.h"

enum {
  ROWS = CARINA_AMX_ROWS,
  COLUMNS = CARINA_AMX_COLUMNS,
  LENGTH = CARINA_AMX_LENGTH,
  /// Numbers of a tile of bfloat16, of a row of it, and of a tile of sums.
  TILE = 512,
  TILE_ROW = 32,
  SUMS = 256,
  /// Columns of a tile, and of a panel that meet the rows at a time: two tiles.
  TILE_COLUMNS = 16,
  PAIR_COLUMNS = 32,
  /// Tiles of a sum that are added before the next rows come: those of the panel, two times as many, stay in the
  /// first-level cache, of which a thread may have half.
  MOST_TILES = 8
};

static int64_t tiles_of(int64_t length) { return (length + LENGTH - 1) / LENGTH; }
static int64_t strips_of(int64_t rows) { return (rows + ROWS - 1) / ROWS; }

int64_t carina_amx_left_count(int64_t rows, int64_t length) { return strips_of(rows) * ROWS * tiles_of(length) * LENGTH; }
int64_t carina_amx_panel_count(int64_t length) { return tiles_of(length) * LENGTH * COLUMNS; }
int64_t carina_amx_memory_count(int64_t rows) { return strips_of(rows) * ROWS * COLUMNS; }

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

static int ask_for_tiles(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  unsigned a, b, c, d;
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vnni")) return 0;
  __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  const unsigned tiles = 1u << 24, bfloat16 = 1u << 22, bytes = 1u << 25;
  if ((d & tiles) == 0 || (d & bfloat16) == 0 || (d & bytes) == 0) return 0;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

int carina_has_amx(void) {
  static int known = -1;
  if (known < 0) known = ask_for_tiles();
  return known;
}

AMX_INLINE __mmask32 halves(int64_t count) { return count >= 32 ? ~0u : (1u << (count > 0 ? count : 0)) - 1; }

/// 32 numbers of each of 16 rows from rows of numbers side by side.
AMX_INLINE void pack_tile(const uint16_t *a, int64_t row, int64_t rows, int64_t length, uint16_t *out) {
  for (int64_t r = 0; r < TILE_ROWS; r++) {
    const __m512i value = r < rows ? _mm512_maskz_loadu_epi16(halves(length), a + r * row) : _mm512_setzero_si512();
    _mm512_storeu_si512(out + r * LENGTH, value);
  }
}

/// Two runs of 16 numbers interleaved as pairs.
AMX_INLINE __m512i pairs_of(__m256i even, __m256i odd) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

/// 16 columns of 32 rows, in pairs of rows.
AMX_INLINE void pair_block(const uint16_t *b, int64_t row, int64_t rows, int64_t columns, __m512i block[16]) {
  const __mmask16 mask = (__mmask16)halves(columns < 16 ? columns : 16);
  for (int j = 0; j < 16; j++) {
    const __m256i even = 2 * j < rows ? _mm256_maskz_loadu_epi16(mask, b + 2 * j * row) : _mm256_setzero_si256();
    const __m256i odd = 2 * j + 1 < rows ? _mm256_maskz_loadu_epi16(mask, b + (2 * j + 1) * row) : _mm256_setzero_si256();
    block[j] = pairs_of(even, odd);
  }
}

AMX void carina_amx_pack_left(const uint16_t *a, int64_t row, int64_t column, int64_t rows, int64_t length,
                              int64_t first, int64_t end, uint16_t *out) {
  const int64_t tiles = tiles_of(length);
  for (int64_t r = first * ROWS; r < end * ROWS; r += TILE_ROWS) {
    for (int64_t t = 0; t < tiles; t++) {
      uint16_t *target = out + (r / TILE_ROWS * tiles + t) * TILE;
      const int64_t k = t * LENGTH;
      if (column == 1) {
        pack_tile(a + r * row + k, row, rows - r, length - k, target);
      } else {
        // Numbers of one column lie side by side: pairs of them become rows.
        __m512i block[16];
        pair_block(a + k * column + r, column, length - k, rows - r, block);
        transpose_words((word_row *)block);
        for (int i = 0; i < TILE_ROWS; i++) _mm512_storeu_si512(target + i * LENGTH, block[i]);
      }
    }
  }
}

/// Where the tile of numbers `k` on and columns `n` on lies in a panel.
AMX_INLINE int64_t tile_of_panel(int64_t length, int64_t k, int64_t n) {
  return (n / TILE_COLUMNS * tiles_of(length) + k / LENGTH) * TILE;
}

AMX void carina_amx_pack_panel(const uint16_t *b, int64_t row, int64_t column, int64_t length, int64_t columns,
                               uint16_t *panel) {
  for (int64_t k = 0; k < tiles_of(length) * LENGTH; k += LENGTH) {
    for (int64_t n = 0; n < COLUMNS; n += TILE_COLUMNS) {
      __m512i block[16];
      if (column == 1) {
        pair_block(b + k * row + n, row, length - k, columns - n, block);
      } else {
        pack_tile(b + n * column + k, column, columns - n, length - k, (uint16_t *)block);
        transpose_words((word_row *)block);
      }
      uint16_t *tile = panel + tile_of_panel(length, k, n);
      for (int j = 0; j < 16; j++) _mm512_storeu_si512(tile + j * TILE_ROW, block[j]);
    }
  }
}

AMX void carina_amx_turn_panels(const uint16_t *panels, int64_t length, int64_t width, int64_t first, uint16_t *panel) {
  const int64_t whole = carina_amx_panel_count(length), last = tiles_of(length) * LENGTH;
  for (int64_t n = 0; n < tiles_of(width) * LENGTH; n += TILE_COLUMNS) {
    const uint16_t *source = panels + n / COLUMNS * whole;
    for (int64_t k = first; k < first + COLUMNS; k += LENGTH) {
      const uint16_t *tile = source + tile_of_panel(length, k, n % COLUMNS);
      __m512i block[16];
      for (int j = 0; j < 16; j++) {
        block[j] = k < last ? _mm512_loadu_si512(tile + j * TILE_ROW) : _mm512_setzero_si512();
      }
      // Each becomes 32 numbers of one column.
      transpose_words((word_row *)block);
      uint16_t *target = panel + tile_of_panel(width, n, k - first) + n % LENGTH / 2 * TILE_ROW;
      uint16_t *second = target + tile_of_panel(width, 0, TILE_COLUMNS);
      for (int j = 0; j < 8; j++) {
        const __m512i even = block[2 * j], odd = block[2 * j + 1];
        _mm512_storeu_si512(target + j * TILE_ROW, pairs_of(_mm512_castsi512_si256(even), _mm512_castsi512_si256(odd)));
        _mm512_storeu_si512(
            second + j * TILE_ROW, pairs_of(_mm512_extracti64x4_epi64(even, 1), _mm512_extracti64x4_epi64(odd, 1)));
      }
    }
  }
}

/// Adds the products of a tile of rows and two of columns, `apart` tiles from each other, over a run of tiles; asks for
/// the tiles `next` from here, those of the rows to come. The sums are in tiles 0 and 1.
AMX_INLINE void add_pair(const uint16_t *rows, const uint16_t *panel, int64_t apart, int64_t tiles, int64_t next) {
  for (int64_t t = 0; t < tiles; t++) {
    const uint16_t *left = rows + t * TILE, *right = panel + t * TILE;
    _tile_loadd(2, left, TILE_BYTES);
    _tile_loadd(3, right, TILE_BYTES);
    for (int r = 0; r < TILE_ROWS; r++) _mm_prefetch((const char *)(left + next * TILE + r * TILE_ROW), _MM_HINT_T0);
    _tile_dpbf16ps(0, 2, 3);
    _tile_loadd(3, right + apart * TILE, TILE_BYTES);
    _tile_dpbf16ps(1, 2, 3);
  }
}

/// What is done to sixteen sums; `activation` is a constant where this is inlined.
AMX_INLINE __m512 activated(__m512 value, int activation) {
  float x[16];
  _mm512_storeu_ps(x, value);
  if (activation == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < 16; i++) x[i] = gelu_of(x[i], CARINA_GELU_TANH);
  } else {
    for (int64_t i = 0; i < 16; i++) x[i] = gelu_of(x[i], CARINA_GELU_ERF);
  }
  return _mm512_loadu_ps(x);
}

/// The same result from some rows and columns on.
AMX_INLINE carina_amx_result result_from(carina_amx_result to, int64_t row, int64_t column) {
  const int64_t offset = row * to.stride + column;
  to.columns -= column;
  to.c = to.is_narrow ? (void *)((uint16_t *)to.c + offset) : (float *)to.c + offset;
  if (to.bias) to.bias += column;
  if (to.other) to.other += offset;
  return to;
}

/// Writes up to 16 columns of rows whose sums lie in a tile.
AMX_INLINE void write_tile(const float *sums, int64_t rows, carina_amx_result to) {
  const __mmask16 mask = (__mmask16)halves(to.columns < TILE_COLUMNS ? to.columns : TILE_COLUMNS);
  const __m512 bias = to.bias ? _mm512_maskz_loadu_ps(mask, to.bias) : _mm512_setzero_ps();
  for (int64_t r = 0; r < rows; r++) {
    const int64_t offset = r * to.stride;
    __m512 value = _mm512_loadu_ps(sums + r * TILE_COLUMNS);
    if (to.bias) value = _mm512_add_ps(value, bias);
    if (to.activation >= 0) value = activated(value, to.activation);
    if (to.accumulates) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, (const float *)to.c + offset));
    if (to.other) {
      const __m512 other = _mm512_maskz_loadu_ps(mask, to.other + offset);
      value = to.other_multiplies ? _mm512_mul_ps(value, other) : _mm512_add_ps(value, other);
    }
    if (to.is_narrow) {
      _mm256_mask_storeu_epi16((uint16_t *)to.c + offset, mask, (__m256i)_mm512_cvtneps_pbh(value));
    } else {
      _mm512_mask_storeu_ps((float *)to.c + offset, mask, value);
    }
  }
}

/// Asks for the memory that a tile of sums will be written to.
AMX_INLINE void fetch_result(int64_t rows, carina_amx_result to) {
  const int64_t size = to.is_narrow ? 2 : 4;
  for (int64_t r = 0; r < rows; r++) __builtin_prefetch((const char *)to.c + r * to.stride * size, 1);
}

AMX void carina_amx_product(const uint16_t *left, int64_t rows, int64_t length, const uint16_t *panel,
                            carina_amx_result to, float *memory) {
  const int64_t tiles = tiles_of(length), runs = (tiles + MOST_TILES - 1) / MOST_TILES;
  use_tiles_of(TILE_ROWS);
  for (int64_t run = 0; run < runs; run++) {
    const int64_t first = tiles * run / runs, count = tiles * (run + 1) / runs - first;
    for (int64_t n = 0; n < to.columns; n += PAIR_COLUMNS) {
      const uint16_t *right = panel + tile_of_panel(length, first * LENGTH, n);
      for (int64_t r = 0; r < rows; r += TILE_ROWS) {
        const int64_t written = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
        const carina_amx_result result = result_from(to, r, n);
        const int has_second = result.columns > TILE_COLUMNS;
        float *sums = memory + r * COLUMNS + n * TILE_ROWS;
        if (run == 0) {
          _tile_zero(0);
          _tile_zero(1);
        } else {
          _tile_loadd(0, sums, TILE_BYTES);
          _tile_loadd(1, sums + SUMS, TILE_BYTES);
        }
        if (run == runs - 1) {
          fetch_result(written, result);
          if (has_second) fetch_result(written, result_from(result, 0, TILE_COLUMNS));
        }
        add_pair(left + (r / TILE_ROWS * tiles + first) * TILE, right, tiles, count, tiles);
        _tile_stored(0, sums, TILE_BYTES);
        _tile_stored(1, sums + SUMS, TILE_BYTES);
        if (run == runs - 1) {
          write_tile(sums, written, result);
          if (has_second) write_tile(sums + SUMS, written, result_from(result, 0, TILE_COLUMNS));
        }
      }
    }
  }
  _tile_release();
}

#else

int carina_has_amx(void) { return 0; }
void carina_amx_pack_left(const uint16_t *a, int64_t row, int64_t column, int64_t rows, int64_t length, int64_t first,
                          int64_t end, uint16_t *out) {}
void carina_amx_pack_panel(const uint16_t *b, int64_t row, int64_t column, int64_t length, int64_t columns,
                           uint16_t *panel) {}
void carina_amx_turn_panels(const uint16_t *panels, int64_t length, int64_t width, int64_t first, uint16_t *panel) {}
void carina_amx_product(const uint16_t *left, int64_t rows, int64_t length, const uint16_t *panel,
                        carina_amx_result to, float *memory) {}

#endif
