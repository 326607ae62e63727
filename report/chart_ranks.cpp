// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <numeric>

#include "report/charts.hpp"

namespace norma::report {

Ranks ranks_of(const std::vector<RankLine>& lines) {
  const auto places = [&](auto const& above) {
    std::vector<std::size_t> order(lines.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return above(lines[a], lines[b]); });
    std::vector<int> ranks(lines.size());
    for (std::size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<int>(i);
    return ranks;
  };
  return {places([](const RankLine& a, const RankLine& b) {
            return a.before != b.before ? a.before > b.before : a.after > b.after;
          }),
          places([](const RankLine& a, const RankLine& b) {
            return a.after != b.after ? a.after > b.after : a.before > b.before;
          })};
}

namespace {

/// Calls visit(i, j, same series, cross) for each pair.
void for_each_pair(const std::vector<RankLine>& lines, auto const& visit) {
  const Ranks ranks = ranks_of(lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::size_t j = i + 1; j < lines.size(); ++j) {
      const bool cross = (ranks.before[i] < ranks.before[j]) != (ranks.after[i] < ranks.after[j]);
      visit(i, j, lines[i].series == lines[j].series, cross);
    }
  }
}

}  // namespace

Crossings crossings_of(const std::vector<RankLine>& lines) {
  Crossings found;
  for_each_pair(lines, [&](std::size_t, std::size_t, bool same, bool cross) {
    found.pairs_across += !same;
    found.within += same && cross;
    found.across += !same && cross;
  });
  return found;
}

Picture draw_rank_lines(const std::vector<RankLine>& lines, const RankLinesOptions& options) {
  Drawing drawing(options.title, options.width);
  double left = 0, right = 0;
  for (const RankLine& line : lines) {
    left = std::max(left, text_width(line.before_label, kTextSize) + 14);
    right = std::max(right, text_width(line.after_label, kTextSize) + 14);
  }
  // Long names must leave room for the lines.
  const double least = options.width * .26, spare = options.width - least;
  if (left + right > spare) left *= spare / (left + right), right = spare - left;
  const double x0 = left, x1 = options.width - right, top = drawing.y() + 12;
  drawing.text({x0 - 9, top}, options.before, "faint small", Anchor::end);
  drawing.text({x1 + 9, top}, options.after, "faint small");
  const Ranks ranks = ranks_of(lines);
  const auto y = [&](int rank) { return top + 20 + rank * options.line_height; };
  for (const bool strong : {false, true}) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const RankLine& line = lines[i];
      if (line.strong != strong) continue;
      const Point from{x0, y(ranks.before[i])}, to{x1, y(ranks.after[i])};
      const std::string look = look_of_series(line.series);
      drawing.line(from, to, (strong ? "thick " : "line ") + look);
      const std::string words = strong ? "strong t" + look.substr(1) : "";
      for (const Point& end : {from, to}) drawing.marker(marker_of_series(line.series), end, strong ? 10 : 8, "fill " + look);
      drawing.text({x0 - 9, from.y + 4}, line.before_label, words, Anchor::end);
      drawing.text({x1 + 9, to.y + 4}, line.after_label, words);
    }
  }
  for_each_pair(lines, [&](std::size_t i, std::size_t j, bool same, bool cross) {
    if (same || !cross) return;
    const double a = ranks.before[i] - ranks.before[j], b = ranks.after[i] - ranks.after[j], t = a / (a - b);
    const double level = ranks.before[i] + t * (ranks.after[i] - ranks.before[i]);
    drawing.marker(Marker::circle, {x0 + t * (x1 - x0), top + 20 + level * options.line_height}, 5.5, "hollow");
  });
  double end = y(static_cast<int>(lines.size()) - 1) + 18;
  if (!options.names.empty()) end = draw_legend(drawing, end, options.names);
  return std::move(drawing).finish(end + 4, options.description);
}

}  // namespace norma::report
