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

/// A running mean that is kept in codes of 8 bits: number i is `values[codes[i]] * scales[i / 256]`.
typedef struct {
  uint8_t *codes;
  float *scales;
  /// What each of the 256 codes means, ascending, from -1 or 0 to 1.
  const float *values;
  /// The middle between each value and the next; a number above it is nearer to the next. Infinity for the last.
  const float *bounds;
  /// The code of the least number whose upper 16 bits are the index; at most one bound lies among such numbers.
  const int32_t *starts;
} carina_coded_moment;

/// How many numbers of a moment share a scale.
#define CARINA_MOMENT_BLOCK 256

/// The same with both moments in codes of 8 bits, as in bitsandbytes (Dettmers et al. 2022, 8-bit Optimizers via
/// Block-wise Quantization): the step is taken with the new moments in fp32, which are then divided by the largest of
/// their block and rounded to the nearest value. All pointers are at the beginning of a block.
void carina_adamw_coded(float *weights, const float *gradients, carina_coded_moment first, carina_coded_moment second,
                        int64_t count, float gradient_scale, float rate, double beta1, double beta2, float epsilon,
                        float decay, float correction1, float correction2);

/// The same for weights kept in two halves, see `carina_split_float`.
void carina_adamw_coded_split(uint16_t *upper, uint16_t *lower, const float *gradients, carina_coded_moment first,
                              carina_coded_moment second, int64_t count, float gradient_scale, float rate,
                              double beta1, double beta2, float epsilon, float decay, float correction1,
                              float correction2);

/// Divides fp32 numbers: `upper` is the bfloat16 nearest to each (ties to even) and `lower` its last 16 bits, from
/// which both together give the number back. A number just half-way whose even neighbour is below cannot be told from
/// one whose even neighbour is above; it is first lowered by one unit in its last place.
void carina_split_float(const float *source, uint16_t *upper, uint16_t *lower, int64_t count);

/// Puts the halves together again.
void carina_join_float(const uint16_t *upper, const uint16_t *lower, float *target, int64_t count);
