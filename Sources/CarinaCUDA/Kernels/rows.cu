// What picks rows: copies and sums of rows by number, embeddings, patches of images, the rotary embedding, largest numbers.

// Row targets[i] of target = row sources[i] of source; without numbers row i from `firstSource` or `firstTarget` on.
template <class S, class T>
inline void copy_rows(
    const S *source, const long long *sources, long long firstSource, T *target, const long long *targets,
    long long firstTarget, long long count, long long width) {
  constexpr int RUN = run_of<S, T>();
  const bool whole = are_aligned(source, target) && width % RUN == 0;
  const long long threads = (long long)gridDim.x * blockDim.x;
  const long long own = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  for (long long row = blockIdx.y; row < count; row += gridDim.y) {
    const S *in = source + (sources ? sources[row] : firstSource + row) * width;
    T *out = target + (targets ? targets[row] : firstTarget + row) * width;
    if (whole) {
      for (long long run = own; run < width / RUN; run += threads) {
        float v[RUN];
        load_run(in + run * RUN, v);
        store_run(out + run * RUN, v);
      }
    } else {
      for (long long column = own; column < width; column += threads) store(out + column, load(in + column));
    }
  }
}

#define COPY_ROWS(letters, S, T)                                                                            \
  extern "C" __global__ void copy_rows_##letters(                                                           \
      const S *source, const long long *sources, long long firstSource, T *target, const long long *targets, \
      long long firstTarget, long long count, long long width) {                                            \
    copy_rows(source, sources, firstSource, target, targets, firstTarget, count, width);                    \
  }
CARINA_FOR_2(COPY_ROWS)

// Row targets[r] of target += scale · the sum of rows order[starts[r]] ... order[starts[r + 1] - 1] of source, added
// one after the other; no target row is named twice.
template <class S, class T>
inline void add_rows(
    const S *source, float scale, T *target, const long long *targets, const long long *starts, const long long *order,
    long long count, long long width) {
  constexpr int RUN = run_of<S, T>();
  for_each_row_run<RUN>(count, width, are_aligned(source, target), [=](long long row, long long column, auto length) {
    constexpr int N = decltype(length)::value;
    const long long last = starts[row + 1];
    float sum[N];
    load_run(target + targets[row] * width + column, sum);
#pragma unroll 4
    for (long long at = starts[row]; at < last; at++) {
      float v[N];
      load_run(source + order[at] * width + column, v);
#pragma unroll
      for (int i = 0; i < N; i++) sum[i] += scale * v[i];
    }
    store_run(target + targets[row] * width + column, sum);
  });
}

#define ADD_ROWS(letters, S, T)                                                                              \
  extern "C" __global__ void add_rows_##letters(                                                             \
      const S *source, float scale, T *target, const long long *targets, const long long *starts,            \
      const long long *order, long long count, long long width) {                                            \
    add_rows(source, scale, target, targets, starts, order, count, width);                                   \
  }
CARINA_FOR_2(ADD_ROWS)

// Row i of target += scale · row i of source, for rows that all differ and follow one another: a plain sum.
template <class S, class T>
inline void add_scaled(const S *source, float scale, T *target, long long count) {
  for_each_run<run_of<S, T>()>(count, are_aligned(source, target), [=](long long index, auto length) {
    constexpr int N = decltype(length)::value;
    float v[N], sum[N];
    load_run(source + index, v);
    load_run(target + index, sum);
#pragma unroll
    for (int i = 0; i < N; i++) sum[i] += scale * v[i];
    store_run(target + index, sum);
  });
}

#define ADD_SCALED(letters, S, T)                                                                            \
  extern "C" __global__ void add_scaled_##letters(const S *source, float scale, T *target, long long count) { \
    add_scaled(source, scale, target, count);                                                                \
  }
CARINA_FOR_2(ADD_SCALED)

// Row i of out = scale · row ids[i] of the table.
template <class S, class T>
inline void embed_rows(
    const S *table, const long long *ids, long long firstID, float scale, T *out, long long count, long long width) {
  for_each_row_run<run_of<S, T>()>(count, width, are_aligned(table, out), [=](long long row, long long column, auto length) {
    constexpr int N = decltype(length)::value;
    const long long id = ids ? ids[row] : firstID + row;
    float v[N];
    load_run(table + id * width + column, v);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] *= scale;
    store_run(out + row * width + column, v);
  });
}

#define EMBEDDING(letters, S, T)                                                                             \
  extern "C" __global__ void embedding_##letters(                                                            \
      const S *table, const long long *ids, long long firstID, float scale, T *out, long long count,         \
      long long width) {                                                                                     \
    embed_rows(table, ids, firstID, scale, out, count, width);                                               \
  }
CARINA_FOR_2(EMBEDDING)

// Rows of patches, in the order (channel, y, x), from images [channels, size, size]; a block writes a row.
template <class S, class T>
inline void cut_patches(const S *images, T *out, long long rows, int channels, int size, int patch) {
  const int grid = size / patch, area = patch * patch, width = channels * area;
  for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
    const long long image = row / (grid * grid);
    const int cell = (int)(row % (grid * grid)), top = cell / grid * patch, left = cell % grid * patch;
    for (int column = (int)threadIdx.x; column < width; column += (int)blockDim.x) {
      const int channel = column / area, y = column % area / patch, x = column % patch;
      const long long line = (image * channels + channel) * size + top + y;
      store(out + row * width + column, load(images + line * size + left + x));
    }
  }
}

