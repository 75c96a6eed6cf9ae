#pragma once
#include <stdint.h>

#include "thread_team.h"

/// Runs `body` with the team of threads at hand: loops that it starts by `carina_parallel` reach the other threads at
/// once, because those wait without going to sleep. For many short loops in a row; a core a thread is busy until `body`
/// returns. Libraries that start loops of their own inside `body` run them serially.
void carina_hold_team(void (*body)(void *context), void *context);

/// The part of `carina_parallel` for a held team: runs the tasks and returns 1 when the caller leads one, or returns 0.
int carina_run_on_held_team(int64_t task_count, carina_task body, void *context);
