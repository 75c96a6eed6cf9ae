// Norms of rows: RMS norm, layer norm, L2, and their gradients, which have the type of what they are the gradient by.

#include "row_teams.cuh"

// The rows of x, each multiplied by its inverse: inverse = inverseOf(sum of squares); loadGain fills a run's w, and
// out = scaled(x, w, inverse).
template <int N, int KEPT, class X, class Out, class InverseOf, class LoadGain, class Scaled>
inline void scale_rows(
    const X *x, Out *out, float *inverses, long long rows, int width, int size, InverseOf inverseOf, LoadGain loadGain,
    Scaled scaled) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const X *in = x + row * width;
    float v[share.SLOTS][N], squares[1] = {0};
    const auto read = [&](int k, int column) { load_run(in + column, v[k]); };
    share.readAhead(read);
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) squares[0] += v[k][i] * v[k][i];
    });
    team.sum(squares);
    const float inverse = inverseOf(squares[0]);
    share.each([&](int k, int column) {
      float w[N];
      loadGain(w, column);
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) w[i] = scaled(v[k][i], w[i], inverse);
      store_run(out + row * width + column, w);
    });
    if (team.member == 0) inverses[row] = inverse;
  }
}

// Stores g, plus the residual's numbers where there is one.
template <int N, class X> inline void store_gradient(X *dx, const float *residual, long long at, float (&g)[N]) {
  if (residual) {
    float r[N];
    load_run(residual + at, r);
#pragma unroll
    for (int i = 0; i < N; i++) g[i] += r[i];
  }
  store_run(dx + at, g);
}

// MARK: RMS norm

// out = x / √(mean x² + ε) · (1 + gain).
template <int N, int KEPT, class X, class Out>
inline void rms_norm_rows(
    const X *x, const float *gain, float epsilon, Out *out, float *inverses, long long rows, int width, int size) {
  scale_rows<N, KEPT>(
      x, out, inverses, rows, width, size,
      [&](float squares) { return 1.f / sqrtf(squares / (float)width + epsilon); },
      [&](float(&w)[N], int column) { load_run(gain + column, w); },
      [](float v, float w, float inverse) { return v * inverse * (1.f + w); });
}

#define RMS_NORM(letters, X, Out)                                                                                   \
  extern "C" __global__ void __launch_bounds__(512, 1) rms_norm_##letters(                                          \
      const X *x, const float *gain, float epsilon, Out *out, float *inverses, long long rows, int width, int team, \
      int isKept) {                                                                                                 \
    constexpr int N = run_of<X, Out>();                                                                             \
    CARINA_ROWS(rms_norm_rows, N, x, gain, epsilon, out, inverses, rows, width)                                     \
  }
CARINA_FOR_2(RMS_NORM)

// dx, plus `residual` where there is one, and partial sums of the gain's gradient, [gridDim.x, width], where wanted.
template <int N, int KEPT, class X, class D>
inline void rms_norm_backward_rows(
    const X *x, const float *gain, const float *inverses, const D *dout, const float *residual, X *dx, float *partials,
    long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  ColumnSum<N, KEPT> slopes(partials, share, width);
  for (long long row = team.row; row < rows; row += team.step) {
    NormedRow<N, KEPT, X, D> normed{x + row * width, dout + row * width, gain, inverses[row]};
    share.readAhead([&](int k, int column) { normed.read(k, column); });
    const float slope = normed.slope(team, share, slopes, width);
    share.each([&](int k, int column) {
      normed.readAgain(slopes, k, column);
#pragma unroll
      for (int i = 0; i < N; i++) normed.g[k][i] = normed.inverse * (normed.g[k][i] - normed.v[k][i] * slope);
      store_gradient(dx, residual, row * width + column, normed.g[k]);
    });
  }
  slopes.finish(team, share);
}

#define RMS_NORM_BACKWARD(letters, X, D)                                                                 \
  extern "C" __global__ void __launch_bounds__(512, 1) rms_norm_backward_##letters(                      \
      const X *x, const float *gain, const float *inverses, const D *dout, const float *residual, X *dx, \
      float *partials, long long rows, int width, int team, int isKept) {                                \
    constexpr int N = run_of<X, D>();                                                                    \
    CARINA_ROWS(rms_norm_backward_rows, N, x, gain, inverses, dout, residual, dx, partials, rows, width) \
  }
CARINA_FOR_2(RMS_NORM_BACKWARD)

// MARK: Layer norm

// out = (x − mean) / √(variance + ε) · gain + shift.
template <int N, int KEPT, class X, class Out>
inline void layer_norm_rows(
    const X *x, const float *gain, const float *shift, float epsilon, Out *out, float *means, float *inverses,
    long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const X *in = x + row * width;
    float v[share.SLOTS][N], sum[1] = {0}, squares[1] = {0};
    const auto read = [&](int k, int column) { load_run(in + column, v[k]); };
    share.readAhead(read);
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) sum[0] += v[k][i];
    });
    team.sum(sum);
    const float mean = sum[0] / (float)width;
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) {
        v[k][i] -= mean;
        squares[0] += v[k][i] * v[k][i];
      }
    });
    team.sum(squares);
    const float inverse = 1.f / sqrtf(squares[0] / (float)width + epsilon);
    share.each([&](int k, int column) {
      float w[N], b[N];
      load_run(gain + column, w);
      load_run(shift + column, b);
      if (!KEPT) {
        read(k, column);
#pragma unroll
        for (int i = 0; i < N; i++) v[k][i] -= mean;
      }
#pragma unroll
      for (int i = 0; i < N; i++) w[i] = v[k][i] * inverse * w[i] + b[i];
      store_run(out + row * width + column, w);
    });
    if (team.member == 0) {
      means[row] = mean;
      inverses[row] = inverse;
    }
  }
}

