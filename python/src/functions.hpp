// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
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

/// What a call brings beside its grouping.
struct Request {
  const char* name;
  nb::handle x, weight = Py_None, bias = Py_None, out = Py_None, mask = Py_None, lengths = Py_None;
  int lengths_axis = 1;
  std::optional<double> eps = 1e-5;  ///< nothing: the machine epsilon of what is computed in
  bool centered = true, weight_plus_one = false;
  nb::handle running_mean = Py_None, running_var = Py_None;
  std::optional<bool> training{};  ///< of those that have running statistics
  double momentum = 0.1;
  nb::handle given = Py_None, saved = Py_None;
};

/// over=axes or grouping=Grouping: one of the two.
Spec spec_of(nb::handle over, nb::handle grouping);

void bind_functions(nb::module_& m);
void bind_comparability(nb::module_& m);

}  // namespace norma::python
