#pragma once
#include <dnnl.h>
#include <stdint.h>
#include <string.h>

// oneDNN 3 replaced operation descriptors by direct constructors and made memory descriptors opaque.
// These few functions are what Carina needs of both versions.

/// Keeps bfloat16 products to AVX-512. With AMX the library takes it for some numbers of rows and not for others, whose sums
/// round differently: what a row becomes would depend on how many stand beside it. To be called before anything else.
static inline void carina_settle_instructions(void) { dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16); }

/// A matrix product prepared for one shape, and what running it takes.
typedef struct {
  dnnl_primitive_t primitive;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_memory_desc_t a, b, c, scratch, bias, other;
  int64_t scratch_bytes;
  int has_bias, other_argument;
} carina_matmul;

/// What is done to each element of a product before it is stored.
enum carina_activation { CARINA_ACTIVATION_NONE, CARINA_ACTIVATION_GELU_TANH, CARINA_ACTIVATION_GELU_ERF };
/// How an element then meets that of another matrix [m, n] of fp32.
enum carina_other { CARINA_OTHER_NONE, CARINA_OTHER_ADDED, CARINA_OTHER_MULTIPLIED };

typedef struct {
  int64_t m, n, k;
  /// Element distances between rows and between columns of the factors as the product sees them.
  int64_t a_row, a_column, b_row, b_column, c_row;
  int is_bfloat16, accumulate;
  /// Where not null, the layout of b that the library chose for another number of rows; `b_is_packed` without it asks
  /// the library for the layout it likes best.
  const dnnl_memory_desc_t *b_layout;
  int b_is_packed;
  /// A bias [n] of fp32, an activation, another matrix, in this order; and whether the result is rounded to bfloat16.
  int has_bias, activation, other, c_is_bfloat16;
} carina_matmul_shape;

static inline void carina_matmul_append_operations(dnnl_post_ops_t operations, const carina_matmul *out,
                                                   const carina_matmul_shape *s) {
#if DNNL_VERSION_MAJOR >= 3
  if (s->accumulate) dnnl_post_ops_append_sum(operations, 1.f, 0, dnnl_data_type_undef);
  if (s->activation) {
    dnnl_post_ops_append_eltwise(
        operations,
        s->activation == CARINA_ACTIVATION_GELU_TANH ? dnnl_eltwise_gelu_tanh : dnnl_eltwise_gelu_erf, 0, 0);
  }
  if (s->other) {
    dnnl_post_ops_append_binary(
        operations, s->other == CARINA_OTHER_ADDED ? dnnl_binary_add : dnnl_binary_mul, out->other);
  }
#else
  if (s->accumulate) dnnl_post_ops_append_sum(operations, 1.f);
  if (s->activation) {
    dnnl_post_ops_append_eltwise(
        operations, 1.f, s->activation == CARINA_ACTIVATION_GELU_TANH ? dnnl_eltwise_gelu_tanh : dnnl_eltwise_gelu_erf,
        0, 0);
  }
  if (s->other) {
    dnnl_post_ops_append_binary(
        operations, s->other == CARINA_OTHER_ADDED ? dnnl_binary_add : dnnl_binary_mul, &out->other);
  }
#endif
}

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
  const dnnl_data_type_t c_type = s->c_is_bfloat16 ? dnnl_bf16 : dnnl_f32;
  const dnnl_dims_t bias_size = {1, s->n}, bias_stride = {s->n, 1};
  out->has_bias = s->has_bias;
  // The argument's name is that of its index among the operations.
  const int index = (s->accumulate ? 1 : 0) + (s->activation ? 1 : 0);
  out->other_argument = s->other ? (DNNL_ARG_ATTR_MULTIPLE_POST_OP(index) | DNNL_ARG_SRC_1) : 0;
#if DNNL_VERSION_MAJOR >= 3
  if (s->has_bias) dnnl_memory_desc_create_with_strides(&out->bias, 2, bias_size, dnnl_f32, bias_stride);
  if (s->other) dnnl_memory_desc_create_with_strides(&out->other, 2, c_size, dnnl_f32, c_stride);
#else
  if (s->has_bias) dnnl_memory_desc_init_by_strides(&out->bias, 2, bias_size, dnnl_f32, bias_stride);
  if (s->other) dnnl_memory_desc_init_by_strides(&out->other, 2, c_size, dnnl_f32, c_stride);
