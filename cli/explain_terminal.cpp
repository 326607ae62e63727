// SPDX-License-Identifier: Apache-2.0
// What a terminal and HTML say alike, and the page of a terminal.
#include <algorithm>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/explanation.hpp"

namespace norma::cli {

using report::Cell;
using report::Page;
using report::Style;
using report::Table;
using report::Writer;

// -------------------------------------------------------------------------------------------------------------- words

std::string Explanation::axis_name(const Say& say, int axis) const {
  if (layout_.empty()) return say("axis.number", fmt::arg("number", axis));
  const char letter = layout_[static_cast<std::size_t>(axis)];
  const bool channels = layout_.find('C') != std::string::npos;
  if (letter == 'C' && layout_ == "NC" && !norm_.grouping.has_channels()) return say("axis.D");
  if (letter == 'L') return say(channels ? "axis.position" : "axis.L");
  if (letter == 'D' && channels) return say("axis.depth");
  return say(std::string("axis.") + letter);
}

/// "sample 2, token 5".
std::string Explanation::place_of(const Say& say, std::int64_t number) const {
  const Dims place = membership_.place_of(number);
  std::string words;
  for (int axis = 0; axis < x_.rank(); ++axis) {
    if (boxes().along(axis) <= 1) continue;
    const std::int64_t first = place[axis] * boxes().extent[axis], last = first + boxes().extent[axis] - 1;
    words += words.empty() ? "" : say("list.comma");
    words += axis_name(say, axis) + (layout_.empty() ? " = " : " ") +
             (first == last ? fmt::format("{}", first) : fmt::format("{}–{}", first, last));
  }
  return words.empty() ? say("axis.all") : words;
}

/// The names of the axes that the elements of one distribution share, or of those that they run along.
std::string Explanation::axes_where(const Say& say, bool shared) const {
  std::string words;
  for (int axis = 0; axis < x_.rank(); ++axis) {
    if (x_.shape()[axis] == 1 || (boxes().along(axis) > 1) != shared) continue;
    words += words.empty() ? "" : say("list.comma");
    words += axis_name(say, axis);
    if (shared && boxes().extent[axis] > 1) words += say("explain.run", fmt::arg("count", boxes().extent[axis]));
  }
  return words;
}

namespace {

std::string shape_words(const Dims& shape) {
  std::string words;
  for (const std::int64_t size : shape) words += (words.empty() ? "" : " × ") + fmt::format("{}", size);
  return words.empty() ? "1" : words;
}

}  // namespace

std::string Explanation::heading(const Say& say) const {
  const std::string norm = options_.norm.norm.empty() ? say("explain.axes") : say("norm." + options_.norm.norm);
  return say("explain.title", fmt::arg("norm", norm), fmt::arg("shape", shape_words(x_.shape())),
             fmt::arg("layout", layout_.empty() ? "" : " (" + layout_ + ")"), fmt::arg("dtype", name_of(x_.dtype())));
}

void Explanation::show_words(Writer& page, const Say& say) const {
  const std::int64_t count = boxes().distributions();
  if (count == 1) {
    page.paragraph(say("explain.one"));
  } else {
    const std::string along = axes_where(say, false);
    page.paragraph(
        say("explain.shared", fmt::arg("shared", axes_where(say, true)), fmt::arg("along", along.empty() ? "–" : along)));
    page.paragraph(say("explain.count", fmt::arg("count", with_commas(static_cast<double>(count))),
                       fmt::arg("elements", with_commas(static_cast<double>(x_.size() - order_.plain.seen.left_out)))));
  }
  if (order_.plain.seen.left_out > 0) {
    page.paragraph(say("explain.left_out", fmt::arg("count", with_commas(static_cast<double>(order_.plain.seen.left_out)))));
  }
}

report::Table Explanation::rows_table(const Say& say, std::size_t most) const {
  using enum Table::Align;
  const bool centered = norm_.options.centered;
  Table table{{{say("rows.number")}, {say("rows.place"), left}, {say("rows.count")}}, {}};
  if (centered) table.columns.push_back({say("rows.mean")});
  table.columns.push_back({say(centered ? "rows.deviation" : "rows.rms")});
  table.columns.push_back({say("rows.min")});
  table.columns.push_back({say("rows.max")});
  std::size_t skipped_after = 0;
  const std::vector<const Row*> rows = chosen(skipped_after);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == most) {
      table.rows.push_back({"", say("rows.more", fmt::arg("count", with_commas(static_cast<double>(rows.size() - most))))});
      break;
    }
    if (i == skipped_after)
      table.rows.push_back(
          {"", say("rows.skipped", fmt::arg("count", with_commas(static_cast<double>(rows_.size() - rows.size()))))});
    const Row& row = *rows[i];
    const auto number = [&](double value) { return row.moments.count == 0 ? Cell("–") : Cell(brief(value), value); };
    std::vector<Cell> cells{fmt::format("{}", row.number), place_of(say, row.number),
                            Cell(with_commas(static_cast<double>(row.moments.count)), static_cast<double>(row.moments.count))};
    if (centered) cells.push_back(number(row.mean()));
    for (const double value : {row.deviation(), row.min, row.max}) cells.push_back(number(value));
    if (row.not_finite > 0 || row.flat(centered)) {
      for (Cell& cell : cells) cell.style = Style::reversed;
    }
    table.rows.push_back(cells);
  }
  return table;
}

