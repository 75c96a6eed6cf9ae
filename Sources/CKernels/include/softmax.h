#pragma once
#include <stdint.h>

/// In place: row i of scores (leading dimension `stride`) becomes softmax(scale * row) over columns
/// first[i]..<last[i] and 0 elsewhere up to `columns`; keeps log-sum-exp per row. A row without visible columns becomes
/// 0.
void carina_masked_softmax(float *scores, int64_t rows, int64_t columns, int64_t stride, float scale,
                           const int32_t *first, const int32_t *last);

/// In place on dprobabilities: ds = scale * p * (dp - sum(p * dp)) per row.
void carina_softmax_backward(const float *probabilities, float *dprobabilities, int64_t rows, int64_t columns,
                             int64_t stride, float scale);

/// Cross-entropy of each row of logits [rows, columns] against targets: writes the negative log likelihood
/// (natural log) per row and, where `scale` is not 0, turns the logits into their gradient times `scale`.
void carina_cross_entropy(float *logits, const int32_t *targets, float *losses, int64_t rows, int64_t columns,
                          float scale);

/// The same with a part `smoothing` of each target spread evenly over all columns: the loss of a row is (1 - smoothing)
/// times its negative log likelihood plus smoothing times the mean over columns of -log p.
void carina_smoothed_cross_entropy(float *logits, const int32_t *targets, float *losses, int64_t rows,
                                   int64_t columns, float scale, float smoothing);

/// Row i of scores (leading dimension `stride`) becomes exp(scale * (score - largest)) over columns
/// first[i]..<last[i] and 0 elsewhere up to `columns`, in bfloat16 rows of `columns` in `out`; inverse[i] is 1 over the
/// sum before rounding, 0 for a row without visible columns. `by_vectors` makes the same bits faster where the processor
/// rounds to bfloat16 and a row has a multiple of 64 columns.
void carina_masked_exponentials(const float *scores, int64_t rows, int64_t columns, int64_t stride, float scale,
                                const int32_t *first, const int32_t *last, uint16_t *out, float *inverse,
                                int by_vectors);
