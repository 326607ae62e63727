// SPDX-License-Identifier: Apache-2.0
#include "report/picture.hpp"

#include <algorithm>
#include <array>

#include "report/window.hpp"

namespace norma::report {

namespace {

Window one_index(std::int64_t index) { return {{index}, false, false, 1}; }

/// Panels stand for one index each, or for one group of neighbours.
Window panels_of(std::int64_t size, std::int64_t extent, std::int64_t most, std::int64_t wanted_box) {
  const bool groups = extent > 1 && extent < size && size > most;
  if (!groups) return window_of(size, 1, most, wanted_box * extent);
  Window shown = window_of(size / extent, 1, most, wanted_box);
  for (std::int64_t& index : shown.indices) index *= extent;
  shown.each = extent;
  return shown;
}

// Colours of the other distributions: even in lightness, so that none looks chosen.
constexpr std::array<Rgb, 6> kPalette = {
    {{86, 124, 160}, {110, 140, 100}, {140, 110, 150}, {90, 140, 145}, {150, 125, 90}, {120, 120, 130}}};
constexpr Rgb kMarkedColour{255, 190, 60};

constexpr int kFoldedLines = 4;

class Painter {
 public:
  Painter(const Page& page, const Grouping& grouping, const Dims& shape, const PictureOptions& options)
      : page_(page), shape_(shape), options_(options), membership_(grouping, shape), base_(start_of_marked()) {}

  Lines paint() {
    if (count_of(shape_) == 0) return {};
    const Roles& roles = options_.roles;
    if (shape_.rank() <= 1) return folded(shown(roles.columns, kFoldedLines * options_.most_columns));
    const Window down = panels(roles.down, options_.most_down), across = panels(roles.across, options_.most_across);
    measure_labels(down);
    Lines lines;
    if (down.more_before) lines.push_back("⋮");
    for (std::size_t i = 0; i < down.indices.size(); ++i) {
      for (std::string& line : band(down, i, across)) lines.push_back(std::move(line));
    }
    if (down.more_after) lines.push_back("⋮");
    return lines;
  }

 private:
  /// The first element of the marked distribution's box, or of its key.
  Dims start_of_marked() const {
    const Grouping::Boxes& boxes = membership_.boxes();
    Dims start = membership_.place_of(options_.marked);
    for (int axis = 0; axis < shape_.rank(); ++axis) {
      start[axis] = axis == boxes.labelled_axis ? 0 : start[axis] * boxes.extent[axis];
    }
    return start;
  }

  /// The rows of one key lie anywhere: each is drawn by itself.
  std::int64_t extent(int axis) const {
    const Grouping::Boxes& boxes = membership_.boxes();
    return axis == boxes.labelled_axis ? 1 : std::max<std::int64_t>(boxes.extent[axis], 1);
  }
  Window shown(int axis, int most) const {
    return axis < 0 ? one_index(0) : window_of(shape_[axis], extent(axis), most, base_[axis] / extent(axis));
  }
  Window panels(int axis, int most) const {
    return axis < 0 ? one_index(0) : panels_of(shape_[axis], extent(axis), most, base_[axis] / extent(axis));
  }

  std::string cell(const Dims& index) const {
    const std::int64_t number = membership_.at(index);
    if (number < 0) return page_.paint(Style::faint, kNoCell);
    if (number == options_.marked) return page_.paint(kMarkedColour, kMarkedCell);
    return page_.paint(kPalette[static_cast<std::size_t>(number) % kPalette.size()], other_cell(page_));
  }

  std::string cells(const Window& columns, Dims index) const {
    const int axis = options_.roles.columns;
    std::string line = columns.more_before ? "…" : "";
    for (const std::int64_t i : columns.indices) {
      if (axis >= 0) index[axis] = i;
      line += cell(index);
    }
    return line + (columns.more_after ? "…" : "");
  }

  std::string label(int axis, const Dims& index, std::int64_t each) const {
    const bool named = axis >= 0 && each > 0 && options_.label;
    return named ? page_.paint(Style::faint, options_.label(axis, index, each)) : std::string();
  }

  /// So that the panels of all bands stand under each other.
  void measure_labels(const Window& down) {
    Dims at = base_;
    for (const std::int64_t i : down.indices) {
      put(at, options_.roles.down, i);
      label_width_ = std::max(label_width_, display_width(label(options_.roles.down, at, down.each)));
    }
  }

  static void put(Dims& index, int axis, std::int64_t value) {
    if (axis >= 0) index[axis] = value;
  }

  /// One panel: its rows of cells, each with its label.
  Lines panel(const Dims& at, bool labelled) const {
    const Roles& roles = options_.roles;
    const Window rows = shown(roles.rows, options_.most_rows), columns = shown(roles.columns, options_.most_columns);
    Lines names, body;
    for (const std::int64_t row : rows.indices) {
      Dims index = at;
      put(index, roles.rows, row);
      names.push_back(labelled && rows.each == 1 ? label(roles.rows, index, 1) : std::string());
      body.push_back(cells(columns, index));
    }
    if (rows.more_before) names.insert(names.begin(), ""), body.insert(body.begin(), "⋮");
    if (rows.more_after) names.emplace_back(), body.emplace_back("⋮");
    const bool any = std::any_of(names.begin(), names.end(), [](const std::string& name) { return !name.empty(); });
    return any ? beside({names, body}, 1) : body;
  }

