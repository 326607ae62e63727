// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "cli/comparability_report.hpp"
#include "cli/tour.hpp"
#include "io/csv.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using nlohmann::ordered_json;
using report::Cell;
using report::Page;
using report::Style;
using report::Table;

namespace {

struct Country {
  std::string name, region, continent;
  double income = 0;
};

std::vector<Country> read_countries(const std::string& path) {
  io::CsvTable table(path);
  const std::size_t name = table.column("country"), region = table.column("subregion"),
                    continent = table.column("region_un"), income = table.column("gdp_per_person");
  std::vector<Country> countries;
  table.for_each_row([&](const io::CsvRow& row) {
    countries.push_back({std::string(row.fields[name]), std::string(row.fields[region]),
                         std::string(row.fields[continent]), table.number(row, income)});
  });
  return countries;
}

std::vector<double> read_column(const std::string& path, const std::string& column) {
  io::CsvTable table(path);
  const std::size_t at = table.column(column);
  std::vector<double> values;
  table.for_each_row([&](const io::CsvRow& row) { values.push_back(table.number(row, at)); });
  return values;
}

/// Numbers names from 0 in their alphabetical order.
std::vector<std::int64_t> keys_of(const std::vector<std::string>& names) {
  std::map<std::string, std::int64_t> numbers;
  for (const std::string& name : names) numbers[name] = 0;
  std::int64_t next = 0;
  for (auto& [name, number] : numbers) number = next++;
  std::vector<std::int64_t> keys;
  for (const std::string& name : names) keys.push_back(numbers[name]);
  return keys;
}

/// One way to say which countries form one distribution, and what came of it.
struct Split {
  std::string_view by;  ///< also the end of its id in the table of strings
  std::vector<std::int64_t> keys;
  std::int64_t distributions = 0;
  std::vector<double> scores;
  MapOrder order;
};

// The incomes have no constant group, so nothing need be added to a variance.
constexpr Options kExact{.eps = 0};

Split split_by(std::string_view by, const std::vector<std::string>& names, const std::vector<double>& incomes) {
  Split split{by, keys_of(names), 0, {}, {}};
  const Grouping grouping = Grouping::labels(split.keys);
  const Dims shape{static_cast<std::int64_t>(incomes.size())};
  split.distributions = grouping.boxes(shape).distributions();
  split.scores = normalized(incomes, shape, grouping, kExact);
  split.order = comparability(view(incomes.data(), shape), grouping, kExact).plain;
  return split;
}

/// What is told of the wages: one distribution, before and after.
struct Wages {
  std::vector<double> before, after;
  Moments moments;
  MapOrder order;

  double deviation() const { return std::sqrt(moments.variance()); }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/// mean((x - mean)^3) / deviation^3: 0 for what is symmetric.
double skewness(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double second = 0, third = 0;
  for (const double x : values) {
    second += (x - mean) * (x - mean);
    third += (x - mean) * (x - mean) * (x - mean);
  }
  return (third / n) / std::pow(second / n, 1.5);
}

struct Extent {
  double low = 0, high = 0;
};

Extent extent_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

double share_below(const std::vector<double>& values, double limit) {
  return static_cast<double>(std::count_if(values.begin(), values.end(), [&](double x) { return x < limit; })) /
         static_cast<double>(values.size());
}

Wages measure_wages(const std::string& path) {
  Wages wages{read_column(path, "wage"), {}, {}, {}};
  const Dims shape{static_cast<std::int64_t>(wages.before.size())};
  const Grouping all = Grouping::over({0});
  wages.after = normalized(wages.before, shape, all, kExact);
  measure(view(wages.before.data(), shape), all, {&wages.moments, 1});
  wages.order = comparability(view(wages.before.data(), shape), all, kExact).plain;
  return wages;
}

/// Two countries of different regions with the same score to two decimals.
struct Twins {
  std::size_t rich = 0, poor = 0;
};

class Incomes : public TourPart {
 public:
  explicit Incomes(const std::string& data)
      : countries_(read_countries(data + "/world-2014-worldbank.csv")),
        wages_(measure_wages(data + "/wages-1985-cps.csv")) {
    std::vector<std::string> world, continents, regions;
    for (const Country& country : countries_) {
      incomes_.push_back(country.income);
      world.emplace_back();
      continents.push_back(country.continent);
      regions.push_back(country.region);
    }
    splits_.push_back(split_by("world", world, incomes_));
    splits_.push_back(split_by("continent", continents, incomes_));
    splits_.push_back(split_by("region", regions, incomes_));
    china_ = find("China");
    india_ = find("India");
    china_twins_ = widest_twins(china_);
    widest_twins_ = widest_twins(std::nullopt);
  }

