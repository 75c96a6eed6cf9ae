#define _GNU_SOURCE
#include "disk_sync.h"

#include <unistd.h>

int carina_sync_file_system(int descriptor) { return syncfs(descriptor); }
