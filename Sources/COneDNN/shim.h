#pragma once
#include <dnnl.h>
#include <stdint.h>
#include <string.h>

// oneDNN 3 replaced operation descriptors by direct constructors and made memory descriptors opaque.
// These few functions are what Carina needs of both versions.

/// A matrix product prepared for one shape, and what running it takes.
typedef struct {
  dnnl_primitive_t primitive;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_memory_desc_t a, b, c, scratch;
  int64_t scratch_bytes;
} carina_matmul;

typedef struct {
  int64_t m, n, k;
  /// Element distances between rows and between columns of the factors as the product sees them.
  int64_t a_row, a_column, b_row, b_column, c_row;
  int is_bfloat16, accumulate;
  /// Where not null, the layout of b that the library chose for another number of rows; `b_is_packed` without it asks
  /// the library for the layout it likes best.
  const dnnl_memory_desc_t *b_layout;
  int b_is_packed;
} carina_matmul_shape;

static inline int carina_matmul_create(carina_matmul *out, dnnl_engine_t engine, dnnl_stream_t stream,
                                       const carina_matmul_shape *s) {
  const dnnl_data_type_t type = s->is_bfloat16 ? dnnl_bf16 : dnnl_f32;
  const dnnl_dims_t a_size = {s->m, s->k}, b_size = {s->k, s->n}, c_size = {s->m, s->n};
  const dnnl_dims_t a_stride = {s->a_row, s->a_column}, b_stride = {s->b_row, s->b_column}, c_stride = {s->c_row, 1};
  dnnl_primitive_attr_t attributes;
  dnnl_primitive_desc_t description;
  dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (s->accumulate) {
    dnnl_post_ops_t operations;
    dnnl_post_ops_create(&operations);
#if DNNL_VERSION_MAJOR >= 3
    dnnl_post_ops_append_sum(operations, 1.f, 0, dnnl_data_type_undef);
#else
    dnnl_post_ops_append_sum(operations, 1.f);
#endif
    dnnl_primitive_attr_set_post_ops(attributes, operations);
    dnnl_post_ops_destroy(operations);
  }
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_create_with_strides(&out->a, 2, a_size, type, a_stride);
  if (s->b_layout)
    dnnl_memory_desc_clone(&out->b, *s->b_layout);
  else if (s->b_is_packed)
    dnnl_memory_desc_create_with_tag(&out->b, 2, b_size, type, dnnl_format_tag_any);
  else
    dnnl_memory_desc_create_with_strides(&out->b, 2, b_size, type, b_stride);
  dnnl_memory_desc_create_with_strides(&out->c, 2, c_size, dnnl_f32, c_stride);
  status = dnnl_matmul_primitive_desc_create(&description, engine, out->a, out->b, 0, out->c, attributes);
#else
  dnnl_matmul_desc_t operation;
  dnnl_memory_desc_init_by_strides(&out->a, 2, a_size, type, a_stride);
  if (s->b_layout)
    out->b = *s->b_layout;
  else if (s->b_is_packed)
    dnnl_memory_desc_init_by_tag(&out->b, 2, b_size, type, dnnl_format_tag_any);
  else
    dnnl_memory_desc_init_by_strides(&out->b, 2, b_size, type, b_stride);
  dnnl_memory_desc_init_by_strides(&out->c, 2, c_size, dnnl_f32, c_stride);
  status = dnnl_matmul_desc_init(&operation, &out->a, &out->b, 0, &out->c);
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(&description, &operation, attributes, engine, 0);
#endif
  dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  if (s->b_is_packed || s->b_layout) {
    // Other kernels than the blocked ones ("brg…") read a packed factor many times slower than a plain one.
    const char *name = "";
    dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name);
    if (strncmp(name, "brg", 3) != 0) {
      dnnl_primitive_desc_destroy(description);
      return dnnl_unimplemented;
    }
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_destroy(out->b);
    dnnl_memory_desc_clone(&out->b, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0));
#else
    out->b = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
#endif
  }
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_clone(&out->scratch, dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0));
  out->scratch_bytes = (int64_t)dnnl_memory_desc_get_size(out->scratch);
