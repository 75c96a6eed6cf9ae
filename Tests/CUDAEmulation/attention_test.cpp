// Attention kernels against a reference in double precision, over random layouts. Build with -DHEAD_SIZE=… (see
// README.md); arguments: the number of layouts, the first seed.
#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "../../Sources/CarinaCUDA/Kernels/prelude.cuh"

namespace narrow {
#include "../../Sources/CarinaCUDA/Kernels/attention.cu"
}
namespace narrow_queries {
#include "../../Sources/CarinaCUDA/Kernels/attention_backward_queries.cu"
}
namespace narrow_keys {
#include "../../Sources/CarinaCUDA/Kernels/attention_backward_keys.cu"
}
namespace wide {
#include "../../Sources/CarinaCUDA/Kernels/attention_float.cu"
}
namespace decoding {
#include "../../Sources/CarinaCUDA/Kernels/attention_decoding.cu"
}

// attention_hopper.cu takes heads of these sizes.
#if HEAD_SIZE % 8 == 0 && HEAD_SIZE >= 64 && HEAD_SIZE <= 128
namespace hopper {
#include "../../Sources/CarinaCUDA/Kernels/attention_hopper.cu"
}
#endif

// AttentionLayout.swift.
struct Layout {
  std::vector<int> queries, keys, starts;
  int heads, key_heads, key_rows;
  bool causal;
  int window;  // 0 for none
  std::vector<std::vector<std::pair<int, int>>> runs;
  float scale;

  std::pair<int, int> visible(int row, int sequence) const {
    if (!causal) return {0, keys[sequence]};
    const int last = keys[sequence] - queries[sequence] + row + 1;
    int end = last;
    for (auto run : runs[sequence]) {
      if (run.first <= last - 1 && last - 1 < run.second) end = run.second;
    }
    return {std::max(0, last - (window ? window : keys[sequence])), std::max(end, 0)};
  }
  int rows() const {
    int sum = 0;
    for (int count : queries) sum += count;
    return sum;
  }
};

// AttentionPlan.swift.
struct Plan {
  std::vector<int> query_blocks, key_blocks, ranges;
  int query_count = 0, key_count = 0, padded = 0;

  Plan(const Layout &layout, int query_tile, int key_tile) {
    int row = 0;
    for (size_t sequence = 0; sequence < layout.queries.size(); ++sequence) {
      const int queries = layout.queries[sequence], keys = layout.keys[sequence], start = layout.starts[sequence];
      std::vector<std::pair<int, int>> seen;
      for (int i = 0; i < queries; ++i) seen.push_back(layout.visible(i, sequence));
      for (int first = 0; first < queries; first += query_tile) {
        const int rows = std::min(query_tile, queries - first);
        int lower = INT_MAX, upper = 0, full_lower = 0, full_upper = INT_MAX;
        for (int i = first; i < first + rows; ++i) {
          if (seen[i].first < seen[i].second) {
            lower = std::min(lower, seen[i].first);
            upper = std::max(upper, seen[i].second);
          }
          full_lower = std::max(full_lower, seen[i].first);
          full_upper = std::min(full_upper, seen[i].second);
        }
        if (lower > upper) lower = upper = 0;
        for (int value : {row + first, rows, start, padded + first, lower, upper, full_lower, full_upper}) {
          query_blocks.push_back(value);
        }
        ++query_count;
      }
      for (int first = 0; first < keys; first += key_tile) {
        const int count = std::min(key_tile, keys - first);
        int lower = queries, upper = 0, full_lower = queries, full_upper = 0;
        for (int i = 0; i < queries; ++i) {
          if (seen[i].first < first + count && seen[i].second > first) lower = std::min(lower, i), upper = i + 1;
          if (seen[i].first <= first && seen[i].second >= first + count) {
            full_lower = std::min(full_lower, i), full_upper = i + 1;
          }
        }
        if (lower > upper) lower = upper = 0;
        for (int value : {start + first, count, row, queries, padded, lower, upper, full_lower, full_upper, first}) {
          key_blocks.push_back(value);
        }
        ++key_count;
      }
      const int aligned = (queries + 127) / 128 * 128;
      for (int i = 0; i < aligned; ++i) {
        ranges.push_back(i < queries ? seen[i].first : 0);
        ranges.push_back(i < queries ? seen[i].second : 0);
      }
      padded += aligned;
      row += queries;
    }
  }
};

template <class T>
struct Array {
  T *values;
  size_t count;
  std::shared_ptr<void> memory;
  explicit Array(size_t count) : count(count) {
    values = static_cast<T *>(aligned_alloc(128, (count * sizeof(T) + 255) / 128 * 128));
    memset(static_cast<void *>(values), 0xff, count * sizeof(T));
    memory.reset(values, free);
  }
  operator T *() const { return values; }
};

