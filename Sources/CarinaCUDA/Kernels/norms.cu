// Norms of rows: RMS norm, layer norm, L2, what stands beside them in a transformer block, and their gradients.
//
// A row belongs to a team of threads, a warp or a whole block, and lies in their registers from its only reading on
// (KEPT runs of N numbers a thread). Rows that do not fit, or lie at odd addresses, are read again for each pass, number
// by number (N = 1, KEPT = 0), by a team that is a block.

// The threads that share a row.
struct Team {
  int size, member, turn;
  long long row, step;

  inline Team(int team) {
    size = team;
    member = (int)threadIdx.x % team;
    turn = 0;
    const int teams = (int)blockDim.x / team;
    row = (long long)blockIdx.x * teams + (int)threadIdx.x / team;
    step = (long long)gridDim.x * teams;
  }

  // Replaces each number by its sum over the team, the same bits in every thread.
  template <int COUNT> inline void sum(float (&values)[COUNT]) {
    __shared__ float parts[2][COUNT][16];
#pragma unroll
    for (int i = 0; i < COUNT; i++) values[i] = warp_sum(values[i]);
    if (size == 32) return;
    // Two buffers in turn: who writes one again has seen everyone leave it at the barrier between.
    if (threadIdx.x % 32 == 0) {
#pragma unroll
      for (int i = 0; i < COUNT; i++) parts[turn][i][threadIdx.x / 32] = values[i];
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      values[i] = 0;
      for (int warp = 0; warp < size / 32; warp++) values[i] += parts[turn][i][warp];
    }
    turn ^= 1;
  }
};

// A thread's runs of a row.
template <int N, int KEPT> struct Share {
  static constexpr int SLOTS = KEPT ? KEPT : 1;
  int member, size, runs;

  inline Share(const Team &team, int width) {
    member = team.member;
    size = team.size;
    runs = width / N;
  }

  // Lets `read` begin to read the runs that are kept, all at once.
  template <class Body> inline void readAhead(Body read) const {
    if (KEPT) each(read);
  }

  // Calls body(slot, column) for each run of the thread.
  template <class Body> inline void each(Body body) const {
    if (KEPT) {
#pragma unroll
      for (int k = 0; k < SLOTS; k++) {
        const int run = member + k * size;
        if (run < runs) body(k, run * N);
      }
    } else {
      for (int run = member; run < runs; run += size) body(0, run * N);
    }
  }
};

// Sums of a block's rows for the gradient of a gain or shift, in registers, or, where the row is not kept, in the
// block's row of `partials` itself. Without partials nothing happens.
template <int N, int KEPT> struct ColumnSum {
  float sums[Share<N, KEPT>::SLOTS][N];
  float *own;

  inline ColumnSum(float *partials, const Share<N, KEPT> &share, int width) {
    own = partials ? partials + (long long)blockIdx.x * width : nullptr;
#pragma unroll
    for (int k = 0; k < Share<N, KEPT>::SLOTS; k++) {
#pragma unroll
      for (int i = 0; i < N; i++) sums[k][i] = 0;
    }
    if (!KEPT && own) share.each([&](int, int column) { own[column] = 0; });
  }

  inline void add(int slot, int column, int i, float value) {
    if (KEPT) {
      sums[slot][i] += value;
    } else if (own) {
      own[column] += value;
    }
  }

  // Writes the block's sums, those of several teams added in order. All threads of the block must come.
  inline void finish(const Team &team, const Share<N, KEPT> &share) {
    if (!KEPT || !own) return;
    const int teams = (int)blockDim.x / team.size, index = (int)threadIdx.x / team.size;
    for (int turn = 0; turn < teams; turn++) {
      if (turn == index) {
        share.each([&](int slot, int column) {
          if (turn > 0) {
            float before[N];
            load_run(own + column, before);
#pragma unroll
            for (int i = 0; i < N; i++) sums[slot][i] += before[i];
          }
          store_run(own + column, sums[slot]);
        });
      }
      __syncthreads();
    }
  }
};

// Kept runs of N numbers a thread: 16 numbers.
template <int N> constexpr int kept_of() { return 16 / N; }

// MARK: RMS norm

