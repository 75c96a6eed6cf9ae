#include "cuda_driver.h"

#include <dlfcn.h>
#include <stdio.h>

struct wanted {
  const char *name;
  size_t offset;
};

#define FUNCTION(group, name) {#name, offsetof(struct carina_cuda_libraries, group) + offsetof(__typeof__(((struct carina_cuda_libraries *)0)->group), name)}

static const struct wanted driver_functions[] = {
    FUNCTION(driver, cuInit), FUNCTION(driver, cuDriverGetVersion), FUNCTION(driver, cuDeviceGetCount),
    FUNCTION(driver, cuDeviceGet), FUNCTION(driver, cuDeviceGetName), FUNCTION(driver, cuDeviceGetAttribute),
    FUNCTION(driver, cuDeviceTotalMem_v2), FUNCTION(driver, cuDevicePrimaryCtxRetain), FUNCTION(driver, cuCtxSetCurrent),
    FUNCTION(driver, cuMemGetInfo_v2), FUNCTION(driver, cuMemAlloc_v2), FUNCTION(driver, cuMemFree_v2),
    FUNCTION(driver, cuMemHostAlloc), FUNCTION(driver, cuMemFreeHost), FUNCTION(driver, cuMemcpyHtoDAsync_v2),
    FUNCTION(driver, cuMemcpyDtoHAsync_v2), FUNCTION(driver, cuMemcpyDtoDAsync_v2), FUNCTION(driver, cuMemsetD8Async),
    FUNCTION(driver, cuStreamCreate), FUNCTION(driver, cuStreamSynchronize), FUNCTION(driver, cuStreamBeginCapture_v2),
    FUNCTION(driver, cuStreamEndCapture), FUNCTION(driver, cuGraphInstantiateWithFlags), FUNCTION(driver, cuGraphLaunch),
    FUNCTION(driver, cuGraphExecDestroy), FUNCTION(driver, cuGraphDestroy), FUNCTION(driver, cuEventCreate),
    FUNCTION(driver, cuEventRecord), FUNCTION(driver, cuEventSynchronize), FUNCTION(driver, cuEventElapsedTime),
    FUNCTION(driver, cuModuleLoadData), FUNCTION(driver, cuModuleGetFunction), FUNCTION(driver, cuFuncSetAttribute),
    FUNCTION(driver, cuLaunchKernel), FUNCTION(driver, cuGetErrorName), FUNCTION(driver, cuGetErrorString), {NULL, 0},
};

static const struct wanted nvrtc_functions[] = {
    FUNCTION(nvrtc, nvrtcVersion), FUNCTION(nvrtc, nvrtcCreateProgram), FUNCTION(nvrtc, nvrtcCompileProgram),
    FUNCTION(nvrtc, nvrtcGetProgramLogSize), FUNCTION(nvrtc, nvrtcGetProgramLog), FUNCTION(nvrtc, nvrtcGetCUBINSize),
    FUNCTION(nvrtc, nvrtcGetCUBIN), FUNCTION(nvrtc, nvrtcDestroyProgram), {NULL, 0},
};

static const struct wanted cublaslt_functions[] = {
    FUNCTION(cublaslt, cublasLtCreate), FUNCTION(cublaslt, cublasLtGetVersion), FUNCTION(cublaslt, cublasLtMatmulDescCreate),
    FUNCTION(cublaslt, cublasLtMatmulDescSetAttribute), FUNCTION(cublaslt, cublasLtMatmulDescDestroy),
    FUNCTION(cublaslt, cublasLtMatrixLayoutCreate), FUNCTION(cublaslt, cublasLtMatrixLayoutDestroy),
    FUNCTION(cublaslt, cublasLtMatmulPreferenceCreate), FUNCTION(cublaslt, cublasLtMatmulPreferenceSetAttribute),
    FUNCTION(cublaslt, cublasLtMatmulPreferenceDestroy), FUNCTION(cublaslt, cublasLtMatmulAlgoGetHeuristic),
    FUNCTION(cublaslt, cublasLtMatmul), {NULL, 0},
};

static const struct wanted *const functions[] = {driver_functions, nvrtc_functions, cublaslt_functions};

// Newest first: a newer library runs with the same functions.
static const char *const names[3][4] = {
    {"libcuda.so.1", "libcuda.so", NULL},
    {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", NULL},
    {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so", NULL},
};

static void *open_library(int which, const char *const *directories, int count) {
  char path[4096];
  for (int directory = 0; directory <= count; ++directory) {
    for (int name = 0; names[which][name]; ++name) {
      if (directory < count) {
        int length = snprintf(path, sizeof path, "%s/%s", directories[directory], names[which][name]);
        if (length < 0 || (size_t)length >= sizeof path) continue;
      }
      void *library = dlopen(directory < count ? path : names[which][name], RTLD_NOW | RTLD_GLOBAL);
      if (library) return library;
    }
  }
  return NULL;
}

int carina_cuda_open(
    struct carina_cuda_libraries *libraries, int which, const char *const *directories, int count, char *report,
    size_t reportBytes) {
  void *library = open_library(which, directories, count);
  if (!library) {
    snprintf(report, reportBytes, "%s was not found", names[which][0]);
    return 1;
  }
  for (const struct wanted *function = functions[which]; function->name; ++function) {
    void *address = dlsym(library, function->name);
    if (!address) {
      snprintf(report, reportBytes, "%s has no function %s", names[which][0], function->name);
      return 2;
    }
    *(void **)((char *)libraries + function->offset) = address;
  }
  if (which == 0) *(void **)&libraries->driver.cuLaunchKernelEx = dlsym(library, "cuLaunchKernelEx");
  return 0;
}

// The driver's CUlaunchAttribute and CUlaunchConfig.
struct launch_attribute {
  int id;
  int padding;
  int value[16];
};

struct launch_configuration {
  unsigned grid[3], block[3], sharedBytes;
  carina_cu_object stream;
  struct launch_attribute *attributes;
  unsigned attributeCount;
};

enum { programmatic_stream_serialization = 6 };

int carina_cuda_make_current(const struct carina_cuda_driver *driver, carina_cu_object context) {
  static _Thread_local carina_cu_object current;
  if (current == context) return 0;
  int code = driver->cuCtxSetCurrent(context);
  if (!code) current = context;
  return code;
}

int carina_cuda_launch(
    const struct carina_cuda_driver *driver, carina_cu_object function, unsigned gridX, unsigned gridY, unsigned gridZ,
    unsigned threads, unsigned sharedBytes, carina_cu_object stream, int early, uint64_t *arguments, int count) {
  void *parameters[32];
  if (count > 32) return 1;
  for (int index = 0; index < count; ++index) parameters[index] = &arguments[index];
  if (early && driver->cuLaunchKernelEx) {
    struct launch_attribute attribute = {.id = programmatic_stream_serialization, .value = {1}};
    struct launch_configuration configuration = {
        {gridX, gridY, gridZ}, {threads, 1, 1}, sharedBytes, stream, &attribute, 1};
    return driver->cuLaunchKernelEx(&configuration, function, parameters, NULL);
  }
  return driver->cuLaunchKernel(
      function, gridX, gridY, gridZ, threads, 1, 1, sharedBytes, stream, parameters, NULL);
}
