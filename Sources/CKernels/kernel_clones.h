#pragma once

/// Compiles a function three times, for AVX-512, AVX2 and plain x86-64; the loader picks one at start.
#if defined(__x86_64__)
#define CARINA_KERNEL \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CARINA_KERNEL
#endif

/// Part of a kernel: must be inlined, so that it is compiled for the kernel's instruction set.
#define CARINA_INLINE static inline __attribute__((always_inline))

/// Lets the compiler keep a sum in several lanes. The order is fixed at compile time, so results repeat.
#define CARINA_FAST_SUMS _Pragma("clang fp reassociate(on) contract(fast)")