  ordered_json numbers() const override;
  void show(Page& page, const Say& say) const override;

 private:
  std::size_t find(const std::string& name) const {
    const auto found =
        std::find_if(countries_.begin(), countries_.end(), [&](const Country& c) { return c.name == name; });
    if (found == countries_.end())
      throw Error("[tour] the samples hold no country " + name + "; take data/ as it was shipped");
    return static_cast<std::size_t>(found - countries_.begin());
  }

  const Split& by_region() const { return splits_.back(); }
  double score(std::size_t i) const { return by_region().scores[i]; }
  std::vector<std::size_t> region_of(std::size_t country) const;
  std::optional<Twins> widest_twins(std::optional<std::size_t> one) const;

  void show_column(Page& page, const Say& say) const;
  void show_regions(Page& page, const Say& say) const;
  void show_lines(Page& page, const Say& say) const;
  std::string line_of(const Page& page, const std::vector<std::size_t>& members, auto const& position_of) const;
  void show_splits(Page& page, const Say& say) const;
  void show_twins(Page& page, const Say& say) const;
  void show_wages(Page& page, const Say& say) const;
  void show_histogram(Page& page, const Say& say) const;
  ordered_json numbers_of_country(std::size_t i) const;
  ordered_json numbers_of_wages() const;

  std::vector<Country> countries_;
  std::vector<double> incomes_;
  std::vector<Split> splits_;
  std::size_t china_ = 0, india_ = 0;
  std::optional<Twins> china_twins_, widest_twins_;
  Wages wages_;
};

/// The countries of the region of one, from the poorest to the richest.
std::vector<std::size_t> Incomes::region_of(std::size_t country) const {
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < countries_.size(); ++i) {
    if (countries_[i].region == countries_[country].region) members.push_back(i);
  }
  std::sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) { return incomes_[a] < incomes_[b]; });
  return members;
}

/// Of all countries in different regions whose scores are equal to two decimals, the two whose incomes are the furthest
/// apart; one of them the given one. In regions of two countries every score is 1 or -1: these do not count.
std::optional<Twins> Incomes::widest_twins(std::optional<std::size_t> one) const {
  const auto rounded = [&](std::size_t i) { return std::lround(score(i) * 100); };
  std::optional<Twins> widest;
  double most = 1;
  for (std::size_t a = 0; a < countries_.size(); ++a) {
    for (std::size_t b = 0; b < countries_.size(); ++b) {
      const bool asked = !one || a == *one || b == *one;
      if (!asked || countries_[a].region == countries_[b].region || rounded(a) != rounded(b)) continue;
      if (region_of(a).size() < 3 || region_of(b).size() < 3 || incomes_[a] / incomes_[b] <= most) continue;
      most = incomes_[a] / incomes_[b];
      widest = Twins{a, b};
    }
  }
  return widest;
}

// ---------------------------------------------------------------------------------------------------------- pages

constexpr const char *kChinaMark = "◆", *kIndiaMark = "◇", *kOtherMark = "●";

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

