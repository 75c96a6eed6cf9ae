// Attention in bfloat16 on tensor cores, in one pass over the keys without a matrix of scores in memory (Dao et al. 2022,
// FlashAttention; Dao 2023, FlashAttention-2). Defines: HEAD_SIZE, a multiple of 8 up to 256; BACKWARD_PASS for the
// kernels of the backward pass in place of the forward one.
//
// Rows of queries and keys are packed as `AttentionLayout` says. In `ranges` and the statistics each sequence has its rows
// at `padded`, a multiple of 128, so that tiles of rows are aligned there and end within the array. A query sees the keys
// first ..< last of its sequence. The backward pass has one kernel that owns the gradients of keys and values and one that
// owns those of queries, so that nothing is added by several blocks and the sums have one order.

constexpr int E = HEAD_SIZE;
// Elements of a row in shared memory: an odd number of 16-byte units, so that eight rows lie in different banks.
constexpr int STRIDE = E % 16 == 0 ? E + 8 : E;
constexpr int K_STEPS = (E + 15) / 16;
constexpr int N_TILES = E / 8;

// Query rows of a block, its warps, their row tiles of 16, keys of a step, and buffers for keys and values.
constexpr int QUERY_WARPS = 4;
constexpr int QUERY_TILES = E <= 128 ? 2 : 1;
constexpr int QUERY_ROWS = QUERY_WARPS * QUERY_TILES * 16;
constexpr int STAGES = E <= 128 ? 2 : 1;

__device__ __forceinline__ float infinity() { return __uint_as_float(0x7f800000u); }

struct Range {
  int first, last;
};

// A tile of query rows of one sequence (see AttentionPlan).
struct QueryBlock {
  int row, rows;             // first row in the query tensor, and how many
  int key;                   // row in the key tensor where the sequence's keys begin
  int padded;                // index of the first row in ranges and statistics
  int lower, upper;          // keys that any of the rows sees
  int full_lower, full_upper;  // keys that all of them see
};

// A tile of keys of one sequence (see AttentionPlan).
struct KeyBlock {
  int key, keys;             // first row in the key tensor, and how many
  int row, rows;             // the sequence's rows in the query tensor
  int padded;                // index of the sequence's first row in ranges and statistics
  int lower, upper;          // rows of the sequence that see any of the keys
  int full_lower, full_upper;  // rows of the sequence that see all of them
  int column;                // the first key, counted from the sequence's first
};

constexpr int power_of_two_up_to(int number) {
  int power = 1;
  while (2 * power <= number) power *= 2;
  return power;
}

// ROWS rows of shared memory from rows of a tensor; zeros from row `rows` on. A thread keeps its column, so that few addresses
// are held in registers: a power of two of the 16-byte columns from FIRST on at a time.
template <int ROWS, int THREADS, int FIRST = 0>
__device__ __forceinline__ void stage_rows(bf16 *target, const bf16 *source, int stride, int rows) {
  constexpr int WIDTH = power_of_two_up_to(N_TILES - FIRST), APART = THREADS / WIDTH;
  const int first = threadIdx.x / WIDTH, column = (FIRST + threadIdx.x % WIDTH) * 8;
  const bf16 *from = source + first * stride + column;
  bf16 *to = target + first * STRIDE + column;
#pragma unroll
  for (int row = 0; row < ROWS; row += APART) {
    // The source of a row that does not exist is not read.
    if (ROWS % APART == 0 || first + row < ROWS) cp_async_16(to + row * STRIDE, from, first + row < rows);
    from += APART * stride;
  }
  if constexpr (FIRST + WIDTH < N_TILES) stage_rows<ROWS, THREADS, FIRST + WIDTH>(target, source, stride, rows);
}

// The left factor of step `step` over the head: 16 rows from `rows`, 16 columns, of which a head of 8·odd has 8 at the end.
__device__ __forceinline__ void load_left(unsigned (&a)[4], const bf16 *rows, int step) {
  const int lane = threadIdx.x % 32;
  const bool half = E % 16 != 0 && step == K_STEPS - 1;
  ldmatrix_x4(a, rows + (lane % 16) * STRIDE + step * 16 + (half ? 0 : lane / 16 * 8));
  if (half) a[2] = a[3] = 0;
}

