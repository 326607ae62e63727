/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface, from C, against the shared library. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "norma/norma.h"

static int failures = 0;

#define CHECK(condition)                                                                                           \
  do {                                                                                                             \
    if (!(condition)) {                                                                                            \
      fprintf(stderr, "%s:%d: %s is false; last error: %s\n", __FILE__, __LINE__, #condition, norma_last_error()); \
      ++failures;                                                                                                  \
    }                                                                                                              \
  } while (0)
#define CHECK_OK(call) CHECK((call) == NORMA_OK)
#define CHECK_NEAR(a, b, tolerance) CHECK(fabs((double)(a) - (double)(b)) <= (tolerance))
/* Refused, by a sentence that holds `part`. */
#define CHECK_REFUSED(call, part)                    \
  do {                                               \
    CHECK((call) == NORMA_REFUSED);                  \
    CHECK(strstr(norma_last_error(), part) != NULL); \
  } while (0)

static const int64_t k43[] = {4, 3};

/* (4, 3) of doubles, and each column's mean and population variance. */
static const double kX[12] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233};
static void column(int c, double* mean, double* variance) {
  *mean = *variance = 0;
  for (int r = 0; r < 4; ++r) *mean += kX[3 * r + c] / 4;
  for (int r = 0; r < 4; ++r) *variance += (kX[3 * r + c] - *mean) * (kX[3 * r + c] - *mean) / 4;
}

static norma_view view_of(const double* data) { return norma_contiguous((void*)data, NORMA_F64, 2, k43); }

static void versions(void) {
  const char* name = NULL;
  int32_t threads = 0;
  CHECK(strcmp(norma_version(), NORMA_VERSION) == 0);
  CHECK(norma_abi_version() == NORMA_ABI_VERSION);
  CHECK_OK(norma_target(&name));
  CHECK(name != NULL && name[0] != '\0');
  CHECK_OK(norma_set_num_threads(2));
  CHECK_OK(norma_num_threads(&threads));
  CHECK(threads == 2);
  CHECK_REFUSED(norma_set_num_threads(0), "[num_threads] 0");
  CHECK_REFUSED(norma_target(NULL), "name is NULL");
}

