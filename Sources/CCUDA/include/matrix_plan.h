#ifndef CARINA_MATRIX_PLAN_H
#define CARINA_MATRIX_PLAN_H

#include "cuda_driver.h"

/// A product of matrices as cuBLASLt is told of it, in its column-major words: d [m, n] = op(a) op(b) (+ c) (+ bias).
struct carina_matrix_shape {
  int64_t m, n, k;
  /// Elements from one column to the next, as stored.
  int64_t aStride, bStride, dStride;
  /// Whether the factor is read transposed.
  int32_t aTransposed, bTransposed;
  /// Element types of both factors, and of c and d: 0 for fp32, 1 for bfloat16.
  int32_t factorType, resultType;
  /// What is done to a result: cuBLASLt's cublasLtEpilogue_t (1 for nothing).
  int32_t epilogue;
  /// The type of the bias, and the least alignment in bytes of all four matrices.
  int32_t biasType, alignment;
};

/// A product that is ready to run.
struct carina_matrix_plan {
  carina_cu_object description, a, b, d;
  uint64_t algorithm[8];
  size_t workspaceBytes;
};

/// Chooses the algorithm for a shape: the first that cuBLASLt's heuristic gives with at most so much workspace, leaving out those
/// whose sums depend on timing.
/// @return 0 for success, a cublasStatus_t otherwise; −1 where there is no algorithm.
int carina_matrix_prepare(
    const struct carina_cublaslt *library, carina_cu_object handle, const struct carina_matrix_shape *shape,
    size_t workspaceBytes, struct carina_matrix_plan *plan);

/// d = alpha op(a) op(b) + beta c, and what the epilogue says.
/// @param bias [m], 0 for none. @param auxiliary The matrix that a GELU epilogue keeps or reads, 0 for none.
/// @return 0 for success, a cublasStatus_t otherwise.
int carina_matrix_run(
    const struct carina_cublaslt *library, carina_cu_object handle, const struct carina_matrix_plan *plan, carina_cu_address a,
    carina_cu_address b, carina_cu_address c, carina_cu_address d, float alpha, float beta, carina_cu_address bias,
    carina_cu_address auxiliary, int64_t auxiliaryStride, carina_cu_address workspace, carina_cu_object stream);

/// Forgets a plan.
void carina_matrix_forget(const struct carina_cublaslt *library, struct carina_matrix_plan *plan);

#endif
