// SPDX-License-Identifier: Apache-2.0
#include "norma/layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <type_traits>
#include <utility>

#include "half.hpp"
#include "scratch.hpp"

namespace norma {

namespace {

/// A number as a person would write it: "1e-09", where std::to_string says "0.000000".
std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

std::int64_t positive_count(const Dims& shape, const char* name) {
  std::int64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 1) {
      throw Error("[" + std::string(name) + "] normalized_shape " + to_string(shape) + " has a size below 1; give the last " +
                  "sizes of the input");
    }
    if (__builtin_mul_overflow(count, size, &count)) {
      throw Error("[" + std::string(name) + "] normalized_shape " + to_string(shape) +
                  " has more elements than 63 bits can count");
    }
  }
  return count;
}

Dims checked_shape(const Dims& normalized_shape, const char* name) {
  if (normalized_shape.empty()) {
    throw Error("[" + std::string(name) + "] normalized_shape () has no axis; give the last sizes of the input, as {300}");
  }
  positive_count(normalized_shape, name);
  return normalized_shape;
}

std::int64_t checked_channels(std::int64_t channels, const char* name, const char* argument) {
  if (channels < 1) {
    throw Error("[" + std::string(name) + "] " + argument + " = " + std::to_string(channels) +
                " is not a number of channels; give 1 or more");
  }
  return channels;
}

double number_of(std::int64_t value) { return static_cast<double>(value); }
template <class T>
double number_of(T value) {
  return to_double(value);
}

/// Counts are at most 2^53 (load_state() has seen to it), and floats are doubles: nothing is lost on the way.
template <class Out, class In>
void copy_values(std::span<const In> from, Out* to) {
  std::transform(from.begin(), from.end(), to, [](In value) { return static_cast<Out>(number_of(value)); });
}

bool is_count(double value) { return value >= 0 && value <= 0x1p53 && value == std::floor(value); }

}  // namespace

BatchNormOptions BatchNormOptions::of(Convention convention) {
  switch (convention) {
    case Convention::keras:
      return {.eps = 1e-3, .momentum = 0.99, .channel_axis = -1, .momentum_is_decay = true, .unbiased_running_var = false};
    case Convention::flax:
      return {.eps = 1e-5, .momentum = 0.99, .channel_axis = -1, .momentum_is_decay = true, .unbiased_running_var = false};
    case Convention::onnx:
      return {.eps = 1e-5, .momentum = 0.9, .channel_axis = 1, .momentum_is_decay = true, .unbiased_running_var = false};
    case Convention::torch: break;
  }
  return {};
}

LayerNormOptions LayerNormOptions::of(Convention convention) {
  switch (convention) {
    case Convention::keras: return {.eps = 1e-3};
    case Convention::flax: return {.eps = 1e-6};
    case Convention::onnx:
    case Convention::torch: break;
  }
  return {};
}

GroupNormOptions GroupNormOptions::of(Convention convention) {
  switch (convention) {
    case Convention::keras: return {.eps = 1e-3, .channel_axis = -1};
    case Convention::flax: return {.eps = 1e-6, .channel_axis = -1};
    case Convention::onnx:
    case Convention::torch: break;
  }
  return {};
}

InstanceNormOptions InstanceNormOptions::of(Convention convention) {
  switch (convention) {
    case Convention::keras: return {.eps = 1e-3, .affine = true, .channel_axis = -1};
    case Convention::flax: return {.eps = 1e-6, .affine = true, .channel_axis = -1};
    case Convention::onnx: return {.affine = true};
    case Convention::torch: break;
  }
  return {};
}

RMSNormOptions RMSNormOptions::of(Convention convention) {
  switch (convention) {
    case Convention::keras:
    case Convention::flax: return {.eps = 1e-6};
    case Convention::onnx: return {.eps = 1e-5};
    case Convention::torch: break;
  }
  return {};
}

