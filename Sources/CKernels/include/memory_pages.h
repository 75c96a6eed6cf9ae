#pragma once
#include <stdint.h>

/// Maps pages of zeros, readable and writable, whose first byte lies at a multiple of `alignment`, a multiple of the
/// size of a page; null where the system has none.
void *carina_map_pages(int64_t byte_count, int64_t alignment);
/// Gives mapped pages back to the system.
void carina_unmap_pages(void *address, int64_t byte_count);
/// Puts the pages behind one address, with what they hold, behind another in place of the pages there, `unit` bytes at a
/// time; nothing is mapped at their old address afterwards. All arguments are multiples of `unit`, and the ranges do not
/// overlap.
/// - returns: how many bytes were moved; fewer where the system refuses, and then the rest lies where it was, and the
///   rest of the target is memory as before.
int64_t carina_move_pages(void *from, void *to, int64_t byte_count, int64_t unit);
/// Asks for huge pages behind `byte_count` bytes at `address`; refused harmlessly where the kernel has none.
void carina_advise_huge_pages(void *address, int64_t byte_count);
/// Lets the system take these pages back; a refusal only keeps them.
void carina_advise_unneeded(void *address, int64_t byte_count);
