// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <optional>

#include "moments.hpp"
#include "spec.hpp"

/// What the functions of the package come down to: a grouping, and a request.

namespace norma::python {

/// What a call brings beside its grouping.
struct Request {
  const char* name;
  nb::handle x, weight = Py_None, bias = Py_None, out = Py_None, mask = Py_None, lengths = Py_None;
  std::optional<double> eps = 1e-5;  ///< nothing: the machine epsilon of what is computed in
  bool centered = true, weight_plus_one = false;
  nb::handle running_mean = Py_None, running_var = Py_None;
  bool training = false;       ///< whether running statistics take up the batch
  bool needs_running = false;  ///< whether it was said that x's own statistics are not to be used
  double momentum = 0.1;
  nb::handle given = Py_None, saved = Py_None;
  // What norma::Fusion has; sum_out may be left out where there is a residual.
  nb::handle residual = Py_None, sum_out = Py_None, add = Py_None;
  bool relu = false;
  bool recorded = false;  ///< by autograd: tensors may require gradients
};

/// Python's word for an activation: None or "relu".
bool is_relu(nb::handle activation);

/// What backward() writes, and what of a fusion's it reads. dx, dweight, dbias: False where it is not wanted, None where memory is
/// to be made (like x and weight), else where to write.
struct GradientRequest {
  nb::handle dx = Py_None, dweight = Py_None, dbias = Py_None;
  nb::handle y = Py_None, dadd = Py_None, dsum = Py_None;
};

nb::object forward(Spec spec, const Request& r);
/// dx, dweight and dbias as wanted, None for those that are not.
std::array<nb::object, 3> backward(nb::handle dy, nb::handle moments, Spec spec, const Request& r, bool constant,
                                   const GradientRequest& wanted);
MomentsArray measure(Spec spec, const Request& r);

}  // namespace norma::python
