// SPDX-License-Identifier: Apache-2.0
#include "norma/fold.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "element.hpp"

namespace norma {

namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error("[fold_batch_norm] " + sentence); }

void check_dtype(const ConstView& v, const char* name) {
  if (!is_float(v.dtype())) refuse(std::string(name) + " is " + name_of(v.dtype()) + "; give f32, f64, f16 or bf16");
}

void check_shape(const ConstView& v, const char* name, const Dims& expected) {
  if (v.empty()) refuse(std::string(name) + " is absent; give a view of shape " + to_string(expected));
  if (v.shape() != expected) {
    refuse(std::string(name) + " has the shape " + to_string(v.shape()) + "; give it " + to_string(expected));
  }
  check_dtype(v, name);
}

void check_apart(const ConstView& a, const char* a_name, const ConstView& b, const char* b_name) {
  if (overlap(a, b)) refuse(std::string(a_name) + " overlaps " + b_name + "; give it memory of its own");
}

/// An output may take its input's place, element by element.
void check_in_place(const ConstView& out, const char* out_name, const ConstView& in, const char* in_name) {
  if (!(same(out, in) && out.dtype() == in.dtype())) check_apart(out, out_name, in, in_name);
}

double parameter(const ConstView& values, std::int64_t channel, double absent) {
  return values.empty() ? absent : value_at(values, channel * values.strides()[0]);
}

struct Folded {
  std::vector<double> scale, bias;
};

Folded fold(const BatchNormTensors& bn, const ConstView& bias) {
  const std::int64_t channels = bn.running_mean.size();
  Folded folded;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double mean = parameter(bn.running_mean, c, 0), variance = parameter(bn.running_var, c, 0);
    const double scale = parameter(bn.weight, c, 1) / std::sqrt(variance + bn.eps);
    folded.scale.push_back(scale);
    folded.bias.push_back((parameter(bias, c, 0) - mean) * scale + parameter(bn.bias, c, 0));
    if (std::isfinite(scale) && std::isfinite(folded.bias.back())) continue;
    refuse("channel " + std::to_string(c) + " with running_mean = " + std::to_string(mean) +
           ", running_var = " + std::to_string(variance) + " and eps = " + std::to_string(bn.eps) +
           " gives no finite scale and bias; repair the BatchNorm's state first");
  }
  return folded;
}

void check_state(const BatchNormTensors& bn) {
  if (bn.running_mean.rank() != 1) {
    refuse("the BatchNorm's running_mean " +
           (bn.running_mean.empty() ? "is absent" : "has the shape " + to_string(bn.running_mean.shape())) +
           "; give it one value a channel");
  }
  check_dtype(bn.running_mean, "the BatchNorm's running_mean");
  check_shape(bn.running_var, "the BatchNorm's running_var", bn.running_mean.shape());
  if (!bn.weight.empty()) check_shape(bn.weight, "the BatchNorm's weight", bn.running_mean.shape());
  if (!bn.bias.empty()) check_shape(bn.bias, "the BatchNorm's bias", bn.running_mean.shape());
  if (!(bn.eps >= 0) || std::isinf(bn.eps)) {
    refuse("eps = " + std::to_string(bn.eps) + " is not a number of 0 or more; give the BatchNorm's own, 1e-5 in PyTorch");
  }
}

template <class T>
ConstView view_of(const std::vector<T>& values) {
  return values.empty() ? ConstView() : view(values.data(), {static_cast<std::int64_t>(values.size())});
}

/// folded = weight * scale, over all indices of an axis and of those after it.
void scale_axis(const ConstView& weight, const View& folded, const std::vector<double>& scale, int channel_axis, int axis,
                std::int64_t from, std::int64_t to, double factor) {
  if (axis == weight.rank()) return set_value(folded, to, value_at(weight, from) * factor);
  for (std::int64_t i = 0; i < weight.shape()[axis]; ++i) {
    scale_axis(weight, folded, scale, channel_axis, axis + 1, from + i * weight.strides()[axis],
               to + i * folded.strides()[axis], axis == channel_axis ? scale[static_cast<std::size_t>(i)] : factor);
  }
}

}  // namespace

void fold_batch_norm(const BatchNorm& bn, const ConstView& weight, const ConstView& bias, const View& folded_weight,
                     const View& folded_bias, int channel_axis) {
  if (bn.running_mean.empty()) {
    refuse("the BatchNorm tracks no running statistics, so each batch has its own; only fixed ones can be folded");
  }
  const BatchNormTensors tensors{.weight = view_of(bn.weight),
                                 .bias = view_of(bn.bias),
                                 .running_mean = view_of(bn.running_mean),
                                 .running_var = view_of(bn.running_var),
                                 .eps = bn.eps().value()};
  fold_batch_norm(tensors, weight, bias, folded_weight, folded_bias, channel_axis);
}

void fold_batch_norm(const BatchNormTensors& bn, const ConstView& weight, const ConstView& bias, const View& folded_weight,
                     const View& folded_bias, int channel_axis) {
  check_state(bn);
  const std::int64_t channels = bn.running_mean.size();
  if (weight.empty()) refuse("weight is absent; give the weight of the layer before the BatchNorm");
  check_dtype(weight, "weight");
  const int axis = channel_axis < 0 ? channel_axis + weight.rank() : channel_axis;
  if (axis < 0 || axis >= weight.rank()) {
    refuse("channel_axis = " + std::to_string(channel_axis) + " is not an axis of weight's shape " + to_string(weight.shape()));
  }
  if (weight.shape()[axis] != channels) {
    refuse("weight of shape " + to_string(weight.shape()) + " has " + std::to_string(weight.shape()[axis]) +
           " outputs along axis " + std::to_string(axis) + ", but the BatchNorm has " + std::to_string(channels) +
           " channels; give the layer before it, and its channel_axis");
  }
  if (!bias.empty()) check_shape(bias, "bias", {channels});
  check_shape(folded_weight, "folded_weight", weight.shape());
  check_shape(folded_bias, "folded_bias", {channels});
  check_in_place(folded_weight, "folded_weight", weight, "weight");
  check_in_place(folded_bias, "folded_bias", bias, "bias");
  check_apart(folded_weight, "folded_weight", bias, "bias");
  check_apart(folded_bias, "folded_bias", weight, "weight");
  check_apart(folded_weight, "folded_weight", folded_bias, "folded_bias");

  const Folded folded = fold(bn, bias);
  scale_axis(weight, folded_weight, folded.scale, axis, 0, 0, 0, 1);
  for (std::int64_t c = 0; c < channels; ++c) {
    set_value(folded_bias, c * folded_bias.strides()[0], folded.bias[static_cast<std::size_t>(c)]);
  }
}

}  // namespace norma
