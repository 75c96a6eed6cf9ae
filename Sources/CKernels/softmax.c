#include "softmax.h"

#include <math.h>
#include <string.h>

#include "kernel_clones.h"
#include "row_maximum.h"
#include "transcendental.h"

CARINA_KERNEL void carina_masked_softmax(float *scores, int64_t rows, int64_t columns, int64_t stride, float scale,
                                         const int32_t *first, const int32_t *last) {
  CARINA_FAST_SUMS
  for (int64_t r = 0; r < rows; r++) {
    float *row = scores + r * stride;
    const int64_t begin = first[r], end = last[r];
    if (end <= begin) {
      memset(row, 0, (size_t)columns * sizeof(float));
      continue;
    }
    const float maximum = row_maximum(row + begin, end - begin);
    float sum = 0;
    for (int64_t i = begin; i < end; i++) {
      const float e = fast_exp(scale * (row[i] - maximum));
      row[i] = e;
      sum += e;
    }
    const float inverse = 1.f / sum;
    for (int64_t i = begin; i < end; i++) row[i] *= inverse;
    if (begin > 0) memset(row, 0, (size_t)begin * sizeof(float));
    if (end < columns) memset(row + end, 0, (size_t)(columns - end) * sizeof(float));
  }
}

CARINA_KERNEL void carina_softmax_backward(const float *probabilities, float *dprobabilities, int64_t rows,
                                           int64_t columns, int64_t stride, float scale) {
  CARINA_FAST_SUMS
  for (int64_t r = 0; r < rows; r++) {
    const float *p = probabilities + r * stride;
    float *d = dprobabilities + r * stride;
    float sum = 0;
    for (int64_t i = 0; i < columns; i++) sum += p[i] * d[i];
    for (int64_t i = 0; i < columns; i++) d[i] = scale * p[i] * (d[i] - sum);
  }
}

CARINA_KERNEL void carina_cross_entropy(float *logits, const int32_t *targets, float *losses, int64_t rows,
                                        int64_t columns, float scale) {
  CARINA_FAST_SUMS
  for (int64_t r = 0; r < rows; r++) {
    float *row = logits + r * columns;
    const float maximum = row_maximum(row, columns), wanted = row[targets[r]];
    float sum = 0;
    if (scale == 0) {
      for (int64_t i = 0; i < columns; i++) sum += fast_exp(row[i] - maximum);
    } else {
      for (int64_t i = 0; i < columns; i++) {
        row[i] = fast_exp(row[i] - maximum);
        sum += row[i];
      }
      const float factor = scale / sum;
      for (int64_t i = 0; i < columns; i++) row[i] *= factor;
      row[targets[r]] -= scale;
    }
    losses[r] = logf(sum) + maximum - wanted;
  }
}

CARINA_KERNEL void carina_smoothed_cross_entropy(float *logits, const int32_t *targets, float *losses, int64_t rows,
                                                 int64_t columns, float scale, float smoothing) {
  CARINA_FAST_SUMS
  // A float does not hold the sum of hundreds of thousands of logits.
  const int64_t piece = 1024;
  const float share = scale * smoothing / (float)columns;
  for (int64_t r = 0; r < rows; r++) {
    float *row = logits + r * columns;
    const float maximum = row_maximum(row, columns), wanted = row[targets[r]] - maximum;
    double sum = 0, total = 0;
    for (int64_t begin = 0; begin < columns; begin += piece) {
      const int64_t end = begin + piece < columns ? begin + piece : columns;
      float exponentials = 0, differences = 0;
      for (int64_t i = begin; i < end; i++) {
        const float difference = row[i] - maximum, e = fast_exp(difference);
        differences += difference;
        exponentials += e;
        if (scale != 0) row[i] = e;
      }
      sum += exponentials;
      total += differences;
    }
    if (scale != 0) {
      const float factor = scale / (float)sum;
      for (int64_t i = 0; i < columns; i++) row[i] = row[i] * factor - share;
      row[targets[r]] -= scale * (1 - smoothing);
    }
    losses[r] = (float)(log(sum) - (1 - smoothing) * wanted - smoothing * total / (double)columns);
  }
}
