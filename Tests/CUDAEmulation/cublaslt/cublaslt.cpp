// cuBLASLt's functions for products of matrices, with the attributes' numbers and sizes of its header (CUDA 13).
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <functional>
#include <memory>

#include "product.h"

#define CARINA_EXPORT extern "C" __attribute__((visibility("default")))

// Of the emulated driver: queues or records work; whether the bytes are one allocation's.
extern "C" int carina_emulation_enqueue(void *stream, const std::function<int()> &operation);
extern "C" int carina_emulation_owns(uint64_t address, size_t bytes);

namespace {

// cublasStatus_t.
enum Status {
  success = 0,
  not_initialized = 1,
  invalid_value = 7,
  execution_failed = 13,
  not_supported = 15,
};

enum { transposed_no = 0, transposed_yes = 1 };

struct Description {
  int transposed_a = 0, transposed_b = 0, epilogue = 1, bias_type = -1, auxiliary_type = -1;
  uint64_t bias = 0, auxiliary = 0;
  int64_t auxiliary_stride = 0, bias_batch_stride = 0, auxiliary_batch_stride = 0;
};

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
  int batches = 1;
  int64_t batch_stride = 0;
};

struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = 7;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

// What is written into the 64 bytes of a cublasLtMatmulAlgo_t.
struct Algorithm {
  char mark[16];
  uint32_t alignment[4];
  uint64_t workspace, m, n, k;
};
static_assert(sizeof(Algorithm) == 64, "a cublasLtMatmulAlgo_t has 64 bytes");
constexpr char algorithm_mark[16] = "carina-emulated";

// cublasLtMatmulHeuristicResult_t.
struct HeuristicResult {
  Algorithm algorithm;
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

template <class T>
int take(T &attribute, const void *value, size_t bytes) {
  if (!value || bytes != sizeof(T)) return invalid_value;
  memcpy(&attribute, value, bytes);
  return success;
}

bool is_type(int type) { return type == float32 || type == bfloat16; }

// The product that the four layouts describe; a status other than success where they do not fit.
int check(const Description &description, const Layout &a, const Layout &b, const Layout &c, const Layout &d,
          Product &product) {
  const bool across_a = description.transposed_a, across_b = description.transposed_b;
  product.m = across_a ? a.columns : a.rows;
  product.k = across_a ? a.rows : a.columns;
  product.n = across_b ? b.rows : b.columns;
  const uint64_t k = across_b ? b.columns : b.rows;
  if (k != product.k || d.rows != product.m || d.columns != product.n || c.rows != d.rows || c.columns != d.columns) {
    return invalid_value;
  }
  for (const Layout *layout : {&a, &b, &c, &d}) {
    if (layout->stride < int64_t(layout->rows) || !layout->rows || !layout->columns) return invalid_value;
    if (layout->batches != d.batches) return invalid_value;
  }
  if (a.type != b.type || c.type != d.type || !is_type(a.type) || !is_type(d.type)) return not_supported;
  // Factors of fp32 with a result of bfloat16 are not in the library's table.
  if (a.type == float32 && d.type == bfloat16) return not_supported;
  product.factor_type = a.type;
  product.result_type = d.type;
  product.transposed_a = across_a;
  product.transposed_b = across_b;
  product.a_stride = a.stride;
  product.b_stride = b.stride;
  product.c_stride = c.stride;
  product.d_stride = d.stride;
  product.batches = d.batches;
  product.a_batch = a.batch_stride;
  product.b_batch = b.batch_stride;
  product.c_batch = c.batch_stride;
  product.d_batch = d.batch_stride;
  product.epilogue = description.epilogue;
  product.bias_type = description.bias_type < 0 ? d.type : description.bias_type;
  product.auxiliary_type = description.auxiliary_type < 0 ? d.type : description.auxiliary_type;
  product.auxiliary_stride = description.auxiliary_stride;
  product.bias_batch = description.bias_batch_stride;
  product.auxiliary_batch = description.auxiliary_batch_stride;
  if (!is_epilogue(product.epilogue)) return not_supported;
  if (product.uses_bias() && product.bias_type != d.type && product.bias_type != float32) return not_supported;
  if (product.uses_auxiliary()) {
    if (product.auxiliary_type != d.type) return not_supported;
    // The library wants rows of the auxiliary matrix in groups of 16 bytes.
    if (product.auxiliary_stride < int64_t(product.m) || product.auxiliary_stride % 8) return invalid_value;
  }
  return success;
}

// Whether a matrix lies in the card's memory, aligned as was promised to the heuristic.
bool is_valid(uint64_t address, const Layout &layout, uint32_t alignment) {
  const uint64_t size = layout.type == float32 ? 4 : 2;
  const uint64_t count = uint64_t(layout.batches - 1) * uint64_t(layout.batch_stride) +
                         (layout.columns - 1) * uint64_t(layout.stride) + layout.rows;
  return address % alignment == 0 && carina_emulation_owns(address, count * size);
}

}  // namespace