static void normalizing(void) {
  double y[12], dx[12];
  float weight[3] = {1, 2, 3}, bias[3] = {0, 1, 2}, dweight[3], dbias[3];
  const int64_t three[] = {3};
  norma_moments saved[3], parts[2], merged;
  int64_t distributions = 0, parameters = 0;
  norma_view x = view_of(kX), vy = view_of(y), vdx = view_of(dx);
  norma_view w = norma_contiguous(weight, NORMA_F32, 1, three), b = norma_contiguous(bias, NORMA_F32, 1, three);
  norma_view dw = norma_contiguous(dweight, NORMA_F32, 1, three), db = norma_contiguous(dbias, NORMA_F32, 1, three);
  norma_grouping batch = norma_grouping_batch(1);
  norma_options options = NORMA_OPTIONS_INIT;
  norma_gradients gradients = {sizeof(norma_gradients), NULL, NULL, NULL, NULL, NULL, NULL};
  options.weight = &w;
  options.bias = &b;
  options.eps = 1e-3;

  CHECK_OK(norma_count(&batch, 2, k43, &distributions, &parameters));
  CHECK(distributions == 3 && parameters == 3);
  CHECK_OK(norma_normalize(&x, &vy, &batch, &options, saved, 3));
  for (int i = 0; i < 12; ++i) {
    double mean, variance;
    const int c = i % 3;
    column(c, &mean, &variance);
    CHECK(saved[c].count == 4);
    CHECK_NEAR(saved[c].mean + saved[c].mean_low, mean, 1e-12);
    CHECK_NEAR(saved[c].m2 / 4, variance, 1e-9);
    CHECK_NEAR(y[i], (kX[i] - mean) / sqrt(variance + 1e-3) * weight[c] + bias[c], 1e-12);
  }
  double again[12];
  norma_view va = view_of(again);
  CHECK_OK(norma_normalize_with(&x, &va, &batch, saved, 3, &options));
  CHECK(memcmp(again, y, sizeof(y)) == 0);

  /* dy = x: through a normalization, nothing of it is left but what eps and the weight let pass; the sums are plain. */
  gradients.dx = &vdx;
  gradients.dweight = &dw;
  gradients.dbias = &db;
  CHECK_OK(norma_backward(&x, &x, &batch, saved, 3, &gradients, &options));
  CHECK_NEAR(dbias[0], 1 + 5 + 21 + 89, 1e-4);
  for (int i = 0; i < 12; ++i) CHECK_NEAR(dx[i], 0, 1e-4);
  CHECK_OK(norma_backward_with(&x, &x, &batch, saved, 3, &gradients, &options));
  for (int i = 0; i < 12; ++i) {
    const int c = i % 3;
    CHECK_NEAR(dx[i], kX[i] * weight[c] / sqrt(saved[c].m2 / 4 + 1e-3), 1e-12);
  }

  /* Halves merge to the whole. */
  for (int half = 0; half < 2; ++half) {
    const int64_t two_rows[] = {2, 3};
    norma_moments all[3];
    norma_view part = norma_contiguous((void*)(kX + 6 * half), NORMA_F64, 2, two_rows);
    CHECK_OK(norma_measure(&part, &batch, all, 3, NULL));
    parts[half] = all[1];
  }
  CHECK_OK(norma_merge(&parts[0], &parts[1], &merged));
  CHECK(merged.count == 4);
  CHECK_NEAR(merged.mean, saved[1].mean, 1e-12);
  CHECK_NEAR(merged.m2, saved[1].m2, 1e-9);

  /* RMSNorm over rows, by options; rows 2 and 3 left out by a mask. */
  const int64_t rows[] = {4, 1}, axis[] = {1};
  uint8_t mask[4] = {1, 1, 0, 0};
  norma_view m = norma_contiguous(mask, NORMA_U8, 2, rows);
  norma_grouping row = norma_grouping_over(1, axis);
  norma_options rms = NORMA_OPTIONS_INIT;
  row.mask = &m;
  rms.centered = 0;
  rms.eps = 0;
  CHECK_OK(norma_normalize(&x, &vy, &row, &rms, NULL, 0));
  CHECK_NEAR(y[2], 3 / sqrt((1 + 4 + 9) / 3.0), 1e-12);
  CHECK(y[6] == 0 && y[11] == 0);
}

static void groupings(void) {
  double y[12];
  norma_view x = view_of(kX), vy = view_of(y);
  const int64_t keys[] = {7, 3, 7, 3}, axes[] = {0}, last[] = {3}, lengths[] = {1, 2, 3, 0};
  const int64_t shape3[] = {2, 6, 1};
  int64_t distributions = 0, parameters = 0;
  norma_grouping g = norma_grouping_of(NORMA_LABELS, 0, 0, 0, NULL);
  g.keys = keys;
  g.key_count = 4;
  CHECK_OK(norma_count(&g, 2, k43, &distributions, &parameters));
  CHECK(distributions == 6);
  CHECK_OK(norma_normalize(&x, &vy, &g, NULL, NULL, 0));
  CHECK_NEAR(y[0], (1 - 11) / sqrt(100 + 1e-5), 1e-12); /* rows 0 and 2 share a key: 1 and 21 */
  g = norma_grouping_over(1, axes);
  CHECK_OK(norma_count(&g, 2, k43, &distributions, &parameters));
  CHECK(distributions == 3 && parameters == 4);
  g = norma_grouping_layer(1, last);
  CHECK_OK(norma_count(&g, 2, k43, &distributions, &parameters));
  CHECK(distributions == 4 && parameters == 3);
  g.lengths = lengths;
  g.length_count = 4;
  g.lengths_axis = 1;
  CHECK_OK(norma_normalize(&x, &vy, &g, NULL, NULL, 0));
  CHECK(y[1] == 0 && y[9] == 0 && y[3] != 0);
  g = norma_grouping_sample();
  g.has_parameter_axes = 1;
  g.parameter_rank = 1;
  g.parameter_axes[0] = 0;
  CHECK_OK(norma_count(&g, 2, k43, &distributions, &parameters));
  CHECK(distributions == 4 && parameters == 4);
  g = norma_grouping_group(3, 1);
  CHECK_OK(norma_count(&g, 3, shape3, &distributions, &parameters));
  CHECK(distributions == 6 && parameters == 6);
  g = norma_grouping_instance(-2);
  CHECK_OK(norma_count(&g, 3, shape3, &distributions, NULL));
  CHECK(distributions == 12);
  g = norma_grouping_of(NORMA_GHOST_BATCH, 1, 2, 0, NULL);
  CHECK_OK(norma_count(&g, 2, k43, &distributions, NULL));
  CHECK(distributions == 6);
}