static float as_float(float value) { return value; }
static float as_float(bf16 value) { return to_float(value); }
static void assign(float &to, double value) { to = float(value); }
static void assign(bf16 &to, double value) { to = to_bf16(float(value)); }

static int failures = 0;

template <class T>
static void compare(const char *what, const Array<T> &result, const std::vector<double> &expected, double bound) {
  double error = 0, norm = 0, largest = 0, most = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = as_float(result[i]) - expected[i];
    error += difference * difference;
    norm += expected[i] * expected[i];
    largest = std::max(largest, difference != difference ? 1e30 : fabs(difference));
    most = std::max(most, fabs(expected[i]));
  }
  const double relative = sqrt(error / (norm + 1e-12));
  const bool right = relative <= bound && largest <= 8 * bound * (most + 1e-3);
  if (!right) ++failures;
  printf("  %-14s %.2e (largest %.2e of %.2e)%s\n", what, relative, largest, most, right ? "" : "  WRONG");
}

constexpr int SIZE = HEAD_SIZE;

// One call in the type T: forward, backward, and decoding where rows are few.
template <class T>
static void check(const Layout &layout, std::mt19937 &random) {
  const bool is_narrow = sizeof(T) == 2;
  const int rows = layout.rows(), width = layout.heads * SIZE, key_width = layout.key_heads * SIZE;
  const int group = layout.heads / layout.key_heads;
  Array<T> q(size_t(rows) * width), k(size_t(layout.key_rows) * key_width), v(k.count), dout(q.count);
  std::normal_distribution<float> normal;
  for (auto array : {&q, &k, &v, &dout}) {
    for (size_t i = 0; i < array->count; ++i) assign(array->values[i], normal(random));
  }
  std::vector<double> out_expected(q.count), dq_expected(q.count), dk_expected(k.count), dv_expected(k.count);
  for (int sequence = 0, row = 0; sequence < int(layout.queries.size()); ++sequence) {
    for (int i = 0; i < layout.queries[sequence]; ++i, ++row) {
      const auto [first, last] = layout.visible(i, sequence);
      for (int head = 0; head < layout.heads; ++head) {
        const size_t at = size_t(row) * width + head * SIZE;
        std::vector<double> weight(std::max(0, last - first)), slope(weight.size());
        double most = -1e300, total = 0, dot = 0;
        const auto key_at = [&](int key) {
          return size_t(layout.starts[sequence] + key) * key_width + head / group * SIZE;
        };
        for (int key = first; key < last; ++key) {
          double score = 0;
          for (int e = 0; e < SIZE; ++e) score += double(as_float(q[at + e])) * as_float(k[key_at(key) + e]);
          weight[key - first] = score * layout.scale;
          most = std::max(most, weight[key - first]);
        }
        for (double &value : weight) total += value = exp(value - most);
        for (int key = first; key < last; ++key) {
          const double w = weight[key - first] /= total;
          double sum = 0;
          for (int e = 0; e < SIZE; ++e) {
            out_expected[at + e] += w * as_float(v[key_at(key) + e]);
            dv_expected[key_at(key) + e] += w * as_float(dout[at + e]);
            sum += double(as_float(dout[at + e])) * as_float(v[key_at(key) + e]);
          }
          slope[key - first] = sum;
          dot += w * sum;
        }
        for (int key = first; key < last; ++key) {
          const double ds = weight[key - first] * (slope[key - first] - dot) * layout.scale;
          for (int e = 0; e < SIZE; ++e) {
            dq_expected[at + e] += ds * as_float(k[key_at(key) + e]);
            dk_expected[key_at(key) + e] += ds * as_float(q[at + e]);
          }
        }
      }
    }
  }

  const int query_tile = is_narrow ? narrow::QUERY_ROWS : wide::TILE;
  const int key_tile = is_narrow ? narrow_keys::BLOCK_KEYS : wide::TILE;
  const Plan plan(layout, query_tile, key_tile);
  Array<T> out(q.count), dq(q.count), dk(k.count), dv(k.count);
  Array<float> lse(size_t(layout.heads) * plan.padded), delta(lse.count);
  const int H = layout.heads, K = layout.key_heads;
  const dim3 query_grid(H, plan.query_count), key_grid(K, plan.key_count);
  // Keys of no sequence get no gradient from the kernel: the backend clears dk and dv first where there are some.
  memset(static_cast<void *>(dk.values), 0, dk.count * sizeof(T));
  memset(static_cast<void *>(dv.values), 0, dv.count * sizeof(T));
  const char *type = is_narrow ? "bf16" : "fp32";
  printf(" %s\n", type);
  if constexpr (sizeof(T) == 2) {
    using namespace narrow_queries;
    const size_t tile = STRIDE * 2;
    carina_emulated_call(narrow::attention_forward, query_grid, 128,
                         (QUERY_ROWS + 2 * STAGES * narrow::KEYS) * tile, q, k, v, out, lse,
                         reinterpret_cast<const narrow::QueryBlock *>(plan.query_blocks.data()),
                         reinterpret_cast<const narrow::Range *>(plan.ranges.data()), H, K, plan.padded, layout.scale);
#if HEAD_SIZE % 8 == 0 && HEAD_SIZE >= 64 && HEAD_SIZE <= 128
    {
      const Plan tiles(layout, hopper::QUERY_ROWS, key_tile);
      Array<float> statistics(lse.count);
      Array<T> hopper_out(q.count);
      carina_emulated_call(hopper::attention_hopper_forward, dim3(H, tiles.query_count), hopper::THREADS,
                           (hopper::QUERY_ROWS / 8 * hopper::GROUP + 4 * hopper::KEY_ELEMENTS) * 2, q, k, v,
                           hopper_out, statistics, reinterpret_cast<const hopper::QueryBlock *>(tiles.query_blocks.data()),
                           reinterpret_cast<const hopper::Range *>(tiles.ranges.data()), H, K, tiles.padded,
                           layout.scale);
      compare("out, Hopper", hopper_out, out_expected, 1e-2);
      int different = 0;
      for (size_t i = 0; i < lse.count; ++i) {
        // Rows that do not exist have no statistics.
        if (statistics[i] == statistics[i] && !(statistics[i] == lse[i]) && !(fabsf(statistics[i] - lse[i]) < 1e-3f)) {
          ++different;
        }
        if (lse[i] != statistics[i]) lse[i] = statistics[i];
      }
      if (different) printf("  statistics      WRONG: %d differ\n", different), ++failures;
    }
#endif
    const auto *blocks = reinterpret_cast<const QueryBlock *>(plan.query_blocks.data());
    Array<Range> ranges(plan.ranges.size() / 2 + 1);
    memcpy(static_cast<void *>(ranges.values), plan.ranges.data(), plan.ranges.size() * 4);
    Array<float> wide_dout(dout.count);
    Array<bf16> rounded(dout.count);
    for (size_t i = 0; i < dout.count; ++i) wide_dout[i] = to_float(dout[i]);
    if (rows % 2) {
      carina_emulated_call(attention_delta_f, query_grid, 128, 0, out, wide_dout, delta, rounded, blocks, H,
                           plan.padded);
      memcpy(static_cast<void *>(dout.values), rounded.values, dout.count * 2);
    } else {
      carina_emulated_call(attention_delta_b, query_grid, 128, 0, out, dout, delta, nullptr, blocks, H, plan.padded);
    }
    carina_emulated_call(attention_backward_queries, query_grid, 128,
                         (2 * QUERY_ROWS + 2 * STAGES * STEP_KEYS) * tile, q, k, v, dout, lse, delta, dq, blocks,
                         ranges, H, K, plan.padded, layout.scale);
    carina_emulated_call(narrow_keys::attention_backward_keys, key_grid, narrow_keys::KEY_WARPS * 32,
                         (2 * narrow_keys::BLOCK_KEYS + 4 * narrow_keys::STEP_ROWS) * tile +
                             2 * narrow_keys::STATISTICS * 4 +
                             (narrow_keys::SHARES_COLUMNS
                                  ? 2 * narrow_keys::BLOCK_KEYS * narrow_keys::WEIGHT_STRIDE * 2
                                  : 0),
                         q, k, v, dout, lse, delta, dk, dv,
                         reinterpret_cast<const narrow_keys::KeyBlock *>(plan.key_blocks.data()),
                         reinterpret_cast<const narrow_keys::Range *>(ranges.values), H, K, plan.padded, layout.scale);
  } else {
    using namespace wide;
    const auto *blocks = reinterpret_cast<const QueryBlock *>(plan.query_blocks.data());
    const auto *ranges = reinterpret_cast<const Range *>(plan.ranges.data());
    carina_emulated_call(attention_float_forward, query_grid, 256, 0, q, k, v, out, lse, blocks, ranges, H, K,
                         plan.padded, layout.scale);
    carina_emulated_call(attention_float_delta, query_grid, 256, 0, out, dout, delta, blocks, H, plan.padded);
    carina_emulated_call(attention_float_backward_queries, query_grid, 256, 0, q, k, v, dout, lse, delta, dq, blocks,
                         ranges, H, K, plan.padded, layout.scale);
    carina_emulated_call(attention_float_backward_keys, key_grid, 256, 0, q, k, v, dout, lse, delta, dk, dv,
                         reinterpret_cast<const KeyBlock *>(plan.key_blocks.data()), ranges, H, K, plan.padded,
                         layout.scale);
  }
  compare("out", out, out_expected, is_narrow ? 1e-2 : 1e-5);
  compare("dq", dq, dq_expected, is_narrow ? 2e-2 : 1e-4);
  compare("dk", dk, dk_expected, is_narrow ? 2e-2 : 1e-4);
  compare("dv", dv, dv_expected, is_narrow ? 2e-2 : 1e-4);

  const int most = *std::max_element(layout.queries.begin(), layout.queries.end());
  if (most > 8) return;
  using namespace decoding;
  for (int splits : {1, 3}) {
    Array<T> decoded(q.count);
    Array<float> partial(splits * q.count), statistics(splits * rows * H * 2);
    const int chunks = (most * group + PAIRS - 1) / PAIRS;
    const int lanes = lanes_of(SIZE * int(sizeof(T)) / 16);
    const size_t bytes = THREADS / lanes * PAIRS * (SIZE + 2) * 4;
    const dim3 grid(K * chunks, plan.query_count, splits);
    const auto *blocks = reinterpret_cast<const QueryBlock *>(plan.query_blocks.data());
    const auto *ranges = reinterpret_cast<const Range *>(plan.ranges.data());
    if constexpr (sizeof(T) == 2) {
      carina_emulated_call(attention_decode_b, grid, THREADS, bytes, q, k, v, decoded, partial, statistics, blocks,
                           ranges, H, K, rows, splits, layout.scale);
      if (splits > 1) {
        carina_emulated_call(attention_combine_b, rows * H, THREADS, 0, partial, statistics, decoded, rows * H, splits);
      }
    } else {
      carina_emulated_call(attention_decode_f, grid, THREADS, bytes, q, k, v, decoded, partial, statistics, blocks,
                           ranges, H, K, rows, splits, layout.scale);
      if (splits > 1) {
        carina_emulated_call(attention_combine_f, rows * H, THREADS, 0, partial, statistics, decoded, rows * H, splits);
      }
    }
    compare(splits == 1 ? "decoded" : "decoded, split", decoded, out_expected, is_narrow ? 1e-2 : 1e-5);
  }
}

