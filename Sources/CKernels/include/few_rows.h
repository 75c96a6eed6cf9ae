#pragma once
#include <stdint.h>

/// The most rows of x that one call takes.
enum { CARINA_MOST_FEW_ROWS = 4 };

/// out[r, n] = sum over i of x[r, i] * weights[n, i] for 1 to CARINA_MOST_FEW_ROWS rows of x [rows, inputs] and
/// `outputs` rows of weights, each `stride` elements from the last; rows of out lie `out_stride` apart. Weights are
/// read once, from front to back, and may begin at any even byte. The digits of an output depend on nothing but its
/// own row of weights, `inputs` and x, so outputs can be shared out among threads in any way.
void carina_few_rows_bfloat16(const float *x, const uint16_t *weights, int64_t stride, float *out, int64_t out_stride,
                              int64_t rows, int64_t outputs, int64_t inputs);
void carina_few_rows_float(const float *x, const float *weights, int64_t stride, float *out, int64_t out_stride,
                           int64_t rows, int64_t outputs, int64_t inputs);

/// The same with x in bfloat16, its rows `x_stride` apart, by the processor's products of pairs (AVX-512 BF16), which
/// need no widening: weights come as fast as memory gives them. Numbers below the smallest normal one count as zero.
void carina_few_rows_pairs(const uint16_t *x, int64_t x_stride, const uint16_t *weights, int64_t stride, float *out,
                           int64_t out_stride, int64_t rows, int64_t outputs, int64_t inputs);
/// Whether the processor has them.
int carina_has_few_rows_pairs(void);

/// The sum of the words of memory: reads `byte_count` bytes (a multiple of 64) as fast as they come, and does nothing
/// else. What the kernels above are measured against.
uint64_t carina_read_bytes(const void *bytes, int64_t byte_count);
