#include <string.h>

#include "byte_panel.h"
#include "byte_vectors.h"

// The same weights turned: what a panel holds as columns of one product are the rows that another product sums over.

/// Where word `word` of a panel in groups of `group` numbers lies.
static inline int64_t word_offset(int64_t word, int64_t group) { return (word + 4 * word / group + 1) * WORD; }

/// Writes the negated sums of the columns of each group, whose words are there.
static void sum_groups(int8_t *panel, int64_t length, int64_t group) {
  for (int64_t first = 0; first < length; first += group) {
    const int64_t words = words_of(smaller(group, length - first));
    int32_t sums[COLUMNS] = {0};
    for (int64_t j = 1; j <= words; j++) {
      for (int n = 0; n < COLUMNS; n++) {
        for (int t = 0; t < 4; t++) sums[n] -= panel[j * WORD + 4 * n + t];
      }
    }
    memcpy(panel, sums, sizeof sums);
    panel += (words + 1) * WORD;
  }
}

static void repack_plain(const int8_t *panels, int64_t width, int64_t packed_group, int64_t first, int64_t length,
                         int64_t group, int8_t *panel) {
  const int64_t panel_bytes = carina_byte_panel_bytes(width, packed_group);
  for (int64_t word = 0; word < words_of(length); word++) {
    int8_t *target = panel + word_offset(word, group);
    for (int64_t n = 0; n < COLUMNS; n++) {
      const int64_t column = first + n;
      for (int64_t t = 0; t < 4; t++) {
        const int64_t row = 4 * word + t;
        const int8_t *source = panels + row / COLUMNS * panel_bytes + word_offset(column / 4, packed_group);
        target[4 * n + t] = column < width && row < length ? source[4 * (row % COLUMNS) + column % 4] : 0;
      }
    }
  }
  sum_groups(panel, length, group);
}

#if defined(__x86_64__)

/// Four words of 16 columns each become words over these columns, of the sixteen numbers that the four words held.
BYTES_INLINE void turn(__m512i block[4]) {
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  for (int i = 0; i < 4; i++) block[i] = _mm512_shuffle_epi8(block[i], order);
  const __m512i a = _mm512_shuffle_i32x4(block[0], block[1], 0x44), b = _mm512_shuffle_i32x4(block[0], block[1], 0xee);
  const __m512i c = _mm512_shuffle_i32x4(block[2], block[3], 0x44), d = _mm512_shuffle_i32x4(block[2], block[3], 0xee);
  block[0] = _mm512_shuffle_i32x4(a, c, 0x88);
  block[1] = _mm512_shuffle_i32x4(a, c, 0xdd);
  block[2] = _mm512_shuffle_i32x4(b, d, 0x88);
  block[3] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

BYTES static void sum_groups_by_vectors(int8_t *panel, int64_t length, int64_t group) {
  for (int64_t first = 0; first < length; first += group) {
    const int64_t words = words_of(smaller(group, length - first));
    __m512i sums[VECTORS];
    for (int v = 0; v < VECTORS; v++) sums[v] = _mm512_setzero_si512();
    for (int64_t j = 1; j <= words; j++) {
      for (int v = 0; v < VECTORS; v++) {
        sums[v] = _mm512_dpbusd_epi32(sums[v], _mm512_set1_epi8(1), _mm512_loadu_si512(panel + j * WORD + 64 * v));
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      _mm512_storeu_si512(panel + 64 * v, _mm512_sub_epi32(_mm512_setzero_si512(), sums[v]));
    }
    panel += (words + 1) * WORD;
  }
}

BYTES static void repack_by_vectors(const int8_t *panels, int64_t width, int64_t packed_group, int64_t first,
                                    int64_t length, int64_t group, int8_t *panel) {
  const int64_t panel_bytes = carina_byte_panel_bytes(width, packed_group), words = words_of(length);
  for (int64_t row = 0; row < length; row += COLUMNS) {
    const int8_t *source = panels + row / COLUMNS * panel_bytes;
    for (int u = 0; u < VECTORS; u++) {
      for (int v = 0; v < VECTORS; v++) {
        __m512i block[4];
        for (int i = 0; i < 4; i++) {
          const int64_t word = first / 4 + 4 * u + i;
          block[i] = 4 * word < width ? _mm512_loadu_si512(source + word_offset(word, packed_group) + 64 * v)
                                      : _mm512_setzero_si512();
        }
        turn(block);
        for (int i = 0; i < 4; i++) {
          const int64_t word = row / 4 + 4 * v + i;
          if (word < words) _mm512_storeu_si512(panel + word_offset(word, group) + 64 * u, block[i]);
        }
      }
    }
  }
  sum_groups_by_vectors(panel, length, group);
}

#endif

void carina_pack_packed_bytes(const int8_t *panels, int64_t width, int64_t packed_group, int64_t first, int64_t length,
                              int64_t group, int8_t *panel, int by_vectors) {
  BY_VECTORS(repack_by_vectors(panels, width, packed_group, first, length, group, panel));
  repack_plain(panels, width, packed_group, first, length, group, panel);
}
