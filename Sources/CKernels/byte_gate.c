#include "bfloat16_numbers.h"
#include "byte_product.h"
#include "gelu_power.h"

// The slope of gelu(x) = x σ is σ + x σ (1 - σ) y', where y = 2 √(2/π) (x + 0.044715 x³) is what σ is the logistic
// function of.
static const float RISE = 1.5957691216f, RISE_SQUARED = 0.2140644488f;

CARINA_KERNEL static void gate_plain(const uint16_t *gate, const uint16_t *up, const float *factors, float *out,
                                     uint16_t *narrow, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float x = widened(gate[i]), value = x / (1.f + power_of(x)) * widened(up[i]);
    if (narrow) narrow[i] = narrowed(value);
    out[i] = factors ? value * factors[i] : value;
  }
}

CARINA_KERNEL static void gate_back_plain(const uint16_t *gate, const uint16_t *up, const float *dout,
                                          carina_gate_gradient of_gate, carina_gate_gradient of_up, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float x = widened(gate[i]), power = power_of(x), part = 1.f / (1.f + power), active = x * part;
    const float slope = fmaf(active * (power * part), fmaf(RISE_SQUARED, x * x, RISE), part);
    const float dgate = dout[i] * widened(up[i]) * slope, dup = dout[i] * active;
    if (of_gate.narrow) of_gate.narrow[i] = narrowed(dgate);
    if (of_up.narrow) of_up.narrow[i] = narrowed(dup);
    of_gate.out[i] = dgate * of_gate.factors[i];
    of_up.out[i] = dup * of_up.factors[i];
  }
}

#if defined(__x86_64__)
BYTES_INLINE void gate_sixteen(const uint16_t *gate, const uint16_t *up, const float *factors, float *out,
                               uint16_t *narrow, int64_t i, __mmask16 mask) {
  const __m512 x = widened_sixteen(gate + i, mask);
  const __m512 active = _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), power_of_sixteen(x)));
  __m512 value = _mm512_mul_ps(active, widened_sixteen(up + i, mask));
  if (narrow) _mm256_mask_storeu_epi16(narrow + i, mask, narrowed_sixteen(value));
  if (factors) value = _mm512_mul_ps(value, _mm512_maskz_loadu_ps(mask, factors + i));
  _mm512_mask_storeu_ps(out + i, mask, value);
}

BYTES static void gate_by_vectors(const uint16_t *gate, const uint16_t *up, const float *factors, float *out,
                                  uint16_t *narrow, int64_t count) {
  int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (int v = 0; v < 64; v += 16) gate_sixteen(gate, up, factors, out, narrow, i + v, 0xffff);
  }
  for (; i < count; i += 16) gate_sixteen(gate, up, factors, out, narrow, i, lanes(count - i));
}

BYTES_INLINE void write_gradient(carina_gate_gradient to, int64_t i, __mmask16 mask, __m512 value) {
  if (to.narrow) _mm256_mask_storeu_epi16(to.narrow + i, mask, narrowed_sixteen(value));
  _mm512_mask_storeu_ps(to.out + i, mask, _mm512_mul_ps(value, _mm512_maskz_loadu_ps(mask, to.factors + i)));
}

BYTES_INLINE void gate_back_sixteen(const uint16_t *gate, const uint16_t *up, const float *dout,
                                    carina_gate_gradient of_gate, carina_gate_gradient of_up, int64_t i,
                                    __mmask16 mask) {
  const __m512 one = _mm512_set1_ps(1), x = widened_sixteen(gate + i, mask), power = power_of_sixteen(x);
  const __m512 part = _mm512_div_ps(one, _mm512_add_ps(one, power)), active = _mm512_mul_ps(x, part);
  const __m512 rise = _mm512_fmadd_ps(_mm512_set1_ps(RISE_SQUARED), _mm512_mul_ps(x, x), _mm512_set1_ps(RISE));
  const __m512 slope = _mm512_fmadd_ps(_mm512_mul_ps(active, _mm512_mul_ps(power, part)), rise, part);
  const __m512 d = _mm512_maskz_loadu_ps(mask, dout + i);
  write_gradient(of_gate, i, mask, _mm512_mul_ps(_mm512_mul_ps(d, widened_sixteen(up + i, mask)), slope));
  write_gradient(of_up, i, mask, _mm512_mul_ps(d, active));
}

BYTES static void gate_back_by_vectors(const uint16_t *gate, const uint16_t *up, const float *dout,
                                       carina_gate_gradient of_gate, carina_gate_gradient of_up, int64_t count) {
  int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (int v = 0; v < 64; v += 16) gate_back_sixteen(gate, up, dout, of_gate, of_up, i + v, 0xffff);
  }
  for (; i < count; i += 16) gate_back_sixteen(gate, up, dout, of_gate, of_up, i, lanes(count - i));
}
#endif

void carina_gate_for_bytes(const uint16_t *gate, const uint16_t *up, const float *factors, float *out, uint16_t *narrow,
                           int64_t count, int by_vectors) {
  BY_VECTORS(gate_by_vectors(gate, up, factors, out, narrow, count));
  gate_plain(gate, up, factors, out, narrow, count);
}

void carina_gate_back_for_bytes(const uint16_t *gate, const uint16_t *up, const float *dout,
                                carina_gate_gradient of_gate, carina_gate_gradient of_up, int64_t count,
                                int by_vectors) {
  BY_VECTORS(gate_back_by_vectors(gate, up, dout, of_gate, of_up, count));
  gate_back_plain(gate, up, dout, of_gate, of_up, count);
}