static void refusals(void) {
  double y[12] = {0};
  norma_view x = view_of(kX), vy = view_of(y), bad = x;
  norma_grouping g = norma_grouping_batch(1);
  norma_options options = NORMA_OPTIONS_INIT;
  norma_moments moments[3];
  int64_t n = 0;
  const int64_t negative[] = {-1, 3}, huge[] = {INT64_MAX, 3};

  CHECK_REFUSED(norma_normalize(NULL, &vy, &g, NULL, NULL, 0), "x is NULL");
  CHECK_REFUSED(norma_normalize(&x, NULL, &g, NULL, NULL, 0), "y is NULL");
  CHECK_REFUSED(norma_normalize(&x, &vy, NULL, NULL, NULL, 0), "grouping is NULL");
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, NULL, NULL, 3), "saved of 3 distributions is NULL");
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, NULL, moments, -1), "saved of -1 distributions");
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, NULL, moments, 2), "room for 2 distributions");
  bad.rank = 9;
  CHECK_REFUSED(norma_measure(&bad, &g, moments, 3, NULL), "x->rank = 9");
  bad.rank = -1;
  CHECK_REFUSED(norma_measure(&bad, &g, moments, 3, NULL), "x->rank = -1");
  bad = x;
  bad.dtype = NORMA_I64;
  CHECK_REFUSED(norma_measure(&bad, &g, moments, 3, NULL), "x->dtype = 5");
  bad.dtype = NORMA_U8;
  CHECK_REFUSED(norma_measure(&bad, &g, moments, 3, NULL), "x is u8");
  bad = x;
  bad.data = NULL;
  CHECK_REFUSED(norma_measure(&bad, &g, moments, 3, NULL), "data is null");
  bad = vy;
  bad.strides[0] = 0;
  CHECK_REFUSED(norma_normalize(&x, &bad, &g, NULL, NULL, 0), "let elements overlap");
  CHECK_REFUSED(norma_count(&g, 2, negative, &n, NULL), "negative size");
  CHECK_REFUSED(norma_count(&g, 2, huge, &n, NULL), "63 bits");
  bad = norma_contiguous(y, NORMA_F64, 2, huge);
  CHECK_REFUSED(norma_measure(&bad, &g, moments, 3, NULL), "63 bits");
  CHECK_REFUSED(norma_count(&g, 2, NULL, &n, NULL), "rank is NULL");
  options.eps = -1;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, &options, NULL, 0), "eps = -1");
  for (int i = 0; i < 12; ++i) CHECK(y[i] == 0);

  /* Structs of other sizes: an older caller's is completed, a newer caller's is taken when it asks for nothing new. */
  options.eps = 0.5;
  options.size = 0;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, &options, NULL, 0), "options->size = 0");
  options.size = (size_t)1 << 40;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, &options, NULL, 0), "is not the size of the struct");
  options.size = offsetof(norma_options, centered); /* knows no more than eps; RMSNorm is not what it meant */
  options.centered = 0;
  CHECK_OK(norma_normalize(&x, &vy, &g, &options, NULL, 0));
  {
    double mean, variance;
    column(0, &mean, &variance);
    CHECK_NEAR(y[0], (kX[0] - mean) / sqrt(variance + 0.5), 1e-12);
  }
  struct {
    norma_options options;
    int64_t more;
  } newer = {NORMA_OPTIONS_INIT, 0};
  newer.options.size = sizeof(newer);
  CHECK_OK(norma_normalize(&x, &vy, &g, &newer.options, NULL, 0));
  newer.more = 1;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, &newer.options, NULL, 0), "use a newer library");
  g.kind = 8;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, NULL, NULL, 0), "grouping->kind = 8");
  g = norma_grouping_of(NORMA_LABELS, 0, 0, 0, NULL);
  g.key_count = 4;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, NULL, NULL, 0), "grouping->keys of 4 values is NULL");
  g = norma_grouping_of(NORMA_OVER, 0, 0, 2, huge);
  g.rank = 9;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, NULL, NULL, 0), "grouping->rank = 9");
}

