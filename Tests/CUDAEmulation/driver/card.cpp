#include "card.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace card {

// Never destroyed: tensors of static variables are released when the program ends.
Card &the_card() {
  static Card *const card = new Card();
  return *card;
}

static long number(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text && *text ? atol(text) : otherwise;
}

const Settings &settings() {
  static const Settings read = [] {
    Settings result;
    result.driver = int(number("CARINA_EMULATION_DRIVER", 13000));
    const char *capability = getenv("CARINA_EMULATION_CAPABILITY");
    int major = 9, minor = 0;
    if (capability) sscanf(capability, "%d.%d", &major, &minor);
    result.capability = major * 10 + minor;
    result.devices = int(number("CARINA_EMULATION_DEVICES", 1));
    result.memory = size_t(number("CARINA_EMULATION_MEMORY", 16l << 30));
    result.faulty_launch = number("CARINA_EMULATION_FAULT", 0);
    result.poison = number("CARINA_EMULATION_POISON", 1);
    result.guard = number("CARINA_EMULATION_GUARD", 1);
    result.protect = number("CARINA_EMULATION_PROTECT", 0);
    result.deferred = number("CARINA_EMULATION_DEFERRED", 0);
    return result;
  }();
  return read;
}

Call::Call(bool allowed_in_capture) : held(the_card().lock) {
  Card &card = the_card();
  result = !card.initialized ? not_initialized : !has_context() ? invalid_context : card.failure;
  if (result || allowed_in_capture) return;
  for (Stream *stream : card.capturing) {
    if (stream->capture_mode == 2) continue;
    stream->invalidated = true;
    result = capture_unsupported;
  }
}

static int perform(const Operation &operation) {
  Card &card = the_card();
  if (card.failure) return card.failure;
  OpenMemory open;
  card.failure = operation();
  return card.failure;
}

int flush() {
  Card &card = the_card();
  std::vector<Operation> queue;
  queue.swap(card.queue);
  for (const Operation &operation : queue) perform(operation);
  return card.failure;
}

int enqueue(void *handle, Operation operation) {
  Card &card = the_card();
  Stream &stream = handle ? *static_cast<Stream *>(handle) : card.default_stream;
  if (stream.captures) {
    stream.captured.operations.push_back(std::move(operation));
    return stream.invalidated ? capture_invalidated : success;
  }
  if (settings().deferred) {
    card.queue.push_back(std::move(operation));
    return card.failure;
  }
  return perform(operation);
}

static void protect(int access) {
  for (auto &[address, allocation] : the_card().allocations) {
    mprotect(reinterpret_cast<void *>(address & ~4095ull), ((address & 4095) + allocation.bytes + 4095) & ~4095ull,
             access);
  }
}

OpenMemory::OpenMemory() {
  if (settings().protect) protect(PROT_READ | PROT_WRITE);
}

OpenMemory::~OpenMemory() {
  if (settings().protect) protect(PROT_NONE);
}

bool is_device_range(uint64_t address, size_t bytes) {
  const auto &allocations = the_card().allocations;
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return false;
  const auto &[start, allocation] = *--next;
  return address - start <= allocation.bytes && bytes <= allocation.bytes - (address - start);
}

bool is_pinned(const void *address, size_t bytes) {
  const auto &pinned = the_card().pinned;
  const uintptr_t wanted = reinterpret_cast<uintptr_t>(address);
  auto next = pinned.upper_bound(wanted);
  if (next == pinned.begin()) return false;
  const auto &[start, range] = *--next;
  return wanted - start <= range.bytes && bytes <= range.bytes - (wanted - start);
}

static struct sigaction previous_action;

// What the address has to do with the card's memory. The kernel that ran has reported itself before (block_runner.h).
static void on_fault(int signal, siginfo_t *information, void *) {
  const uint64_t address = reinterpret_cast<uint64_t>(information->si_addr);
  for (auto &[start, allocation] : the_card().allocations) {
    const uint64_t mapping = reinterpret_cast<uint64_t>(allocation.mapping);
    if (address < mapping || address >= mapping + allocation.mapping_bytes) continue;
    char text[240];
    const long offset = long(address - start);
    const int length = snprintf(text, sizeof text, "CUDA emulation: that is byte %ld of an allocation of %zu bytes%s\n",
                                offset, allocation.bytes,
                                offset >= 0 && size_t(offset) < allocation.bytes
                                    ? ", which the host touched outside of a launch or copy"
                                    : "");
    if (write(2, text, size_t(length)) < 0) _exit(1);
  }
  sigaction(signal, &previous_action, nullptr);
}

void catch_faults() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &previous_action);
  });
}

}  // namespace card

// For the emulation of cuBLASLt.
CARINA_EXPORT int carina_emulation_enqueue(void *stream, const std::function<int()> &operation) {
  card::Call call;
  return call.result ? call.result : card::enqueue(stream, operation);
}

CARINA_EXPORT int carina_emulation_owns(uint64_t address, size_t bytes) {
  std::lock_guard<std::recursive_mutex> held(card::the_card().lock);
  return card::is_device_range(address, bytes);
}
