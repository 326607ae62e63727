// SPDX-License-Identifier: Apache-2.0
#include "report/block.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

#include "report/window.hpp"

namespace norma::report {

namespace {

/// Some axes of a tensor that run in one direction, and what of them is drawn.
class Direction {
 public:
  Direction(const Membership& membership, const std::vector<int>& axes, std::int64_t marked, int most) : axes_(axes) {
    const Grouping::Boxes& boxes = membership.boxes();
    const Dims place = membership.place_of(marked);
    std::int64_t pooled = 1, first = 0;
    bool whole = true, single = true;
    for (const int axis : axes) {
      sizes_.push_back(boxes.shape[axis]);
      const bool keyed = axis == boxes.labelled_axis;
      const std::int64_t extent = keyed ? 1 : std::max<std::int64_t>(boxes.extent[axis], 1);
      whole = whole && extent == boxes.shape[axis];
      single = single && extent == 1;
      pooled *= extent;
      size_ *= boxes.shape[axis];
      first = first * boxes.shape[axis] + (keyed ? 0 : place[axis] * extent);
    }
    // Several axes that do not play one part have no boxes of neighbours: each index is drawn by itself.
    const std::int64_t extent = whole || single || axes.size() == 1 ? pooled : 1;
    window_ = window_of(size_, extent, most, first / extent);
  }

  int cells() const { return static_cast<int>(window_.indices.size()); }
  bool is_there() const { return !axes_.empty(); }
  bool to_scale() const { return cells() == size_; }
  std::int64_t index(int cell) const { return window_.indices[static_cast<std::size_t>(cell)]; }

  void put(Dims& element, int cell) const {
    std::int64_t rest = index(cell);
    for (std::size_t i = axes_.size(); i-- > 0; rest /= sizes_[i]) element[axes_[i]] = rest % sizes_[i];
  }

 private:
  std::vector<int> axes_;
  std::vector<std::int64_t> sizes_;
  std::int64_t size_ = 1;
  Window window_;
};

struct Element {
  int back, across, down;
};

/// A side of a cell that can be seen: its corners, and the neighbours across its edges.
struct Face {
  const char* kind;
  std::array<Point, 4> corners;
  Element element;
  std::array<Element, 4> neighbours;
};

class BlockPainter {
 public:
  BlockPainter(const Membership& membership, const BlockOptions& options)
      : membership_(membership),
        options_(options),
        back_(membership, options.axes.back, options.marked, options.most_back),
        across_(membership, options.axes.across, options.marked, options.most_across),
        down_(membership, options.axes.down, options.marked, options.most_down),
        drawing_(options.title) {}

  Block paint() {
    names_ = options_.down.empty() && !options_.row_label ? 6 : 8 + names_width();
    deep_ = back_.is_there() ? back_.cells() : 0;
    const double right = back_.is_there() ? text_width(options_.back, kTextSize) + 16 : 4;
    const double room = kPanelWidth - names_ - right;
    cell_ = std::min({34.0, room / (across_.cells() + deep_ * kDepthX), 190.0 / (down_.cells() + deep_ * kDepthY)});
    const double width = cell_ * (across_.cells() + deep_ * kDepthX);
    left_ = names_ + std::max(0.0, (room - width) / 2);
    top_ = drawing_.y() + 4;
    draw_faces();
    draw_labels();
    Block block{{}, back_.to_scale() && across_.to_scale() && down_.to_scale()};
    block.picture = std::move(drawing_).finish(bottom() + (options_.across.empty() ? 8 : 26), options_.description);
    return block;
  }

 private:
  static constexpr double kDepthX = .58, kDepthY = .45;  // of a cell, for each sample backwards

  double names_width() const {
    if (!options_.row_label) return text_width(options_.down, kTextSize);
    double widest = 0;
    for (int row = 0; row < down_.cells(); ++row)
      widest = std::max(widest, text_width(options_.row_label(down_.index(row)), kTextSize));
    return widest;
  }

  double bottom() const { return top_ + cell_ * (down_.cells() + deep_ * kDepthY); }

  Point corner(double w, double h, double n) const {
    return {left_ + cell_ * (w + n * kDepthX), top_ + cell_ * (deep_ * kDepthY + h - n * kDepthY)};
  }

  std::int64_t number_of(const Element& e) const {
    Dims element = membership_.boxes().shape;
    back_.put(element, e.back);
    across_.put(element, e.across);
    down_.put(element, e.down);
    return membership_.at(element);
  }
  bool inside(const Element& e) const {
    return e.back >= 0 && e.back < back_.cells() && e.across >= 0 && e.across < across_.cells() && e.down >= 0 &&
           e.down < down_.cells();
  }

