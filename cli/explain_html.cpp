// SPDX-License-Identifier: Apache-2.0
// The explanation as a page with pictures. They show all of a distribution where that is a hill, and samples elsewhere.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "cli/comparability_report.hpp"
#include "cli/explanation.hpp"
#include "cli/page_files.hpp"
#include "cli/tensors.hpp"
#include "report/block.hpp"
#include "report/charts.hpp"

namespace norma::cli {

using report::Cell;
using report::Document;
using report::Figure;
using report::Style;
using report::Table;

namespace {

// A page stays small enough to open and to send, whatever the tensor.
constexpr std::size_t kMostRows = 500, kMostRidges = 12, kFewToDot = 16;
constexpr std::size_t kMostSeries = 3;
constexpr std::size_t kMostTurns = 60, kMostVectors = 24;
constexpr std::int64_t kMostPairNumbers = 4'000'000;  // of the vectors whose angles are compared

/// `most` of the places 0 … size - 1, evenly spread, the first and the last among them.
std::vector<std::size_t> spread(std::size_t size, std::size_t most) {
  std::vector<std::size_t> places;
  const std::size_t count = std::min(size, most);
  for (std::size_t i = 0; i < count; ++i) places.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return places;
}

/// Rice's rule, 2·∛n bins over a distribution's own range, carried on over the whole axis.
std::size_t bins_for(std::int64_t count, const report::Range& own, const report::Range& whole) {
  constexpr double kFewest = 16, kMost = 160;
  const double part = (own.high / 2 - own.low / 2) / (whole.high / 2 - whole.low / 2);
  const double bins = 2 * std::cbrt(static_cast<double>(count)) / part;
  return static_cast<std::size_t>(bins > kMost || !(part > 0) ? kMost : std::max(bins, kFewest));
}

/// x or what became of it, in C order.
struct Stage {
  std::string_view id;  ///< also in the ids of the table of strings
  std::vector<double> values;
};

}  // namespace

class ExplanationPictures {
 public:
  using Row = DistributionRow;
  ExplanationPictures(const Explanation& e, const Say& say) : e_(e), say_(say) {
    numbers_.resize(static_cast<std::size_t>(e.x_.size()));
    e.norm_.grouping.assign(e.x_.shape(), numbers_);
    stages_.push_back({"before", to_doubles(e.x_)});
    stages_.push_back({e.norm_.options.centered ? "after" : "after_rms", normalized_values(false)});
    if (e.order_.has_affine) stages_.push_back({"affine", normalized_values(true)});
  }

  Figure block() const;
  Figure ridges() const;
  Figure ranks_and_matrix() const;
  Figure turns_and_angles() const;

 private:
  struct Sampled {
    Table table;
    std::vector<report::RankLine> lines;
    std::vector<std::string> names;
  };

  std::vector<double> normalized_values(bool affine) const {
    io::Array y = io::Array::make("", e_.x_.dtype(), e_.x_.shape());
    Options options = e_.norm_.options;
    if (!affine) options.weight = options.bias = {};
    normalize(e_.x_, y.mutable_view(), e_.norm_.grouping, options);
    return to_doubles(y.view());
  }

  std::vector<const Row*> rows_for_ridges() const;
  report::Picture ridges_of(const Stage& stage, const std::vector<const Row*>& rows) const;
  std::vector<const Row*> rows_for_ranks() const;
  Sampled sample_for_ranks() const;
  report::Picture ranks(const Sampled& sampled) const;
  std::vector<Dims> elements_for_matrix(report::MatrixOptions& options) const;
  report::Picture matrix(std::size_t& count) const;
  std::string place_of(const Row& row) const { return e_.place_of(say_, row.number); }
  std::size_t offset_of(const Dims& index) const {
    std::int64_t offset = 0;
    for (int axis = 0; axis < index.rank(); ++axis) offset = offset * e_.x_.shape()[axis] + index[axis];
    return static_cast<std::size_t>(offset);
  }

