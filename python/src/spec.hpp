// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "norma/grouping.hpp"
#include "norma/normalize.hpp"

namespace norma::python {

namespace nb = nanobind;

/// Python's Grouping: which one it is and its numbers, so that plans can be found again by them. Owns its keys and lengths, and
/// holds its mask.
struct Spec {
  enum class Kind : std::uint8_t { over, batch, ghost_batch, layer, sample, instance, group, labels };
  using Integers = std::shared_ptr<const std::vector<std::int64_t>>;

  Kind kind = Kind::over;
  int axis = 1;             ///< of channels, or the labelled one
  std::int64_t number = 0;  ///< of groups, or of samples in a ghost batch
  Dims dims{};              ///< the axes pooled, or normalized_shape
  std::optional<Dims> parameters{};
  Integers keys{}, lengths{};
  int lengths_axis = 1;
  nb::object mask{};

  /// `axis` counted from the front of so many axes; out of range where there is none.
  int axis_of(int rank) const { return axis < 0 ? axis + rank : axis; }
  norma::Grouping core(const ConstView& mask_view) const;
};

/// What norma.torch calls a grouping: ("batch", axis), ("instance", axis), ("group", groups, axis), ("layer", *normalized_shape),
/// ("over", *axes) or ("sample", *axes along which weight and bias lie); ValueError for anything else.
Spec spec_of_key(const nb::tuple& key);

/// The plan of a grouping on these views (x; x, y; or x, dy, dx): a remembered one where there is one. The GIL is held.
/// With keys or lengths it is made each time, as both are part of a plan.
Plan plan_for(const Spec& spec, const ConstView& mask, std::span<const ConstView> views);

void bind_grouping(nb::module_& m);

}  // namespace norma::python
