// Instructions that the lanes of a warp execute together: each lane gives its part, waits for the others, and reads.
#pragma once

namespace carina_emulation {

// Waits until every lane of the warp is here; the last one calls `last` before any lane goes on.
template <class Last>
static inline void meet(Worker &at, const char *instruction, Last last) {
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  const unsigned bit = 1u << fiber.lane;
  if (warp.in_instruction && warp.instruction != instruction && strcmp(warp.instruction, instruction)) {
    char text[160];
    snprintf(text, sizeof text, "reached %s while other lanes of the warp wait in %s", instruction, warp.instruction);
    stop(text);
  }
  if ((warp.in_instruction | bit) == warp.lanes) {
    last(warp);
    warp.ready |= warp.in_instruction;
    warp.in_instruction = 0;
    warp.parity ^= 1;
    return;
  }
  warp.instruction = instruction;
  warp.in_instruction |= bit;
  warp.ready &= ~bit;
  yield();
}

static inline void check_mask(unsigned mask) {
  const Warp &warp = *worker->fiber->warp;
  if ((mask & warp.lanes) != warp.lanes) stop("a warp instruction for some lanes of the warp only is not emulated");
}

// The value that lane `source` gave; an unspecified one (here NaN) where there is no such lane.
template <class T>
static inline T exchange(const char *instruction, unsigned mask, T value, unsigned source) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  Worker &at = *worker;
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  check_mask(mask);
  Slot *slots = warp.slots[warp.parity];
  memcpy(slots[fiber.lane].words, &value, sizeof(T));
  meet(at, instruction, [](Warp &) {});
  T result;
  memset(&result, 0xff, sizeof(T));
  if (warp.lanes >> source & 1) memcpy(&result, slots[source].words, sizeof(T));
  return result;
}

static inline unsigned lane() { return worker->fiber->lane; }

static inline unsigned ballot(const char *instruction, unsigned mask, int predicate) {
  Worker &at = *worker;
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  check_mask(mask);
  Slot *slots = warp.slots[warp.parity];
  slots[fiber.lane].words[0] = predicate != 0;
  meet(at, instruction, [](Warp &) {});
  unsigned result = 0;
  for (unsigned index = 0; index < 32; ++index) {
    if (warp.lanes >> index & 1) result |= slots[index].words[0] << index;
  }
  return result;
}

// MARK: Tensor cores

