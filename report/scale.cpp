// SPDX-License-Identifier: Apache-2.0
#include "report/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace norma::report {

Range range_of(std::span<const double> values) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range = {std::min(range.low, value), std::max(range.high, value)};
  }
  return range.low > range.high ? Range{} : range;
}

Range join(const Range& a, const Range& b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Range padded(const Range& range, double share) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  double more = (range.high / 2 - range.low / 2) * 2 * share;
  // Below this the ends would be one number, or no tick would fit between them.
  const double least = std::max(std::fabs(range.low), std::fabs(range.high)) * 1e-6;
  // Denormals too need an axis that can be halved.
  if (!(more > std::max(least * share, 1e-300))) more = std::max(least * 1e3, range.low == 0 && range.high == 0 ? 1.0 : 1e-299);
  return {std::max(range.low - more, -kLargest), std::min(range.high + more, kLargest)};
}

double Scale::at(double value) const {
  // Halves, so that no difference overflows.
  const double whole = range.high / 2 - range.low / 2;
  return whole > 0 ? from + (value / 2 - range.low / 2) / whole * (to - from) : (from + to) / 2;
}

std::vector<double> ticks_in(const Range& range, int most) {
  const double rough = (range.high / 2 - range.low / 2) / most * 2;
  if (!(rough > 0) || !std::isfinite(rough)) return {};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power * 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (power * factor >= rough) {
      step = power * factor;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::ceil(range.low / step);
  for (int i = 0; i <= most; ++i) {
    const double value = (first + i) * step;
    if (!(value <= range.high)) break;
    ticks.push_back(value + 0.0);
  }
  return ticks;
}

std::string tick_label(double value) {
  if (value == std::round(value) && std::fabs(value) >= 10000 && std::fabs(value) < 1e7) {
    std::string digits = fmt::format("{:.0f}", std::fabs(value));
    for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
    return (value < 0 ? "−" : "") + digits;
  }
  std::string digits = fmt::format("{:.5g}", std::fabs(value));
  return (value < 0 ? "−" : "") + digits;
}

void draw_axis(Drawing& drawing, const Scale& x, double y, double top, int most_ticks) {
  const std::vector<double> ticks = ticks_in(x.range, most_ticks);
  for (const double tick : ticks) {
    if (top < y) drawing.line({x.at(tick), top}, {x.at(tick), y}, "rule");
  }
  drawing.line({x.from, y}, {x.to, y}, "axis");
  for (const double tick : ticks) {
    drawing.line({x.at(tick), y}, {x.at(tick), y + 4}, "axis");
    drawing.text({x.at(tick), y + 17}, tick_label(tick), "faint small", Anchor::middle);
  }
}

}  // namespace norma::report
