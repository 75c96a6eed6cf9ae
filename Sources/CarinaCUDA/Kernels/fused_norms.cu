// What stands beside RMS norms in a transformer block, in one pass over memory: the sum before a norm, and the rotary
// embedding behind one. Gradients have the type of what they are the gradient by.

#include "row_teams.cuh"

// MARK: A sum and the norm of it

// sum = x + branch, or, where `branchGain` is given, x + the RMS norm of branch; out = the RMS norm of sum. Between two
// halves of Gemma's blocks stands just this.
template <int N, int KEPT, class B, class Out>
inline void add_rms_norm_rows(
    const float *x, const B *branch, const float *branchGain, const float *gain, float epsilon, float *sum, Out *out,
    float *branchInverses, float *inverses, long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const float *in = x + row * width;
    const B *other = branch + row * width;
    float *target = sum + row * width;
    float v[share.SLOTS][N], b[share.SLOTS][N], squares[1] = {0};
    share.readAhead([&](int k, int column) {
      load_run(other + column, b[k]);
      load_run(in + column, v[k]);
    });
    float factor = 1;
    if (branchGain) {
      share.each([&](int k, int column) {
        if (!KEPT) load_run(other + column, b[k]);
#pragma unroll
        for (int i = 0; i < N; i++) squares[0] += b[k][i] * b[k][i];
      });
      team.sum(squares);
      factor = 1.f / sqrtf(squares[0] / (float)width + epsilon);
      if (team.member == 0) branchInverses[row] = factor;
      squares[0] = 0;
    }
    share.each([&](int k, int column) {
      if (!KEPT) {
        load_run(other + column, b[k]);
        load_run(in + column, v[k]);
      }
      if (branchGain) {
        float w[N];
        load_run(branchGain + column, w);
#pragma unroll
        for (int i = 0; i < N; i++) b[k][i] = b[k][i] * factor * (1.f + w[i]);
      }
#pragma unroll
      for (int i = 0; i < N; i++) {
        v[k][i] += b[k][i];
        squares[0] += v[k][i] * v[k][i];
      }
      store_run(target + column, v[k]);
    });
    team.sum(squares);
    const float inverse = 1.f / sqrtf(squares[0] / (float)width + epsilon);
    share.each([&](int k, int column) {
      float w[N];
      load_run(gain + column, w);
      // A thread reads what it has written itself.
      if (!KEPT) load_run(target + column, v[k]);
#pragma unroll
      for (int i = 0; i < N; i++) w[i] = v[k][i] * inverse * (1.f + w[i]);
      store_run(out + row * width + column, w);
    });
    if (team.member == 0) inverses[row] = inverse;
  }
}

#define ADD_RMS_NORM(letters, B, Out)                                                                                \
  extern "C" __global__ void __launch_bounds__(512, 1) add_rms_norm_##letters(                                       \
      const float *x, const B *branch, const float *branchGain, const float *gain, float epsilon, float *sum,        \
      Out *out, float *branchInverses, float *inverses, long long rows, int width, int team, int isKept) {           \
    CARINA_ROWS(                                                                                                     \
        add_rms_norm_rows, 4, x, branch, branchGain, gain, epsilon, sum, out, branchInverses, inverses, rows, width) \
  }
CARINA_FOR_2(ADD_RMS_NORM)

