// The beginning of every kernel source: bfloat16, reductions, and the instructions of tensor cores and asynchronous
// copies. Only this file and warpgroup_products.cuh have inline PTX; each function that has some has a second body for the
// emulation on the processor (CARINA_EMULATED, Tests/CUDAEmulation). Blocks are one-dimensional; every thread of a block
// calls the functions of a block, every lane of a warp those of a warp.

// MARK: Dynamic shared memory

// CARINA_SHARED(float, rows); declares `float *rows`: the start of the block's dynamic shared memory, 128-byte aligned.
#ifdef CARINA_EMULATED
#define CARINA_SHARED(type, name) type *name = reinterpret_cast<type *>(carina_emulation::dynamic_shared())
#else
extern __shared__ __align__(128) unsigned char carina_dynamic_shared[];
#define CARINA_SHARED(type, name) type *name = reinterpret_cast<type *>(carina_dynamic_shared)
#endif

// MARK: Numbers

// The upper half of a float's bits.
struct bf16 {
  unsigned short bits;
};

// 16 bytes of floats: one load or store.
struct alignas(16) Vector4 {
  float v[4];
};

// 16 bytes of bfloat16: one load or store.
struct alignas(16) BVector8 {
  bf16 v[8];
};

__device__ __forceinline__ float to_float(float value) { return value; }

__device__ __forceinline__ float to_float(bf16 value) { return __uint_as_float(unsigned(value.bits) << 16); }

// The nearest bfloat16, ties to even; NaN stays NaN.
__device__ __forceinline__ bf16 to_bf16(float value) {
  bf16 result;
#ifdef CARINA_EMULATED
  result.bits = carina_emulation::bfloat16_bits(value);
#else
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
#endif
  return result;
}

// Two bfloat16 in a register, `low` in the lower half: the first of the two in memory.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
#ifdef CARINA_EMULATED
  return carina_emulation::bfloat16_bits(low) | unsigned(carina_emulation::bfloat16_bits(high)) << 16;
#else
  unsigned result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#endif
}

