// CUDA C on the processor: with `-DCARINA_EMULATED -include cuda_on_host.h -x c++` a kernel source of the project
// compiles as C++, and its kernels run with the meaning that they have on a GPU: every thread of a block is a fiber,
// barriers and warp instructions wait as there. Made to find errors, not to be fast: shared memory is filled with NaN
// before each block, a thread that misses a barrier ends the program with the kernel's name, asynchronous copies arrive
// as late as they may. README.md lists the environment variables.
#pragma once

#ifndef __x86_64__
#error "the emulation switches between threads with x86-64 instructions"
#endif

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "vector_types.h"

#include "block_state.h"
#include "block_runner.h"
#include "launch.h"

#include "device_functions.h"
#include "warp_functions.h"

#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define __grid_constant__
// The scanner of the NVRTC emulation looks for this word in the preprocessed source.
#ifndef CARINA_EMULATION_SCAN
#define __global__
#endif
// One OS thread runs a whole block, so that what belongs to the block can belong to the thread.
#define __shared__ static thread_local

#define threadIdx (carina_emulation::worker->fiber->thread)
#define blockIdx (carina_emulation::worker->block)
#define blockDim (carina_emulation::worker->launch->threads)
#define gridDim (carina_emulation::worker->launch->grid)
#define warpSize 32
