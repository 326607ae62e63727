// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "norma/grouping.hpp"
#include "report/drawing.hpp"
#include "report/picture.hpp"

/// A tensor as a block in space: samples go backwards, the other axes to the right and downwards. Strong lines part
/// distributions; one of them is coloured. docs/figures/make_figures.py draws the same for the documentation.

namespace norma::report {

/// Which axes run where; several run as one, in C order.
struct BlockAxes {
  std::vector<int> back, across, down;

  /// rank 1: across; 2: down, across; more: the first backwards, the channels (or features) across, the rest downwards.
  /// channel_axis -1: the last axis of rank 3, else axis 1.
  static BlockAxes of(int rank, int channel_axis = -1);
};

struct BlockOptions {
  std::string title, description;
  std::int64_t marked = 0;
  BlockAxes axes;
  std::string back, across, down;  ///< what runs there
  int most_back = 4, most_across = 6, most_down = 5;
  std::function<std::string(std::int64_t index)> row_label = {};  ///< beside the rows in front, in place of `down`
};

struct Block {
  Picture picture;
  bool to_scale = true;  ///< a cell for each element
};

Block draw_block(const Membership& membership, const BlockOptions& options);

/// A table's rows, those of one key marked.
struct RowsOptions {
  std::string title, description;
  std::vector<std::string> headings;                ///< three
  std::vector<std::vector<std::string>> rows = {};  ///< of three cells: a name, its key, its value
  std::string marked;                               ///< key
};
Picture draw_rows(const RowsOptions& options);

}  // namespace norma::report