// s [RT·16, CT·8] += left [.., E] · (rows of b [CT·8, E])ᵀ; `left` gives the left fragments of a step.
template <int RT, int CT, class Left>
__device__ __forceinline__ void times_transposed(float (&s)[RT][CT][4], Left left, const bf16 *b) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int step = 0; step < K_STEPS; ++step) {
    const bool half = E % 16 != 0 && step == K_STEPS - 1;
    unsigned a[RT][4];
    left(step, a);
    const bf16 *source = b + (lane % 8 + lane / 16 * 8) * STRIDE + step * 16 + (half ? 0 : lane / 8 % 2 * 8);
#pragma unroll
    for (int pair = 0; pair < CT / 2; ++pair) {
      unsigned r[4];
      ldmatrix_x4(r, source + pair * 16 * STRIDE);
      const unsigned low[2] = {r[0], half ? 0 : r[1]}, high[2] = {r[2], half ? 0 : r[3]};
#pragma unroll
      for (int tile = 0; tile < RT; ++tile) {
        mma_bf16(s[tile][2 * pair], a[tile], low);
        mma_bf16(s[tile][2 * pair + 1], a[tile], high);
      }
    }
  }
}

// sum [RT·16, NT·8] += a [RT·16, 16] · (16 rows of b, NT·8 columns). Of the columns only `tiles` eights exist.
template <int RT, int NT>
__device__ __forceinline__ void add_product(
    float (&sum)[RT][NT][4], const unsigned (&a)[RT][4], const bf16 *b, int tiles = NT) {
  const int lane = threadIdx.x % 32;
  const bf16 *source = b + (lane % 16) * STRIDE;
#pragma unroll
  for (int tile = 0; tile < NT; tile += 2) {
    if (tile + 1 < NT && tile + 1 < tiles) {
      unsigned r[4];
      ldmatrix_x4_trans(r, source + tile * 8 + lane / 16 * 8);
      const unsigned low[2] = {r[0], r[1]}, high[2] = {r[2], r[3]};
#pragma unroll
      for (int row = 0; row < RT; ++row) {
        mma_bf16(sum[row][tile], a[row], low);
        mma_bf16(sum[row][tile + 1 < NT ? tile + 1 : tile], a[row], high);
      }
    } else if (tile < tiles) {
      unsigned r[2];
      ldmatrix_x2_trans(r, source + tile * 8);
#pragma unroll
      for (int row = 0; row < RT; ++row) mma_bf16(sum[row][tile], a[row], r);
    }
  }
}

// Results of a product as the left factor of the next: columns 16·step ..< 16·step + 16.
template <int RT, int CT>
__device__ __forceinline__ void as_left(unsigned (&a)[RT][4], const float (&s)[RT][CT][4], int step) {
#pragma unroll
  for (int tile = 0; tile < RT; ++tile) {
    a[tile][0] = pack_bf16(s[tile][2 * step][0], s[tile][2 * step][1]);
    a[tile][1] = pack_bf16(s[tile][2 * step][2], s[tile][2 * step][3]);
    a[tile][2] = pack_bf16(s[tile][2 * step + 1][0], s[tile][2 * step + 1][1]);
    a[tile][3] = pack_bf16(s[tile][2 * step + 1][2], s[tile][2 * step + 1][3]);
  }
}

template <int RT, int CT>
__device__ __forceinline__ void clear(float (&s)[RT][CT][4]) {
#pragma unroll
  for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
    for (int column = 0; column < CT; ++column) {
#pragma unroll
      for (int i = 0; i < 4; ++i) s[tile][column][i] = 0;
    }
  }
}

// RT·16 rows of a warp, each scaled, to a tensor, through rows of shared memory that only this warp uses.
template <int RT>
__device__ __forceinline__ void write_rows(
    const float (&sum)[RT][N_TILES][4], const float (&factor)[RT][2], bf16 *shared, bf16 *target, int stride,
    int rows) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  __syncwarp();
