#include "surveyed_file.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_pipe.h"

enum { MOST_RANK = 8, MOST_TEXT = 1 << 20, MOST_FILTER_VALUES = 64 };
static const hsize_t most_chunks = (hsize_t)1 << 26, most_values = (hsize_t)1 << 31;

static void answer_text_attribute(hid_t attribute, hid_t type) {
  if (H5Tis_variable_str(type) > 0) {
    const hid_t memory = H5Tcopy(H5T_C_S1);
    char *text = NULL;
    if (H5Tset_size(memory, H5T_VARIABLE) >= 0 && H5Tset_cset(memory, H5Tget_cset(type)) >= 0 &&
        H5Aread(attribute, memory, &text) >= 0 && text && strlen(text) <= MOST_TEXT) {
      answer_u8(1);
      answer_text(text, strlen(text));
    } else {
      answer_u8(0);
    }
    return;
  }
  const size_t size = H5Tget_size(type);
  char *text = size > 0 && size <= MOST_TEXT ? calloc(size + 1, 1) : NULL;
  if (text && H5Aread(attribute, type, text) >= 0) {
    answer_u8(1);
    answer_text(text, strlen(text));
  } else {
    answer_u8(0);
  }
}

static int read_integer(hid_t object, const char *name, int64_t *value) {
  if (H5Aexists(object, name) <= 0) return 0;
  const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (attribute < 0) return 0;
  const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  return type >= 0 && space >= 0 && H5Tget_class(type) == H5T_INTEGER && H5Sget_simple_extent_npoints(space) == 1 &&
         H5Aread(attribute, H5T_NATIVE_INT64, value) >= 0;
}

static void answer_attribute(hid_t file, const char *name) {
  const hid_t attribute = H5Aexists(file, name) > 0 ? H5Aopen(file, name, H5P_DEFAULT) : -1;
  const hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute), space = attribute < 0 ? -1 : H5Aget_space(attribute);
  int64_t value = 0;
  if (type < 0 || space < 0 || H5Sget_simple_extent_npoints(space) != 1) {
    answer_u8(0);
  } else if (H5Tget_class(type) == H5T_STRING) {
    answer_text_attribute(attribute, type);
  } else if (read_integer(file, name, &value)) {
    answer_u8(2);
    answer_u64((uint64_t)value);
  } else {
    answer_u8(0);
  }
}

static void answer_chunks(hid_t dataset, hid_t creation, int rank, hid_t space) {
  hsize_t chunk[MOST_RANK] = {0}, offset[MOST_RANK] = {0}, count = 0;
  const int filters = H5Pget_nfilters(creation);
  if (H5Pget_chunk(creation, rank, chunk) != rank || filters < 0 || filters > 32 ||
      H5Dget_num_chunks(dataset, space, &count) < 0 || count > most_chunks) {
    answer_u8(0);
    return;
  }
  answer_u8(2);
  for (int i = 0; i < rank; i++) answer_u64(chunk[i]);
  answer_u32((uint32_t)filters);
  for (int i = 0; i < filters; i++) {
    unsigned flags = 0, configuration = 0, values[MOST_FILTER_VALUES] = {0};
    size_t value_count = MOST_FILTER_VALUES;
    char name[64] = {0};
    const H5Z_filter_t number =
        H5Pget_filter2(creation, (unsigned)i, &flags, &value_count, values, sizeof name, name, &configuration);
    if (value_count > MOST_FILTER_VALUES) value_count = MOST_FILTER_VALUES;
    answer_u32((uint32_t)number);
    answer_u32((uint32_t)value_count);
    for (size_t k = 0; k < value_count; k++) answer_u32(values[k]);
    answer_text(name, strnlen(name, sizeof name));
  }
  answer_u64(count);
  // The library walks the index from its beginning for each.
  carina_survey_allow_more(count * count / 20000000);
  for (hsize_t i = 0; i < count; i++) {
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    if (H5Dget_chunk_info(dataset, space, i, offset, &mask, &address, &size) < 0) address = HADDR_UNDEF;
    for (int k = 0; k < rank; k++) answer_u64(offset[k]);
    answer_u32(mask);
    answer_u64((uint64_t)address);
    answer_u64(size);
  }
}