  const Explanation& e_;
  const Say& say_;
  std::vector<std::int64_t> numbers_;  ///< of each element's distribution
  std::vector<Stage> stages_;
};

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

// ---------------------------------------------------------------------------------------------------------- the ranks

/// The distributions with the lowest mean, the highest, and one in the middle; of equal elements only where all are.
std::vector<const DistributionRow*> ExplanationPictures::rows_for_ranks() const {
  std::vector<const Row*> rows;
  for (const Row& row : e_.rows_) {
    if (row.moments.count >= 2 && row.not_finite == 0 && row.min < row.max) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) { return a->mean() > b->mean(); });
  std::vector<const Row*> some;
  for (const std::size_t i : spread(rows.size(), kMostSeries)) some.push_back(rows[i]);
  return some;
}

ExplanationPictures::Sampled ExplanationPictures::sample_for_ranks() const {
  using enum Table::Align;
  const std::vector<const Row*> rows = rows_for_ranks();
  Sampled sampled{{{{say_("rows.place"), left}, {say_("ranks.before")}, {say_("ranks.after")}}, {}}, {}, {}};
  const std::vector<double>&before = stages_[0].values, &after = stages_[1].values;
  std::map<std::int64_t, std::size_t> slots;
  for (std::size_t s = 0; s < rows.size(); ++s) slots[rows[s]->number] = s;
  std::vector<std::vector<std::size_t>> members(rows.size());
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    const auto found = slots.find(numbers_[i]);
    if (found != slots.end()) members[found->second].push_back(i);
  }
  const std::size_t each = rows.size() == 1 ? 9 : rows.size() == 2 ? 7 : 5;
  for (std::size_t s = 0; s < rows.size(); ++s) {
    std::stable_sort(members[s].begin(), members[s].end(), [&](std::size_t a, std::size_t b) { return before[a] > before[b]; });
    sampled.names.push_back(place_of(*rows[s]));
    for (const std::size_t place : spread(members[s].size(), each)) {
      const std::size_t i = members[s][place];
      sampled.lines.push_back({brief(before[i]), brief(after[i], 3), before[i], after[i], static_cast<int>(s), false});
      sampled.table.rows.push_back({sampled.names.back(), {brief(before[i]), before[i]}, {brief(after[i], 3), after[i]}});
    }
  }
  return sampled;
}

report::Picture ExplanationPictures::ranks(const Sampled& sampled) const {
  const report::Crossings crossings = report::crossings_of(sampled.lines);
  return report::draw_rank_lines(
      sampled.lines,
      {.title = say_("ranks.title"),
       .description = say_("ranks.description", fmt::arg("lines", sampled.lines.size()), fmt::arg("within", crossings.within),
                           fmt::arg("across", crossings.across), fmt::arg("pairs", crossings.pairs_across)),
       .before = say_("ranks.before"),
       .after = say_("ranks.after"),
       .names = sampled.names});
}

// --------------------------------------------------------------------------------------------------------- the matrix

/// A few indices of an axis: neighbours, and where groups of them belong together also one of the next group.
std::vector<std::int64_t> few_indices(std::int64_t size, std::int64_t extent, std::int64_t most) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::min(size, most); ++i) indices.push_back(i);
  if (extent > 1 && extent < size && std::ssize(indices) == most) indices.back() = std::max(indices.back(), extent);
  return indices;
}

/// Elements at a few indices of the first axis, of the second or the channels', and of the others together.
std::vector<Dims> ExplanationPictures::elements_for_matrix(report::MatrixOptions& options) const {
  const int rank = e_.x_.rank(), channel = channel_axis(e_.layout_);
  const Dims& shape = e_.x_.shape();
  const int second = rank < 3 ? rank - 1 : channel > 0 && e_.layout_.back() != 'D' ? channel : 1;
  const auto extent = [&](int axis) {
    return axis == e_.boxes().labelled_axis ? 1 : std::max<std::int64_t>(e_.boxes().extent[axis], 1);
  };
  const std::int64_t most_first = rank == 1 ? 16 : rank == 2 ? 5 : 3, most_second = rank == 2 ? 4 : 3;
  std::vector<Dims> elements;
  const auto name = [&](int axis, std::int64_t index) {
    return fmt::format("{}{}{}", e_.axis_name(say_, axis), e_.layout_.empty() ? " = " : " ", index);
  };
  const auto firsts = few_indices(shape[0], extent(0), most_first);
  const auto seconds = rank == 1 ? std::vector<std::int64_t>{0} : few_indices(shape[second], extent(second), most_second);
  std::int64_t others = 1;
  for (int axis = 1; axis < rank; ++axis) others *= axis == second ? 1 : shape[axis];
  const std::int64_t each = rank < 3 ? 1 : std::min<std::int64_t>(others, 2);
  for (const std::int64_t i : firsts) {
    for (const std::int64_t j : seconds) {
      options.labels.push_back(rank == 1 ? name(0, i) : name(0, i) + say_("list.comma") + name(second, j));
      for (std::int64_t k = 0; k < each; ++k) {
        Dims element = shape;
        element[0] = i;
        if (rank > 1) element[second] = j;
        // Neighbours along the last of the other axes.
        std::int64_t rest = k;
        for (int axis = rank - 1; axis > 0; --axis) {
          if (axis == second) continue;
          element[axis] = rest % shape[axis];
          rest /= shape[axis];
        }
        elements.push_back(element);
      }
    }
  }
  options.group = static_cast<int>(each);
  options.strong_every = rank == 1 ? 0 : static_cast<int>(seconds.size());
  return elements;
}

