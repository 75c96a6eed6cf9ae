#pragma once
#include <stddef.h>
#include <stdint.h>

/// Copies bytes of a mapped file and takes their CRC-32. Returns 0, or -1 where the file is shorter by now or its disk
/// fails, which elsewhere would end the process by SIGBUS. Safe from several threads.
///
/// A mapped page counts as memory of the process. As long as there is room for them (128 MiB in the process) the pages
/// stay mapped, which makes the next reading twice as fast; `*stays` then becomes 1. Else they are given back at once.
int carina_copy_mapped(void *to, const void *from, size_t count, uint32_t *crc, uint8_t *stays);

/// Gives back the room of pages that stayed, when they are unmapped.
void carina_leave_mapped(size_t count);
