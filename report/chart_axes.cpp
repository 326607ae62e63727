// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/charts.hpp"

namespace norma::report {

Picture draw_two_axes(const std::vector<double>& counts, const TwoAxesOptions& options) {
  Drawing drawing(options.title);
  constexpr double kHeight = 150;
  const Scale x{options.range, 6, kPanelWidth - 6};
  const double top = drawing.y() + 36, floor = top + kHeight;
  const double most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  const double bin = (x.to - x.from) / static_cast<double>(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] <= 0) continue;
    // A single person must not vanish.
    const double high = std::max(1.0, counts[i] / most * kHeight);
    drawing.rect({x.from + static_cast<double>(i) * bin + .5, floor - high}, std::max(bin - 1, 1.0), high, "fill s0");
  }
  const auto point_out = [&](double value, const std::string& words, double y, Anchor anchor) {
    const double at = x.at(value), shift = anchor == Anchor::start ? 5 : -5;
    drawing.line({at, y - 9}, {at, floor}, "axis");
    drawing.text({at + shift, y}, words, "small halo", anchor);
  };
  const bool mean_right = options.mean >= options.median;
  point_out(options.mean, options.mean_label, top - 24, Anchor::start);
  point_out(options.median, options.median_label, top - 8,
            mean_right && x.at(options.median) > 110 ? Anchor::end : Anchor::start);
  draw_axis(drawing, x, floor, floor);
  drawing.text({x.to, floor + 32}, options.before, "faint small", Anchor::end);
  const Range after{(options.range.low - options.mean) / options.deviation,
                    (options.range.high - options.mean) / options.deviation};
  const double second = floor + 46;
  draw_axis(drawing, {after, x.from, x.to}, second, second, 10);
  drawing.text({x.to, second + 32}, options.after, "faint small", Anchor::end);
  return std::move(drawing).finish(second + 38, options.description);
}

Picture draw_series(const std::vector<Series>& series, const SeriesOptions& options) {
  Drawing drawing(options.title);
  constexpr double kHeight = 150, kLeft = 38;
  std::vector<double> all;
  std::size_t steps = 1;
  for (const Series& one : series) {
    all.insert(all.end(), one.values.begin(), one.values.end());
    steps = std::max(steps, one.values.size());
  }
  const double top = drawing.y() + 4, floor = top + kHeight;
  const Scale y{padded(range_of(all), .12), floor, top};
  const double room = (kPanelWidth - kLeft - 16) / static_cast<double>(steps);
  const auto x = [&](std::size_t step) { return kLeft + 8 + (static_cast<double>(step) + .5) * room; };
  for (const double tick : ticks_in(y.range, 5)) {
    drawing.line({kLeft, y.at(tick)}, {kPanelWidth, y.at(tick)}, "rule");
    drawing.text({kLeft - 6, y.at(tick) + 4}, tick_label(tick), "faint small", Anchor::end);
  }
  drawing.line({kLeft, floor}, {kPanelWidth, floor}, "axis");
  for (std::size_t step = 0; step < steps; ++step) {
    const std::string name = step < options.step_names.size() ? options.step_names[step] : fmt::format("{}", step + 1);
    drawing.text({x(step), floor + 17}, name, "faint small", Anchor::middle);
  }
  drawing.text({kPanelWidth, floor + 33}, options.steps, "faint small", Anchor::end);
  for (std::size_t s = 0; s < series.size(); ++s) {
    const int number = static_cast<int>(s);
    std::vector<Point> points;
    for (std::size_t i = 0; i < series[s].values.size(); ++i) points.push_back({x(i), y.at(series[s].values[i])});
    drawing.path(path_through(points), "line " + look_of_series(number));
    for (const Point& p : points) drawing.marker(marker_of_series(number), p, 8, "fill " + look_of_series(number));
  }
  std::vector<std::string> names;
  names.reserve(series.size());
  for (const Series& one : series) names.push_back(one.name);
  const double end = draw_legend(drawing, floor + 42, names);
  return std::move(drawing).finish(end + 2, options.description);
}

Picture draw_words(const std::vector<WordRow>& rows, std::string title, std::string description) {
  Drawing drawing(std::move(title));
  std::size_t columns = 1;
  for (const WordRow& row : rows) columns = std::max(columns, row.words.size());
  const double cell = std::min(34.0, kPanelWidth / static_cast<double>(columns));
  double y = drawing.y();
  for (const WordRow& row : rows) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double x = static_cast<double>(c) * cell;
      const bool on = static_cast<std::int64_t>(c) == row.marked, there = c < row.words.size();
      drawing.rect({x + 1, y + 1}, cell - 2, cell - 2, there ? (on ? "row on" : "row") : "off", 3);
      if (there) drawing.text({x + cell / 2, y + cell / 2 + 4.5}, row.words[c], on ? "dark" : "", Anchor::middle);
    }
    y += cell;
  }
  return std::move(drawing).finish(y + 4, std::move(description));
}

Picture draw_scatter(std::span<const Point> points, const ScatterOptions& options) {
  Drawing drawing(options.title);
  constexpr double kSide = 250, kLeft = 46;
  Range range{180, 0};
  for (const Point& p : points) range = {std::min({range.low, p.x, p.y}), std::max({range.high, p.x, p.y})};
  range = padded(range, .06);
  const double top = drawing.y() + 6, floor = top + kSide;
  const Scale x{range, kLeft, kLeft + kSide}, y{range, floor, top};
  for (const double tick : ticks_in(range, 5)) {
    drawing.line({kLeft, y.at(tick)}, {kLeft + kSide, y.at(tick)}, "rule");
    drawing.line({x.at(tick), top}, {x.at(tick), floor}, "rule");
    drawing.text({kLeft - 6, y.at(tick) + 4}, tick_label(tick) + options.unit, "faint small", Anchor::end);
    drawing.text({x.at(tick), floor + 16}, tick_label(tick) + options.unit, "faint small", Anchor::middle);
  }
  drawing.line({kLeft, floor}, {kLeft + kSide, top}, "axis");
  for (const Point& p : points) drawing.marker(Marker::circle, {x.at(p.x), y.at(p.y)}, 5, "soft thin s0");
  drawing.text({kLeft + kSide, floor + 32}, options.before, "faint small", Anchor::end);
  drawing.text({kLeft + kSide + 8, top + 10}, options.after, "faint small");
  return std::move(drawing).finish(floor + 40, options.description);
}

}  // namespace norma::report