  std::vector<Face> faces() const {
    std::vector<Face> faces;
    for (int w = 0; w < across_.cells(); ++w) {
      for (int h = 0; h < down_.cells(); ++h) {
        faces.push_back({"front",
                         {corner(w, h, 0), corner(w + 1, h, 0), corner(w + 1, h + 1, 0), corner(w, h + 1, 0)},
                         {0, w, h},
                         {{{0, w, h - 1}, {0, w + 1, h}, {0, w, h + 1}, {0, w - 1, h}}}});
      }
      for (int n = 0; n < deep_; ++n) {
        faces.push_back({"top",
                         {corner(w, 0, n + 1), corner(w + 1, 0, n + 1), corner(w + 1, 0, n), corner(w, 0, n)},
                         {n, w, 0},
                         {{{n + 1, w, 0}, {n, w + 1, 0}, {n - 1, w, 0}, {n, w - 1, 0}}}});
      }
    }
    const int last = across_.cells() - 1;
    for (int h = 0; h < down_.cells(); ++h) {
      for (int n = 0; n < deep_; ++n) {
        faces.push_back(
            {"side",
             {corner(last + 1, h, n), corner(last + 1, h, n + 1), corner(last + 1, h + 1, n + 1), corner(last + 1, h + 1, n)},
             {n, last, h},
             {{{n, last, h - 1}, {n + 1, last, h}, {n, last, h + 1}, {n - 1, last, h}}}});
      }
    }
    return faces;
  }

  /// One path for all faces of a look, and one for the lines that part distributions.
  void draw_faces() {
    std::map<std::string, std::string> cells;
    std::string parts;
    std::set<std::string> drawn;
    for (const Face& face : faces()) {
      const std::int64_t number = number_of(face.element);
      const std::string look = std::string("cell ") + face.kind +
                               (number < 0                  ? " off"
                                : number == options_.marked ? " on"
                                                            : "");
      cells[look] += path_through(face.corners) + 'z';
      for (std::size_t k = 0; k < 4; ++k) {
        const Element& neighbour = face.neighbours[k];
        if (inside(neighbour) && number_of(neighbour) == number) continue;
        const std::string edge = path_through(std::array{face.corners[k], face.corners[(k + 1) % 4]});
        const std::string back = path_through(std::array{face.corners[(k + 1) % 4], face.corners[k]});
        if (!drawn.contains(back) && drawn.insert(edge).second) parts += edge;
      }
    }
    for (const auto& [look, data] : cells) drawing_.path(data, look);
    drawing_.path(parts, "part");
  }

  void draw_labels() {
    const double middle = corner(0, down_.cells() / 2.0, 0).y + 4;
    if (options_.row_label) {
      for (int row = 0; row < down_.cells(); ++row) {
        drawing_.text({left_ - 8, corner(0, row + .5, 0).y + 4}, options_.row_label(down_.index(row)), "", Anchor::end);
      }
    } else {
      drawing_.text({left_ - 8, middle}, options_.down, "faint", Anchor::end);
    }
    drawing_.text({corner(across_.cells() / 2.0, 0, 0).x, bottom() + 17}, options_.across, "faint", Anchor::middle);
    const Point side = corner(across_.cells(), down_.cells(), deep_ / 2.0);
    if (deep_ > 0) drawing_.text({side.x + 8, side.y + 8}, options_.back, "faint");
  }

  const Membership& membership_;
  const BlockOptions& options_;
  Direction back_, across_, down_;
  Drawing drawing_;
  int deep_ = 0;
  double names_ = 0, left_ = 0, top_ = 0, cell_ = 1;
};

}  // namespace

BlockAxes BlockAxes::of(int rank, int channel_axis) {
  if (rank == 1) return {{}, {0}, {}};
  if (rank == 2) return {{}, {1}, {0}};
  const int across = channel_axis > 0 ? channel_axis : rank == 3 ? 2 : 1;
  BlockAxes axes{{0}, {across}, {}};
  for (int axis = 1; axis < rank; ++axis) {
    if (axis != across) axes.down.push_back(axis);
  }
  return axes;
}

Block draw_block(const Membership& membership, const BlockOptions& options) {
  return BlockPainter(membership, options).paint();
}

Picture draw_rows(const RowsOptions& options) {
  Drawing drawing(options.title);
  constexpr double kRow = 25;
  const std::array x = {10.0, kPanelWidth * .44, kPanelWidth - 10};
  const auto write = [&](const std::vector<std::string>& cells, double y, const std::string& look) {
    for (std::size_t c = 0; c < 3; ++c) drawing.text({x[c], y}, cells[c], look, c == 2 ? Anchor::end : Anchor::start);
  };
  double y = drawing.y() + 2;
  write(options.headings, y + 8, "faint small");
  y += 16;
  for (const auto& row : options.rows) {
    const bool on = row[1] == options.marked;
    drawing.rect({0, y}, kPanelWidth, kRow - 3, on ? "row on" : "row", 4);
    write(row, y + 15.5, on ? "dark" : "");
    y += kRow;
  }
  return std::move(drawing).finish(y + 2, options.description);
}

}  // namespace norma::report
