// Losses: cross-entropy of rows of logits, and the sigmoid loss of pairs of embeddings.

// exp as exactly as the result's type needs it.
template <class T> inline float exp_for(float x) { return AllNarrow<T>::value ? __expf(x) : expf(x); }

inline float infinity() { return __uint_as_float(0x7f800000u); }

// The largest of some numbers and the sum of exponentials of their differences from it.
struct Exponentials {
  float largest, sum;

  // The same of both. Two empty ones stay empty.
  inline Exponentials joined(Exponentials other) const {
    Exponentials both;
    both.largest = fmaxf(largest, other.largest);
    const float own = largest == both.largest ? 1 : expf(largest - both.largest);
    const float others = other.largest == both.largest ? 1 : expf(other.largest - both.largest);
    both.sum = sum * own + other.sum * others;
    return both;
  }
};

// Over the block, in a fixed order; every thread gets the result. Blocks are of whole warps.
inline Exponentials joined_in_block(Exponentials own) {
  __shared__ Exponentials parts[32];
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    Exponentials other;
    other.largest = __shfl_xor_sync(0xffffffffu, own.largest, distance);
    other.sum = __shfl_xor_sync(0xffffffffu, own.sum, distance);
    own = own.joined(other);
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = own;
  __syncthreads();
  own = parts[0];
  for (int warp = 1; warp < (int)blockDim.x / 32; warp++) own = own.joined(parts[warp]);
  return own;
}

// A run of a row as it lies in memory; of runs of one number the number itself.
template <int N, class T> inline Words<4> raw_run(const T *row, int run) {
  Words<4> raw;
  if (N > 1) return *reinterpret_cast<const Words<4> *>(row + (long long)run * N);
  raw.w[0] = __float_as_uint(load(row + run));
  return raw;
}

template <class T, int N> inline void unpack(const Words<4> &raw, float (&v)[N]) {
  if (N > 1) {
    load_run(reinterpret_cast<const T *>(&raw), v);
  } else {
    v[0] = __uint_as_float(raw.w[0]);
  }
}

// A block's row: its loss, and, unless scale is 0, its gradient in the row's stead. The first `kept` runs of every
// thread (a multiple of 4) stay in shared memory between the two passes.
template <int N, bool SMOOTHS, class T>
inline void cross_entropy_row(
    T *row, int target, float *loss, int columns, float scale, float smoothing, Words<4> *memory, int kept) {
  const int runs = columns / N, threads = (int)blockDim.x, own = (int)threadIdx.x;
  const float wanted = load(row + target);
  Exponentials part = {-infinity(), 0};
  double total = 0;
  for (int first = 0; own + first * threads < runs; first += 4) {
    Words<4> raw[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (own + (first + j) * threads < runs) raw[j] = raw_run<N>(row, own + (first + j) * threads);
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (own + (first + j) * threads >= runs) continue;
      if (first < kept && scale != 0) memory[(first + j) * threads + own] = raw[j];
      float v[N];
      unpack<T>(raw[j], v);
      float largest = v[0];
#pragma unroll
      for (int i = 1; i < N; i++) largest = fmaxf(largest, v[i]);
      if (largest > part.largest) {
        part.sum *= exp_for<T>(part.largest - largest);
        part.largest = largest;
      }
      // Of numbers that are all -infinity nothing is to be added; their difference from the largest would be NaN.
      const float reference = part.largest == -infinity() ? 0 : part.largest;
      float sum = 0, values = 0;
#pragma unroll
      for (int i = 0; i < N; i++) {
        sum += exp_for<T>(v[i] - reference);
        values += v[i];
      }
      part.sum += sum;
      if (SMOOTHS) total += values;
    }
  }
  const Exponentials all = joined_in_block(part);
  if (SMOOTHS) total = block_sum(total) - (double)columns * all.largest;
  if (own == 0) {
    // A float does not hold the sum of hundreds of thousands of logits.
    *loss = SMOOTHS
        ? (float)(log((double)all.sum) - (double)((1.f - smoothing) * (wanted - all.largest)) -
                  smoothing * total / (double)columns)
        : logf(all.sum) + all.largest - wanted;
  }
  if (scale == 0) return;
  const float factor = scale / all.sum, share = SMOOTHS ? scale * smoothing / (float)columns : 0;
  const float hit = SMOOTHS ? scale * (1.f - smoothing) : scale;
  for (int first = 0; own + first * threads < runs; first += 4) {
    Words<4> raw[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int run = own + (first + j) * threads;
      if (run < runs) raw[j] = first < kept ? memory[(first + j) * threads + own] : raw_run<N>(row, run);
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int run = own + (first + j) * threads;
      if (run >= runs) continue;
      float v[N];
      unpack<T>(raw[j], v);
#pragma unroll
      for (int i = 0; i < N; i++) {
        v[i] = exp_for<T>(v[i] - all.largest) * factor;
        if (SMOOTHS) v[i] -= share;
        if (run * N + i == target) v[i] -= hit;
      }
      store_run(row + (long long)run * N, v);
    }
  }
}