static int64_t tasks_run = 0;
static void run_here(void* executor, int64_t tasks, void (*task)(void*, int64_t), void* context) {
  CHECK(executor == (void*)&tasks_run);
  for (int64_t i = tasks; i-- > 0;) task(context, i);
  tasks_run += tasks;
}

static void quantizing(void) {
  double y[12];
  int8_t steps[12];
  norma_view x = view_of(kX), vy = view_of(y), vs = norma_contiguous(steps, NORMA_I8, 2, k43);
  norma_grouping g = norma_grouping_batch(1);
  norma_options options = NORMA_OPTIONS_INIT;
  CHECK_OK(norma_normalize(&x, &vy, &g, NULL, NULL, 0));
  CHECK_REFUSED(norma_normalize(&x, &vs, &g, &options, NULL, 0), "y is i8");
  options.scale = 0.25;
  options.zero_point = 3;
  CHECK_REFUSED(norma_normalize(&x, &vy, &g, &options, NULL, 0), "y is f64");
  CHECK_OK(norma_normalize(&x, &vs, &g, &options, NULL, 0));
  for (int i = 0; i < 12; ++i) CHECK(steps[i] == (int)nearbyint(y[i] / 0.25) + 3);
}

static void executors(void) {
  enum { kRows = 256, kColumns = 512 };
  const int64_t shape[] = {kRows, kColumns}, last[] = {kColumns};
  float* x = malloc(sizeof(float) * kRows * kColumns);
  float* y = malloc(sizeof(float) * kRows * kColumns);
  float* z = malloc(sizeof(float) * kRows * kColumns);
  norma_view vx = norma_contiguous(x, NORMA_F32, 2, shape), vy = norma_contiguous(y, NORMA_F32, 2, shape);
  norma_view vz = norma_contiguous(z, NORMA_F32, 2, shape);
  norma_grouping g = norma_grouping_layer(1, last);
  norma_options options = NORMA_OPTIONS_INIT;
  for (int i = 0; i < kRows * kColumns; ++i) x[i] = (float)((i * 37) % 101);
  options.run = run_here;
  options.executor = &tasks_run;
  options.concurrency = 3;
  CHECK_OK(norma_normalize(&vx, &vy, &g, &options, NULL, 0));
  CHECK(tasks_run > 1);
  CHECK_OK(norma_normalize(&vx, &vz, &g, NULL, NULL, 0));
  CHECK(memcmp(y, z, sizeof(float) * kRows * kColumns) == 0);
  options.concurrency = 0;
  CHECK_REFUSED(norma_normalize(&vx, &vy, &g, &options, NULL, 0), "concurrency = 0");
  free(x);
  free(y);
  free(z);
}

