// A product of matrices in cuBLASLt's column-major words: d = epilogue(alpha · op(a) · op(b) + beta · c).
#pragma once

#include <stdint.h>

// cudaDataType_t.
enum { float32 = 0, bfloat16 = 14 };

// cublasLtEpilogue_t.
enum {
  epilogue_default = 1,
  epilogue_bias = 4,
  epilogue_bgrad = 16,
  epilogue_gelu = 32,
  epilogue_dgelu = 64,
  epilogue_auxiliary = 128,
  epilogue_bgrad_a = 256,
  epilogue_bgrad_b = 512,
};

struct Product {
  uint64_t m, n, k;
  bool transposed_a, transposed_b;
  // Strides from one column to the next and from one matrix of a batch to the next, in elements.
  int64_t a_stride, b_stride, c_stride, d_stride, auxiliary_stride;
  int64_t a_batch, b_batch, c_batch, d_batch, auxiliary_batch, bias_batch;
  int batches;
  int factor_type, result_type, bias_type, auxiliary_type;
  int epilogue;
  float alpha, beta;
  const void *a, *b, *c;
  void *d, *bias, *auxiliary;

  bool uses_bias() const {
    return epilogue & (epilogue_bias | epilogue_bgrad | epilogue_bgrad_a | epilogue_bgrad_b);
  }
  bool uses_auxiliary() const { return epilogue & epilogue_auxiliary; }
};

// Whether the epilogue is one that `multiply` knows.
bool is_epilogue(int epilogue);

// Computes the product: sums in fp32, in the same order each time.
void multiply(const Product &product);
