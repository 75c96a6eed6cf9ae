#pragma once
#include "thread_team.h"

// libgomp's public entry points. clang's own OpenMP would bring a second team of threads to the
// process; oneDNN runs on libgomp, so these loops do too.
extern void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_in_parallel(void);
extern void omp_set_num_threads(int);
extern int omp_get_max_threads(void);

/// A loop of tasks that a team shares.
struct carina_loop {
  int64_t task_count;
  carina_task body;
  void *context;
};

/// Runs the tasks of one thread of `threads`, a contiguous run of them.
static inline void carina_run_share(const struct carina_loop *loop, int64_t index, int64_t threads) {
  const int64_t first = loop->task_count * index / threads, last = loop->task_count * (index + 1) / threads;
  for (int64_t task = first; task < last; task++) loop->body(loop->context, task);
}
