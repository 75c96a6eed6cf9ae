#define _GNU_SOURCE
#include "mapped_files.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 4096 };

// The handler may interrupt whoever fills or empties an entry, so it takes no lock: `start` is written last and cleared
// first, and an entry without it says nothing.
struct mapped_file {
  _Atomic uintptr_t start;
  _Atomic size_t byte_count;
  _Atomic(char *) text;
  _Atomic int taken;
};

static struct mapped_file files[FILES];
// Entries from here on were never used.
static _Atomic int used;
static const char *message_prefix = "";
static int exit_status = 1;

int carina_note_mapped_file(const void *start, size_t byte_count, const char *text) {
  char *copy = strdup(text);
  if (!copy) return -1;
  for (int i = 0; i < FILES; i++) {
    int free_entry = 0;
    if (!atomic_compare_exchange_strong(&files[i].taken, &free_entry, 1)) continue;
    int before = atomic_load(&used);
    while (before <= i && !atomic_compare_exchange_weak(&used, &before, i + 1)) {
    }
    atomic_store(&files[i].text, copy);
    atomic_store(&files[i].byte_count, byte_count);
    atomic_store(&files[i].start, (uintptr_t)start);
    return i;
  }
  free(copy);
  return -1;
}

void carina_forget_mapped_file(int number) {
  if (number < 0 || number >= FILES) return;
  atomic_store(&files[number].start, 0);
  free(atomic_exchange(&files[number].text, 0));
  atomic_store(&files[number].taken, 0);
}

const char *carina_mapped_file_at(const void *pointer) {
  const uintptr_t address = (uintptr_t)pointer;
  for (int i = 0, count = atomic_load(&used); i < count; i++) {
    const uintptr_t start = atomic_load(&files[i].start);
    if (start == 0 || address < start || address - start >= atomic_load(&files[i].byte_count)) continue;
    const char *text = atomic_load(&files[i].text);
    if (text) return text;
  }
  return 0;
}

static void say(const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    const ssize_t written = write(STDERR_FILENO, text, left);
    if (written <= 0) return;
    text += written;
    left -= (size_t)written;
  }
}

static void on_bus_error(int number, siginfo_t *information, void *context) {
  (void)context;
  const char *text = information->si_code > 0 ? carina_mapped_file_at(information->si_addr) : 0;
  if (text) {
    // Several threads often meet the hole together; one speaks, and its exit ends the others.
    static atomic_flag spoken = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&spoken)) {
      for (;;) pause();
    }
    say(message_prefix);
    say(text);
    say("\n");
    _exit(exit_status);
  }
  // Sent by somebody, or a fault in memory of another kind: what would have happened without this handler.
  signal(number, SIG_DFL);
  raise(number);
}

void carina_end_on_lost_file(const char *prefix, int status) {
  message_prefix = prefix;
  exit_status = status;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, 0);
  // A fault under a blocked signal is deadly without a word, and who started the program may have blocked it.
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGBUS);
  sigprocmask(SIG_UNBLOCK, &own, 0);
}