void Incomes::show_regions(Page& page, const Say& say) const {
  using enum Table::Align;
  std::vector<report::Lines> blocks;
  for (const std::size_t of : {china_, india_}) {
    Table table{{{say.name(countries_[of].region), left}, {say("incomes.dollars")}, {say("incomes.score")}}, {}};
    for (const std::size_t i : region_of(of)) {
      const Style style = i == china_ || i == india_ ? Style::marked : Style::plain;
      table.rows.push_back({page.paint(style, say.name(countries_[i].name)),
                            page.paint(style, with_commas(incomes_[i])),
                            page.paint(style, fmt::format("{:.2f}", score(i)))});
    }
    blocks.push_back(page.table_lines(table));
  }
  page.lines(report::beside(blocks, 10));
}

constexpr int kLineWidth = 66;

/// A number line with the members of one region on it. position_of gives a column, 0 to kLineWidth - 1.
std::string Incomes::line_of(const Page& page, const std::vector<std::size_t>& members, auto const& position_of) const {
  std::vector<std::string> cells(kLineWidth, page.paint(Style::faint, "─"));
  const auto put = [&](std::size_t i) {
    const bool named = i == china_ || i == india_;
    const char* mark = i == china_ ? kChinaMark : i == india_ ? kIndiaMark : kOtherMark;
    cells[static_cast<std::size_t>(std::lround(position_of(i)))] =
        named ? page.paint(Style::marked, mark) : std::string(mark);
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

/// The numbers under a number line, each at its column.
std::string scale_of(const std::vector<std::pair<double, std::string>>& ticks) {
  std::string scale;
  for (const auto& [position, text] : ticks) {
    const int width = report::display_width(text);
    scale = report::pad_right(scale, static_cast<int>(std::lround(position)) - width / 2) + text;
  }
  return scale;
}

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
      page.line(report::pad_right(say.name(countries_[country].region), label_width) +
                line_of(page, *members, position_of));
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

void Incomes::show_splits(Page& page, const Say& say) const {
  using enum Table::Align;
  Table table{{{say("incomes.split"), left},
               {say("incomes.distributions")},
               {say.name("China")},
               {say.name("India")},
               {say("incomes.verdict"), left},
               {say("incomes.flipped")}},
              {}};
  table.rows.push_back(
      {say("incomes.split.none"), "–", with_commas(incomes_[china_]), with_commas(incomes_[india_]), "", "–"});
  for (const Split& split : splits_) {
    const bool same = split.keys[china_] == split.keys[india_];
    const bool kept = (split.scores[china_] > split.scores[india_]) == (incomes_[china_] > incomes_[india_]);
    const std::string verdict = say(same   ? "incomes.verdict.same"
                                    : kept ? "incomes.verdict.kept"
                                           : "incomes.verdict.reversed");
    const PairCounts& across = split.order.seen.across;
    table.rows.push_back({say(fmt::format("incomes.split.{}", split.by)), fmt::format("{}", split.distributions),
                          fmt::format("{:.2f}", split.scores[china_]), fmt::format("{:.2f}", split.scores[india_]),
                          page.paint(same   ? Style::kept
                                     : kept ? Style::plain
                                            : Style::reversed,
                                     verdict),
                          across.total() == 0 ? "–"
                                              : percent(static_cast<double>(across.reversed),
                                                        static_cast<double>(across.kept + across.reversed))});
  }
  page.table(table);
}

void Incomes::show_twins(Page& page, const Say& say) const {
  const auto tell = [&](const std::optional<Twins>& twins, std::string_view id) {
    if (!twins) return;
    page.paragraph(say(id, fmt::arg("rich", say.name(countries_[twins->rich].name)),
                       fmt::arg("rich_income", with_commas(incomes_[twins->rich])),
                       fmt::arg("poor", say.name(countries_[twins->poor].name)),
                       fmt::arg("poor_income", with_commas(incomes_[twins->poor])),
                       fmt::arg("ratio", incomes_[twins->rich] / incomes_[twins->poor]),
                       fmt::arg("score", score(twins->rich))));
  };
  tell(china_twins_, "incomes.twins");
  tell(widest_twins_, "incomes.widest_twins");
}

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
  page.line(say("wages.dollars",
                fmt::arg("scale", page.paint(Style::faint,
                                             report::pad_right(scale_of(dollars),
                                                               kColumnsPerDollar * static_cast<int>(counts.size()))))));
  page.line(say("wages.scores",
                fmt::arg("scale", page.paint(Style::faint,
                                             report::pad_right(scale_of(scores),
                                                               kColumnsPerDollar * static_cast<int>(counts.size()))))));
}

void Incomes::show_wages(Page& page, const Say& say) const {
  page.heading(say("wages.title"));
  page.paragraph(say("wages.source", fmt::arg("count", wages_.before.size())), Style::faint);
  page.blank();
  show_histogram(page, say);
  page.blank();
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
    table.rows.push_back({say(after ? "wages.after" : "wages.before"), fmt::format("{:.2f}", mean),
                          fmt::format("{:.2f}", median(values)), fmt::format("{:.2f}", range.low),
                          fmt::format("{:.2f}", range.high), fmt::format("{:.2f}", skewness(values))});
  }
  page.table(table);
  page.blank();
  const Extent range = extent_of(wages_.after);
  page.paragraph(say("wages.text", fmt::arg("skewness", skewness(wages_.after)),
                     fmt::arg("median", median(wages_.after)),
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
  show_regions(page, say);
  page.blank();
  show_lines(page, say);
  page.blank();
  page.paragraph(say("incomes.flip", fmt::arg("ratio", incomes_[china_] / incomes_[india_]),
                     fmt::arg("china", score(china_)), fmt::arg("india", score(india_))));
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
  show_wages(page, say);
}

// -------------------------------------------------------------------------------------------------------- numbers

ordered_json Incomes::numbers_of_country(std::size_t i) const {
  return {
      {"country", countries_[i].name}, {"region", countries_[i].region}, {"income", incomes_[i]}, {"score", score(i)}};
}

ordered_json Incomes::numbers_of_wages() const {
  const Extent before = extent_of(wages_.before), after = extent_of(wages_.after);
  return {{"count", wages_.before.size()},
          {"mean", wages_.moments.mean},
          {"deviation", wages_.deviation()},
          {"below_mean", share_below(wages_.after, 0)},
          {"before",
           {{"median", median(wages_.before)},
            {"min", before.low},
            {"max", before.high},
            {"skewness", skewness(wages_.before)}}},
          {"after",
           {{"median", median(wages_.after)},
            {"min", after.low},
            {"max", after.high},
            {"skewness", skewness(wages_.after)}}},
          {"order", numbers_of(wages_.order)}};
}

ordered_json Incomes::numbers() const {
  ordered_json json{{"countries", countries_.size()}};
  for (const Split& split : splits_) {
    json["groupings"].push_back({{"by", split.by},
                                 {"distributions", split.distributions},
                                 {"china", split.scores[china_]},
                                 {"india", split.scores[india_]},
                                 {"order", numbers_of(split.order)}});
  }
  for (const std::size_t of : {china_, india_}) {
    ordered_json region{{"region", countries_[of].region}};
    for (const std::size_t i : region_of(of)) region["countries"].push_back(numbers_of_country(i));
    json["regions"].push_back(region);
  }
  for (const auto& twins : {china_twins_, widest_twins_}) {
    if (twins) json["equal_scores"].push_back({numbers_of_country(twins->rich), numbers_of_country(twins->poor)});
  }
  json["wages"] = numbers_of_wages();
  return json;
}

}  // namespace

std::unique_ptr<TourPart> measure_incomes(const std::string& data) { return std::make_unique<Incomes>(data); }

}  // namespace norma::cli