static void plans(void) {
  double y[12], z[12], dx[12];
  norma_view x = view_of(kX), vy = view_of(y), vz = view_of(z), vdx = view_of(dx);
  norma_grouping g = norma_grouping_batch(-1);
  norma_plan *forward = NULL, *measure = NULL, *backward = NULL;
  norma_moments saved[3], measured[3];
  norma_gradients gradients = {sizeof(norma_gradients), &vdx, NULL, NULL, NULL, NULL, NULL};
  int64_t distributions = 0, parameters = 0;
  CHECK_OK(norma_plan_for_normalize(&x, &vy, &g, &forward));
  CHECK_OK(norma_plan_for_measure(&x, &g, &measure));
  CHECK_OK(norma_plan_for_backward(&x, &x, NULL, &g, &backward));
  CHECK_OK(norma_plan_count(forward, &distributions, &parameters));
  CHECK(distributions == 3 && parameters == 3);
  CHECK_OK(norma_plan_normalize(forward, &x, &vy, NULL, saved, 3));
  CHECK_OK(norma_plan_measure(measure, &x, measured, 3, NULL));
  CHECK(memcmp(saved, measured, sizeof(saved)) == 0);
  CHECK_OK(norma_plan_normalize_with(forward, &x, &vz, measured, 3, NULL));
  CHECK(memcmp(y, z, sizeof(y)) == 0);
  CHECK_OK(norma_plan_backward(backward, &x, &x, saved, 3, &gradients, NULL));
  CHECK_NEAR(dx[5], 0, 1e-5);
  CHECK_OK(norma_plan_backward_with(backward, &x, &x, saved, 3, &gradients, NULL));
  CHECK_NEAR(dx[5], kX[5] / sqrt(saved[2].m2 / 4 + 1e-5), 1e-12);
  vz.shape[0] = 3;
  CHECK_REFUSED(norma_plan_normalize(forward, &x, &vz, NULL, NULL, 0), "make a new plan");
  CHECK_REFUSED(norma_plan_normalize(NULL, &x, &vy, NULL, NULL, 0), "plan is NULL");
  CHECK_REFUSED(norma_plan_for_measure(&x, &g, NULL), "plan is NULL");
  norma_plan_destroy(forward);
  norma_plan_destroy(measure);
  norma_plan_destroy(backward);
  norma_plan_destroy(NULL);
}