int main(int count, char **arguments) {
  const int layouts = count > 1 ? atoi(arguments[1]) : 8, seed = count > 2 ? atoi(arguments[2]) : 1;
  for (int number = seed; number < seed + layouts; ++number) {
    std::mt19937 random(number);
    const auto below = [&](int limit) { return int(random() % limit); };
    Layout layout;
    const bool few = number % 4 == 3;
    const int sequences = 1 + below(3);
    layout.key_heads = 1 + below(2);
    layout.heads = layout.key_heads * (1 + below(3));
    layout.causal = below(4) > 0;
    layout.window = layout.causal && below(2) ? 1 + below(90) : 0;
    layout.scale = 1 / sqrtf(SIZE);
    const int gap = below(3);
    layout.key_rows = gap;
    for (int sequence = 0; sequence < sequences; ++sequence) {
      const int queries = few ? 1 + below(8) : 1 + below(300);
      const int keys = below(3) == 0 ? below(350) : below(2) ? queries : queries + below(200);
      layout.queries.push_back(queries);
      layout.keys.push_back(keys);
      layout.starts.push_back(layout.key_rows);
      layout.key_rows += keys + gap;
      std::vector<std::pair<int, int>> runs;
      for (int at = 0; layout.causal && number % 2 == 0 && at < keys;) {
        const int begin = at + below(60), end = std::min(keys, begin + 1 + below(100));
        if (begin < end) runs.push_back({begin, end});
        at = end;
        if (begin >= keys) break;
      }
      layout.runs.push_back(runs);
    }
    printf("layout %d: heads %d / %d, causal %d, window %d, queries x keys", number, layout.heads, layout.key_heads,
           layout.causal, layout.window);
    for (int i = 0; i < sequences; ++i) printf(" %dx%d", layout.queries[i], layout.keys[i]);
    printf("\n");
    check<bf16>(layout, random);
    check<float>(layout, random);
  }
  printf("head size %d: %s\n", SIZE, failures ? "WRONG" : "right");
  return failures ? 1 : 0;
}