// out = x / √(mean x² + ε) · (1 + gain).
template <int N, int KEPT, class X, class Out>
inline void rms_norm_rows(
    const X *x, const float *gain, float epsilon, Out *out, float *inverses, long long rows, int width, int size) {
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
    const float inverse = 1.f / sqrtf(squares[0] / (float)width + epsilon);
    share.each([&](int k, int column) {
      float w[N];
      load_run(gain + column, w);
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) w[i] = v[k][i] * inverse * (1.f + w[i]);
      store_run(out + row * width + column, w);
    });
    if (team.member == 0) inverses[row] = inverse;
  }
}

#define RMS_NORM(letters, X, Out)                                                                                  \
  extern "C" __global__ void __launch_bounds__(512, 1) rms_norm_##letters(                                            \
      const X *x, const float *gain, float epsilon, Out *out, float *inverses, long long rows, int width, int team, \
      int isKept) {                                                                                                \
    constexpr int N = run_of<X, Out>();                                                                            \
    if (isKept) {                                                                                                  \
      rms_norm_rows<N, kept_of<N>()>(x, gain, epsilon, out, inverses, rows, width, team);                          \
    } else {                                                                                                       \
      rms_norm_rows<1, 0>(x, gain, epsilon, out, inverses, rows, width, team);                                     \
    }                                                                                                              \
  }
CARINA_FOR_2(RMS_NORM)

// dx, plus `residual` where there is one, and partial sums of the gain's gradient, [gridDim.x, width], where wanted.
template <int N, int KEPT, class X, class D, class DX>
inline void rms_norm_backward_rows(
    const X *x, const float *gain, const float *inverses, const D *dout, const float *residual, DX *dx, float *partials,
    long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  ColumnSum<N, KEPT> slopes(partials, share, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const X *in = x + row * width;
    const D *d = dout + row * width;
    const float inverse = inverses[row];
    float v[share.SLOTS][N], g[share.SLOTS][N], projection[1] = {0};
    const auto read = [&](int k, int column) {
      load_run(in + column, v[k]);
      load_run(d + column, g[k]);
    };
    // Of the second reading only dx is made.
    const auto multiply = [&](int k, int column, bool isFirst) {
      float w[N];
      load_run(gain + column, w);
#pragma unroll
      for (int i = 0; i < N; i++) {
        if (isFirst) slopes.add(k, column, i, g[k][i] * v[k][i] * inverse);
        g[k][i] *= 1.f + w[i];
      }
    };
    share.readAhead(read);
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
      multiply(k, column, true);
#pragma unroll
      for (int i = 0; i < N; i++) projection[0] += g[k][i] * v[k][i];
    });
    team.sum(projection);
    const float slope = projection[0] * inverse * inverse / (float)width;
    share.each([&](int k, int column) {
      if (!KEPT) {
        read(k, column);
        multiply(k, column, false);
      }
#pragma unroll
      for (int i = 0; i < N; i++) g[k][i] = inverse * (g[k][i] - v[k][i] * slope);
      if (residual) {
        float r[N];
        load_run(residual + row * width + column, r);
#pragma unroll
        for (int i = 0; i < N; i++) g[k][i] += r[i];
      }
      store_run(dx + row * width + column, g[k]);
    });
  }
  slopes.finish(team, share);
}

#define RMS_NORM_BACKWARD(letters, X, D, DX)                                                                        \
  extern "C" __global__ void __launch_bounds__(512, 1) rms_norm_backward_##letters(                                    \
      const X *x, const float *gain, const float *inverses, const D *dout, const float *residual, DX *dx,           \
      float *partials, long long rows, int width, int team, int isKept) {                                           \
    constexpr int N = run_of<X, D, DX>();                                                                           \
    if (isKept) {                                                                                                   \
      rms_norm_backward_rows<N, kept_of<N>()>(                                                                      \
          x, gain, inverses, dout, residual, dx, partials, rows, width, team);                                      \
    } else {                                                                                                        \
      rms_norm_backward_rows<1, 0>(x, gain, inverses, dout, residual, dx, partials, rows, width, team);             \
    }                                                                                                               \
  }
CARINA_FOR_3(RMS_NORM_BACKWARD)

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

#define LAYER_NORM(letters, X, Out)                                                                             \
  extern "C" __global__ void __launch_bounds__(512, 1) layer_norm_##letters(                                       \
      const X *x, const float *gain, const float *shift, float epsilon, Out *out, float *means, float *inverses, \
      long long rows, int width, int team, int isKept) {                                                        \
    constexpr int N = run_of<X, Out>();                                                                         \
    if (isKept) {                                                                                               \
      layer_norm_rows<N, kept_of<N>()>(x, gain, shift, epsilon, out, means, inverses, rows, width, team);       \
    } else {                                                                                                    \
      layer_norm_rows<1, 0>(x, gain, shift, epsilon, out, means, inverses, rows, width, team);                  \
    }                                                                                                           \
  }
