#include "idle_threads.h"

#include <stdlib.h>
#include <unistd.h>

void carina_shorten_idle_spin(char **arguments) {
  if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return;
  if (setenv("GOMP_SPINCOUNT", "1000", 1) != 0) return;
  execv("/proc/self/exe", arguments);
}
