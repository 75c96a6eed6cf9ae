#pragma once
#include <stdint.h>

/// One AdamW step (Loshchilov and Hutter 2019) over `count` values, in the order of operations of PyTorch's.
/// `correction1` = 1 - beta1^t, `correction2` = 1 - beta2^t. `copy`, where not null, receives the bfloat16 weights.
void carina_adamw(float *weights, const float *gradients, float *first, float *second, uint16_t *copy,
                  int64_t count, float gradient_scale, float rate, double beta1, double beta2, float epsilon,
                  float decay, float correction1, float correction2);
