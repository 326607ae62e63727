// SPDX-License-Identifier: Apache-2.0
// What a terminal and HTML say alike of the incomes, and the page of a terminal.
#include <algorithm>
#include <array>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/tour_incomes.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using report::Cell;
using report::Page;
using report::Style;
using report::Table;
using report::Writer;

namespace {

constexpr const char *kChinaMark = "◆", *kIndiaMark = "◇", *kOtherMark = "●";

}  // namespace

void Incomes::show_column(Page& page, const Say& say) const {
  const Grouping grouping = Grouping::labels(by_region().keys);
  report::PictureOptions options;
  options.marked = by_region().keys[china_];
  options.roles = report::Roles::of(1);
  options.most_columns = 80;
  page.lines(report::draw(page, grouping, {static_cast<std::int64_t>(countries_.size())}, options));
  page.paragraph(say("incomes.column", fmt::arg("region", say.name(countries_[china_].region)),
                     fmt::arg("count", region_of(china_).size())),
                 Style::faint);
}

report::Table Incomes::region_table(const Say& say, std::size_t country) const {
  using enum Table::Align;
  Table table{{{say.name(countries_[country].region), left}, {say("incomes.dollars")}, {say("incomes.score")}}, {}};
  for (const std::size_t i : region_of(country)) {
    const Style style = i == china_ || i == india_ ? Style::marked : Style::plain;
    table.rows.push_back({Cell(say.name(countries_[i].name), style), Cell(with_commas(incomes_[i]), incomes_[i], style),
                          Cell(fmt::format("{:.2f}", score(i)), score(i), style)});
  }
  return table;
}

constexpr int kLineWidth = 66;

/// A number line with the members of one region on it. position_of gives a column, 0 to kLineWidth - 1.
std::string Incomes::line_of(const Page& page, const std::vector<std::size_t>& members, auto const& position_of) const {
  std::vector<std::string> cells(kLineWidth, page.paint(Style::faint, "─"));
  const auto put = [&](std::size_t i) {
    const bool named = i == china_ || i == india_;
    const char* mark = i == china_ ? kChinaMark : i == india_ ? kIndiaMark : kOtherMark;
    cells[static_cast<std::size_t>(std::lround(position_of(i)))] = named ? page.paint(Style::marked, mark) : std::string(mark);
  };
  for (const std::size_t i : members) put(i);
  // What is named is drawn last, so that no neighbour hides it.
  for (const std::size_t i : members) {
    if (i == china_ || i == india_) put(i);
  }
  std::string line;
  for (const std::string& cell : cells) line += cell;
  return line;
}

namespace {

/// The numbers under a number line, each at its column.
std::string scale_of(const std::vector<std::pair<double, std::string>>& ticks) {
  std::string scale;
  for (const auto& [position, text] : ticks) {
    const int width = report::display_width(text);
    scale = report::pad_right(scale, static_cast<int>(std::lround(position)) - width / 2);
    scale += text;
  }
  return scale;
}

}  // namespace

