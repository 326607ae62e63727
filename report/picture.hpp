// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "norma/grouping.hpp"
#include "report/terminal.hpp"

/// A tensor drawn as blocks of cells, one distribution marked.

namespace norma::report {

/// Which distribution an element belongs to, one element at a time: Grouping::assign without the memory for all.
class Membership {
 public:
  /// Looks at what grouping looks at (keys, lengths, mask), which must outlive it. Throws Error as Grouping::boxes
  /// does.
  Membership(const Grouping& grouping, const Dims& shape);

  /// The number of the distribution, or -1 where the element belongs to none.
  std::int64_t at(const Dims& index) const;

  /// The number along each axis of the box (or key) that a distribution is.
  Dims place_of(std::int64_t distribution) const;

  const Grouping::Boxes& boxes() const { return boxes_; }

 private:
  bool counts(const Dims& index) const;

  Grouping grouping_;
  Grouping::Boxes boxes_;
  std::vector<std::int64_t> ranks_;
  int lengths_axis_ = -1;
};

/// Which axis runs where: panels down the page and across it, and rows and columns of cells within a panel; -1 for
/// none. Axes that have no role are shown at the place where the marked distribution begins.
struct Roles {
  int down = -1, across = -1, rows = -1, columns = -1;

  /// rank 1: columns; 2: rows, columns; 3: across, rows, columns; more: the first axis down, the channels across, and
  /// the last two others within. channel_axis -1 is axis 1.
  static Roles of(int rank, int channel_axis = -1);
};

struct PictureOptions {
  std::int64_t marked = 0;
  Roles roles;
  /// The most panels, and rows and columns of cells in each. Of more panels the rest is left out, with dots, but of
  /// groups of neighbours each is one panel. Of more rows or columns there are fewer, where they belong together, and
  /// the rest is left out where they are distributions of their own. A tensor of rank 1 is folded into lines of
  /// most_columns.
  int most_down = 4, most_across = 6, most_rows = 3, most_columns = 6;
  /// What to write beside the panels and rows that show `count` indices of an axis from index[axis] on.
  std::function<std::string(int axis, const Dims& index, std::int64_t count)> label;
};

inline constexpr const char* kMarkedCell = "█";
inline constexpr const char* kNoCell = "·";  ///< belongs to no distribution: padding, masked
/// Light where it is all that tells one from the marked, dark where it has a colour to show.
inline const char* other_cell(const Page& page) { return page.colour() ? "▓" : "░"; }

/// Whether the picture has a cell for each element.
bool is_to_scale(const Dims& shape, const PictureOptions& options);

/// The picture's lines. Where the page has colour every distribution has one, else one is marked and the rest is grey.
Lines draw(const Page& page, const Grouping& grouping, const Dims& shape, const PictureOptions& options);

}  // namespace norma::report
