#ifndef CARINA_CUDA_DRIVER_H
#define CARINA_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

// What Carina uses of CUDA's driver, NVRTC and cuBLASLt, declared here so that building needs none of their headers, and opened
// when a program asks for a card, so that one build runs with and without one. Names and signatures are theirs (CUDA 12 and 13).

typedef void *carina_cu_object;
typedef uint64_t carina_cu_address;

/// The driver's functions; each answers with its CUresult, 0 for success.
struct carina_cuda_driver {
  int (*cuInit)(unsigned flags);
  int (*cuDriverGetVersion)(int *version);
  int (*cuDeviceGetCount)(int *count);
  int (*cuDeviceGet)(int *device, int ordinal);
  int (*cuDeviceGetName)(char *name, int length, int device);
  int (*cuDeviceGetAttribute)(int *value, int attribute, int device);
  int (*cuDeviceTotalMem_v2)(size_t *bytes, int device);
  int (*cuDevicePrimaryCtxRetain)(carina_cu_object *context, int device);
  int (*cuCtxSetCurrent)(carina_cu_object context);
  int (*cuMemGetInfo_v2)(size_t *free, size_t *total);
  int (*cuMemAlloc_v2)(carina_cu_address *address, size_t bytes);
  int (*cuMemFree_v2)(carina_cu_address address);
  int (*cuMemHostAlloc)(void **address, size_t bytes, unsigned flags);
  int (*cuMemFreeHost)(void *address);
  int (*cuMemcpyHtoDAsync_v2)(carina_cu_address target, const void *source, size_t bytes, carina_cu_object stream);
  int (*cuMemcpyDtoHAsync_v2)(void *target, carina_cu_address source, size_t bytes, carina_cu_object stream);
  int (*cuMemcpyDtoDAsync_v2)(carina_cu_address target, carina_cu_address source, size_t bytes, carina_cu_object stream);
  int (*cuMemsetD8Async)(carina_cu_address target, unsigned char value, size_t bytes, carina_cu_object stream);
  int (*cuStreamCreate)(carina_cu_object *stream, unsigned flags);
  int (*cuStreamSynchronize)(carina_cu_object stream);
  int (*cuStreamBeginCapture_v2)(carina_cu_object stream, int mode);
  int (*cuStreamEndCapture)(carina_cu_object stream, carina_cu_object *graph);
  int (*cuGraphInstantiateWithFlags)(carina_cu_object *executable, carina_cu_object graph, unsigned long long flags);
  int (*cuGraphLaunch)(carina_cu_object executable, carina_cu_object stream);
  int (*cuGraphExecDestroy)(carina_cu_object executable);
  int (*cuGraphDestroy)(carina_cu_object graph);
  int (*cuEventCreate)(carina_cu_object *event, unsigned flags);
  int (*cuEventRecord)(carina_cu_object event, carina_cu_object stream);
  int (*cuEventSynchronize)(carina_cu_object event);
  int (*cuEventElapsedTime)(float *milliseconds, carina_cu_object start, carina_cu_object end);
  int (*cuModuleLoadData)(carina_cu_object *module, const void *image);
  int (*cuModuleGetFunction)(carina_cu_object *function, carina_cu_object module, const char *name);
  int (*cuFuncSetAttribute)(carina_cu_object function, int attribute, int value);
  int (*cuLaunchKernel)(
      carina_cu_object function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
      unsigned blockZ, unsigned sharedBytes, carina_cu_object stream, void **parameters, void **extra);
  /// Absent before CUDA 11.8: kernels then begin one after the other.
  int (*cuLaunchKernelEx)(const void *configuration, carina_cu_object function, void **parameters, void **extra);
  int (*cuGetErrorName)(int error, const char **name);
  int (*cuGetErrorString)(int error, const char **text);
};

