#include "byte_amx.h"

#include "amx_tiles.h"
#include "byte_result.h"

#if defined(__x86_64__)

enum {
  /// Columns of a panel that they meet at a time: two tiles.
  HALF = 32,
  /// Words of a panel that a tile sums at a time.
  TILE_WORDS = TILE_BYTES / 4,
  /// Rows whose sums are formed before they are written, and tiles of a sum that are added before the next sixteen of
  /// them come: those of the panel, two times as many, stay in the first-level cache, of which a thread may have half.
  BLOCK = 4 * TILE_ROWS,
  MOST_TILES = 6
};

int carina_bytes_by_amx(int64_t rows, int64_t length, int64_t group) {
  return rows >= CARINA_FEWEST_AMX_BYTE_ROWS && length <= group && length >= TILE_BYTES && carina_has_amx();
}

/// Lines of the next panel's weights, `each` of which are asked for whenever a tile of rows is loaded: many at
/// once would hold up the loads of the tiles.
typedef struct {
  const int8_t *row;
  int64_t offset, stride, rows, bytes, each;
} lines_ahead;

static lines_ahead lines_during(int64_t loads, const carina_next_weights *next) {
  if (!next || loads == 0) return (lines_ahead){0};
  const int64_t lines = next->rows * ((next->bytes + 63) / 64);
  return (lines_ahead){next->weights, 0, next->stride, next->rows, next->bytes, (lines + loads - 1) / loads};
}

AMX_INLINE void fetch(lines_ahead *lines) {
  for (int64_t i = 0; i < lines->each && lines->rows > 0; i++) {
    _mm_prefetch((const char *)lines->row + lines->offset, _MM_HINT_T1);
    lines->offset += 64;
    if (lines->offset >= lines->bytes) {
      lines->offset = 0;
      lines->row += lines->stride;
      lines->rows--;
    }
  }
}

/// Adds the products of a tile of rows and two of columns over a run of tiles, in tiles 0 and 1.
AMX_INLINE void add_pair(const uint8_t *left, int64_t stride, const int8_t *right, int64_t tiles,
                         lines_ahead *lines) {
  for (int64_t t = 0; t < tiles; t++) {
    const int8_t *words = right + t * TILE_WORDS * WORD;
    _tile_loadd(2, left + t * TILE_BYTES, stride);
    _tile_loadd(3, words, WORD);
    _tile_dpbusd(0, 2, 3);
    _tile_loadd(3, words + TILE_BYTES, WORD);
    _tile_dpbusd(1, 2, 3);
    fetch(lines);
  }
}

/// The sums [rows, COLUMNS] of the whole tiles.
AMX_INLINE void form_sums(const uint8_t *left, int64_t stride, int64_t rows, const int8_t *panel, int64_t tiles,
                          int64_t columns, int32_t *sums, lines_ahead *lines) {
  const int64_t runs = (tiles + MOST_TILES - 1) / MOST_TILES;
  for (int64_t n = 0; n < columns; n += HALF) {
    for (int64_t run = 0; run < runs; run++) {
      const int64_t first = tiles * run / runs, count = tiles * (run + 1) / runs - first;
      for (int64_t r = 0; r < rows; r += TILE_ROWS) {
        int32_t *target = sums + r * COLUMNS + n;
        if (rows - r < TILE_ROWS) use_tiles_of(rows - r);
        if (run == 0) {
          _tile_zero(0);
          _tile_zero(1);
        } else {
          _tile_loadd(0, target, 4 * COLUMNS);
          _tile_loadd(1, target + 16, 4 * COLUMNS);
        }
        const int8_t *right = panel + WORD + first * TILE_WORDS * WORD + 4 * n;
        add_pair(left + r * stride + first * TILE_BYTES, stride, right, count, lines);
        _tile_stored(0, target, 4 * COLUMNS);
        _tile_stored(1, target + 16, 4 * COLUMNS);
        if (rows - r < TILE_ROWS) use_tiles_of(TILE_ROWS);
      }
    }
  }
}