static inline unsigned short bfloat16_bits(float value) {
  const unsigned bits = __float_as_uint(value);
  if (value != value) return 0x7fff;
  return (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline void full_warp(const Warp &warp, const char *instruction) {
  if (warp.lanes == ~0u) return;
  char text[80];
  snprintf(text, sizeof text, "%s in a warp with fewer than 32 threads", instruction);
  stop(text);
}

// The whole product, from the pairs that the lanes gave.
static inline void multiply(Warp &warp) {
  const Slot *slots = warp.slots[warp.parity];
  float a[16][16];
  EightFloats b[16];
  for (int lane = 0; lane < 32; ++lane) {
    const unsigned *words = slots[lane].words;
    const int group = lane / 4, pair = lane % 4 * 2;
    for (int part = 0; part < 4; ++part) {
      const int row = group + part % 2 * 8, column = pair + part / 2 * 8;
      a[row][column] = __uint_as_float(words[part] << 16);
      a[row][column + 1] = __uint_as_float(words[part] & 0xffff0000u);
    }
    for (int part = 0; part < 2; ++part) {
      b[pair + part * 8][group] = __uint_as_float(words[4 + part] << 16);
      b[pair + part * 8 + 1][group] = __uint_as_float(words[4 + part] & 0xffff0000u);
    }
  }
  for (int row = 0; row < 16; ++row) {
    EightFloats sums = {};
    for (int k = 0; k < 16; ++k) sums += a[row][k] * b[k];
    warp.product[row] = sums;
  }
}

static inline void mma_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  Worker &at = *worker;
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  full_warp(warp, "mma");
  unsigned *words = warp.slots[warp.parity][fiber.lane].words;
  memcpy(words, a, 16);
  memcpy(words + 4, b, 8);
  meet(at, "mma", multiply);
  const unsigned group = fiber.lane / 4, pair = fiber.lane % 4 * 2;
  d[0] += warp.product[group][pair];
  d[1] += warp.product[group][pair + 1];
  d[2] += warp.product[group + 8][pair];
  d[3] += warp.product[group + 8][pair + 1];
}

template <int count>
static inline void load_matrices(unsigned (&r)[count], const void *shared, bool transposed) {
  Worker &at = *worker;
  Fiber &fiber = *at.fiber;
  Warp &warp = *fiber.warp;
  full_warp(warp, "ldmatrix");
  if (fiber.lane < 8 * count && reinterpret_cast<uintptr_t>(shared) % 16) {
    stop("ldmatrix: an address that is not aligned");
  }
  Slot *slots = warp.slots[warp.parity];
  memcpy(slots[fiber.lane].words, &shared, sizeof shared);
  meet(at, "ldmatrix", [](Warp &) {});
  const unsigned group = fiber.lane / 4, pair = fiber.lane % 4 * 2;
  for (unsigned matrix = 0; matrix < count; ++matrix) {
    auto element = [&](unsigned row, unsigned column) {
      const unsigned short *start;
      memcpy(&start, slots[matrix * 8 + row].words, sizeof start);
      return unsigned(start[column]);
    };
    r[matrix] = transposed ? element(pair, group) | element(pair + 1, group) << 16
                           : element(group, pair) | element(group, pair + 1) << 16;
  }
}

// MARK: Asynchronous copies

static inline void perform(const Copy &copy) {
  if (copy.valid) {
    memcpy(copy.shared, copy.global, 16);
  } else {
    memset(copy.shared, 0, 16);
  }
}

static inline void copy_later(void *shared, const void *global, bool valid) {
  Fiber &fiber = *worker->fiber;
  if (reinterpret_cast<uintptr_t>(shared) % 16 || (valid && reinterpret_cast<uintptr_t>(global) % 16)) {
    stop("cp.async: an address that is not aligned");
  }
  const Copy copy = {shared, global, valid, fiber.copy_groups};
  if (settings().backward) {
    perform(copy);
  } else {
    fiber.copies.push_back(copy);
  }
}

static inline void commit_copies() { worker->fiber->copy_groups += 1; }

static inline void wait_for_copies(unsigned newest) {
  Fiber &fiber = *worker->fiber;
  size_t done = 0;
  while (done < fiber.copies.size() && fiber.copies[done].group + newest < fiber.copy_groups) {
    perform(fiber.copies[done++]);
  }
  fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + long(done));
}

}  // namespace carina_emulation

template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const unsigned lane = carina_emulation::lane(), start = lane & ~unsigned(width - 1);
  return carina_emulation::exchange("__shfl_sync", mask, value, start + (unsigned(source) & unsigned(width - 1)));
}

template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const unsigned lane = carina_emulation::lane(), source = lane ^ unsigned(bits);
  // A lane of a later segment is out of reach.
  const bool reached = source <= (lane | unsigned(width - 1));
  return carina_emulation::exchange("__shfl_xor_sync", mask, value, reached ? source : lane);
}

template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const unsigned lane = carina_emulation::lane(), source = lane + distance;
  const bool reached = source <= (lane | unsigned(width - 1));
  return carina_emulation::exchange("__shfl_down_sync", mask, value, reached ? source : lane);
}

template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const unsigned lane = carina_emulation::lane(), start = lane & ~unsigned(width - 1);
  return carina_emulation::exchange("__shfl_up_sync", mask, value, lane >= start + distance ? lane - distance : lane);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return carina_emulation::ballot("__ballot_sync", mask, predicate);
}

static inline int __any_sync(unsigned mask, int predicate) {
  return carina_emulation::ballot("__any_sync", mask, predicate) != 0;
}

static inline int __all_sync(unsigned mask, int predicate) {
  return carina_emulation::ballot("__all_sync", mask, !predicate) == 0;
}

static inline void __syncwarp(unsigned mask = 0xffffffffu) {
  carina_emulation::check_mask(mask);
  carina_emulation::meet(*carina_emulation::worker, "__syncwarp", [](carina_emulation::Warp &) {});
}
