// Attention of few query rows to long caches, on the ordinary cores. Defines: HEAD_SIZE, a multiple of 8 up to 256.
//
// Bound by reading keys and values: a block reads a share of the keys of one sequence and key-value head once, for up to
// four (row, head) pairs of the group, and a second kernel combines the shares in order (Dao et al. 2023, Flash-Decoding).
// One query block a sequence; sums are fp32.

#include "attention_blocks.cuh"

constexpr int E = HEAD_SIZE;

constexpr int THREADS = 128;
// (row, head) pairs of a block.
constexpr int PAIRS = 4;

__device__ __forceinline__ void unpack(float (&to)[8], const BVector8 &from) {
#pragma unroll
  for (int i = 0; i < 8; ++i) to[i] = to_float(from.v[i]);
}

__device__ __forceinline__ void unpack(float (&to)[4], const Vector4 &from) {
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = from.v[i];
}

template <class T>
struct Form;

template <>
struct Form<bf16> {
  using Vector = BVector8;
  static constexpr int WIDTH = 8;
};

template <>
struct Form<float> {
  using Vector = Vector4;
  static constexpr int WIDTH = 4;
};

// The lanes that share a key, a power of two up to 16.
constexpr int lanes_of(int vectors) {
  return vectors >= 16 ? 16 : vectors >= 8 ? 8 : vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1;
}

