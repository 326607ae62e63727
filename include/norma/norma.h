/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Norma's C interface: the operations of norma.hpp with plain structs and status codes. A binding to another language
 * begins here.
 *
 *     float x[2 * 7 * 300], y[2 * 7 * 300];
 *     const int64_t shape[] = {2, 7, 300}, axes[] = {1, 2};
 *     norma_view vx = norma_contiguous(x, NORMA_F32, 3, shape), vy = norma_contiguous(y, NORMA_F32, 3, shape);
 *     norma_grouping sentence = norma_grouping_over(2, axes);
 *     if (norma_normalize(&vx, &vy, &sentence, NULL, NULL, 0) != NORMA_OK) puts(norma_last_error());
 *
 * What each function computes, takes and refuses stands beside its namesake in normalize.hpp, grouping.hpp,
 * layers.hpp and fold.hpp. Here only what differs:
 *
 * - A function returns 0, or says why not: the sentence is norma_last_error(). Then nothing was written. No exception
 *   leaves this interface.
 *
 * - A pointer to a struct may be NULL where it is marked "or NULL": the argument is absent, or all its members have
 *   their defaults. What pointers point to is read during the call alone and not kept, except by plans: see there.
 *
 * - Structs that may grow begin with their own size, which the initializers set. A member that this library does not
 *   know is refused unless it is zero; one that the caller does not know has its default.
 *
 * - Every function may be called by several threads at once; a layer is used by one at a time.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "norma/version.hpp"

#define NORMA_C_API __attribute__((visibility("default")))
#define NORMA_MAX_RANK 8

