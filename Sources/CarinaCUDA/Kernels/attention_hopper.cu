// Attention forward in bfloat16 on Hopper's warpgroup products (wgmma, compute capability 9.0): what `attention.cu` computes,
// with the same arguments. Defines: HEAD_SIZE, a multiple of 8 from 64 to 128; TILE_KEYS, TILE_WARPGROUPS, TILE_BLOCKS to try others.
//
// A warpgroup of four warps has 64 query rows. Tiles lie in shared memory as core matrices of 8 rows × 16 bytes, 128 bytes
// each: those of the 8 rows' columns one after another, then the next 8 rows. Weights stay in registers as the left factor
// of the second product. While it adds the values of one tile of keys, the scores of the next become weights (Shah et al.
// 2024, FlashAttention-3).

// MARK: Warpgroup products

// A tile of shared memory as a product reads it: where it begins, and the bytes from a core matrix to the next one
// along the sum (leading) and along the rows or columns of the result (stride).
#ifdef CARINA_EMULATED
struct SharedMatrix {
  const char *start;
  int leading, stride;
};
#else
typedef unsigned long long SharedMatrix;
#endif

__device__ __forceinline__ SharedMatrix shared_matrix(const bf16 *start, int leading, int stride) {
#ifdef CARINA_EMULATED
  return {reinterpret_cast<const char *>(start), leading, stride};
#else
  return (unsigned long long)((shared_address(start) & 0x3ffff) >> 4) | (unsigned long long)(leading >> 4) << 16 |
         (unsigned long long)(stride >> 4) << 32;
#endif
}

// The same, `bytes` further on.
__device__ __forceinline__ SharedMatrix advanced(SharedMatrix matrix, int bytes) {
#ifdef CARINA_EMULATED
  return {matrix.start + bytes, matrix.leading, matrix.stride};
#else
  return matrix + (bytes >> 4);
#endif
}

