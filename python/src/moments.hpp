// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <span>
#include <vector>

#include "norma/moments.hpp"
#include "spec.hpp"
#include "tensor.hpp"

namespace norma::python {

/// Python's Moments: one for each distribution, in C order of `shape`.
struct MomentsArray {
  Dims shape{0};
  std::vector<Moments> values;
};

/// What MomentsArray::shape is of a grouping: x's axes, each as long as it has boxes.
Dims shape_of(const norma::Grouping::Boxes& boxes);

/// Moments from Python: an object of ours, or int64 of shape (n, 4) that somebody else keeps.
struct MomentsArgument {
  MomentsArgument(nb::handle object, const char* name, Access access);
  /// Room for what a plan measures, where an empty Moments() was given.
  void make_room(const Spec& spec, const ConstView& mask, const Dims& shape, std::size_t distributions);

  MomentsArray* ours = nullptr;
  std::optional<Tensor> tensor;
  std::span<Moments> span;
};

void bind_moments(nb::module_& m);

}  // namespace norma::python
