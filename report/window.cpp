// SPDX-License-Identifier: Apache-2.0
#include "report/window.hpp"

#include <algorithm>

namespace norma::report {

Window window_of(std::int64_t size, std::int64_t extent, std::int64_t most, std::int64_t wanted_box) {
  const std::int64_t boxes = size / extent, drawn = std::min(boxes, most);
  const std::int64_t first = std::clamp<std::int64_t>(wanted_box - drawn + 1, 0, boxes - drawn);
  const std::int64_t cells = std::clamp<std::int64_t>(most / drawn, 1, extent);
  Window window{{}, first > 0, first + drawn < boxes, extent % cells == 0 ? extent / cells : 0};
  for (std::int64_t box = first; box < first + drawn; ++box) {
    for (std::int64_t c = 0; c < cells; ++c) window.indices.push_back(box * extent + c * extent / cells);
  }
  return window;
}

}  // namespace norma::report