template <class T>
__device__ __forceinline__ void decode(
    const T *q, const T *k, const T *v, T *out, float *partial, float *statistics, const QueryBlock *blocks,
    const Range *ranges, int heads, int key_heads, int rows, int splits, float scale) {
  using Vector = typename Form<T>::Vector;
  constexpr int WIDTH = Form<T>::WIDTH, VECTORS = E / WIDTH, LANES = lanes_of(VECTORS);
  constexpr int PARTS = (VECTORS + LANES - 1) / LANES, GROUPS = THREADS / LANES;
  constexpr int UNROLLED = PARTS <= 2 ? 4 : 2;
  CARINA_SHARED(float, sums);
  float *group_statistics = sums + GROUPS * PAIRS * E;
  const QueryBlock block = blocks[blockIdx.y];
  const int group = heads / key_heads, chunks = gridDim.x / key_heads;
  const int key_head = blockIdx.x / chunks, first_pair = blockIdx.x % chunks * PAIRS, split = blockIdx.z;
  const int lane = threadIdx.x % LANES, member = threadIdx.x / LANES;
  const int share = (block.upper - block.lower + splits - 1) / splits;
  const int begin = block.lower + split * share, end = min(block.upper, begin + share);
  const int key_stride = key_heads * E;
  const T *keys = k + (long long)block.key * key_stride + key_head * E;
  const T *values = v + (long long)block.key * key_stride + key_head * E;

  float query[PAIRS][PARTS][WIDTH], sum[PAIRS][PARTS][WIDTH], largest[PAIRS], total[PAIRS];
  Range seen[PAIRS];
#pragma unroll
  for (int pair = 0; pair < PAIRS; ++pair) {
    const int index = first_pair + pair, row = index / group;
    const bool exists = row < block.rows;
    largest[pair] = -infinity();
    total[pair] = 0;
    seen[pair] = exists ? ranges[block.padded + row] : Range{0, 0};
    const T *source = q + ((long long)(block.row + row) * heads + key_head * group + index % group) * E;
#pragma unroll
    for (int part = 0; part < PARTS; ++part) {
      const int vector = part * LANES + lane;
      if (exists && vector < VECTORS) {
        unpack(query[pair][part], *reinterpret_cast<const Vector *>(source + vector * WIDTH));
      } else {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) query[pair][part][i] = 0;
      }
#pragma unroll
      for (int i = 0; i < WIDTH; ++i) {
        query[pair][part][i] *= scale * 1.4426950408889634f;
        sum[pair][part][i] = 0;
      }
    }
  }

  for (int base = begin; base < end; base += GROUPS * UNROLLED) {
    Vector key_vectors[UNROLLED][PARTS], value_vectors[UNROLLED][PARTS];
#pragma unroll
    for (int u = 0; u < UNROLLED; ++u) {
      const int key = min(base + u * GROUPS + member, end - 1);
#pragma unroll
      for (int part = 0; part < PARTS; ++part) {
        const int vector = min(part * LANES + lane, VECTORS - 1);
        key_vectors[u][part] =
            *reinterpret_cast<const Vector *>(keys + (long long)key * key_stride + vector * WIDTH);
      }
    }
#pragma unroll
    for (int u = 0; u < UNROLLED; ++u) {
      const int key = min(base + u * GROUPS + member, end - 1);
#pragma unroll
      for (int part = 0; part < PARTS; ++part) {
        const int vector = min(part * LANES + lane, VECTORS - 1);
        value_vectors[u][part] =
            *reinterpret_cast<const Vector *>(values + (long long)key * key_stride + vector * WIDTH);
      }
    }
    float score[PAIRS][UNROLLED];
#pragma unroll
    for (int u = 0; u < UNROLLED; ++u) {
      const int key = base + u * GROUPS + member;
#pragma unroll
      for (int pair = 0; pair < PAIRS; ++pair) score[pair][u] = 0;
#pragma unroll
      for (int part = 0; part < PARTS; ++part) {
        float x[WIDTH];
        unpack(x, key_vectors[u][part]);
#pragma unroll
        for (int pair = 0; pair < PAIRS; ++pair) {
#pragma unroll
          for (int i = 0; i < WIDTH; ++i) score[pair][u] = fmaf(query[pair][part][i], x[i], score[pair][u]);
        }
      }
#pragma unroll
      for (int pair = 0; pair < PAIRS; ++pair) {
#pragma unroll
        for (int distance = LANES / 2; distance > 0; distance /= 2) {
          score[pair][u] += __shfl_xor_sync(0xffffffffu, score[pair][u], distance);
        }
        if (key >= end || key < seen[pair].first || key >= seen[pair].last) score[pair][u] = -infinity();
      }
    }
#pragma unroll
    for (int pair = 0; pair < PAIRS; ++pair) {
      float most = largest[pair];
#pragma unroll
      for (int u = 0; u < UNROLLED; ++u) most = fmaxf(most, score[pair][u]);
      const float zero = most == -infinity() ? 0 : most, correction = exp2f(largest[pair] - zero);
      largest[pair] = most;
      total[pair] *= correction;
#pragma unroll
      for (int u = 0; u < UNROLLED; ++u) {
        score[pair][u] = exp2f(score[pair][u] - zero);
        total[pair] += score[pair][u];
      }
#pragma unroll
      for (int part = 0; part < PARTS; ++part) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) sum[pair][part][i] *= correction;
      }
    }
#pragma unroll
    for (int u = 0; u < UNROLLED; ++u) {
#pragma unroll
      for (int part = 0; part < PARTS; ++part) {
        float x[WIDTH];
        unpack(x, value_vectors[u][part]);
#pragma unroll
        for (int pair = 0; pair < PAIRS; ++pair) {
#pragma unroll
          for (int i = 0; i < WIDTH; ++i) sum[pair][part][i] = fmaf(score[pair][u], x[i], sum[pair][part][i]);
        }
      }
    }
  }

