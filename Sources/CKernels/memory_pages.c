#define _GNU_SOURCE
#include "memory_pages.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *map_anywhere(size_t byte_count) {
  void *pages = mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? NULL : pages;
}

void carina_unmap_pages(void *address, int64_t byte_count) {
  // A process that has no mapping left to cut this one in two can still give back the memory.
  if (munmap(address, (size_t)byte_count)) madvise(address, (size_t)byte_count, MADV_DONTNEED);
}

void *carina_map_pages(int64_t byte_count, int64_t alignment) {
  const size_t size = (size_t)byte_count, unit = (size_t)alignment;
  char *pages = map_anywhere(size);
  if (!pages || (uintptr_t)pages % unit == 0) return pages;
  munmap(pages, size);
  pages = map_anywhere(size + unit);
  if (!pages) return NULL;
  const size_t before = (unit - (uintptr_t)pages % unit) % unit;
  if (before) carina_unmap_pages(pages, (int64_t)before);
  carina_unmap_pages(pages + before + size, (int64_t)(unit - before));
  return pages + before;
}

int64_t carina_move_pages(void *from, void *to, int64_t byte_count, int64_t unit) {
  int64_t moved = 0;
  // One unit at a time: older kernels refuse a range that was put together from several.
  for (; moved < byte_count; moved += unit) {
    char *target = (char *)to + moved;
    if (mremap((char *)from + moved, (size_t)unit, (size_t)unit, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target) {
      continue;
    }
    // The target is mapped still (then this is refused), or its pages are gone: a buffer must have no hole.
    void *again = mmap(target, (size_t)unit, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (again != target && (again != MAP_FAILED || errno != EEXIST)) abort();
    break;
  }
  return moved;
}

void carina_advise_huge_pages(void *address, int64_t byte_count) {
#ifdef MADV_HUGEPAGE
  madvise(address, (size_t)byte_count, MADV_HUGEPAGE);
#endif
}

void carina_advise_unneeded(void *address, int64_t byte_count) {
  madvise(address, (size_t)byte_count, MADV_DONTNEED);
}