#define LAYER_NORM(letters, X, Out)                                                                              \
  extern "C" __global__ void __launch_bounds__(512, 1) layer_norm_##letters(                                     \
      const X *x, const float *gain, const float *shift, float epsilon, Out *out, float *means, float *inverses, \
      long long rows, int width, int team, int isKept) {                                                         \
    constexpr int N = run_of<X, Out>();                                                                          \
    CARINA_ROWS(layer_norm_rows, N, x, gain, shift, epsilon, out, means, inverses, rows, width)                  \
  }
CARINA_FOR_2(LAYER_NORM)

// dx, plus `residual` where there is one, and partial sums of the gradients of gain and shift, where wanted.
template <int N, int KEPT, class X, class D>
inline void layer_norm_backward_rows(
    const X *x, const float *gain, const float *means, const float *inverses, const D *dout, const float *residual,
    X *dx, float *gainPartials, float *shiftPartials, long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  ColumnSum<N, KEPT> slopes(gainPartials, share, width), shifts(shiftPartials, share, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const X *in = x + row * width;
    const D *d = dout + row * width;
    const float mean = means[row], inverse = inverses[row];
    float v[share.SLOTS][N], g[share.SLOTS][N], sums[2] = {0, 0};
    const auto read = [&](int k, int column) {
      load_run(in + column, v[k]);
      load_run(d + column, g[k]);
    };
    share.readAhead(read);
    share.each([&](int k, int column) {
      float w[N];
      if (!KEPT) read(k, column);
      load_run(gain + column, w);
#pragma unroll
      for (int i = 0; i < N; i++) {
        v[k][i] -= mean;
        slopes.add(k, column, i, g[k][i] * v[k][i] * inverse);
        shifts.add(k, column, i, g[k][i]);
        g[k][i] *= w[i];
        sums[0] += g[k][i];
        sums[1] += g[k][i] * v[k][i];
      }
    });
    team.sum(sums);
    const float shift = sums[0] / (float)width, slope = sums[1] * inverse * inverse / (float)width;
    share.each([&](int k, int column) {
      if (!KEPT) {
        v[k][0] = load(in + column) - mean;
        g[k][0] = load(d + column) * gain[column];
      }
#pragma unroll
      for (int i = 0; i < N; i++) g[k][i] = inverse * (g[k][i] - shift - v[k][i] * slope);
      store_gradient(dx, residual, row * width + column, g[k]);
    });
  }
  slopes.finish(team, share);
  shifts.finish(team, share);
}

#define LAYER_NORM_BACKWARD(letters, X, D)                                                                            \
  extern "C" __global__ void __launch_bounds__(512, 1) layer_norm_backward_##letters(                                 \
      const X *x, const float *gain, const float *means, const float *inverses, const D *dout,                        \
      const float *residual, X *dx, float *gainPartials, float *shiftPartials, long long rows, int width, int team,   \
      int isKept) {                                                                                                   \
    constexpr int N = run_of<X, D>();                                                                                 \
    CARINA_ROWS(                                                                                                      \
        layer_norm_backward_rows, N, x, gain, means, inverses, dout, residual, dx, gainPartials, shiftPartials, rows, \
        width)                                                                                                        \
  }
CARINA_FOR_2(LAYER_NORM_BACKWARD)

// MARK: Rows of length 1

// out = x / |x|.
template <int N, int KEPT, class X, class Out>
inline void l2_normalize_rows(const X *x, Out *out, float *inverses, long long rows, int width, int size) {
  scale_rows<N, KEPT>(
      x, out, inverses, rows, width, size, [](float squares) { return 1.f / sqrtf(squares); },
      [](float(&)[N], int) {}, [](float v, float, float inverse) { return v * inverse; });
}

#define L2_NORMALIZE(letters, X, Out)                                                           \
  extern "C" __global__ void __launch_bounds__(512, 1) l2_normalize_##letters(                  \
      const X *x, Out *out, float *inverses, long long rows, int width, int team, int isKept) { \
    constexpr int N = run_of<X, Out>();                                                         \
    CARINA_ROWS(l2_normalize_rows, N, x, out, inverses, rows, width)                            \
  }
CARINA_FOR_2(L2_NORMALIZE)

// dx = (dout − out · (out · dout)) · inverse.
template <int N, int KEPT, class Y, class D>
inline void l2_normalize_backward_rows(
    const Y *out, const float *inverses, const D *dout, Y *dx, long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const Y *y = out + row * width;
    const D *d = dout + row * width;
    float v[share.SLOTS][N], g[share.SLOTS][N], projection[1] = {0};
    const auto read = [&](int k, int column) {
      load_run(y + column, v[k]);
      load_run(d + column, g[k]);
    };
    share.readAhead(read);
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) projection[0] += v[k][i] * g[k][i];
    });
    team.sum(projection);
    const float inverse = inverses[row];
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) g[k][i] = (g[k][i] - v[k][i] * projection[0]) * inverse;
      store_run(dx + row * width + column, g[k]);
    });
  }
}

#define L2_NORMALIZE_BACKWARD(letters, Y, D)                                                                        \
  extern "C" __global__ void __launch_bounds__(512, 1) l2_normalize_backward_##letters(                             \
      const Y *out, const float *inverses, const D *dout, Y *dx, long long rows, int width, int team, int isKept) { \
    constexpr int N = run_of<Y, D>();                                                                               \
    CARINA_ROWS(l2_normalize_backward_rows, N, out, inverses, dout, dx, rows, width)                                \
  }
CARINA_FOR_2(L2_NORMALIZE_BACKWARD)
