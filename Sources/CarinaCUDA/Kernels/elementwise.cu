// What goes number by number: sums, factors, changes of the type, dropout, GELU, sums of columns.

// target = a + b.
template <class A, class B, class T> inline void add_numbers(const A *a, const B *b, T *target, long long count) {
  for_each_run<run_of<A, B, T>()>(count, are_aligned(a, b, target), [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float first[N], second[N];
    load_run(a + index, first);
    load_run(b + index, second);
#pragma unroll
    for (int i = 0; i < N; i++) first[i] += second[i];
    store_run(target + index, first);
  });
}

#define ADD(letters, A, B, T)                                                                          \
  extern "C" __global__ void add_##letters(const A *a, const B *b, T *target, long long count) {       \
    add_numbers(a, b, target, count);                                                                  \
  }
CARINA_FOR_3(ADD)

// target = source in another type.
template <class S, class T> inline void convert_numbers(const S *source, T *target, long long count) {
  for_each_run<8>(count, are_aligned(source, target), [=](long long index, auto length) {
    float v[decltype(length)::value];
    load_run(source + index, v);
    store_run(target + index, v);
  });
}

#define CONVERT(letters, S, T)                                                                     \
  extern "C" __global__ void convert_##letters(const S *source, T *target, long long count) {      \
    convert_numbers(source, target, count);                                                        \
  }
CARINA_FOR_2(CONVERT)

// IEEE half-precision numbers as fp32.
extern "C" __global__ void widen_halves(const unsigned short *source, float *target, long long count) {
  for_each_run<1>(count, false, [=](long long index, auto) {
    const unsigned half = source[index], sign = (half & 0x8000u) << 16, mantissa = half & 1023u;
    const unsigned exponent = (half >> 10) & 31u;
    // 2^-24 times a whole number below 1024 is exact in fp32.
    const unsigned small = __float_as_uint((float)mantissa * 5.9604644775390625e-8f);
    const unsigned large = (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | (mantissa << 13);
    target[index] = __uint_as_float(sign | (exponent == 0 ? small : large));
  });
}

// Sets the flag where a number is infinite or none; many threads may write the same word.
template <class T> inline void find_not_finite(const T *x, unsigned *flag, long long count) {
  for_each_run<run_of<T>()>(count, are_aligned(x), [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N];
    load_run(x + index, v);
    bool isBad = false;
#pragma unroll
    for (int i = 0; i < N; i++) isBad |= (__float_as_uint(v[i]) & 0x7f800000u) == 0x7f800000u;
    if (isBad) *flag = 1;
  });
}

#define NOT_FINITE(letters, T)                                                                        \
  extern "C" __global__ void not_finite_##letters(const T *x, unsigned *flag, long long count) {      \
    find_not_finite(x, flag, count);                                                                  \
  }
CARINA_FOR_1(NOT_FINITE)

// Parts fp32 numbers into the nearest bfloat16 and the last 16 bits (see `carina_split_float`).
extern "C" __global__ void split(const float *source, unsigned short *upper, unsigned short *lower, long long count) {
  for_each_run<1>(count, false, [=](long long index, auto) {
    unsigned bits = __float_as_uint(source[index]);
    bits -= (bits & 0x1ffffu) == 0x8000u;
    upper[index] = (unsigned short)((bits + 0x8000u) >> 16);
    lower[index] = (unsigned short)bits;
  });
}

// Puts the halves together again.
extern "C" __global__ void join(
    const unsigned short *upper, const unsigned short *lower, float *target, long long count) {
  for_each_run<1>(count, false, [=](long long index, auto) {
    const unsigned low = lower[index];
    target[index] = __uint_as_float((((unsigned)upper[index] - (low >> 15)) << 16) | low);
  });
}

// x *= factor.
template <class T> inline void scale_numbers(T *x, float factor, long long count) {
  for_each_run<run_of<T>()>(count, are_aligned(x), [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N];
    load_run(x + index, v);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] *= factor;
    store_run(x + index, v);
  });
}

