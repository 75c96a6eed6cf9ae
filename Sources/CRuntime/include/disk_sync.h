#pragma once

/// Brings all of the file system of an open file or directory to the disk (Linux's syncfs). Returns 0, or -1 with the
/// reason in errno.
int carina_sync_file_system(int descriptor);