#ifdef __cplusplus
extern "C" {
#endif

typedef enum norma_status {
  NORMA_OK = 0,
  NORMA_REFUSED = 1,       /* an argument; the sentence says which, and what works */
  NORMA_OUT_OF_MEMORY = 2, /* what was to be written may be written in part */
  NORMA_INTERNAL = 3       /* a bug of Norma's */
} norma_status;

/* Why the last call of this thread that failed did so; "" when none did. Valid until the next one fails. */
NORMA_C_API const char* norma_last_error(void);

/* The library's, as against NORMA_VERSION and NORMA_ABI_VERSION of the header that the caller was compiled with. */
NORMA_C_API const char* norma_version(void);
NORMA_C_API int32_t norma_abi_version(void);

/* The instruction set that runs; see target(). The name lives as long as the library. */
NORMA_C_API norma_status norma_target(const char** name);

/* Threads of the library's own pool, 1 to 1024. */
NORMA_C_API norma_status norma_set_num_threads(int32_t threads);
NORMA_C_API norma_status norma_num_threads(int32_t* threads);

/* ---- Views ---- */

typedef enum norma_dtype {
  NORMA_F32 = 0,
  NORMA_F64 = 1,
  NORMA_F16 = 2,
  NORMA_BF16 = 3,
  NORMA_U8 = 4,  /* masks alone */
  NORMA_I64 = 5, /* counts in a layer's state alone */
  NORMA_I8 = 6   /* quantized results alone */
} norma_dtype;

/* Somebody else's memory, described. The members are those of DLPack's DLTensor and mean the same (strides in
 * elements), but shape and strides stand in the struct itself. */
typedef struct norma_view {
  void* data;    /* the first element; not written where the view is an input */
  int32_t dtype; /* a norma_dtype */
  int32_t rank;  /* 0 … 8 */
  int64_t shape[NORMA_MAX_RANK];
  int64_t strides[NORMA_MAX_RANK];
} norma_view;

/* A view of memory in C order. */
static inline norma_view norma_contiguous(void* data, int32_t dtype, int32_t rank, const int64_t* shape) {
  norma_view view;
  uint64_t step = 1;
  int32_t axis;
  memset(&view, 0, sizeof(view));
  view.data = data;
  view.dtype = dtype;
  view.rank = rank;
  for (axis = rank < NORMA_MAX_RANK ? rank : NORMA_MAX_RANK; axis-- > 0;) {
    view.shape[axis] = shape[axis];
    view.strides[axis] = (int64_t)step;
    step *= shape[axis] > 1 ? (uint64_t)shape[axis] : 1;
  }
  return view;
}

/* ---- Groupings ---- */

typedef enum norma_grouping_kind {
  NORMA_OVER = 0,        /* dims: the axes to pool */
  NORMA_BATCH = 1,       /* axis: of the channels */
  NORMA_GHOST_BATCH = 2, /* axis; number: of samples */
  NORMA_LAYER = 3,       /* dims: normalized_shape */
  NORMA_SAMPLE = 4,
  NORMA_INSTANCE = 5, /* axis */
  NORMA_GROUP = 6,    /* axis; number: of groups */
  NORMA_LABELS = 7    /* axis: of the rows; keys: one a row */
} norma_grouping_kind;

/* Which elements form one distribution; see grouping.hpp. Zeros are defaults, but for size and what the kind needs. */
typedef struct norma_grouping {
  size_t size;  /* sizeof(norma_grouping) */
  int32_t kind; /* a norma_grouping_kind */
  int32_t axis;
  int64_t number;
  int32_t rank; /* how many dims */
  int32_t has_parameter_axes;
  int64_t dims[NORMA_MAX_RANK];
  const int64_t* keys;
  int64_t key_count;
  const norma_view* mask; /* or NULL; u8, broadcasts */
  const int64_t* lengths; /* or NULL; one a sample */
  int64_t length_count;
  int32_t lengths_axis;
  int32_t parameter_rank;                 /* where has_parameter_axes: how many of … */
  int64_t parameter_axes[NORMA_MAX_RANK]; /* … these axes weight and bias vary along */
} norma_grouping;

static inline norma_grouping norma_grouping_of(int32_t kind, int32_t axis, int64_t number, int32_t rank,
                                               const int64_t* dims) {
  norma_grouping grouping;
  int32_t k;
  memset(&grouping, 0, sizeof(grouping));
  grouping.size = sizeof(grouping);
  grouping.kind = kind;
  grouping.axis = axis;
  grouping.number = number;
  grouping.rank = rank;
  for (k = 0; k < rank && k < NORMA_MAX_RANK; ++k) grouping.dims[k] = dims[k];
  return grouping;
}
static inline norma_grouping norma_grouping_over(int32_t rank, const int64_t* axes) {
  return norma_grouping_of(NORMA_OVER, 0, 0, rank, axes);
}
static inline norma_grouping norma_grouping_batch(int32_t channel_axis) {
  return norma_grouping_of(NORMA_BATCH, channel_axis, 0, 0, NULL);
}
static inline norma_grouping norma_grouping_layer(int32_t rank, const int64_t* normalized_shape) {
  return norma_grouping_of(NORMA_LAYER, 0, 0, rank, normalized_shape);
}
static inline norma_grouping norma_grouping_sample(void) { return norma_grouping_of(NORMA_SAMPLE, 0, 0, 0, NULL); }
static inline norma_grouping norma_grouping_instance(int32_t channel_axis) {
  return norma_grouping_of(NORMA_INSTANCE, channel_axis, 0, 0, NULL);
}
static inline norma_grouping norma_grouping_group(int64_t num_groups, int32_t channel_axis) {
  return norma_grouping_of(NORMA_GROUP, channel_axis, num_groups, 0, NULL);
}

/* How many distributions and how many weights a tensor of this shape has: the room that moments, weight and bias need.
 * Each may be NULL. */
NORMA_C_API norma_status norma_count(const norma_grouping* grouping, int32_t rank, const int64_t* shape,
                                     int64_t* distributions, int64_t* parameters);

/* ---- Moments ---- */

/* mean + mean_low = sum(x) / count, m2 = sum((x - mean)^2); see moments.hpp. */
typedef struct norma_moments {
  int64_t count;
  double mean;
  double mean_low;
  double m2;
} norma_moments;

/* merged may be a or b. */
NORMA_C_API norma_status norma_merge(const norma_moments* a, const norma_moments* b, norma_moments* merged);

/* ---- Normalize ---- */

/* Runs task(context, i) once for each i in [0, tasks), in any order, on any threads, and returns when all are done. */
typedef void (*norma_run)(void* executor, int64_t tasks, void (*task)(void* context, int64_t index), void* context);

typedef struct norma_options {
  size_t size;              /* sizeof(norma_options) */
  const norma_view* weight; /* or NULL for 1 */
  const norma_view* bias;   /* or NULL for 0 */
  double eps;
  int32_t centered; /* 0: RMSNorm */
  int32_t weight_plus_one;
  norma_run run; /* or NULL for the library's own pool */
  void* executor;
  int32_t concurrency; /* of run: how many tasks at once, 1 or more */
  int32_t activation;  /* NORMA_RELU: what comes out below zero becomes 0 */
  /* Fused into the pass, each or NULL: sum = x + residual is written first and normalized in place of x; add is added to what
   * comes out, before the activation. residual and sum lie as x does, add as y does. */
  const norma_view* residual;
  const norma_view* sum;
  const norma_view* add;
  /* y of NORMA_I8: clamp(round(y / scale) + zero_point, -128, 127) is written; see Quantization in normalize.hpp. 0: nothing is
   * quantized. */
  double scale;
  int32_t zero_point;
  int32_t reserved; /* 0 */
} norma_options;

enum { NORMA_NO_ACTIVATION = 0, NORMA_RELU = 1 };

#define NORMA_OPTIONS_INIT \
  { sizeof(norma_options), NULL, NULL, 1e-5, 1, 0, NULL, NULL, 1, NORMA_NO_ACTIVATION, NULL, NULL, NULL, 0, 0, 0 }

/* Where backward writes; each or NULL. */
typedef struct norma_gradients {
  size_t size; /* sizeof(norma_gradients) */
  const norma_view* dx;
  const norma_view* dweight;
  const norma_view* dbias;
  /* After a fused pass: y is what it wrote, needed where options has an activation, and dy counts where y > 0 alone; dadd takes dy
   * as it counts; dsum is added to dx, which is the gradient of x and of residual alike. y and dadd lie as dy does, dsum as dx. */
  const norma_view* y;
  const norma_view* dadd;
  const norma_view* dsum;
} norma_gradients;

/* options: or NULL for NORMA_OPTIONS_INIT. moments, saved, given: `count` of them, as many as there are distributions;
 * saved of norma_normalize may be NULL, with count 0. */
NORMA_C_API norma_status norma_measure(const norma_view* x, const norma_grouping* grouping, norma_moments* moments,
                                       int64_t count, const norma_options* options);
NORMA_C_API norma_status norma_normalize(const norma_view* x, const norma_view* y, const norma_grouping* grouping,
                                         const norma_options* options, norma_moments* saved, int64_t count);
NORMA_C_API norma_status norma_normalize_with(const norma_view* x, const norma_view* y, const norma_grouping* grouping,
                                              const norma_moments* given, int64_t count, const norma_options* options);
NORMA_C_API norma_status norma_backward(const norma_view* x, const norma_view* dy, const norma_grouping* grouping,
                                        const norma_moments* saved, int64_t count, const norma_gradients* gradients,
                                        const norma_options* options);
NORMA_C_API norma_status norma_backward_with(const norma_view* x, const norma_view* dy, const norma_grouping* grouping,
                                             const norma_moments* given, int64_t count,
                                             const norma_gradients* gradients, const norma_options* options);

/* ---- Plans ---- */

/* A grouping laid over a layout; runs any number of times, on any memory of that layout, from several threads at once,
 * and allocates nothing when warm. A plan over a mask reads the mask's memory in each run; keys and lengths are read
 * when it is made, and not kept. */
typedef struct norma_plan norma_plan;

NORMA_C_API norma_status norma_plan_for_measure(const norma_view* x, const norma_grouping* grouping, norma_plan** plan);
NORMA_C_API norma_status norma_plan_for_normalize(const norma_view* x, const norma_view* y,
                                                  const norma_grouping* grouping, norma_plan** plan);
/* dx: or NULL, where only the parameters' gradients are wanted. */
NORMA_C_API norma_status norma_plan_for_backward(const norma_view* x, const norma_view* dy, const norma_view* dx,
                                                 const norma_grouping* grouping, norma_plan** plan);
/* plan: or NULL, for nothing. */
NORMA_C_API void norma_plan_destroy(norma_plan* plan);

/* Each may be NULL. */
NORMA_C_API norma_status norma_plan_count(const norma_plan* plan, int64_t* distributions, int64_t* parameters);

NORMA_C_API norma_status norma_plan_measure(const norma_plan* plan, const norma_view* x, norma_moments* moments,
                                            int64_t count, const norma_options* options);
NORMA_C_API norma_status norma_plan_normalize(const norma_plan* plan, const norma_view* x, const norma_view* y,
                                              const norma_options* options, norma_moments* saved, int64_t count);
NORMA_C_API norma_status norma_plan_normalize_with(const norma_plan* plan, const norma_view* x, const norma_view* y,
                                                   const norma_moments* given, int64_t count,
                                                   const norma_options* options);
NORMA_C_API norma_status norma_plan_backward(const norma_plan* plan, const norma_view* x, const norma_view* dy,
                                             const norma_moments* saved, int64_t count,
                                             const norma_gradients* gradients, const norma_options* options);
NORMA_C_API norma_status norma_plan_backward_with(const norma_plan* plan, const norma_view* x, const norma_view* dy,
                                                  const norma_moments* given, int64_t count,
                                                  const norma_gradients* gradients, const norma_options* options);

/* ---- Layers that keep statistics ---- */

/* BatchNorm and InstanceNorm of layers.hpp. (LayerNorm, GroupNorm and RMSNorm keep none: norma_normalize is all of
 * them.) */
typedef struct norma_layer norma_layer;

typedef enum norma_convention { NORMA_TORCH = 0, NORMA_KERAS = 1, NORMA_FLAX = 2, NORMA_ONNX = 3 } norma_convention;
typedef enum norma_on_nonfinite { NORMA_SKIP = 0, NORMA_POISON = 1, NORMA_REFUSE = 2 } norma_on_nonfinite;

typedef struct norma_layer_options {
  size_t size; /* sizeof(norma_layer_options) */
  double eps;
  double momentum;
  int32_t cumulative; /* 1: the cumulative average, whatever momentum says */
  int32_t affine;
  int32_t bias;
  int32_t track_running_stats;
  int32_t channel_axis;
  int32_t momentum_is_decay;
  int32_t unbiased_running_var;
  int32_t on_nonfinite; /* a norma_on_nonfinite */
} norma_layer_options;

/* Fills in a framework's defaults; options->size must be set. */
NORMA_C_API norma_status norma_batch_norm_options(int32_t convention, norma_layer_options* options);
NORMA_C_API norma_status norma_instance_norm_options(int32_t convention, norma_layer_options* options);

/* options: or NULL for PyTorch's defaults. */
NORMA_C_API norma_status norma_batch_norm_create(int64_t num_features, const norma_layer_options* options,
                                                 norma_layer** layer);
NORMA_C_API norma_status norma_instance_norm_create(int64_t num_features, const norma_layer_options* options,
                                                    norma_layer** layer);
/* layer: or NULL, for nothing. */
NORMA_C_API void norma_layer_destroy(norma_layer* layer);

/* on: 0 for inference. New layers train. */
NORMA_C_API norma_status norma_layer_train(norma_layer* layer, int32_t on);

/* Which elements count; one of the two at most. */
typedef struct norma_narrowing {
  size_t size;            /* sizeof(norma_narrowing) */
  const norma_view* mask; /* or NULL */
  const int64_t* lengths; /* or NULL */
  int64_t length_count;
  int32_t lengths_axis;
  int32_t reserved;
} norma_narrowing;

/* narrowing: or NULL, where all elements count. dx: or NULL, where only the parameters' gradients are wanted. */
NORMA_C_API norma_status norma_layer_forward(norma_layer* layer, const norma_view* x, const norma_view* y,
                                             const norma_narrowing* narrowing);
NORMA_C_API norma_status norma_layer_infer(const norma_layer* layer, const norma_view* x, const norma_view* y,
                                           const norma_narrowing* narrowing);
NORMA_C_API norma_status norma_layer_backward(norma_layer* layer, const norma_view* x, const norma_view* dy,
                                              const norma_view* dx, const norma_narrowing* narrowing);

/* A tensor of the layer by name, to be read and written: "weight", "bias" (f32), "running_mean", "running_var" (f64),
 * "num_batches_tracked", "num_elements_tracked" (i64), and "weight_grad", "bias_grad" (f32). The memory is the layer's
 * and lives as long as it. */
NORMA_C_API norma_status norma_layer_tensor(norma_layer* layer, const char* name, norma_view* tensor);

/* The name of the k-th tensor of the state, in PyTorch's order, gradients not counted; NULL behind the last. Lives as
 * long as the library. */
NORMA_C_API const char* norma_layer_tensor_name(const norma_layer* layer, int32_t k);

/* ---- Folding ---- */

/* A BatchNorm as tensors of one value a channel: of a file, or of a norma_layer by norma_layer_tensor. */
typedef struct norma_batch_norm_tensors {
  size_t size;              /* sizeof(norma_batch_norm_tensors) */
  const norma_view* weight; /* or NULL for 1 */
  const norma_view* bias;   /* or NULL for 0 */
  const norma_view* running_mean;
  const norma_view* running_var;
  double eps;
} norma_batch_norm_tensors;

#define NORMA_BATCH_NORM_TENSORS_INIT \
  { sizeof(norma_batch_norm_tensors), NULL, NULL, NULL, NULL, 1e-5 }

/* One convolution or linear layer that does what it and the BatchNorm behind it do in inference. bias: or NULL for 0.
 * folded_weight and folded_bias may be weight and bias. channel_axis: of weight's outputs; 0 in PyTorch, 1 in its
 * ConvTranspose, negative counts from the end. */
NORMA_C_API norma_status norma_fold_batch_norm(const norma_batch_norm_tensors* bn, const norma_view* weight,
                                               const norma_view* bias, const norma_view* folded_weight,
                                               const norma_view* folded_bias, int32_t channel_axis);

#ifdef __cplusplus
}
#endif
