#include "matrix_plan.h"

#include <string.h>

// cuBLASLt's numbers for what is asked of it.
enum {
  compute_fp32 = 68,
  type_fp32 = 0,
  type_bfloat16 = 14,
  desc_trans_a = 3,
  desc_trans_b = 4,
  desc_epilogue = 7,
  desc_bias_pointer = 8,
  desc_auxiliary_pointer = 11,
  desc_auxiliary_stride = 12,
  desc_bias_type = 26,
  preference_workspace = 1,
  preference_reductions = 3,
  preference_alignment_a = 5,
  epilogue_default = 1,
};

// Sums of several blocks through the workspace, in the type of the sums or of the result. What is left out adds in place, in the
// order in which blocks come to an end.
static const uint32_t reductions_in_order = 2 | 4;

struct heuristic_result {
  uint64_t algorithm[8];
  size_t workspaceBytes;
  int state;
  float waves;
  int reserved[4];
};

static int type_of(int32_t type) { return type ? type_bfloat16 : type_fp32; }

int carina_matrix_prepare(
    const struct carina_cublaslt *library, carina_cu_object handle, const struct carina_matrix_shape *shape,
    size_t workspaceBytes, struct carina_matrix_plan *plan) {
  memset(plan, 0, sizeof *plan);
  carina_cu_object preference = NULL;
  int status = library->cublasLtMatmulDescCreate(&plan->description, compute_fp32, type_fp32);
  int32_t transA = shape->aTransposed, transB = shape->bTransposed, biasType = type_of(shape->biasType);
  if (!status) status = library->cublasLtMatmulDescSetAttribute(plan->description, desc_trans_a, &transA, sizeof transA);
  if (!status) status = library->cublasLtMatmulDescSetAttribute(plan->description, desc_trans_b, &transB, sizeof transB);
  if (!status && shape->epilogue != epilogue_default) {
    status = library->cublasLtMatmulDescSetAttribute(
        plan->description, desc_epilogue, &shape->epilogue, sizeof shape->epilogue);
    if (!status) {
      status = library->cublasLtMatmulDescSetAttribute(plan->description, desc_bias_type, &biasType, sizeof biasType);
    }
    // The heuristic wants to see what the epilogue will read, if not yet where it lies.
    uint64_t somewhere = 256;
    int64_t stride = shape->dStride;
    if (!status && (shape->epilogue & 4)) {
      status = library->cublasLtMatmulDescSetAttribute(plan->description, desc_bias_pointer, &somewhere, sizeof somewhere);
    }
    if (!status && (shape->epilogue & 128)) {
      status =
          library->cublasLtMatmulDescSetAttribute(plan->description, desc_auxiliary_pointer, &somewhere, sizeof somewhere);
      if (!status) {
        status = library->cublasLtMatmulDescSetAttribute(plan->description, desc_auxiliary_stride, &stride, sizeof stride);
      }
    }
  }
  int factors = type_of(shape->factorType), result = type_of(shape->resultType);
  int64_t aRows = transA ? shape->k : shape->m, bRows = transB ? shape->n : shape->k;
  int64_t aColumns = transA ? shape->m : shape->k, bColumns = transB ? shape->k : shape->n;
  if (!status) status = library->cublasLtMatrixLayoutCreate(&plan->a, factors, aRows, aColumns, shape->aStride);
  if (!status) status = library->cublasLtMatrixLayoutCreate(&plan->b, factors, bRows, bColumns, shape->bStride);
  if (!status) status = library->cublasLtMatrixLayoutCreate(&plan->d, result, shape->m, shape->n, shape->dStride);
  if (!status) status = library->cublasLtMatmulPreferenceCreate(&preference);
  if (!status) {
    status = library->cublasLtMatmulPreferenceSetAttribute(
        preference, preference_workspace, &workspaceBytes, sizeof workspaceBytes);
  }
  if (!status) {
    status = library->cublasLtMatmulPreferenceSetAttribute(
        preference, preference_reductions, &reductions_in_order, sizeof reductions_in_order);
  }
  uint32_t alignment = (uint32_t)shape->alignment;
  for (int matrix = 0; !status && matrix < 4; ++matrix) {
    status = library->cublasLtMatmulPreferenceSetAttribute(
        preference, preference_alignment_a + matrix, &alignment, sizeof alignment);
  }
  struct heuristic_result best;
  int found = 0;
  if (!status) {
    status = library->cublasLtMatmulAlgoGetHeuristic(
        handle, plan->description, plan->a, plan->b, plan->d, plan->d, preference, 1, &best, &found);
  }
  if (preference) library->cublasLtMatmulPreferenceDestroy(preference);
  if (!status && (found == 0 || best.state)) status = found == 0 ? -1 : best.state;
  if (status) {
    carina_matrix_forget(library, plan);
    return status;
  }
  memcpy(plan->algorithm, best.algorithm, sizeof plan->algorithm);
  plan->workspaceBytes = best.workspaceBytes;
  return 0;
}

int carina_matrix_run(
    const struct carina_cublaslt *library, carina_cu_object handle, const struct carina_matrix_plan *plan, carina_cu_address a,
    carina_cu_address b, carina_cu_address c, carina_cu_address d, float alpha, float beta, carina_cu_address bias,
    carina_cu_address auxiliary, int64_t auxiliaryStride, carina_cu_address workspace, carina_cu_object stream) {
  int status = 0;
  if (bias) {
    status = library->cublasLtMatmulDescSetAttribute(plan->description, desc_bias_pointer, &bias, sizeof bias);
  }
  if (!status && auxiliary) {
    status = library->cublasLtMatmulDescSetAttribute(
        plan->description, desc_auxiliary_pointer, &auxiliary, sizeof auxiliary);
    if (!status) {
      status = library->cublasLtMatmulDescSetAttribute(
          plan->description, desc_auxiliary_stride, &auxiliaryStride, sizeof auxiliaryStride);
    }
  }
  if (status) return status;
  return library->cublasLtMatmul(
      handle, plan->description, &alpha, a, plan->a, b, plan->b, &beta, c, plan->d, d, plan->d, plan->algorithm, workspace,
      plan->workspaceBytes, stream);
}

void carina_matrix_forget(const struct carina_cublaslt *library, struct carina_matrix_plan *plan) {
  if (plan->description) library->cublasLtMatmulDescDestroy(plan->description);
  if (plan->a) library->cublasLtMatrixLayoutDestroy(plan->a);
  if (plan->b) library->cublasLtMatrixLayoutDestroy(plan->b);
  if (plan->d) library->cublasLtMatrixLayoutDestroy(plan->d);
  memset(plan, 0, sizeof *plan);
}
