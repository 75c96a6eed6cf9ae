// Tiles of bfloat16 rows in shared memory and their products on tensor cores, for attention.cu and its backward passes.
// Defines: HEAD_SIZE, a multiple of 8 up to 256.

#include "attention_blocks.cuh"

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

// The left fragments of RT·16 rows of shared memory, from row `first` on.
template <int RT>
struct LeftRows {
  const bf16 *rows;
  int first;

  __device__ __forceinline__ void operator()(int step, unsigned (&a)[RT][4]) const {
#pragma unroll
    for (int tile = 0; tile < RT; ++tile) load_left(a[tile], rows + (first + tile * 16) * STRIDE, step);
  }
};

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

// -∞ for the scores of a row, in tile `tile` and half `half`, with keys that it does not see. A thread's columns begin with key
// `first_column`.
template <int RT, int CT>
__device__ __forceinline__ void hide_unseen(
    float (&s)[RT][CT][4], int tile, int half, const Range &range, int first_column) {
  const int first = range.first - first_column, last = range.last - first_column;
#pragma unroll
  for (int n = 0; n < CT; ++n) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      if (n * 8 + i < first || n * 8 + i >= last) s[tile][n][2 * half + i] = -infinity();
    }
  }
}
