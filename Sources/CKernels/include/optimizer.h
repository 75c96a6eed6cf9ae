#pragma once
#include <stdint.h>

/// One AdamW step (Loshchilov and Hutter 2019) over `count` values, in the order of operations of PyTorch's.
/// `correction1` = 1 - beta1^t, `correction2` = 1 - beta2^t.
void carina_adamw(float *weights, const float *gradients, float *first, float *second, int64_t count,
                  float gradient_scale, float rate, double beta1, double beta2, float epsilon, float decay,
                  float correction1, float correction2);

/// The same for weights kept in two halves, see `carina_split_float`.
void carina_adamw_split(uint16_t *upper, uint16_t *lower, const float *gradients, float *first, float *second,
                        int64_t count, float gradient_scale, float rate, double beta1, double beta2, float epsilon,
                        float decay, float correction1, float correction2);

/// Divides fp32 numbers: `upper` is the bfloat16 nearest to each (ties to even) and `lower` its last 16 bits, from
/// which both together give the number back. A number just half-way whose even neighbour is below cannot be told from
/// one whose even neighbour is above; it is first lowered by one unit in its last place.
void carina_split_float(const float *source, uint16_t *upper, uint16_t *lower, int64_t count);

/// Puts the halves together again.
void carina_join_float(const uint16_t *upper, const uint16_t *lower, float *target, int64_t count);