static void layers(void) {
  double y[12], z[12];
  norma_view x = view_of(kX), vy = view_of(y), vz = view_of(z), tensor;
  norma_layer *layer = NULL, *keras = NULL, *other = NULL;
  norma_layer_options options;
  static const char* const names[] = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"};

  CHECK_OK(norma_batch_norm_create(3, NULL, &layer));
  for (int k = 0; k < 5; ++k) CHECK(strcmp(norma_layer_tensor_name(layer, k), names[k]) == 0);
  CHECK(norma_layer_tensor_name(layer, 5) == NULL);
  CHECK(norma_layer_tensor_name(layer, -1) == NULL);
  CHECK_OK(norma_layer_forward(layer, &x, &vy, NULL));
  CHECK_OK(norma_layer_tensor(layer, "num_batches_tracked", &tensor));
  CHECK(tensor.dtype == NORMA_I64 && tensor.rank == 0 && *(int64_t*)tensor.data == 1);
  CHECK_OK(norma_layer_tensor(layer, "running_var", &tensor));
  CHECK(tensor.dtype == NORMA_F64 && tensor.rank == 1 && tensor.shape[0] == 3);
  for (int c = 0; c < 3; ++c) {
    double mean, variance;
    column(c, &mean, &variance);
    CHECK_NEAR(((double*)tensor.data)[c], 0.9 + 0.1 * variance * 4 / 3, 1e-9);
    CHECK_NEAR(y[c], (kX[c] - mean) / sqrt(variance + 1e-5), 1e-12);
  }
  CHECK_OK(norma_layer_backward(layer, &x, &x, &vz, NULL));
  CHECK_OK(norma_layer_backward(layer, &x, &x, NULL, NULL));
  CHECK_OK(norma_layer_tensor(layer, "bias_grad", &tensor));
  CHECK(tensor.dtype == NORMA_F32);
  CHECK_NEAR(((float*)tensor.data)[1], 2 + 8 + 34 + 144, 1e-4);

  /* State is written through the view. */
  CHECK_OK(norma_layer_tensor(layer, "running_mean", &tensor));
  ((double*)tensor.data)[0] = 10;
  CHECK_OK(norma_layer_tensor(layer, "running_var", &tensor));
  ((double*)tensor.data)[0] = 4;
  CHECK_OK(norma_layer_train(layer, 0));
  CHECK_OK(norma_layer_forward(layer, &x, &vy, NULL));
  CHECK_NEAR(y[3], (5 - 10) / sqrt(4 + 1e-5), 1e-12);
  CHECK_OK(norma_layer_train(layer, 1));
  CHECK_OK(norma_layer_infer(layer, &x, &vz, NULL));
  CHECK(memcmp(y, z, sizeof(y)) == 0);

  options.size = sizeof(options);
  CHECK_OK(norma_batch_norm_options(NORMA_KERAS, &options));
  CHECK(options.momentum == 0.99 && options.eps == 1e-3 && options.momentum_is_decay && !options.unbiased_running_var);
  CHECK(options.channel_axis == -1 && options.cumulative == 0 && options.size == sizeof(options));
  CHECK_OK(norma_batch_norm_create(3, &options, &keras));
  CHECK_OK(norma_layer_forward(keras, &x, &vy, NULL));
  CHECK_OK(norma_layer_tensor(keras, "running_mean", &tensor));
  CHECK_NEAR(((double*)tensor.data)[0], 0.01 * 29, 1e-12);
  norma_layer_destroy(keras);

  options.size = sizeof(options);
  CHECK_OK(norma_instance_norm_options(NORMA_TORCH, &options));
  CHECK(!options.affine && !options.track_running_stats);
  options.track_running_stats = 1;
  options.cumulative = 1;
  const int64_t shape[] = {2, 2, 3};
  const int64_t lengths[] = {3, 2};
  norma_view x3 = norma_contiguous((void*)kX, NORMA_F64, 3, shape), y3 = norma_contiguous(y, NORMA_F64, 3, shape);
  norma_narrowing narrowing = {sizeof(norma_narrowing), NULL, lengths, 2, 2, 0};
  CHECK_OK(norma_instance_norm_create(2, &options, &other));
  CHECK_OK(norma_layer_forward(other, &x3, &y3, &narrowing));
  CHECK(y[8] == 0 && y[7] != 0);
  CHECK_OK(norma_layer_tensor(other, "num_elements_tracked", &tensor));
  CHECK(((int64_t*)tensor.data)[1] == 5);
  CHECK_REFUSED(norma_layer_tensor(other, "weight", &tensor),
                "there is no tensor 'weight' in this layer, which has running_mean");
  norma_layer_destroy(other);

  CHECK_REFUSED(norma_layer_tensor(layer, NULL, &tensor), "name is NULL");
  CHECK_REFUSED(norma_layer_forward(NULL, &x, &vy, NULL), "layer is NULL");
  CHECK_REFUSED(norma_batch_norm_create(0, NULL, &other), "num_features = 0");
  CHECK_REFUSED(norma_batch_norm_create(3, NULL, NULL), "layer is NULL");
  CHECK(norma_batch_norm_create(INT64_MAX / 2, NULL, &other) == NORMA_OUT_OF_MEMORY);
  CHECK(strcmp(norma_last_error(), "out of memory") == 0);
  options.momentum = 2;
  options.cumulative = 0;
  CHECK_REFUSED(norma_batch_norm_create(3, &options, &other), "momentum = 2");
  options.on_nonfinite = 3;
  CHECK_REFUSED(norma_batch_norm_create(3, &options, &other), "on_nonfinite = 3");
  CHECK_REFUSED(norma_batch_norm_options(4, &options), "convention = 4");
  options.size = 0;
  CHECK_REFUSED(norma_batch_norm_options(NORMA_TORCH, &options), "options->size = 0");
  norma_layer_destroy(layer);
  norma_layer_destroy(NULL);
}

