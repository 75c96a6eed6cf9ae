// Functions of CUDA C that a thread needs alone.
#pragma once

// MARK: Bits

static inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
static inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  return bits;
}
static inline float __int_as_float(int bits) { return __uint_as_float(unsigned(bits)); }
static inline int __float_as_int(float value) { return int(__float_as_uint(value)); }
static inline double __longlong_as_double(long long bits) {
  double value;
  memcpy(&value, &bits, 8);
  return value;
}
static inline long long __double_as_longlong(double value) {
  long long bits;
  memcpy(&bits, &value, 8);
  return bits;
}
static inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
static inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }
static inline int __ffs(int bits) { return __builtin_ffs(bits); }
static inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }
static inline int __clz(int bits) { return bits ? __builtin_clz(unsigned(bits)) : 32; }
static inline int __clzll(long long bits) { return bits ? __builtin_clzll((unsigned long long)bits) : 64; }
static inline unsigned __brev(unsigned bits) {
  unsigned result = 0;
  for (int index = 0; index < 32; ++index) result |= (bits >> index & 1) << (31 - index);
  return result;
}
static inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const unsigned long long bytes = (unsigned long long)high << 32 | low;
  unsigned result = 0;
  for (int index = 0; index < 4; ++index) {
    const unsigned choice = selector >> (4 * index);
    unsigned byte = unsigned(bytes >> (8 * (choice & 7))) & 0xff;
    if (choice & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * index);
  }
  return result;
}
static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned((((unsigned long long)high << 32 | low) << (shift & 31)) >> 32);
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) >> (shift & 31));
}
static inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
static inline int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}

// MARK: Arithmetic

#define CARINA_EMULATION_MIN_MAX(type, first, second)                                          \
  static inline type min(first a, second b) { return (type)b < (type)a ? (type)b : (type)a; } \
  static inline type max(first a, second b) { return (type)a < (type)b ? (type)b : (type)a; }
CARINA_EMULATION_MIN_MAX(int, int, int)
CARINA_EMULATION_MIN_MAX(unsigned, unsigned, unsigned)
CARINA_EMULATION_MIN_MAX(unsigned, int, unsigned)
CARINA_EMULATION_MIN_MAX(unsigned, unsigned, int)
CARINA_EMULATION_MIN_MAX(long, long, long)
CARINA_EMULATION_MIN_MAX(unsigned long, unsigned long, unsigned long)
CARINA_EMULATION_MIN_MAX(long long, long long, long long)
CARINA_EMULATION_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
// Macros, because the C library declares functions of these names.
#define __expf expf
#define __exp10f exp10f
#define __logf logf
#define __log2f log2f
#define __log10f log10f
#define __sinf sinf
#define __cosf cosf
#define __tanf tanf
#define __tanhf tanhf
#define __powf powf
#define __sincosf sincosf
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
static inline float __frsqrt_rn(float x) { return float(1 / sqrt(double(x))); }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frcp_rn(float x) { return 1 / x; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
// These two are never joined to a fused operation: the result passes through memory.
static inline float __fadd_rn(float a, float b) {
  volatile float sum = a + b;
  return sum;
}
static inline float __fmul_rn(float a, float b) {
  volatile float product = a * b;
  return product;
}
static inline float __fsub_rn(float a, float b) { return __fadd_rn(a, -b); }
static inline int __float2int_rn(float x) { return int(lrintf(x)); }
static inline int __float2int_rz(float x) { return int(x); }
static inline int __float2int_rd(float x) { return int(floorf(x)); }
static inline unsigned __float2uint_rn(float x) { return unsigned(llrintf(x)); }
static inline unsigned __float2uint_rz(float x) { return unsigned(x); }
static inline float __int2float_rn(int x) { return float(x); }
static inline float __uint2float_rn(unsigned x) { return float(x); }
static inline float __double2float_rn(double x) { return float(x); }

// MARK: Memory

template <class T>
static inline T __ldg(const T *address) {
  return *address;
}
template <class T>
static inline T __ldcs(const T *address) {
  return *address;
}
template <class T>
static inline T __ldcg(const T *address) {
  return *address;
}
template <class T>
static inline T __ldca(const T *address) {
  return *address;
}
template <class T>
static inline T __ldlu(const T *address) {
  return *address;
}
template <class T>
static inline void __stcs(T *address, T value) {
  *address = value;
}
template <class T>
static inline void __stcg(T *address, T value) {
  *address = value;
}
template <class T>
static inline void __stwb(T *address, T value) {
  *address = value;
}
static inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
static inline void __threadfence_block() {}

// Atomics for integers only: sums of floating-point numbers in an order that depends on timing are against the rules.
#define CARINA_EMULATION_ATOMICS(type)                                                                             \
  static inline type atomicAdd(type *at, type value) { return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST); }    \
  static inline type atomicOr(type *at, type value) { return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST); }      \
  static inline type atomicAnd(type *at, type value) { return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST); }    \
  static inline type atomicExch(type *at, type value) { return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST); }  \
  static inline type atomicCAS(type *at, type expected, type value) {                                              \
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                   \
    return expected;                                                                                               \
  }                                                                                                                \
  static inline type atomicMax(type *at, type value) {                                                             \
    type old = *at;                                                                                                \
    while (old < value && !__atomic_compare_exchange_n(at, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) \
      ;                                                                                                            \
    return old;                                                                                                    \
  }                                                                                                                \
  static inline type atomicMin(type *at, type value) {                                                             \
    type old = *at;                                                                                                \
    while (value < old && !__atomic_compare_exchange_n(at, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) \
      ;                                                                                                            \
    return old;                                                                                                    \
  }
CARINA_EMULATION_ATOMICS(int)
CARINA_EMULATION_ATOMICS(unsigned)
CARINA_EMULATION_ATOMICS(unsigned long long)

[[noreturn]] static inline void __trap() { carina_emulation::stop("__trap()"); }

#define __syncthreads() carina_emulation::barrier(__LINE__)
#define __syncthreads_count(predicate) carina_emulation::barrier_count(__LINE__, predicate)
#define __syncthreads_or(predicate) (carina_emulation::barrier_count(__LINE__, predicate) != 0)
#define __syncthreads_and(predicate) (carina_emulation::barrier_count(__LINE__, !(predicate)) == 0)
