#include "harness.h"

namespace {

constexpr int float32 = 0, bfloat16 = 14;

// A matrix by columns, in the card's memory and here.
struct Matrix {
  int type;
  size_t rows, columns, stride, batches;
  std::vector<float> values;
  uint64_t address = 0;

  Matrix(int type, size_t rows, size_t columns, size_t batches, unsigned seed)
      : type(type), rows(rows), columns(columns), stride((rows + 7) / 8 * 8), batches(batches),
        values(numbers(stride * columns * batches, seed)) {
    std::vector<uint16_t> narrow;
    for (float &value : values) {
      narrow.push_back(narrowed(value));
      if (type == bfloat16) value = widened(narrow.back());
    }
    EXPECT(cuMemAlloc_v2(&address, bytes()) == 0);
    EXPECT(cuMemcpyHtoDAsync_v2(address, type == float32 ? static_cast<const void *>(values.data()) : narrow.data(),
                                bytes(), stream) == 0);
  }
  Matrix(const Matrix &) = delete;
  ~Matrix() { cuMemFree_v2(address); }

  size_t bytes() const { return values.size() * (type == float32 ? 4 : 2); }
  float at(size_t batch, size_t row, size_t column) const {
    return values[(batch * columns + column) * stride + row];
  }

  void read() {
    std::vector<uint16_t> narrow(values.size());
    void *to = type == float32 ? static_cast<void *>(values.data()) : narrow.data();
    EXPECT(cuMemcpyDtoHAsync_v2(to, address, bytes(), stream) == 0);
    EXPECT(cuStreamSynchronize(stream) == 0);
    if (type == float32) return;
    for (size_t index = 0; index < values.size(); ++index) values[index] = widened(narrow[index]);
  }

  void *layout() const {
    void *result;
    EXPECT(cublasLtMatrixLayoutCreate(&result, type, rows, columns, int64_t(stride)) == 0);
    const int count = int(batches);
    const int64_t step = int64_t(stride * columns);
    EXPECT(cublasLtMatrixLayoutSetAttribute(result, 5, &count, sizeof count) == 0);
    EXPECT(cublasLtMatrixLayoutSetAttribute(result, 6, &step, sizeof step) == 0);
    return result;
  }
};

struct Case {
  size_t m, n, k, batches;
  int transposed_a, transposed_b, factors, result, epilogue;
  float beta;
};

float gelu(double x) { return float(0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))); }

double gelu_derivative(double x) { return (double(gelu(x + 1e-3)) - gelu(x - 1e-3)) / 2e-3; }

}  // namespace

// The product by cuBLASLt's calls; the status of the first that fails.
static int run(const Case &test, const Matrix &a, const Matrix &b, const Matrix &c, const Matrix &d, uint64_t bias,
               const Matrix &auxiliary) {
  void *handle, *description, *preference;
  EXPECT(cublasLtCreate(&handle) == 0);
  EXPECT(cublasLtMatmulDescCreate(&description, 68, 0) == 0);
  const int64_t auxiliary_stride = int64_t(auxiliary.stride);
  const auto set = [&](int attribute, const void *value, size_t bytes) {
    EXPECT(cublasLtMatmulDescSetAttribute(description, attribute, value, bytes) == 0);
  };
  set(3, &test.transposed_a, 4);
  set(4, &test.transposed_b, 4);
  set(7, &test.epilogue, 4);
  set(8, &bias, 8);
  set(11, &auxiliary.address, 8);
  set(12, &auxiliary_stride, 8);
  set(26, &test.result, 4);
  void *layouts[] = {a.layout(), b.layout(), c.layout(), d.layout()};
  EXPECT(cublasLtMatmulPreferenceCreate(&preference) == 0);
  const uint64_t most = 1 << 20;
  EXPECT(cublasLtMatmulPreferenceSetAttribute(preference, 1, &most, 8) == 0);
  struct {
    uint64_t algorithm[8];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
  } found;
  int count = 0;
  int status = cublasLtMatmulAlgoGetHeuristic(handle, description, layouts[0], layouts[1], layouts[2], layouts[3],
                                              preference, 1, &found, &count);
  if (!status) {
    EXPECT(count == 1 && found.state == 0);
    DeviceArray<char> workspace(found.workspace);
    const float alpha = 0.5f;
    status = cublasLtMatmul(handle, description, &alpha, a.address, layouts[0], b.address, layouts[1], &test.beta,
                            c.address, layouts[2], d.address, layouts[3], found.algorithm, workspace.address,
                            found.workspace, stream);
    EXPECT(cuStreamSynchronize(stream) == 0);
  }
  for (void *layout : layouts) cublasLtMatrixLayoutDestroy(layout);
  cublasLtMatmulPreferenceDestroy(preference);
  cublasLtMatmulDescDestroy(description);
  return status;
}

