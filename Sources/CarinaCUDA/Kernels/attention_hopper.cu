// Attention forward in bfloat16 on Hopper's warpgroup products (wgmma, compute capability 9.0): what `attention.cu` computes,
// with the same arguments. Defines: HEAD_SIZE, a multiple of 8 from 64 to 128; TILE_KEYS, TILE_WARPGROUPS, TILE_BLOCKS to
// try others.
//
// A warpgroup of four warps has 64 query rows. Tiles lie in shared memory as core matrices of 8 rows × 16 bytes, 128 bytes
// each: those of the 8 rows' columns one after another, then the next 8 rows. Weights stay in registers as the left factor
// of the second product. While it adds the values of one tile of keys, the scores of the next become weights (Shah et al.
// 2024, FlashAttention-3).

#include "attention_blocks.cuh"
#include "warpgroup_products.cuh"

constexpr int E = HEAD_SIZE;
constexpr int K_STEPS = (E + 15) / 16;
constexpr int N_TILES = E / 8;
// 16-byte columns of a row in shared memory: an even number, zeros where the head has none.
constexpr int CHUNKS = 2 * K_STEPS;
// Bytes from a core matrix to the next one of the same rows, and of the same columns; elements of 8 rows.
constexpr int COLUMN_BYTES = 128, ROW_BYTES = CHUNKS * 128, GROUP = CHUNKS * 64;

// Keys of a step, warpgroups of a block, and blocks of a multiprocessor.
#ifndef TILE_KEYS
#define TILE_KEYS (HEAD_SIZE <= 80 ? 64 : 80)
#endif
#ifndef TILE_WARPGROUPS
#define TILE_WARPGROUPS (HEAD_SIZE == 72 ? 4 : 3)
#endif
#ifndef TILE_BLOCKS
#define TILE_BLOCKS 1
#endif
constexpr int KEYS = TILE_KEYS, WARPGROUPS = TILE_WARPGROUPS;
constexpr int THREADS = WARPGROUPS * 128;
constexpr int QUERY_ROWS = WARPGROUPS * 64;
constexpr int KEY_ELEMENTS = KEYS / 8 * GROUP;
// Elements of a row of results in shared memory: an odd number of 16-byte units.
constexpr int STRIDE = E % 16 == 0 ? E + 8 : E;

// ROWS rows of shared memory from rows of a tensor; zeros from row `rows` on. Eight threads that follow one another write a
// core matrix. A thread keeps its column: a power of two of the columns from FIRST on at a time.
template <int ROWS, int FIRST = 0>
__device__ __forceinline__ void stage_tile(bf16 *target, const bf16 *source, int stride, int rows) {
  constexpr int WIDTH = power_of_two_up_to(N_TILES - FIRST), APART = THREADS / WIDTH;
  static_assert(APART % 8 == 0, "a pass has whole groups of rows");
  const int first = threadIdx.x / (8 * WIDTH) * 8 + threadIdx.x % 8, column = FIRST + threadIdx.x / 8 % WIDTH;
  const bf16 *from = source + first * stride + column * 8;
  bf16 *to = target + first / 8 * GROUP + column * 64 + first % 8 * 8;
#pragma unroll
  for (int row = 0; row < ROWS; row += APART) {
    if (row + APART <= ROWS || first + row < ROWS) cp_async_16(to + row / 8 * GROUP, from, first + row < rows);
    from += APART * stride;
  }
  if constexpr (FIRST + WIDTH < N_TILES) stage_tile<ROWS, FIRST + WIDTH>(target, source, stride, rows);
}

// s = the queries of a warpgroup · (a tile of keys)ᵀ.
__device__ __forceinline__ void multiply_scores(float (&s)[KEYS / 2], SharedMatrix queries, const bf16 *keys) {
  const SharedMatrix rows = shared_matrix(keys, COLUMN_BYTES, ROW_BYTES);
#pragma unroll
  for (int step = 0; step < K_STEPS; ++step) {
    times_rows(s, advanced(queries, step * 2 * COLUMN_BYTES), advanced(rows, step * 2 * COLUMN_BYTES), step > 0);
  }
  products_commit();
}

