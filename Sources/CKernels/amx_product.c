#include "amx_product.h"

#include <string.h>

#include "amx_tiles.h"
#include "gelu.h"
#include "word_transpose.h"

enum {
  ROWS = CARINA_AMX_ROWS,
  COLUMNS = CARINA_AMX_COLUMNS,
  LENGTH = CARINA_AMX_LENGTH,
  /// Numbers of a tile of bfloat16, and of one of sums.
  TILE = 512,
  SUMS = 256,
  /// Tiles of a panel's sums that are formed before the next rows come: panel and rows stay in the second-level cache.
  MOST_TILES = 64
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

AMX void carina_amx_pack_panel(const uint16_t *b, int64_t row, int64_t column, int64_t length, int64_t columns,
                               uint16_t *panel) {
  for (int64_t k = 0; k < tiles_of(length) * LENGTH; k += LENGTH) {
    for (int64_t n = 0; n < COLUMNS; n += 16) {
      __m512i block[16];
      if (column == 1) {
        pair_block(b + k * row + n, row, length - k, columns - n, block);
      } else {
        pack_tile(b + n * column + k, column, columns - n, length - k, (uint16_t *)block);
        transpose_words((word_row *)block);
      }
      for (int j = 0; j < 16; j++) _mm512_storeu_si512(panel + (k / 2 + j) * 2 * COLUMNS + 2 * n, block[j]);
    }
  }
}

AMX void carina_amx_turn_panels(const uint16_t *panels, int64_t length, int64_t width, int64_t first, uint16_t *panel) {
  const int64_t whole = carina_amx_panel_count(length), last = tiles_of(length) * LENGTH;
  for (int64_t n = 0; n < tiles_of(width) * LENGTH; n += 16) {
    const uint16_t *source = panels + n / COLUMNS * whole + 2 * (n % COLUMNS);
    for (int64_t k = first; k < first + COLUMNS; k += LENGTH) {
      __m512i block[16];
      for (int j = 0; j < 16; j++) {
        block[j] = k < last ? _mm512_loadu_si512(source + (k / 2 + j) * 2 * COLUMNS) : _mm512_setzero_si512();
      }
      // Each becomes 32 numbers of one column.
      transpose_words((word_row *)block);
      for (int j = 0; j < 8; j++) {
        const __m512i even = block[2 * j], odd = block[2 * j + 1];
        uint16_t *target = panel + (n / 2 + j) * 2 * COLUMNS + 2 * (k - first);
        _mm512_storeu_si512(target, pairs_of(_mm512_castsi512_si256(even), _mm512_castsi512_si256(odd)));
        _mm512_storeu_si512(target + 32, pairs_of(_mm512_extracti64x4_epi64(even, 1), _mm512_extracti64x4_epi64(odd, 1)));
      }
    }
  }
}

/// Adds the products of two tiles of rows and two of columns over a run of at least one tile. The sums are kept in tiles 0
/// to 3. A tile is loaded as soon as the one before is read no more: of all orders this was the fastest, by a sixth
/// before loading where it is needed.
AMX_INLINE void add_four(const uint16_t *upper, const uint16_t *lower, const uint16_t *panel, int64_t tiles) {
  _tile_loadd(4, upper, TILE_BYTES);
  _tile_loadd(6, panel, 4 * COLUMNS);
  _tile_loadd(5, lower, TILE_BYTES);
  _tile_loadd(7, panel + 32, 4 * COLUMNS);
  for (int64_t t = 1; t < tiles; t++) {
    const uint16_t *right = panel + t * LENGTH * COLUMNS;
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_loadd(4, upper + t * TILE, TILE_BYTES);
    _tile_loadd(6, right, 4 * COLUMNS);
    _tile_dpbf16ps(3, 5, 7);
    _tile_loadd(5, lower + t * TILE, TILE_BYTES);
    _tile_loadd(7, right + 32, 4 * COLUMNS);
  }
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

/// The same of one tile of rows: tiles 0 and 1.
AMX_INLINE void add_two(const uint16_t *upper, const uint16_t *panel, int64_t tiles) {
  for (int64_t t = 0; t < tiles; t++) {
    const uint16_t *right = panel + t * LENGTH * COLUMNS;
    _tile_loadd(4, upper + t * TILE, TILE_BYTES);
    _tile_loadd(6, right, 4 * COLUMNS);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, right + 32, 4 * COLUMNS);
    _tile_dpbf16ps(1, 4, 7);
  }
}

/// What is done to sixteen sums; `activation` is a constant where this is inlined.
AMX_INLINE void activate(float *x, int64_t count, int activation) {
  if (activation == CARINA_GELU_TANH) {
    for (int64_t i = 0; i < count; i++) x[i] = gelu_of(x[i], CARINA_GELU_TANH);
  } else {
    for (int64_t i = 0; i < count; i++) x[i] = gelu_of(x[i], CARINA_GELU_ERF);
  }
}

/// Writes up to 32 columns of rows whose sums lie in four tiles.
AMX_INLINE void write_rows(float *sums, int64_t rows, carina_amx_result to) {
  const int64_t count = to.columns < 32 ? to.columns : 32;
  for (int64_t r = 0; r < rows; r++) {
    float row[32];
    for (int v = 0; v < 2; v++) {
      const int64_t first = 16 * v;
      const __mmask16 mask = (__mmask16)halves(count - first > 16 ? 16 : count - first);
      __m512 value = _mm512_loadu_ps(sums + r / 16 * 2 * SUMS + v * SUMS + r % 16 * 16);
      if (to.bias) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, to.bias + first));
      _mm512_storeu_ps(row + first, value);
    }
    if (to.activation >= 0) activate(row, 32, to.activation);
    for (int v = 0; v < 2; v++) {
      const int64_t first = 16 * v, offset = r * to.stride + first;
      const __mmask16 mask = (__mmask16)halves(count - first > 16 ? 16 : count - first);
      __m512 value = _mm512_loadu_ps(row + first);
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
}

AMX void carina_amx_product(const uint16_t *left, int64_t rows, int64_t length, const uint16_t *panel,
                            carina_amx_result to, float *memory) {
  const int64_t tiles = tiles_of(length);
  use_whole_tiles();
  for (int64_t first = 0; first < tiles; first += MOST_TILES) {
    const int64_t count = tiles - first < MOST_TILES ? tiles - first : MOST_TILES;
    const int is_last = first + count == tiles;
    for (int64_t r = 0; r < rows; r += ROWS) {
      const uint16_t *upper = left + (r / TILE_ROWS * tiles + first) * TILE, *lower = upper + tiles * TILE;
      const int has_lower = rows - r > TILE_ROWS;
      for (int64_t n = 0; n < to.columns; n += 32) {
        float *sums = memory + r * COLUMNS + n / 32 * 4 * SUMS;
        const uint16_t *right = panel + first * LENGTH * COLUMNS + 2 * n;
        if (first == 0) {
          _tile_zero(0);
          _tile_zero(1);
          _tile_zero(2);
          _tile_zero(3);
        } else {
          _tile_loadd(0, sums, TILE_BYTES);
          _tile_loadd(1, sums + SUMS, TILE_BYTES);
          _tile_loadd(2, sums + 2 * SUMS, TILE_BYTES);
          _tile_loadd(3, sums + 3 * SUMS, TILE_BYTES);
        }
        if (has_lower) {
          add_four(upper, lower, right, count);
        } else {
          add_two(upper, right, count);
        }
        _tile_stored(0, sums, TILE_BYTES);
        _tile_stored(1, sums + SUMS, TILE_BYTES);
        _tile_stored(2, sums + 2 * SUMS, TILE_BYTES);
        _tile_stored(3, sums + 3 * SUMS, TILE_BYTES);
        if (is_last) {
          carina_amx_result part = to;
          const int64_t offset = r * to.stride + n;
          part.columns = to.columns - n;
          part.c = to.is_narrow ? (void *)((uint16_t *)to.c + offset) : (float *)to.c + offset;
          if (to.bias) part.bias = to.bias + n;
          if (to.other) part.other = to.other + offset;
          write_rows(sums, rows - r < ROWS ? rows - r : ROWS, part);
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
