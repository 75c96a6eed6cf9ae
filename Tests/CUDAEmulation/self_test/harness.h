// What the self-test's parts share: the three libraries' functions and one card to try them on.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmath>
#include <string>
#include <vector>

#define FUNCTIONS(each)                                                                                              \
  each(cuInit, (unsigned)) each(cuDeviceGetAttribute, (int *, int, int)) each(cuDriverGetVersion, (int *))           \
  each(cuDeviceGetCount, (int *)) each(cuDevicePrimaryCtxRetain, (void **, int)) each(cuCtxSetCurrent, (void *))     \
  each(cuMemGetInfo_v2, (size_t *, size_t *)) each(cuMemAlloc_v2, (uint64_t *, size_t)) each(cuMemFree_v2, (uint64_t)) \
  each(cuMemHostAlloc, (void **, size_t, unsigned)) each(cuMemFreeHost, (void *))                                    \
  each(cuMemcpyHtoDAsync_v2, (uint64_t, const void *, size_t, void *))                                               \
  each(cuMemcpyDtoHAsync_v2, (void *, uint64_t, size_t, void *))                                                     \
  each(cuMemcpyDtoDAsync_v2, (uint64_t, uint64_t, size_t, void *))                                                   \
  each(cuMemsetD8Async, (uint64_t, unsigned char, size_t, void *))                                                   \
  each(cuMemsetD32Async, (uint64_t, unsigned, size_t, void *)) each(cuStreamCreate, (void **, unsigned))             \
  each(cuStreamSynchronize, (void *)) each(cuStreamBeginCapture_v2, (void *, int))                                   \
  each(cuStreamEndCapture, (void *, void **)) each(cuGraphInstantiateWithFlags, (void **, void *, unsigned long long)) \
  each(cuGraphLaunch, (void *, void *)) each(cuGraphExecDestroy, (void *)) each(cuGraphDestroy, (void *))            \
  each(cuEventCreate, (void **, unsigned)) each(cuEventRecord, (void *, void *)) each(cuEventSynchronize, (void *))  \
  each(cuEventElapsedTime, (float *, void *, void *)) each(cuEventDestroy_v2, (void *))                              \
  each(cuModuleLoadData, (void **, const void *)) each(cuModuleGetFunction, (void **, void *, const char *))         \
  each(cuFuncSetAttribute, (void *, int, int))                                                                       \
  each(cuLaunchKernel, (void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *,        \
                        void **, void **))                                                                           \
  each(nvrtcVersion, (int *, int *))                                                                                 \
  each(nvrtcCreateProgram, (void **, const char *, const char *, int, const char *const *, const char *const *))     \
  each(nvrtcCompileProgram, (void *, int, const char *const *)) each(nvrtcGetProgramLogSize, (void *, size_t *))     \
  each(nvrtcGetProgramLog, (void *, char *)) each(nvrtcGetCUBINSize, (void *, size_t *))                             \
  each(nvrtcGetCUBIN, (void *, char *)) each(nvrtcDestroyProgram, (void **)) each(cublasLtCreate, (void **))         \
  each(cublasLtMatmulDescCreate, (void **, int, int)) each(cublasLtMatmulDescDestroy, (void *))                      \
  each(cublasLtMatmulDescSetAttribute, (void *, int, const void *, size_t))                                          \
  each(cublasLtMatrixLayoutCreate, (void **, int, uint64_t, uint64_t, int64_t))                                      \
  each(cublasLtMatrixLayoutDestroy, (void *))                                                                        \
  each(cublasLtMatrixLayoutSetAttribute, (void *, int, const void *, size_t))                                        \
  each(cublasLtMatmulPreferenceCreate, (void **)) each(cublasLtMatmulPreferenceDestroy, (void *))                    \
  each(cublasLtMatmulPreferenceSetAttribute, (void *, int, const void *, size_t))                                    \
  each(cublasLtMatmulAlgoGetHeuristic, (void *, void *, void *, void *, void *, void *, void *, int, void *, int *)) \
  each(cublasLtMatmul, (void *, void *, const void *, uint64_t, void *, uint64_t, void *, const void *, uint64_t,    \
                        void *, uint64_t, void *, const void *, uint64_t, size_t, void *))

#define DECLARE(name, parameters) extern int(*name) parameters;
FUNCTIONS(DECLARE)
#undef DECLARE

extern int failures;
extern void *stream;

// Counts what is not as it should be.
#define EXPECT(condition)                                              \
  do {                                                                 \
    if (!(condition)) {                                                \
      ++failures;                                                      \
      printf("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
    }                                                                  \
  } while (0)

// An array of the card.
template <class T>
struct DeviceArray {
  uint64_t address = 0;
  size_t count;

  explicit DeviceArray(size_t count) : count(count) { EXPECT(cuMemAlloc_v2(&address, count * sizeof(T)) == 0); }
  explicit DeviceArray(const std::vector<T> &values) : DeviceArray(values.size()) {
    EXPECT(cuMemcpyHtoDAsync_v2(address, values.data(), count * sizeof(T), stream) == 0);
  }
  DeviceArray(const DeviceArray &) = delete;
  ~DeviceArray() { cuMemFree_v2(address); }

  std::vector<T> values() const {
    std::vector<T> result(count);
    EXPECT(cuMemcpyDtoHAsync_v2(result.data(), address, count * sizeof(T), stream) == 0);
    EXPECT(cuStreamSynchronize(stream) == 0);
    return result;
  }
};

// The image of prelude.cuh and the source; empty where it does not compile, with the compiler's words in `log`.
std::string compiled(const std::string &source, std::string &log, const std::vector<const char *> &options = {});

// A kernel of the source that the test's modules were compiled from.
void *kernel(const char *name);

template <class... Arguments>
int launch(void *function, unsigned grid, unsigned threads, unsigned shared_bytes, Arguments... arguments) {
  void *addresses[] = {static_cast<void *>(&arguments)..., nullptr};
  return cuLaunchKernel(function, grid, 1, 1, threads, 1, 1, shared_bytes, stream, addresses, nullptr);
}

// Numbers between −1 and 1, the same each time.
std::vector<float> numbers(size_t count, unsigned seed);

float widened(uint16_t bits);
uint16_t narrowed(float value);

void test_kernels();
void test_capture();
void test_products();
void test_refusals();
// Starts this program again, for what ends a program. `arguments` are this one's.
void test_ends(char **arguments);
// What the started program does.
int run_case(const std::string &name);
