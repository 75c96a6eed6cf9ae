// What a block's threads, its warps and the OS thread that runs them have; and how a kernel's error ends the program.
#pragma once

#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace carina_emulation {

// A kernel with its arguments: `call` runs it for the present fiber.
struct Launch {
  const char *name;
  dim3 grid, threads;
  size_t shared_bytes;
  void (*call)(const Launch &);
  void *kernel;
  void **arguments;
  std::atomic<unsigned long long> next_block{0};
};

struct Copy {
  void *shared;
  const void *global;
  bool valid;
  unsigned group;
};

struct Warp;

struct Fiber {
  uint3 thread;
  unsigned lane;
  Warp *warp;
  // Null until the fiber has begun.
  void *stack_pointer;
  // Asynchronous copies that have not arrived, and the number of groups that were committed.
  std::vector<Copy> copies;
  unsigned copy_groups;
};

typedef float EightFloats __attribute__((vector_size(32)));

// What a lane gives to the others in a warp instruction.
struct alignas(32) Slot {
  unsigned words[8];
};

struct Warp {
  Fiber *fibers;
  // Lanes that exist, that can run, that wait in a warp instruction, and that wait at the block's barrier.
  unsigned lanes, ready, in_instruction, at_barrier;
  const char *instruction;
  // A lane may be one instruction ahead of those that still read, so that two sets of slots suffice.
  unsigned parity;
  Slot slots[2][32];
  EightFloats product[16];
};

constexpr size_t stack_bytes = 256 << 10, shared_limit = 256 << 10, shared_guard = 64 << 20, page = 4096;
constexpr unsigned thread_limit = 1024;

// What one OS thread needs to run blocks.
struct Worker {
  Launch *launch;
  uint3 block;
  Fiber *fiber;
  void *scheduler;
  std::vector<char *> free_stacks;
  // The stack that begins with the next switch, and the one that has ended with the last.
  char *new_stack, *left_stack;
  unsigned stacks_made;
  unsigned thread_count, waiting, finished;
  int barrier_line;
  unsigned votes[2], vote_parity;
  char *shared_end, *shared;
  char *signal_stack;
  Warp warps[thread_limit / 32];
  Fiber fibers[thread_limit];
};

static thread_local Worker *worker;

struct Settings {
  bool backward, poison;
  unsigned threads;
};

static inline const Settings &settings() {
  static const Settings read = [] {
    const char *order = getenv("CARINA_EMULATION_ORDER"), *poison = getenv("CARINA_EMULATION_POISON");
    const char *threads = getenv("CARINA_EMULATION_THREADS");
    const unsigned machine = std::thread::hardware_concurrency();
    Settings result;
    result.backward = order && !strcmp(order, "backward");
    result.poison = !poison || strcmp(poison, "0");
    result.threads = threads ? unsigned(atoi(threads)) : machine < 4 ? machine : 4;
    if (result.threads < 1) result.threads = 1;
    return result;
  }();
  return read;
}

// MARK: Errors

[[noreturn]] static __attribute__((noinline, cold)) void stop(const char *problem) {
  const Worker &at = *worker;
  fprintf(stderr, "CUDA emulation: kernel %s, block (%u, %u, %u), thread %u: %s\n", at.launch->name, at.block.x,
          at.block.y, at.block.z, at.fiber ? unsigned(at.fiber - at.fibers) : 0, problem);
  abort();
}

[[noreturn]] static inline void report_divergence() {
  const Worker &at = *worker;
  char text[400];
  unsigned lanes = 0, example = 0;
  const char *instruction = "";
  for (unsigned index = 0; index * 32 < at.thread_count; ++index) {
    const Warp &warp = at.warps[index];
    if (!warp.in_instruction) continue;
    lanes += unsigned(__builtin_popcount(warp.in_instruction));
    instruction = warp.instruction;
    example = index * 32 + unsigned(__builtin_ctz(warp.in_instruction));
  }
  int length = snprintf(text, sizeof text, "no thread of the block can go on: %u of %u have finished", at.finished,
                        at.thread_count);
  if (at.waiting) {
    length += snprintf(text + length, sizeof text - size_t(length), ", %u wait at __syncthreads() of line %d",
                       at.waiting, at.barrier_line);
  }
  if (lanes) {
    snprintf(text + length, sizeof text - size_t(length),
             ", %u wait for the other lanes of their warp in %s (thread %u, for one)", lanes, instruction, example);
  }
  stop(text);
}

static struct sigaction previous_actions[65];

// Names the kernel in which an address was not valid, then leaves the rest to the handler that was there before.
static void on_fault(int signal, siginfo_t *information, void *) {
  if (worker && worker->launch) {
    char text[400];
    const Worker &at = *worker;
    const int length = snprintf(
        text, sizeof text, "CUDA emulation: kernel %s, block (%u, %u, %u), thread %u: signal %d at address %p\n",
        at.launch->name, at.block.x, at.block.y, at.block.z, at.fiber ? unsigned(at.fiber - at.fibers) : 0, signal,
        information->si_addr);
    if (write(2, text, size_t(length)) < 0) _exit(1);
  }
  sigaction(signal, &previous_actions[signal], nullptr);
}

static inline void catch_faults() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int signal : {SIGSEGV, SIGBUS, SIGFPE}) sigaction(signal, &action, &previous_actions[signal]);
  });
}

}  // namespace carina_emulation
