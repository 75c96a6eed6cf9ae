// The optimizer: AdamW with weights in fp32 or two halves and moments in fp32 or 8-bit codes, and sums of squares. A launch
// takes many tensors, which a table names.

// The constants of a step that do not change from weight to weight.
struct StepConstants {
  float scale, b1, c1, b2, c2, keep, step, root, epsilon;
};

inline float stepped(float weight, float gradient, float &first, float &second, const StepConstants &k) {
  const float g = gradient * k.scale;
  // Said in full, as the compiler would not fuse the same operations in every kernel.
  first = fmaf(k.b1, first, k.c1 * g);
  second = fmaf(k.c2 * g, g, k.b2 * second);
  return fmaf(weight, k.keep, -(k.step * first / fmaf(sqrtf(second), k.root, k.epsilon)));
}

// A weight from its nearest bfloat16 and its last 16 bits (see `carina_split_float`).
inline float joined(unsigned upper, unsigned lower) { return __uint_as_float(((upper - (lower >> 15)) << 16) | lower); }

inline void split(float value, unsigned &upper, unsigned &lower) {
  unsigned bits = __float_as_uint(value);
  bits -= (bits & 0x1ffffu) == 0x8000u;
  upper = ((bits + 0x8000u) >> 16) & 0xffffu;
  lower = bits & 0xffffu;
}

// N numbers of 16 bits in words, the first in the lower half.
template <int N> inline void load_halves(const unsigned short *source, unsigned (&v)[N]) {
  if (N % 2) {
    for (int i = 0; i < N; i++) v[i] = source[i];
  } else {
    const Words<(N + 1) / 2> words = *reinterpret_cast<const Words<(N + 1) / 2> *>(source);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] = i % 2 ? words.w[i / 2] >> 16 : words.w[i / 2] & 0xffffu;
  }
}

template <int N> inline void store_halves(unsigned short *target, const unsigned (&v)[N]) {
  if (N % 2) {
    for (int i = 0; i < N; i++) target[i] = (unsigned short)v[i];
  } else {
    Words<(N + 1) / 2> words;
#pragma unroll
    for (int i = 0; i < N / 2; i++) words.w[i] = v[2 * i] | v[(2 * i + 1) % N] << 16;
    *reinterpret_cast<Words<(N + 1) / 2> *>(target) = words;
  }
}

// Weights in fp32.
struct WholeWeights {
  float *values;
  inline WholeWeights(void *value, void *remainder, long long skip) : values((float *)value + skip) {}
  inline bool isAligned() const { return are_aligned(values); }
  template <int N> inline void load(long long index, float (&v)[N]) const { load_run(values + index, v); }
  template <int N> inline void store(long long index, const float (&v)[N]) const { store_run(values + index, v); }
};

// Weights in two halves.
struct SplitWeights {
  unsigned short *upper, *lower;
  inline SplitWeights(void *value, void *remainder, long long skip)
      : upper((unsigned short *)value + skip), lower((unsigned short *)remainder + skip) {}
  inline bool isAligned() const { return are_aligned(upper, lower); }
  template <int N> inline void load(long long index, float (&v)[N]) const {
    unsigned u[N], l[N];
    load_halves(upper + index, u);
    load_halves(lower + index, l);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] = joined(u[i], l[i]);
  }
  template <int N> inline void store(long long index, const float (&v)[N]) const {
    unsigned u[N], l[N];
#pragma unroll
    for (int i = 0; i < N; i++) split(v[i], u[i], l[i]);
    store_halves(upper + index, u);
    store_halves(lower + index, l);
  }
};

// A tensor to step, as `CUDABackend+AdamW.swift` writes it: addresses, the count, and the constants of its step.
struct SteppedTensor {
  void *value, *remainder;
  const void *gradient;
  void *first, *second;
  float *firstScales, *secondScales;
  long long count;
  StepConstants constants;
  int unused;
};

// The piece of a block: `size` numbers of a tensor (the last piece has fewer).
struct Piece {
  SteppedTensor tensor;
  long long skip;
  int count;
};

// The number of the tensor to which the block belongs: starts[tensor] ..< starts[tensor + 1] are its blocks.
inline int tensor_of_block(const int *starts, int tensors) {
  __shared__ int found;
  const int block = (int)blockIdx.x;
  for (int i = (int)threadIdx.x; i < tensors; i += (int)blockDim.x) {
    if (starts[i] <= block && block < starts[i + 1]) found = i;
  }
  __syncthreads();
  return found;
}

inline Piece piece_of_block(const SteppedTensor *table, const int *starts, int tensors, int size) {
  const int number = tensor_of_block(starts, tensors);
  const SteppedTensor tensor = table[number];
  const long long skip = (long long)((int)blockIdx.x - starts[number]) * size;
  return {tensor, skip, (int)min((long long)size, tensor.count - skip)};
}

