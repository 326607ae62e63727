// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "norma/layers.hpp"

namespace norma {

/// Folds a BatchNorm's inference into the convolution or linear layer before it, so that it costs nothing any more:
///
///     scale[c] = bn.weight[c] / sqrt(bn.running_var[c] + eps)
///     folded_weight[c, …] = weight[c, …] * scale[c]
///     folded_bias[c]      = (bias[c] - bn.running_mean[c]) * scale[c] + bn.bias[c]
///
/// weight         of that layer, any rank and strides, f32, f64, f16 or bf16.
/// bias           one value a channel; absent: 0.
/// folded_weight  of weight's shape, any float dtype; may be the very same view as weight.
/// folded_bias    one value a channel, any float dtype; may be the very same view as bias.
/// channel_axis   of weight, where its outputs are: 0 in PyTorch's Linear and Conv (out, in, …), 1 in its ConvTranspose (in,
///                out, …) without groups, -1 in Keras' and Flax' kernels (…, in, out). Negative counts from the end.
///
/// Computed in double, rounded once to each output's dtype (what is too large for it becomes infinite): what follows differs from
/// the unfolded pair by rounding alone. Throws Error before anything is written:
/// when the BatchNorm tracks no statistics, its channels are not the weight's, or a channel's scale or bias is not finite.
NORMA_API void fold_batch_norm(const BatchNorm& bn, const ConstView& weight, const ConstView& bias, const View& folded_weight,
                               const View& folded_bias, int channel_axis = 0);

/// A BatchNorm as tensors, out of a file or another program: one value a channel each, f32, f64, f16 or bf16.
struct BatchNormTensors {
  ConstView weight{};  ///< absent: 1
  ConstView bias{};    ///< absent: 0
  ConstView running_mean{};
  ConstView running_var{};
  double eps = 1e-5;
};

/// As above, and in double from end to end, where a BatchNorm holds its weight and bias in float. Throws Error also when the
/// tensors have not one value a channel, or eps is negative or not finite.
NORMA_API void fold_batch_norm(const BatchNormTensors& bn, const ConstView& weight, const ConstView& bias,
                               const View& folded_weight, const View& folded_bias, int channel_axis = 0);

}  // namespace norma
