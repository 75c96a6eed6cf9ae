// Attention in fp32, on the ordinary cores. Defines: HEAD_SIZE, up to 256. See attention_blocks.cuh for the blocks and the
// ranges.

#include "attention_blocks.cuh"

constexpr int E = HEAD_SIZE;

// In one pass over the keys, as in attention.cu. Blocks of 256 threads own 64 query rows, or 64 keys in the backward pass;
// statistics are natural logarithms.

// Rows of a tile; the columns of a head that pass through shared memory at a time, and the rows.
constexpr int TILE = 64, COLUMNS = 32, ROWS = 16;
constexpr int THREADS = 256;
// Columns of a head that a thread owns: every 16th.
constexpr int OWNED = (E + 15) / 16;

// Some rows of one head of a tensor.
struct Rows {
  const float *start;
  int stride, count;

  __device__ __forceinline__ Rows from(int row) const { return {start + (long long)row * stride, stride, count - row}; }
};

constexpr int STAGED = 2 * TILE * (COLUMNS + 1) > ROWS * E ? 2 * TILE * (COLUMNS + 1) : ROWS * E;

// The shared memory of a block: factors on their way, and a tile of weights.
struct Shared {
  float staged[STAGED];
  float weights[TILE][TILE + 1];
};

// Thread (y, x) of 16 x 16 owns rows y, y + 16, … and columns x, x + 16, … of a tile.
__device__ __forceinline__ int row_of(int i) { return threadIdx.x / 16 + 16 * i; }
__device__ __forceinline__ int column_of(int j) { return threadIdx.x % 16 + 16 * j; }

// s = a · bᵀ for 64 rows of each; rows that do not exist are zeros.
__device__ __forceinline__ void times_transposed(float (&s)[4][4], const Rows &a, const Rows &b, Shared &shared) {
  float(*left)[COLUMNS + 1] = reinterpret_cast<float(*)[COLUMNS + 1]>(shared.staged);
  float(*right)[COLUMNS + 1] = left + TILE;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) s[i][j] = 0;
  }
  for (int start = 0; start < E; start += COLUMNS) {
    __syncthreads();
    const int column = threadIdx.x % COLUMNS;
    const bool exists = start + column < E;
#pragma unroll
    for (int row = threadIdx.x / COLUMNS; row < TILE; row += THREADS / COLUMNS) {
      left[row][column] = exists && row < a.count ? a.start[(long long)row * a.stride + start + column] : 0;
      right[row][column] = exists && row < b.count ? b.start[(long long)row * b.stride + start + column] : 0;
    }
    __syncthreads();
#pragma unroll 8
    for (int k = 0; k < COLUMNS; ++k) {
      float x[4], y[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        x[i] = left[row_of(i)][k];
        y[i] = right[column_of(i)][k];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) s[i][j] = fmaf(x[i], y[j], s[i][j]);
      }
    }
  }
}

// sum [64, E] += weights [64, 64] · 64 rows of b.
__device__ __forceinline__ void add_product(float (&sum)[4][OWNED], const Rows &b, Shared &shared) {
  for (int start = 0; start < TILE; start += ROWS) {
    __syncthreads();
    if (start < b.count) {
      for (int index = threadIdx.x; index < ROWS * E; index += THREADS) {
        const int row = start + index / E;
        shared.staged[index] = row < b.count ? b.start[(long long)row * b.stride + index % E] : 0;
      }
    }
    __syncthreads();
    if (start < b.count) {
#pragma unroll 4
      for (int k = 0; k < ROWS; ++k) {
        float x[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) x[i] = shared.weights[row_of(i)][start + k];
#pragma unroll
        for (int j = 0; j < OWNED; ++j) {
          const float y = E % 16 == 0 || column_of(j) < E ? shared.staged[k * E + column_of(j)] : 0;
#pragma unroll
          for (int i = 0; i < 4; ++i) sum[i][j] = fmaf(x[i], y, sum[i][j]);
        }
      }
    }
  }
}

__device__ __forceinline__ void set_weights(const float (&s)[4][4], Shared &shared) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) shared.weights[row_of(i)][column_of(j)] = s[i][j];
  }
}

