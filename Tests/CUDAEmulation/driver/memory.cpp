// The driver's functions about memory: allocations between guard pages, copies and fills.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <memory>

#include "card.h"

using namespace card;

static constexpr size_t page = 4096;

CARINA_EXPORT int cuMemGetInfo_v2(size_t *free, size_t *total) {
  Call call;
  if (call.result) return call.result;
  *total = settings().memory;
  *free = settings().memory - the_card().used;
  return success;
}

CARINA_EXPORT int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  Call call(false);
  if (call.result) return call.result;
  Card &card = the_card();
  if (!bytes) return invalid_value;
  if (bytes > settings().memory - card.used) return out_of_memory;
  // Addresses are multiples of 256, as the driver's are; the end is as near to a guard page as that allows.
  const size_t guard = settings().guard ? page : 0;
  const size_t inner = (bytes + page - 1) / page * page;
  char *mapping = static_cast<char *>(mmap(nullptr, inner + 2 * guard, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (mapping == MAP_FAILED) return out_of_memory;
  if (guard) {
    mprotect(mapping, guard, PROT_NONE);
    mprotect(mapping + guard + inner, guard, PROT_NONE);
  }
  char *start = mapping + guard + (guard ? inner - (bytes + 255) / 256 * 256 : 0);
  if (settings().poison) memset(start, 0xff, bytes);
  if (settings().protect) mprotect(mapping + guard, inner, PROT_NONE);
  *address = reinterpret_cast<uint64_t>(start);
  card.allocations[*address] = {bytes, mapping, inner + 2 * guard};
  card.used += bytes;
  return success;
}

CARINA_EXPORT int cuMemFree_v2(uint64_t address) {
  Call call(false);
  if (call.result) return call.result;
  Card &card = the_card();
  if (!address) return success;
  auto found = card.allocations.find(address);
  if (found == card.allocations.end()) return invalid_value;
  const int result = flush();
  munmap(found->second.mapping, found->second.mapping_bytes);
  card.used -= found->second.bytes;
  card.allocations.erase(found);
  return result;
}

CARINA_EXPORT int cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  Call call(false);
  if (call.result) return call.result;
  if (!bytes) return invalid_value;
  void *pages = aligned_alloc(page, (bytes + page - 1) / page * page);
  if (!pages) return out_of_memory;
  if (settings().poison) memset(pages, 0xff, bytes);
  the_card().pinned[reinterpret_cast<uintptr_t>(pages)] = {bytes, true};
  *address = pages;
  return success;
}

CARINA_EXPORT int cuMemFreeHost(void *address) {
  Call call(false);
  if (call.result) return call.result;
  auto &pinned = the_card().pinned;
  auto found = pinned.find(reinterpret_cast<uintptr_t>(address));
  if (found == pinned.end() || !found->second.owned) return invalid_value;
  const int result = flush();
  pinned.erase(found);
  free(address);
  return result;
}

CARINA_EXPORT int cuMemHostRegister_v2(void *address, size_t bytes, unsigned) {
  Call call(false);
  if (call.result) return call.result;
  if (!address || !bytes) return invalid_value;
  for (const auto &[start, range] : the_card().pinned) {
    const uintptr_t wanted = reinterpret_cast<uintptr_t>(address);
    if (wanted < start + range.bytes && start < wanted + bytes) return already_registered;
  }
  the_card().pinned[reinterpret_cast<uintptr_t>(address)] = {bytes, false};
  return success;
}

CARINA_EXPORT int cuMemHostUnregister(void *address) {
  Call call(false);
  if (call.result) return call.result;
  auto &pinned = the_card().pinned;
  auto found = pinned.find(reinterpret_cast<uintptr_t>(address));
  if (found == pinned.end() || found->second.owned) return not_registered;
  const int result = flush();
  pinned.erase(found);
  return result;
}

static bool is_captured(void *stream) { return stream && static_cast<Stream *>(stream)->captures; }

CARINA_EXPORT int cuMemcpyHtoDAsync_v2(uint64_t target, const void *source, size_t bytes, void *stream) {
  Call call;
  if (call.result || !bytes) return call.result;
  if (!is_device_range(target, bytes)) return invalid_value;
  void *to = reinterpret_cast<void *>(target);
  if (is_captured(stream) || is_pinned(source, bytes)) {
    return enqueue(stream, [=] { return memcpy(to, source, bytes), int(success); });
  }
  // The driver reads pageable memory before it returns.
  const std::shared_ptr<char> kept(static_cast<char *>(malloc(bytes)), free);
  memcpy(kept.get(), source, bytes);
  return enqueue(stream, [=] { return memcpy(to, kept.get(), bytes), int(success); });
}

CARINA_EXPORT int cuMemcpyDtoHAsync_v2(void *target, uint64_t source, size_t bytes, void *stream) {
  Call call;
  if (call.result || !bytes) return call.result;
  if (!is_device_range(source, bytes)) return invalid_value;
  const void *from = reinterpret_cast<const void *>(source);
  const int result = enqueue(stream, [=] { return memcpy(target, from, bytes), int(success); });
  // It waits until pageable memory is written.
  return result || is_captured(stream) || is_pinned(target, bytes) ? result : flush();
}

CARINA_EXPORT int cuMemcpyDtoDAsync_v2(uint64_t target, uint64_t source, size_t bytes, void *stream) {
  Call call;
  if (call.result || !bytes) return call.result;
  if (!is_device_range(target, bytes) || !is_device_range(source, bytes)) return invalid_value;
  return enqueue(stream, [=] {
    memmove(reinterpret_cast<void *>(target), reinterpret_cast<const void *>(source), bytes);
    return int(success);
  });
}

CARINA_EXPORT int cuMemsetD8Async(uint64_t target, unsigned char value, size_t count, void *stream) {
  Call call;
  if (call.result || !count) return call.result;
  if (!is_device_range(target, count)) return invalid_value;
  return enqueue(stream, [=] { return memset(reinterpret_cast<void *>(target), value, count), int(success); });
}

CARINA_EXPORT int cuMemsetD32Async(uint64_t target, unsigned value, size_t count, void *stream) {
  Call call;
  if (call.result || !count) return call.result;
  if (target % 4 || !is_device_range(target, count * 4)) return invalid_value;
  return enqueue(stream, [=] {
    unsigned *words = reinterpret_cast<unsigned *>(target);
    for (size_t index = 0; index < count; ++index) words[index] = value;
    return int(success);
  });
}
