// SPDX-License-Identifier: Apache-2.0
#include "norma/fold.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "element.hpp"

namespace norma {

namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error("[fold_batch_norm] " + sentence); }

void check_dtype(const ConstView& v, const char* name) {
  if (v.dtype() == DType::u8) refuse(std::string(name) + " is u8; give f32, f64, f16 or bf16");
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

/// Where the layer has no weight or bias, its vector is empty.
double parameter(const std::vector<float>& values, std::size_t channel, double absent) {
  return values.empty() ? absent : static_cast<double>(values[channel]);
}

struct Folded {
  std::vector<double> scale, bias;
};

Folded fold(const BatchNorm& bn, const ConstView& bias) {
  const std::size_t channels = bn.running_mean.size();
  const double eps = bn.eps().value();
  Folded folded{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t c = 0; c < channels; ++c) {
    const double before = bias.empty() ? 0 : value_at(bias, static_cast<std::int64_t>(c) * bias.strides()[0]);
    folded.scale[c] = parameter(bn.weight, c, 1) / std::sqrt(bn.running_var[c] + eps);
    folded.bias[c] = (before - bn.running_mean[c]) * folded.scale[c] + parameter(bn.bias, c, 0);
    if (std::isfinite(folded.scale[c]) && std::isfinite(folded.bias[c])) continue;
    refuse("channel " + std::to_string(c) + " with running_mean = " + std::to_string(bn.running_mean[c]) +
           ", running_var = " + std::to_string(bn.running_var[c]) + " and eps = " + std::to_string(eps) +
           " gives no finite scale and bias; repair the BatchNorm's state first");
  }
  return folded;
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
  const auto channels = static_cast<std::int64_t>(bn.running_mean.size());
  if (channels == 0) {
    refuse("the BatchNorm tracks no running statistics, so each batch has its own; only fixed ones can be folded");
  }
  for (const auto& [values, name] : {std::pair{&bn.weight, "weight"}, std::pair{&bn.bias, "bias"}}) {
    if (values->empty() || static_cast<std::int64_t>(values->size()) == channels) continue;
    refuse("the BatchNorm's " + std::string(name) + " has " + std::to_string(values->size()) + " values for " +
           std::to_string(channels) + " channels; give it one for each");
  }
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