// The two floats of a register that pack_bf16 filled.
__device__ __forceinline__ float low_float(unsigned pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float high_float(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

// One element of an fp32 or bf16 array as a float.
template <class T>
__device__ __forceinline__ float load(const T *address) {
  return to_float(*address);
}

__device__ __forceinline__ void store(float *address, float value) { *address = value; }

__device__ __forceinline__ void store(bf16 *address, float value) { *address = to_bf16(value); }

// 2^x with an error of 2 units in the last place; denormal results are 0.
__device__ __forceinline__ float exp2_fast(float x) {
#ifdef CARINA_EMULATED
  return exp2f(x);
#else
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// tanh with a relative error of 2^-11: for results that are stored as bfloat16.
__device__ __forceinline__ float fast_tanh(float x) {
#ifdef CARINA_EMULATED
  return tanhf(x);
#else
  float result;
  asm("tanh.approx.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// MARK: Reductions

struct SumOf {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};

// NaN wins, so that a row with a NaN gives NaN.
struct MaximumOf {
  __device__ __forceinline__ float operator()(float a, float b) const { return a > b || a != a ? a : b; }
};

// Over the 32 lanes of a full warp. Each lane gets the same bits: every step adds the same two numbers in both lanes.
template <class T, class Operation>
__device__ __forceinline__ T warp_reduce(T value, Operation operation) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value = operation(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  return value;
}

// Over the block's threads, of which there may be any number up to 1024; each thread gets the result.
template <class T, class Operation>
__device__ __forceinline__ T block_reduce(T value, Operation operation) {
  __shared__ T partial[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int lanes = min(32, int(blockDim.x) - warp * 32);
  if (lanes == 32) {
    value = warp_reduce(value, operation);
  } else {
    // A last warp that is not full: towards lane 0, without the lanes that do not exist.
    for (int distance = 16; distance > 0; distance /= 2) {
      const T other = __shfl_down_sync(0xffffffffu >> (32 - lanes), value, distance);
      if (lane + distance < lanes) value = operation(value, other);
    }
  }
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = partial[0];
  const int warps = (int(blockDim.x) + 31) / 32;
  for (int other = 1; other < warps; ++other) value = operation(value, partial[other]);
  // The next reduction writes `partial`.
  __syncthreads();
  return value;
}

__device__ __forceinline__ float warp_sum(float value) { return warp_reduce(value, SumOf()); }
__device__ __forceinline__ double warp_sum(double value) { return warp_reduce(value, SumOf()); }
__device__ __forceinline__ float warp_max(float value) { return warp_reduce(value, MaximumOf()); }
__device__ __forceinline__ float block_sum(float value) { return block_reduce(value, SumOf()); }
__device__ __forceinline__ double block_sum(double value) { return block_reduce(value, SumOf()); }
__device__ __forceinline__ float block_max(float value) { return block_reduce(value, MaximumOf()); }

// MARK: Tensor cores

#ifndef CARINA_EMULATED
__device__ __forceinline__ unsigned shared_address(const void *shared) {
  return static_cast<unsigned>(__cvta_generic_to_shared(shared));
}
#endif

// d[16 x 8] += a[16 x 16] · b[16 x 8], a by rows, b by columns (mma.m16n8k16). With g = lane / 4, t = lane % 4:
// d: (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1); a, pairs: (g, 2t) (g+8, 2t) (g, 2t+8) (g+8, 2t+8);
// b, pairs of rows: (2t, g) (2t+8, g).
__device__ __forceinline__ void mma_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#ifdef CARINA_EMULATED
  carina_emulation::mma_bf16(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Four 8 x 8 matrices of 16-bit elements from shared memory: lane 8·m + i gives the (16-byte aligned) address of row i of
// matrix m; r[m] gets the elements (lane / 4, 2·(lane % 4)) and the one after it.
__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], const void *shared) {
#ifdef CARINA_EMULATED
  carina_emulation::load_matrices(r, shared, false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
#endif
}

// As ldmatrix_x4, each matrix transposed: r[m] gets the elements (2·(lane % 4), lane / 4) and the one below it.
__device__ __forceinline__ void ldmatrix_x4_trans(unsigned (&r)[4], const void *shared) {
#ifdef CARINA_EMULATED
  carina_emulation::load_matrices(r, shared, true);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
#endif
}

// Two matrices; the addresses of lanes 0 to 15 count.
__device__ __forceinline__ void ldmatrix_x2(unsigned (&r)[2], const void *shared) {
#ifdef CARINA_EMULATED
  carina_emulation::load_matrices(r, shared, false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(shared))
               : "memory");
#endif
}

__device__ __forceinline__ void ldmatrix_x2_trans(unsigned (&r)[2], const void *shared) {
#ifdef CARINA_EMULATED
  carina_emulation::load_matrices(r, shared, true);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(shared))
               : "memory");
#endif
}

// MARK: Asynchronous copies

// 16 bytes from global to shared memory, both 16-byte aligned; zeros where not `valid` (the source is not read then).
__device__ __forceinline__ void cp_async_16(void *shared, const void *global, bool valid) {
#ifdef CARINA_EMULATED
  carina_emulation::copy_later(shared, global, valid);
#else
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
#endif
}

// Ends a group of this thread's copies.
__device__ __forceinline__ void cp_async_commit() {
#ifdef CARINA_EMULATED
  carina_emulation::commit_copies();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for this thread's copies, all but the last N groups; other threads see them after a barrier.
template <int N>
__device__ __forceinline__ void cp_async_wait() {
#ifdef CARINA_EMULATED
  carina_emulation::wait_for_copies(N);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

// MARK: Runs

// Runs of N numbers that one thread loads and stores at once: 16 bytes of one type, or 8 of bf16 beside 16 of fp32.

// Words as they lie in memory; an address of the alignment is loaded by one instruction.
template <int N> struct alignas(4 * N) Words { unsigned w[N]; };

// N numbers from memory; N = 1, or a multiple of 4 with an address that is one of 16 bytes (8 of four bf16).
template <int N> inline void load_run(const float *source, float (&v)[N]) {
  if (N % 4) {
    for (int i = 0; i < N; i++) v[i] = source[i];
  } else {
#pragma unroll
    for (int part = 0; part < N / 4; part++) {
      const Words<4> words = reinterpret_cast<const Words<4> *>(source)[part];
#pragma unroll
      for (int i = 0; i < 4; i++) v[(4 * part + i) % N] = __uint_as_float(words.w[i]);
    }
  }
}

template <int N> inline void load_run(const bf16 *source, float (&v)[N]) {
  if (N % 4) {
    for (int i = 0; i < N; i++) v[i] = to_float(source[i]);
  } else {
    constexpr int WORDS = N % 4 ? 1 : N % 8 ? 2 : 4;
#pragma unroll
    for (int part = 0; part < N / 2 / WORDS; part++) {
      const Words<WORDS> words = reinterpret_cast<const Words<WORDS> *>(source)[part];
#pragma unroll
      for (int i = 0; i < WORDS; i++) {
        v[(2 * (WORDS * part + i)) % N] = low_float(words.w[i]);
        v[(2 * (WORDS * part + i) + 1) % N] = high_float(words.w[i]);
      }
    }
  }
}

// N numbers to memory, rounded where it holds bf16.
template <int N> inline void store_run(float *target, const float (&v)[N]) {
  if (N % 4) {
    for (int i = 0; i < N; i++) target[i] = v[i];
  } else {
#pragma unroll
    for (int part = 0; part < N / 4; part++) {
      Words<4> words;
#pragma unroll
      for (int i = 0; i < 4; i++) words.w[i] = __float_as_uint(v[(4 * part + i) % N]);
      reinterpret_cast<Words<4> *>(target)[part] = words;
    }
  }
}

template <int N> inline void store_run(bf16 *target, const float (&v)[N]) {
  if (N % 4) {
    for (int i = 0; i < N; i++) target[i] = to_bf16(v[i]);
  } else {
    constexpr int WORDS = N % 4 ? 1 : N % 8 ? 2 : 4;
#pragma unroll
    for (int part = 0; part < N / 2 / WORDS; part++) {
      Words<WORDS> words;
#pragma unroll
      for (int i = 0; i < WORDS; i++) {
        const int at = 2 * (WORDS * part + i);
        words.w[i] = pack_bf16(v[at % N], v[(at + 1) % N]);
      }
      reinterpret_cast<Words<WORDS> *>(target)[part] = words;
    }
  }
}

template <class... T> struct AllNarrow;
template <> struct AllNarrow<> { static constexpr bool value = true; };
template <class... Rest> struct AllNarrow<float, Rest...> { static constexpr bool value = false; };
template <class... Rest> struct AllNarrow<bf16, Rest...> { static constexpr bool value = AllNarrow<Rest...>::value; };

// Numbers of a run where tensors of these types are met at the same index.
template <class... T> constexpr int run_of() { return AllNarrow<T...>::value ? 8 : 4; }

// A run's length as an argument.
template <int N> struct Length { static constexpr int value = N; };

// Whether all addresses are multiples of 16 bytes (a missing tensor is).
inline bool are_aligned() { return true; }
template <class T, class... Rest> inline bool are_aligned(const T *first, Rest... rest) {
  return (reinterpret_cast<unsigned long long>(first) & 15) == 0 && are_aligned(rest...);
}

// Calls body(index, Length<n>()) for numbers index..<index + n, together 0..<count, of the threads of `blocks` blocks of
// which this one is number `block`: in runs of N where `whole`, and the rest one by one.
template <int N, class Body>
inline void for_each_run_of(long long block, long long blocks, long long count, bool whole, Body body) {
  const long long threads = blocks * blockDim.x;
  const long long own = block * blockDim.x + threadIdx.x;
  const long long runs = whole ? count / N : 0;
  for (long long run = own; run < runs; run += threads) body(run * N, Length<N>());
  for (long long index = runs * N + own; index < count; index += threads) body(index, Length<1>());
}

// The same of the whole grid's threads.
template <int N, class Body> inline void for_each_run(long long count, bool whole, Body body) {
  for_each_run_of<N>(blockIdx.x, gridDim.x, count, whole, body);
}

// The same for a matrix [rows, width]: body(row, column, Length<n>()); a block's threads go along a row, blocks in x
// too, and blocks in y from row to row.
template <int N, class Body> inline void for_each_row_run(long long rows, long long width, bool whole, Body body) {
  const long long threads = (long long)gridDim.x * blockDim.x;
  const long long own = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  const bool runs = whole && width % N == 0;
  for (long long row = blockIdx.y; row < rows; row += gridDim.y) {
    if (runs) {
      for (long long run = own; run < width / N; run += threads) body(row, run * N, Length<N>());
    } else {
      for (long long column = own; column < width; column += threads) body(row, column, Length<1>());
    }
  }
}

// Wrappers of a template by the types of its arguments, `f` and `b` in their names.
#define CARINA_FOR_1(M) M(f, float) M(b, bf16)
#define CARINA_FOR_2(M) \
  M(ff, float, float) M(fb, float, bf16) M(bf, bf16, float) M(bb, bf16, bf16)
#define CARINA_FOR_3(M)                                                                               \
  M(fff, float, float, float) M(ffb, float, float, bf16) M(fbf, float, bf16, float) M(fbb, float, bf16, bf16) \
  M(bff, bf16, float, float) M(bfb, bf16, float, bf16) M(bbf, bf16, bf16, float) M(bbb, bf16, bf16, bf16)

// MARK: Kernels one after the other

// Waits until the kernels before are done, where this one was allowed to begin early: what stands above it may read only what no
// kernel writes.
__device__ __forceinline__ void wait_for_previous() {
#if !defined(CARINA_EMULATED) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Allows the next kernel to begin as soon as there is room.
__device__ __forceinline__ void let_next_begin() {
#if !defined(CARINA_EMULATED) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