// sum += weights · a tile of values.
__device__ __forceinline__ void add_values(
    float (&sum)[E / 2], const unsigned (&weights)[KEYS / 16][4], const bf16 *values) {
  const SharedMatrix rows = shared_matrix(values, ROW_BYTES, COLUMN_BYTES);
#pragma unroll
  for (int part = 0; part < KEYS / 16; ++part) add_weighted(sum, weights[part], advanced(rows, part * 2 * ROW_BYTES));
  products_commit();
}

__device__ __forceinline__ void pack_weights(unsigned (&weights)[KEYS / 16][4], const float (&s)[KEYS / 2]) {
#pragma unroll
  for (int part = 0; part < KEYS / 16; ++part) {
#pragma unroll
    for (int i = 0; i < 4; ++i) weights[part][i] = pack_bf16(s[part * 8 + 2 * i], s[part * 8 + 2 * i + 1]);
  }
}

// Scores of a thread's two rows as weights. `correction` gets the factors of what was added before.
struct Softmax {
  float largest[2], total[2], correction[2];

  __device__ __forceinline__ void weigh(float (&s)[KEYS / 2], float scale2) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float most = largest[half];
#pragma unroll
      for (int n = 0; n < KEYS / 8; ++n) most = fmaxf(most, fmaxf(s[4 * n + 2 * half], s[4 * n + 2 * half + 1]));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
      const float base = most == -infinity() ? 0 : most * scale2;
      correction[half] = exp2_fast(fmaf(largest[half], scale2, -base));
      largest[half] = most;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < KEYS / 8; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          const float weight = exp2_fast(fmaf(s[4 * n + i], scale2, -base));
          s[4 * n + i] = weight;
          sum += weight;
        }
      }
      total[half] = fmaf(total[half], correction[half], sum);
    }
  }
};

__device__ __forceinline__ void rescale(float (&sum)[E / 2], const Softmax &softmax) {
#pragma unroll
  for (int i = 0; i < E / 2; ++i) sum[i] *= softmax.correction[i / 2 % 2];
}

// out [R, H·E]; lse [H, padded rows] gets the base-2 logarithm of each row's sum of exponentials, +∞ where it sees no
// key; null where no backward pass follows. Tiles of QUERY_ROWS rows. Grid: heads, query blocks; THREADS threads; shared:
// AttentionTiles.hopperBytes.
extern "C" __global__ void __launch_bounds__(WARPGROUPS * 128, TILE_BLOCKS) attention_hopper_forward(
    const bf16 *q, const bf16 *k, const bf16 *v, bf16 *out, float *lse, const QueryBlock *blocks, const Range *ranges,
    int heads, int key_heads, int padded_rows, float scale) {
  CARINA_SHARED(bf16, queries);
  bf16 *keys = queries + QUERY_ROWS / 8 * GROUP, *values = keys + 2 * KEY_ELEMENTS;
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, key_head = head / (heads / key_heads);
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, first_row = threadIdx.x / 32 * 16;
  const int stride = heads * E, key_stride = key_heads * E;
  const long long key_offset = (long long)(block.key + block.lower) * key_stride + key_head * E;
  const bf16 *key_rows = k + key_offset, *value_rows = v + key_offset;
  const int count = block.upper - block.lower, steps = (count + KEYS - 1) / KEYS;
  const float scale2 = scale * 1.4426950408889634f;

  float sum[E / 2];
#pragma unroll
  for (int i = 0; i < E / 2; ++i) sum[i] = 0;
  Softmax softmax = {{-infinity(), -infinity()}, {0, 0}, {0, 0}};

  const auto mask = [&](float(&s)[KEYS / 2], int step) {
    const int first_key = block.lower + step * KEYS;
    if (first_key >= block.full_lower && first_key + KEYS <= block.full_upper) return;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + half * 8 + g;
      Range range = {0, 0};
      if (row < block.rows) range = ranges[block.padded + row];
      const int first = range.first - first_key - 2 * t, last = range.last - first_key - 2 * t;
#pragma unroll
      for (int n = 0; n < KEYS / 8; ++n) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          if (n * 8 + i < first || n * 8 + i >= last) s[4 * n + 2 * half + i] = -infinity();
        }
      }
    }
  };

  if (steps > 0) {
    stage_tile<QUERY_ROWS>(queries, q + (long long)block.row * stride + head * E, stride, block.rows);
    stage_tile<KEYS>(keys, key_rows, key_stride, count);
    cp_async_commit();
    if (CHUNKS > N_TILES) {
      // Zeros beyond the head: queries and both buffers of keys lie one after another.
      for (int row = threadIdx.x; row < QUERY_ROWS + 2 * KEYS; row += THREADS) {
        *reinterpret_cast<Vector4 *>(queries + row / 8 * GROUP + N_TILES * 64 + row % 8 * 8) = {{0, 0, 0, 0}};
      }
    }
    const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / 128), 0);
    const SharedMatrix own = shared_matrix(queries + warpgroup * 8 * GROUP, COLUMN_BYTES, ROW_BYTES);
    float s[KEYS / 2];
    unsigned weights[KEYS / 16][4];
    const auto take_weights = [&]() {
      products_wait<0>();
      pin(sum);
      pack_weights(weights, s);
      rescale(sum, softmax);
      // The keys of this step and the values of the last have come; nobody reads the other buffers.
      cp_async_wait<0>();
      shared_to_products();
      __syncthreads();
    };

    cp_async_wait<0>();
    shared_to_products();
    __syncthreads();
    products_begin();
    multiply_scores(s, own, keys);
    if (KEYS < count) {
      stage_tile<KEYS>(keys + KEY_ELEMENTS, key_rows + KEYS * key_stride, key_stride, count - KEYS);
    }
    stage_tile<KEYS>(values, value_rows, key_stride, count);
    cp_async_commit();
    products_wait<0>();
    pin(s);
    mask(s, 0);
    softmax.weigh(s, scale2);