  /// The panels of one index of the axis that runs down, with headings over the first.
  Lines band(const Window& down, std::size_t which, const Window& across) const {
    const Roles& roles = options_.roles;
    std::vector<Lines> blocks;
    Dims at = base_;
    put(at, roles.down, down.indices[which]);
    const bool headed = which == 0 && roles.across >= 0 && options_.label;
    if (label_width_ > 0) {
      const std::string name = pad_right(label(roles.down, at, down.each), label_width_);
      blocks.push_back(headed ? Lines{"", name} : Lines{name});
    }
    const Lines dots = headed ? Lines{"", "…"} : Lines{"…"};
    if (across.more_before) blocks.push_back(dots);
    for (const std::int64_t i : across.indices) {
      put(at, roles.across, i);
      // Where panels run in both directions the rows within them are too small to name.
      Lines block = panel(at, roles.down < 0);
      if (headed) block.insert(block.begin(), label(roles.across, at, across.each));
      blocks.push_back(std::move(block));
    }
    if (across.more_after) blocks.push_back(dots);
    return beside(blocks, 1);
  }

  /// A single axis, in lines of most_columns.
  Lines folded(const Window& columns) const {
    Lines lines;
    for (std::size_t i = 0; i < columns.indices.size(); i += static_cast<std::size_t>(options_.most_columns)) {
      Window part = columns;
      const std::size_t end = std::min(columns.indices.size(), i + static_cast<std::size_t>(options_.most_columns));
      part.indices.assign(columns.indices.begin() + static_cast<std::ptrdiff_t>(i),
                          columns.indices.begin() + static_cast<std::ptrdiff_t>(end));
      part.more_before = columns.more_before && i == 0;
      part.more_after = columns.more_after && end == columns.indices.size();
      lines.push_back(cells(part, base_));
    }
    return lines;
  }

  const Page& page_;
  const Dims& shape_;
  const PictureOptions& options_;
  Membership membership_;
  Dims base_;
  int label_width_ = 0;  ///< of the axis that runs down
};

}  // namespace

Membership::Membership(const Grouping& grouping, const Dims& shape)
    : grouping_(grouping), boxes_(grouping.boxes(shape)), ranks_(grouping.label_ranks()) {
  if (!grouping.lengths().empty()) lengths_axis_ = grouping.lengths_axis() + (grouping.lengths_axis() < 0 ? shape.rank() : 0);
}

bool Membership::counts(const Dims& index) const {
  if (lengths_axis_ >= 0) return index[lengths_axis_] < grouping_.lengths()[static_cast<std::size_t>(index[0])];
  const ConstView& mask = grouping_.mask();
  if (mask.empty()) return true;
  std::int64_t at = 0;
  const int skipped = index.rank() - mask.rank();
  for (int axis = 0; axis < mask.rank(); ++axis) {
    if (mask.shape()[axis] != 1) at += index[skipped + axis] * mask.strides()[axis];
  }
  return static_cast<const std::uint8_t*>(mask.data())[at] != 0;
}

std::int64_t Membership::at(const Dims& index) const {
  if (!counts(index)) return -1;
  std::int64_t number = 0;
  for (int axis = 0; axis < index.rank(); ++axis) {
    const std::int64_t box =
        axis == boxes_.labelled_axis ? ranks_[static_cast<std::size_t>(index[axis])] : index[axis] / boxes_.extent[axis];
    number = number * boxes_.along(axis) + box;
  }
  return number;
}

Dims Membership::place_of(std::int64_t distribution) const {
  Dims place = boxes_.shape;
  for (int axis = place.rank() - 1; axis >= 0; --axis) {
    const std::int64_t along = std::max<std::int64_t>(boxes_.along(axis), 1);
    place[axis] = distribution % along;
    distribution /= along;
  }
  return place;
}

Roles Roles::of(int rank, int channel_axis) {
  if (rank <= 1) return {-1, -1, -1, rank - 1};
  if (rank == 2) return {-1, -1, 0, 1};
  if (rank == 3) return {-1, 0, 1, 2};
  const int across = channel_axis < 1 ? 1 : channel_axis;
  Roles roles{0, across, -1, -1};
  for (int axis = 1; axis < rank; ++axis) {
    if (axis == across) continue;
    roles.rows = roles.columns;
    roles.columns = axis;
  }
  return roles;
}

bool is_to_scale(const Dims& shape, const PictureOptions& options) {
  const Roles& roles = options.roles;
  const int columns = shape.rank() <= 1 ? kFoldedLines * options.most_columns : options.most_columns;
  int drawn = 0;
  for (const auto& [axis, most] : {std::pair{roles.down, options.most_down},
                                   {roles.across, options.most_across},
                                   {roles.rows, options.most_rows},
                                   {roles.columns, columns}}) {
    if (axis >= 0 && shape[axis] > most) return false;
    drawn += axis >= 0;
  }
  return drawn == shape.rank();
}

Lines draw(const Page& page, const Grouping& grouping, const Dims& shape, const PictureOptions& options) {
  return Painter(page, grouping, shape, options).paint();
}

}  // namespace norma::report
