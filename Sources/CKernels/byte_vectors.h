#pragma once
#include <stdint.h>

// Multiplications and additions that the compiler may put together are written as the one operation that they become,
// so that bits are the same by vectors and without, and wherever a sum is left to the product.

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

#if defined(__x86_64__)
#include <immintrin.h>

/// Compiles a function for processors with products of bytes.
#define BYTES __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
#define BYTES_INLINE \
  static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
/// Calls the function for them where the caller has asked for it.
#define BY_VECTORS(call) \
  if (by_vectors) return call

/// The first of 16 lanes, as far as so many numbers are left.
BYTES_INLINE __mmask16 lanes(int64_t left) {
  return left >= 16 ? 0xffff : (__mmask16)((1u << (left > 0 ? left : 0)) - 1);
}
#else
#define BY_VECTORS(call)
#endif
