// The backward pass of attention.cu by keys and values.

#include "attention_tiles.cuh"

// Keys of a block of the kernel of keys, query rows of a step, and its warps. Up to 128 columns each warp keeps both
// gradients of its own keys; beyond, four groups of columns share them and weights pass through shared memory.
constexpr bool SHARES_COLUMNS = E > 128;
constexpr int KEY_WARPS = SHARES_COLUMNS ? 8 : 4;
constexpr int KEY_TILES = E <= 80 ? 2 : 1;
constexpr int BLOCK_KEYS = SHARES_COLUMNS ? 64 : KEY_WARPS * KEY_TILES * 16;
constexpr int STEP_ROWS = E <= 80 ? 32 : 64;
constexpr int WEIGHT_STRIDE = STEP_ROWS + 8;
// The row statistics of a step, in floats: lse, delta, and ranges.
constexpr int STATISTICS = STEP_ROWS * 4;

// Queries, gradients and statistics of a step.
struct StepSource {
  const bf16 *q, *dout;
  const float *lse, *delta;
  const Range *ranges;
  int stride, rows;
};

template <int THREADS>
__device__ __forceinline__ void stage_step(
    bf16 *queries, bf16 *slopes, float *statistics, const StepSource &source, int row) {
  stage_rows<STEP_ROWS, THREADS>(queries, source.q + row * source.stride, source.stride, source.rows - row);
  stage_rows<STEP_ROWS, THREADS>(slopes, source.dout + row * source.stride, source.stride, source.rows - row);
  const int index = threadIdx.x;
  if (index < STEP_ROWS) {
    const void *from = index < STEP_ROWS / 4   ? static_cast<const void *>(source.lse + row + index * 4)
                       : index < STEP_ROWS / 2 ? static_cast<const void *>(source.delta + row + index * 4 - STEP_ROWS)
                                               : static_cast<const void *>(source.ranges + row + index * 2 - STEP_ROWS);
    cp_async_16(statistics + index * 4, from, true);
  }
}

// Weights, and the gradients of scores, of RT·16 keys and CT·8 query rows: s and ds are replaced.
template <int RT, int CT>
__device__ __forceinline__ void weigh(
    float (&s)[RT][CT][4], float (&ds)[RT][CT][4], const float *statistics, int first_row, int first_key, bool masked,
    float scale2) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const float *lse = statistics + first_row, *delta = lse + STEP_ROWS;
  const Range *ranges = reinterpret_cast<const Range *>(statistics + 2 * STEP_ROWS) + first_row;
#pragma unroll
  for (int n = 0; n < CT; ++n) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = n * 8 + 2 * t + i;
      const float row_lse = lse[row], row_delta = delta[row];
      if (masked) {
        const Range range = ranges[row];
#pragma unroll
        for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int key = first_key + tile * 16 + half * 8 + g, index = 2 * half + i;
            const bool seen = key >= range.first && key < range.last;
            const float weight = exp2_fast(fmaf(s[tile][n][index], scale2, -row_lse));
            s[tile][n][index] = seen ? weight : 0;
            ds[tile][n][index] = seen ? weight * (ds[tile][n][index] - row_delta) : 0;
          }
        }
      } else {
#pragma unroll
        for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int index = 2 * half + i;
            const float weight = exp2_fast(fmaf(s[tile][n][index], scale2, -row_lse));
            s[tile][n][index] = weight;
            ds[tile][n][index] = weight * (ds[tile][n][index] - row_delta);
          }
        }
      }
    }
  }
}