/// NVRTC's functions; each answers with its nvrtcResult, 0 for success.
struct carina_nvrtc {
  int (*nvrtcVersion)(int *major, int *minor);
  int (*nvrtcCreateProgram)(
      carina_cu_object *program, const char *source, const char *name, int headers, const char *const *headerSources,
      const char *const *includeNames);
  int (*nvrtcCompileProgram)(carina_cu_object program, int options, const char *const *texts);
  int (*nvrtcGetProgramLogSize)(carina_cu_object program, size_t *bytes);
  int (*nvrtcGetProgramLog)(carina_cu_object program, char *log);
  int (*nvrtcGetCUBINSize)(carina_cu_object program, size_t *bytes);
  int (*nvrtcGetCUBIN)(carina_cu_object program, char *image);
  int (*nvrtcDestroyProgram)(carina_cu_object *program);
};

/// cuBLASLt's functions; each answers with its cublasStatus_t, 0 for success.
struct carina_cublaslt {
  int (*cublasLtCreate)(carina_cu_object *handle);
  size_t (*cublasLtGetVersion)(void);
  int (*cublasLtMatmulDescCreate)(carina_cu_object *description, int computeType, int scaleType);
  int (*cublasLtMatmulDescSetAttribute)(carina_cu_object description, int attribute, const void *value, size_t bytes);
  int (*cublasLtMatmulDescDestroy)(carina_cu_object description);
  int (*cublasLtMatrixLayoutCreate)(carina_cu_object *layout, int type, uint64_t rows, uint64_t columns, int64_t stride);
  int (*cublasLtMatrixLayoutDestroy)(carina_cu_object layout);
  int (*cublasLtMatmulPreferenceCreate)(carina_cu_object *preference);
  int (*cublasLtMatmulPreferenceSetAttribute)(carina_cu_object preference, int attribute, const void *value, size_t bytes);
  int (*cublasLtMatmulPreferenceDestroy)(carina_cu_object preference);
  int (*cublasLtMatmulAlgoGetHeuristic)(
      carina_cu_object handle, carina_cu_object description, carina_cu_object a, carina_cu_object b, carina_cu_object c,
      carina_cu_object d, carina_cu_object preference, int wanted, void *results, int *found);
  int (*cublasLtMatmul)(
      carina_cu_object handle, carina_cu_object description, const void *alpha, carina_cu_address a, carina_cu_object aLayout,
      carina_cu_address b, carina_cu_object bLayout, const void *beta, carina_cu_address c, carina_cu_object cLayout,
      carina_cu_address d, carina_cu_object dLayout, const void *algorithm, carina_cu_address workspace,
      size_t workspaceBytes, carina_cu_object stream);
};

/// The three libraries of one process.
struct carina_cuda_libraries {
  struct carina_cuda_driver driver;
  struct carina_nvrtc nvrtc;
  struct carina_cublaslt cublaslt;
};

/// Opens one of the libraries: 0 the driver, 1 NVRTC, 2 cuBLASLt.
/// @param directories Where it is looked for first, in this order; the system's own search comes last.
/// @param report Gets what is missing: a library that was not found, or a function that it does not have.
/// @return 0 for success.
int carina_cuda_open(
    struct carina_cuda_libraries *libraries, int which, const char *const *directories, int count, char *report,
    size_t reportBytes);

/// Makes a context the calling thread's, unless it is.
int carina_cuda_make_current(const struct carina_cuda_driver *driver, carina_cu_object context);

/// Launches a kernel whose arguments are given in slots of 8 bytes, at most 32.
/// @param early Whether its blocks may begin when those of the kernel before have all begun (and allow it); the kernel itself then
/// waits before it reads what others wrote.
int carina_cuda_launch(
    const struct carina_cuda_driver *driver, carina_cu_object function, unsigned gridX, unsigned gridY, unsigned gridZ,
    unsigned threads, unsigned sharedBytes, carina_cu_object stream, int early, uint64_t *arguments, int count);

#endif