/* A linear layer of 3 inputs and 2 outputs with a BatchNorm behind it: one after the other, and as one. */
static void folding(void) {
  const int64_t k23[] = {2, 3}, k2[] = {2};
  double weight[6] = {1, 2, 3, -1, 0.5, 4}, bias[2] = {0.5, -2}, folded[6] = {0}, folded_bias[2] = {0};
  float gamma[2] = {2, -1}, beta[2] = {0.25, 3};
  double mean[2] = {1, -3}, var[2] = {3.75, 0.75};
  norma_view w = norma_contiguous(weight, NORMA_F64, 2, k23), b = norma_contiguous(bias, NORMA_F64, 1, k2);
  norma_view fw = norma_contiguous(folded, NORMA_F64, 2, k23), fb = norma_contiguous(folded_bias, NORMA_F64, 1, k2);
  norma_view g = norma_contiguous(gamma, NORMA_F32, 1, k2), be = norma_contiguous(beta, NORMA_F32, 1, k2);
  norma_view m = norma_contiguous(mean, NORMA_F64, 1, k2), v = norma_contiguous(var, NORMA_F64, 1, k2);
  norma_batch_norm_tensors bn = NORMA_BATCH_NORM_TENSORS_INIT;
  CHECK(bn.eps == 1e-5);
  bn.weight = &g;
  bn.bias = &be;
  bn.running_mean = &m;
  bn.running_var = &v;
  bn.eps = 0.25;

  CHECK_REFUSED(norma_fold_batch_norm(NULL, &w, &b, &fw, &fb, 0), "bn is NULL");
  CHECK_REFUSED(norma_fold_batch_norm(&bn, NULL, &b, &fw, &fb, 0), "weight is NULL");
  CHECK_REFUSED(norma_fold_batch_norm(&bn, &w, &b, NULL, &fb, 0), "folded_weight is NULL");
  CHECK_REFUSED(norma_fold_batch_norm(&bn, &w, &b, &fw, NULL, 0), "folded_bias is NULL");
  CHECK_REFUSED(norma_fold_batch_norm(&bn, &w, &b, &fw, &fb, 1), "3 outputs along axis 1");
  bn.running_var = NULL;
  CHECK_REFUSED(norma_fold_batch_norm(&bn, &w, &b, &fw, &fb, 0), "bn->running_var is NULL");
  bn.running_var = &v;
  bn.size = 0;
  CHECK_REFUSED(norma_fold_batch_norm(&bn, &w, &b, &fw, &fb, 0), "bn->size = 0");
  CHECK(folded[0] == 0 && folded_bias[0] == 0);

  bn.size = sizeof(bn);
  CHECK_OK(norma_fold_batch_norm(&bn, &w, &b, &fw, &fb, 0));
  for (int r = 0; r < 4; ++r) {
    for (int o = 0; o < 2; ++o) {
      double linear = bias[o], one = folded_bias[o];
      for (int i = 0; i < 3; ++i) {
        linear += kX[3 * r + i] * weight[3 * o + i];
        one += kX[3 * r + i] * folded[3 * o + i];
      }
      CHECK(one == (linear - mean[o]) / sqrt(var[o] + 0.25) * gamma[o] + beta[o]); /* all exact: binary fractions */
    }
  }

  /* Without weight, bias and the layer's bias, by an older caller that knows no eps, and in place. */
  bn.weight = bn.bias = NULL;
  bn.size = offsetof(norma_batch_norm_tensors, eps);
  CHECK_OK(norma_fold_batch_norm(&bn, &w, NULL, &w, &fb, -2));
  CHECK_NEAR(folded_bias[0], -1 / sqrt(3.75 + 1e-5), 1e-15);
  CHECK_NEAR(weight[5], 4 / sqrt(0.75 + 1e-5), 1e-14);
}

static void* elsewhere(void* unused) {
  (void)unused;
  CHECK(strcmp(norma_last_error(), "") == 0);
  CHECK_REFUSED(norma_set_num_threads(-5), "-5");
  return NULL;
}

static void messages_belong_to_their_thread(void) {
  pthread_t thread;
  CHECK_REFUSED(norma_set_num_threads(4096), "4096");
  CHECK(pthread_create(&thread, NULL, elsewhere, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(strstr(norma_last_error(), "4096") != NULL);
}

int main(void) {
  CHECK(strcmp(norma_last_error(), "") == 0);
  versions();
  normalizing();
  groupings();
  refusals();
  quantizing();
  executors();
  plans();
  layers();
  folding();
  messages_belong_to_their_thread();
  if (failures == 0) puts("all of the C interface holds");
  return failures != 0;
}
