#pragma once
#include <stdint.h>

/// Columns of the right factor that are multiplied at a time.
enum { CARINA_FLOAT_PANEL_COLUMNS = 32 };

/// c [rows, columns] = a b, or c += a b, in fp32 in the calling thread, for factors of any distances between rows and
/// between columns. The order of a number's sum depends on `length`, the columns of a, alone; it is at least 1.
/// - memory: of `length` × CARINA_FLOAT_PANEL_COLUMNS numbers.
void carina_float_product(const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t b_row,
                          int64_t b_column, float *c, int64_t c_stride, int64_t rows, int64_t columns, int64_t length,
                          int accumulate, float *memory);
