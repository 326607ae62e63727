// SPDX-License-Identifier: Apache-2.0
// The block, and the hills before and after.
#include "cli/explain_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/tensors.hpp"
#include "report/block.hpp"

namespace norma::cli {

using report::Figure;

namespace {

constexpr std::size_t kMostRidges = 12, kFewToDot = 16;

/// Rice's rule, 2·∛n bins over a distribution's own range, carried on over the whole axis.
std::size_t bins_for(std::int64_t count, const report::Range& own, const report::Range& whole) {
  constexpr double kFewest = 16, kMost = 160;
  const double part = (own.high / 2 - own.low / 2) / (whole.high / 2 - whole.low / 2);
  const double bins = 2 * std::cbrt(static_cast<double>(count)) / part;
  return static_cast<std::size_t>(bins > kMost || !(part > 0) ? kMost : std::max(bins, kFewest));
}

}  // namespace

std::vector<std::size_t> spread(std::size_t size, std::size_t most) {
  std::vector<std::size_t> places;
  const std::size_t count = std::min(size, most);
  for (std::size_t i = 0; i < count; ++i) places.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return places;
}

ExplanationPictures::ExplanationPictures(const Explanation& e, const Say& say) : e_(e), say_(say) {
  numbers_.resize(static_cast<std::size_t>(e.x_.size()));
  e.norm_.grouping.assign(e.x_.shape(), numbers_);
  stages_.push_back({"before", to_doubles(e.x_)});
  stages_.push_back({e.norm_.options.centered ? "after" : "after_rms", normalized_values(false)});
  if (e.order_.has_affine) stages_.push_back({"affine", normalized_values(true)});
}

std::vector<double> ExplanationPictures::normalized_values(bool affine) const {
  io::Array y = io::Array::make("", e_.x_.dtype(), e_.x_.shape());
  Options options = e_.norm_.options;
  if (!affine) options.weight = options.bias = {};
  normalize(e_.x_, y.mutable_view(), e_.norm_.grouping, options);
  return to_doubles(y.view());
}

// ---------------------------------------------------------------------------------------------------------- the block

Figure ExplanationPictures::block() const {
  report::BlockOptions options;
  options.marked = e_.marked();
  const int rank = e_.x_.rank();
  options.axes = report::BlockAxes::of(rank, channel_axis(e_.layout_));
  const auto name = [&](const std::vector<int>& axes) {
    std::string words;
    std::int64_t size = 1;
    for (const int axis : axes) {
      words += (words.empty() ? "" : " × ") + e_.axis_name(say_, axis);
      size *= e_.x_.shape()[axis];
    }
    return axes.empty() ? words : say_("block.axis", fmt::arg("axis", words), fmt::arg("size", size));
  };
  options.back = name(options.axes.back);
  options.across = name(options.axes.across);
  options.down = name(options.axes.down);
  if (rank == 1) options.most_across = 12;
  if (rank == 2) options.most_across = 10, options.most_down = 8;
  const std::string place = e_.place_of(say_, options.marked);
  options.title = say_("block.title");
  options.description = say_("block.description", fmt::arg("place", place));
  const report::Block drawn = report::draw_block(e_.membership_, options);
  std::string caption = say_("explain.picture", fmt::arg("place", place)) + say_("block.caption");
  if (!drawn.to_scale) caption += say_("explain.scale");
  return {{drawn.picture}, caption};
}

// --------------------------------------------------------------------------------------------------------- the ridges

std::vector<const DistributionRow*> ExplanationPictures::rows_for_ridges() const {
  const auto width = [](const Row* row) {
    const double deviation = row->deviation();
    return row->not_finite > 0 || std::isnan(deviation) ? HUGE_VAL : deviation;
  };
  std::vector<const Row*> rows, some;
  for (const Row& row : e_.rows_) {
    if (row.moments.count > 0) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) { return width(a) > width(b); });
  for (const std::size_t i : spread(rows.size(), kMostRidges)) some.push_back(rows[i]);
  // The one that the block marks is among them, where its width belongs.
  const Row* marked = &e_.rows_[static_cast<std::size_t>(e_.marked())];
  const bool there = std::find(some.begin(), some.end(), marked) != some.end();
  if (there || marked->moments.count == 0) return some;
  some.insert(std::find_if(some.begin(), some.end(), [&](const Row* row) { return width(row) < width(marked); }), marked);
  return some;
}

report::Picture ExplanationPictures::ridges_of(const Stage& stage, const std::vector<const Row*>& rows) const {
  std::map<std::int64_t, std::size_t> slots;
  for (std::size_t i = 0; i < rows.size(); ++i) slots[rows[i]->number] = i;
  // Of each element of these rows, in one walk over all.
  const auto for_each = [&](auto const& visit) {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const auto found = slots.find(numbers_[i]);
      if (found != slots.end() && std::isfinite(stage.values[i])) visit(found->second, stage.values[i]);
    }
  };
  std::vector<report::Range> ranges(rows.size(), {HUGE_VAL, -HUGE_VAL});
  for_each([&](std::size_t slot, double value) { ranges[slot] = report::join(ranges[slot], {value, value}); });
  report::Range whole{HUGE_VAL, -HUGE_VAL};
  for (const report::Range& range : ranges) whole = report::join(whole, range);
  whole = whole.low > whole.high ? report::Range{-1, 1} : report::padded(whole);
  std::vector<report::Ridge> ridges(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) ridges[i].counts.resize(bins_for(rows[i]->moments.count, ranges[i], whole));
  for_each([&](std::size_t slot, double value) {
    std::vector<double>& counts = ridges[slot].counts;
    const report::Scale bins{whole, 0, static_cast<double>(counts.size())};
    const auto last = static_cast<std::int64_t>(counts.size()) - 1;
    ++counts[static_cast<std::size_t>(std::clamp<std::int64_t>(static_cast<std::int64_t>(bins.at(value)), 0, last))];
    if (rows[slot]->moments.count <= static_cast<std::int64_t>(kFewToDot)) ridges[slot].values.push_back(value);
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ridges[i].label = place_of(*rows[i]);
    ridges[i].series = rows[i]->number == e_.marked() ? 0 : 4;
    const bool flat = ranges[i].low == ranges[i].high && rows[i]->moments.count > static_cast<std::int64_t>(kFewToDot);
    if (ranges[i].low > ranges[i].high) ridges[i].note = say_("ridges.unusable");
    if (flat) ridges[i].note = say_("ridges.constant", fmt::arg("value", brief(ranges[i].low)));
  }
  const std::string id = fmt::format("ridges.{}", stage.id);
  return report::draw_ridges(ridges, {say_(id),
                                      say_("ridges.description", fmt::arg("count", rows.size()),
                                           fmt::arg("low", brief(whole.low)), fmt::arg("high", brief(whole.high))),
                                      say_(id + ".axis"), whole});
}

Figure ExplanationPictures::ridges() const {
  const std::vector<const Row*> rows = rows_for_ridges();
  Figure figure;
  for (const Stage& stage : stages_) figure.pictures.push_back(ridges_of(stage, rows));
  const std::string shown = rows.size() == e_.rows_.size()
                                ? say_("ridges.all")
                                : say_("ridges.some", fmt::arg("shown", rows.size()),
                                       fmt::arg("count", with_commas(static_cast<double>(e_.rows_.size()))));
  figure.caption = shown + say_(e_.norm_.options.centered ? "ridges.caption" : "ridges.caption_rms");
  return figure;
}

}  // namespace norma::cli
