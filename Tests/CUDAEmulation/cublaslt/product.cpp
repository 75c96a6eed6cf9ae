#include "product.h"

#include <math.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace {

typedef float Vector __attribute__((vector_size(32)));

// A tile of the result: 16 rows (two vectors) by 4 columns stay in registers while k runs.
constexpr uint64_t tile_rows = 16, tile_columns = 4;

float widened(uint16_t bits) {
  const uint32_t word = uint32_t(bits) << 16;
  float value;
  memcpy(&value, &word, 4);
  return value;
}

uint16_t narrowed(float value) {
  uint32_t word;
  memcpy(&word, &value, 4);
  if (value != value) return 0x7fff;
  return uint16_t((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

float element(const void *matrix, int type, int64_t index) {
  return type == float32 ? static_cast<const float *>(matrix)[index]
                         : widened(static_cast<const uint16_t *>(matrix)[index]);
}

void set_element(void *matrix, int type, int64_t index, float value) {
  if (type == float32) {
    static_cast<float *>(matrix)[index] = value;
  } else {
    static_cast<uint16_t *>(matrix)[index] = narrowed(value);
  }
}

const void *at(const void *matrix, int type, int64_t index) {
  return static_cast<const char *>(matrix) + index * (type == float32 ? 4 : 2);
}

void *at(void *matrix, int type, int64_t index) {
  return static_cast<char *>(matrix) + index * (type == float32 ? 4 : 2);
}

// Lines (rows of op(a), columns of op(b)) in groups of `width`, for each k the group's numbers together; zeros fill up.
// `line_step` and `k_step` are the distances in the matrix from one line and one k to the next.
std::vector<float> packed(const void *matrix, int type, uint64_t lines, uint64_t k, uint64_t width, int64_t line_step,
                          int64_t k_step) {
  std::vector<float> result((lines + width - 1) / width * width * k);
  for (uint64_t line = 0; line < lines; ++line) {
    float *to = result.data() + line / width * width * k + line % width;
    for (uint64_t index = 0; index < k; ++index) {
      to[index * width] = element(matrix, type, int64_t(line) * line_step + int64_t(index) * k_step);
    }
  }
  return result;
}

// The tile's sums over k.
void multiply_tile(const float *a, const float *b, uint64_t k, float (&sums)[tile_columns][tile_rows]) {
  Vector low[tile_columns] = {}, high[tile_columns] = {};
  for (uint64_t index = 0; index < k; ++index) {
    Vector first, second;
    memcpy(&first, a + index * tile_rows, sizeof first);
    memcpy(&second, a + index * tile_rows + 8, sizeof second);
    for (uint64_t column = 0; column < tile_columns; ++column) {
      const float factor = b[index * tile_columns + column];
      low[column] += first * factor;
      high[column] += second * factor;
    }
  }
  for (uint64_t column = 0; column < tile_columns; ++column) {
    memcpy(sums[column], &low[column], sizeof(Vector));
    memcpy(sums[column] + 8, &high[column], sizeof(Vector));
  }
}

// The tanh form, 0.5 x (1 + tanh(u)), u = sqrt(2/π) (x + 0.044715 x³).
constexpr float gelu_scale = 0.7978845608028654f, gelu_cubic = 0.044715f;

float gelu(float x) { return 0.5f * x * (1 + tanhf(gelu_scale * (x + gelu_cubic * x * x * x))); }

float gelu_derivative(float x) {
  const float t = tanhf(gelu_scale * (x + gelu_cubic * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * gelu_scale * (1 + 3 * gelu_cubic * x * x);
}

// One matrix of the batch.
struct Batch {
  const Product &product;
  const void *a, *b, *c;
  void *d, *bias, *auxiliary;

  Batch(const Product &of, int index)
      : product(of),
        a(at(of.a, of.factor_type, index * of.a_batch)),
        b(at(of.b, of.factor_type, index * of.b_batch)),
        c(of.c ? at(of.c, of.result_type, index * of.c_batch) : nullptr),
        d(at(of.d, of.result_type, index * of.d_batch)),
        bias(at(of.bias, of.bias_type, index * of.bias_batch)),
        auxiliary(at(of.auxiliary, of.auxiliary_type, index * of.auxiliary_batch)) {}

  // What is stored for a sum; reads and writes the auxiliary matrix.
  float finished(float sum, uint64_t row, uint64_t column) const {
    const int epilogue = product.epilogue;
    float value = product.alpha * sum;
    if (c) value += product.beta * element(c, product.result_type, int64_t(column) * product.c_stride + int64_t(row));
    if (epilogue & epilogue_bias) value += element(bias, product.bias_type, int64_t(row));
    const int64_t position = int64_t(column) * product.auxiliary_stride + int64_t(row);
    if (epilogue & epilogue_gelu) {
      if (epilogue & epilogue_auxiliary) set_element(auxiliary, product.auxiliary_type, position, value);
      value = gelu(value);
    }
    if (epilogue & epilogue_dgelu) value *= gelu_derivative(element(auxiliary, product.auxiliary_type, position));
    return value;
  }

  void multiply_rows(const std::vector<float> &packed_a, const std::vector<float> &packed_b, uint64_t group) const {
    const uint64_t first = group * tile_rows, rows = std::min(tile_rows, product.m - first);
    float sums[tile_columns][tile_rows];
    float bias_gradient[tile_rows] = {};
    for (uint64_t start = 0; start < product.n; start += tile_columns) {
      multiply_tile(packed_a.data() + first * product.k, packed_b.data() + start * product.k, product.k, sums);
      for (uint64_t column = start; column < std::min(start + tile_columns, product.n); ++column) {
        for (uint64_t row = 0; row < rows; ++row) {
          const float value = finished(sums[column - start][row], first + row, column);
          bias_gradient[row] += value;
          set_element(d, product.result_type, int64_t(column) * product.d_stride + int64_t(first + row), value);
        }
      }
    }
    if (!(product.epilogue & epilogue_bgrad)) return;
    for (uint64_t row = 0; row < rows; ++row) {
      set_element(bias, product.bias_type, int64_t(first + row), bias_gradient[row]);
    }
  }

  void run() const {
    const int type = product.factor_type;
    const std::vector<float> packed_a =
        packed(a, type, product.m, product.k, tile_rows, product.transposed_a ? product.a_stride : 1,
               product.transposed_a ? 1 : product.a_stride);
    const std::vector<float> packed_b =
        packed(b, type, product.n, product.k, tile_columns, product.transposed_b ? 1 : product.b_stride,
               product.transposed_b ? product.b_stride : 1);
    sum_lines(packed_a, packed_b);
    const uint64_t groups = (product.m + tile_rows - 1) / tile_rows;
    std::atomic<uint64_t> next{0};
    const auto work = [&] {
      for (uint64_t group; (group = next.fetch_add(1)) < groups;) multiply_rows(packed_a, packed_b, group);
    };
    std::vector<std::thread> helpers;
    // Starting a thread costs as much as a few million products.
    if (product.m * product.n * product.k > 8000000) {
      const unsigned threads = std::min(4u, std::thread::hardware_concurrency());
      for (unsigned index = 1; index < threads; ++index) helpers.emplace_back(work);
    }
    work();
    for (std::thread &helper : helpers) helper.join();
  }

  // The epilogues that sum a factor over k.
  void sum_lines(const std::vector<float> &packed_a, const std::vector<float> &packed_b) const {
    const bool of_a = product.epilogue == epilogue_bgrad_a;
    if (!of_a && product.epilogue != epilogue_bgrad_b) return;
    const std::vector<float> &from = of_a ? packed_a : packed_b;
    const uint64_t width = of_a ? tile_rows : tile_columns, lines = of_a ? product.m : product.n;
    for (uint64_t line = 0; line < lines; ++line) {
      float sum = 0;
      for (uint64_t index = 0; index < product.k; ++index) {
        sum += from[line / width * width * product.k + index * width + line % width];
      }
      set_element(bias, product.bias_type, int64_t(line), sum);
    }
  }
};

}  // namespace

bool is_epilogue(int epilogue) {
  for (const int known :
       {int(epilogue_default), int(epilogue_bias), int(epilogue_gelu), epilogue_gelu | epilogue_bias,
        epilogue_gelu | epilogue_auxiliary, epilogue_gelu | epilogue_bias | epilogue_auxiliary,
        epilogue_dgelu | epilogue_auxiliary, epilogue_dgelu | epilogue_auxiliary | epilogue_bgrad,
        int(epilogue_bgrad_a), int(epilogue_bgrad_b)}) {
    if (epilogue == known) return true;
  }
  return false;
}

void multiply(const Product &product) {
  for (int index = 0; index < product.batches; ++index) Batch(product, index).run();
}
