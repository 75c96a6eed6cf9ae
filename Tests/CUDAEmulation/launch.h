// Launches a kernel: directly from C++ that includes its source, or by the table of a module that was compiled alone.
#pragma once

#include "module_kernel.h"

namespace carina_emulation {

template <class... Parameters, size_t... Index>
static inline void call_with(void (*kernel)(Parameters...), void **arguments, std::index_sequence<Index...>) {
  kernel(*static_cast<std::remove_reference_t<Parameters> *>(arguments[Index])...);
}

template <class... Parameters>
static void call_kernel(const Launch &launch) {
  call_with(reinterpret_cast<void (*)(Parameters...)>(launch.kernel), launch.arguments,
            std::index_sequence_for<Parameters...>());
}

static void run(const char *name, void *kernel, void (*call)(const Launch &), dim3 grid, dim3 threads,
                size_t shared_bytes, void **arguments) {
  Launch launch{name, grid, threads, shared_bytes, call, kernel, arguments};
  if (threads.x * threads.y * threads.z > thread_limit || shared_bytes > shared_limit) {
    fprintf(stderr, "CUDA emulation: kernel %s: %u threads, %zu bytes of shared memory\n", name,
            threads.x * threads.y * threads.z, shared_bytes);
    abort();
  }
  std::vector<std::thread> helpers;
  run_blocks(launch, [&] {
    for (unsigned index = 1; index < settings().threads; ++index) {
      helpers.emplace_back([&] { run_blocks(launch, [] {}); });
    }
  });
  for (std::thread &helper : helpers) helper.join();
}

template <class... Parameters>
static inline void launch(const char *name, void (*kernel)(Parameters...), dim3 grid, dim3 threads,
                          size_t shared_bytes, void **arguments) {
  run(name, reinterpret_cast<void *>(kernel), &call_kernel<Parameters...>, grid, threads, shared_bytes, arguments);
}

// The same with the arguments themselves, converted to the kernel's parameters.
template <class... Parameters, class... Arguments>
static inline void call(const char *name, void (*kernel)(Parameters...), dim3 grid, dim3 threads, size_t shared_bytes,
                        Arguments... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "the kernel has another number of parameters");
  std::tuple<std::remove_cv_t<Parameters>...> values(arguments...);
  std::apply(
      [&](auto &...value) {
        void *addresses[] = {const_cast<void *>(static_cast<const void *>(&value))..., nullptr};
        launch(name, kernel, grid, threads, shared_bytes, addresses);
      },
      values);
}

// MARK: Modules

// An entry of a module's table. The NVRTC emulation writes the table behind the source:
// extern "C" const carina_emulation::ModuleKernel carina_emulated_module[] = {
//     carina_emulation::ModuleEntry<name>::named("name"), ..., {}};
template <auto kernel, class Pointer = decltype(kernel)>
struct ModuleEntry;

template <auto kernel, class... Parameters>
struct ModuleEntry<kernel, void (*)(Parameters...)> {
  static constexpr size_t sizes[sizeof...(Parameters) + 1] = {sizeof(Parameters)..., 0};

  static ModuleKernel named(const char *name) {
    static const char *const kept = name;
    return {name,
            [](dim3 grid, dim3 threads, size_t shared_bytes, void **arguments) {
              carina_emulation::launch(kept, kernel, grid, threads, shared_bytes, arguments);
            },
            sizes, sizeof...(Parameters)};
  }
};

}  // namespace carina_emulation

// carina_emulated_launch(kernel, grid, threads, shared_bytes, void **arguments), as cuLaunchKernel takes the arguments.
#define carina_emulated_launch(kernel, ...) carina_emulation::launch(#kernel, kernel, __VA_ARGS__)

// carina_emulated_call(kernel, grid, threads, shared_bytes, argument, argument ...).
#define carina_emulated_call(kernel, ...) carina_emulation::call(#kernel, kernel, __VA_ARGS__)