Layer::Layer(const char* name, const Grouping& grouping, const Shape& shape, std::optional<double> eps, bool has_weight,
             bool has_bias)
    : shape_(shape), name_(name), grouping_(grouping), eps_(eps) {
  if (eps && (!(*eps >= 0) || std::isinf(*eps))) {
    refuse("eps = " + text_of(*eps) + " is not a number of 0 or more; 1e-5 is usual");
  }
  const auto count = static_cast<std::size_t>(count_of(shape.parameters));
  if (has_weight) {
    weight.assign(count, 1);
    weight_grad.assign(count, 0);
  }
  if (has_weight && has_bias) {
    bias.assign(count, 0);
    bias_grad.assign(count, 0);
  }
}

Layer::~Layer() = default;

void Layer::refuse(const std::string& sentence) const { throw Error("[" + std::string(name_) + "] " + sentence); }

Options Layer::options(DType dtype, const Fusion& fusion) const {
  const auto of = [](const std::vector<float>& values) {
    return values.empty() ? ConstView() : view(values.data(), {static_cast<std::int64_t>(values.size())});
  };
  return {.weight = of(weight),
          .bias = of(bias),
          .weight_plus_one = weight_plus_one_,
          .eps = eps_                  ? *eps_
                 : dtype == DType::f64 ? 0x1p-52
                                       : 0x1p-23,
          .centered = centered_,
          .runner = runner,
          .fusion = fusion};
}

bool Layer::Planned::narrowed_by(const Narrowing& narrowing) const {
  if (mask.empty() != narrowing.mask.empty() || (!mask.empty() && !same(mask, narrowing.mask))) return false;
  if (lengths == nullptr || narrowing.lengths.empty()) return lengths == nullptr && narrowing.lengths.empty();
  return lengths_axis == narrowing.lengths_axis &&
         std::equal(lengths->begin(), lengths->end(), narrowing.lengths.begin(), narrowing.lengths.end());
}

/// Checks what the layer knows beyond its grouping, and narrows the grouping. The lengths are copied: whether a later
/// call brings the same ones can then be told, whatever became of the caller's memory.
Layer::Planned Layer::prepare(const ConstView& x, const Narrowing& narrowing, Grouping& narrowed) const {
  Planned planned;
  if (shape_.channels > 0 && x.rank() >= 2) {
    const int axis = shape_.channel_axis < 0 ? shape_.channel_axis + x.rank() : shape_.channel_axis;
    if (axis > 0 && axis < x.rank()) {
      if (x.shape()[axis] != shape_.channels) {
        refuse("x of shape " + to_string(x.shape()) + " has " + std::to_string(x.shape()[axis]) + " channels on axis " +
               std::to_string(axis) + ", but the layer was made for " + std::to_string(shape_.channels) +
               "; make one for as many, or say where the channels are (channel_axis)");
      }
      const int along = narrowing.lengths_axis < 0 ? narrowing.lengths_axis + x.rank() : narrowing.lengths_axis;
      if (!narrowing.lengths.empty() && along == axis) {
        refuse("lengths_axis " + std::to_string(narrowing.lengths_axis) + " is the axis of the channels; give that of the " +
               "positions, 2 in (N, C, L) and 1 in (N, L, C)");
      }
    }
  }
  narrowed = grouping_;
  if (!narrowing.mask.empty()) {
    planned.mask = narrowing.mask;
    narrowed = narrowed.masked(narrowing.mask);
  }
  if (!narrowing.lengths.empty()) {
    planned.lengths = std::make_shared<const std::vector<std::int64_t>>(narrowing.lengths.begin(), narrowing.lengths.end());
    planned.lengths_axis = narrowing.lengths_axis;
    narrowed = narrowed.with_lengths(*planned.lengths, narrowing.lengths_axis);
  }
  return planned;
}

const Plan& Layer::plan_forward(const ConstView& x, const View& y, const Narrowing& narrowing) {
  if (!forward_.plan || !forward_.plan->fits(x, y) || !forward_.narrowed_by(narrowing)) {
    Grouping narrowed = grouping_;
    Planned planned = prepare(x, narrowing, narrowed);
    planned.plan.emplace(x, y, narrowed);
    forward_ = std::move(planned);
  }
  return *forward_.plan;
}

