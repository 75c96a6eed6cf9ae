#pragma once
#include <stdint.h>

/// Layer norm (Ba, Kiros and Hinton 2016) over rows of x [rows, width]; keeps mean and 1 / standard deviation per row.
void carina_layer_norm_forward(const float *x, const float *weight, const float *bias, float epsilon, float *out,
                               float *means, float *inverses, int64_t rows, int64_t width);
/// The same with the result rounded to bfloat16.
void carina_layer_norm_rounded(const float *x, const float *weight, const float *bias, float epsilon, uint16_t *out,
                               float *means, float *inverses, int64_t rows, int64_t width);
/// dx is written; dweight and dbias [width], where not null, are added to.
void carina_layer_norm_backward(const float *x, const float *weight, const float *means, const float *inverses,
                                const float *dout, float *dx, float *dweight, float *dbias, int64_t rows,
                                int64_t width);

/// RMS norm (Zhang and Sennrich 2019) with Gemma's gain 1 + weight; keeps 1/rms per row.
void carina_rms_norm_forward(const float *x, const float *weight, float epsilon, float *out, float *inverses,
                             int64_t rows, int64_t width);
void carina_rms_norm_backward(const float *x, const float *weight, const float *inverses, const float *dout,
                              float *dx, float *dweight, int64_t rows, int64_t width);

/// x / |x| per row; keeps 1/|x|.
void carina_l2_normalize_forward(const float *x, float *out, float *inverses, int64_t rows, int64_t width);
void carina_l2_normalize_backward(const float *out, const float *inverses, const float *dout, float *dx,
                                  int64_t rows, int64_t width);
