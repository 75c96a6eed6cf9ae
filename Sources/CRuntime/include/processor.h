#pragma once

/// Whether the processor multiplies bfloat16 in vectors, and how wide its vectors are.
int carina_has_bfloat16_products(void);
int carina_has_avx512(void);
int carina_has_avx2(void);
