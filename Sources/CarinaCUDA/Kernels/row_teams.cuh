// Rows of norms and the threads that share them.
//
// A row belongs to a team of threads, a warp or a whole block, and lies in their registers from its only reading on
// (KEPT runs of N numbers a thread). Rows that do not fit, or lie at odd addresses, are read again for each pass, number by
// number (N = 1, KEPT = 0), by a team that is a block.

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

// Of a kernel with arguments `team` and `isKept`: rows<N, KEPT>(arguments ..., team).
#define CARINA_ROWS(rows, N, ...)             \
  if (isKept) {                               \
    rows<N, kept_of<N>()>(__VA_ARGS__, team); \
  } else {                                    \
    rows<1, 0>(__VA_ARGS__, team);            \
  }

// MARK: RMS norm

// The gradient of a row through its RMS norm: x and dout of the row in v and g, after `slope` g is dout · (1 + gain).
template <int N, int KEPT, class X, class D> struct NormedRow {
  const X *x;
  const D *dout;
  const float *gain;
  float inverse;
  float v[Share<N, KEPT>::SLOTS][N], g[Share<N, KEPT>::SLOTS][N];

  inline void read(int k, int column) {
    load_run(x + column, v[k]);
    load_run(dout + column, g[k]);
  }

  // Of the second reading only dx is made.
  inline void multiply(ColumnSum<N, KEPT> &slopes, int k, int column, bool isFirst) {
    float w[N];
    load_run(gain + column, w);
#pragma unroll
    for (int i = 0; i < N; i++) {
      if (isFirst) slopes.add(k, column, i, g[k][i] * v[k][i] * inverse);
      g[k][i] *= 1.f + w[i];
    }
  }

  // What of x goes into dx = inverse · (g − v · slope).
  inline float slope(Team &team, const Share<N, KEPT> &share, ColumnSum<N, KEPT> &slopes, int width) {
    float projection[1] = {0};
    share.each([&](int k, int column) {
      if (!KEPT) read(k, column);
      multiply(slopes, k, column, true);
#pragma unroll
      for (int i = 0; i < N; i++) projection[0] += g[k][i] * v[k][i];
    });
    team.sum(projection);
    return projection[0] * inverse * inverse / (float)width;
  }

  // Before the second use of a run.
  inline void readAgain(ColumnSum<N, KEPT> &slopes, int k, int column) {
    if (KEPT) return;
    read(k, column);
    multiply(slopes, k, column, false);
  }
};
