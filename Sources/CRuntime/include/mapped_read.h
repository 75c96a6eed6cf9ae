#pragma once
#include <stddef.h>
#include <stdint.h>

/// Copies bytes of a mapped file and takes their CRC-32. Returns 0, or -1 where the file is shorter by now or its disk
/// fails, which elsewhere would end the process by SIGBUS. The pages are given back to the system, so that a mapped file
/// counts as memory of the process only while it is being read. Safe from several threads.
int carina_copy_mapped(void *to, const void *from, size_t count, uint32_t *crc);
