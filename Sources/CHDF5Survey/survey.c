#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "answer_pipe.h"
#include "surveyed_file.h"

// Beside the address space that the parent has mapped already.
enum { MEBIBYTE = 1 << 20, OWN_MEBIBYTES = 256, MEMORY_PER_FILE_BYTE = 4 };
// Of processor time: a few texts need a millisecond, and a file that keeps the library in a circle stays small.
enum { LEAST_SECONDS = 1, MEBIBYTES_A_SECOND = 16 };

static rlim_t mapped_bytes(void) {
  // What the kernel counts against RLIMIT_AS, in pages; read without the streams of the C library.
  char text[64] = {0};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  const ssize_t count = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  return count <= 0 ? 0 : (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

static off_t size_of(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? status.st_size : 0;
}

static void limit(int resource, rlim_t most) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) return;
  if (now.rlim_max == RLIM_INFINITY || most < now.rlim_max) now.rlim_cur = most;
  else now.rlim_cur = now.rlim_max;
  setrlimit(resource, &now);
}

static void limit_seconds(off_t size) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  limit(RLIMIT_CPU, (rlim_t)used.tv_sec + 1 + LEAST_SECONDS + (rlim_t)(size / MEBIBYTE / MEBIBYTES_A_SECOND));
}

void carina_survey_allow_more(uint64_t seconds) {
  struct rlimit now;
  if (getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_cur != RLIM_INFINITY) limit(RLIMIT_CPU, now.rlim_cur + seconds);
}

_Noreturn static void survey(const int *files, int count, const carina_h5_request *request, int output) {
  // Whatever the program does at these signals is not for this process to do.
  static const int own[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGUSR1};
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) signal(own[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  off_t largest = 0;
  for (int i = 0; i < count; i++) {
    const off_t size = size_of(files[i]);
    if (size > largest) largest = size;
  }
  limit(RLIMIT_AS, mapped_bytes() + (rlim_t)OWN_MEBIBYTES * MEBIBYTE + (rlim_t)largest * MEMORY_PER_FILE_BYTE);
#if !H5_VERSION_GE(1, 10, 7)
  // Later ones are told by a property of the open file.
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
#endif
  carina_answer_begin(output);
  // No code from elsewhere: a filter that the library does not have is refused by the reader.
  if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0 || H5PLset_loading_state(0) < 0) _exit(1);
  for (int i = 0; i < count; i++) {
    limit_seconds(size_of(files[i]));
    carina_survey_file(files[i], request);
    carina_answer_end();
  }
  // Not `exit`: handlers of the program's libraries belong to the parent.
  _exit(0);
}

pid_t carina_h5_survey(const int *files, int file_count, const carina_h5_request *request, int *output) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    survey(files, file_count, request, ends[1]);
  }
  const int reason = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    errno = reason;
    return -1;
  }
  *output = ends[0];
  return child;
}

int carina_h5_survey_end(pid_t child, int kill_first) {
  if (kill_first) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
