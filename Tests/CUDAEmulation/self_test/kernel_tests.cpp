#include "harness.h"

static void test_reductions() {
  const int blocks = 9, count = 777;
  const std::vector<float> x = numbers(blocks * count, 1);
  DeviceArray<float> input(x), sums(blocks), maxima(blocks);
  DeviceArray<double> exact(blocks);
  for (const unsigned threads : {1u, 31u, 32u, 33u, 100u, 256u, 1000u, 1024u}) {
    EXPECT(launch(kernel("reduce"), blocks, threads, 0, input.address, sums.address, maxima.address, exact.address,
                  count) == 0);
    const std::vector<float> found = sums.values(), most = maxima.values();
    const std::vector<double> total = exact.values();
    for (int block = 0; block < blocks; ++block) {
      double sum = 0;
      float maximum = -INFINITY;
      for (int index = 0; index < count; ++index) {
        sum += x[size_t(block * count + index)];
        maximum = std::max(maximum, x[size_t(block * count + index)]);
      }
      EXPECT(std::abs(found[size_t(block)] - sum) < 2e-4);
      EXPECT(std::abs(total[size_t(block)] - sum) < 2e-4);
      EXPECT(most[size_t(block)] == maximum);
    }
  }
}

static void test_shuffles() {
  DeviceArray<int> out(256);
  EXPECT(launch(kernel("shuffle"), 1, 32, 0, out.address) == 0);
  const std::vector<int> found = out.values();
  unsigned thirds = 0;
  for (int lane = 0; lane < 32; lane += 3) thirds |= 1u << lane;
  for (int lane = 0; lane < 32; ++lane) {
    const auto value = [&](int row) { return found[size_t(row * 32 + lane)]; };
    EXPECT(value(0) == (lane ^ 5));
    EXPECT(value(1) == (lane % 8 + 3 < 8 ? lane + 3 : lane));
    EXPECT(value(2) == (lane % 16 >= 3 ? lane - 3 : lane));
    EXPECT(value(3) == lane / 4 * 4 + 2);
    EXPECT(unsigned(value(4)) == thirds);
    EXPECT(value(5) == 2);
    EXPECT(value(6) == 11);
    EXPECT(value(7) == (lane ^ 16));
  }
}

static void test_tensor_cores() {
  std::vector<uint16_t> a(256), b(128), turned(128);
  const std::vector<float> x = numbers(384, 2);
  for (size_t index = 0; index < 256; ++index) a[index] = narrowed(x[index]);
  for (size_t index = 0; index < 128; ++index) {
    b[index] = narrowed(x[256 + index]);
    turned[index % 8 * 16 + index / 8] = b[index];
  }
  DeviceArray<uint16_t> left(a), right(b), across(turned);
  for (const int transposed : {0, 1}) {
    DeviceArray<float> c(128);
    EXPECT(launch(kernel("tensor_core"), 1, 32, 0, left.address, (transposed ? across : right).address, c.address,
                  transposed) == 0);
    const std::vector<float> found = c.values();
    for (size_t row = 0; row < 16; ++row) {
      for (size_t column = 0; column < 8; ++column) {
        double sum = 1;
        for (size_t k = 0; k < 16; ++k) sum += double(widened(a[row * 16 + k])) * widened(b[k * 8 + column]);
        EXPECT(std::abs(found[row * 8 + column] - sum) < 1e-5);
      }
    }
  }
}

static void test_bfloat16() {
  // Ties to even, an overflow, a number below the normal ones, not-a-number.
  const std::vector<float> x = {1, 1.00390625f, 1.01171875f, 3.4e38f, -1e-40f, NAN, -INFINITY, 0.1f};
  DeviceArray<float> input(x), out(8);
  DeviceArray<uint16_t> narrow(8);
  EXPECT(launch(kernel("round_trip"), 1, 8, 0, input.address, out.address, narrow.address) == 0);
  const std::vector<float> found = out.values();
  EXPECT(found[0] == 1 && found[1] == 1 && found[2] == 1.015625f);
  EXPECT(std::isinf(found[3]) && found[4] < 0 && found[4] > -1.1e-40f && std::isnan(found[5]));
  EXPECT(found[6] == -INFINITY && found[7] == widened(narrowed(0.1f)));
}

static void test_shared_memory() {
  DeviceArray<float> out(2);
  EXPECT(launch(kernel("unwritten"), 1, 1, 64, out.address) == 0);
  for (const float value : out.values()) EXPECT(std::isnan(value));
  EXPECT(launch(kernel("previous_block"), 2, 1, 0, out.address) == 0);
  EXPECT(out.values()[0] == 2 && std::isnan(out.values()[1]));
  void *function = kernel("dynamic_end");
  const int bytes = 200 << 10;
  EXPECT(launch(function, 1, 128, unsigned(bytes), out.address, bytes) == 1);
  EXPECT(cuFuncSetAttribute(function, 8, bytes) == 0);
  EXPECT(launch(function, 1, 128, unsigned(bytes), out.address, bytes) == 0);
  EXPECT(out.values()[0] == 1);
}

// A kernel without a barrier that it needs gives a wrong result in one of the two orders.
static void test_races() {
  const char *order = getenv("CARINA_EMULATION_ORDER");
  const bool backward = order && !strcmp(order, "backward");
  const std::vector<float> x = numbers(128, 3);
  DeviceArray<float> input(x), out(64);
  EXPECT(launch(kernel("missing_barrier"), 1, 64, 0, input.address, out.address) == 0);
  EXPECT(std::isnan(out.values()[backward ? 63 : 0]) && !std::isnan(out.values()[backward ? 0 : 63]));
  EXPECT(launch(kernel("missing_wait"), 1, 32, 0, input.address, out.address) == 0);
  EXPECT(std::isnan(out.values()[5]) == !backward);
}

void test_kernels() {
  test_reductions();
  test_shuffles();
  test_tensor_cores();
  test_bfloat16();
  test_shared_memory();
  test_races();
}
