// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "report/charts.hpp"

namespace norma::report {

namespace {

constexpr double kLabelHeight = 16, kHill = 27, kRow = kLabelHeight + kHill;

/// The outline of bins as a polygon through their middles, on a floor at y.
std::vector<Point> hill_of(const std::vector<double>& counts, const Scale& x, double y, double height) {
  const double most = *std::max_element(counts.begin(), counts.end());
  const double bin = (x.to - x.from) / static_cast<double>(counts.size());
  std::vector<Point> points;
  const auto place = [&](std::size_t i) { return x.from + (static_cast<double>(i) + .5) * bin; };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    // Flat floors need no points.
    const bool left = i > 0 && counts[i - 1] > 0, right = i + 1 < counts.size() && counts[i + 1] > 0;
    if (counts[i] <= 0 && !left && !right) continue;
    points.push_back({place(i), y - (most > 0 ? counts[i] / most : 0) * height});
  }
  if (points.empty()) return points;
  points.insert(points.begin(), {std::max(x.from, points.front().x - bin / 2), y});
  points.push_back({std::min(x.to, points.back().x + bin / 2), y});
  return points;
}

}  // namespace

std::string look_of_series(int series) {
  constexpr std::array kLooks = {"s0", "s1", "s2", "s3"};
  return series >= 0 && series < 4 ? kLooks[static_cast<std::size_t>(series)] : "s4";
}

Marker marker_of_series(int series) {
  constexpr std::array kMarkers = {Marker::circle, Marker::diamond, Marker::square, Marker::triangle};
  return series >= 0 && series < 4 ? kMarkers[static_cast<std::size_t>(series)] : Marker::circle;
}

double draw_legend(Drawing& drawing, double y, const std::vector<std::string>& names) {
  double x = 0;
  y += 12;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double width = 16 + text_width(names[i], kTextSize) + 16;
    if (x > 0 && x + width > drawing.width()) x = 0, y += 18;
    const int series = static_cast<int>(i);
    drawing.marker(marker_of_series(series), {x + 5, y - 4}, 9, "fill " + look_of_series(series));
    drawing.text({x + 15, y}, names[i]);
    x += width;
  }
  return y + 6;
}

Picture draw_ridges(const std::vector<Ridge>& ridges, const RidgesOptions& options) {
  Drawing drawing(options.title);
  const Scale x{options.range, 6, kPanelWidth - 6};
  const double top = drawing.y() + 4, bottom = top + kRow * static_cast<double>(ridges.size()) + 4;
  draw_axis(drawing, x, bottom, top);
  if (options.range.low < 0 && options.range.high > 0) drawing.line({x.at(0), top}, {x.at(0), bottom}, "axis");
  double floor = top;
  for (const Ridge& ridge : ridges) {
    floor += kRow;
    const std::string look = look_of_series(ridge.series);
    if (!ridge.note.empty()) {
      drawing.text({x.from, floor - 6}, ridge.note, "faint small");
    } else if (!ridge.values.empty()) {
      for (const double value : ridge.values)
        drawing.marker(marker_of_series(ridge.series), {x.at(value), floor - 6}, 7, "soft thin " + look);
      for (const Ridge::Named& one : ridge.named) {
        drawing.marker(marker_of_series(one.series), {x.at(one.value), floor - 6}, 10, "fill " + look_of_series(one.series));
        const bool at_edge = x.at(one.value) + text_width(one.name, kTextSize) / 2 > x.to;
        drawing.text({at_edge ? x.to : x.at(one.value), floor - 15}, one.name,
                     "strong small t" + look_of_series(one.series).substr(1), at_edge ? Anchor::end : Anchor::middle);
      }
    } else {
      const std::vector<Point> hill = hill_of(ridge.counts, x, floor, kHill);
      if (!hill.empty()) drawing.polygon(hill, "soft " + look);
      drawing.path(path_through(hill), "line " + look);
    }
    drawing.line({x.from, floor}, {x.to, floor}, "rule");
    drawing.text({x.from, floor - kHill - 3}, ridge.label, "small halo");
  }
  drawing.text({x.to, bottom + 33}, options.axis, "faint small", Anchor::end);
  return std::move(drawing).finish(bottom + 40, options.description);
}

}  // namespace norma::report
