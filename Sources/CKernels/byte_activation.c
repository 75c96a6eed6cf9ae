#include "activation.h"
#include "byte_product.h"
#include "gelu_power.h"

CARINA_KERNEL static void gelu_plain(const float *x, float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) out[i] = x[i] / (1.f + power_of(x[i]));
}

#if defined(__x86_64__)
BYTES_INLINE __m512 gelu_of_sixteen(__m512 x) {
  return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), power_of_sixteen(x)));
}

BYTES static void gelu_by_vectors(const float *x, float *out, int64_t count) {
  int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (int v = 0; v < 64; v += 16) _mm512_storeu_ps(out + i + v, gelu_of_sixteen(_mm512_loadu_ps(x + i + v)));
  }
  for (; i < count; i += 16) {
    const __mmask16 mask = lanes(count - i);
    _mm512_mask_storeu_ps(out + i, mask, gelu_of_sixteen(_mm512_maskz_loadu_ps(mask, x + i)));
  }
}
#endif

void carina_gelu_for_bytes(const float *x, float *out, int64_t count, int kind, int by_vectors) {
  if (kind != CARINA_GELU_TANH) {
    carina_gelu_forward(x, out, count, kind);
    return;
  }
  BY_VECTORS(gelu_by_vectors(x, out, count));
  gelu_plain(x, out, count);
}