#pragma unroll
  for (int pair = 0; pair < PAIRS; ++pair) {
#pragma unroll
    for (int part = 0; part < PARTS; ++part) {
      const int vector = part * LANES + lane;
      if (vector < VECTORS) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) sums[(member * PAIRS + pair) * E + vector * WIDTH + i] = sum[pair][part][i];
      }
    }
    if (lane == 0) {
      group_statistics[(member * PAIRS + pair) * 2] = largest[pair];
      group_statistics[(member * PAIRS + pair) * 2 + 1] = total[pair];
    }
  }
  __syncthreads();
  for (int index = threadIdx.x; index < PAIRS * E; index += THREADS) {
    const int pair = index / E, column = index % E, row = (first_pair + pair) / group;
    if (row < block.rows) {
      float most = -infinity(), all = 0, result = 0;
      for (int other = 0; other < GROUPS; ++other) most = fmaxf(most, group_statistics[(other * PAIRS + pair) * 2]);
      const float zero = most == -infinity() ? 0 : most;
      for (int other = 0; other < GROUPS; ++other) {
        const float *statistic = group_statistics + (other * PAIRS + pair) * 2;
        const float factor = exp2f(statistic[0] - zero);
        all = fmaf(factor, statistic[1], all);
        result = fmaf(factor, sums[(other * PAIRS + pair) * E + column], result);
      }
      const long long target =
          (long long)(block.row + row) * heads + key_head * group + (first_pair + pair) % group;
      if (splits == 1) {
        store(out + target * E + column, all == 0 ? 0 : result / all);
      } else {
        const long long place = (long long)split * rows * heads + target;
        partial[place * E + column] = result;
        if (column == 0) {
          statistics[place * 2] = most;
          statistics[place * 2 + 1] = all;
        }
      }
    }
  }
}

// out [R, H·E] where there is one split; else partial [splits, R·H, E] and statistics [splits, R·H, 2] (the largest score
// in base 2, the sum). Grid: key-value heads · chunks of pairs, sequences, splits; 128 threads; shared:
// AttentionTiles.decodingBytes.
#define CARINA_DECODE(letter, T)                                                                      \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_decode_##letter(                    \
      const T *q, const T *k, const T *v, T *out, float *partial, float *statistics,                  \
      const QueryBlock *blocks, const Range *ranges, int heads, int key_heads, int rows, int splits,  \
      float scale) {                                                                                  \
    let_next_begin();                                                                                 \
    wait_for_previous();                                                                              \
    decode(q, k, v, out, partial, statistics, blocks, ranges, heads, key_heads, rows, splits, scale); \
  }
CARINA_FOR_1(CARINA_DECODE)

// A block of 128 threads for each (row, head) pair.
template <class T>
__device__ __forceinline__ void combine(const float *partial, const float *statistics, T *out, int pairs, int splits) {
  const int pair = blockIdx.x;
  float most = -infinity(), all = 0;
#pragma unroll 8
  for (int split = 0; split < splits; ++split) {
    most = fmaxf(most, statistics[((long long)split * pairs + pair) * 2]);
  }
  const float zero = most == -infinity() ? 0 : most;
  float result[(E + THREADS - 1) / THREADS] = {};
#pragma unroll 8
  for (int split = 0; split < splits; ++split) {
    const long long place = (long long)split * pairs + pair;
    const float factor = exp2f(statistics[place * 2] - zero);
    all = fmaf(factor, statistics[place * 2 + 1], all);
#pragma unroll
    for (int i = 0; i < (E + THREADS - 1) / THREADS; ++i) {
      const int column = i * THREADS + threadIdx.x;
      if (column < E) result[i] = fmaf(factor, partial[place * E + column], result[i]);
    }
  }
#pragma unroll
  for (int i = 0; i < (E + THREADS - 1) / THREADS; ++i) {
    const int column = i * THREADS + threadIdx.x;
    if (column < E) store(out + (long long)pair * E + column, all == 0 ? 0 : result[i] / all);
  }
}

#define CARINA_COMBINE(letter, T)                                                     \
  extern "C" __global__ void attention_combine_##letter(                              \
      const float *partial, const float *statistics, T *out, int pairs, int splits) { \
    let_next_begin();                                                                 \
    wait_for_previous();                                                              \
    combine(partial, statistics, out, pairs, splits);                                 \
  }
CARINA_FOR_1(CARINA_COMBINE)