// dk and dv [S, K·E]: a block owns the keys of a tile in one key-value head and adds over the rows that see them, one
// query head of the group after the other. Grid: key-value heads, key blocks; 32·KEY_WARPS threads; shared:
// AttentionTiles.keyGradientBytes.
extern "C" __global__ void __launch_bounds__(KEY_WARPS * 32, SHARES_COLUMNS ? 1 : 2) attention_backward_keys(
    const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta, bf16 *dk,
    bf16 *dv, const KeyBlock *blocks, const Range *ranges, int heads, int key_heads, int padded_rows, float scale) {
  CARINA_SHARED(bf16, keys);
  constexpr int THREADS = KEY_WARPS * 32;
  bf16 *values = keys + BLOCK_KEYS * STRIDE, *queries = values + BLOCK_KEYS * STRIDE;
  bf16 *slopes = queries + 2 * STEP_ROWS * STRIDE;
  float *statistics = reinterpret_cast<float *>(slopes + 2 * STEP_ROWS * STRIDE);
  const KeyBlock block = blocks[blockIdx.y];
  const int key_head = blockIdx.x, group = heads / key_heads;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int stride = heads * E, key_stride = key_heads * E;
  const long long key_offset = (long long)block.key * key_stride + key_head * E;
  const float scale2 = scale * 1.4426950408889634f;
  const int lower = block.lower / STEP_ROWS * STEP_ROWS;
  const int steps = block.upper > lower ? (block.upper - lower + STEP_ROWS - 1) / STEP_ROWS : 0;

  const auto source = [&](int head) {
    const long long offset = (long long)block.row * stride + head * E, statistic = (long long)head * padded_rows + block.padded;
    return StepSource{q + offset, dout + offset, lse + statistic, delta + statistic, ranges + block.padded, stride,
                      block.rows};
  };
  if (steps > 0) {
    stage_rows<BLOCK_KEYS, THREADS>(keys, k + key_offset, key_stride, block.keys);
    stage_rows<BLOCK_KEYS, THREADS>(values, v + key_offset, key_stride, block.keys);
    stage_step<THREADS>(queries, slopes, statistics, source(key_head * group), lower);
  }
  cp_async_commit();

  // Weights and gradients of scores of a step of one query head: the RT·16 keys from `first_key` on and the CT·8 rows from
  // `first_row` on. The next step is on its way meanwhile.
  const auto weigh_step = [&](auto &s, auto &ds, int member, int step, int buffer, int first_key, int first_row) {
    constexpr int RT = sizeof(s) / sizeof(s[0]);
    const int row = lower + step * STEP_ROWS;
    cp_async_wait<0>();
    __syncthreads();
    const bool ends = step + 1 == steps;
    if (!ends || member + 1 < group) {
      stage_step<THREADS>(
          queries + (1 - buffer) * STEP_ROWS * STRIDE, slopes + (1 - buffer) * STEP_ROWS * STRIDE,
          statistics + (1 - buffer) * STATISTICS, source(key_head * group + member + (ends ? 1 : 0)),
          ends ? lower : row + STEP_ROWS);
    }
    cp_async_commit();
    const bf16 *step_queries = queries + buffer * STEP_ROWS * STRIDE;
    const bf16 *step_slopes = slopes + buffer * STEP_ROWS * STRIDE;
    clear(s);
    clear(ds);
    times_transposed(s, LeftRows<RT>{keys, first_key}, step_queries + first_row * STRIDE);
    times_transposed(ds, LeftRows<RT>{values, first_key}, step_slopes + first_row * STRIDE);
    const bool masked = row < block.full_lower || row + STEP_ROWS > block.full_upper;
    weigh(s, ds, statistics + buffer * STATISTICS, first_row, block.column + first_key, masked, scale2);
  };

  if constexpr (!SHARES_COLUMNS) {
    constexpr int RT = KEY_TILES, CT = STEP_ROWS / 8;
    const int first_key = warp * RT * 16;
    float dkeys[RT][N_TILES][4], dvalues[RT][N_TILES][4];
    clear(dkeys);
    clear(dvalues);
    int buffer = 0;
    for (int member = 0; member < group; ++member) {
      for (int step = 0; step < steps; ++step) {
        float s[RT][CT][4], ds[RT][CT][4];
        weigh_step(s, ds, member, step, buffer, first_key, 0);
        const bf16 *step_queries = queries + buffer * STEP_ROWS * STRIDE;
        const bf16 *step_slopes = slopes + buffer * STEP_ROWS * STRIDE;
#pragma unroll
        for (int part = 0; part < STEP_ROWS / 16; ++part) {
          unsigned a[RT][4];
          as_left<RT, CT>(a, s, part);
          add_product<RT, N_TILES>(dvalues, a, step_slopes + part * 16 * STRIDE);
          as_left<RT, CT>(a, ds, part);
          add_product<RT, N_TILES>(dkeys, a, step_queries + part * 16 * STRIDE);
        }
        buffer = 1 - buffer;
      }
    }
    float factor[RT][2], one[RT][2];
#pragma unroll
    for (int tile = 0; tile < RT; ++tile) {
      factor[tile][0] = factor[tile][1] = scale;
      one[tile][0] = one[tile][1] = 1;
    }
    const long long target = key_offset + first_key * key_stride;
    write_rows<RT>(
        dkeys, factor, keys + first_key * STRIDE, dk + target, key_stride, block.keys - first_key);
    write_rows<RT>(
        dvalues, one, values + first_key * STRIDE, dv + target, key_stride, block.keys - first_key);
  } else {
    // For weights a warp has 32 keys and a quarter of the rows; for gradients 32 keys and a quarter of the columns.
    constexpr int RT = 2, CT = STEP_ROWS / 32, NT = (N_TILES + 7) / 8 * 2;
    bf16 *weights = reinterpret_cast<bf16 *>(statistics + 2 * STATISTICS);
    bf16 *dscores = weights + BLOCK_KEYS * WEIGHT_STRIDE;
    const int first_key = warp % 2 * 32, quarter = warp / 2, first_row = quarter * CT * 8;
    const int first_tile = quarter * NT, tiles = min(NT, N_TILES - first_tile);
    const int g = lane / 4, t = lane % 4;
    float dkeys[RT][NT][4], dvalues[RT][NT][4];
    clear(dkeys);
    clear(dvalues);
    int buffer = 0;
    for (int member = 0; member < group; ++member) {
      for (int step = 0; step < steps; ++step) {
        float s[RT][CT][4], ds[RT][CT][4];
        weigh_step(s, ds, member, step, buffer, first_key, first_row);
        const bf16 *step_queries = queries + buffer * STEP_ROWS * STRIDE;
        const bf16 *step_slopes = slopes + buffer * STEP_ROWS * STRIDE;
#pragma unroll
        for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
          for (int n = 0; n < CT; ++n) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              const int index = (first_key + tile * 16 + half * 8 + g) * WEIGHT_STRIDE + first_row + n * 8 + 2 * t;
              *reinterpret_cast<unsigned *>(weights + index) = pack_bf16(s[tile][n][2 * half], s[tile][n][2 * half + 1]);
              *reinterpret_cast<unsigned *>(dscores + index) =
                  pack_bf16(ds[tile][n][2 * half], ds[tile][n][2 * half + 1]);
            }
          }
        }
        __syncthreads();
#pragma unroll
        for (int part = 0; part < STEP_ROWS / 16; ++part) {
          unsigned a[RT][4];
          const int offset = (first_key + lane % 16) * WEIGHT_STRIDE + part * 16 + lane / 16 * 8;
#pragma unroll
          for (int tile = 0; tile < RT; ++tile) ldmatrix_x4(a[tile], weights + offset + tile * 16 * WEIGHT_STRIDE);
          add_product<RT, NT>(dvalues, a, step_slopes + part * 16 * STRIDE + first_tile * 8, tiles);
#pragma unroll
          for (int tile = 0; tile < RT; ++tile) ldmatrix_x4(a[tile], dscores + offset + tile * 16 * WEIGHT_STRIDE);
          add_product<RT, NT>(dkeys, a, step_queries + part * 16 * STRIDE + first_tile * 8, tiles);
        }
        buffer = 1 - buffer;
      }
    }
    // The last step has read keys and values before its barrier.
    __syncthreads();
#pragma unroll
    for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
      for (int n = 0; n < NT; ++n) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          if (n < tiles) {
            const int index = (first_key + tile * 16 + half * 8 + g) * STRIDE + (first_tile + n) * 8 + 2 * t;
            *reinterpret_cast<unsigned *>(keys + index) =
                pack_bf16(dkeys[tile][n][2 * half] * scale, dkeys[tile][n][2 * half + 1] * scale);
            *reinterpret_cast<unsigned *>(values + index) =
                pack_bf16(dvalues[tile][n][2 * half], dvalues[tile][n][2 * half + 1]);
          }
        }
      }
    }
    __syncthreads();
    for (int index = threadIdx.x; index < BLOCK_KEYS * N_TILES; index += THREADS) {
      const int key = index / N_TILES, chunk = index % N_TILES;
      if (key < block.keys) {
        const long long target = key_offset + key * key_stride + chunk * 8;
        *reinterpret_cast<BVector8 *>(dk + target) =
            *reinterpret_cast<const BVector8 *>(keys + key * STRIDE + chunk * 8);
        *reinterpret_cast<BVector8 *>(dv + target) =
            *reinterpret_cast<const BVector8 *>(values + key * STRIDE + chunk * 8);
      }
    }
  }
}