report::Picture ExplanationPictures::matrix(std::size_t& count) const {
  report::MatrixOptions options{say_("matrix.title"), {}, {}, 1, 0};
  const std::vector<Dims> elements = elements_for_matrix(options);
  count = elements.size();
  std::vector<report::PairState> states;
  std::vector<bool> reversed;
  std::size_t same = 0, other = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const std::int64_t a = e_.membership_.at(elements[i]), b = e_.membership_.at(elements[j]);
      const double before = stages_[0].values[offset_of(elements[i])] - stages_[0].values[offset_of(elements[j])];
      const double after = stages_[1].values[offset_of(elements[i])] - stages_[1].values[offset_of(elements[j])];
      const bool counts = a >= 0 && b >= 0;
      states.push_back(!counts  ? report::PairState::none
                       : i == j ? report::PairState::self
                       : a == b ? report::PairState::same
                                : report::PairState::other);
      reversed.push_back(counts && ((before < 0 && after > 0) || (before > 0 && after < 0)));
      same += i < j && counts && a == b;
      other += i < j && counts && a != b;
    }
  }
  options.description = say_("matrix.description", fmt::arg("count", count), fmt::arg("same", same), fmt::arg("other", other));
  return report::draw_matrix(static_cast<int>(count), states, reversed, options);
}

Figure ExplanationPictures::ranks_and_matrix() const {
  const Sampled sampled = sample_for_ranks();
  std::size_t elements = 0;
  report::Picture pairs = matrix(elements);
  Figure figure;
  if (!sampled.lines.empty()) {
    const report::Crossings crossings = report::crossings_of(sampled.lines);
    figure.pictures.push_back(ranks(sampled));
    figure.caption =
        sampled.names.size() == 1
            ? say_("ranks.one", fmt::arg("elements", sampled.lines.size()))
            : say_("ranks.caption", fmt::arg("elements", sampled.lines.size()), fmt::arg("count", sampled.names.size()),
                   fmt::arg("across", crossings.across), fmt::arg("pairs", crossings.pairs_across));
    figure.tables.push_back(sampled.table);
  }
  if (elements > 1) {
    figure.pictures.push_back(std::move(pairs));
    figure.caption += say_("matrix.caption", fmt::arg("count", elements));
  }
  if (e_.order_.has_affine && !figure.pictures.empty()) figure.caption = say_("ranks.plain") + figure.caption;
  return figure;
}

// -------------------------------------------------------------------------------------------------------- the vectors