#pragma unroll
  for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int n = 0; n < N_TILES; ++n) {
        const unsigned pair =
            pack_bf16(sum[tile][n][2 * half] * factor[tile][half], sum[tile][n][2 * half + 1] * factor[tile][half]);
        *reinterpret_cast<unsigned *>(shared + (tile * 16 + half * 8 + g) * STRIDE + n * 8 + 2 * t) = pair;
      }
    }
  }
  __syncwarp();
  for (int index = lane; index < RT * 16 * N_TILES; index += 32) {
    const int row = index / N_TILES, chunk = index % N_TILES;
    if (row < rows) {
      *reinterpret_cast<BVector8 *>(target + row * stride + chunk * 8) =
          *reinterpret_cast<const BVector8 *>(shared + row * STRIDE + chunk * 8);
    }
  }
}

#ifndef BACKWARD_PASS

constexpr int KEYS = 64;

// out [R, H·E]; lse [H, padded rows] gets the base-2 logarithm of each row's sum of exponentials, +∞ where it sees no
// key; null where no backward pass follows. Grid: heads, query blocks; 128 threads; shared: AttentionTiles.forwardBytes.
extern "C" __global__ void __launch_bounds__(QUERY_WARPS * 32, 2) attention_forward(
    const bf16 *q, const bf16 *k, const bf16 *v, bf16 *out, float *lse, const QueryBlock *blocks, const Range *ranges,
    int heads, int key_heads, int padded_rows, float scale) {
  CARINA_SHARED(bf16, queries);
  bf16 *keys = queries + QUERY_ROWS * STRIDE, *values = keys + STAGES * KEYS * STRIDE;
  constexpr int THREADS = QUERY_WARPS * 32, RT = QUERY_TILES, CT = KEYS / 8;
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, key_head = head / (heads / key_heads);
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, first_row = threadIdx.x / 32 * RT * 16;
  const int stride = heads * E, key_stride = key_heads * E;
  const long long key_offset = (long long)(block.key + block.lower) * key_stride + key_head * E;
  const bf16 *key_rows = k + key_offset, *value_rows = v + key_offset;
  const int count = block.upper - block.lower, steps = (count + KEYS - 1) / KEYS;
  const float scale2 = scale * 1.4426950408889634f;

  float sum[RT][N_TILES][4];
  clear(sum);
  float largest[RT][2], total[RT][2];
#pragma unroll
  for (int tile = 0; tile < RT; ++tile) {
    largest[tile][0] = largest[tile][1] = -infinity();
    total[tile][0] = total[tile][1] = 0;
  }

  if (steps > 0) {
    stage_rows<QUERY_ROWS, THREADS>(queries, q + (long long)block.row * stride + head * E, stride, block.rows);
    stage_rows<KEYS, THREADS>(keys, key_rows, key_stride, count);
    if (STAGES == 2) stage_rows<KEYS, THREADS>(values, value_rows, key_stride, count);
  }
  cp_async_commit();

  for (int step = 0; step < steps; ++step) {
    const int column = step * KEYS, next = column + KEYS, buffer = STAGES == 2 ? step % 2 : 0;
    const bf16 *step_keys = keys + buffer * KEYS * STRIDE, *step_values = values + buffer * KEYS * STRIDE;
    cp_async_wait<0>();
    __syncthreads();
    if (STAGES == 2) {
      if (next < count) {
        stage_rows<KEYS, THREADS>(
            keys + (1 - buffer) * KEYS * STRIDE, key_rows + next * key_stride, key_stride, count - next);
        stage_rows<KEYS, THREADS>(
            values + (1 - buffer) * KEYS * STRIDE, value_rows + next * key_stride, key_stride, count - next);
      }
    } else {
      stage_rows<KEYS, THREADS>(values, value_rows + column * key_stride, key_stride, count - column);
    }
    cp_async_commit();

    float s[RT][CT][4];
    clear(s);
    times_transposed<RT, CT>(
        s,
        [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
          for (int tile = 0; tile < RT; ++tile) load_left(a[tile], queries + (first_row + tile * 16) * STRIDE, step);
        },
        step_keys);

    const int first_key = block.lower + column;
    if (first_key < block.full_lower || first_key + KEYS > block.full_upper) {
#pragma unroll
      for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Range range = ranges[block.padded + first_row + tile * 16 + half * 8 + g];
          const int first = range.first - first_key - 2 * t, last = range.last - first_key - 2 * t;
#pragma unroll
          for (int n = 0; n < CT; ++n) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
              if (n * 8 + i < first || n * 8 + i >= last) s[tile][n][2 * half + i] = -infinity();
            }
          }
        }
      }
    }