// The gradients: dx = residual + the norm's gradient by the sum, which x gets as it is, and dbranch = the branch's norm's
// gradient from it. Partial sums of the gradients of both gains, [gridDim.x, width] each, where wanted.
template <int N, int KEPT, class B, class D>
inline void add_rms_norm_backward_rows(
    const float *sum, const float *gain, const float *inverses, const D *dout, const float *residual, const B *branch,
    const float *branchGain, const float *branchInverses, float *dx, B *dbranch, float *partials, float *branchPartials,
    long long rows, int width, int size) {
  Team team(size);
  const Share<N, KEPT> share(team, width);
  ColumnSum<N, KEPT> slopes(partials, share, width), branchSlopes(branchPartials, share, width);
  for (long long row = team.row; row < rows; row += team.step) {
    const long long start = row * width;
    const float branchInverse = branchInverses[row];
    NormedRow<N, KEPT, float, D> normed{sum + start, dout + start, gain, inverses[row]};
    float b[share.SLOTS][N], projection[1] = {0};
    share.readAhead([&](int k, int column) { normed.read(k, column); });
    share.readAhead([&](int k, int column) { load_run(branch + start + column, b[k]); });
    const float slope = normed.slope(team, share, slopes, width);
    share.each([&](int k, int column) {
      normed.readAgain(slopes, k, column);
      if (!KEPT) load_run(branch + start + column, b[k]);
      float w[N], r[N];
      load_run(residual + start + column, r);
      load_run(branchGain + column, w);
#pragma unroll
      for (int i = 0; i < N; i++) r[i] += normed.inverse * (normed.g[k][i] - normed.v[k][i] * slope);
      store_run(dx + start + column, r);
#pragma unroll
      for (int i = 0; i < N; i++) {
        branchSlopes.add(k, column, i, r[i] * b[k][i] * branchInverse);
        normed.g[k][i] = r[i] * (1.f + w[i]);
        projection[0] += normed.g[k][i] * b[k][i];
      }
    });
    team.sum(projection);
    const float branchSlope = projection[0] * branchInverse * branchInverse / (float)width;
    share.each([&](int k, int column) {
      float(&g)[N] = normed.g[k];
      if (!KEPT) {
        load_run(branch + start + column, b[k]);
        g[0] = dx[start + column] * (1.f + branchGain[column]);
      }
#pragma unroll
      for (int i = 0; i < N; i++) g[i] = branchInverse * (g[i] - b[k][i] * branchSlope);
      store_run(dbranch + start + column, g);
    });
  }
  slopes.finish(team, share);
  branchSlopes.finish(team, share);
}

#define ADD_RMS_NORM_BACKWARD(letters, B, D)                                                                         \
  extern "C" __global__ void __launch_bounds__(256, 1) add_rms_norm_backward_##letters(                              \
      const float *sum, const float *gain, const float *inverses, const D *dout, const float *residual,              \
      const B *branch, const float *branchGain, const float *branchInverses, float *dx, B *dbranch, float *partials, \
      float *branchPartials, long long rows, int width, int team, int isKept) {                                      \
    CARINA_ROWS(                                                                                                     \
        add_rms_norm_backward_rows, 4, sum, gain, inverses, dout, residual, branch, branchGain, branchInverses, dx,  \
        dbranch, partials, branchPartials, rows, width)                                                              \
  }
CARINA_FOR_2(ADD_RMS_NORM_BACKWARD)

// MARK: Heads: the RMS norm and the rotary embedding

// A warp's head of 2 · half numbers: a lane has runs of N of the first half and those that they are turned with, of the
// second; SLOTS of them, or, where that is 0, one number after the other, read again for each pass.
template <int N, int SLOTS> struct HeadShare {
  static constexpr int KEPT = SLOTS ? SLOTS : 1;
  int lane, runs;

  inline HeadShare(int half) {
    lane = (int)threadIdx.x % 32;
    runs = half / N;
  }

  template <class Body> inline void each(Body body) const {
    if (SLOTS) {
#pragma unroll
      for (int k = 0; k < KEPT; k++) {
        const int run = lane + 32 * k;
        if (run < runs) body(k, run * N);
      }
    } else {
      for (int run = lane; run < runs; run += 32) body(0, run * N);
    }
  }
};

