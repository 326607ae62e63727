// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace norma::report {

/// The indices of one axis that are drawn, of an axis that may be too long to draw.
struct Window {
  std::vector<std::int64_t> indices;
  bool more_before = false, more_after = false;
  std::int64_t each = 1;  ///< how many indices each stands for; 0 where these are not the same number
};

/// Boxes of `extent` neighbours that fit into `most` cells are drawn whole, each in an equal number of cells; of boxes that
/// do not fit, a run that holds the wanted.
Window window_of(std::int64_t size, std::int64_t extent, std::int64_t most, std::int64_t wanted_box);

}  // namespace norma::report
