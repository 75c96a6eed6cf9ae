#pragma once
#include <stdint.h>

/// One task of a parallel loop: `task` runs from 0 to `task_count` - 1, each exactly once.
typedef void (*carina_task)(void *context, int64_t task);

/// Sets how many threads the team has (oneDNN follows the same setting). At least 1.
void carina_set_threads(int count);
int carina_threads(void);

/// Runs the tasks on the process's one team of threads, the same team that oneDNN uses, and
/// returns when all are done. Tasks are dealt out in contiguous runs, so the same thread count gives the same
/// division of labour. A call from inside a task runs serially.
void carina_parallel(int64_t task_count, carina_task body, void *context);
