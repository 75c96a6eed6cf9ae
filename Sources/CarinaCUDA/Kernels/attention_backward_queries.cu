// The backward pass of attention.cu by queries.

#include "attention_tiles.cuh"

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
    times_transposed<RT, CT>(dweights, LeftRows<RT>{slopes, first_row}, step_values);
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
    times_transposed<RT, CT>(s, LeftRows<RT>{queries, first_row}, step_keys);

    const int first_key = block.lower + column;
    const bool masked = first_key < block.full_lower || first_key + STEP_KEYS > block.full_upper;
#pragma unroll
    for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        if (masked) {
          const Range range = ranges[block.padded + first_row + tile * 16 + half * 8 + g];
          hide_unseen<RT, CT>(s, tile, half, range, first_key + 2 * t);
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
