// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/drawing.hpp"
#include "report/scale.hpp"

/// Pictures of numbers. Each takes what it says in words from its caller, and computes nothing but places.

namespace norma::report {

/// Colour and marker of a series; beyond the fourth all are grey.
std::string look_of_series(int series);
Marker marker_of_series(int series);

/// A legend of series in lines below y; returns where it ends.
double draw_legend(Drawing& drawing, double y, const std::vector<std::string>& names);

/// A distribution on a common axis: a hill where it has many elements, a dot for each where it has few.
struct Ridge {
  std::string label;
  std::vector<double> counts;  ///< of equal bins over the range of the axis
  std::vector<double> values;  ///< the few
  struct Named {
    double value;
    std::string name;
    int series;
  };
  std::vector<Named> named = {};  ///< of the few
  int series = 4;
  std::string note = {};  ///< in place of a hill: "constant", "NaN"
};

struct RidgesOptions {
  std::string title, description, axis;
  Range range;  ///< of the axis
};

/// Each hill has the same height, whatever its number of elements. A rule where zero is.
Picture draw_ridges(const std::vector<Ridge>& ridges, const RidgesOptions& options);

/// An element on a scale before and on one after; lines of one series never cross where their order is kept.
struct RankLine {
  std::string before_label, after_label;
  double before = 0, after = 0;
  int series = 0;
  bool strong = false;
};

struct RankLinesOptions {
  std::string title, description, before, after;
  double width = kPanelWidth;
  double line_height = 19;
  std::vector<std::string> names = {};  ///< of the series, for a legend
};

/// Places of lines by rank on both sides, the largest on top: what is equal on one side lies as on the other.
struct Ranks {
  std::vector<int> before, after;
};
Ranks ranks_of(const std::vector<RankLine>& lines);

/// How many pairs of lines cross, of one series and of two; and how many pairs there are of two.
struct Crossings {
  int within = 0, across = 0, pairs_across = 0;
};
Crossings crossings_of(const std::vector<RankLine>& lines);

/// Crossings of lines of different series carry a ring.
Picture draw_rank_lines(const std::vector<RankLine>& lines, const RankLinesOptions& options);

/// Which pairs may be compared.
enum class PairState : std::uint8_t { self, same, other, none };

struct MatrixOptions {
  std::string title, description;
  std::vector<std::string> labels;  ///< one for each group of rows
  int group = 1;                    ///< rows of one group
  int strong_every = 0;             ///< groups between strong rules; 0: none
};

/// states, and which of the pairs were reversed, row by row, size by size.
Picture draw_matrix(int size, const std::vector<PairState>& states, const std::vector<bool>& reversed,
                    const MatrixOptions& options);

/// How far vectors turned: each by its true angle from the direction that it had.
struct TurnsOptions {
  std::string title, description;
  std::string before, mean_label;  ///< beside the first direction; below the picture
  double mean = 0;
  double widest = 0;  ///< the opening to draw, for pictures side by side; 0: as the turns need
};
Picture draw_turns(std::span<const double> degrees, const TurnsOptions& options);

/// Parts of a whole, as bars: pairs kept, tied and reversed.
struct ShareBar {
  std::string label, value;
  double kept = 0, tied = 0, reversed = 0;  ///< parts, in any unit
};
struct SharesOptions {
  std::string title, description, kept, tied, reversed;
};
Picture draw_shares(const std::vector<ShareBar>& bars, const SharesOptions& options);

/// Bars of counts over two axes: the same values before and after.
struct TwoAxesOptions {
  std::string title, description, before, after;
  Range range;  ///< before
  double mean = 0, deviation = 1;
  std::string mean_label;
  double median = 0;
  std::string median_label;
};
Picture draw_two_axes(const std::vector<double>& counts, const TwoAxesOptions& options);

/// Lines over steps 1, 2, ….
struct Series {
  std::string name;
  std::vector<double> values;
};
struct SeriesOptions {
  std::string title, description, steps;
  std::vector<std::string> step_names;
  int digits = 2;
};
Picture draw_series(const std::vector<Series>& series, const SeriesOptions& options);

/// Rows of words in a block, short rows filled up with empty places.
struct WordRow {
  std::vector<std::string> words;
  std::int64_t marked = -1;
};
Picture draw_words(const std::vector<WordRow>& rows, std::string title, std::string description);

/// Pairs of numbers: on the diagonal is what did not change.
struct ScatterOptions {
  std::string title, description, before, after, unit;
};
Picture draw_scatter(std::span<const Point> points, const ScatterOptions& options);

}  // namespace norma::report