#define SCALE(letters, T)                                                                       \
  extern "C" __global__ void scale_##letters(T *x, float factor, long long count) {             \
    scale_numbers(x, factor, count);                                                            \
  }
CARINA_FOR_1(SCALE)

// target [rows, width] += bias [width].
template <class T> inline void add_bias_rows(const float *bias, T *target, long long rows, long long width) {
  for_each_row_run<run_of<T>()>(rows, width, are_aligned(bias, target), [=](long long row, long long column, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N], shift[N];
    load_run(target + row * width + column, v);
    load_run(bias + column, shift);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] += shift[i];
    store_run(target + row * width + column, v);
  });
}

#define ADD_BIAS(letters, T)                                                                                     \
  extern "C" __global__ void add_bias_##letters(const float *bias, T *target, long long rows, long long width) { \
    add_bias_rows(bias, target, rows, width);                                                                    \
  }
CARINA_FOR_1(ADD_BIAS)

// Mixes 32 bits (Wellons 2018, "lowbias32").
inline unsigned mixed(unsigned x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

// Which numbers dropout keeps: those of the processor's `carina_drop_float`.
inline unsigned row_key(unsigned long long key, long long row) {
  return mixed((unsigned)key + (unsigned)row * 0x9e3779b9u) ^ (unsigned)(key >> 32);
}

inline bool is_kept(unsigned key, long long column, unsigned threshold) {
  return mixed(key + (unsigned)column * 0x85ebca6bu) >= threshold;
}

// target = source where the mask keeps a number, else 0; with `ADDS` target += it.
template <bool ADDS, class S, class T>
inline void drop_rows(
    const S *source, T *target, unsigned long long key, unsigned threshold, long long rows, long long width) {
  for_each_row_run<run_of<S, T>()>(
      rows, width, are_aligned(source, target), [=](long long row, long long column, auto length) {
        constexpr int N = decltype(length)::value;
        const unsigned own = row_key(key, row);
        float v[N], before[N];
        load_run(source + row * width + column, v);
        if (ADDS) load_run(target + row * width + column, before);
#pragma unroll
        for (int i = 0; i < N; i++) {
          v[i] = is_kept(own, column + i, threshold) ? v[i] : 0;
          if (ADDS) v[i] += before[i];
        }
        store_run(target + row * width + column, v);
      });
}

#define DROP(letters, S, T)                                                                                    \
  extern "C" __global__ void drop_##letters(                                                                   \
      const S *source, T *target, unsigned long long key, unsigned threshold, long long rows, long long width) { \
    drop_rows<false>(source, target, key, threshold, rows, width);                                             \
  }                                                                                                            \
  extern "C" __global__ void add_kept_##letters(                                                               \
      const S *source, T *target, unsigned long long key, unsigned threshold, long long rows, long long width) { \
    drop_rows<true>(source, target, key, threshold, rows, width);                                              \
  }
CARINA_FOR_2(DROP)

#define SQRT_2_OVER_PI 0.7978845608f
#define CUBIC 0.044715f
#define INVERSE_SQRT_2 0.7071067812f
#define INVERSE_SQRT_2PI 0.3989422804f

// tanh as exactly as the result's type needs it.
template <class T> inline float tanh_for(float x) { return AllNarrow<T>::value ? fast_tanh(x) : tanhf(x); }
template <class T> inline float exp_for(float x) { return AllNarrow<T>::value ? __expf(x) : expf(x); }

template <class T> inline float tanh_part(float x) { return tanh_for<T>(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)); }

inline float tanh_slope(float x, float t) {
  return 0.5f * (1.f + t) + 0.5f * x * (1.f - t * t) * SQRT_2_OVER_PI * (1.f + 3.f * CUBIC * x * x);
}

template <bool EXACT, class T> inline float gelu_of(float x) {
  if (EXACT) return 0.5f * x * erfcf(-x * INVERSE_SQRT_2);
  return 0.5f * x * (1.f + tanh_part<T>(x));
}

