#include "answer_pipe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 16];
static size_t filled;
static int output;

void carina_answer_begin(int descriptor) {
  output = descriptor;
  filled = 0;
}

void carina_answer_end(void) {
  for (size_t done = 0; done < filled;) {
    const ssize_t written = write(output, buffer + done, filled - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);
    done += (size_t)written;
  }
  filled = 0;
}

void carina_answer_bytes(const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    if (filled == sizeof buffer) carina_answer_end();
    size_t take = sizeof buffer - filled;
    if (take > count) take = count;
    memcpy(buffer + filled, next, take);
    filled += take;
    next += take;
    count -= take;
  }
}
