// Attention in bfloat16 on tensor cores, in one pass over the keys without a matrix of scores in memory (Dao et al. 2022,
// FlashAttention; Dao 2023, FlashAttention-2). Its backward pass has a kernel that owns the gradients of queries and one
// that owns those of keys and values (attention_backward_queries.cu, attention_backward_keys.cu), so that nothing is added
// by several blocks and the sums have one order.

#include "attention_tiles.cuh"

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
    times_transposed<RT, CT>(s, LeftRows<RT>{queries, first_row}, step_keys);

    const int first_key = block.lower + column;
    if (first_key < block.full_lower || first_key + KEYS > block.full_upper) {
#pragma unroll
      for (int tile = 0; tile < RT; ++tile) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Range range = ranges[block.padded + first_row + tile * 16 + half * 8 + g];
          hide_unseen<RT, CT>(s, tile, half, range, first_key + 2 * t);
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
