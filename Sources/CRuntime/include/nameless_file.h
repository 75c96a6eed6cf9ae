#pragma once

/// Opens a file for reading and writing on the file system of a directory that has no name at any moment (Linux's
/// O_TMPFILE), so that it is gone with its last descriptor. Returns the descriptor, or -1 with the reason in errno
/// where there are no such files.
int carina_open_nameless(const char *directory);
