// Products of a warpgroup of four warps (wgmma, compute capability 9.0): 64 rows at a time, factors from shared memory or
// registers. Each function has a second body for the emulation on the processor.

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
