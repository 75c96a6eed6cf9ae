// What the emulated driver knows of a kernel in a compiled module: an entry of the table `carina_emulated_module`, the
// last of which has a null name.
#pragma once

#include <stddef.h>

#include "vector_types.h"

namespace carina_emulation {

struct ModuleKernel {
  const char *name;
  void (*launch)(dim3 grid, dim3 threads, size_t shared_bytes, void **arguments);
  const size_t *parameter_bytes;
  size_t parameter_count;
};

}  // namespace carina_emulation