static char the_handle;

CARINA_EXPORT int cublasLtCreate(void **handle) {
  *handle = &the_handle;
  return success;
}

CARINA_EXPORT int cublasLtDestroy(void *handle) { return handle == &the_handle ? success : not_initialized; }

CARINA_EXPORT size_t cublasLtGetVersion(void) { return 130001; }

// MARK: Descriptions

CARINA_EXPORT int cublasLtMatmulDescCreate(void **description, int compute_type, int scale_type) {
  // 68: CUBLAS_COMPUTE_32F; 0: CUDA_R_32F.
  if (compute_type != 68 || scale_type != 0) return not_supported;
  *description = new Description();
  return success;
}

CARINA_EXPORT int cublasLtMatmulDescDestroy(void *description) {
  delete static_cast<Description *>(description);
  return success;
}

CARINA_EXPORT int cublasLtMatmulDescSetAttribute(void *handle, int attribute, const void *value, size_t bytes) {
  if (!handle) return invalid_value;
  Description &description = *static_cast<Description *>(handle);
  switch (attribute) {
    case 2: {  // POINTER_MODE: the host's alone
      int mode;
      const int status = take(mode, value, bytes);
      return status ? status : mode ? not_supported : success;
    }
    case 3: return take(description.transposed_a, value, bytes);
    case 4: return take(description.transposed_b, value, bytes);
    case 7: return take(description.epilogue, value, bytes);
    case 8: return take(description.bias, value, bytes);
    case 10: return take(description.bias_batch_stride, value, bytes);
    case 11: return take(description.auxiliary, value, bytes);
    case 12: return take(description.auxiliary_stride, value, bytes);
    case 13: return take(description.auxiliary_batch_stride, value, bytes);
    case 22: return take(description.auxiliary_type, value, bytes);
    case 26: return take(description.bias_type, value, bytes);
    default: fprintf(stderr, "cuBLASLt emulation: description attribute %d\n", attribute); return invalid_value;
  }
}

CARINA_EXPORT int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  *layout = new Layout{type, rows, columns, stride};
  return success;
}

CARINA_EXPORT int cublasLtMatrixLayoutDestroy(void *layout) {
  delete static_cast<Layout *>(layout);
  return success;
}

CARINA_EXPORT int cublasLtMatrixLayoutSetAttribute(void *handle, int attribute, const void *value, size_t bytes) {
  if (!handle) return invalid_value;
  Layout &layout = *static_cast<Layout *>(handle);
  switch (attribute) {
    case 0: return take(layout.type, value, bytes);
    case 1: {  // ORDER: columns alone
      int order;
      const int status = take(order, value, bytes);
      return status ? status : order ? not_supported : success;
    }
    case 2: return take(layout.rows, value, bytes);
    case 3: return take(layout.columns, value, bytes);
    case 4: return take(layout.stride, value, bytes);
    case 5: return take(layout.batches, value, bytes);
    case 6: return take(layout.batch_stride, value, bytes);
    default: fprintf(stderr, "cuBLASLt emulation: layout attribute %d\n", attribute); return invalid_value;
  }
}

CARINA_EXPORT int cublasLtMatmulPreferenceCreate(void **preference) {
  *preference = new Preference();
  return success;
}

CARINA_EXPORT int cublasLtMatmulPreferenceDestroy(void *preference) {
  delete static_cast<Preference *>(preference);
  return success;
}

CARINA_EXPORT int cublasLtMatmulPreferenceSetAttribute(void *handle, int attribute, const void *value, size_t bytes) {
  if (!handle) return invalid_value;
  Preference &preference = *static_cast<Preference *>(handle);
  switch (attribute) {
    case 1: return take(preference.workspace, value, bytes);
    case 3: return take(preference.reductions, value, bytes);
    case 5: case 6: case 7: case 8: return take(preference.alignment[attribute - 5], value, bytes);
    default: fprintf(stderr, "cuBLASLt emulation: preference attribute %d\n", attribute); return invalid_value;
  }
}

// MARK: Products

