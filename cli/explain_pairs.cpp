// SPDX-License-Identifier: Apache-2.0
// Lines from rank to rank, and which pairs may be compared.
#include <algorithm>
#include <map>

#include "cli/explain_pictures.hpp"

namespace norma::cli {

using report::Cell;
using report::Figure;
using report::Table;

namespace {

constexpr std::size_t kMostSeries = 3;

/// A few indices of an axis: neighbours, and where groups of them belong together also one of the next group.
std::vector<std::int64_t> few_indices(std::int64_t size, std::int64_t extent, std::int64_t most) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::min(size, most); ++i) indices.push_back(i);
  if (extent > 1 && extent < size && std::ssize(indices) == most) indices.back() = std::max(indices.back(), extent);
  return indices;
}

}  // namespace

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

}  // namespace norma::cli