#pragma unroll 1
    for (int step = 1; step < steps; ++step) {
      // In the next round, or the compiler would wait before it computes the weights.
      take_weights();
      const int buffer = step % 2, column = step * KEYS, next = column + KEYS;
      products_begin();
      multiply_scores(s, own, keys + buffer * KEY_ELEMENTS);
      add_values(sum, weights, values + (1 - buffer) * KEY_ELEMENTS);
      if (next < count) {
        stage_tile<KEYS>(
            keys + (1 - buffer) * KEY_ELEMENTS, key_rows + (long long)next * key_stride, key_stride, count - next);
      }
      stage_tile<KEYS>(
          values + buffer * KEY_ELEMENTS, value_rows + (long long)column * key_stride, key_stride, count - column);
      cp_async_commit();
      products_wait<1>();
      pin(s);
      mask(s, step);
      softmax.weigh(s, scale2);
    }

    take_weights();
    products_begin();
    add_values(sum, weights, values + (1 - steps % 2) * KEY_ELEMENTS);
    products_wait<0>();
    pin(sum);
    // Results take the tiles' memory.
    __syncthreads();
  }

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = first_row + half * 8 + g;
    float total = softmax.total[half];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const float inverse = total > 0 ? 1 / total : total == 0 ? 0 : total;
    if (lse != nullptr && t == 0 && row < block.rows) {
      lse[(long long)head * padded_rows + block.padded + row] =
          total == 0 ? infinity() : fmaf(softmax.largest[half], scale2, log2f(total));
    }
#pragma unroll
    for (int n = 0; n < N_TILES; ++n) {
      *reinterpret_cast<unsigned *>(queries + row * STRIDE + n * 8 + 2 * t) =
          pack_bf16(sum[4 * n + 2 * half] * inverse, sum[4 * n + 2 * half + 1] * inverse);
    }
  }
  // A warp writes its own rows.
  __syncwarp();
  const int rows = block.rows - first_row;
  bf16 *target = out + (long long)(block.row + first_row) * stride + head * E;
  for (int index = lane; index < 16 * N_TILES; index += 32) {
    const int row = index / N_TILES, chunk = index % N_TILES;
    if (row < rows) {
      *reinterpret_cast<BVector8 *>(target + row * stride + chunk * 8) =
          *reinterpret_cast<const BVector8 *>(queries + (first_row + row) * STRIDE + chunk * 8);
    }
  }
}
