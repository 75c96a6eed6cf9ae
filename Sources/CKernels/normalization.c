#include "normalization.h"

#include <math.h>

#include "bfloat16_rounding.h"
#include "kernel_clones.h"

/// Rows go to `out` or, rounded to bfloat16, to `narrow`; the other is null, and a constant where this is inlined.
CARINA_INLINE void layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *out,
                              uint16_t *narrow, float *means, float *inverses, int64_t rows, int64_t width) {
  CARINA_FAST_SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *in = x + row * width;
    float sum = 0, squares = 0;
    for (int64_t i = 0; i < width; i++) sum += in[i];
    const float mean = sum / (float)width;
    for (int64_t i = 0; i < width; i++) squares += (in[i] - mean) * (in[i] - mean);
    const float inverse = 1.f / sqrtf(squares / (float)width + epsilon);
    if (out) {
      float *target = out + row * width;
      for (int64_t i = 0; i < width; i++) target[i] = (in[i] - mean) * inverse * weight[i] + bias[i];
    } else {
      uint16_t *target = narrow + row * width;
      for (int64_t i = 0; i < width; i++) {
        target[i] = nearest_bfloat16((in[i] - mean) * inverse * weight[i] + bias[i]);
      }
    }
    means[row] = mean;
    inverses[row] = inverse;
  }
}

CARINA_KERNEL void carina_layer_norm_forward(const float *x, const float *weight, const float *bias, float epsilon,
                                             float *out, float *means, float *inverses, int64_t rows,
                                             int64_t width) {
  layer_norm(x, weight, bias, epsilon, out, 0, means, inverses, rows, width);
}

CARINA_KERNEL void carina_layer_norm_rounded(const float *x, const float *weight, const float *bias, float epsilon,
                                             uint16_t *out, float *means, float *inverses, int64_t rows,
                                             int64_t width) {
  layer_norm(x, weight, bias, epsilon, 0, out, means, inverses, rows, width);
}

CARINA_KERNEL void carina_layer_norm_backward(const float *x, const float *weight, const float *means,
                                              const float *inverses, const float *dout, float *dx, float *dweight,
                                              float *dbias, int64_t rows, int64_t width) {
  CARINA_FAST_SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *in = x + row * width, *d = dout + row * width;
    float *target = dx + row * width;
    const float mean = means[row], inverse = inverses[row];
    float sum = 0, projection = 0;
    for (int64_t i = 0; i < width; i++) {
      const float g = d[i] * weight[i];
      sum += g;
      projection += g * (in[i] - mean);
    }
    const float shift = sum / (float)width, slope = projection * inverse * inverse / (float)width;
    for (int64_t i = 0; i < width; i++) target[i] = inverse * (d[i] * weight[i] - shift - (in[i] - mean) * slope);
    if (dweight) {
      for (int64_t i = 0; i < width; i++) dweight[i] += d[i] * (in[i] - mean) * inverse;
    }
    if (dbias) {
      for (int64_t i = 0; i < width; i++) dbias[i] += d[i];
    }
  }
}

CARINA_KERNEL void carina_rms_norm_forward(const float *x, const float *weight, float epsilon, float *out,
                                           float *inverses, int64_t rows, int64_t width) {
  CARINA_FAST_SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *in = x + row * width;
    float *target = out + row * width;
    float squares = 0;
    for (int64_t i = 0; i < width; i++) squares += in[i] * in[i];
    const float inverse = 1.f / sqrtf(squares / (float)width + epsilon);
    for (int64_t i = 0; i < width; i++) target[i] = in[i] * inverse * (1.f + weight[i]);
    inverses[row] = inverse;
  }
}

CARINA_KERNEL void carina_rms_norm_backward(const float *x, const float *weight, const float *inverses,
                                            const float *dout, float *dx, float *dweight, int64_t rows,
                                            int64_t width) {
  CARINA_FAST_SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *in = x + row * width, *d = dout + row * width;
    float *target = dx + row * width;
    const float inverse = inverses[row];
    float projection = 0;
    for (int64_t i = 0; i < width; i++) projection += d[i] * (1.f + weight[i]) * in[i];
    const float slope = projection * inverse * inverse / (float)width;
    for (int64_t i = 0; i < width; i++) target[i] = inverse * (d[i] * (1.f + weight[i]) - in[i] * slope);
    if (dweight) {
      for (int64_t i = 0; i < width; i++) dweight[i] += d[i] * in[i] * inverse;
    }
  }
}

CARINA_KERNEL void carina_l2_normalize_forward(const float *x, float *out, float *inverses, int64_t rows,
                                               int64_t width) {
  CARINA_FAST_SUMS
  for (int64_t row = 0; row < rows; row++) {
    float squares = 0;
    for (int64_t i = 0; i < width; i++) squares += x[row * width + i] * x[row * width + i];
    const float inverse = 1.f / sqrtf(squares);
    for (int64_t i = 0; i < width; i++) out[row * width + i] = x[row * width + i] * inverse;
    inverses[row] = inverse;
  }
}

CARINA_KERNEL void carina_l2_normalize_backward(const float *out, const float *inverses, const float *dout,
                                                float *dx, int64_t rows, int64_t width) {
  CARINA_FAST_SUMS
  for (int64_t row = 0; row < rows; row++) {
    const float *y = out + row * width, *d = dout + row * width;
    float projection = 0;
    for (int64_t i = 0; i < width; i++) projection += y[i] * d[i];
    for (int64_t i = 0; i < width; i++) dx[row * width + i] = (d[i] - y[i] * projection) * inverses[row];
  }
}
