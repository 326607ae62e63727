// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "report/charts.hpp"

namespace norma::report {

namespace {

Point on_circle(Point centre, double radius, double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  return {centre.x + radius * std::cos(angle), centre.y - radius * std::sin(angle)};
}

/// How the fan opens: the smallest of these that holds all turns, each with the radius that fits.
struct Opening {
  double degrees, radius, step;
};
Opening opening_for(double most) {
  if (most <= 30) return {30, kPanelWidth - 36, 10};
  if (most <= 60) return {60, 285, 15};
  return most <= 90 ? Opening{90, 215, 30} : Opening{180, kPanelWidth / 2 - 26, 30};
}

std::string arc(Point centre, double radius, double degrees) {
  const Point from = on_circle(centre, radius, 0), to = on_circle(centre, radius, degrees);
  return fmt::format("M{:.2f} {:.2f}A{:.2f} {:.2f} 0 0 0 {:.2f} {:.2f}", from.x, from.y, radius, radius, to.x, to.y);
}

}  // namespace

Picture draw_turns(std::span<const double> degrees, const TurnsOptions& options) {
  Drawing drawing(options.title);
  double most = options.widest;
  for (const double turn : degrees) most = std::max(most, turn);
  const Opening opening = opening_for(most);
  const double height = opening.radius * std::sin(std::min(opening.degrees, 90.0) * std::numbers::pi / 180);
  const Point centre{opening.degrees > 90 ? kPanelWidth / 2 : 4, drawing.y() + height + 18};
  drawing.path(arc(centre, opening.radius, opening.degrees), "rule");
  for (double mark = 0; mark <= opening.degrees; mark += opening.step) {
    drawing.line(on_circle(centre, opening.radius - 5, mark), on_circle(centre, opening.radius + 4, mark), "axis");
    const Point at = on_circle(centre, opening.radius + 9, mark);
    const Anchor anchor = mark < 75 ? Anchor::start : mark > 105 ? Anchor::end : Anchor::middle;
    drawing.text({at.x, at.y + (mark < 15 || mark > 165 ? 4 : 0)}, fmt::format("{:g}°", mark), "faint small", anchor);
  }
  for (const double turn : degrees) drawing.line(centre, on_circle(centre, opening.radius - 8, turn), "thin pale s0");
  drawing.line(centre, on_circle(centre, opening.radius, 0), "line s4");
  if (!degrees.empty()) {
    const Point tip = on_circle(centre, opening.radius - 8, options.mean);
    drawing.line(centre, tip, "thick s0");
    drawing.polygon(std::array{tip, on_circle(on_circle(centre, opening.radius - 18, options.mean), 4.5, options.mean + 90),
                               on_circle(on_circle(centre, opening.radius - 18, options.mean), 4.5, options.mean - 90)},
                    "fill s0");
  }
  drawing.text({opening.degrees > 90 ? kPanelWidth : 4 + opening.radius, centre.y + 17}, options.before, "faint small",
               Anchor::end);
  drawing.text({4, centre.y + 38}, options.mean_label, "strong");
  return std::move(drawing).finish(centre.y + 46, options.description);
}

}  // namespace norma::report
