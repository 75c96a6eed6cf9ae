#pragma once
#include <hdf5.h>

// HDF5's constants are macros over globals and casts, which Swift does not see.

static inline hid_t carina_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t carina_h5_all(void) { return H5S_ALL; }
static inline hid_t carina_h5_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t carina_h5_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t carina_h5_file_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t carina_h5_file_int32(void) { return H5T_STD_I32LE; }
static inline hid_t carina_h5_file_uint16(void) { return H5T_STD_U16LE; }
static inline hid_t carina_h5_file_float32(void) { return H5T_IEEE_F32LE; }
static inline hsize_t carina_h5_unlimited(void) { return H5S_UNLIMITED; }
static inline haddr_t carina_h5_no_address(void) { return HADDR_UNDEF; }

/// Starts the library where it is not started, and keeps it from printing the errors of the calling thread. Returns a
/// negative number on failure.
static inline int carina_h5_start(void) {
  if (H5open() < 0) return -1;
  return H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/// A text type of any length, UTF-8.
static inline hid_t carina_h5_text(void) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type < 0) return type;
  if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

/// Properties for opening a file to read: without locks, which network file systems lack.
static inline hid_t carina_h5_read_access(void) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
  if (access >= 0) H5Pset_file_locking(access, 0, 1);
#endif
  return access;
}

/// Properties for a new group, dataset or chunked dataset without time stamps, so that equal content is equal bytes.
static inline hid_t carina_h5_group_creation(void) {
  const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
  if (creation >= 0) H5Pset_obj_track_times(creation, 0);
  return creation;
}

static inline hid_t carina_h5_dataset_creation(int rank, const hsize_t *chunk) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  if (creation < 0) return creation;
  H5Pset_obj_track_times(creation, 0);
  // Texts need their fill value, bytes that are all written do not.
  if (chunk && (H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0 || H5Pset_chunk(creation, rank, chunk) < 0)) {
    H5Pclose(creation);
    return -1;
  }
  return creation;
}

/// Properties of a dataset whose bytes lie in one run that is there, as a hole, from the moment the file is made.
static inline hid_t carina_h5_fixed_creation(void) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  if (creation < 0) return creation;
  H5Pset_obj_track_times(creation, 0);
  if (H5Pset_layout(creation, H5D_CONTIGUOUS) < 0 || H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0 ||
      H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) < 0) {
    H5Pclose(creation);
    return -1;
  }
  return creation;
}

static inline hid_t carina_h5_file_creation(void) {
  const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
  if (creation >= 0) H5Pset_obj_track_times(creation, 0);
  return creation;
}

static inline hid_t carina_h5_create(const char *path, hid_t creation) {
  return H5Fcreate(path, H5F_ACC_TRUNC, creation, H5P_DEFAULT);
}

static inline hid_t carina_h5_open(const char *path, hid_t access) { return H5Fopen(path, H5F_ACC_RDONLY, access); }

/// Writes one chunk of bytes as it is.
static inline int carina_h5_write_chunk(hid_t dataset, const hsize_t *offset, size_t count, const void *bytes) {
#if H5_VERSION_GE(1, 10, 3)
  return H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, offset, count, bytes);
#else
#error "HDF5 1.10.5 or later is needed"
#endif
}

/// Where in the file a dataset's unfiltered bytes for the chunk at `offset` lie; HADDR_UNDEF when they are not plain.
static inline haddr_t carina_h5_chunk_address(hid_t dataset, const hsize_t *offset, hsize_t expected_size) {
  unsigned filters = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t size = 0;
  if (H5Dget_chunk_info_by_coord(dataset, offset, &filters, &address, &size) < 0) return HADDR_UNDEF;
  return size == expected_size ? address : HADDR_UNDEF;
}
