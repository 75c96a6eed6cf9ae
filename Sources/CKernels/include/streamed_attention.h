#pragma once
#include <stdint.h>

/// Limits of the attention below: query rows a call takes, the widest head, and keys of a block. Heads have an even
/// width.
enum { CARINA_STREAMED_ROWS = 60, CARINA_STREAMED_WIDTH = 80, CARINA_STREAMED_KEYS = 256 };

/// Bytes of working memory that one call of `carina_streamed_attention` needs, to begin at a multiple of 64.
int64_t carina_streamed_attention_bytes(void);

/// Words (pairs of bfloat16) of values that `carina_pack_value_rows` writes for `rows` rows of a head of `size`.
int64_t carina_value_words(int64_t rows, int64_t size);

/// Packs values x [rows, size] fp32 (leading dimension `stride`) for the sums of weighted rows: rows 2j and 2j + 1 as
/// pairs of bfloat16 side by side, 16 pairs a group, zero where x has nothing.
void carina_pack_value_rows(const float *x, int64_t stride, int64_t rows, int64_t size, uint32_t *out);

/// out [rows, size] = softmax(scale * query keysᵀ) values, every row seeing every key, for at most
/// CARINA_STREAMED_ROWS rows. Scores exist for a block of `block_keys` (a multiple of
/// CARINA_PANEL_COLUMNS, at most CARINA_STREAMED_KEYS) at a time; largest score and sum are corrected from block
/// to block (Milakov and Gimelshein 2018; Dao et al. 2022). Products in bfloat16, sums and softmax in fp32. Needs what
/// `carina_has_tile_products` asks for. `keys` come from `carina_pack_rows_as_columns`.
void carina_streamed_attention(const float *query, int64_t stride, int64_t rows, int64_t size, const uint16_t *keys,
                               const uint32_t *values, int64_t key_count, int64_t block_keys, float scale, float *out,
                               int64_t out_stride, void *memory);
