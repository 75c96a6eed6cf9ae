// What the kernels of attention are told about rows and keys: the arrays of AttentionPlan.
//
// Rows of queries and keys are packed as `AttentionLayout` says. In `ranges` and the statistics each sequence has its rows
// at `padded`, a multiple of 128, so that tiles of rows are aligned there and end within the array. A query sees the keys
// first ..< last of its sequence.

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

// A tile of keys of one sequence (see AttentionPlan).
struct KeyBlock {
  int key, keys;             // first row in the key tensor, and how many
  int row, rows;             // the sequence's rows in the query tensor
  int padded;                // index of the sequence's first row in ranges and statistics
  int lower, upper;          // rows of the sequence that see any of the keys
  int full_lower, full_upper;  // rows of the sequence that see all of them
  int column;                // the first key, counted from the sequence's first
};

constexpr int power_of_two_up_to(int number) {
  int power = 1;
  while (2 * power <= number) power *= 2;
  return power;
}