CARINA_FOR_2(LAYER_NORM)

// dx, plus `residual` where there is one, and partial sums of the gradients of gain and shift, where wanted.
template <int N, int KEPT, class X, class D, class DX>
inline void layer_norm_backward_rows(
    const X *x, const float *gain, const float *means, const float *inverses, const D *dout, const float *residual,
    DX *dx, float *gainPartials, float *shiftPartials, long long rows, int width, int size) {
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
      if (residual) {
        float r[N];
        load_run(residual + row * width + column, r);
#pragma unroll
        for (int i = 0; i < N; i++) g[k][i] += r[i];
      }
      store_run(dx + row * width + column, g[k]);
    });
  }
  slopes.finish(team, share);
  shifts.finish(team, share);
}

#define LAYER_NORM_BACKWARD(letters, X, D, DX)                                                                      \
  extern "C" __global__ void __launch_bounds__(512, 1) layer_norm_backward_##letters(                                  \
      const X *x, const float *gain, const float *means, const float *inverses, const D *dout,                      \
      const float *residual, DX *dx, float *gainPartials, float *shiftPartials, long long rows, int width, int team, \
      int isKept) {                                                                                                 \
    constexpr int N = run_of<X, D, DX>();                                                                           \
    if (isKept) {                                                                                                   \
      layer_norm_backward_rows<N, kept_of<N>()>(                                                                    \
          x, gain, means, inverses, dout, residual, dx, gainPartials, shiftPartials, rows, width, team);            \
    } else {                                                                                                        \
      layer_norm_backward_rows<1, 0>(                                                                               \
          x, gain, means, inverses, dout, residual, dx, gainPartials, shiftPartials, rows, width, team);            \
    }                                                                                                               \
  }
CARINA_FOR_3(LAYER_NORM_BACKWARD)

// MARK: Rows of length 1

// out = x / |x|.
template <int N, int KEPT, class X, class Out>
inline void l2_normalize_rows(const X *x, Out *out, float *inverses, long long rows, int width, int size) {
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
    const float inverse = 1.f / sqrtf(squares[0]);
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) v[k][i] *= inverse;
      store_run(out + row * width + column, v[k]);
    });
    if (team.member == 0) inverses[row] = inverse;
  }
}

#define L2_NORMALIZE(letters, X, Out)                                                                        \
  extern "C" __global__ void __launch_bounds__(512, 1) l2_normalize_##letters(                                  \
      const X *x, Out *out, float *inverses, long long rows, int width, int team, int isKept) {              \
    constexpr int N = run_of<X, Out>();                                                                      \
    if (isKept) {                                                                                            \
      l2_normalize_rows<N, kept_of<N>()>(x, out, inverses, rows, width, team);                               \
    } else {                                                                                                 \
      l2_normalize_rows<1, 0>(x, out, inverses, rows, width, team);                                          \
    }                                                                                                        \
  }
CARINA_FOR_2(L2_NORMALIZE)

// dx = (dout − out · (out · dout)) · inverse.
template <int N, int KEPT, class Y, class D, class DX>
inline void l2_normalize_backward_rows(
    const Y *out, const float *inverses, const D *dout, DX *dx, long long rows, int width, int size) {
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

#define L2_NORMALIZE_BACKWARD(letters, Y, D, DX)                                                                   \
  extern "C" __global__ void __launch_bounds__(512, 1) l2_normalize_backward_##letters(                               \
      const Y *out, const float *inverses, const D *dout, DX *dx, long long rows, int width, int team, int isKept) { \
    constexpr int N = run_of<Y, D, DX>();                                                                          \
    if (isKept) {                                                                                                  \
      l2_normalize_backward_rows<N, kept_of<N>()>(out, inverses, dout, dx, rows, width, team);                     \
    } else {                                                                                                       \
      l2_normalize_backward_rows<1, 0>(out, inverses, dout, dx, rows, width, team);                                \
    }                                                                                                              \
  }
CARINA_FOR_3(L2_NORMALIZE_BACKWARD)