template <bool EXACT, class T> inline float gelu_slope(float x) {
  if (!EXACT) return tanh_slope(x, tanh_part<T>(x));
  return 0.5f * erfcf(-x * INVERSE_SQRT_2) + x * INVERSE_SQRT_2PI * exp_for<T>(-0.5f * x * x);
}

// out = gelu(x).
template <bool EXACT, class X, class Out> inline void gelu_numbers(const X *x, Out *out, long long count) {
  for_each_run<run_of<X, Out>()>(count, are_aligned(x, out), [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N];
    load_run(x + index, v);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] = gelu_of<EXACT, Out>(v[i]);
    store_run(out + index, v);
  });
}

#define GELU(letters, X, Out)                                                                             \
  extern "C" __global__ void gelu_exact_##letters(const X *x, Out *out, long long count) {                \
    gelu_numbers<true>(x, out, count);                                                                    \
  }                                                                                                       \
  extern "C" __global__ void gelu_tanh_##letters(const X *x, Out *out, long long count) {                 \
    gelu_numbers<false>(x, out, count);                                                                   \
  }
CARINA_FOR_2(GELU)

// dx = dout · gelu'(x).
template <bool EXACT, class X, class D, class DX>
inline void gelu_backward_numbers(const X *x, const D *dout, DX *dx, long long count) {
  for_each_run<run_of<X, D, DX>()>(count, are_aligned(x, dout, dx), [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N], d[N];
    load_run(x + index, v);
    load_run(dout + index, d);
#pragma unroll
    for (int i = 0; i < N; i++) d[i] *= gelu_slope<EXACT, DX>(v[i]);
    store_run(dx + index, d);
  });
}

#define GELU_BACKWARD(letters, X, D, DX)                                                                       \
  extern "C" __global__ void gelu_exact_backward_##letters(const X *x, const D *dout, DX *dx, long long count) { \
    gelu_backward_numbers<true>(x, dout, dx, count);                                                           \
  }                                                                                                            \
  extern "C" __global__ void gelu_tanh_backward_##letters(const X *x, const D *dout, DX *dx, long long count) { \
    gelu_backward_numbers<false>(x, dout, dx, count);                                                          \
  }
CARINA_FOR_3(GELU_BACKWARD)

// out [rows, width] = gelu(gate) · up, tanh form; rows of gate and up lie `stride` apart.
template <class X, class Out>
inline void gated_gelu_rows(
    const X *gate, const X *up, Out *out, long long rows, long long width, long long stride) {
  constexpr int RUN = run_of<X, Out>();
  const bool whole = are_aligned(gate, up, out) && stride % RUN == 0;
  for_each_row_run<RUN>(rows, width, whole, [=](long long row, long long column, auto length) {
    constexpr int N = decltype(length)::value;
    float g[N], u[N];
    load_run(gate + row * stride + column, g);
    load_run(up + row * stride + column, u);
#pragma unroll
    for (int i = 0; i < N; i++) g[i] = gelu_of<false, Out>(g[i]) * u[i];
    store_run(out + row * width + column, g);
  });
}

#define GATED_GELU(letters, X, Out)                                                                            \
  extern "C" __global__ void gated_gelu_##letters(                                                             \
      const X *gate, const X *up, Out *out, long long rows, long long width, long long stride) {               \
    gated_gelu_rows(gate, up, out, rows, width, stride);                                                       \
  }
CARINA_FOR_2(GATED_GELU)

// The gradients of both arguments, whose rows lie as far apart as theirs.
template <class X, class D, class DX>
inline void gated_gelu_backward_rows(
    const X *gate, const X *up, const D *dout, DX *dgate, DX *dup, long long rows, long long width, long long stride) {
  constexpr int RUN = run_of<X, D, DX>();
  const bool whole = are_aligned(gate, up, dout, dgate, dup) && stride % RUN == 0;
  for_each_row_run<RUN>(rows, width, whole, [=](long long row, long long column, auto length) {
    constexpr int N = decltype(length)::value;
    const long long index = row * stride + column;
    float g[N], u[N], d[N];
    load_run(gate + index, g);
    load_run(up + index, u);
    load_run(dout + row * width + column, d);
#pragma unroll
    for (int i = 0; i < N; i++) {
      const float t = tanh_part<DX>(g[i]), slope = tanh_slope(g[i], t), value = 0.5f * g[i] * (1.f + t);
      g[i] = d[i] * u[i] * slope;
      u[i] = d[i] * value;
    }
    store_run(dgate + index, g);
    store_run(dup + index, u);
  });
}

