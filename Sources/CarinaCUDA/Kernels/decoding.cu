// One more token of ROWS sequences: every matrix of weights is read once, as fast as memory gives it, and what lies between two
// products is done by the next one's blocks, each for itself, while their first weights are on the way.
// Weights and branches are bfloat16, the residual stream, gains and statistics fp32.

#ifndef ROWS
#define ROWS 1
#endif
// Steps of 1024 columns that a row of the residual stream has.
#ifndef CHUNKS
#define CHUNKS 1
#endif

namespace {

struct alignas(8) TwoPairs {
  unsigned x, y;
};

const int threads = 256, warps = threads / 32;
// Steps of 8 numbers a lane of the first row of weights that are asked for before anything else.
const int early_steps = 5;

struct Weights {
  Vector4 early[early_steps];
};

__device__ __forceinline__ Vector4 weights_at(const bf16 *matrix, long long row, int width, int column) {
  return *reinterpret_cast<const Vector4 *>(matrix + row * width + column);
}

__device__ __forceinline__ void ask_early(Weights &weights, const bf16 *matrix, long long row, int width) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int step = 0; step < early_steps; ++step) {
    const int column = step * 256 + lane * 8;
    if (column < width) weights.early[step] = weights_at(matrix, row, width, column);
  }
}

// Products of 8 weights with the same 8 columns of each row of x, in shared memory.
__device__ __forceinline__ void add_step(float (&sums)[ROWS], const Vector4 &weights, const bf16 *x, int width, int column) {
#pragma unroll
  for (int row = 0; row < ROWS; ++row) {
    const Vector4 other = *reinterpret_cast<const Vector4 *>(x + row * width + column);
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
      const unsigned a = __float_as_uint(weights.v[pair]), b = __float_as_uint(other.v[pair]);
      sums[row] = fmaf(low_float(a), low_float(b), sums[row]);
      sums[row] = fmaf(high_float(a), high_float(b), sums[row]);
    }
  }
}

// The products of a row of weights with all rows of x; each lane gets them. `early` holds the row's first steps where `asked`.
template <bool asked>
__device__ __forceinline__ void row_products(
    float (&sums)[ROWS], const bf16 *matrix, long long n, int width, const bf16 *x, const Weights &early) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int row = 0; row < ROWS; ++row) sums[row] = 0;
  int column = lane * 8;
  if (asked) {
#pragma unroll
    for (int step = 0; step < early_steps; ++step, column += 256) {
      if (column < width) add_step(sums, early.early[step], x, width, column);
    }
  }
  for (; column + 768 < width; column += 1024) {
    Vector4 step[4];
#pragma unroll
    for (int index = 0; index < 4; ++index) step[index] = weights_at(matrix, n, width, column + 256 * index);
#pragma unroll
    for (int index = 0; index < 4; ++index) add_step(sums, step[index], x, width, column + 256 * index);
  }
  for (; column < width; column += 256) add_step(sums, weights_at(matrix, n, width, column), x, width, column);
#pragma unroll
  for (int row = 0; row < ROWS; ++row) sums[row] = warp_sum(sums[row]);
}

// Calls body(n, sums of row n) for every row of weights that this warp has; `matrix_of` finds the matrix of a row and its number
// there.
template <class MatrixOf, class Body>
__device__ __forceinline__ void all_rows(
    int total, int width, const bf16 *x, const Weights &early, MatrixOf matrix_of, Body body) {
  const int first = blockIdx.x * warps + threadIdx.x / 32;
  if (first >= total) return;
  float sums[ROWS];
  int own = first;
  const bf16 *matrix = matrix_of(own);
  row_products<true>(sums, matrix, own, width, x, early);
  body(first, sums);
  for (int n = first + gridDim.x * warps; n < total; n += gridDim.x * warps) {
    own = n;
    matrix = matrix_of(own);
    row_products<false>(sums, matrix, own, width, x, early);
    body(n, sums);
  }
}

// One over the root of a row's mean square, of whose numbers each thread has some.
__device__ __forceinline__ float inverse_root(const float (&values)[CHUNKS][4], int width, float epsilon) {
  float squares = 0;
#pragma unroll
  for (int chunk = 0; chunk < CHUNKS; ++chunk) {
#pragma unroll
    for (int index = 0; index < 4; ++index) squares = fmaf(values[chunk][index], values[chunk][index], squares);
  }
  return 1 / sqrtf(block_sum(squares) / width + epsilon);
}

