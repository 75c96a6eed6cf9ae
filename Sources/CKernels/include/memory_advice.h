#pragma once
#include <stdint.h>

/// Asks for huge pages behind `byte_count` bytes at `address`; refused harmlessly where the kernel has none.
void carina_advise_huge_pages(void *address, int64_t byte_count);
/// Lets the system take these pages back; a refusal only keeps them.
void carina_advise_unneeded(void *address, int64_t byte_count);