static void test(const Case &test) {
  const size_t a_rows = test.transposed_a ? test.k : test.m, b_rows = test.transposed_b ? test.n : test.k;
  const Matrix a(test.factors, a_rows, test.m + test.k - a_rows, test.batches, 1);
  const Matrix b(test.factors, b_rows, test.k + test.n - b_rows, test.batches, 2);
  const Matrix c(test.result, test.m, test.n, test.batches, 3);
  Matrix d(test.result, test.m, test.n, test.batches, 4), auxiliary(test.result, test.m, test.n, 1, 5);
  const size_t lines = test.epilogue == 512 ? test.n : test.m;
  Matrix bias(test.result, lines, 1, 1, 6);
  const std::vector<float> given = auxiliary.values;
  EXPECT(run(test, a, b, c, d, bias.address, auxiliary) == 0);
  d.read();
  auxiliary.read();
  const std::vector<float> added = bias.values;
  bias.read();

  const double tolerance = test.result == bfloat16 ? 0.02 : 2e-5;
  std::vector<double> gradients(lines);
  double worst = 0, worst_kept = 0, worst_gradient = 0;
  for (size_t batch = 0; batch < test.batches; ++batch) {
    for (size_t column = 0; column < test.n; ++column) {
      for (size_t row = 0; row < test.m; ++row) {
        double sum = 0;
        for (size_t k = 0; k < test.k; ++k) {
          sum += double(test.transposed_a ? a.at(batch, k, row) : a.at(batch, row, k)) *
                 (test.transposed_b ? b.at(batch, column, k) : b.at(batch, k, column));
        }
        double value = 0.5 * sum + double(test.beta) * c.at(batch, row, column);
        if (test.epilogue & 4) value += added[row];
        const size_t position = column * auxiliary.stride + row;
        if ((test.epilogue & 160) == 160) {
          worst_kept = std::max(worst_kept, std::abs(value - auxiliary.values[position]) / (1 + std::abs(value)));
        }
        if (test.epilogue & 32) value = gelu(value);
        if (test.epilogue & 64) value *= gelu_derivative(given[position]);
        if (test.epilogue & 16) gradients[row] += value;
        worst = std::max(worst, std::abs(value - d.at(batch, row, column)) / (1 + std::abs(value)));
      }
    }
  }
  for (size_t line = 0; line < lines && test.epilogue >= 256; ++line) {
    for (size_t k = 0; k < test.k; ++k) {
      gradients[line] += test.epilogue == 256 ? (test.transposed_a ? a.at(0, k, line) : a.at(0, line, k))
                                              : (test.transposed_b ? b.at(0, line, k) : b.at(0, k, line));
    }
  }
  for (size_t line = 0; line < lines && test.epilogue & (16 | 256 | 512); ++line) {
    const double gradient = gradients[line];
    worst_gradient = std::max(worst_gradient, std::abs(gradient - bias.values[line]) / (1 + std::abs(gradient)));
  }
  // The derivative here is a difference.
  const double slack = test.epilogue & 64 ? 1e-4 : 0;
  if (worst > tolerance + slack || worst_kept > tolerance || worst_gradient > tolerance + slack * 10) {
    ++failures;
    printf("product %zu x %zu x %zu, epilogue %d, types %d %d: errors %g %g %g\n", test.m, test.n, test.k,
           test.epilogue, test.factors, test.result, worst, worst_kept, worst_gradient);
  }
}

void test_products() {
  for (const int across : {0, 1, 2, 3}) {
    for (const auto &types : {std::pair(float32, float32), {bfloat16, float32}, {bfloat16, bfloat16}}) {
      for (const float beta : {0.f, 1.f}) {
        test({37, 21, 50, 1, across & 1, across >> 1, types.first, types.second, 1, beta});
      }
    }
  }
  for (const int epilogue : {4, 32, 36, 160, 164, 192, 208, 256, 512}) {
    for (const int result : {float32, bfloat16}) test({45, 19, 33, 1, 1, 0, bfloat16, result, epilogue, 0});
  }
  test({5, 6, 7, 3, 0, 1, float32, float32, 1, 1});
  test({1, 1, 1, 1, 0, 0, float32, float32, 1, 0});
  // Large enough for threads.
  test({300, 210, 160, 1, 0, 0, float32, float32, 4, 0});

  // What the library refuses.
  const Matrix a(float32, 8, 8, 1, 1), b(float32, 7, 8, 1, 1), narrow(bfloat16, 8, 8, 1, 1);
  const Case square = {8, 8, 8, 1, 0, 0, float32, float32, 1, 0};
  EXPECT(run(square, a, b, a, a, 0, a) == 7);
  EXPECT(run(square, a, a, narrow, narrow, 0, a) == 15);
  const Case biased = {8, 8, 8, 1, 0, 0, float32, float32, 4, 0};
  EXPECT(run(biased, a, a, a, a, 0, a) == 7);
}