void Layer::train_forward(const Plan& plan, const ConstView& x, const View& y, const Narrowing& narrowing, const Fusion& fusion,
                          std::span<Moments> saved) {
  if (refuses_nonfinite()) {
    if (!fusion.residual.empty()) {
      refuse(
          "on_nonfinite refuses before anything is written, and what x + residual holds is only known then; add the residual "
          "first");
    }
    if (!measure_.plan || !measure_.plan->fits(x, ConstView()) || !measure_.narrowed_by(narrowing)) {
      Grouping narrowed = grouping_;
      Planned planned = prepare(x, narrowing, narrowed);
      planned.plan.emplace(x, narrowed);
      measure_ = std::move(planned);
    }
    Scratch::Frame frame;
    const std::span measured(frame.make<Moments>(static_cast<std::int64_t>(saved.size())), saved.size());
    measure_.plan->measure(x, measured, options(x.dtype()));
    for (std::size_t i = 0; i < measured.size(); ++i) {
      if (std::isfinite(measured[i].mean) && std::isfinite(measured[i].m2)) continue;
      refuse("x holds Inf or NaN in channel " + std::to_string(static_cast<std::int64_t>(i) % shape_.channels) +
             ", and on_nonfinite refuses it; clean the batch, or let its statistics be skipped (OnNonfinite::skip)");
    }
  }
  plan.normalize(x, y, options(x.dtype(), fusion), saved);
}

void Layer::forward(const ConstView& x, const View& y, const Narrowing& narrowing, const Fusion& fusion) {
  check_state();
  const Plan& plan = plan_forward(x, y, narrowing);
  // What the last forward() left stays as it was until this one has succeeded.
  next_.resize(static_cast<std::size_t>(plan.distributions()));
  const bool constant = !training_ && has_statistics();
  if (constant) {
    fill_statistics(next_);
    plan.normalize_with(x, y, next_, options(x.dtype(), fusion));
  } else {
    train_forward(plan, x, y, narrowing, fusion, next_);
  }
  saved_.swap(next_);
  constant_ = constant;
  activation_ = fusion.activation;
  last_ = x.shape();
  if (training_ && has_statistics()) absorb(saved_);
}

void Layer::infer(const ConstView& x, const View& y, const Narrowing& narrowing, const Fusion& fusion) const {
  check_state();
  std::optional<Plan> made;
  const Plan* plan = forward_.plan ? &*forward_.plan : nullptr;
  Planned planned;
  if (plan == nullptr || !plan->fits(x, y) || !forward_.narrowed_by(narrowing)) {
    Grouping narrowed = grouping_;
    planned = prepare(x, narrowing, narrowed);
    plan = &planned.plan.emplace(x, y, narrowed);
  }
  if (!has_statistics()) return plan->normalize(x, y, options(x.dtype(), fusion));
  Scratch::Frame frame;
  const std::span given(frame.make<Moments>(plan->distributions()), static_cast<std::size_t>(plan->distributions()));
  fill_statistics(given);
  plan->normalize_with(x, y, given, options(x.dtype(), fusion));
}

void Layer::backward(const ConstView& x, const ConstView& dy, const View& dx, const Narrowing& narrowing,
                     const FusionGradients& fusion) {
  if (!last_) refuse("backward() comes before any forward(); call forward(x, y) first");
  if (!(x.shape() == *last_)) {
    refuse("backward() of x of shape " + to_string(x.shape()) + " does not follow a forward() of it: the last one had shape " +
           to_string(*last_) + "; give the same x to both");
  }
  const ConstView& like_dx = dx.empty() ? dy : static_cast<const ConstView&>(dx);
  if (!backward_.plan || !backward_.plan->fits(x, dy, like_dx) || !backward_.narrowed_by(narrowing)) {
    Grouping narrowed = grouping_;
    Planned planned = prepare(x, narrowing, narrowed);
    planned.plan.emplace(x, dy, like_dx, narrowed);
    backward_ = std::move(planned);
  }
  const auto of = [](std::vector<float>& values) {
    return values.empty() ? View() : view(values.data(), {static_cast<std::int64_t>(values.size())});
  };
  const Gradients gradients{dx, of(weight_grad), of(bias_grad), fusion};
  const Options with = options(x.dtype(), {.activation = activation_});
  if (constant_) {
    backward_.plan->backward_with(x, dy, saved_, gradients, with);
  } else {
    backward_.plan->backward(x, dy, saved_, gradients, with);
  }
}

