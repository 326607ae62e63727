// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "report/charts.hpp"
#include "report/markup.hpp"

namespace norma::report {

Picture draw_matrix(int size, const std::vector<PairState>& states, const std::vector<bool>& reversed,
                    const MatrixOptions& options) {
  Drawing drawing(options.title);
  double names = 0;
  for (const std::string& label : options.labels) names = std::max(names, text_width(label, kSmallSize) + 9);
  names = std::min(names, kPanelWidth * .42);
  const double cell = std::min((kPanelWidth - names - 2) / size, 26.0), x0 = names, y0 = drawing.y();
  // One path for all cells of a kind.
  std::map<PairState, std::string> cells;
  std::string crosses;
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      const auto i = static_cast<std::size_t>(row) * static_cast<std::size_t>(size) + static_cast<std::size_t>(column);
      const double x = x0 + column * cell, y = y0 + row * cell, side = cell - 1;
      cells[states[i]] +=
          fmt::format("M{} {}h{}v{}h-{}z", coordinate(x), coordinate(y), coordinate(side), coordinate(side), coordinate(side));
      if (!reversed[i]) continue;
      const double a = cell * .3, b = cell * .7 - 1;
      crosses += path_through(std::array{Point{x + a, y + a}, Point{x + b, y + b}}) +
                 path_through(std::array{Point{x + b, y + a}, Point{x + a, y + b}});
    }
  }
  drawing.path(cells[PairState::other], "other");
  drawing.path(cells[PairState::none], "off");
  drawing.path(cells[PairState::same], "same");
  drawing.path(cells[PairState::self], "self");
  drawing.path(crosses, "crossed");
  const double end = size * cell;
  for (int row = options.group; row < size; row += options.group) {
    const bool strong = options.strong_every > 0 && row % (options.group * options.strong_every) == 0;
    if (!strong) continue;
    drawing.line({x0 - 4, y0 + row * cell - .5}, {x0 + end, y0 + row * cell - .5}, "part");
    drawing.line({x0 + row * cell - .5, y0 - 4}, {x0 + row * cell - .5, y0 + end}, "part");
  }
  for (std::size_t g = 0; g < options.labels.size(); ++g) {
    const double middle = y0 + (static_cast<double>(g) + .5) * options.group * cell;
    drawing.text({x0 - 7, middle + 3.5}, options.labels[g], "small", Anchor::end);
  }
  return std::move(drawing).finish(y0 + end + 4, options.description);
}

Picture draw_shares(const std::vector<ShareBar>& bars, const SharesOptions& options) {
  Drawing drawing(options.title);
  constexpr double kBar = 15;
  double y = drawing.y();
  for (const ShareBar& bar : bars) {
    drawing.text({0, y + 12}, bar.label);
    drawing.text({kPanelWidth, y + 12}, bar.value, "strong", Anchor::end);
    y += 18;
    const double whole = bar.kept + bar.tied + bar.reversed, unit = whole > 0 ? kPanelWidth / whole : 0;
    const double kept = bar.kept * unit, tied = bar.tied * unit, reversed = bar.reversed * unit;
    if (kept > 0) drawing.rect({0, y}, kept, kBar, "kept");
    if (tied > 0) drawing.rect({kept, y}, tied, kBar, "tied");
    if (reversed > 0) {
      drawing.rect({kept + tied, y}, reversed, kBar, "reversed");
      std::string hatch;
      for (double x = kept + tied; x < kept + tied + reversed; x += 5) {
        const double run = std::min(kBar, kept + tied + reversed - x);
        hatch += path_through(std::array{Point{x, y + kBar}, Point{x + run, y + kBar - run}});
      }
      drawing.path(hatch, "hatch");
    }
    if (whole == 0) drawing.rect({0, y}, kPanelWidth, kBar, "off");
    y += kBar + 14;
  }
  double x = 0;
  for (const auto& [name, look] :
       {std::pair{options.kept, "kept"}, std::pair{options.reversed, "reversed"}, std::pair{options.tied, "tied"}}) {
    if (name.empty()) continue;
    drawing.rect({x, y}, 11, 11, look);
    if (std::string_view(look) == "reversed")
      drawing.path(path_through(std::array{Point{x, y + 11}, Point{x + 11, y}}) +
                       path_through(std::array{Point{x, y + 5.5}, Point{x + 5.5, y}}) +
                       path_through(std::array{Point{x + 5.5, y + 11}, Point{x + 11, y + 5.5}}),
                   "hatch");
    drawing.text({x + 16, y + 10}, name, "small");
    x += 16 + text_width(name, kSmallSize) + 18;
  }
  return std::move(drawing).finish(y + 18, options.description);
}

}  // namespace norma::report
