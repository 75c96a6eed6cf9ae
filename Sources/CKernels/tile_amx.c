#include "tile_amx.h"

#include "amx_tiles.h"
#include "streamed_attention.h"
#include "tile_product.h"
#include "word_transpose.h"

#if defined(__x86_64__)

enum {
  PANEL = CARINA_PANEL_COLUMNS,
  /// Pairs that a tile sums at a time.
  PAIRS = TILE_BYTES / 4,
  /// Columns of a panel that a strip meets at a time: two tiles.
  HALF = 32,
  /// Tiles of rows that are not stored as rows, which are turned first.
  MOST_TURNED = 8,
  /// Words of a row of weighted values.
  MOST_WORDS = CARINA_STREAMED_WIDTH
};

int carina_tiles_by_amx(int64_t pair_stride, int64_t pairs) {
  return (pair_stride == 1 || pairs <= PAIRS * MOST_TURNED) && carina_has_amx();
}

/// The pairs of a strip's rows: whole tiles of them in memory, then perhaps one that is filled up with zeros.
typedef struct {
  const uint32_t *first;
  /// Words from row to row, and from tile to tile.
  int64_t row, tile;
  const uint32_t *last;
  int64_t last_row;
} strip_rows;

AMX_INLINE __mmask16 first_lanes(int64_t count) {
  return count >= 16 ? 0xffff : (__mmask16)((1u << (count > 0 ? count : 0)) - 1);
}

/// Rows filled up with zeros to PAIRS words each.
AMX_INLINE void fill_up(const uint32_t *source, int64_t stride, int64_t rows, int64_t pairs, uint32_t *out) {
  for (int64_t r = 0; r < rows; r++) {
    _mm512_storeu_si512(out + r * PAIRS, _mm512_maskz_loadu_epi32(first_lanes(pairs), source + r * stride));
  }
}

/// Rows whose pairs lie `stride` words apart and which lie side by side, as tiles.
AMX_INLINE void turn_rows(const uint32_t *a, int64_t stride, int64_t rows, int64_t pairs, uint32_t *out) {
  for (int64_t j = 0; j < pairs; j += PAIRS) {
    __m512i block[TILE_ROWS];
    for (int64_t i = 0; i < PAIRS; i++) {
      block[i] = j + i < pairs ? _mm512_maskz_loadu_epi32(first_lanes(rows), a + (j + i) * stride)
                               : _mm512_setzero_si512();
    }
    transpose_words((word_row *)block);
    for (int i = 0; i < TILE_ROWS; i++) _mm512_storeu_si512(out + j * TILE_ROWS + i * PAIRS, block[i]);
  }
}

/// Where right factors lie: pairs of rows `stride` words apart, and perhaps the last tile of them, filled up with zeros.
typedef struct {
  const uint32_t *first, *last;
  int64_t stride;
} right_pairs;

/// Where sums go: to c, or added to it, or to it times the factor of its row.
typedef struct {
  float *c;
  int64_t stride, columns;
  int accumulate;
  const float *factors;
} sum_target;

/// Adds the products of a tile of rows and of one or two of columns.
AMX_INLINE void add_products(const uint32_t *left, int64_t row, const uint32_t *right, int64_t stride, int has_second) {
  _tile_loadd(2, left, 4 * row);
  _tile_loadd(3, right, 4 * stride);
  _tile_dpbf16ps(0, 2, 3);
  if (has_second) {
    _tile_loadd(3, right + 16, 4 * stride);
    _tile_dpbf16ps(1, 2, 3);
  }
}

AMX_INLINE void store_sums(float *c, int64_t stride) {
  _tile_stored(0, c, 4 * stride);
  _tile_stored(1, c + 16, 4 * stride);
}

/// A strip of rows by up to HALF columns; whether there are two tiles of them is constant where this is inlined.
AMX_INLINE void form_sums(strip_rows left, right_pairs right, int64_t pairs, int has_second) {
  _tile_zero(0);
  _tile_zero(1);
  for (int64_t t = 0; t < pairs / PAIRS; t++) {
    add_products(left.first + t * left.tile, left.row, right.first + t * PAIRS * right.stride, right.stride, has_second);
  }
  if (left.last) add_products(left.last, left.last_row, right.last, right.stride, has_second);
}