#pragma unroll
    for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float most = largest[tile][half];
#pragma unroll
        for (int n = 0; n < CT; ++n) most = fmaxf(most, fmaxf(s[tile][n][2 * half], s[tile][n][2 * half + 1]));
        most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
        most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
        const float base = most == -infinity() ? 0 : most * scale2;
        const float correction = exp2_fast(fmaf(largest[tile][half], scale2, -base));
        largest[tile][half] = most;
        float row_total = total[tile][half] * correction;
#pragma unroll
        for (int n = 0; n < CT; ++n) {
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float weight = exp2_fast(fmaf(s[tile][n][2 * half + i], scale2, -base));
            s[tile][n][2 * half + i] = weight;
            row_total += weight;
          }
        }
        total[tile][half] = row_total;
#pragma unroll
        for (int n = 0; n < N_TILES; ++n) {
          sum[tile][n][2 * half] *= correction;
          sum[tile][n][2 * half + 1] *= correction;
        }
      }
    }

    if (STAGES == 1) {
      cp_async_wait<0>();
      __syncthreads();
      if (next < count) {
        stage_rows<KEYS, THREADS>(keys, key_rows + next * key_stride, key_stride, count - next);
      }
      cp_async_commit();
    }
#pragma unroll
    for (int part = 0; part < KEYS / 16; ++part) {
      unsigned a[RT][4];
      as_left<RT, CT>(a, s, part);
      add_product<RT, N_TILES>(sum, a, step_values + part * 16 * STRIDE);
    }
  }

  float inverse[RT][2];
#pragma unroll
  for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float row_total = total[tile][half];
      row_total += __shfl_xor_sync(0xffffffffu, row_total, 1);
      row_total += __shfl_xor_sync(0xffffffffu, row_total, 2);
      inverse[tile][half] = row_total > 0 ? 1 / row_total : row_total == 0 ? 0 : row_total;
      if (lse != nullptr && t == 0) {
        lse[(long long)head * padded_rows + block.padded + first_row + tile * 16 + half * 8 + g] =
            row_total == 0 ? infinity() : fmaf(largest[tile][half], scale2, log2f(row_total));
      }
    }
  }
  write_rows<RT>(
      sum, inverse, queries + first_row * STRIDE, out + (long long)(block.row + first_row) * stride + head * E, stride,
      block.rows - first_row);
}

#else

// MARK: Backward

// delta [H, padded rows]: the sum of out · dout over a head. Eight lanes share a row. Grid: heads, query blocks.
// `rounded` [R, H·E] gets dout as bfloat16 where dout is fp32.
template <class T>
__device__ __forceinline__ void delta(
    const bf16 *out, const T *dout, float *delta, bf16 *rounded, const QueryBlock *blocks, int heads, int padded_rows) {
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, part = threadIdx.x % 8;
  for (int row = threadIdx.x / 8; row < QUERY_ROWS; row += blockDim.x / 8) {
    const long long offset = ((long long)block.row + row) * heads * E + head * E;
    float sum = 0;
    if (row < block.rows) {
      for (int chunk = part; chunk < N_TILES; chunk += 8) {
        const BVector8 left = *reinterpret_cast<const BVector8 *>(out + offset + chunk * 8);
        if constexpr (sizeof(T) == 2) {
          const BVector8 right = *reinterpret_cast<const BVector8 *>(dout + offset + chunk * 8);
#pragma unroll
          for (int i = 0; i < 8; ++i) sum = fmaf(to_float(left.v[i]), to_float(right.v[i]), sum);
        } else {
          BVector8 narrow;
#pragma unroll
          for (int quarter = 0; quarter < 2; ++quarter) {
            const Vector4 right = *reinterpret_cast<const Vector4 *>(dout + offset + chunk * 8 + quarter * 4);
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              narrow.v[quarter * 4 + i] = to_bf16(right.v[i]);
              sum = fmaf(to_float(left.v[quarter * 4 + i]), to_float(narrow.v[quarter * 4 + i]), sum);
            }
          }
          *reinterpret_cast<BVector8 *>(rounded + offset + chunk * 8) = narrow;
        }
      }
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    sum += __shfl_xor_sync(0xffffffffu, sum, 4);
    if (part == 0) delta[(long long)head * padded_rows + block.padded + row] = sum;
  }
}