#endif
  if (s->accumulate || s->activation || s->other) {
    dnnl_post_ops_t operations;
    dnnl_post_ops_create(&operations);
    carina_matmul_append_operations(operations, out, s);
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
  dnnl_memory_desc_create_with_strides(&out->c, 2, c_size, c_type, c_stride);
  status = dnnl_matmul_primitive_desc_create(
      &description, engine, out->a, out->b, s->has_bias ? out->bias : 0, out->c, attributes);
#else
  dnnl_matmul_desc_t operation;
  dnnl_memory_desc_init_by_strides(&out->a, 2, a_size, type, a_stride);
  if (s->b_layout)
    out->b = *s->b_layout;
  else if (s->b_is_packed)
    dnnl_memory_desc_init_by_tag(&out->b, 2, b_size, type, dnnl_format_tag_any);
  else
    dnnl_memory_desc_init_by_strides(&out->b, 2, b_size, type, b_stride);
  dnnl_memory_desc_init_by_strides(&out->c, 2, c_size, c_type, c_stride);
  status = dnnl_matmul_desc_init(&operation, &out->a, &out->b, s->has_bias ? &out->bias : 0, &out->c);
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

/// A change from plain strides to the layout of a right factor [k, n], prepared for one shape.
typedef struct {
  dnnl_primitive_t primitive;
  dnnl_memory_desc_t plain;
} carina_packing;

/// Prepares the copying of a right factor [k, n] of plain strides into the layout that `matmul` wants.
static inline int carina_packing_create(carina_packing *out, const carina_matmul *matmul,
                                        const carina_matmul_shape *s) {
  const dnnl_data_type_t type = s->is_bfloat16 ? dnnl_bf16 : dnnl_f32;
  const dnnl_dims_t size = {s->k, s->n}, stride = {s->b_row, s->b_column};
  dnnl_primitive_desc_t description;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_create_with_strides(&out->plain, 2, size, type, stride);
  int status =
      dnnl_reorder_primitive_desc_create(&description, out->plain, matmul->engine, matmul->b, matmul->engine, NULL);
#else
  dnnl_memory_desc_init_by_strides(&out->plain, 2, size, type, stride);
  int status =
      dnnl_reorder_primitive_desc_create(&description, &out->plain, matmul->engine, &matmul->b, matmul->engine, NULL);
#endif
  if (status != dnnl_success) return status;
  status = dnnl_primitive_create(&out->primitive, description);
  dnnl_primitive_desc_destroy(description);
  return status;
}

/// Copies a right factor.
static inline int carina_packing_run(const carina_packing *packing, const carina_matmul *matmul, const void *source,
                                     void *target) {
  dnnl_memory_t from, to;
  int status = carina_matmul_memory(&from, &packing->plain, matmul->engine, (void *)source);
  status |= carina_matmul_memory(&to, &matmul->b, matmul->engine, target);
  const dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  if (status == dnnl_success) status = dnnl_primitive_execute(packing->primitive, matmul->stream, 2, arguments);
  dnnl_memory_destroy(from);
  dnnl_memory_destroy(to);
  return status;
}

static inline void carina_packing_destroy(carina_packing *packing) {
  dnnl_primitive_destroy(packing->primitive);
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(packing->plain);
#endif
}

/// Whether the right factor [k, n] of `matmul` lies in tiles of 32 rows by 64 columns, rows in pairs, tiles of the same
/// columns one after the other.
static inline int carina_matmul_has_pair_tiles(const carina_matmul *matmul, int64_t k, int64_t n) {
  if (k % 64 || n % 64 || carina_matmul_packed_bytes(matmul) != 2 * k * n) return 0;
#if DNNL_VERSION_MAJOR >= 3
  int count = 0;
  const dnnl_dims_t *sizes = 0, *axes = 0, *strides = 0;
  dnnl_memory_desc_query(matmul->b, dnnl_query_inner_nblks_s32, &count);
  dnnl_memory_desc_query(matmul->b, dnnl_query_inner_blks, &sizes);
  dnnl_memory_desc_query(matmul->b, dnnl_query_inner_idxs, &axes);
  dnnl_memory_desc_query(matmul->b, dnnl_query_strides, &strides);
  if (count != 3 || !sizes || !axes || !strides) return 0;
  const int64_t *size = *sizes, *axis = *axes, *stride = *strides;
#else
  const dnnl_blocking_desc_t *blocking = &matmul->b.format_desc.blocking;
  if (matmul->b.format_kind != dnnl_blocked || blocking->inner_nblks != 3 || matmul->b.offset0) return 0;
  const int64_t *size = blocking->inner_blks, *axis = blocking->inner_idxs, *stride = blocking->strides;
#endif
  return size[0] == 16 && size[1] == 64 && size[2] == 2 && axis[0] == 0 && axis[1] == 1 && axis[2] == 0 &&
         stride[0] == 2048 && stride[1] == 64 * k;
}

/// c = a b and what was asked to be done to it; `bias` and `other` are null where the product was prepared without.
static inline int carina_matmul_run(const carina_matmul *matmul, const void *a, const void *b, void *c, void *scratch,
                                    const void *bias, const void *other) {
  dnnl_memory_t memories[6];
  int status = carina_matmul_memory(&memories[0], &matmul->a, matmul->engine, (void *)a);
  status |= carina_matmul_memory(&memories[1], &matmul->b, matmul->engine, (void *)b);
  status |= carina_matmul_memory(&memories[2], &matmul->c, matmul->engine, c);
  status |= carina_matmul_memory(&memories[3], &matmul->scratch, matmul->engine, scratch);
  int count = 4;
  dnnl_exec_arg_t arguments[6] = {{DNNL_ARG_SRC, memories[0]},
                                  {DNNL_ARG_WEIGHTS, memories[1]},
                                  {DNNL_ARG_DST, memories[2]},
                                  {DNNL_ARG_SCRATCHPAD, memories[3]}};
  if (matmul->has_bias) {
    status |= carina_matmul_memory(&memories[count], &matmul->bias, matmul->engine, (void *)bias);
    arguments[count] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, memories[count]};
    count++;
  }
  if (matmul->other_argument) {
    status |= carina_matmul_memory(&memories[count], &matmul->other, matmul->engine, (void *)other);
    arguments[count] = (dnnl_exec_arg_t){matmul->other_argument, memories[count]};
    count++;
  }
  if (status == dnnl_success) status = dnnl_primitive_execute(matmul->primitive, matmul->stream, count, arguments);
  for (int i = 0; i < count; i++) dnnl_memory_destroy(memories[i]);
  return status;
}

static inline void carina_matmul_destroy(carina_matmul *matmul) {
  dnnl_primitive_destroy(matmul->primitive);
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(matmul->a);
  dnnl_memory_desc_destroy(matmul->b);
  dnnl_memory_desc_destroy(matmul->c);
  dnnl_memory_desc_destroy(matmul->scratch);
  if (matmul->has_bias) dnnl_memory_desc_destroy(matmul->bias);
  if (matmul->other_argument) dnnl_memory_desc_destroy(matmul->other);
#endif
}
