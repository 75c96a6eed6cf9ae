#include "few_rows.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define PAIRS_INLINE static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512bf16")))

// As in few_rows.c: the processor's own prefetcher stops at the end of a page.
enum { PREFETCH_BYTES = 4096, LANES = 32 };

int carina_has_few_rows_pairs(void) {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

PAIRS_INLINE __m512bh whole(const uint16_t *source) { return (__m512bh)_mm512_loadu_si512(source); }

PAIRS_INLINE __m512bh part(const uint16_t *source, __mmask32 mask) {
  return (__m512bh)_mm512_maskz_loadu_epi16(mask, source);
}

/// `rows` is a constant where this is inlined; two chains of sums a row hide the latency of a product.
PAIRS_INLINE void multiply(const uint16_t *x, int64_t x_stride, const uint16_t *weights, int64_t stride, float *out,
                           int64_t out_stride, int64_t outputs, int64_t inputs, int rows) {
  const int64_t doubles = inputs / (2 * LANES) * (2 * LANES), vectors = inputs / LANES * LANES;
  const __mmask32 mask = (__mmask32)((1ull << (inputs - vectors)) - 1);
  for (int64_t n = 0; n < outputs; n++) {
    const uint16_t *row = weights + n * stride;
    __m512 even[CARINA_MOST_FEW_ROWS], odd[CARINA_MOST_FEW_ROWS];
    for (int r = 0; r < rows; r++) even[r] = odd[r] = _mm512_setzero_ps();
    for (int64_t i = 0; i < doubles; i += 2 * LANES) {
      _mm_prefetch((const char *)(row + i) + PREFETCH_BYTES, _MM_HINT_T0);
      _mm_prefetch((const char *)(row + i) + PREFETCH_BYTES + 64, _MM_HINT_T0);
      const __m512bh first = whole(row + i), second = whole(row + i + LANES);
      for (int r = 0; r < rows; r++) {
        even[r] = _mm512_dpbf16_ps(even[r], first, whole(x + r * x_stride + i));
        odd[r] = _mm512_dpbf16_ps(odd[r], second, whole(x + r * x_stride + i + LANES));
      }
    }
    if (doubles < vectors) {
      const __m512bh first = whole(row + doubles);
      for (int r = 0; r < rows; r++) even[r] = _mm512_dpbf16_ps(even[r], first, whole(x + r * x_stride + doubles));
    }
    if (mask) {
      const __m512bh rest = part(row + vectors, mask);
      for (int r = 0; r < rows; r++) odd[r] = _mm512_dpbf16_ps(odd[r], rest, part(x + r * x_stride + vectors, mask));
    }
    for (int r = 0; r < rows; r++) out[r * out_stride + n] = _mm512_reduce_add_ps(_mm512_add_ps(even[r], odd[r]));
  }
}

PAIRS void carina_few_rows_pairs(const uint16_t *x, int64_t x_stride, const uint16_t *weights, int64_t stride,
                                 float *out, int64_t out_stride, int64_t rows, int64_t outputs, int64_t inputs) {
  switch (rows) {
    case 1: multiply(x, x_stride, weights, stride, out, out_stride, outputs, inputs, 1); break;
    case 2: multiply(x, x_stride, weights, stride, out, out_stride, outputs, inputs, 2); break;
    case 3: multiply(x, x_stride, weights, stride, out, out_stride, outputs, inputs, 3); break;
    default: multiply(x, x_stride, weights, stride, out, out_stride, outputs, inputs, 4); break;
  }
}

#else

int carina_has_few_rows_pairs(void) { return 0; }
void carina_few_rows_pairs(const uint16_t *x, int64_t x_stride, const uint16_t *weights, int64_t stride, float *out,
                           int64_t out_stride, int64_t rows, int64_t outputs, int64_t inputs) {}

#endif