#define GATED_GELU_BACKWARD(letters, X, D, DX)                                                                   \
  extern "C" __global__ void gated_gelu_backward_##letters(                                                      \
      const X *gate, const X *up, const D *dout, DX *dgate, DX *dup, long long rows, long long width,            \
      long long stride) {                                                                                        \
    gated_gelu_backward_rows(gate, up, dout, dgate, dup, rows, width, stride);                                   \
  }
CARINA_FOR_3(GATED_GELU_BACKWARD)

// partials [gridDim.y, width]: row y has the sums of the columns over the y-th piece of the rows. Blocks are of 8
// warps; each sums over every eighth row.
template <class T> inline void sum_columns(const T *x, float *partials, long long rows, int width) {
  constexpr int N = run_of<T>();
  __shared__ float sums[8][32 * N + 1];
  const long long first = rows * blockIdx.y / gridDim.y, last = rows * (blockIdx.y + 1) / gridDim.y;
  const bool whole = are_aligned(x) && width % N == 0;
  const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
  const int column = ((int)blockIdx.x * 32 + lane) * N, count = min(N, max(0, width - column));
  float sum[N];
#pragma unroll
  for (int i = 0; i < N; i++) sum[i] = 0;
  if (whole) {
    if (count > 0) {
#pragma unroll 4
      for (long long row = first + warp; row < last; row += 8) {
        float v[N];
        load_run(x + row * width + column, v);
#pragma unroll
        for (int i = 0; i < N; i++) sum[i] += v[i];
      }
    }
  } else {
    for (long long row = first + warp; row < last; row += 8) {
#pragma unroll
      for (int i = 0; i < N; i++) {
        if (i < count) sum[i] += load(x + row * width + column + i);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < N; i++) sums[warp][lane * N + i] = sum[i];
  __syncthreads();
  for (int i = (int)threadIdx.x; i < 32 * N; i += 256) {
    const int target = (int)blockIdx.x * 32 * N + i;
    if (target < width) {
      float total = 0;
#pragma unroll
      for (int part = 0; part < 8; part++) total += sums[part][i];
      partials[(long long)blockIdx.y * width + target] = total;
    }
  }
}

#define SUM_COLUMNS(letters, T)                                                                             \
  extern "C" __global__ void sum_columns_##letters(const T *x, float *partials, long long rows, int width) { \
    sum_columns(x, partials, rows, width);                                                                  \
  }
CARINA_FOR_1(SUM_COLUMNS)

// targets [width] += the sums of `count` rows of partials: block y those of the y-th target, whose partials begin
// y · count · width numbers on; where they are fresh, written instead. Blocks are of 32 warps; a missing target is left out.
extern "C" __global__ void add_partial_rows(
    const float *partials, float *first, float *second, int count, int width, int isFresh) {
  __shared__ float sums[32][33];
  float *target = blockIdx.y == 0 ? first : second;
  const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32, column = (int)blockIdx.x * 32 + lane;
  float sum = 0;
  if (column < width) {
    const float *own = partials + (long long)blockIdx.y * count * width + column;
#pragma unroll 8
    for (int row = warp; row < count; row += 32) sum += own[(long long)row * width];
  }
  sums[warp][lane] = sum;
  __syncthreads();
  // A warp adds the 32 parts of one column at a time, as a tree.
  const float total = warp_sum(sums[lane][warp]);
  const int own = (int)blockIdx.x * 32 + warp;
  if (lane == 0 && own < width && target) target[own] = isFresh ? total : target[own] + total;
}
