#pragma once
#include "byte_product.h"

// A panel is a run of groups. Each begins with the sums of its columns, negated, as 32-bit numbers; words follow, the
// j-th of which holds numbers 4j to 4j + 3 of every column side by side.
enum { COLUMNS = CARINA_BYTE_PANEL_COLUMNS, WORD = 4 * COLUMNS, VECTORS = COLUMNS / 16 };

static inline int64_t words_of(int64_t count) { return (count + 3) / 4; }