#define PATCHES(letters, S, T)                                                                                    \
  extern "C" __global__ void patches_##letters(                                                                   \
      const S *images, T *out, long long rows, int channels, int size, int patch) {                               \
    cut_patches(images, out, rows, channels, size, patch);                                                        \
  }
CARINA_FOR_2(PATCHES)

// Each head of `size` of a row turned by the row's line of the table, half = size / 2 angles a line, rotate-half form;
// direction -1 turns back. Threads of a block share a row.
template <int N, class S, class T>
inline void rotate_rows(
    const S *source, T *target, const float *cosines, const float *sines, const int *positions, float direction,
    long long rows, int heads, int half) {
  const int runs = half / N;
  for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
    const long long line = (long long)positions[row] * half;
    for (int own = (int)threadIdx.x; own < heads * runs; own += (int)blockDim.x) {
      const int head = own / runs, column = own % runs * N;
      const long long first = (row * heads + head) * 2 * half + column;
      float a[N], b[N], c[N], s[N];
      load_run(source + first, a);
      load_run(source + first + half, b);
      load_run(cosines + line + column, c);
      load_run(sines + line + column, s);
#pragma unroll
      for (int i = 0; i < N; i++) {
        const float sine = direction * s[i], left = a[i] * c[i] - b[i] * sine;
        b[i] = b[i] * c[i] + a[i] * sine;
        a[i] = left;
      }
      store_run(target + first, a);
      store_run(target + first + half, b);
    }
  }
}

#define ROTATE(letters, S, T)                                                                                      \
  extern "C" __global__ void rotate_##letters(                                                                     \
      const S *source, T *target, const float *cosines, const float *sines, const int *positions, float direction, \
      long long rows, int heads, int half) {                                                                       \
    constexpr int N = run_of<S, T>();                                                                              \
    if (half % N == 0 && are_aligned(source, target, cosines, sines)) {                                            \
      rotate_rows<N>(source, target, cosines, sines, positions, direction, rows, heads, half);                     \
    } else {                                                                                                       \
      rotate_rows<1>(source, target, cosines, sines, positions, direction, rows, heads, half);                     \
    }                                                                                                              \
  }
CARINA_FOR_2(ROTATE)

// A number and where it stands; of equal numbers the first one counts, and one that is none never does.
struct Ranked {
  float value;
  int index;

  inline void take(float other, int otherIndex) {
    if (other > value || (other == value && otherIndex < index)) {
      value = other;
      index = otherIndex;
    }
  }

  inline void takeWarp() {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(0xffffffffu, value, distance);
      take(other, __shfl_xor_sync(0xffffffffu, index, distance));
    }
  }
};

inline Ranked unranked() { return Ranked{__uint_as_float(0xff800000u), 0x7fffffff}; }

// The largest number of piece y of row x, a multiple of 8 columns each, to values and indices [gridDim.x, gridDim.y].
template <class T>
inline void rank_piece(const T *logits, float *values, int *indices, int columns) {
  __shared__ Ranked parts[32];
  constexpr int N = run_of<T>();
  const T *row = logits + (long long)blockIdx.x * columns;
  const int length = ((columns + (int)gridDim.y - 1) / (int)gridDim.y + 7) / 8 * 8;
  const int first = min(columns, length * (int)blockIdx.y), last = min(columns, first + length);
  Ranked best = unranked();
  if (are_aligned(logits) && columns % N == 0) {
    for (int column = first + (int)threadIdx.x * N; column < last; column += (int)blockDim.x * N) {
      float v[N];
      load_run(row + column, v);
#pragma unroll
      for (int i = 0; i < N; i++) best.take(v[i], column + i);
    }
  } else {
    for (int column = first + (int)threadIdx.x; column < last; column += (int)blockDim.x) {
      best.take(load(row + column), column);
    }
  }
  best.takeWarp();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < (int)blockDim.x / 32; warp++) best.take(parts[warp].value, parts[warp].index);
    const long long own = (long long)blockIdx.x * gridDim.y + blockIdx.y;
    values[own] = best.value;
    indices[own] = best.index;
  }
}

#define RANK_PIECES(letters, T)                                                                                   \
  extern "C" __global__ void rank_pieces_##letters(const T *logits, float *values, int *indices, int columns) {   \
    rank_piece(logits, values, indices, columns);                                                                 \
  }
CARINA_FOR_1(RANK_PIECES)

// results [gridDim.x]: where the largest of a row's pieces stands, -1 where it is not finite. Blocks are of one warp.
extern "C" __global__ void rank_rows(const float *values, const int *indices, int *results, int pieces) {
  Ranked best = unranked();
  for (int piece = (int)threadIdx.x; piece < pieces; piece += 32) {
    const long long own = (long long)blockIdx.x * pieces + piece;
    best.take(values[own], indices[own]);
  }
  best.takeWarp();
  if (threadIdx.x == 0) results[blockIdx.x] = fabsf(best.value) < __uint_as_float(0x7f800000u) ? best.index : -1;
}