AMX_INLINE void multiply_half(strip_rows left, right_pairs right, int64_t pairs, sum_target to, int64_t rows) {
  if (to.columns > 16) {
    form_sums(left, right, pairs, 1);
  } else {
    form_sums(left, right, pairs, 0);
  }
  if (!to.accumulate && to.columns >= HALF) return store_sums(to.c, to.stride);
  _Alignas(64) float sums[TILE_ROWS * HALF];
  store_sums(sums, HALF);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t n = 0; n < HALF && n < to.columns; n += 16) {
      const __mmask16 mask = first_lanes(to.columns - n);
      float *target = to.c + r * to.stride + n;
      __m512 value = _mm512_loadu_ps(sums + r * HALF + n);
      if (to.accumulate) {
        const __m512 before = _mm512_maskz_loadu_ps(mask, target);
        value = to.factors ? _mm512_fmadd_ps(before, _mm512_set1_ps(to.factors[r]), value) : _mm512_add_ps(before, value);
      }
      _mm512_mask_storeu_ps(target, mask, value);
    }
  }
}

AMX void carina_tile_product_by_amx(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint16_t *b,
                                    int64_t panel_pairs, int64_t first_pair, float *c, int64_t c_stride, int64_t rows,
                                    int64_t columns, int64_t pairs, int accumulate) {
  const int64_t rest = pairs % PAIRS, whole = pairs - rest;
  _Alignas(64) uint32_t turned[TILE_ROWS * PAIRS * MOST_TURNED], last_left[TILE_ROWS * PAIRS];
  _Alignas(64) uint32_t last_right[PAIRS * PANEL];
  if (rest) memset(last_right, 0, sizeof last_right);
  use_tiles_of(rows < TILE_ROWS ? rows : TILE_ROWS);
  for (int64_t r = 0; r < rows; r += TILE_ROWS) {
    const int64_t count = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    if (r > 0 && count < TILE_ROWS) use_tiles_of(count);
    strip_rows left = {a + r * row_stride, row_stride, PAIRS, 0, PAIRS};
    if (pair_stride != 1) {
      turn_rows(left.first, pair_stride, count, pairs, turned);
      left = (strip_rows){turned, PAIRS, TILE_ROWS * PAIRS, rest ? turned + TILE_ROWS * whole : 0, PAIRS};
    } else if (rest) {
      fill_up(left.first + whole, row_stride, count, rest, last_left);
      left.last = last_left;
    }
    for (int64_t n = 0; n < columns; n += PANEL) {
      const uint32_t *panel = (const uint32_t *)b + (n / PANEL * panel_pairs + first_pair) * PANEL;
      if (rest) memcpy(last_right, panel + whole * PANEL, (size_t)(rest * PANEL) * sizeof *last_right);
      for (int64_t h = 0; h < PANEL && n + h < columns; h += HALF) {
        const right_pairs right = {panel + h, last_right + h, PANEL};
        const sum_target to = {c + r * c_stride + n + h, c_stride, columns - n - h, accumulate, 0};
        multiply_half(left, right, pairs, to, count);
      }
    }
  }
  _tile_release();
}

AMX void carina_add_weighted_rows_by_amx(const uint32_t *weights, int64_t stride, const uint32_t *values, int64_t words,
                                         int64_t pairs, const float *factors, float *c, int64_t c_stride,
                                         int64_t rows) {
  const int64_t rest = pairs % PAIRS, whole = pairs - rest;
  _Alignas(64) uint32_t last_left[TILE_ROWS * PAIRS], last_right[PAIRS * MOST_WORDS];
  if (rest) {
    memset(last_right, 0, (size_t)(PAIRS * words) * sizeof *last_right);
    memcpy(last_right, values + whole * words, (size_t)(rest * words) * sizeof *last_right);
  }
  use_tiles_of(rows < TILE_ROWS ? rows : TILE_ROWS);
  for (int64_t r = 0; r < rows; r += TILE_ROWS) {
    const int64_t count = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    if (r > 0 && count < TILE_ROWS) use_tiles_of(count);
    strip_rows left = {weights + r * stride, stride, PAIRS, 0, PAIRS};
    if (rest) {
      fill_up(left.first + whole, stride, count, rest, last_left);
      left.last = last_left;
    }
    for (int64_t n = 0; n < words; n += HALF) {
      const right_pairs right = {values + n, last_right + n, words};
      const sum_target to = {c + r * c_stride + n, c_stride, words - n, 1, factors + r};
      multiply_half(left, right, pairs, to, count);
    }
  }
  _tile_release();
}

#else

int carina_tiles_by_amx(int64_t pair_stride, int64_t pairs) { return 0; }
void carina_tile_product_by_amx(const uint32_t *a, int64_t row_stride, int64_t pair_stride, const uint16_t *b,
                                int64_t panel_pairs, int64_t first_pair, float *c, int64_t c_stride, int64_t rows,
                                int64_t columns, int64_t pairs, int accumulate) {}
void carina_add_weighted_rows_by_amx(const uint32_t *weights, int64_t stride, const uint32_t *values, int64_t words,
                                     int64_t pairs, const float *factors, float *c, int64_t c_stride, int64_t rows) {}

#endif