// out = the norm of each head (see rms_norm), turned by its row's line of the table (see rotate).
template <int N, int SLOTS, class X, class Out>
inline void norm_rotate_heads(
    const X *x, const float *gain, float epsilon, const float *cosines, const float *sines, const int *positions,
    Out *out, float *inverses, long long rows, int heads, int half) {
  const HeadShare<N, SLOTS> share(half);
  const int warps = (int)blockDim.x / 32;
  const long long count = rows * heads, step = (long long)gridDim.x * warps;
  for (long long head = (long long)blockIdx.x * warps + (int)threadIdx.x / 32; head < count; head += step) {
    const long long start = head * 2 * half, line = (long long)positions[head / heads] * half;
    float a[share.KEPT][N], b[share.KEPT][N], squares = 0;
    const auto read = [&](int k, int column) {
      load_run(x + start + column, a[k]);
      load_run(x + start + half + column, b[k]);
    };
    if (SLOTS) share.each(read);
    share.each([&](int k, int column) {
      if (!SLOTS) read(k, column);
#pragma unroll
      for (int i = 0; i < N; i++) squares += a[k][i] * a[k][i] + b[k][i] * b[k][i];
    });
    squares = warp_sum(squares);
    const float inverse = 1.f / sqrtf(squares / (float)(2 * half) + epsilon);
    share.each([&](int k, int column) {
      float c[N], s[N], left[N], right[N];
      if (!SLOTS) read(k, column);
      load_run(cosines + line + column, c);
      load_run(sines + line + column, s);
      load_run(gain + column, left);
      load_run(gain + half + column, right);
#pragma unroll
      for (int i = 0; i < N; i++) {
        left[i] = a[k][i] * inverse * (1.f + left[i]);
        right[i] = b[k][i] * inverse * (1.f + right[i]);
        a[k][i] = left[i] * c[i] - right[i] * s[i];
        b[k][i] = right[i] * c[i] + left[i] * s[i];
      }
      store_run(out + start + column, a[k]);
      store_run(out + start + half + column, b[k]);
    });
    if (share.lane == 0) inverses[head] = inverse;
  }
}

#define NORM_ROTATE(letters, X, Out)                                                                                \
  extern "C" __global__ void norm_rotate_##letters(                                                                 \
      const X *x, const float *gain, float epsilon, const float *cosines, const float *sines, const int *positions, \
      Out *out, float *inverses, long long rows, int heads, int half) {                                             \
    if (half % 4 == 0 && half <= 128 && are_aligned(x, gain, cosines, sines, out)) {                                \
      norm_rotate_heads<4, 1>(x, gain, epsilon, cosines, sines, positions, out, inverses, rows, heads, half);       \
    } else {                                                                                                        \
      norm_rotate_heads<1, 0>(x, gain, epsilon, cosines, sines, positions, out, inverses, rows, heads, half);       \
    }                                                                                                               \
  }
CARINA_FOR_2(NORM_ROTATE)