Figure ExplanationPictures::turns_and_angles() const {
  const VectorComparison& seen = e_.vectors_ ? e_.vectors_->plain.seen : *e_.seen_alone_;
  std::vector<std::size_t> compared;
  for (std::size_t i = 0; i < seen.turns.size(); ++i) {
    if (std::isfinite(seen.turns[i].degrees)) compared.push_back(i);
  }
  if (compared.empty()) return {};
  std::vector<std::size_t> by_turn = compared;
  std::stable_sort(by_turn.begin(), by_turn.end(),
                   [&](std::size_t a, std::size_t b) { return seen.turns[a].degrees < seen.turns[b].degrees; });
  std::vector<double> degrees;
  for (const std::size_t i : spread(by_turn.size(), kMostTurns)) degrees.push_back(seen.turns[by_turn[i]].degrees);
  const std::string mean = say_("turns.mean", fmt::arg("mean", seen.mean_degrees), fmt::arg("max", seen.max_degrees));
  Figure figure;
  figure.pictures.push_back(report::draw_turns(degrees, {.title = say_("turns.title"),
                                                         .description = mean,
                                                         .before = say_("turns.before"),
                                                         .mean_label = mean,
                                                         .mean = seen.mean_degrees}));
  figure.caption = say_(degrees.size() < compared.size() ? "turns.sample" : "turns.all", fmt::arg("shown", degrees.size()),
                        fmt::arg("count", with_commas(static_cast<double>(compared.size()))));
  // Angles between pairs, of all vectors or of some: the rows of two matrices.
  const std::int64_t d = e_.x_.shape()[e_.x_.rank() - 1];
  std::size_t most = kMostVectors;
  while (most > 2 && static_cast<std::int64_t>(most * (most - 1) / 2) * d > kMostPairNumbers) --most;
  const std::vector<std::size_t> some = spread(compared.size(), most);
  if (some.size() < 3) return figure;
  std::vector<std::vector<double>> angles;
  for (const std::size_t stage : {0U, 1U}) {
    std::vector<double> first, second;
    for (std::size_t i = 0; i < some.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const auto from = [&](std::size_t k) {
          return stages_[stage].values.begin() + static_cast<std::ptrdiff_t>(compared[some[k]]) * d;
        };
        first.insert(first.end(), from(i), from(i) + d);
        second.insert(second.end(), from(j), from(j) + d);
      }
    }
    const Dims shape{static_cast<std::int64_t>(first.size()) / d, d};
    angles.emplace_back();
    for (const Turn& turn : compare_vectors(view(first.data(), shape), view(second.data(), shape)).turns)
      angles.back().push_back(turn.degrees);
  }
  std::vector<report::Point> points;
  for (std::size_t i = 0; i < angles[0].size(); ++i) {
    if (std::isfinite(angles[0][i]) && std::isfinite(angles[1][i])) points.push_back({angles[0][i], angles[1][i]});
  }
  if (points.empty()) return figure;
  figure.pictures.push_back(
      report::draw_scatter(points, {say_("angles.title"), say_("angles.description", fmt::arg("pairs", points.size())),
                                    say_("ranks.before"), say_("ranks.after"), "°"}));
  figure.caption += say_(some.size() < compared.size() ? "angles.sample" : "angles.all", fmt::arg("pairs", points.size()),
                         fmt::arg("vectors", some.size()));
  return figure;
}

// ------------------------------------------------------------------------------------------------------------ the page

Document Explanation::document(const Say& say) const {
  const ExplanationPictures pictures(*this, say);
  // A shape does not break across lines.
  std::string name = heading(say);
  for (std::size_t at = name.find(" × "); at != std::string::npos; at = name.find(" × ", at))
    name.replace(at, 4, "\u00A0×\u00A0");
  Document page = make_document(say, name);
  if (!options_.inputs.empty()) {
    const std::string more =
        options_.inputs.size() == 1 ? "" : say("explain.more", fmt::arg("count", options_.inputs.size() - 1));
    page.paragraph(say("explain.source", fmt::arg("name", options_.inputs.front()), fmt::arg("more", more)), Style::faint);
  }
  show_words(page, say);
  page.figure(pictures.block());
  show_notes(page, say);
  page.title(say("ridges.heading"));
  page.figure(pictures.ridges());
  show_rows(page, say, kMostRows);
  page.title(say("ranks.heading"));
  if (const Figure pairs = pictures.ranks_and_matrix(); !pairs.pictures.empty()) page.figure(pairs);
  show_order_of_pairs(page, say);
  Figure bars{{picture_of(say, order_.plain, say(order_.has_affine ? "bars.plain" : "bars.title"))}, {}};
  if (order_.has_affine) bars.pictures.push_back(picture_of(say, order_.affine, say("bars.affine")));
  if (order_.plain.seen.within.total() + order_.plain.seen.across.total() > 0) page.figure(bars);
  if (vectors_ || seen_alone_) {
    page.title(say("turns.heading"));
    const Figure turns = pictures.turns_and_angles();
    if (!turns.pictures.empty()) page.figure(turns);
    show_vectors_along_last(page, say);
  }
  return page;
}

}  // namespace norma::cli
