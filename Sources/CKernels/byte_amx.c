#include "byte_amx.h"

#include "amx_tiles.h"
#include "byte_result.h"

#if defined(__x86_64__)

enum {
  /// Columns of a panel that they meet at a time: two tiles.
  HALF = 32,
  /// Words of a panel that a tile sums at a time.
  TILE_WORDS = TILE_BYTES / 4
};

int carina_bytes_by_amx(int64_t rows, int64_t length, int64_t group) {
  return rows >= CARINA_FEWEST_AMX_BYTE_ROWS && length <= group && length >= TILE_BYTES && carina_has_amx();
}

/// Lines of the cache that are asked for while sums are formed.
typedef struct {
  const int8_t *line, *end;
  int64_t each;
} lines_to_fetch;

AMX_INLINE void fetch(lines_to_fetch *lines) {
  for (int64_t i = 0; i < lines->each && lines->line < lines->end; i++, lines->line += 64) {
    _mm_prefetch((const char *)lines->line, _MM_HINT_T1);
  }
}

/// The sums [rows, COLUMNS] of the whole tiles of HALF columns.
AMX_INLINE void form_sums(const uint8_t *left, int64_t stride, const int8_t *right, int64_t tiles, int has_lower,
                          int32_t *sums, lines_to_fetch *lines) {
  _tile_zero(0);
  _tile_zero(1);
  if (has_lower) {
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t t = 0; t < tiles; t++) {
      const uint8_t *rows = left + t * TILE_BYTES;
      const int8_t *words = right + t * TILE_WORDS * WORD;
      _tile_loadd(4, rows, stride);
      _tile_loadd(6, words, WORD);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(7, words + TILE_BYTES, WORD);
      _tile_dpbusd(1, 4, 7);
      _tile_loadd(5, rows + TILE_ROWS * stride, stride);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
      fetch(lines);
    }
    _tile_stored(2, sums + TILE_ROWS * COLUMNS, 4 * COLUMNS);
    _tile_stored(3, sums + TILE_ROWS * COLUMNS + 16, 4 * COLUMNS);
  } else {
    for (int64_t t = 0; t < tiles; t++) {
      const int8_t *words = right + t * TILE_WORDS * WORD;
      _tile_loadd(4, left + t * TILE_BYTES, stride);
      _tile_loadd(6, words, WORD);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(7, words + TILE_BYTES, WORD);
      _tile_dpbusd(1, 4, 7);
      fetch(lines);
    }
  }
  _tile_stored(0, sums, 4 * COLUMNS);
  _tile_stored(1, sums + 16, 4 * COLUMNS);
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
  const int64_t strips = (rows + STRIP - 1) / STRIP, loops = strips * (columns > HALF ? 2 : 1) * tiles;
  lines_to_fetch lines = {0};
  if (next && next->rows == 1) {
    lines = (lines_to_fetch){next->weights, next->weights + next->bytes, (next->bytes / 64 + loops - 1) / loops};
  }
  const byte_result all = {scales, bias, other, c, narrow, c_stride, columns};
  use_tiles_of(STRIP);
  for (int64_t r = 0; r < rows; r += STRIP) {
    const uint8_t *left = values + r * stride;
    const int64_t count = smaller(STRIP, rows - r);
    _Alignas(64) int32_t sums[STRIP * COLUMNS];
    int32_t large_part[STRIP * COLUMNS];
    if (count < STRIP) use_tiles_of(count);
    if (next && next->rows > 1) fetch_ahead(next, r, count, rows);
    for (int64_t n = 0; n < columns; n += HALF) {
      form_sums(left, stride, panel + WORD + 4 * n, tiles, count > TILE_ROWS, sums + n, &lines);
    }
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