CARINA_EXPORT int cublasLtMatmulAlgoGetHeuristic(void *handle, void *description, void *a, void *b, void *c, void *d,
                                                 void *preference, int wanted, void *results, int *found) {
  if (handle != &the_handle) return not_initialized;
  if (!description || !a || !b || !c || !d || !preference || wanted < 1 || !results || !found) return invalid_value;
  *found = 0;
  Product product;
  const int status = check(*static_cast<Description *>(description), *static_cast<Layout *>(a),
                           *static_cast<Layout *>(b), *static_cast<Layout *>(c), *static_cast<Layout *>(d), product);
  if (status) return status;
  const Preference &given = *static_cast<Preference *>(preference);
  HeuristicResult result = {};
  memcpy(result.algorithm.mark, algorithm_mark, sizeof algorithm_mark);
  memcpy(result.algorithm.alignment, given.alignment, sizeof given.alignment);
  // None is needed; some is asked for, so that the caller's handling of it runs.
  result.workspace = given.workspace < 65536 ? 0 : 65536;
  result.algorithm.workspace = result.workspace;
  result.algorithm.m = product.m;
  result.algorithm.n = product.n;
  result.algorithm.k = product.k;
  result.waves = 1;
  memcpy(results, &result, sizeof result);
  *found = 1;
  return success;
}

CARINA_EXPORT int cublasLtMatmul(void *handle, void *description_handle, const void *alpha, uint64_t a, void *a_handle,
                                 uint64_t b, void *b_handle, const void *beta, uint64_t c, void *c_handle, uint64_t d,
                                 void *d_handle, const void *algorithm_bytes, uint64_t workspace,
                                 size_t workspace_bytes, void *stream) {
  if (handle != &the_handle) return not_initialized;
  if (!description_handle || !a_handle || !b_handle || !c_handle || !d_handle || !alpha || !beta) return invalid_value;
  const Description &description = *static_cast<Description *>(description_handle);
  const Layout &a_layout = *static_cast<Layout *>(a_handle), &b_layout = *static_cast<Layout *>(b_handle);
  const Layout &c_layout = *static_cast<Layout *>(c_handle), &d_layout = *static_cast<Layout *>(d_handle);
  Product product;
  const int status = check(description, a_layout, b_layout, c_layout, d_layout, product);
  if (status) return status;
  memcpy(&product.alpha, alpha, sizeof product.alpha);
  memcpy(&product.beta, beta, sizeof product.beta);
  uint32_t alignment[4] = {1, 1, 1, 1};
  if (algorithm_bytes) {
    Algorithm algorithm;
    memcpy(&algorithm, algorithm_bytes, sizeof algorithm);
    if (memcmp(algorithm.mark, algorithm_mark, sizeof algorithm_mark)) return invalid_value;
    if (algorithm.m != product.m || algorithm.n != product.n || algorithm.k != product.k) return invalid_value;
    if (algorithm.workspace > workspace_bytes) return invalid_value;
    memcpy(alignment, algorithm.alignment, sizeof alignment);
  }
  const bool reads_c = product.beta != 0;
  if (!is_valid(a, a_layout, alignment[0]) || !is_valid(b, b_layout, alignment[1]) ||
      !is_valid(d, d_layout, alignment[3]) || (reads_c && !is_valid(c, c_layout, alignment[2]))) {
    return invalid_value;
  }
  // In place only with the same layout.
  if (reads_c && c == d && c_layout.stride != d_layout.stride) return invalid_value;
  if (workspace_bytes && !carina_emulation_owns(workspace, workspace_bytes)) return invalid_value;
  if (product.uses_bias()) {
    const uint64_t count = product.epilogue == epilogue_bgrad_b ? product.n : product.m;
    if (!carina_emulation_owns(description.bias, count * (product.bias_type == float32 ? 4 : 2))) return invalid_value;
  }
  if (product.uses_auxiliary()) {
    const uint64_t count = (product.n - 1) * uint64_t(product.auxiliary_stride) + product.m;
    if (description.auxiliary % 16 ||
        !carina_emulation_owns(description.auxiliary, count * (product.auxiliary_type == float32 ? 4 : 2))) {
      return invalid_value;
    }
  }
  product.a = reinterpret_cast<const void *>(a);
  product.b = reinterpret_cast<const void *>(b);
  product.c = reads_c ? reinterpret_cast<const void *>(c) : nullptr;
  product.d = reinterpret_cast<void *>(d);
  product.bias = reinterpret_cast<void *>(description.bias);
  product.auxiliary = reinterpret_cast<void *>(description.auxiliary);
  const int result = carina_emulation_enqueue(stream, [=] {
    // Whoever keeps numbers in the workspace loses them.
    if (workspace_bytes) memset(reinterpret_cast<void *>(workspace), 0xff, workspace_bytes);
    multiply(product);
    return 0;
  });
  return result ? execution_failed : success;
}