// dx from x, and partial sums of the gain's gradient, [gridDim.x, 2 · half], where wanted.
template <int N, int SLOTS, class X, class D>
inline void norm_rotate_backward_heads(
    const X *x, const float *gain, const float *inverses, const float *cosines, const float *sines,
    const int *positions, const D *dout, X *dx, float *partials, long long rows, int heads, int half) {
  const HeadShare<N, SLOTS> share(half);
  const int warps = (int)blockDim.x / 32, warp = (int)threadIdx.x / 32;
  const long long count = rows * heads, step = (long long)gridDim.x * warps;
  float *own = partials ? partials + (long long)blockIdx.x * 2 * half : nullptr;
  float sums[2][share.KEPT][N];
#pragma unroll
  for (int k = 0; k < share.KEPT; k++) {
#pragma unroll
    for (int i = 0; i < N; i++) sums[0][k][i] = sums[1][k][i] = 0;
  }
  if (!SLOTS && own) share.each([&](int, int column) { own[column] = own[half + column] = 0; });
  for (long long head = (long long)blockIdx.x * warps + warp; head < count; head += step) {
    const long long start = head * 2 * half, line = (long long)positions[head / heads] * half;
    const float inverse = inverses[head];
    float a[share.KEPT][N], b[share.KEPT][N], left[share.KEPT][N], right[share.KEPT][N], projection = 0;
    const auto read = [&](int k, int column) {
      load_run(x + start + column, a[k]);
      load_run(x + start + half + column, b[k]);
      load_run(dout + start + column, left[k]);
      load_run(dout + start + half + column, right[k]);
    };
    // Turned back and multiplied by the gain.
    const auto turn = [&](int k, int column, bool isFirst) {
      float c[N], s[N], w[N], z[N];
      load_run(cosines + line + column, c);
      load_run(sines + line + column, s);
      load_run(gain + column, w);
      load_run(gain + half + column, z);
#pragma unroll
      for (int i = 0; i < N; i++) {
        const float before = left[k][i] * c[i] + right[k][i] * s[i], after = right[k][i] * c[i] - left[k][i] * s[i];
        if (isFirst && SLOTS) {
          sums[0][k][i] += before * a[k][i] * inverse;
          sums[1][k][i] += after * b[k][i] * inverse;
        } else if (isFirst && own) {
          own[column] += before * a[k][i] * inverse;
          own[half + column] += after * b[k][i] * inverse;
        }
        left[k][i] = before * (1.f + w[i]);
        right[k][i] = after * (1.f + z[i]);
      }
    };
    if (SLOTS) share.each(read);
    share.each([&](int k, int column) {
      if (!SLOTS) read(k, column);
      turn(k, column, true);
#pragma unroll
      for (int i = 0; i < N; i++) projection += left[k][i] * a[k][i] + right[k][i] * b[k][i];
    });
    projection = warp_sum(projection);
    const float slope = projection * inverse * inverse / (float)(2 * half);
    share.each([&](int k, int column) {
      if (!SLOTS) {
        read(k, column);
        turn(k, column, false);
      }
#pragma unroll
      for (int i = 0; i < N; i++) {
        left[k][i] = inverse * (left[k][i] - a[k][i] * slope);
        right[k][i] = inverse * (right[k][i] - b[k][i] * slope);
      }
      store_run(dx + start + column, left[k]);
      store_run(dx + start + half + column, right[k]);
    });
  }
  // One warp after the other adds its sums to those of the block.
  for (int turn = 0; turn < (SLOTS && own ? warps : 0); turn++) {
    if (turn == warp) {
      share.each([&](int k, int column) {
#pragma unroll
        for (int side = 0; side < 2; side++) {
          if (turn > 0) {
            float before[N];
            load_run(own + side * half + column, before);
#pragma unroll
            for (int i = 0; i < N; i++) sums[side][k][i] += before[i];
          }
          store_run(own + side * half + column, sums[side][k]);
        }
      });
    }
    __syncthreads();
  }
}

// Blocks of the second kind, whose heads do not fit runs of 16 bytes, must be of one warp.
#define NORM_ROTATE_BACKWARD(letters, X, D)                                                               \
  extern "C" __global__ void norm_rotate_backward_##letters(                                              \
      const X *x, const float *gain, const float *inverses, const float *cosines, const float *sines,     \
      const int *positions, const D *dout, X *dx, float *partials, long long rows, int heads, int half) { \
    if (half % 4 == 0 && half <= 128 && are_aligned(x, gain, cosines, sines, dout, dx)) {                 \
      norm_rotate_backward_heads<4, 1>(                                                                   \
          x, gain, inverses, cosines, sines, positions, dout, dx, partials, rows, heads, half);           \
    } else {                                                                                              \
      norm_rotate_backward_heads<1, 0>(                                                                   \
          x, gain, inverses, cosines, sines, positions, dout, dx, partials, rows, heads, half);           \
    }                                                                                                     \
  }
CARINA_FOR_2(NORM_ROTATE_BACKWARD)