static void answer_layout(hid_t dataset, int rank, hid_t space) {
  const hid_t creation = H5Dget_create_plist(dataset);
  const H5D_layout_t layout = creation < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(creation);
  if (layout == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0) {
    answer_u8(1);
    answer_u64((uint64_t)H5Dget_offset(dataset));
    answer_u64(H5Dget_storage_size(dataset));
  } else if (layout == H5D_CHUNKED) {
    answer_chunks(dataset, creation, rank, space);
  } else {
    answer_u8(0);
  }
}

static void answer_texts(hid_t dataset, hsize_t count) {
  const hid_t memory = H5Tcopy(H5T_C_S1);
  char **texts = calloc(count ? count : 1, sizeof *texts);
  if (!texts || H5Tset_size(memory, H5T_VARIABLE) < 0 || H5Tset_cset(memory, H5T_CSET_UTF8) < 0 ||
      (count > 0 && H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)) {
    free(texts);
    answer_u8(0);
    return;
  }
  answer_u8(1);
  answer_u64(count);
  for (hsize_t i = 0; i < count; i++) answer_text(texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) : 0);
  const hid_t space = H5Dget_space(dataset);
  if (count > 0) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, texts);
  free(texts);
}

static void answer_integers(hid_t dataset, hsize_t count) {
  int32_t *values = calloc(count ? count : 1, sizeof *values);
  if (!values || (count > 0 && H5Dread(dataset, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)) {
    free(values);
    answer_u8(0);
    return;
  }
  answer_u8(2);
  answer_u64(count);
  carina_answer_bytes(values, count * sizeof *values);
  free(values);
}

static void answer_dataset(hid_t file, const char *path, const char *name, int wants) {
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  char owner[64] = {0};
  hsize_t extent[MOST_RANK] = {0};
  // A link may lead into another file, whose addresses would be taken for this one's.
  const int is_here = dataset >= 0 && H5Fget_name(dataset, owner, sizeof owner) > 0 && strcmp(owner, path) == 0;
  const hid_t type = is_here ? H5Dget_type(dataset) : -1, space = is_here ? H5Dget_space(dataset) : -1;
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (type < 0 || rank < 0 || rank > MOST_RANK || H5Sget_simple_extent_dims(space, extent, NULL) != rank) {
    answer_u8(0);
    return;
  }
  answer_u8(1);
  const H5T_class_t class = H5Tget_class(type);
  const int is_text = class == H5T_STRING && H5Tis_variable_str(type) > 0;
  answer_u8(class == H5T_INTEGER ? 1 : class == H5T_FLOAT ? 2 : is_text ? 3 : 0);
  answer_u8(class == H5T_INTEGER || class == H5T_FLOAT ? H5Tget_order(type) == H5T_ORDER_LE || H5Tget_size(type) == 1 : 0);
  answer_u8(class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2);
  // Padding bits would be taken for digits.
  const size_t size = H5Tget_size(type);
  answer_u32(class == H5T_INTEGER && H5Tget_precision(type) != 8 * size ? 0 : (uint32_t)size);
  answer_u8((unsigned)rank);
  for (int i = 0; i < rank; i++) answer_u64(extent[i]);
  int64_t crc = 0;
  const int has_crc = read_integer(dataset, "crc32", &crc);
  answer_u8((unsigned)has_crc);
  answer_u64((uint64_t)crc);
  answer_layout(dataset, rank, space);
  if (wants == CARINA_H5_TEXTS && is_text && rank == 1 && extent[0] <= most_values) {
    answer_texts(dataset, extent[0]);
  } else if (wants == CARINA_H5_INTEGERS && class == H5T_INTEGER && rank == 1 && extent[0] <= most_values) {
    answer_integers(dataset, extent[0]);
  } else {
    answer_u8(0);
  }
}

void carina_survey_file(int descriptor, const carina_h5_request *request) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, 0, 1);
#endif
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
  answer_u8('F');
  answer_u8(file >= 0);
  if (file < 0) return;
  for (int i = 0; i < request->attribute_count; i++) answer_attribute(file, request->attributes[i]);
  for (int i = 0; i < request->dataset_count; i++) {
    answer_dataset(file, path, request->datasets[i], request->wants[i]);
  }
  answer_u8('E');
  H5Fclose(file);
}
