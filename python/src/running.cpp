// SPDX-License-Identifier: Apache-2.0
#include "running.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "element.hpp"

namespace norma::python {

namespace {

/// Of one axis (or of a number alone).
double at(const ConstView& v, std::int64_t i) { return value_at(v, v.rank() == 1 ? i * v.strides()[0] : 0); }

void blend(const View& v, std::int64_t i, double value, double momentum) {
  set_value(v, v.rank() == 1 ? i * v.strides()[0] : 0, (1 - momentum) * at(v, i) + momentum * value);
}

}  // namespace

Running::Running(nb::handle mean, nb::handle variance, bool written, const char* function)
    : mean_(mean, "running_mean", written ? Access::write : Access::read),
      variance_(variance, "running_var", written ? Access::write : Access::read),
      function_(function) {
  if (mean_.empty() != variance_.empty()) {
    throw Error("[" + std::string(function) + "] running_mean and running_var go together; give both or none");
  }
}

void Running::check(std::int64_t channels) const {
  for (const auto& [tensor, name] : {std::pair{&mean_, "running_mean"}, std::pair{&variance_, "running_var"}}) {
    if (tensor->shape() == Dims{channels}) continue;
    throw Error("[" + std::string(function_) + "] " + name + " of shape " + to_string(tensor->shape()) +
                " does not fit; give one value for each of the " + std::to_string(channels) + " channels");
  }
}

void Running::fill(std::span<Moments> given) const {
  const ConstView mean = mean_.floats(), variance = variance_.floats();
  const std::int64_t channels = mean.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::int64_t c = static_cast<std::int64_t>(i) % channels;
    given[i] = Moments::of(at(mean, c), at(variance, c));
  }
}

void Running::absorb(std::span<const Moments> measured, double momentum) const {
  const View mean = mean_.written(), variance = variance_.written();
  const auto channels = static_cast<std::size_t>(mean.size());
  for (std::size_t c = 0; c < channels; ++c) {
    double mean_sum = 0, variance_sum = 0;
    int samples = 0;
    for (std::size_t i = c; i < measured.size(); i += channels) {
      const Moments& m = measured[i];
      if (m.count < 2 || !std::isfinite(m.mean) || !std::isfinite(m.m2)) continue;
      mean_sum += m.mean;
      variance_sum += m.variance(1);
      ++samples;
    }
    if (samples == 0) continue;
    blend(mean, static_cast<std::int64_t>(c), mean_sum / samples, momentum);
    blend(variance, static_cast<std::int64_t>(c), variance_sum / samples, momentum);
  }
}

}  // namespace norma::python
