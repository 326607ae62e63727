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
  /// Looks at what grouping looks at (keys, lengths, mask), which must outlive it. Throws Error as Grouping::boxes does.
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

/// Which axis runs where: panels down the page and across it, and rows and columns of cells within a panel; -1 for none.
/// Axes that have no role are shown at the place where the marked distribution begins.
struct Roles {
  int down = -1, across = -1, rows = -1, columns = -1;

  /// rank 1: columns; 2: rows, columns; 3: across, rows, columns; more: the first axis down, the channels across, and
  /// the last two others within. channel_axis -1 is axis 1.
  static Roles of(int rank, int channel_axis = -1);
};

struct PictureOptions {
  std::int64_t marked = 0;
  Roles roles;
  /// The most panels and cells. An axis with more indices is drawn smaller where they belong together, and cut off,
  /// with dots, where they are distributions of their own. A tensor of rank 1 is folded into lines of most_columns.
  int most_down = 4, most_across = 6, most_rows = 3, most_columns = 6;
  /// What to write beside index[axis] of the axes down, across and (where a row is one index) rows.
  std::function<std::string(int axis, const Dims& index)> label;
};

inline constexpr const char* kMarkedCell = "█";
inline constexpr const char* kOtherCell = "░";
inline constexpr const char* kNoCell = "·";  ///< belongs to no distribution: padding, masked

/// The picture's lines. Where the page has colour every distribution has one, else one is marked and the rest is grey.
Lines draw(const Page& page, const Grouping& grouping, const Dims& shape, const PictureOptions& options);

}  // namespace norma::report
