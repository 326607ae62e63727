// SPDX-License-Identifier: Apache-2.0
#include "cli/explain.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/comparability_report.hpp"
#include "cli/tensors.hpp"
#include "io/tensor_file.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using nlohmann::ordered_json;
using report::Lines;
using report::Page;
using report::Style;
using report::Table;

namespace {

/// What is told of one distribution.
struct Row {
  std::int64_t number = 0;
  Moments moments;
  double min = std::numeric_limits<double>::infinity(), max = -min;
  std::int64_t not_finite = 0;

  double deviation() const { return std::sqrt(moments.variance()); }
  bool constant() const { return moments.count > 0 && not_finite == 0 && min == max; }
  /// Nothing is left to be scaled: a constant without its mean, or zeros where no mean is subtracted.
  bool flat(bool centered) const { return constant() && (centered || max == 0); }
};

// Below this many elements a distribution's statistics say more about chance than about the data.
constexpr std::int64_t kFewElements = 8;
// An eps of more than this part of the variance shows in the third digit of the result.
constexpr double kLargeEps = 0.01;

/// Distributions with something to be said about them.
struct Trouble {
  std::int64_t empty = 0, flat = 0, not_finite = 0, few = 0, large_eps = 0;
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();  ///< elements of the smallest that is not empty
};

class Explanation {
 public:
  Explanation(const io::Array& x, const ExplainOptions& options)
      : x_(x.view()),
        options_(options),
        layout_(layout_of(options.norm, x_.rank())),
        norm_(make_norm(options.norm, x_)),
        membership_(norm_.grouping, x_.shape()) {
    if (x_.size() == 0)
      throw Error("[explain] an input of shape " + to_string(x_.shape()) + " has no elements; give one that has");
    if (options.top < 1)
      throw Error("[top] --top " + std::to_string(options.top) + " shows nothing; give 1 or more, or --all");
    if (!options.weight.empty()) weight_ = read_tensor_at(options.weight);
    if (!options.bias.empty()) bias_ = read_tensor_at(options.bias);
    norm_.options.weight = weight_.view();
    norm_.options.bias = bias_.view();
    order_ = comparability(x_, norm_.grouping, norm_.options);  // also refuses what cannot be normalized
    measure_rows();
    find_trouble();
    if (has_vectors()) compare_all_vectors();
  }

  ordered_json numbers() const;
  void show(Page& page, const Say& say) const;

 private:
  const Grouping::Boxes& boxes() const { return membership_.boxes(); }
  void measure_rows();
  void find_trouble();
  bool has_vectors() const;
  void compare_all_vectors();
  std::vector<const Row*> chosen(std::size_t& skipped_after) const;

  std::string axis_name(const Say& say, int axis) const;
  std::string place_of(const Say& say, std::int64_t number) const;
  std::string axes_where(const Say& say, bool shared) const;
  void show_picture(Page& page, const Say& say) const;
  void show_words(Page& page, const Say& say) const;
  void show_rows(Page& page, const Say& say) const;
  void show_notes(Page& page, const Say& say) const;
  void show_comparability(Page& page, const Say& say) const;
  ordered_json numbers_of_row(const Row& row) const;

  ConstView x_;
  const ExplainOptions& options_;
  std::string layout_;
  Norm norm_;
  report::Membership membership_;
  io::Array weight_, bias_;
  std::vector<Row> rows_;
  Trouble trouble_;
  Comparability order_;
  std::optional<VectorComparability> vectors_;
  std::optional<VectorComparison> seen_alone_;  ///< where there are too many vectors for every pair
};

// ---------------------------------------------------------------------------------------------------------- measuring

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
std::vector<const Row*> Explanation::chosen(std::size_t& skipped_after) const {
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
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(skipped_after),
             rows.end() - static_cast<std::ptrdiff_t>(top / 2));
  return rows;
}

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

// -------------------------------------------------------------------------------------------------------------- pages

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
  const auto first = std::find_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.moments.count > 0; });
  if (first != rows_.end()) options.marked = first->number;
  page.lines(report::draw(page, norm_.grouping, x_.shape(), options));
  std::string caption = say("explain.picture", fmt::arg("place", place_of(say, options.marked)));
  if (!report::is_to_scale(x_.shape(), options)) caption += say("explain.scale");
  page.paragraph(caption, Style::faint);
}

void Explanation::show_words(Page& page, const Say& say) const {
  const std::int64_t count = boxes().distributions();
  if (count == 1) {
    page.paragraph(say("explain.one"));
  } else {
    const std::string along = axes_where(say, false);
    page.paragraph(say("explain.shared", fmt::arg("shared", axes_where(say, true)),
                       fmt::arg("along", along.empty() ? "–" : along)));
    page.paragraph(say("explain.count", fmt::arg("count", with_commas(static_cast<double>(count))),
                       fmt::arg("elements", with_commas(static_cast<double>(x_.size() - order_.plain.seen.left_out)))));
  }
  if (order_.plain.seen.left_out > 0) {
    page.paragraph(
        say("explain.left_out", fmt::arg("count", with_commas(static_cast<double>(order_.plain.seen.left_out)))));
  }
}

