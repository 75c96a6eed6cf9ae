#pragma once
#include <stddef.h>

/// Notes that a file is mapped from `start` on, with the sentence to say when its bytes are gone. The text is copied.
/// Returns a number to forget the file by, or -1 when no more can be noted; then the loss of this file is not explained.
int carina_note_mapped_file(const void *start, size_t byte_count, const char *text);

/// Forgets a file, before its memory is given back; -1 is nothing.
void carina_forget_mapped_file(int number);

/// The sentence of the file that is mapped at an address; 0 where none is. Valid until the file is forgotten.
const char *carina_mapped_file_at(const void *address);

/// From here on a read of mapped bytes that are gone (SIGBUS, on any thread) ends the process at once with `status`,
/// after `prefix`, the file's sentence and a line end went to standard error; nothing else runs. Other faults keep
/// their default. `prefix` must stay where it is.
void carina_end_on_lost_file(const char *prefix, int status);
