#include "held_team.h"

#include <sched.h>
#include <stdatomic.h>

#include "loop_share.h"

// Between two loops of a token lie a few microseconds of other work. So many turns of waiting cover that several times
// over; after them a waiting thread offers its core to others at each turn.
enum { TURNS_BEFORE_YIELDING = 2000 };

struct held_team {
  void (*body)(void *);
  void *context;
  /// Raised for each loop, and once more at the end.
  _Atomic uint64_t loops;
  _Atomic int running, ended;
  int threads;
  struct carina_loop loop;
};

static _Thread_local struct held_team *leading;

static void wait_turn(int *turns) {
  if (++*turns < TURNS_BEFORE_YIELDING) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  } else {
    sched_yield();
  }
}

static void follow(struct held_team *team, int index) {
  for (uint64_t seen = 0;;) {
    int turns = 0;
    while (atomic_load_explicit(&team->loops, memory_order_acquire) == seen) wait_turn(&turns);
    seen++;
    if (atomic_load_explicit(&team->ended, memory_order_relaxed)) return;
    carina_run_share(&team->loop, index, team->threads);
    atomic_fetch_sub_explicit(&team->running, 1, memory_order_release);
  }
}

static void enter(void *argument) {
  struct held_team *team = argument;
  const int index = omp_get_thread_num();
  // The runtime may give fewer threads than were asked for, and every thread of the team sees how many.
  if (index > 0) {
    follow(team, index);
    return;
  }
  team->threads = omp_get_num_threads();
  leading = team;
  team->body(team->context);
  leading = 0;
  atomic_store_explicit(&team->ended, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&team->loops, 1, memory_order_release);
}

void carina_hold_team(void (*body)(void *), void *context) {
  if (omp_in_parallel() || omp_get_max_threads() == 1) {
    body(context);
    return;
  }
  struct held_team team = {.body = body, .context = context};
  GOMP_parallel(enter, &team, (unsigned)omp_get_max_threads(), 0);
}

int carina_run_on_held_team(int64_t task_count, carina_task body, void *context) {
  struct held_team *team = leading;
  if (!team) return 0;
  // A loop inside a task runs serially, as it would in a team that is not held.
  leading = 0;
  team->loop = (struct carina_loop){task_count, body, context};
  atomic_store_explicit(&team->running, team->threads - 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&team->loops, 1, memory_order_release);
  carina_run_share(&team->loop, 0, team->threads);
  int turns = 0;
  while (atomic_load_explicit(&team->running, memory_order_acquire) > 0) wait_turn(&turns);
  leading = team;
  return 1;
}
