// SPDX-License-Identifier: Apache-2.0
// Measuring, and the numbers of --json.
#include "cli/tour_incomes.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "cli/comparability_report.hpp"
#include "io/csv.hpp"

namespace norma::cli {

using nlohmann::ordered_json;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

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

Extent extent_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

double share_below(const std::vector<double>& values, double limit) {
  return static_cast<double>(std::count_if(values.begin(), values.end(), [&](double x) { return x < limit; })) /
         static_cast<double>(values.size());
}

namespace {

std::vector<Country> read_countries(const std::string& path) {
  io::CsvTable table(path);
  const std::size_t name = table.column("country"), region = table.column("subregion"), continent = table.column("region_un"),
                    income = table.column("gdp_per_person");
  std::vector<Country> countries;
  table.for_each_row([&](const io::CsvRow& row) {
    countries.push_back({std::string(row.fields[name]), std::string(row.fields[region]), std::string(row.fields[continent]),
                         table.number(row, income)});
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
  keys.reserve(names.size());
  for (const std::string& name : names) keys.push_back(numbers[name]);
  return keys;
}

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

Wages measure_wages(const std::string& path) {
  Wages wages{read_column(path, "wage"), {}, {}, {}};
  const Dims shape{static_cast<std::int64_t>(wages.before.size())};
  const Grouping all = Grouping::over({0});
  wages.after = normalized(wages.before, shape, all, kExact);
  measure(view(wages.before.data(), shape), all, {&wages.moments, 1});
  wages.order = comparability(view(wages.before.data(), shape), all, kExact).plain;
  return wages;
}

}  // namespace

Incomes::Incomes(const std::string& data)
    : countries_(read_countries(data + "/world-2014-worldbank.csv")), wages_(measure_wages(data + "/wages-1985-cps.csv")) {
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

std::size_t Incomes::find(const std::string& name) const {
  const auto found = std::find_if(countries_.begin(), countries_.end(), [&](const Country& c) { return c.name == name; });
  if (found == countries_.end()) throw Error("[tour] the samples hold no country " + name + "; take data/ as it was shipped");
  return static_cast<std::size_t>(found - countries_.begin());
}

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

// -------------------------------------------------------------------------------------------------------- numbers

ordered_json Incomes::numbers_of_country(std::size_t i) const {
  return {{"country", countries_[i].name}, {"region", countries_[i].region}, {"income", incomes_[i]}, {"score", score(i)}};
}

ordered_json Incomes::numbers_of_wages() const {
  const Extent before = extent_of(wages_.before), after = extent_of(wages_.after);
  return {
      {"count", wages_.before.size()},
      {"mean", wages_.moments.mean},
      {"deviation", wages_.deviation()},
      {"below_mean", share_below(wages_.after, 0)},
      {"before",
       {{"median", median(wages_.before)}, {"min", before.low}, {"max", before.high}, {"skewness", skewness(wages_.before)}}},
      {"after",
       {{"median", median(wages_.after)}, {"min", after.low}, {"max", after.high}, {"skewness", skewness(wages_.after)}}},
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

std::unique_ptr<TourPart> measure_incomes(const std::string& data) { return std::make_unique<Incomes>(data); }

}  // namespace norma::cli