void Explanation::show_rows(Page& page, const Say& say) const {
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
    if (i == skipped_after)
      table.rows.push_back(
          {"", say("rows.skipped", fmt::arg("count", with_commas(static_cast<double>(rows_.size() - rows.size()))))});
    const Row& row = *rows[i];
    const bool empty = row.moments.count == 0;
    std::vector<std::string> cells{fmt::format("{}", row.number), place_of(say, row.number),
                                   with_commas(static_cast<double>(row.moments.count))};
    if (centered) cells.push_back(empty ? "–" : brief(row.moments.mean));
    for (const double value : {row.deviation(), row.min, row.max}) cells.push_back(empty ? "–" : brief(value));
    if (row.not_finite > 0 || row.flat(centered)) {
      for (std::string& cell : cells) cell = page.paint(Style::reversed, cell);
    }
    table.rows.push_back(cells);
  }
  page.heading(say(options_.all ? "rows.title.all" : "rows.title"));
  page.table(table);
}

void Explanation::show_notes(Page& page, const Say& say) const {
  const auto note = [&](std::int64_t count, std::string_view id) {
    if (count == 0) return;
    page.paragraph(say("notes.sign") +
                   say(id, fmt::arg("count", with_commas(static_cast<double>(count))),
                       fmt::arg("total", with_commas(static_cast<double>(rows_.size()))),
                       fmt::arg("fewest", trouble_.fewest),
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

void Explanation::show_comparability(Page& page, const Say& say) const {
  page.heading(say("report.title", fmt::arg("what", say(order_.has_affine ? "report.plain" : "report.pairs"))));
  show_order(page, say, order_.plain);
  if (order_.has_affine) {
    page.blank();
    page.heading(say("report.title", fmt::arg("what", say("report.affine"))));
    show_order(page, say, order_.affine);
  }
  if (order_.plain.seen.not_a_number > 0) {
    page.paragraph(
        say("report.nan", fmt::arg("count", with_commas(static_cast<double>(order_.plain.seen.not_a_number)))));
  }
  if (!vectors_ && !seen_alone_) return;
  page.blank();
  page.heading(say("vectors.title", fmt::arg("axis", axis_name(say, x_.rank() - 1)),
                   fmt::arg("size", x_.shape()[x_.rank() - 1])));
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

std::string shape_words(const Dims& shape) {
  std::string words;
  for (const std::int64_t size : shape) words += (words.empty() ? "" : " × ") + fmt::format("{}", size);
  return words.empty() ? "1" : words;
}

void Explanation::show(Page& page, const Say& say) const {
  const std::string norm = options_.norm.norm.empty() ? say("explain.axes") : say("norm." + options_.norm.norm);
  page.title(say("explain.title", fmt::arg("norm", norm), fmt::arg("shape", shape_words(x_.shape())),
                 fmt::arg("layout", layout_.empty() ? "" : " (" + layout_ + ")"),
                 fmt::arg("dtype", name_of(x_.dtype()))));
  show_words(page, say);
  page.blank();
  show_picture(page, say);
  page.blank();
  show_rows(page, say);
  page.blank();
  show_notes(page, say);
  show_comparability(page, say);
}

// ------------------------------------------------------------------------------------------------------------ numbers

ordered_json Explanation::numbers_of_row(const Row& row) const {
  const bool empty = row.moments.count == 0;
  const auto number = [&](double value) { return empty ? ordered_json(nullptr) : ordered_json(value); };
  return {{"number", row.number},
          {"place", place_of(Say(Language::en), row.number)},
          {"count", row.moments.count},
          {"mean", number(row.moments.mean + row.moments.mean_low)},
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

void run_explain(const ExplainOptions& options) {
  const Language language = language_of(options.lang);
  const io::Array x = read_input(options.inputs);
  const std::string text = options.json ? explanation_numbers(x, options).dump(2) + '\n'
                                        : explanation_page(x, options, language, Page::for_standard_output());
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

io::Array read_input(const std::vector<std::string>& paths) {
  return paths.size() == 1 ? read_tensor_at(paths[0]) : io::read_tensors(paths);
}

std::string explanation_page(const io::Array& x, const ExplainOptions& options, Language language,
                             Page::Options page_options) {
  Page page(page_options);
  page.blank();
  Explanation(x, options).show(page, Say(language));
  return page.text();
}

ordered_json explanation_numbers(const io::Array& x, const ExplainOptions& options) {
  return Explanation(x, options).numbers();
}

void add_explain(CLI::App& app) {
  CLI::App* explain = app.add_subcommand(
      "explain", "Show which elements form one distribution, their moments, and what stays comparable");
  auto options = std::make_shared<ExplainOptions>();
  explain
      ->add_option("input", options->inputs,
                   "A tensor (.npy, .npz:name, .safetensors:name, - for standard input), or images of one size, which "
                   "form a batch")
      ->required()
      ->type_name("IN");
  add_norm_options(*explain, options->norm);
  explain->add_option("--weight", options->weight, "A file of weights: the report is also made of what they make");
  explain->add_option("--bias", options->bias, "A file of biases, likewise");
  explain->add_option("--top", options->top, "How many distributions to list, the extremes [10]");
  explain->add_flag("--all", options->all, "List all distributions, in the order of their numbers");
  explain->add_option("--lang", options->lang, "en or zh [the locale's]")->type_name("LANG");
  explain->add_flag("--json", options->json, "All the numbers as one JSON document");
  explain->callback([options] { run_explain(*options); });
}

}  // namespace norma::cli
