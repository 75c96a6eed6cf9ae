#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What is wanted of a dataset beside its type, shape and layout.
enum { CARINA_H5_LAYOUT = 0, CARINA_H5_TEXTS = 1, CARINA_H5_INTEGERS = 2 };

/// What a survey asks of each file: attributes of the root, and datasets by path, each with what is wanted of it.
typedef struct {
  const char *const *attributes;
  int attribute_count;
  const char *const *datasets;
  const int *wants;
  int dataset_count;
} carina_h5_request;

/// Looks into HDF5 files in a child process, the one place where the HDF5 library runs: a file that makes it crash, hang
/// or take all memory ends the child alone. `files` are open descriptors. Returns the child's process id and in `output`
/// the end of a pipe from which its answer is read, or -1 with the reason in errno.
///
/// The answer, in the machine's byte order, is for each file `F` and whether it could be opened (u8). If so, for each
/// attribute u8 kind (0 none, 1 text as u32 length and bytes, 2 i64); then for each dataset u8 whether it is there and,
/// if so, u8 class (0 other, 1 integer, 2 float, 3 text of any length), u8 little-endian, u8 signed, u32 bytes an element,
/// u8 rank, u64 extents; u8 whether it has an attribute `crc32`, and i64 its value; u8 layout (0 other, 1 contiguous:
/// u64 address and size; 2 chunked: u64 extents of a chunk, u32 filters, each u32 number, u32 values, values, u32 length
/// and bytes of its name; u64 chunks, each u64 offsets, u32 mask of filters left out, u64 address, u64 size); u8 values
/// (0 none, 1 texts: u64 count, each u32 length and bytes; 2 integers: u64 count, each i32). Then `E`.
pid_t carina_h5_survey(const int *files, int file_count, const carina_h5_request *request, int *output);

/// Waits for a child of `carina_h5_survey`, after ending it where `kill_first` says so. Returns the signal that ended it,
/// 0 where it ended by itself with success, -1 otherwise.
int carina_h5_survey_end(pid_t child, int kill_first);

/// Undoes zlib's deflation of a chunk. Returns how many bytes came out, or -1 for damaged input or more than `capacity`.
ptrdiff_t carina_inflate_chunk(const void *from, size_t count, void *to, size_t capacity);