// Before the first product, and after registers or shared memory that products use were written otherwise.
__device__ __forceinline__ void products_begin() {
#ifndef CARINA_EMULATED
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

// Ends a group of products.
__device__ __forceinline__ void products_commit() {
#ifndef CARINA_EMULATED
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

// Waits for all groups of products but the last N.
template <int N>
__device__ __forceinline__ void products_wait() {
#ifndef CARINA_EMULATED
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
#endif
}

// What this thread wrote to shared memory is seen by products that begin after the next barrier.
__device__ __forceinline__ void shared_to_products() {
#ifndef CARINA_EMULATED
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// The compiler moves no use of these registers across.
template <int COUNT>
__device__ __forceinline__ void pin(float (&values)[COUNT]) {
#ifndef CARINA_EMULATED
#pragma unroll
  for (int i = 0; i < COUNT; ++i) asm volatile("" : "+f"(values[i])::"memory");
#endif
}

// d [64, N] (+)= a [64, 16] · b [16, N]: a warp has 16 rows; with g = lane / 4, t = lane % 4, d[4·j + i] has row g + i / 2 · 8
// and column 8·j + 2·t + i % 2. `times_rows` takes a and the rows of bᵀ from shared memory; `add_weighted` takes a as the
// left factor of mma_bf16 and the rows of b.
#ifdef CARINA_EMULATED
template <int COUNT>
__device__ __forceinline__ void times_rows(float (&d)[COUNT], SharedMatrix a, SharedMatrix b, bool adds) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  const auto element = [](SharedMatrix from, int row, int k) {
    return to_float(*reinterpret_cast<const bf16 *>(
        from.start + row / 8 * from.stride + k / 8 * from.leading + row % 8 * 16 + k % 8 * 2));
  };
  for (int index = 0; index < COUNT; ++index) {
    const int row = warp * 16 + lane / 4 + index / 2 % 2 * 8, column = index / 4 * 8 + lane % 4 * 2 + index % 2;
    float sum = adds ? d[index] : 0;
    for (int k = 0; k < 16; ++k) sum += element(a, row, k) * element(b, column, k);
    d[index] = sum;
  }
}

template <int COUNT>
__device__ __forceinline__ void add_weighted(float (&d)[COUNT], const unsigned (&a)[4], SharedMatrix b) {
  const int lane = threadIdx.x % 32;
  float rows[2][16];
  for (int k = 0; k < 16; k += 2) {
    for (int half = 0; half < 2; ++half) {
      const unsigned pair = __shfl_sync(0xffffffffu, a[k / 8 * 2 + half], lane / 4 * 4 + k % 8 / 2);
      rows[half][k] = low_float(pair);
      rows[half][k + 1] = high_float(pair);
    }
  }
  for (int index = 0; index < COUNT; ++index) {
    const int column = index / 4 * 8 + lane % 4 * 2 + index % 2;
    float sum = d[index];
    for (int k = 0; k < 16; ++k) {
      sum += rows[index / 2 % 2][k] *
             to_float(*reinterpret_cast<const bf16 *>(
                 b.start + column / 8 * b.stride + k / 8 * b.leading + k % 8 * 16 + column % 8 * 2));
    }
    d[index] = sum;
  }
}
#else
#define CARINA_D8(i)                                                                                                 \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])
#define CARINA_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define CARINA_NAMES_32 \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15" \
  ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define CARINA_OPERANDS_32 CARINA_D8(0), CARINA_D8(8), CARINA_D8(16), CARINA_D8(24)
#define CARINA_NAMES_36 \
  CARINA_NAMES_32 ",%32,%33,%34,%35"
#define CARINA_OPERANDS_36 CARINA_OPERANDS_32, CARINA_D4(32)
#define CARINA_NAMES_40 \
  CARINA_NAMES_36 ",%36,%37,%38,%39"
#define CARINA_OPERANDS_40 CARINA_OPERANDS_36, CARINA_D4(36)
#define CARINA_NAMES_48 \
  CARINA_NAMES_40 ",%40,%41,%42,%43,%44,%45,%46,%47"
#define CARINA_OPERANDS_48 CARINA_OPERANDS_40, CARINA_D8(40)
#define CARINA_NAMES_56 \
  CARINA_NAMES_48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#define CARINA_OPERANDS_56 CARINA_OPERANDS_48, CARINA_D8(48)
#define CARINA_NAMES_64 \
  CARINA_NAMES_56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#define CARINA_OPERANDS_64 CARINA_OPERANDS_56, CARINA_D8(56)
#define CARINA_NAMES_72 \
  CARINA_NAMES_64 ",%64,%65,%66,%67,%68,%69,%70,%71"
#define CARINA_OPERANDS_72 CARINA_OPERANDS_64, CARINA_D8(64)
#define CARINA_NAMES_80 \
  CARINA_NAMES_72 ",%72,%73,%74,%75,%76,%77,%78,%79"
#define CARINA_OPERANDS_80 CARINA_OPERANDS_72, CARINA_D8(72)
#define CARINA_NAMES_88 \
  CARINA_NAMES_80 ",%80,%81,%82,%83,%84,%85,%86,%87"
#define CARINA_OPERANDS_88 CARINA_OPERANDS_80, CARINA_D8(80)
#define CARINA_NAMES_96 \
  CARINA_NAMES_88 ",%88,%89,%90,%91,%92,%93,%94,%95"
#define CARINA_OPERANDS_96 CARINA_OPERANDS_88, CARINA_D8(88)
#define CARINA_NAMES_104 \
  CARINA_NAMES_96 ",%96,%97,%98,%99,%100,%101,%102,%103"
#define CARINA_OPERANDS_104 CARINA_OPERANDS_96, CARINA_D8(96)
#define CARINA_NAMES_112 \
  CARINA_NAMES_104 ",%104,%105,%106,%107,%108,%109,%110,%111"
#define CARINA_OPERANDS_112 CARINA_OPERANDS_104, CARINA_D8(104)
#define CARINA_NAMES_120 \
  CARINA_NAMES_112 ",%112,%113,%114,%115,%116,%117,%118,%119"
#define CARINA_OPERANDS_120 CARINA_OPERANDS_112, CARINA_D8(112)
#define CARINA_NAMES_128 \
  CARINA_NAMES_120 ",%120,%121,%122,%123,%124,%125,%126,%127"
#define CARINA_OPERANDS_128 CARINA_OPERANDS_120, CARINA_D8(120)

// N and half of it; then the numbers of the operands behind the sums.
#define CARINA_WARPGROUP_PRODUCT(N, HALF, I0, I1, I2, I3, I4, I5)                                                     \
  __device__ __forceinline__ void times_rows(float (&d)[HALF], SharedMatrix a, SharedMatrix b, bool adds) {           \
    asm volatile("{.reg .pred p; setp.ne.b32 p, %" #I2 ", 0; wgmma.mma_async.sync.aligned.m64n" #N                    \
                 "k16.f32.bf16.bf16 {" CARINA_NAMES_##HALF "}, %" #I0 ", %" #I1 ", p, 1, 1, 0, 0;}"                   \
                 : CARINA_OPERANDS_##HALF                                                                            \
                 : "l"(a), "l"(b), "r"(int(adds)));                                                                  \
  }                                                                                                                  \
  __device__ __forceinline__ void add_weighted(float (&d)[HALF], const unsigned (&a)[4], SharedMatrix b) {            \
    asm volatile("{.reg .pred p; setp.ne.b32 p, %" #I5 ", 0; wgmma.mma_async.sync.aligned.m64n" #N                    \
                 "k16.f32.bf16.bf16 {" CARINA_NAMES_##HALF "}, {%" #I0 ",%" #I1 ",%" #I2 ",%" #I3 "}, %" #I4          \
                 ", p, 1, 1, 1;}"                                                                                    \
                 : CARINA_OPERANDS_##HALF                                                                            \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(1));                                       \
  }
CARINA_WARPGROUP_PRODUCT(64, 32, 32, 33, 34, 35, 36, 37)
CARINA_WARPGROUP_PRODUCT(72, 36, 36, 37, 38, 39, 40, 41)
CARINA_WARPGROUP_PRODUCT(80, 40, 40, 41, 42, 43, 44, 45)
CARINA_WARPGROUP_PRODUCT(96, 48, 48, 49, 50, 51, 52, 53)
CARINA_WARPGROUP_PRODUCT(112, 56, 56, 57, 58, 59, 60, 61)
CARINA_WARPGROUP_PRODUCT(128, 64, 64, 65, 66, 67, 68, 69)
CARINA_WARPGROUP_PRODUCT(144, 72, 72, 73, 74, 75, 76, 77)
CARINA_WARPGROUP_PRODUCT(160, 80, 80, 81, 82, 83, 84, 85)
CARINA_WARPGROUP_PRODUCT(176, 88, 88, 89, 90, 91, 92, 93)
CARINA_WARPGROUP_PRODUCT(192, 96, 96, 97, 98, 99, 100, 101)
CARINA_WARPGROUP_PRODUCT(208, 104, 104, 105, 106, 107, 108, 109)
CARINA_WARPGROUP_PRODUCT(224, 112, 112, 113, 114, 115, 116, 117)
CARINA_WARPGROUP_PRODUCT(240, 120, 120, 121, 122, 123, 124, 125)
CARINA_WARPGROUP_PRODUCT(256, 128, 128, 129, 130, 131, 132, 133)
#endif

// MARK: Tiles

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

constexpr int power_of_two_up_to(int number) {
  int power = 1;
  while (2 * power <= number) power *= 2;
  return power;
}

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
      products_wait<0>();
      pin(sum);
      pack_weights(weights, s);
      rescale(sum, softmax);
      // The keys of this step and the values of the last have come; nobody reads the other buffers.
      cp_async_wait<0>();
      shared_to_products();
      __syncthreads();
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

    products_wait<0>();
    pin(sum);
    pack_weights(weights, s);
    rescale(sum, softmax);
    cp_async_wait<0>();
    shared_to_products();
    __syncthreads();
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