void Layer::fill_statistics(std::span<Moments>) const {}
void Layer::absorb(std::span<const Moments>) {}

void Layer::list(std::vector<Slot>& slots) {
  if (!weight.empty()) slots.push_back({"weight", shape_.parameters, &weight});
  if (!bias.empty()) slots.push_back({"bias", shape_.parameters, &bias});
}

std::vector<StateTensor> Layer::state() const {
  std::vector<Slot> slots;
  // The slots point at what load_state() writes; here they are only read.
  const_cast<Layer*>(this)->list(slots);
  std::vector<StateTensor> tensors;
  for (const Slot& slot : slots) {
    StateTensor tensor{slot.name, slot.shape, {}};
    std::visit(
        [&](auto* values) {
          if constexpr (std::is_same_v<decltype(values), std::int64_t*>) {
            tensor.values = std::span<const std::int64_t>(values, 1);
          } else {
            if (static_cast<std::int64_t>(values->size()) != count_of(slot.shape)) {
              refuse(std::string(slot.name) + " has " + std::to_string(values->size()) + " values, but its shape is " +
                     to_string(slot.shape) + "; give it one value for each");
            }
            tensor.values = std::span(std::as_const(*values));
          }
        },
        slot.values);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void Layer::load_state(std::span<const StateTensor> tensors) {
  std::vector<Slot> slots;
  list(slots);
  std::vector<const StateTensor*> found(slots.size());
  for (const StateTensor& tensor : tensors) {
    const auto slot = std::find_if(slots.begin(), slots.end(), [&](const Slot& s) { return s.name == tensor.name; });
    if (slot == slots.end()) {
      std::string known;
      for (const Slot& s : slots) known += (known.empty() ? "" : ", ") + std::string(s.name);
      refuse("the state's '" + tensor.name + "' is unknown to this layer, which has " + (known.empty() ? "none" : known) +
             "; make the layer with the options that the state was saved with");
    }
    const StateTensor*& place = found[static_cast<std::size_t>(slot - slots.begin())];
    if (place != nullptr) refuse("the state names '" + tensor.name + "' twice; give it once");
    place = &tensor;
    const auto size = std::visit([](auto values) { return static_cast<std::int64_t>(values.size()); }, tensor.values);
    if (!(tensor.shape == slot->shape) || size != count_of(slot->shape)) {
      refuse("the state's '" + tensor.name + "' has shape " + to_string(tensor.shape) + " and " + std::to_string(size) +
             " values, but this layer's has shape " + to_string(slot->shape));
    }
    const bool counts = !std::holds_alternative<std::vector<float>*>(slot->values) &&
                        !std::holds_alternative<std::vector<double>*>(slot->values);
    const bool variance = tensor.name == "running_var";
    std::visit(
        [&](auto values) {
          for (const auto value : values) {
            const double number = number_of(value);
            if (variance && number < 0) {
              refuse("the state's 'running_var' holds " + text_of(number) + ", and a variance is 0 or more");
            }
            // Counts beyond 2^53 could not be told apart in f64, in which files hand them over.
            if (counts && !is_count(number)) {
              refuse("the state's '" + tensor.name + "' holds " + text_of(number) +
                     ", which is no count; whole numbers from 0 to 2^53 are");
            }
          }
        },
        tensor.values);
  }
  for (std::size_t k = 0; k < slots.size(); ++k) {
    if (found[k] != nullptr) continue;
    const bool elements = std::string(slots[k].name) == "num_elements_tracked";
    refuse("the state lacks '" + std::string(slots[k].name) + "'; " +
           (elements ? "a cumulative average needs it, and PyTorch does not keep it: give the layer a momentum"
                     : "make the layer with the options that the state was saved with"));
  }
  for (std::size_t k = 0; k < slots.size(); ++k) {
    std::visit(
        [](auto* to, auto from) {
          if constexpr (std::is_same_v<decltype(to), std::int64_t*>) {
            copy_values(from, to);
          } else {
            copy_values(from, to->data());
          }
        },
        slots[k].values, found[k]->values);
  }
}

RunningLayer::RunningLayer(const char* name, const Grouping& grouping, std::int64_t num_features,
                           const InstanceNormOptions& options, bool pools_samples)
    : Layer(name, grouping, {{checked_channels(num_features, name, "num_features")}, num_features, options.channel_axis},
            options.eps, options.affine, options.bias),
      momentum_(options.momentum),
      tracks_(options.track_running_stats),
      momentum_is_decay_(options.momentum_is_decay),
      unbiased_(options.unbiased_running_var),
      pools_samples_(pools_samples),
      on_nonfinite_(options.on_nonfinite) {
  if (momentum_ && !(*momentum_ >= 0 && *momentum_ <= 1)) {
    refuse(
        "momentum = " + text_of(*momentum_) + " is not between 0 and 1; " +
        (momentum_is_decay_ ? "0.99 is usual for the share of the old value" : "0.1 is usual for the share of the new batch") +
        ", std::nullopt is the cumulative average");
  }
  if (options.channel_axis == 0) refuse("channel_axis 0 counts the samples; 1 (NCHW) and -1 (NHWC) are usual");
  if (!tracks_) return;
  const auto channels = static_cast<std::size_t>(num_features);
  running_mean.resize(channels);
  running_var.resize(channels);
  if (!momentum_) num_elements_tracked.resize(channels);
  reset_running_stats();
}

void RunningLayer::reset_running_stats() {
  std::fill(running_mean.begin(), running_mean.end(), 0);
  std::fill(running_var.begin(), running_var.end(), 1);
  std::fill(num_elements_tracked.begin(), num_elements_tracked.end(), 0);
  num_batches_tracked = 0;
}

void RunningLayer::list(std::vector<Slot>& slots) {
  Layer::list(slots);
  if (!tracks_) return;
  slots.push_back({"running_mean", shape_.parameters, &running_mean});
  slots.push_back({"running_var", shape_.parameters, &running_var});
  slots.push_back({"num_batches_tracked", {}, &num_batches_tracked});
  if (!momentum_) slots.push_back({"num_elements_tracked", shape_.parameters, &num_elements_tracked});
}

void RunningLayer::check_state() const {
  if (!tracks_) return;
  const auto check = [&](std::size_t size, const char* what) {
    if (static_cast<std::int64_t>(size) == shape_.channels) return;
    refuse(std::string(what) + " has " + std::to_string(size) + " values, but the layer was made for " +
           std::to_string(shape_.channels) + " channels; give it one value a channel");
  };
  check(running_mean.size(), "running_mean");
  check(running_var.size(), "running_var");
  if (!momentum_) check(num_elements_tracked.size(), "num_elements_tracked");
}

void RunningLayer::fill_statistics(std::span<Moments> given) const {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::size_t channel = i % running_mean.size();
    given[i] = Moments::of(running_mean[channel], running_var[channel]);
  }
}

/// measured: channel by channel, for BatchNorm once, for InstanceNorm once a sample.
void RunningLayer::absorb(std::span<const Moments> measured) {
  const auto channels = static_cast<std::size_t>(shape_.channels);
  if (std::none_of(measured.begin(), measured.end(), [](const Moments& m) { return m.count > 0; })) return;
  ++num_batches_tracked;
  const double given = momentum_.value_or(0), rest = 1 - given;
  const double fresh = momentum_is_decay_ ? rest : given, old = momentum_is_decay_ ? given : rest;
  const bool skips_nonfinite = on_nonfinite_ != OnNonfinite::poison;
  for (std::size_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    std::int64_t samples = 0;
    Moments all;
    for (std::size_t i = c; i < measured.size(); i += channels) {
      const Moments& m = measured[i];
      if (m.count < 2) continue;
      if (skips_nonfinite && !(std::isfinite(m.mean) && std::isfinite(m.m2))) continue;
      mean += m.mean;
      variance += variance_of(m);
      ++samples;
      all.count += m.count;
      if (pools_samples_) all = m;
    }
    if (samples == 0) continue;
    if (samples > 1) {
      mean /= static_cast<double>(samples);
      variance /= static_cast<double>(samples);
    }
    if (momentum_) {
      running_mean[c] = old * running_mean[c] + fresh * mean;
      running_var[c] = old * running_var[c] + fresh * variance;
      continue;
    }
    std::int64_t& seen = num_elements_tracked[c];
    if (pools_samples_) {
      // The moments of all that was seen are in the running statistics and their number, so they merge as any others
      // do.
      const std::int64_t freedom = seen - (unbiased_ ? 1 : 0);
      const Moments before{seen, running_mean[c], 0, seen > 0 ? running_var[c] * static_cast<double>(freedom) : 0};
      const Moments after = merge(before, all);
      running_mean[c] = after.mean + after.mean_low;
      running_var[c] = variance_of(after);
      seen = after.count;
    } else {
      seen += all.count;
      const double share = static_cast<double>(all.count) / static_cast<double>(seen);
      running_mean[c] += (mean - running_mean[c]) * share;
      running_var[c] += (variance - running_var[c]) * share;
    }
  }
}

BatchNorm::BatchNorm(std::int64_t num_features, const BatchNormOptions& options)
    : RunningLayer("batch_norm", Grouping::batch(options.channel_axis), num_features,
                   {.eps = options.eps,
                    .momentum = options.momentum,
                    .affine = options.affine,
                    .bias = options.bias,
                    .track_running_stats = options.track_running_stats,
                    .channel_axis = options.channel_axis,
                    .momentum_is_decay = options.momentum_is_decay,
                    .unbiased_running_var = options.unbiased_running_var,
                    .on_nonfinite = options.on_nonfinite},
                   true) {}

InstanceNorm::InstanceNorm(std::int64_t num_features, const InstanceNormOptions& options)
    : RunningLayer("instance_norm", Grouping::instance(options.channel_axis), num_features, options, false) {}

LayerNorm::LayerNorm(const Dims& normalized_shape, const LayerNormOptions& options)
    : Layer("layer_norm", Grouping::layer(normalized_shape), {.parameters = checked_shape(normalized_shape, "layer_norm")},
            options.eps, options.elementwise_affine, options.bias) {}

GroupNorm::GroupNorm(std::int64_t num_groups, std::int64_t num_channels, const GroupNormOptions& options)
    : Layer("group_norm", Grouping::group(num_groups, options.channel_axis),
            {{checked_channels(num_channels, "group_norm", "num_channels")}, num_channels, options.channel_axis}, options.eps,
            options.affine, options.bias) {
  if (options.channel_axis == 0) refuse("channel_axis 0 counts the samples; 1 (NCHW) and -1 (NHWC) are usual");
  Grouping::group(num_groups).boxes({1, num_channels});  // throws where num_groups does not divide the channels
}

RMSNorm::RMSNorm(const Dims& normalized_shape, const RMSNormOptions& options)
    : Layer("rms_norm", Grouping::layer(normalized_shape), {.parameters = checked_shape(normalized_shape, "rms_norm")},
            options.eps, options.elementwise_affine, false) {
  centered_ = false;
  weight_plus_one_ = options.weight_plus_one;
  if (weight_plus_one_) std::fill(weight.begin(), weight.end(), 0.0F);
}

}  // namespace norma