// One step with moments in fp32.
template <class Weights, class G>
inline void adamw_numbers(const SteppedTensor *table, const int *starts, int tensors, int size) {
  const Piece piece = piece_of_block(table, starts, tensors, size);
  const Weights weights(piece.tensor.value, piece.tensor.remainder, piece.skip);
  const G *gradients = (const G *)piece.tensor.gradient + piece.skip;
  float *first = (float *)piece.tensor.first + piece.skip, *second = (float *)piece.tensor.second + piece.skip;
  const StepConstants k = piece.tensor.constants;
  const bool whole = weights.isAligned() && are_aligned(gradients, first, second);
  for_each_run_of<4>(0, 1, piece.count, whole, [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float w[N], g[N], m[N], v[N];
    weights.load(index, w);
    load_run(gradients + index, g);
    load_run(first + index, m);
    load_run(second + index, v);
#pragma unroll
    for (int i = 0; i < N; i++) w[i] = stepped(w[i], g[i], m[i], v[i], k);
    weights.store(index, w);
    store_run(first + index, m);
    store_run(second + index, v);
  });
}

#define ADAMW(letters, G)                                                                               \
  extern "C" __global__ void adamw_##letters(                                                           \
      const SteppedTensor *table, const int *starts, int tensors, int size) {                           \
    adamw_numbers<WholeWeights, G>(table, starts, tensors, size);                                       \
  }                                                                                                     \
  extern "C" __global__ void adamw_split_##letters(                                                     \
      const SteppedTensor *table, const int *starts, int tensors, int size) {                           \
    adamw_numbers<SplitWeights, G>(table, starts, tensors, size);                                       \
  }
CARINA_FOR_1(ADAMW)

// Moments in codes of 8 bits: number i is values[code] · the scale of its 256 numbers (see `carina_coded_moment`).
struct CodedMoment {
  unsigned char *codes;
  float *scales;
  // What the codes mean, the middles between them, and the first code of each upper half of a float, a byte each.
  const float *values, *bounds;
  const unsigned char *starts;

  // N codes of a block as numbers; the first `count` of them exist.
  template <int N> inline void load(long long index, int count, bool whole, float (&m)[N]) const {
    const float scale = scales[index / 256];
    unsigned code[N];
    if (whole) {
      const Words<N / 4> words = *reinterpret_cast<const Words<N / 4> *>(codes + index);
#pragma unroll
      for (int i = 0; i < N; i++) code[i] = (words.w[i / 4] >> (8 * (i % 4))) & 255u;
    } else {
#pragma unroll
      for (int i = 0; i < N; i++) code[i] = i < count ? codes[index + i] : 0;
    }
#pragma unroll
    for (int i = 0; i < N; i++) m[i] = i < count ? values[code[i]] * scale : 0;
  }

  // The codes nearest to a warp's 32 · N numbers, which are one block, and its new scale.
  template <int N> inline void store(long long index, int count, bool whole, const float (&m)[N], bool isLeader) const {
    // Of numbers without a sign the larger has the larger bits.
    unsigned largest = 0;
#pragma unroll
    for (int i = 0; i < N; i++) largest = i < count ? max(largest, __float_as_uint(m[i]) & 0x7fffffffu) : largest;
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
      largest = max(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
    }
    float scale = __uint_as_float(largest);
    // One over less than the least normal number would be no number: such a block is zero.
    if (!(scale >= 1.17549435e-38f)) scale = 0;
    if (isLeader) scales[index / 256] = scale;
    const float inverse = scale > 0 ? 1.f / scale : 0;
    unsigned code[N];
#pragma unroll
    for (int i = 0; i < N; i++) {
      const float x = m[i] * inverse;
      const unsigned start = starts[__float_as_uint(x) >> 16];
      code[i] = (start + (x > bounds[start])) & 255u;
    }
    if (whole) {
      Words<N / 4> words;
#pragma unroll
      for (int word = 0; word < N / 4; word++) {
        words.w[word] =
            code[4 * word] | code[4 * word + 1] << 8 | code[4 * word + 2] << 16 | code[4 * word + 3] << 24;
      }
      *reinterpret_cast<Words<N / 4> *>(codes + index) = words;
    } else {
#pragma unroll
      for (int i = 0; i < N; i++) {
        if (i < count) codes[index + i] = (unsigned char)code[i];
      }
    }
  }
};

