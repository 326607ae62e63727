// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include "spec.hpp"

namespace norma::python {

/// over=axes or grouping=Grouping: one of the two.
Spec spec_of(nb::handle over, nb::handle grouping);

void bind_functions(nb::module_& m);
void bind_comparability(nb::module_& m);

}  // namespace norma::python