__device__ __forceinline__ void clear(float (&sum)[4][OWNED]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < OWNED; ++j) sum[i][j] = 0;
  }
}

// Rows of `sum`, each scaled, to the first `rows` rows of a tensor.
__device__ __forceinline__ void write_rows(
    const float (&sum)[4][OWNED], const float (&factor)[4], float *target, int stride, int rows) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (row_of(i) < rows) {
#pragma unroll
      for (int j = 0; j < OWNED; ++j) {
        if (column_of(j) < E) target[(long long)row_of(i) * stride + column_of(j)] = sum[i][j] * factor[i];
      }
    }
  }
}

// Over the 16 threads that own a row.
__device__ __forceinline__ float row_max(float value) {
#pragma unroll
  for (int distance = 8; distance > 0; distance /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  return value;
}

__device__ __forceinline__ float row_sum(float value) {
#pragma unroll
  for (int distance = 8; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
  return value;
}

// out [R, H·E]; lse [H, padded rows], +∞ where a row sees no key; null where no backward pass follows. Grid: heads, query
// blocks; 256 threads.
extern "C" __global__ void __launch_bounds__(THREADS) attention_float_forward(
    const float *q, const float *k, const float *v, float *out, float *lse, const QueryBlock *blocks,
    const Range *ranges, int heads, int key_heads, int padded_rows, float scale) {
  __shared__ Shared shared;
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, key_head = head / (heads / key_heads);
  const int stride = heads * E, key_stride = key_heads * E;
  const Rows queries{q + (long long)block.row * stride + head * E, stride, block.rows};
  const Rows keys{k + (long long)block.key * key_stride + key_head * E, key_stride, block.upper};
  const Rows values{v + (long long)block.key * key_stride + key_head * E, key_stride, block.upper};
  float sum[4][OWNED], largest[4], total[4];
  Range seen[4];
  clear(sum);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    largest[i] = -infinity();
    total[i] = 0;
    seen[i] = ranges[block.padded + row_of(i)];
  }
  for (int first = block.lower; first < block.upper; first += TILE) {
    float s[4][4];
    times_transposed(s, queries, keys.from(first), shared);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float most = largest[i];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int key = first + column_of(j);
        s[i][j] = key >= seen[i].first && key < seen[i].last ? s[i][j] * scale : -infinity();
        most = fmaxf(most, s[i][j]);
      }
      most = row_max(most);
      const float base = most == -infinity() ? 0 : most;
      const float correction = expf(largest[i] - base);
      largest[i] = most;
      total[i] *= correction;
#pragma unroll
      for (int j = 0; j < OWNED; ++j) sum[i][j] *= correction;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        s[i][j] = expf(s[i][j] - base);
        total[i] += s[i][j];
      }
    }
    set_weights(s, shared);
    add_product(sum, values.from(first), shared);
  }
  float inverse[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float row_total = row_sum(total[i]);
    inverse[i] = row_total == 0 ? 0 : 1 / row_total;
    if (lse != nullptr && threadIdx.x % 16 == 0) {
      lse[(long long)head * padded_rows + block.padded + row_of(i)] =
          row_total == 0 ? infinity() : largest[i] + logf(row_total);
    }
  }
  write_rows(sum, inverse, out + (long long)block.row * stride + head * E, stride, block.rows);
}

