// SPDX-License-Identifier: Apache-2.0
// Measuring, and the numbers of --json.
#include "cli/explanation.hpp"

#include <algorithm>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/tensors.hpp"

namespace norma::cli {

using nlohmann::ordered_json;

namespace {

// Below this many elements a distribution's statistics say more about chance than about the data.
constexpr std::int64_t kFewElements = 8;
// An eps of more than this part of the variance shows in the third digit of the result.
constexpr double kLargeEps = 0.01;

}  // namespace

Explanation::Explanation(const io::Array& x, const ExplainOptions& options)
    : x_(x.view()),
      options_(options),
      layout_(layout_of(options.norm, x_.rank())),
      norm_(make_norm(options.norm, x_)),
      membership_(norm_.grouping, x_.shape()) {
  if (x_.size() == 0)
    throw Error("[explain] an input of shape " + to_string(x_.shape()) + " has no elements; give one that has");
  if (options.top < 1) throw Error("[top] --top " + std::to_string(options.top) + " shows nothing; give 1 or more, or --all");
  if (!options.weight.empty()) weight_ = read_tensor_at(options.weight);
  if (!options.bias.empty()) bias_ = read_tensor_at(options.bias);
  norm_.options.weight = weight_.view();
  norm_.options.bias = bias_.view();
  order_ = comparability(x_, norm_.grouping, norm_.options);  // also refuses what cannot be normalized
  measure_rows();
  find_trouble();
  if (has_vectors()) compare_all_vectors();
}

void Explanation::measure_rows() {
  std::vector<Moments> moments(static_cast<std::size_t>(boxes().distributions()));
  measure(x_, norm_.grouping, moments, norm_.options);
  rows_.resize(moments.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].number = static_cast<std::int64_t>(i);
    rows_[i].moments = moments[i];
  }
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(x_.size()));
  norm_.grouping.assign(x_.shape(), numbers);
  const std::vector<double> values = to_doubles(x_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (numbers[i] < 0) continue;
    Row& row = rows_[static_cast<std::size_t>(numbers[i])];
    if (!std::isfinite(values[i])) ++row.not_finite;
    if (values[i] < row.min) row.min = values[i];
    if (values[i] > row.max) row.max = values[i];
  }
}

void Explanation::find_trouble() {
  for (const Row& row : rows_) {
    const std::int64_t count = row.moments.count;
    if (count == 0) {
      ++trouble_.empty;
      continue;
    }
    trouble_.fewest = std::min(trouble_.fewest, count);
    trouble_.few += count < kFewElements;
    trouble_.not_finite += row.not_finite > 0;
    const bool flat = row.flat(norm_.options.centered);
    trouble_.flat += flat;
    trouble_.large_eps += row.not_finite == 0 && !flat && norm_.options.eps > kLargeEps * row.moments.variance();
  }
}

/// Whether the last axis makes vectors, such as words, that lie in one distribution each.
bool Explanation::has_vectors() const {
  const int last = x_.rank() - 1;
  const bool features = layout_.empty() || layout_.back() == 'D' || layout_ == "NC";
  const bool whole = last >= 1 && x_.shape()[last] > 1 && boxes().extent[last] == x_.shape()[last];
  return features && whole && !norm_.grouping.has_channels();
}

void Explanation::compare_all_vectors() {
  if (x_.size() / x_.shape()[x_.rank() - 1] <= kMostVectorsInPairs) {
    vectors_ = vector_comparability(x_, norm_.grouping, norm_.options);
    return;
  }
  io::Array y = io::Array::make("", x_.dtype(), x_.shape());
  normalize(x_, y.mutable_view(), norm_.grouping, norm_.options);
  seen_alone_ = compare_vectors(x_, y.view(), norm_.grouping);
}

/// The rows to be shown, those in trouble and the widest first, the narrowest last; skipped_after of them something was
/// left out, or all of them where nothing was. With --all in the order of their numbers.
std::vector<const DistributionRow*> Explanation::chosen(std::size_t& skipped_after) const {
  std::vector<const Row*> rows;
  for (const Row& row : rows_) rows.push_back(&row);
  skipped_after = rows.size();
  if (options_.all) return rows;
  const auto width = [](const Row* row) {
    return row->not_finite > 0 ? HUGE_VAL : row->moments.count == 0 ? -1 : row->deviation();
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) { return width(a) > width(b); });
  const auto top = static_cast<std::size_t>(options_.top);
  if (rows.size() <= top) return rows;
  skipped_after = (top + 1) / 2;
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(skipped_after), rows.end() - static_cast<std::ptrdiff_t>(top / 2));
  return rows;
}

/// The distribution that pictures mark: the first that has elements.
std::int64_t Explanation::marked() const {
  const auto first = std::find_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.moments.count > 0; });
  return first == rows_.end() ? 0 : first->number;
}

// ------------------------------------------------------------------------------------------------------------ numbers

ordered_json Explanation::numbers_of_row(const Row& row) const {
  const bool empty = row.moments.count == 0;
  const auto number = [&](double value) { return empty ? ordered_json(nullptr) : ordered_json(value); };
  return {{"number", row.number},
          {"place", place_of(Say(Language::en), row.number)},
          {"count", row.moments.count},
          {"mean", number(row.mean())},
          {"deviation", number(row.deviation())},
          {"min", number(row.min)},
          {"max", number(row.max)},
          {"not_finite", row.not_finite}};
}

ordered_json Explanation::numbers() const {
  const auto dims = [](const Dims& values) { return std::vector<std::int64_t>(values.begin(), values.end()); };
  ordered_json json{{"shape", dims(x_.shape())},
                    {"dtype", name_of(x_.dtype())},
                    {"norm", options_.norm.norm},
                    {"layout", layout_},
                    {"centered", norm_.options.centered},
                    {"eps", norm_.options.eps},
                    {"distributions", boxes().distributions()},
                    {"extent", dims(boxes().extent)},
                    {"moments", ordered_json::array()}};
  std::size_t skipped_after = 0;
  for (const Row* row : chosen(skipped_after)) json["moments"].push_back(numbers_of_row(*row));
  json["notes"] = {{"empty", trouble_.empty},
                   {"constant", trouble_.flat},
                   {"not_finite", trouble_.not_finite},
                   {"few_elements", trouble_.few},
                   {"large_eps", trouble_.large_eps}};
  json["comparability"]["plain"] = numbers_of(order_.plain);
  if (order_.has_affine) json["comparability"]["affine"] = numbers_of(order_.affine);
  if (vectors_) {
    json["vectors"]["plain"] = numbers_of(vectors_->plain);
    if (vectors_->has_affine) json["vectors"]["affine"] = numbers_of(vectors_->affine);
  } else if (seen_alone_) {
    json["vectors"]["seen"] = numbers_of(*seen_alone_);
  }
  return json;
}

}  // namespace norma::cli
