// The emulated card: one for the process, its memory in the host's, its work done when it is queued (or, deferred, when
// somebody waits for it).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <map>
#include <mutex>
#include <vector>

#define CARINA_EXPORT extern "C" __attribute__((visibility("default")))

namespace card {

// CUresult, as far as it is answered here.
enum Result : int {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  not_initialized = 3,
  no_device = 100,
  invalid_device = 101,
  invalid_image = 200,
  invalid_context = 201,
  invalid_handle = 400,
  not_found = 500,
  not_ready = 600,
  illegal_address = 700,
  launch_out_of_resources = 701,
  already_registered = 712,
  not_registered = 713,
  capture_unsupported = 900,
  capture_invalidated = 901,
  capture_unmatched = 903,
};

// Work of the card; answers a Result.
using Operation = std::function<int()>;

struct Allocation {
  size_t bytes;
  // What was mapped for it: guard pages too.
  char *mapping;
  size_t mapping_bytes;
};

struct Graph {
  std::vector<Operation> operations;
};

struct Stream {
  bool captures = false, invalidated = false;
  int capture_mode = 0;
  Graph captured;
};

struct Event {
  unsigned flags = 0;
  bool recorded = false;
  double seconds = 0;
};

struct Card {
  std::recursive_mutex lock;
  bool initialized = false;
  // The first error that the card cannot recover from; everything after it answers it.
  int failure = success;
  std::map<uint64_t, Allocation> allocations;
  // Locked memory of the host: start and bytes; whether cuMemHostAlloc gave it.
  struct Pinned {
    size_t bytes;
    bool owned;
  };
  std::map<uintptr_t, Pinned> pinned;
  size_t used = 0;
  std::vector<Operation> queue;
  std::vector<Stream *> capturing;
  Stream default_stream;
  long launches = 0;
};

Card &the_card();

// The values of the environment variables that README.md lists.
struct Settings {
  int driver, capability, devices;
  size_t memory;
  long faulty_launch;
  bool poison, guard, protect, deferred;
};

const Settings &settings();

// Whether the calling thread has a context.
bool has_context();

// A call of the driver: holds the card, and says whether it can be served.
struct Call {
  // `captured`: whether the call is allowed while a stream captures (in a mode other than relaxed).
  explicit Call(bool allowed_in_capture = true);
  int result;
  std::lock_guard<std::recursive_mutex> held;
};

// Does, keeps or records the work.
int enqueue(void *stream, Operation operation);

// Does the kept work; answers the card's failure.
int flush();

// Makes the card's memory accessible while work is done (CARINA_EMULATION_PROTECT).
struct OpenMemory {
  OpenMemory();
  ~OpenMemory();
};

// Whether all of the bytes belong to one allocation.
bool is_device_range(uint64_t address, size_t bytes);

// Whether the host's bytes are locked, so that a copy may read or write them later.
bool is_pinned(const void *address, size_t bytes);

// Reports a fault in the card's memory before the program ends.
void catch_faults();

}  // namespace card
