// The kernels of the self-test.
#pragma once

static const char *const kernel_source = R"CUDA(
extern "C" __global__ void reduce(const float *x, float *sums, float *maxima, double *exact, int count) {
  float sum = 0, most = -INFINITY;
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    sum += x[blockIdx.x * count + i];
    most = max(most, x[blockIdx.x * count + i]);
  }
  const double total = block_sum(double(sum));
  sum = block_sum(sum);
  most = block_max(most);
  // By the last thread: each one must have the results.
  if (threadIdx.x == blockDim.x - 1) {
    sums[blockIdx.x] = sum;
    maxima[blockIdx.x] = most;
    exact[blockIdx.x] = total;
  }
}

extern "C" __global__ void shuffle(int *out) {
  const int lane = threadIdx.x;
  const unsigned all = 0xffffffffu;
  out[lane] = __shfl_xor_sync(all, lane, 5);
  out[32 + lane] = __shfl_down_sync(all, lane, 3, 8);
  out[64 + lane] = __shfl_up_sync(all, lane, 3, 16);
  out[96 + lane] = __shfl_sync(all, lane, 2, 4);
  out[128 + lane] = int(__ballot_sync(all, lane % 3 == 0));
  out[160 + lane] = __any_sync(all, lane == 7) * 2 + __all_sync(all, lane < 31);
  out[192 + lane] = __syncthreads_count(lane < 11);
  out[224 + lane] = int(__shfl_xor_sync(all, double(lane), 16));
}

// c [16, 8] = a [16, 16] · b, b given as [16, 8], or as its transpose [8, 16].
extern "C" __global__ void tensor_core(const bf16 *a, const bf16 *b, float *c, int transposed) {
  __shared__ __align__(16) bf16 as[16 * 16], bs[16 * 8];
  const int lane = threadIdx.x;
  cp_async_16(as + lane * 8, a + lane * 8, true);
  if (lane < 16) cp_async_16(bs + lane * 8, b + lane * 8, true);
  cp_async_commit();
  cp_async_wait<0>();
  __syncthreads();
  unsigned fa[4], fb[2];
  float d[4] = {1, 1, 1, 1};
  ldmatrix_x4(fa, as + lane % 16 * 16 + lane / 16 * 8);
  if (transposed) {
    ldmatrix_x2(fb, bs + lane % 8 * 16 + lane / 8 % 2 * 8);
  } else {
    ldmatrix_x2_trans(fb, bs + lane % 16 * 8);
  }
  mma_bf16(d, fa, fb);
  for (int i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = d[i];
}

extern "C" __global__ void __launch_bounds__(256) scale(float *x, float factor, long long count) {
  const long long i = blockIdx.x * 256ll + threadIdx.x;
  if (i < count) x[i] *= factor * SCALE;
}

template <class T>
__global__ void converted(const T *x, float *out) {
  out[threadIdx.x] = load(x + threadIdx.x);
}

extern "C" __global__ void round_trip(const float *x, float *out, bf16 *narrow) {
  store(narrow + threadIdx.x, x[threadIdx.x]);
  out[threadIdx.x] = load(narrow + threadIdx.x);
}

extern "C" __global__ void unwritten(float *out) {
  __shared__ float fixed[8];
  CARINA_SHARED(float, dynamic);
  if (!out) fixed[threadIdx.x] = threadIdx.x;
  out[0] = fixed[3];
  out[1] = dynamic[threadIdx.x];
}

extern "C" __global__ void previous_block(float *out) {
  __shared__ float kept;
  if (blockIdx.x == 0) kept = gridDim.x;
  out[blockIdx.x] = kept;
}

extern "C" __global__ void dynamic_end(float *out, int bytes) {
  CARINA_SHARED(unsigned char, dynamic);
  for (int i = threadIdx.x; i < bytes; i += blockDim.x) dynamic[i] = 1;
  __syncthreads();
  if (threadIdx.x == 0) out[0] = dynamic[bytes - 1];
}

// Wrong: no barrier between the writes and the reads of others.
extern "C" __global__ void missing_barrier(const float *x, float *out) {
  __shared__ float all[64];
  all[threadIdx.x] = x[threadIdx.x];
  out[threadIdx.x] = all[63 - threadIdx.x];
}

// Wrong: the copies of the last group may still be under way.
extern "C" __global__ void missing_wait(const float *x, float *out) {
  __shared__ __align__(16) float all[128];
  cp_async_16(all + threadIdx.x * 4, x + threadIdx.x * 4, true);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();
  out[threadIdx.x] = all[threadIdx.x];
}

extern "C" __global__ void early_return(float *x) {
  if (threadIdx.x < 7) return;
  __syncthreads();
  x[threadIdx.x] = 1;
}

extern "C" __global__ void two_barriers(float *x) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    x[0] = 1;
    __syncthreads();
  }
}

extern "C" __global__ void divergent_shuffle(float *x) {
  if (threadIdx.x % 2) x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 2);
}

extern "C" __global__ void shared_overrun(float *x) {
  CARINA_SHARED(float, dynamic);
  dynamic[threadIdx.x + 128] = x[0];
}

extern "C" __global__ void overrun(float *x, int count) { x[count + threadIdx.x] = 1; }
)CUDA";
