// Runs the threads of a block as fibers of one OS thread. A fiber runs until it waits; then the next lane of its warp
// that can run goes on, and when no lane of the warp can, the next warp.
#pragma once

#include "block_state.h"

// Saves the registers that a function must keep, and the stack pointer at *saved; goes on where `next` was saved.
extern "C" void carina_emulation_switch(void **saved, void *next);
asm(R"(
.text
.p2align 4
.type carina_emulation_switch, @function
carina_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size carina_emulation_switch, .-carina_emulation_switch
)");

namespace carina_emulation {

// MARK: Fibers

static inline unsigned next_lane(const Warp &warp, unsigned lane) {
  if (settings().backward) {
    const unsigned before = warp.ready & ((1u << lane) - 1);
    return 31u - unsigned(__builtin_clz(before ? before : warp.ready));
  }
  const unsigned after = lane == 31 ? 0 : warp.ready & (~0u << (lane + 1));
  return unsigned(__builtin_ctz(after ? after : warp.ready));
}

static void run_fibers();

static inline char *take_stack(Worker &at) {
  if (at.free_stacks.empty()) {
    char *stack = static_cast<char *>(mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (stack == MAP_FAILED) stop("no memory for the stack of a thread");
    mprotect(stack, page, PROT_NONE);
    // Tops at different offsets in their pages, so that the fibers do not share a few sets of the cache.
    return stack + stack_bytes - 64 - 1088 * (at.stacks_made++ % 48);
  }
  char *stack = at.free_stacks.back();
  at.free_stacks.pop_back();
  return stack;
}

static inline void switch_to(Worker &at, void **saved, Fiber &next) {
  at.fiber = &next;
  void *stack_pointer = next.stack_pointer;
  if (!stack_pointer) {
    // As carina_emulation_switch saves it: six registers, the address to return to, and a word that aligns the stack.
    at.new_stack = take_stack(at);
    void **top = reinterpret_cast<void **>(at.new_stack) - 8;
    memset(top, 0, 64);
    top[6] = reinterpret_cast<void *>(&run_fibers);
    stack_pointer = top;
  }
  carina_emulation_switch(saved, stack_pointer);
}

// The present fiber waits (its warp's masks say for what): another one goes on.
static inline void yield() {
  Worker &at = *worker;
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  if (warp.ready) {
    switch_to(at, &fiber.stack_pointer, warp.fibers[next_lane(warp, fiber.lane)]);
  } else {
    carina_emulation_switch(&fiber.stack_pointer, at.scheduler);
  }
}

// The body of a stack: runs the present fiber, then those lanes of its warp that have not begun, without a switch.
static void run_fibers() {
  Worker &at = *worker;
  char *stack = at.new_stack;
  for (;;) {
    at.launch->call(*at.launch);
    Fiber &fiber = *at.fiber;
    Warp &warp = *fiber.warp;
    warp.ready &= ~(1u << fiber.lane);
    at.finished += 1;
    if (!warp.ready) break;
    Fiber &next = warp.fibers[next_lane(warp, fiber.lane)];
    if (next.stack_pointer) break;
    at.fiber = &next;
  }
  at.left_stack = stack;
  void *unused;
  carina_emulation_switch(&unused, at.scheduler);
}

// The module's thread-local variables (the static shared memory of its kernels): where they begin, seen from `worker`,
// which is one of them, and how many bytes they are.
struct StaticShared {
  ptrdiff_t offset;
  size_t bytes;
};

static inline const StaticShared &static_shared() {
  static const StaticShared found = [] {
    StaticShared result = {0, 0};
    dl_iterate_phdr(
        [](struct dl_phdr_info *module, size_t, void *result) {
          const uintptr_t inside = reinterpret_cast<uintptr_t>(&run_fibers);
          bool ours = false;
          size_t bytes = 0;
          for (int index = 0; index < module->dlpi_phnum; ++index) {
            const ElfW(Phdr) &part = module->dlpi_phdr[index];
            const uintptr_t start = module->dlpi_addr + part.p_vaddr;
            if (part.p_type == PT_LOAD && inside >= start && inside < start + part.p_memsz) ours = true;
            if (part.p_type == PT_TLS) bytes = part.p_memsz;
          }
          if (ours && module->dlpi_tls_data) {
            const char *start = static_cast<char *>(module->dlpi_tls_data);
            *static_cast<StaticShared *>(result) = {start - reinterpret_cast<char *>(&worker), bytes};
          }
          return ours ? 1 : 0;
        },
        &result);
    return result;
  }();
  return found;
}

static inline void poison_shared(Worker &at, const StaticShared &fixed) {
  char *start = reinterpret_cast<char *>(&worker) + fixed.offset;
  // The compiler must not know that this is next to `worker`: it would leave out what lies beyond a variable.
  asm volatile("" : "+r"(start) : : "memory");
  memset(start, 0xff, fixed.bytes);
  asm volatile("" : : : "memory");
  worker = &at;
  memset(at.shared, 0xff, size_t(at.shared_end - at.shared));
}

// MARK: Blocks

// What is the same for all blocks of a launch.
static inline void prepare(Worker &at, Launch &launch) {
  const dim3 size = launch.threads;
  at.launch = &launch;
  at.thread_count = size.x * size.y * size.z;
  at.shared = at.shared_end - (launch.shared_bytes + 127) / 128 * 128;
  for (unsigned index = 0; index < at.thread_count; ++index) {
    Fiber &fiber = at.fibers[index];
    fiber.thread = {index % size.x, index / size.x % size.y, index / size.x / size.y};
    fiber.lane = index % 32;
    fiber.warp = &at.warps[index / 32];
  }
}

static inline void run_block(Worker &at) {
  at.waiting = at.finished = 0;
  at.votes[0] = at.votes[1] = at.vote_parity = 0;
  const unsigned warp_count = (at.thread_count + 31) / 32;
  for (unsigned index = 0; index < at.thread_count; ++index) {
    Fiber &fiber = at.fibers[index];
    fiber.stack_pointer = nullptr;
    fiber.copies.clear();
    fiber.copy_groups = 0;
  }
  for (unsigned index = 0; index < warp_count; ++index) {
    Warp &warp = at.warps[index];
    const unsigned lanes = at.thread_count - index * 32;
    warp.fibers = &at.fibers[index * 32];
    warp.lanes = warp.ready = lanes >= 32 ? ~0u : (1u << lanes) - 1;
    warp.in_instruction = warp.at_barrier = 0;
  }
  const bool backward = settings().backward;
  while (at.finished < at.thread_count) {
    bool ran = false;
    for (unsigned step = 0; step < warp_count; ++step) {
      Warp &warp = at.warps[backward ? warp_count - 1 - step : step];
      while (warp.ready) {
        ran = true;
        switch_to(at, &at.scheduler, warp.fibers[next_lane(warp, backward ? 0 : 31)]);
        if (at.left_stack) at.free_stacks.push_back(at.left_stack);
        at.left_stack = nullptr;
      }
    }
    if (!ran) report_divergence();
  }
}

static inline Worker *make_worker() {
  Worker *made = new Worker();
  made->shared_end = static_cast<char *>(mmap(nullptr, shared_limit + shared_guard, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) +
                     shared_limit;
  // A write past the end of the dynamic shared memory is a fault.
  mprotect(made->shared_end, shared_guard, PROT_NONE);
  made->signal_stack = new char[64 << 10];
  return made;
}

static std::mutex idle_workers_lock;
static std::vector<Worker *> idle_workers;

static inline Worker *take_worker() {
  std::lock_guard<std::mutex> held(idle_workers_lock);
  if (idle_workers.empty()) return make_worker();
  Worker *taken = idle_workers.back();
  idle_workers.pop_back();
  return taken;
}

// Runs blocks of the launch until none is left. `after_a_while` is called once when blocks are left after a fifth of a
// millisecond.
template <class Call>
static inline void run_blocks(Launch &launch, Call after_a_while) {
  catch_faults();
  Worker &at = *take_worker();
  prepare(at, launch);
  worker = &at;
  stack_t signals = {}, previous;
  signals.ss_sp = at.signal_stack;
  signals.ss_size = 64 << 10;
  sigaltstack(&signals, &previous);
  const StaticShared &fixed = static_shared();
  const unsigned long long count = 1ull * launch.grid.x * launch.grid.y * launch.grid.z;
  const auto start = std::chrono::steady_clock::now();
  bool called = false;
  for (unsigned long long index; (index = launch.next_block.fetch_add(1)) < count;) {
    at.block = {unsigned(index % launch.grid.x), unsigned(index / launch.grid.x % launch.grid.y),
                unsigned(index / launch.grid.x / launch.grid.y)};
    at.fiber = nullptr;
    if (settings().poison) poison_shared(at, fixed);
    run_block(at);
    if (!called && std::chrono::steady_clock::now() - start > std::chrono::microseconds(200)) {
      called = true;
      after_a_while();
    }
  }
  sigaltstack(&previous, nullptr);
  worker = nullptr;
  at.launch = nullptr;
  std::lock_guard<std::mutex> held(idle_workers_lock);
  idle_workers.push_back(&at);
}

// MARK: Barriers

static inline void *dynamic_shared() { return worker->shared; }

static __attribute__((noinline)) void barrier(int line) {
  Worker &at = *worker;
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  if (at.waiting && at.barrier_line != line) {
    char text[120];
    snprintf(text, sizeof text, "reached __syncthreads() of line %d while others wait at that of line %d", line,
             at.barrier_line);
    stop(text);
  }
  at.barrier_line = line;
  at.waiting += 1;
  if (at.waiting == at.thread_count) {
    at.waiting = 0;
    at.vote_parity ^= 1;
    at.votes[at.vote_parity] = 0;
    for (unsigned index = 0; index * 32 < at.thread_count; ++index) {
      Warp &other = at.warps[index];
      other.ready |= other.at_barrier;
      other.at_barrier = 0;
    }
    return;
  }
  warp.ready &= ~(1u << fiber.lane);
  warp.at_barrier |= 1u << fiber.lane;
  yield();
}

// The number of threads whose predicate is not 0.
static inline int barrier_count(int line, int predicate) {
  const unsigned parity = worker->vote_parity;
  worker->votes[parity] += predicate != 0;
  barrier(line);
  return int(worker->votes[parity]);
}

}  // namespace carina_emulation