// One block a row of logits [gridDim.x, columns]; `kept` · 16 bytes of dynamic shared memory a thread.
template <bool SMOOTHS, class T>
inline void cross_entropy(
    T *logits, const int *targets, float *losses, int columns, float scale, float smoothing, int kept) {
  CARINA_SHARED(Words<4>, memory);
  constexpr int N = run_of<T>();
  T *row = logits + (long long)blockIdx.x * columns;
  const int target = targets[blockIdx.x];
  if (are_aligned(logits) && columns % N == 0) {
    cross_entropy_row<N, SMOOTHS>(row, target, losses + blockIdx.x, columns, scale, smoothing, memory, kept);
  } else {
    cross_entropy_row<1, SMOOTHS>(row, target, losses + blockIdx.x, columns, scale, smoothing, memory, kept);
  }
}

#define CROSS_ENTROPY(letters, T)                                                                          \
  extern "C" __global__ void __launch_bounds__(1024, 1) cross_entropy_##letters(                           \
      T *logits, const int *targets, float *losses, int columns, float scale, int kept) {                  \
    cross_entropy<false>(logits, targets, losses, columns, scale, 0.f, kept);                              \
  }                                                                                                        \
  extern "C" __global__ void __launch_bounds__(1024, 1) smoothed_cross_entropy_##letters(                  \
      T *logits, const int *targets, float *losses, int columns, float scale, float smoothing, int kept) { \
    cross_entropy<true>(logits, targets, losses, columns, scale, smoothing, kept);                         \
  }
CARINA_FOR_1(CROSS_ENTROPY)

// Logits and slopes of the sigmoid loss, and, a block each, partial sums of the loss and of its derivatives by the
// logarithm of the scale and by the shift, [gridDim.x, 3]. With `logScale` the scale is exp of it, and the shift `bias`.
template <class T>
inline void sigmoid_contrast(
    const T *similarities, const int *isPositive, const float *logScale, const float *bias, float scale, float shift,
    float divisor, float *logits, float *slopes, double *partials, long long count) {
  if (logScale) {
    scale = expf(*logScale);
    shift = *bias;
  }
  double sums[3] = {0, 0, 0};
  const long long step = (long long)gridDim.x * blockDim.x;
  for (long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x; index < count; index += step) {
    const float similarity = load(similarities + index), logit = scale * similarity + shift;
    const float sign = isPositive[index] ? 1.f : -1.f, against = sign * logit;
    // From the side that does not overflow.
    sums[0] += against > 0 ? log1pf(expf(-against)) : log1pf(expf(against)) - against;
    const float slope = -sign / (1.f + expf(against)) / divisor;
    logits[index] = logit;
    slopes[index] = slope * scale;
    sums[1] += slope * similarity * scale;
    sums[2] += slope;
  }
#pragma unroll
  for (int i = 0; i < 3; i++) {
    const double sum = block_sum(sums[i]);
    if (threadIdx.x == 0) partials[3 * blockIdx.x + i] = sum;
  }
}

#define SIGMOID_CONTRAST(letters, T)                                                                                    \
  extern "C" __global__ void sigmoid_contrast_##letters(                                                                \
      const T *similarities, const int *isPositive, const float *logScale, const float *bias, float scale, float shift, \
      float divisor, float *logits, float *slopes, double *partials, long long count) {                                 \
    sigmoid_contrast(                                                                                                   \
        similarities, isPositive, logScale, bias, scale, shift, divisor, logits, slopes, partials, count);              \
  }
CARINA_FOR_1(SIGMOID_CONTRAST)

// results [3] = the sums of `count` rows of partials [count, 3], by one warp; or, where there are no results, numbers [3], the
// first of them over the divisor.
extern "C" __global__ void add_contrast(
    const double *partials, double *results, float *numbers, float divisor, int count) {
#pragma unroll
  for (int i = 0; i < 3; i++) {
    double sum = 0;
    for (int row = (int)threadIdx.x; row < count; row += 32) sum += partials[3 * row + i];
    sum = warp_sum(sum);
    if (threadIdx.x == 0) {
      if (results) {
        results[i] = sum;
      } else {
        numbers[i] = (float)(i == 0 ? sum / divisor : sum);
      }
    }
  }
}