#else
  out->scratch = *dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  out->scratch_bytes = (int64_t)dnnl_memory_desc_get_size(&out->scratch);
#endif
  status = dnnl_primitive_create(&out->primitive, description);
  dnnl_primitive_desc_destroy(description);
  out->engine = engine;
  out->stream = stream;
  return status;
}

static inline dnnl_status_t carina_matmul_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *description,
                                                 dnnl_engine_t engine, void *pointer) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_create(memory, *description, engine, pointer);
#else
  return dnnl_memory_create(memory, description, engine, pointer);
#endif
}

/// Bytes of the right factor as `matmul` wants it.
static inline int64_t carina_matmul_packed_bytes(const carina_matmul *matmul) {
#if DNNL_VERSION_MAJOR >= 3
  return (int64_t)dnnl_memory_desc_get_size(matmul->b);
#else
  return (int64_t)dnnl_memory_desc_get_size(&matmul->b);
#endif
}

/// Copies a right factor [k, n] of plain strides into the layout that `matmul` wants.
static inline int carina_matmul_pack(const carina_matmul *matmul, const carina_matmul_shape *s, const void *source,
                                     void *target) {
  const dnnl_data_type_t type = s->is_bfloat16 ? dnnl_bf16 : dnnl_f32;
  const dnnl_dims_t size = {s->k, s->n}, stride = {s->b_row, s->b_column};
  dnnl_memory_desc_t plain;
  dnnl_primitive_desc_t description;
  dnnl_primitive_t reorder;
  dnnl_memory_t from, to;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_create_with_strides(&plain, 2, size, type, stride);
  int status =
      dnnl_reorder_primitive_desc_create(&description, plain, matmul->engine, matmul->b, matmul->engine, NULL);
#else
  dnnl_memory_desc_init_by_strides(&plain, 2, size, type, stride);
  int status =
      dnnl_reorder_primitive_desc_create(&description, &plain, matmul->engine, &matmul->b, matmul->engine, NULL);
#endif
  if (status == dnnl_success) {
    status = dnnl_primitive_create(&reorder, description);
    dnnl_primitive_desc_destroy(description);
  }
  if (status == dnnl_success) {
    status = carina_matmul_memory(&from, &plain, matmul->engine, (void *)source);
    status |= carina_matmul_memory(&to, &matmul->b, matmul->engine, target);
    const dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (status == dnnl_success) status = dnnl_primitive_execute(reorder, matmul->stream, 2, arguments);
    dnnl_memory_destroy(from);
    dnnl_memory_destroy(to);
    dnnl_primitive_destroy(reorder);
  }
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(plain);
#endif
  return status;
}

static inline int carina_matmul_run(const carina_matmul *matmul, const void *a, const void *b, float *c,
                                    void *scratch) {
  dnnl_memory_t memories[4];
  int status = carina_matmul_memory(&memories[0], &matmul->a, matmul->engine, (void *)a);
  status |= carina_matmul_memory(&memories[1], &matmul->b, matmul->engine, (void *)b);
  status |= carina_matmul_memory(&memories[2], &matmul->c, matmul->engine, c);
  status |= carina_matmul_memory(&memories[3], &matmul->scratch, matmul->engine, scratch);
  const dnnl_exec_arg_t arguments[4] = {{DNNL_ARG_SRC, memories[0]},
                                        {DNNL_ARG_WEIGHTS, memories[1]},
                                        {DNNL_ARG_DST, memories[2]},
                                        {DNNL_ARG_SCRATCHPAD, memories[3]}};
  if (status == dnnl_success) status = dnnl_primitive_execute(matmul->primitive, matmul->stream, 4, arguments);
  for (int i = 0; i < 4; i++) dnnl_memory_destroy(memories[i]);
  return status;
}

static inline void carina_matmul_destroy(carina_matmul *matmul) {
  dnnl_primitive_destroy(matmul->primitive);
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(matmul->a);
  dnnl_memory_desc_destroy(matmul->b);
  dnnl_memory_desc_destroy(matmul->c);
  dnnl_memory_desc_destroy(matmul->scratch);
#endif
}