extern "C" __global__ void attention_delta_b(
    const bf16 *out, const bf16 *dout, float *sums, bf16 *rounded, const QueryBlock *blocks, int heads,
    int padded_rows) {
  delta(out, dout, sums, rounded, blocks, heads, padded_rows);
}

extern "C" __global__ void attention_delta_f(
    const bf16 *out, const float *dout, float *sums, bf16 *rounded, const QueryBlock *blocks, int heads,
    int padded_rows) {
  delta(out, dout, sums, rounded, blocks, heads, padded_rows);
}

// Keys of a step of the kernel of queries.
constexpr int STEP_KEYS = E <= 80 ? 64 : 32;

// dq [R, H·E]. Grid: heads, query blocks; 128 threads; shared: AttentionTiles.queryGradientBytes.
extern "C" __global__ void __launch_bounds__(QUERY_WARPS * 32, 2) attention_backward_queries(
    const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta, bf16 *dq,
    const QueryBlock *blocks, const Range *ranges, int heads, int key_heads, int padded_rows, float scale) {
  CARINA_SHARED(bf16, queries);
  bf16 *slopes = queries + QUERY_ROWS * STRIDE;
  bf16 *keys = slopes + QUERY_ROWS * STRIDE, *values = keys + STAGES * STEP_KEYS * STRIDE;
  constexpr int THREADS = QUERY_WARPS * 32, RT = QUERY_TILES, CT = STEP_KEYS / 8;
  const QueryBlock block = blocks[blockIdx.y];
  const int head = blockIdx.x, key_head = head / (heads / key_heads);
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, first_row = threadIdx.x / 32 * RT * 16;
  const int stride = heads * E, key_stride = key_heads * E;
  const long long key_offset = (long long)(block.key + block.lower) * key_stride + key_head * E;
  const bf16 *key_rows = k + key_offset, *value_rows = v + key_offset;
  const int count = block.upper - block.lower, steps = (count + STEP_KEYS - 1) / STEP_KEYS;
  const float scale2 = scale * 1.4426950408889634f;

  float sum[RT][N_TILES][4];
  clear(sum);
  float row_lse[RT][2], row_delta[RT][2], factor[RT][2];
#pragma unroll
  for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const long long index =
          (long long)head * padded_rows + block.padded + first_row + tile * 16 + half * 8 + g;
      row_lse[tile][half] = lse[index];
      row_delta[tile][half] = delta[index];
      factor[tile][half] = scale;
    }
  }

  if (steps > 0) {
    const long long offset = (long long)block.row * stride + head * E;
    stage_rows<QUERY_ROWS, THREADS>(queries, q + offset, stride, block.rows);
    stage_rows<QUERY_ROWS, THREADS>(slopes, dout + offset, stride, block.rows);
    stage_rows<STEP_KEYS, THREADS>(values, value_rows, key_stride, count);
    if (STAGES == 1) cp_async_commit();
    stage_rows<STEP_KEYS, THREADS>(keys, key_rows, key_stride, count);
  }
  cp_async_commit();

  for (int step = 0; step < steps; ++step) {
    const int column = step * STEP_KEYS, next = column + STEP_KEYS, buffer = STAGES == 2 ? step % 2 : 0;
    const bf16 *step_keys = keys + buffer * STEP_KEYS * STRIDE, *step_values = values + buffer * STEP_KEYS * STRIDE;
    if (STAGES == 2) {
      cp_async_wait<0>();
    } else {
      cp_async_wait<1>();
    }
    __syncthreads();
    if (STAGES == 2) {
      if (next < count) {
        stage_rows<STEP_KEYS, THREADS>(
            keys + (1 - buffer) * STEP_KEYS * STRIDE, key_rows + next * key_stride, key_stride, count - next);
        stage_rows<STEP_KEYS, THREADS>(
            values + (1 - buffer) * STEP_KEYS * STRIDE, value_rows + next * key_stride, key_stride, count - next);
      }
      cp_async_commit();
    }

    float dweights[RT][CT][4];
    clear(dweights);
    times_transposed<RT, CT>(
        dweights,
        [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
          for (int tile = 0; tile < RT; ++tile) load_left(a[tile], slopes + (first_row + tile * 16) * STRIDE, step);
        },
        step_values);
    if (STAGES == 1) {
      cp_async_wait<0>();
      __syncthreads();
      if (next < count) {
        stage_rows<STEP_KEYS, THREADS>(values, value_rows + next * key_stride, key_stride, count - next);
      }
      cp_async_commit();
    }

    float s[RT][CT][4];
    clear(s);
    times_transposed<RT, CT>(
        s,
        [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
          for (int tile = 0; tile < RT; ++tile) load_left(a[tile], queries + (first_row + tile * 16) * STRIDE, step);
        },
        step_keys);

    const int first_key = block.lower + column;
    const bool masked = first_key < block.full_lower || first_key + STEP_KEYS > block.full_upper;
#pragma unroll
    for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        if (masked) {
          const Range range = ranges[block.padded + first_row + tile * 16 + half * 8 + g];
          const int first = range.first - first_key - 2 * t, last = range.last - first_key - 2 * t;
#pragma unroll
          for (int n = 0; n < CT; ++n) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
              if (n * 8 + i < first || n * 8 + i >= last) s[tile][n][2 * half + i] = -infinity();
            }
          }
        }
