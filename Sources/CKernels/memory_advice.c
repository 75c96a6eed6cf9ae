#define _DEFAULT_SOURCE
#include "memory_advice.h"

#include <stddef.h>
#include <sys/mman.h>

void carina_advise_huge_pages(void *address, int64_t byte_count) {
#ifdef MADV_HUGEPAGE
  madvise(address, (size_t)byte_count, MADV_HUGEPAGE);
#endif
}

void carina_advise_unneeded(void *address, int64_t byte_count) {
  madvise(address, (size_t)byte_count, MADV_DONTNEED);
}