// sum = x + norm(branch) (or x where there is no branch), and its norm as rows of bfloat16 in shared memory; block 0 writes the
// sum. All of a row is asked for at once, four columns a thread and step.
__device__ __forceinline__ void normed_sums(
    bf16 *normed, const float *x, const bf16 *branch, const float *branch_gain, const float *gain, float epsilon, int width,
    float *sum) {
  for (int row = 0; row < ROWS; ++row) {
    float values[CHUNKS][4], branches[CHUNKS][4], branch_gains[CHUNKS][4], gains[CHUNKS][4];
#pragma unroll
    for (int chunk = 0; chunk < CHUNKS; ++chunk) {
      const int column = (chunk * threads + threadIdx.x) * 4;
      const bool is_there = column < width;
      Vector4 value = {}, own = {}, other = {};
      TwoPairs pairs = {0, 0};
      if (is_there) {
        value = *reinterpret_cast<const Vector4 *>(x + row * width + column);
        own = *reinterpret_cast<const Vector4 *>(gain + column);
        if (branch) {
          pairs = *reinterpret_cast<const TwoPairs *>(branch + row * width + column);
          other = *reinterpret_cast<const Vector4 *>(branch_gain + column);
        }
      }
#pragma unroll
      for (int index = 0; index < 4; ++index) {
        values[chunk][index] = value.v[index];
        gains[chunk][index] = own.v[index];
        branch_gains[chunk][index] = other.v[index];
      }
      branches[chunk][0] = low_float(pairs.x);
      branches[chunk][1] = high_float(pairs.x);
      branches[chunk][2] = low_float(pairs.y);
      branches[chunk][3] = high_float(pairs.y);
    }
    if (branch) {
      const float inverse = inverse_root(branches, width, epsilon);
#pragma unroll
      for (int chunk = 0; chunk < CHUNKS; ++chunk) {
#pragma unroll
        for (int index = 0; index < 4; ++index) {
          values[chunk][index] += branches[chunk][index] * inverse * (1 + branch_gains[chunk][index]);
        }
      }
    }
    const float scale = inverse_root(values, width, epsilon);
#pragma unroll
    for (int chunk = 0; chunk < CHUNKS; ++chunk) {
      const int column = (chunk * threads + threadIdx.x) * 4;
      if (column >= width) continue;
      float result[4];
      Vector4 total;
#pragma unroll
      for (int index = 0; index < 4; ++index) {
        total.v[index] = values[chunk][index];
        result[index] = values[chunk][index] * scale * (1 + gains[chunk][index]);
      }
      const TwoPairs pairs = {pack_bf16(result[0], result[1]), pack_bf16(result[2], result[3])};
      *reinterpret_cast<TwoPairs *>(normed + row * width + column) = pairs;
      if (branch && blockIdx.x == 0) *reinterpret_cast<Vector4 *>(sum + row * width + column) = total;
    }
  }
  __syncthreads();
}

__device__ __forceinline__ float gelu_tanh(float x) {
  const float inner = 0.7978845608028654f * (x + 0.044715f * x * x * x);
  return 0.5f * x * (1 + tanhf(inner));
}

}  // namespace

// Queries, keys and values of all heads, out [ROWS, query_rows + 2 · key_rows] fp32, of the norm of x + norm(branch).
extern "C" __global__ void __launch_bounds__(256, 3) decode_heads_products(
    const float *x, const bf16 *branch, const float *branch_gain, const float *gain, float epsilon, int width,
    const bf16 *query, const bf16 *key, const bf16 *value, int query_rows, int key_rows, float *sum, float *out) {
  CARINA_SHARED(bf16, normed);
  const int total = query_rows + 2 * key_rows, lane = threadIdx.x % 32;
  const int first = blockIdx.x * warps + threadIdx.x / 32;
  auto matrix_of = [&](int &n) -> const bf16 * {
    if (n < query_rows) return query;
    n -= query_rows;
    if (n < key_rows) return key;
    n -= key_rows;
    return value;
  };
  Weights early;
  let_next_begin();
  int own = min(first, total - 1);
  const bf16 *matrix = matrix_of(own);
  ask_early(early, matrix, own, width);
  wait_for_previous();
  normed_sums(normed, x, branch, branch_gain, gain, epsilon, width, sum);
  all_rows(total, width, normed, early, matrix_of, [&](int n, const float(&sums)[ROWS]) {
    if (lane != 0) return;
#pragma unroll
    for (int row = 0; row < ROWS; ++row) out[(long long)row * total + n] = sums[row];
  });
}

