#define _GNU_SOURCE
#include "mapped_read.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crc32.h"

// Where the thread at hand is reading, and where it goes on if that fails.
struct guard {
  const char *start, *end;
  sigjmp_buf resume;
};

static _Thread_local struct guard *volatile guard;
static struct sigaction previous;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_bus_error(int number, siginfo_t *information, void *context) {
  struct guard *current = guard;
  const char *address = information->si_addr;
  if (current && information->si_code > 0 && address >= current->start && address < current->end) {
    guard = NULL;
    siglongjmp(current->resume, 1);
  }
  // Anything else ends as it would have without this handler.
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, information, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else {
    signal(number, SIG_DFL);
    raise(number);
  }
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_bus_error;
  // Not blocked inside its handler: the jump out of it then has no mask to put back.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

// What pages may still stay.
static _Atomic ptrdiff_t room = (ptrdiff_t)128 << 20;

void carina_leave_mapped(size_t count) { atomic_fetch_add(&room, (ptrdiff_t)count); }

int carina_copy_mapped(void *to, const void *from, size_t count, uint32_t *crc, uint8_t *stays) {
  pthread_once(&once, install);
  struct guard own;
  own.start = from;
  own.end = own.start + count;
  if (sigsetjmp(own.resume, 0) != 0) return -1;
  guard = &own;
  // In this order, because the CRC reads as fast as memory gives, and the copy then finds the bytes in the cache.
  *crc = carina_crc32(0, from, count, 2);
  memcpy(to, from, count);
  guard = NULL;
  if (__atomic_load_n(stays, __ATOMIC_RELAXED)) return 0;
  if (atomic_fetch_sub(&room, (ptrdiff_t)count) >= (ptrdiff_t)count && !__atomic_exchange_n(stays, 1, __ATOMIC_RELAXED)) {
    return 0;
  }
  atomic_fetch_add(&room, (ptrdiff_t)count);
  if (__atomic_load_n(stays, __ATOMIC_RELAXED)) return 0;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)from & ~(page - 1);
  madvise((void *)first, (uintptr_t)from + count - first, MADV_DONTNEED);
  return 0;
}
