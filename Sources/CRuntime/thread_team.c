#include "thread_team.h"

#include "held_team.h"
#include "loop_share.h"

static void run_share(void *argument) {
  carina_run_share(argument, omp_get_thread_num(), omp_get_num_threads());
}

void carina_set_threads(int count) { omp_set_num_threads(count < 1 ? 1 : count); }

int carina_threads(void) { return omp_get_max_threads(); }

void carina_parallel(int64_t task_count, carina_task body, void *context) {
  if (task_count > 1 && carina_run_on_held_team(task_count, body, context)) return;
  if (task_count <= 1 || omp_in_parallel() || omp_get_max_threads() == 1) {
    for (int64_t task = 0; task < task_count; task++) body(context, task);
    return;
  }
  struct carina_loop loop = {task_count, body, context};
  const int threads = omp_get_max_threads();
  GOMP_parallel(run_share, &loop, task_count < threads ? (unsigned)task_count : (unsigned)threads, 0);
}