// delta [H, padded rows]: the sum of out · dout over a head. Eight threads share a row. Grid: heads, query blocks.
extern "C" __global__ void attention_float_delta(
    const float *out, const float *dout, float *delta, const QueryBlock *blocks, int heads, int padded_rows) {
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, part = threadIdx.x % 8;
  for (int row = threadIdx.x / 8; row < TILE; row += THREADS / 8) {
    const long long offset = ((long long)block.row + row) * heads * E + head * E;
    float sum = 0;
    if (row < block.rows) {
      for (int column = part; column < E; column += 8) sum = fmaf(out[offset + column], dout[offset + column], sum);
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    sum += __shfl_xor_sync(0xffffffffu, sum, 4);
    if (part == 0) delta[(long long)head * padded_rows + block.padded + row] = sum;
  }
}

// dq [R, H·E]. Grid: heads, query blocks; 256 threads.
extern "C" __global__ void __launch_bounds__(THREADS) attention_float_backward_queries(
    const float *q, const float *k, const float *v, const float *dout, const float *lse, const float *delta, float *dq,
    const QueryBlock *blocks, const Range *ranges, int heads, int key_heads, int padded_rows, float scale) {
  __shared__ Shared shared;
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, key_head = head / (heads / key_heads);
  const int stride = heads * E, key_stride = key_heads * E;
  const long long offset = (long long)block.row * stride + head * E;
  const Rows queries{q + offset, stride, block.rows}, slopes{dout + offset, stride, block.rows};
  const Rows keys{k + (long long)block.key * key_stride + key_head * E, key_stride, block.upper};
  const Rows values{v + (long long)block.key * key_stride + key_head * E, key_stride, block.upper};
  const long long statistic = (long long)head * padded_rows + block.padded;
  float sum[4][OWNED], factor[4], row_lse[4], row_delta[4];
  Range seen[4];
  clear(sum);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    factor[i] = scale;
    seen[i] = ranges[block.padded + row_of(i)];
    row_lse[i] = lse[statistic + row_of(i)];
    row_delta[i] = delta[statistic + row_of(i)];
  }
  for (int first = block.lower; first < block.upper; first += TILE) {
    float s[4][4], ds[4][4];
    times_transposed(s, queries, keys.from(first), shared);
    times_transposed(ds, slopes, values.from(first), shared);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int key = first + column_of(j);
        const float weight = expf(s[i][j] * scale - row_lse[i]);
        ds[i][j] = key >= seen[i].first && key < seen[i].last ? weight * (ds[i][j] - row_delta[i]) : 0;
      }
    }
    set_weights(ds, shared);
    add_product(sum, keys.from(first), shared);
  }
  write_rows(sum, factor, dq + offset, stride, block.rows);
}

// dk and dv [S, K·E]: a block owns 64 keys of one key-value head. Grid: key-value heads, key blocks; 256 threads.
extern "C" __global__ void __launch_bounds__(THREADS) attention_float_backward_keys(
    const float *q, const float *k, const float *v, const float *dout, const float *lse, const float *delta, float *dk,
    float *dv, const KeyBlock *blocks, const Range *ranges, int heads, int key_heads, int padded_rows, float scale) {
  __shared__ Shared shared;
  const KeyBlock block = blocks[blockIdx.y];
  const int key_head = blockIdx.x, group = heads / key_heads;
  const int stride = heads * E, key_stride = key_heads * E;
  const long long key_offset = (long long)block.key * key_stride + key_head * E;
  const Rows keys{k + key_offset, key_stride, block.keys}, values{v + key_offset, key_stride, block.keys};
  float dkeys[4][OWNED], dvalues[4][OWNED];
  clear(dkeys);
  clear(dvalues);
  for (int head = key_head * group; head < (key_head + 1) * group; ++head) {
    const long long offset = (long long)block.row * stride + head * E;
    const Rows queries{q + offset, stride, block.rows}, slopes{dout + offset, stride, block.rows};
    const long long statistic = (long long)head * padded_rows + block.padded;
    for (int first = block.lower / TILE * TILE; first < block.upper; first += TILE) {
      float s[4][4], ds[4][4];
      times_transposed(s, keys, queries.from(first), shared);
      times_transposed(ds, values, slopes.from(first), shared);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int row = first + column_of(j);
        const Range range = ranges[block.padded + row];
        const float row_lse = lse[statistic + row], row_delta = delta[statistic + row];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int key = block.column + row_of(i);
          const bool seen = key >= range.first && key < range.last;
          const float weight = expf(s[i][j] * scale - row_lse);
          s[i][j] = seen ? weight : 0;
          ds[i][j] = seen ? weight * (ds[i][j] - row_delta) : 0;
        }
      }
      set_weights(s, shared);
      add_product(dvalues, slopes.from(first), shared);
      __syncthreads();
      set_weights(ds, shared);
      add_product(dkeys, queries.from(first), shared);
    }
  }
  float factor[4], one[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    factor[i] = scale;
    one[i] = 1;
  }
  write_rows(dkeys, factor, dk + key_offset, key_stride, block.keys);
  write_rows(dvalues, one, dv + key_offset, key_stride, block.keys);
}