void Explanation::show_rows(Writer& page, const Say& say, std::size_t most) const {
  page.heading(say(options_.all ? "rows.title.all" : "rows.title"));
  page.table(rows_table(say, most));
}

void Explanation::show_notes(Writer& page, const Say& say) const {
  const auto note = [&](std::int64_t count, std::string_view id) {
    if (count == 0) return;
    page.paragraph(say("notes.sign") +
                   say(id, fmt::arg("count", with_commas(static_cast<double>(count))),
                       fmt::arg("total", with_commas(static_cast<double>(rows_.size()))), fmt::arg("fewest", trouble_.fewest),
                       fmt::arg("most", std::sqrt(static_cast<double>(trouble_.fewest - norm_.options.centered))),
                       fmt::arg("eps", brief(norm_.options.eps)),
                       fmt::arg("bias", bias_.view().empty() ? std::string("0") : say("notes.bias"))));
  };
  note(trouble_.not_finite, "notes.not_finite");
  note(trouble_.flat, norm_.options.centered ? "notes.constant" : "notes.constant_rms");
  note(trouble_.few, norm_.options.centered ? "notes.few" : "notes.few_rms");
  note(trouble_.empty, "notes.empty");
  note(trouble_.large_eps, "notes.large_eps");
  const Trouble& t = trouble_;
  if (t.not_finite + t.flat + t.few + t.empty + t.large_eps > 0) page.blank();
}

void Explanation::show_order_of_pairs(Writer& page, const Say& say) const {
  page.heading(say("report.title", fmt::arg("what", say(order_.has_affine ? "report.plain" : "report.pairs"))));
  show_order(page, say, order_.plain);
  if (order_.has_affine) {
    page.blank();
    page.heading(say("report.title", fmt::arg("what", say("report.affine"))));
    show_order(page, say, order_.affine);
  }
  if (order_.plain.seen.not_a_number > 0) {
    page.paragraph(say("report.nan", fmt::arg("count", with_commas(static_cast<double>(order_.plain.seen.not_a_number)))));
  }
}

void Explanation::show_vectors_along_last(Writer& page, const Say& say) const {
  if (!vectors_ && !seen_alone_) return;
  page.heading(
      say("vectors.title", fmt::arg("axis", axis_name(say, x_.rank() - 1)), fmt::arg("size", x_.shape()[x_.rank() - 1])));
  if (vectors_) {
    show_vectors(page, say, vectors_->plain);
    if (!vectors_->has_affine) return;
    page.heading(say("report.title", fmt::arg("what", say("report.affine"))));
    show_vectors(page, say, vectors_->affine);
    return;
  }
  show_seen(page, say, *seen_alone_);
  page.paragraph(say("vectors.too_many", fmt::arg("most", with_commas(kMostVectorsInPairs))));
}

// ----------------------------------------------------------------------------------------------------------- terminal

void Explanation::show_picture(Page& page, const Say& say) const {
  report::PictureOptions options;
  options.roles = report::Roles::of(x_.rank(), channel_axis(layout_));
  const int panels = x_.rank() == 3 ? static_cast<int>(std::clamp<std::int64_t>(x_.shape()[0], 1, 4)) : 1;
  options.most_across = x_.rank() == 3 ? 4 : 6;
  options.most_rows = x_.rank() >= 4 ? 3 : 8;
  options.most_columns = x_.rank() >= 4 ? 8 : std::max(12, 72 / panels);
  options.label = [&](int axis, const Dims& index, std::int64_t count) {
    const std::string letter = layout_.empty() ? "" : layout_.substr(static_cast<std::size_t>(axis), 1);
    const std::string last = count == 1 ? "" : fmt::format("–{}", index[axis] + count - 1);
    return fmt::format("{}{}{}", letter, index[axis], last);
  };
  options.marked = marked();
  page.lines(report::draw(page, norm_.grouping, x_.shape(), options));
  std::string caption = say("explain.picture", fmt::arg("place", place_of(say, options.marked)));
  if (!report::is_to_scale(x_.shape(), options)) caption += say("explain.scale");
  page.paragraph(caption, Style::faint);
}

void Explanation::show(Page& page, const Say& say) const {
  page.title(heading(say));
  show_words(page, say);
  page.blank();
  show_picture(page, say);
  page.blank();
  show_rows(page, say, rows_.size());
  page.blank();
  show_notes(page, say);
  show_order_of_pairs(page, say);
  if (vectors_ || seen_alone_) page.blank();
  show_vectors_along_last(page, say);
}

}  // namespace norma::cli
