#include "thread_team.h"

#include "held_team.h"

// libgomp's public entry points. clang's own OpenMP would bring a second team of threads to the
// process; oneDNN runs on libgomp, so these loops do too.
extern void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_in_parallel(void);
extern void omp_set_num_threads(int);
extern int omp_get_max_threads(void);

struct loop {
  int64_t task_count;
  carina_task body;
  void *context;
};

static void run_share(void *argument) {
  const struct loop *loop = argument;
  const int64_t threads = omp_get_num_threads(), index = omp_get_thread_num();
  const int64_t first = loop->task_count * index / threads;
  const int64_t last = loop->task_count * (index + 1) / threads;
  for (int64_t task = first; task < last; task++) loop->body(loop->context, task);
}

void carina_set_threads(int count) { omp_set_num_threads(count < 1 ? 1 : count); }

int carina_threads(void) { return omp_get_max_threads(); }

void carina_parallel(int64_t task_count, carina_task body, void *context) {
  if (task_count > 1 && carina_run_on_held_team(task_count, body, context)) return;
  if (task_count <= 1 || omp_in_parallel() || omp_get_max_threads() == 1) {
    for (int64_t task = 0; task < task_count; task++) body(context, task);
    return;
  }
  struct loop loop = {task_count, body, context};
  const int threads = omp_get_max_threads();
  GOMP_parallel(run_share, &loop, task_count < threads ? (unsigned)task_count : (unsigned)threads, 0);
}