void Incomes::show_lines(Page& page, const Say& say) const {
  const std::vector<std::size_t> east = region_of(china_), south = region_of(india_);
  const int label_width = std::max(report::display_width(say.name(countries_[china_].region)),
                                   report::display_width(say.name(countries_[india_].region))) +
                          2;
  double high = 0;
  Extent scores{0, 0};
  for (const auto& members : {east, south}) {
    for (const std::size_t i : members) {
      high = std::max(high, incomes_[i]);
      scores = {std::min(scores.low, score(i)), std::max(scores.high, score(i))};
    }
  }
  const double dollars_per_column = (high * 1.02) / (kLineWidth - 1);
  const double first = std::floor(scores.low * 2) / 2, last = std::ceil(scores.high * 2) / 2;
  const auto draw = [&](const std::string& heading, auto const& position_of, const std::string& scale) {
    page.line(heading);
    for (const auto& [country, members] : {std::pair{china_, &east}, std::pair{india_, &south}}) {
      page.line(report::pad_right(say.name(countries_[country].region), label_width) + line_of(page, *members, position_of));
    }
    page.line(page.paint(Style::faint, std::string(static_cast<std::size_t>(label_width), ' ') + scale));
  };
  std::vector<std::pair<double, std::string>> dollars, deviations;
  for (double value = 0; value <= high * 1.02; value += 10'000)
    dollars.emplace_back(value / dollars_per_column, with_commas(value));
  const auto place = [&](double z) { return (z - first) / (last - first) * (kLineWidth - 1); };
  for (double z = std::ceil(first); z <= last; z += 1) deviations.emplace_back(place(z), fmt::format("{:.0f}", z));
  draw(
      say("incomes.before"), [&](std::size_t i) { return incomes_[i] / dollars_per_column; }, scale_of(dollars));
  draw(
      say("incomes.after"), [&](std::size_t i) { return place(score(i)); }, scale_of(deviations));
  page.line(page.paint(Style::faint, say("incomes.marks", fmt::arg("china_mark", kChinaMark),
                                         fmt::arg("china", say.name("China")), fmt::arg("india_mark", kIndiaMark),
                                         fmt::arg("india", say.name("India")), fmt::arg("other_mark", kOtherMark))));
}

void Incomes::show_splits(Writer& page, const Say& say) const {
  using enum Table::Align;
  Table table{{{say("incomes.split"), left},
               {say("incomes.distributions")},
               {say.name("China")},
               {say.name("India")},
               {say("incomes.verdict"), left},
               {say("incomes.flipped")}},
              {}};
  table.rows.push_back({say("incomes.split.none"), "–", Cell(with_commas(incomes_[china_]), incomes_[china_]),
                        Cell(with_commas(incomes_[india_]), incomes_[india_]), "", "–"});
  for (const Split& split : splits_) {
    const bool same = split.keys[china_] == split.keys[india_];
    const bool kept = (split.scores[china_] > split.scores[india_]) == (incomes_[china_] > incomes_[india_]);
    const std::string verdict = say(same ? "incomes.verdict.same" : kept ? "incomes.verdict.kept" : "incomes.verdict.reversed");
    const PairCounts& across = split.order.seen.across;
    const auto ordered = static_cast<double>(across.kept + across.reversed);
    const auto score = [&](std::size_t i) { return Cell(fmt::format("{:.2f}", split.scores[i]), split.scores[i]); };
    table.rows.push_back(
        {say(fmt::format("incomes.split.{}", split.by)), fmt::format("{}", split.distributions), score(china_), score(india_),
         Cell(verdict, same   ? Style::kept
                       : kept ? Style::plain
                              : Style::reversed),
         across.total() == 0 ? Cell("–")
                             : Cell(percent(static_cast<double>(across.reversed), ordered), across.reversed_share())});
  }
  page.table(table);
}

void Incomes::show_twins(Writer& page, const Say& say) const {
  const auto tell = [&](const std::optional<Twins>& twins, std::string_view id) {
    if (!twins) return;
    page.paragraph(say(
        id, fmt::arg("rich", say.name(countries_[twins->rich].name)),
        fmt::arg("rich_income", with_commas(incomes_[twins->rich])), fmt::arg("poor", say.name(countries_[twins->poor].name)),
        fmt::arg("poor_income", with_commas(incomes_[twins->poor])),
        fmt::arg("ratio", incomes_[twins->rich] / incomes_[twins->poor]), fmt::arg("score", score(twins->rich))));
  };
  tell(china_twins_, "incomes.twins");
  tell(widest_twins_, "incomes.widest_twins");
}

namespace {

constexpr int kHistogramHeight = 6, kColumnsPerDollar = 2;
constexpr std::array kEighths = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/// Bars of counts, kHistogramHeight lines high in eighths of a line.
report::Lines bars_of(const std::vector<int>& counts) {
  const double most = *std::max_element(counts.begin(), counts.end());
  report::Lines lines;
  for (int level = kHistogramHeight - 1; level >= 0; --level) {
    std::string line;
    for (const int count : counts) {
      int eighths = static_cast<int>(std::lround(count / most * kHistogramHeight * 8)) - 8 * level;
      // A single person must not vanish.
      if (level == 0 && count > 0) eighths = std::max(eighths, 1);
      for (int c = 0; c < kColumnsPerDollar; ++c) line += kEighths[static_cast<std::size_t>(std::clamp(eighths, 0, 8))];
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

void Incomes::show_histogram(Page& page, const Say& say) const {
  const Extent range = extent_of(wages_.before);
  std::vector<int> counts(static_cast<std::size_t>(std::floor(range.high)) + 1);
  for (const double wage : wages_.before) ++counts[static_cast<std::size_t>(wage)];
  for (const std::string& bar : bars_of(counts)) page.line(page.paint(Style::marked, bar));
  const auto place = [](double dollars) { return dollars * kColumnsPerDollar; };
  std::string rule;
  for (std::size_t c = 0; c < counts.size() * kColumnsPerDollar; ++c) rule += "─";
  page.line(page.paint(Style::faint, rule));
  std::vector<std::pair<double, std::string>> dollars, scores;
  for (double value = 5; value < static_cast<double>(counts.size()); value += 5)
    dollars.emplace_back(place(value), fmt::format("{:.0f}", value));
  const auto score_place = [&](double z) { return place(wages_.moments.mean + z * wages_.deviation()); };
  for (double z = std::ceil((0 - wages_.moments.mean) / wages_.deviation());
       score_place(z) < place(static_cast<double>(counts.size())) - 2; z += 1) {
    scores.emplace_back(score_place(z), fmt::format("{:.0f}", z));
  }
  page.line(
      say("wages.dollars",
          fmt::arg("scale", page.paint(Style::faint, report::pad_right(scale_of(dollars),
                                                                       kColumnsPerDollar * static_cast<int>(counts.size()))))));
  page.line(say(
      "wages.scores",
      fmt::arg("scale", page.paint(Style::faint,
                                   report::pad_right(scale_of(scores), kColumnsPerDollar * static_cast<int>(counts.size()))))));
}

void Incomes::show_wages_table(Writer& page, const Say& say) const {
  Table table{{{"", Table::Align::left},
               {say("wages.mean")},
               {say("wages.median")},
               {say("wages.lowest")},
               {say("wages.highest")},
               {say("wages.skewness")}},
              {}};
  for (const bool after : {false, true}) {
    const std::vector<double>& values = after ? wages_.after : wages_.before;
    const Extent range = extent_of(values);
    const double mean = after ? 0.0 : wages_.moments.mean;
    const auto number = [](double value) { return Cell(fmt::format("{:.2f}", value), value); };
    table.rows.push_back({say(after ? "wages.after" : "wages.before"), number(mean), number(median(values)), number(range.low),
                          number(range.high), number(skewness(values))});
  }
  page.table(table);
  page.blank();
  const Extent range = extent_of(wages_.after);
  page.paragraph(say("wages.text", fmt::arg("skewness", skewness(wages_.after)), fmt::arg("median", median(wages_.after)),
                     fmt::arg("below", percent(share_below(wages_.after, 0), 1)), fmt::arg("low", range.low),
                     fmt::arg("high", range.high)));
}

void Incomes::show(Page& page, const Say& say) const {
  page.title(say("incomes.title"));
  page.paragraph(say("incomes.source", fmt::arg("count", countries_.size())), Style::faint);
  page.blank();
  page.paragraph(
      say("incomes.idea", fmt::arg("count", countries_.size()), fmt::arg("distributions", by_region().distributions)));
  page.blank();
  show_column(page, say);
  page.blank();
  page.lines(report::beside({page.table_lines(region_table(say, china_)), page.table_lines(region_table(say, india_))}, 10));
  page.blank();
  show_lines(page, say);
  page.blank();
  page.paragraph(say("incomes.flip", fmt::arg("ratio", incomes_[china_] / incomes_[india_]), fmt::arg("china", score(china_)),
                     fmt::arg("india", score(india_))));
  page.blank();
  show_splits(page, say);
  page.blank();
  page.paragraph(say("incomes.grouping", fmt::arg("china_count", region_of(china_).size()),
                     fmt::arg("india_count", region_of(india_).size())));
  show_twins(page, say);
  page.blank();
  page.heading(say("report.title", fmt::arg("what", say("incomes.report"))));
  show_order(page, say, by_region().order);
  page.blank();
  page.heading(say("wages.title"));
  page.paragraph(say("wages.source", fmt::arg("count", wages_.before.size())), Style::faint);
  page.blank();
  show_histogram(page, say);
  page.blank();
  show_wages_table(page, say);
}

}  // namespace norma::cli
