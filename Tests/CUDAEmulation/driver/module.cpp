// The driver's functions about modules and launches. A module's image is a shared library that the emulation of NVRTC
// compiled (image.h).
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "../module_kernel.h"
#include "../image.h"
#include "card.h"

using namespace card;

namespace {

struct Function;

struct Module {
  void *library;
  const carina_emulation::ModuleKernel *kernels;
  std::map<std::string, Function> functions;
};

struct Function {
  const carina_emulation::ModuleKernel *kernel;
  int dynamic_limit = 48 << 10;
};

// Reads memory that may end anywhere: a truncated image must be refused, not followed.
bool read(const void *address, void *to, size_t bytes) {
  const iovec local = {to, bytes}, remote = {const_cast<void *>(address), bytes};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == ssize_t(bytes);
}

// The image's library. Equal images share one, and none is ever closed: fault handlers and statics live in it.
void *open_library(const ImageHeader &header, const std::string &bytes) {
  static std::map<std::pair<uint64_t, uint64_t>, void *> opened;
  void *&library = opened[{header.bytes, header.checksum}];
  if (library) return library;
  const int file = memfd_create("cubin", 0);
  if (file < 0) return nullptr;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + done, bytes.size() - done);
    if (count <= 0) break;
    done += size_t(count);
  }
  // The file stays open, so that no later one gets its name: the loader takes equal names for the same library.
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) fprintf(stderr, "CUDA emulation: %s\n", dlerror());
  return library;
}

}  // namespace

CARINA_EXPORT int cuModuleLoadData(void **module, const void *image) {
  Call call(false);
  if (call.result) return call.result;
  ImageHeader header;
  if (!image || !read(image, &header, sizeof header) || memcmp(header.magic, image_magic, sizeof header.magic)) {
    return invalid_image;
  }
  if (header.bytes > image_limit) return invalid_image;
  std::string bytes(header.bytes, '\0');
  if (!read(static_cast<const char *>(image) + sizeof header, &bytes[0], bytes.size())) return invalid_image;
  if (image_checksum(bytes) != header.checksum) return invalid_image;
  void *library = open_library(header, bytes);
  if (!library) return invalid_image;
  void *kernels = dlsym(library, "carina_emulated_module");
  if (!kernels) return invalid_image;
  *module = new Module{library, static_cast<const carina_emulation::ModuleKernel *>(kernels), {}};
  return success;
}

CARINA_EXPORT int cuModuleUnload(void *module) {
  Call call(false);
  if (call.result) return call.result;
  if (!module) return invalid_handle;
  const int result = flush();
  delete static_cast<Module *>(module);
  return result;
}

CARINA_EXPORT int cuModuleGetFunction(void **function, void *handle, const char *name) {
  Call call;
  if (call.result) return call.result;
  if (!handle || !name) return invalid_value;
  Module &module = *static_cast<Module *>(handle);
  for (const carina_emulation::ModuleKernel *kernel = module.kernels; kernel->name; ++kernel) {
    if (strcmp(kernel->name, name)) continue;
    Function &found = module.functions[name];
    found.kernel = kernel;
    *function = &found;
    return success;
  }
  return not_found;
}

CARINA_EXPORT int cuFuncSetAttribute(void *function, int attribute, int value) {
  Call call;
  if (call.result) return call.result;
  if (!function) return invalid_handle;
  // 8: MAX_DYNAMIC_SHARED_SIZE_BYTES; 9: the carve-out of the cache, a hint.
  if (attribute == 9) return success;
  if (attribute != 8 || value < 0 || value > 227 << 10) return invalid_value;
  static_cast<Function *>(function)->dynamic_limit = value;
  return success;
}

CARINA_EXPORT int cuFuncGetAttribute(int *value, int attribute, void *function) {
  Call call;
  if (call.result) return call.result;
  if (!function) return invalid_handle;
  switch (attribute) {
    case 0: *value = 1024; return success;  // MAX_THREADS_PER_BLOCK
    case 8: *value = static_cast<Function *>(function)->dynamic_limit; return success;
    default: return invalid_value;
  }
}

CARINA_EXPORT int cuLaunchKernel(void *handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads_x,
                                 unsigned threads_y, unsigned threads_z, unsigned shared_bytes, void *stream,
                                 void **parameters, void **extra) {
  Call call;
  if (call.result) return call.result;
  if (!handle) return invalid_handle;
  const Function &function = *static_cast<Function *>(handle);
  const carina_emulation::ModuleKernel &kernel = *function.kernel;
  const dim3 grid(grid_x, grid_y, grid_z), threads(threads_x, threads_y, threads_z);
  if (extra || !grid_x || !grid_y || !grid_z || !threads_x || !threads_y || !threads_z) return invalid_value;
  if (grid_x > 2147483647u || grid_y > 65535 || grid_z > 65535) return invalid_value;
  if (threads_x > 1024 || threads_y > 1024 || threads_z > 64 || 1ull * threads_x * threads_y * threads_z > 1024) {
    return invalid_value;
  }
  if (shared_bytes > unsigned(function.dynamic_limit)) return invalid_value;
  if (kernel.parameter_count && !parameters) return invalid_value;

  // The driver copies the arguments before it returns. Each one begins at a multiple of 16 bytes.
  std::vector<size_t> offsets;
  size_t bytes = 0;
  for (size_t index = 0; index < kernel.parameter_count; ++index) {
    offsets.push_back(bytes);
    bytes += (kernel.parameter_bytes[index] + 15) / 16 * 16;
  }
  const std::shared_ptr<char> values(static_cast<char *>(aligned_alloc(16, bytes + 16)), free);
  for (size_t index = 0; index < kernel.parameter_count; ++index) {
    if (!parameters[index]) return invalid_value;
    memcpy(values.get() + offsets[index], parameters[index], kernel.parameter_bytes[index]);
  }
  return enqueue(stream, [=, launch = kernel.launch] {
    if (++the_card().launches == settings().faulty_launch) return int(illegal_address);
    std::vector<void *> arguments;
    for (const size_t offset : offsets) arguments.push_back(values.get() + offset);
    arguments.push_back(nullptr);
    launch(grid, threads, shared_bytes, arguments.data());
    return int(success);
  });
}