// One step with moments in codes. A warp has a block of 256 numbers, 8 a lane; `size` is a multiple of that. Tables: values
// and bounds of the first moment's codes, then of the second's, 256 numbers each; then 65,536 bytes of starts for each.
template <class Weights, class G>
inline void adamw_coded_numbers(
    const SteppedTensor *table, const int *starts, int tensors, int size, const float *tables) {
  __shared__ float shared[1024];
  for (int i = (int)threadIdx.x; i < 1024; i += (int)blockDim.x) shared[i] = tables[i];
  const Piece piece = piece_of_block(table, starts, tensors, size);
  const Weights weights(piece.tensor.value, piece.tensor.remainder, piece.skip);
  const G *gradients = (const G *)piece.tensor.gradient + piece.skip;
  unsigned char *firstCodes = (unsigned char *)piece.tensor.first + piece.skip;
  unsigned char *secondCodes = (unsigned char *)piece.tensor.second + piece.skip;
  float *firstScales = piece.tensor.firstScales + piece.skip / 256;
  float *secondScales = piece.tensor.secondScales + piece.skip / 256;
  const StepConstants k = piece.tensor.constants;
  const unsigned char *codeStarts = reinterpret_cast<const unsigned char *>(tables + 1024);
  const CodedMoment first = {firstCodes, firstScales, shared, shared + 256, codeStarts};
  const CodedMoment second = {secondCodes, secondScales, shared + 512, shared + 768, codeStarts + 65536};
  const bool isAligned = weights.isAligned() && are_aligned(gradients, firstCodes, secondCodes);
  const int lane = (int)threadIdx.x % 32, warps = (int)blockDim.x / 32;
  const int blocks = (piece.count + 255) / 256;
  for (int block = (int)threadIdx.x / 32; block < blocks; block += warps) {
    const int index = block * 256 + lane * 8;
    const int left = piece.count - index;
    const int own = left < 0 ? 0 : left < 8 ? left : 8;
    const bool whole = isAligned && own == 8;
    float w[8], g[8], m[8], v[8];
    if (whole) {
      weights.load(index, w);
      load_run(gradients + index, g);
    } else {
#pragma unroll
      for (int i = 0; i < 8; i++) {
        float one[1] = {0}, slope[1] = {0};
        if (i < own) {
          weights.load(index + i, one);
          load_run(gradients + index + i, slope);
        }
        w[i] = one[0];
        g[i] = slope[0];
      }
    }
    first.load(index, own, whole, m);
    second.load(index, own, whole, v);
    // All lanes have read the old scales before the first one writes the new.
    __syncwarp();
#pragma unroll
    for (int i = 0; i < 8; i++) w[i] = stepped(w[i], g[i], m[i], v[i], k);
    if (whole) {
      weights.store(index, w);
    } else {
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const float one[1] = {w[i]};
        if (i < own) weights.store(index + i, one);
      }
    }
    first.store(index, own, whole, m, lane == 0);
    second.store(index, own, whole, v, lane == 0);
  }
}

#define ADAMW_CODED(letters, G)                                                                         \
  extern "C" __global__ void adamw_coded_##letters(                                                     \
      const SteppedTensor *table, const int *starts, int tensors, int size, const float *tables) {      \
    adamw_coded_numbers<WholeWeights, G>(table, starts, tensors, size, tables);                         \
  }                                                                                                     \
  extern "C" __global__ void adamw_coded_split_##letters(                                               \
      const SteppedTensor *table, const int *starts, int tensors, int size, const float *tables) {      \
    adamw_coded_numbers<SplitWeights, G>(table, starts, tensors, size, tables);                         \
  }
CARINA_FOR_1(ADAMW_CODED)

// A tensor whose squares are added, as `CUDABackend+AdamW.swift` writes it; `isNarrow` where it is bf16.
struct SquaredTensor {
  const void *numbers;
  long long count, isNarrow;
};

// The sum of squares of one of `pieces` equal pieces of x, in double precision; every thread of the block gets it.
template <class T> inline double square_piece(const T *x, int piece, int pieces, long long count) {
  double sum = 0;
  for_each_run_of<run_of<T>()>(piece, pieces, count, are_aligned(x), [&](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N];
    load_run(x + index, v);
#pragma unroll
    for (int i = 0; i < N; i++) sum += (double)v[i] * (double)v[i];
  });
  return block_sum(sum);
}

// partials [gridDim.x]: the sums of squares of the tensors' pieces; starts[tensor] ..< starts[tensor + 1] are a tensor's.
extern "C" __global__ void sum_squares(
    const SquaredTensor *table, const int *starts, int tensors, double *partials) {
  const int number = tensor_of_block(starts, tensors);
  const SquaredTensor tensor = table[number];
  const int piece = (int)blockIdx.x - starts[number], pieces = starts[number + 1] - starts[number];
  const double sum = tensor.isNarrow ? square_piece((const bf16 *)tensor.numbers, piece, pieces, tensor.count)
                                     : square_piece((const float *)tensor.numbers, piece, pieces, tensor.count);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

// results[i] = the sum of partials starts[i] ..< starts[i + 1]: one block an entry.
extern "C" __global__ void add_squares(const double *partials, const int *starts, double *results) {
  double sum = 0;
  for (int i = starts[blockIdx.x] + (int)threadIdx.x; i < starts[blockIdx.x + 1]; i += (int)blockDim.x) {
    sum += partials[i];
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) results[blockIdx.x] = sum;
}
