#include "processor.h"

#if defined(__x86_64__)
int carina_has_bfloat16_products(void) { return __builtin_cpu_supports("avx512bf16") != 0; }
int carina_has_avx512(void) { return __builtin_cpu_supports("avx512bw") != 0; }
int carina_has_avx2(void) { return __builtin_cpu_supports("avx2") != 0; }
#else
int carina_has_bfloat16_products(void) { return 0; }
int carina_has_avx512(void) { return 0; }
int carina_has_avx2(void) { return 0; }
#endif