// Heads of the products above: queries and keys normed and rotated, queries to out [ROWS, heads · size], keys and values to their
// rows of the cache. A block takes a head of a row; its size is at most 1024 and even.
extern "C" __global__ void decode_heads(
    const float *products, const float *query_gain, const float *key_gain, float epsilon, int heads, int key_heads,
    int size, const float *cosines, const float *sines, const int *positions, const long long *cache_rows, bf16 *out,
    bf16 *keys, bf16 *values) {
  __shared__ float normed[1024];
  let_next_begin();
  wait_for_previous();
  const int head = blockIdx.x, row = blockIdx.y, total = (heads + 2 * key_heads) * size;
  const float *source = products + (long long)row * total + head * size;
  const long long cache = (long long)cache_rows[row] * key_heads * size;
  const bool is_value = head >= heads + key_heads, is_query = head < heads;
  float squares = 0;
  for (int index = threadIdx.x; index < size; index += blockDim.x) squares = fmaf(source[index], source[index], squares);
  const float inverse = 1 / sqrtf(block_sum(squares) / size + epsilon);
  const float *gain = is_query ? query_gain : key_gain;
  for (int index = threadIdx.x; index < size; index += blockDim.x) {
    normed[index] = is_value ? source[index] : source[index] * inverse * (1 + gain[index]);
  }
  __syncthreads();
  const int half = size / 2;
  const float *cosine = cosines + (long long)positions[row] * half, *sine = sines + (long long)positions[row] * half;
  bf16 *target = is_query ? out + ((long long)row * heads + head) * size
                 : is_value ? values + cache + (head - heads - key_heads) * size
                            : keys + cache + (head - heads) * size;
  for (int index = threadIdx.x; index < size; index += blockDim.x) {
    float result = normed[index];
    if (!is_value) {
      const int pair = index < half ? index : index - half;
      result = index < half ? normed[index] * cosine[pair] - normed[index + half] * sine[pair]
                            : normed[index] * cosine[pair] + normed[index - half] * sine[pair];
    }
    target[index] = to_bf16(result);
  }
}

// gelu(gate) · up of the norm of x + norm(branch), out [ROWS, rows] bfloat16.
extern "C" __global__ void __launch_bounds__(256, 3) decode_gated(
    const float *x, const bf16 *branch, const float *branch_gain, const float *gain, float epsilon, int width,
    const bf16 *gate, const bf16 *up, int rows, float *sum, bf16 *out) {
  CARINA_SHARED(bf16, normed);
  const int first = blockIdx.x * warps + threadIdx.x / 32, lane = threadIdx.x % 32;
  Weights early;
  let_next_begin();
  ask_early(early, gate, min(first, rows - 1), width);
  wait_for_previous();
  normed_sums(normed, x, branch, branch_gain, gain, epsilon, width, sum);
  all_rows(rows, width, normed, early, [&](int &) { return gate; }, [&](int n, const float(&gates)[ROWS]) {
    float ups[ROWS];
    row_products<false>(ups, up, n, width, normed, early);
    if (lane != 0) return;
#pragma unroll
    for (int row = 0; row < ROWS; ++row) out[(long long)row * rows + n] = to_bf16(gelu_tanh(gates[row]) * ups[row]);
  });
}

namespace {

// out [ROWS, rows] = x [ROWS, width] times the transposed matrix [rows, width].
template <class Out>
__device__ void products(const bf16 *x, const bf16 *matrix, int rows, int width, Out *out) {
  CARINA_SHARED(bf16, shared);
  const int first = blockIdx.x * warps + threadIdx.x / 32, lane = threadIdx.x % 32;
  Weights early;
  let_next_begin();
  ask_early(early, matrix, min(first, rows - 1), width);
  wait_for_previous();
  for (int column = threadIdx.x * 8; column < ROWS * width; column += threads * 8) {
    *reinterpret_cast<Vector4 *>(shared + column) = *reinterpret_cast<const Vector4 *>(x + column);
  }
  __syncthreads();
  all_rows(rows, width, shared, early, [&](int &) { return matrix; }, [&](int n, const float(&sums)[ROWS]) {
    if (lane != 0) return;
#pragma unroll
    for (int row = 0; row < ROWS; ++row) store(out + (long long)row * rows + n, sums[row]);
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(256) few_rows_f(
    const bf16 *x, const bf16 *matrix, int rows, int width, float *out) {
  products(x, matrix, rows, width, out);
}

extern "C" __global__ void __launch_bounds__(256) few_rows_b(
    const bf16 *x, const bf16 *matrix, int rows, int width, bf16 *out) {
  products(x, matrix, rows, width, out);
}

// The norm of x + norm(branch), out [ROWS, width] bfloat16: what the output head reads. One block.
extern "C" __global__ void __launch_bounds__(256) decode_states(
    const float *x, const bf16 *branch, const float *branch_gain, const float *gain, float epsilon, int width, float *sum,
    bf16 *out) {
  CARINA_SHARED(bf16, normed);
  let_next_begin();
  wait_for_previous();
  normed_sums(normed, x, branch, branch_gain, gain, epsilon, width, sum);
  for (int index = threadIdx.x; index < ROWS * width; index += threads) out[index] = normed[index];
}
