// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <span>

#include "norma/moments.hpp"
#include "tensor.hpp"

namespace norma::python {

/// running_mean and running_var as PyTorch keeps them: any float dtype, one value a channel.
class Running {
 public:
  /// written: whether they are to take up a batch. function: what errors call the caller.
  Running(nb::handle mean, nb::handle variance, bool written, const char* function);

  bool absent() const { return mean_.empty(); }
  void check(std::int64_t channels) const;
  void fill(std::span<Moments> given) const;
  /// As norma::RunningLayer does: channels that came out infinite or NaN, or had fewer than two values, keep theirs;
  /// InstanceNorm's samples are averaged.
  void absorb(std::span<const Moments> measured, double momentum) const;

 private:
  Tensor mean_, variance_;
  const char* function_;
};

}  // namespace norma::python
