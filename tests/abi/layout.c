/* SPDX-License-Identifier: Apache-2.0 */
/* Where the members of norma.h's structs lie, for callers that were compiled against it: ABI version 1 on 64 bit systems. A member
 * may be added behind the last one of a struct that begins with its size; everything else needs a new NORMA_ABI_VERSION. */
#include "norma/norma.h"

_Static_assert(NORMA_ABI_VERSION == 1, "a new ABI version has a layout of its own: write it down here");
#define NORMA_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size than in ABI version 1")
#define NORMA_AT(type, member, bytes) \
  _Static_assert(offsetof(type, member) == (bytes), #type "." #member " lies elsewhere than in ABI version 1")

NORMA_SIZE(norma_view, 144);
NORMA_AT(norma_view, data, 0);
NORMA_AT(norma_view, dtype, 8);
NORMA_AT(norma_view, rank, 12);
NORMA_AT(norma_view, shape, 16);
NORMA_AT(norma_view, strides, 80);

NORMA_AT(norma_grouping, size, 0);
NORMA_AT(norma_grouping, kind, 8);
NORMA_AT(norma_grouping, axis, 12);
NORMA_AT(norma_grouping, number, 16);
NORMA_AT(norma_grouping, rank, 24);
NORMA_AT(norma_grouping, has_parameter_axes, 28);
NORMA_AT(norma_grouping, dims, 32);
NORMA_AT(norma_grouping, keys, 96);
NORMA_AT(norma_grouping, key_count, 104);
NORMA_AT(norma_grouping, mask, 112);
NORMA_AT(norma_grouping, lengths, 120);
NORMA_AT(norma_grouping, length_count, 128);
NORMA_AT(norma_grouping, lengths_axis, 136);
NORMA_AT(norma_grouping, parameter_rank, 140);
NORMA_AT(norma_grouping, parameter_axes, 144);

NORMA_SIZE(norma_moments, 32);
NORMA_AT(norma_moments, count, 0);
NORMA_AT(norma_moments, mean, 8);
NORMA_AT(norma_moments, mean_low, 16);
NORMA_AT(norma_moments, m2, 24);

NORMA_AT(norma_options, size, 0);
NORMA_AT(norma_options, weight, 8);
NORMA_AT(norma_options, bias, 16);
NORMA_AT(norma_options, eps, 24);
NORMA_AT(norma_options, centered, 32);
NORMA_AT(norma_options, weight_plus_one, 36);
NORMA_AT(norma_options, run, 40);
NORMA_AT(norma_options, executor, 48);
NORMA_AT(norma_options, concurrency, 56);
NORMA_AT(norma_options, activation, 60);
NORMA_AT(norma_options, residual, 64);
NORMA_AT(norma_options, sum, 72);
NORMA_AT(norma_options, add, 80);

NORMA_AT(norma_gradients, size, 0);
NORMA_AT(norma_gradients, dx, 8);
NORMA_AT(norma_gradients, dweight, 16);
NORMA_AT(norma_gradients, dbias, 24);
NORMA_AT(norma_gradients, y, 32);
NORMA_AT(norma_gradients, dadd, 40);
NORMA_AT(norma_gradients, dsum, 48);

NORMA_AT(norma_layer_options, size, 0);
NORMA_AT(norma_layer_options, eps, 8);
NORMA_AT(norma_layer_options, momentum, 16);
NORMA_AT(norma_layer_options, cumulative, 24);
NORMA_AT(norma_layer_options, affine, 28);
NORMA_AT(norma_layer_options, bias, 32);
NORMA_AT(norma_layer_options, track_running_stats, 36);
NORMA_AT(norma_layer_options, channel_axis, 40);
NORMA_AT(norma_layer_options, momentum_is_decay, 44);
NORMA_AT(norma_layer_options, unbiased_running_var, 48);
NORMA_AT(norma_layer_options, on_nonfinite, 52);

NORMA_AT(norma_narrowing, size, 0);
NORMA_AT(norma_narrowing, mask, 8);
NORMA_AT(norma_narrowing, lengths, 16);
NORMA_AT(norma_narrowing, length_count, 24);
NORMA_AT(norma_narrowing, lengths_axis, 32);
NORMA_AT(norma_narrowing, reserved, 36);

NORMA_AT(norma_batch_norm_tensors, size, 0);
NORMA_AT(norma_batch_norm_tensors, weight, 8);
NORMA_AT(norma_batch_norm_tensors, bias, 16);
NORMA_AT(norma_batch_norm_tensors, running_mean, 24);
NORMA_AT(norma_batch_norm_tensors, running_var, 32);
NORMA_AT(norma_batch_norm_tensors, eps, 40);

#define NORMA_IS(name, number) _Static_assert((name) == (number), #name " is another number than in ABI version 1")
NORMA_IS(NORMA_OK, 0);
NORMA_IS(NORMA_REFUSED, 1);
NORMA_IS(NORMA_OUT_OF_MEMORY, 2);
NORMA_IS(NORMA_INTERNAL, 3);
NORMA_IS(NORMA_F32, 0);
NORMA_IS(NORMA_F64, 1);
NORMA_IS(NORMA_F16, 2);
NORMA_IS(NORMA_BF16, 3);
NORMA_IS(NORMA_U8, 4);
NORMA_IS(NORMA_I64, 5);
NORMA_IS(NORMA_OVER, 0);
NORMA_IS(NORMA_BATCH, 1);
NORMA_IS(NORMA_GHOST_BATCH, 2);
NORMA_IS(NORMA_LAYER, 3);
NORMA_IS(NORMA_SAMPLE, 4);
NORMA_IS(NORMA_INSTANCE, 5);
NORMA_IS(NORMA_GROUP, 6);
NORMA_IS(NORMA_LABELS, 7);
NORMA_IS(NORMA_NO_ACTIVATION, 0);
NORMA_IS(NORMA_RELU, 1);
NORMA_IS(NORMA_TORCH, 0);
NORMA_IS(NORMA_KERAS, 1);
NORMA_IS(NORMA_FLAX, 2);
NORMA_IS(NORMA_ONNX, 3);
NORMA_IS(NORMA_SKIP, 0);
NORMA_IS(NORMA_POISON, 1);
NORMA_IS(NORMA_REFUSE, 2);