/// Adds the words that no whole tile has.
AMX_INLINE void add_rest(const uint8_t *left, int64_t stride, const int8_t *words, int64_t count, int64_t rows,
                         int32_t *sums) {
  for (int64_t r = 0; r < rows; r++) {
    for (int v = 0; v < VECTORS; v++) {
      int32_t *target = sums + r * COLUMNS + 16 * v;
      __m512i sum = _mm512_loadu_si512(target);
      for (int64_t j = 0; j < count; j++) {
        int32_t word;
        memcpy(&word, left + r * stride + 4 * j, 4);
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(word), _mm512_loadu_si512(words + j * WORD + 64 * v));
      }
      _mm512_storeu_si512(target, sum);
    }
  }
}

/// Writes the rows of a strip from their sums.
AMX_INLINE void write_strip(const int32_t *sums, const int32_t *more, const float *steps, const int32_t *zeros,
                            const int8_t *panel, byte_result to, int64_t rows) {
  for (int v = 0; 16 * v < to.columns; v++) {
    const __mmask16 mask = lanes(to.columns - 16 * v);
    const __m512i negated = _mm512_loadu_si512(panel + 64 * v);
    const __m512 scale = to.scales ? _mm512_maskz_loadu_ps(mask, to.scales + 16 * v) : _mm512_set1_ps(1);
    const __m512 shift = to.bias ? _mm512_maskz_loadu_ps(mask, to.bias + 16 * v) : _mm512_setzero_ps();
    for (int r = 0; r < rows; r++) {
      const int64_t offset = COLUMNS * r + 16 * v;
      __m512i sum = _mm512_add_epi32(
          _mm512_loadu_si512(sums + offset), _mm512_mullo_epi32(negated, _mm512_set1_epi32(zeros[r])));
      if (more) sum = _mm512_add_epi32(sum, _mm512_loadu_si512(more + offset));
      const __m512 total = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(steps[r]));
      write_result(to, r, v, total, scale, shift, mask);
    }
  }
}

AMX void carina_byte_product_by_amx(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                                    const carina_large_numbers *large, int64_t rows, int64_t length,
                                    const int8_t *panel, int64_t columns, const float *scales, const float *bias,
                                    const float *other, float *c, uint16_t *narrow, int64_t c_stride,
                                    const carina_next_weights *next) {
  const int64_t tiles = length / TILE_BYTES, rest = words_of(length) - tiles * TILE_WORDS;
  const int64_t loads = (rows + TILE_ROWS - 1) / TILE_ROWS * (columns > HALF ? 2 : 1) * tiles;
  lines_ahead lines = lines_during(loads, next);
  const byte_result all = {scales, bias, other, c, narrow, c_stride, columns};
  use_tiles_of(TILE_ROWS);
  for (int64_t r = 0; r < rows; r += BLOCK) {
    const uint8_t *left = values + r * stride;
    const int64_t count = smaller(BLOCK, rows - r);
    _Alignas(64) int32_t sums[BLOCK * COLUMNS];
    int32_t large_part[BLOCK * COLUMNS];
    form_sums(left, stride, count, panel, tiles, columns, sums, &lines);
    if (rest) {
      add_rest(left + tiles * TILE_BYTES, stride, panel + (tiles * TILE_WORDS + 1) * WORD, rest, count, sums);
    }
    const int32_t *more = large ? sums_of_large(large + r, count, panel, large_part) : 0;
    const byte_result to = from_row(all, r);
    write_strip(sums, more, steps + r, zeros + r, panel, to, count);
  }
  _tile_release();
}

#else

int carina_bytes_by_amx(int64_t rows, int64_t length, int64_t group) { return 0; }
void carina_byte_product_by_amx(const uint8_t *values, int64_t stride, const float *steps, const int32_t *zeros,
                                const carina_large_numbers *large, int64_t rows, int64_t length, const int8_t *panel,
                                int64_t columns, const float *scales, const float *bias, const float *other, float *c,
                                uint16_t *narrow, int64_t c_stride, const carina_next_weights *next) {}

#endif
