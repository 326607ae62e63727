// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/drawing.hpp"

/// Axes: from numbers to places in a picture. Finite numbers alone have a place.

namespace norma::report {

struct Range {
  double low = 0, high = 0;
};

/// The range of the finite ones among values; 0 to 0 where there are none.
Range range_of(std::span<const double> values);
Range join(const Range& a, const Range& b);

/// A little wider, and never without width.
Range padded(const Range& range, double share = 0.04);

/// A linear axis from `from` (for range.low) to `to`. Ranges may span all doubles.
struct Scale {
  Range range;
  double from = 0, to = 1;

  double at(double value) const;
};

/// Round numbers within a range: 1, 2 or 5 times a power of ten apart, at most `most` of them.
std::vector<double> ticks_in(const Range& range, int most);

/// "12,000", "0.25", "1e+12": a tick as text.
std::string tick_label(double value);

/// A horizontal axis below y with ticks and their numbers, and rules up to top where that is above it. Takes 24 downwards.
void draw_axis(Drawing& drawing, const Scale& x, double y, double top, int most_ticks = 5);

}  // namespace norma::report
