// The driver's functions about the device, its context and error codes.
#include <stdio.h>
#include <string.h>

#include "card.h"

using namespace card;

static thread_local void *current_context;
static char primary_context;

bool card::has_context() { return current_context != nullptr; }

CARINA_EXPORT int cuInit(unsigned flags) {
  if (flags) return invalid_value;
  if (settings().devices < 1) return no_device;
  std::lock_guard<std::recursive_mutex> held(the_card().lock);
  the_card().initialized = true;
  catch_faults();
  return success;
}

CARINA_EXPORT int cuDriverGetVersion(int *version) {
  *version = settings().driver;
  return success;
}

static int check(int device) {
  if (!the_card().initialized) return not_initialized;
  return device >= 0 && device < settings().devices ? success : invalid_device;
}

CARINA_EXPORT int cuDeviceGetCount(int *count) {
  if (!the_card().initialized) return not_initialized;
  *count = settings().devices;
  return success;
}

CARINA_EXPORT int cuDeviceGet(int *device, int ordinal) {
  const int result = check(ordinal);
  if (!result) *device = ordinal;
  return result;
}

CARINA_EXPORT int cuDeviceGetName(char *name, int length, int device) {
  const int result = check(device);
  if (result) return result;
  if (length < 1) return invalid_value;
  snprintf(name, size_t(length), "Emulated GPU");
  return success;
}

CARINA_EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  const int result = check(device);
  if (!result) *bytes = settings().memory;
  return result;
}

CARINA_EXPORT int cuDeviceGetUuid_v2(unsigned char uuid[16], int device) {
  const int result = check(device);
  if (result) return result;
  memcpy(uuid, "carina-emulation", 16);
  uuid[15] = (unsigned char)(uuid[15] + device);
  return success;
}

CARINA_EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device) {
  const int result = check(device);
  if (result) return result;
  switch (attribute) {
    case 1: *value = 1024; break;                        // MAX_THREADS_PER_BLOCK
    case 2: case 3: *value = 1024; break;                // MAX_BLOCK_DIM_X, Y
    case 4: *value = 64; break;                          // MAX_BLOCK_DIM_Z
    case 5: *value = 2147483647; break;                  // MAX_GRID_DIM_X
    case 6: case 7: *value = 65535; break;               // MAX_GRID_DIM_Y, Z
    case 8: *value = 48 << 10; break;                    // MAX_SHARED_MEMORY_PER_BLOCK
    case 10: *value = 32; break;                         // WARP_SIZE
    case 12: case 82: *value = 65536; break;             // MAX_REGISTERS_PER_BLOCK, _PER_MULTIPROCESSOR
    case 13: *value = 1980000; break;                    // CLOCK_RATE, kHz
    // Few, so that kernels that loop over what one wave of blocks cannot hold do loop with small tensors.
    case 16: *value = 4; break;                          // MULTIPROCESSOR_COUNT
    case 36: *value = 2619000; break;                    // MEMORY_CLOCK_RATE, kHz
    case 37: *value = 5120; break;                       // GLOBAL_MEMORY_BUS_WIDTH
    case 38: *value = 50 << 20; break;                   // L2_CACHE_SIZE
    case 39: *value = 2048; break;                       // MAX_THREADS_PER_MULTIPROCESSOR
    case 41: *value = 1; break;                          // UNIFIED_ADDRESSING
    case 75: *value = settings().capability / 10; break;  // COMPUTE_CAPABILITY_MAJOR
    case 76: *value = settings().capability % 10; break;  // COMPUTE_CAPABILITY_MINOR
    case 81: *value = 228 << 10; break;                  // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
    case 97: *value = 227 << 10; break;                  // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    case 18: case 83: case 89: case 115: *value = 0; break;  // INTEGRATED, managed memory, memory pools
    default:
      // A value that nobody looked up would be a wrong answer.
      fprintf(stderr, "CUDA emulation: device attribute %d is not known\n", attribute);
      return invalid_value;
  }
  return success;
}

CARINA_EXPORT int cuDevicePrimaryCtxRetain(void **context, int device) {
  const int result = check(device);
  if (!result) *context = &primary_context;
  return result;
}

CARINA_EXPORT int cuDevicePrimaryCtxRelease_v2(int device) { return check(device); }

CARINA_EXPORT int cuCtxSetCurrent(void *context) {
  if (context && context != &primary_context) return invalid_context;
  current_context = context;
  return success;
}

static const struct {
  int code;
  const char *name, *text;
} errors[] = {
    {success, "CUDA_SUCCESS", "no error"},
    {invalid_value, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {not_initialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {no_device, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {invalid_device, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {invalid_image, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {invalid_context, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {invalid_handle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {not_found, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {not_ready, "CUDA_ERROR_NOT_READY", "device not ready"},
    {illegal_address, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {launch_out_of_resources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {already_registered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
     "part or all of the requested memory range is already mapped"},
    {not_registered, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
     "pointer does not correspond to a registered memory region"},
    {capture_unsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {capture_invalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {capture_unmatched, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not initiated in this stream"},
};

CARINA_EXPORT int cuGetErrorName(int code, const char **name) {
  for (const auto &error : errors) {
    if (error.code != code) continue;
    *name = error.name;
    return success;
  }
  *name = nullptr;
  return invalid_value;
}

CARINA_EXPORT int cuGetErrorString(int code, const char **text) {
  for (const auto &error : errors) {
    if (error.code != code) continue;
    *text = error.text;
    return success;
  }
  *text = nullptr;
  return invalid_value;
}