#pragma unroll
        for (int n = 0; n < CT; ++n) {
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float weight = exp2_fast(fmaf(s[tile][n][2 * half + i], scale2, -row_lse[tile][half]));
            s[tile][n][2 * half + i] = weight * (dweights[tile][n][2 * half + i] - row_delta[tile][half]);
          }
        }
      }
    }
#pragma unroll
    for (int part = 0; part < STEP_KEYS / 16; ++part) {
      unsigned a[RT][4];
      as_left<RT, CT>(a, s, part);
      add_product<RT, N_TILES>(sum, a, step_keys + part * 16 * STRIDE);
    }
    if (STAGES == 1) {
      __syncthreads();
      if (next < count) {
        stage_rows<STEP_KEYS, THREADS>(keys, key_rows + next * key_stride, key_stride, count - next);
      }
      cp_async_commit();
    }
  }
  write_rows<RT>(
      sum, factor, queries + first_row * STRIDE, dq + (long long)(block.row + first_row) * stride + head * E, stride,
      block.rows - first_row);
}

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

  if constexpr (!SHARES_COLUMNS) {
    constexpr int RT = KEY_TILES, CT = STEP_ROWS / 8;
    const int first_key = warp * RT * 16;
    float dkeys[RT][N_TILES][4], dvalues[RT][N_TILES][4];
    clear(dkeys);
    clear(dvalues);
    int buffer = 0;
    for (int member = 0; member < group; ++member) {
      for (int step = 0; step < steps; ++step) {
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
        float s[RT][CT][4], ds[RT][CT][4];
        clear(s);
        clear(ds);
        times_transposed<RT, CT>(
            s,
            [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
              for (int tile = 0; tile < RT; ++tile) load_left(a[tile], keys + (first_key + tile * 16) * STRIDE, step);
            },
            step_queries);
        times_transposed<RT, CT>(
            ds,
            [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
              for (int tile = 0; tile < RT; ++tile) load_left(a[tile], values + (first_key + tile * 16) * STRIDE, step);
            },
            step_slopes);
        const bool masked = row < block.full_lower || row + STEP_ROWS > block.full_upper;
        weigh<RT, CT>(s, ds, statistics + buffer * STATISTICS, 0, block.column + first_key, masked, scale2);
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
        float s[RT][CT][4], ds[RT][CT][4];
        clear(s);
        clear(ds);
        times_transposed<RT, CT>(
            s,
            [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
              for (int tile = 0; tile < RT; ++tile) load_left(a[tile], keys + (first_key + tile * 16) * STRIDE, step);
            },
            step_queries + first_row * STRIDE);
        times_transposed<RT, CT>(
            ds,
            [&](int step, unsigned(&a)[RT][4]) {
#pragma unroll
              for (int tile = 0; tile < RT; ++tile) load_left(a[tile], values + (first_key + tile * 16) * STRIDE, step);
            },
            step_slopes + first_row * STRIDE);
        const bool masked = row < block.full_lower || row + STEP_ROWS > block.full_upper;
        weigh<RT, CT>(s, ds, statistics + buffer * STATISTICS, first_row, block.column + first_key, masked, scale2);
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

#endif
