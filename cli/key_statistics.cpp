// SPDX-License-Identifier: Apache-2.0
#include "cli/key_statistics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "io/output_file.hpp"
#include "io/text.hpp"
#include "norma/error.hpp"
#include "norma/normalize.hpp"

namespace norma::cli {
namespace {

/// Columns of a file of statistics, after those of the key.
constexpr std::array<std::string_view, 7> kColumns = {"column", "count", "mean", "mean_low", "m2", "ddof", "deviation"};

/// One string for a key of several fields; no two keys share one.
std::string joined(std::span<const std::string_view> key) {
  std::string text;
  for (const std::string_view field : key) {
    text += std::to_string(field.size()) + ':';
    text += field;
  }
  return text;
}

void check_names(const std::vector<std::string>& by) {
  for (const std::string& name : by) {
    if (std::find(kColumns.begin(), kColumns.end(), name) == kColumns.end()) continue;
    throw Error(fmt::format("[standardize] a key's column called {} would stand beside one of that name in the statistics; "
                            "rename it, as {} are taken",
                            io::in_quotes(name), fmt::join(kColumns, ", ")));
  }
}

std::int64_t whole_number(const io::CsvTable& table, const io::CsvRow& row, std::size_t column) {
  const double number = table.number(row, column);
  if (number >= 0 && number < 9e15 && number == std::floor(number)) return static_cast<std::int64_t>(number);
  throw Error(fmt::format("[standardize] {}, row {}: the {} {} is no count; give the file that --save wrote", table.label(),
                          row.number, table.columns()[column], number));
}

}  // namespace

KeyStatistics::KeyStatistics(std::vector<std::string> by, std::vector<std::string> values)
    : by_(std::move(by)), values_(std::move(values)) {}

std::int64_t KeyStatistics::find(std::span<const std::string_view> key) const {
  const auto found = numbers_.find(joined(key));
  return found == numbers_.end() ? -1 : found->second;
}

std::int64_t KeyStatistics::add(std::span<const std::string_view> key) {
  const auto [at, is_new] = numbers_.try_emplace(joined(key), keys());
  if (is_new) {
    names_.emplace_back(key.begin(), key.end());
    moments_.resize(moments_.size() + values_.size());
  }
  return at->second;
}

std::string KeyStatistics::label(std::int64_t key) const {
  std::vector<std::string> quoted;
  for (const std::string& field : names_[static_cast<std::size_t>(key)]) quoted.push_back(io::in_quotes(field, 80));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

double KeyStatistics::deviation(std::int64_t key, std::size_t value) const {
  const Moments& m = of(key, value);
  return m.count <= ddof ? 0 : std::sqrt(m.variance(ddof));
}

void KeyStatistics::save(const std::string& path) const {
  check_names(by_);
  io::OutputFile file(path);
  std::vector<std::string_view> fields(by_.begin(), by_.end());
  fields.insert(fields.end(), kColumns.begin(), kColumns.end());
  std::string text;
  io::append_csv_row(text, fields);
  for (std::int64_t key = 0; key < keys(); ++key) {
    for (std::size_t v = 0; v < values_.size(); ++v) {
      const Moments& m = of(key, v);
      std::array<std::string, 6> numbers;
      const double held[] = {static_cast<double>(m.count), m.mean, m.mean_low, m.m2, static_cast<double>(ddof),
                             deviation(key, v)};
      for (std::size_t i = 0; i < numbers.size(); ++i) io::append_number(numbers[i], held[i]);
      const std::vector<std::string>& name = names_[static_cast<std::size_t>(key)];
      fields.assign(name.begin(), name.end());
      fields.emplace_back(values_[v]);
      fields.insert(fields.end(), numbers.begin(), numbers.end());
      io::append_csv_row(text, fields);
      file.write(text);
      text.clear();
    }
  }
  file.write(text);
  file.commit();
}

KeyStatistics KeyStatistics::load(const std::string& path, std::vector<std::string> by, std::vector<std::string> values) {
  check_names(by);
  io::CsvTable table(path);
  KeyStatistics statistics(std::move(by), std::move(values));
  std::vector<std::size_t> key_at;
  for (const std::string& name : statistics.by_) key_at.push_back(table.column(name));
  std::array<std::size_t, kColumns.size()> at;
  for (std::size_t i = 0; i < at.size(); ++i) at[i] = table.column(kColumns[i]);
  if (table.columns().size() != key_at.size() + at.size()) {
    throw Error(fmt::format("[standardize] {} has statistics by {} columns, but --by names {}; name the same ones",
                            table.label(), table.columns().size() - at.size(), key_at.size()));
  }

  std::vector<std::string_view> key(key_at.size());
  table.for_each_row([&](const io::CsvRow& row) {
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = row.fields[key_at[i]];
    const auto value = std::find(statistics.values_.begin(), statistics.values_.end(), row.fields[at[0]]);
    if (value == statistics.values_.end()) return;
    const auto v = static_cast<std::size_t>(value - statistics.values_.begin());
    const std::int64_t number = statistics.add(key);
    Moments& m = statistics.of(number, v);
    if (m.count != 0) {
      throw Error(fmt::format("[standardize] {}, row {}: the key {} was there before; give the file that --save wrote",
                              table.label(), row.number, statistics.label(number)));
    }
    m = {whole_number(table, row, at[1]), table.number(row, at[2]), table.number(row, at[3]), table.number(row, at[4])};
    const std::int64_t ddof = whole_number(table, row, at[5]);
    if (m.m2 < 0 || ddof > 1) {
      throw Error(fmt::format("[standardize] {}, row {}: m2 is {} and ddof {}, but m2 is 0 or more and ddof 0 or 1; give the file "
                              "that --save wrote",
                              table.label(), row.number, m.m2, ddof));
    }
    statistics.ddof = static_cast<int>(ddof);
  });
  for (std::size_t v = 0; v < statistics.values_.size(); ++v) {
    bool seen = false;
    for (std::int64_t k = 0; k < statistics.keys() && !seen; ++k) seen = statistics.of(k, v).count != 0;
    if (!seen) {
      throw Error(fmt::format("[standardize] {} has no statistics of {}; name a column that it was saved for", table.label(),
                              io::in_quotes(statistics.values_[v])));
    }
  }
  return statistics;
}

void KeyMeter::take(std::int64_t key, std::span<const double> numbers) {
  keys_.push_back(key);
  for (std::size_t v = 0; v < columns_.size(); ++v) columns_[v].push_back(numbers[v]);
  if (keys_.size() == kBlock) finish();
}

void KeyMeter::finish() {
  if (keys_.empty()) return;
  std::vector<std::int64_t> present = keys_;
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
  std::vector<Moments> measured(present.size());
  std::vector<std::uint8_t> counts(keys_.size());
  const Dims shape{static_cast<std::int64_t>(keys_.size())};
  for (std::size_t v = 0; v < columns_.size(); ++v) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = std::isnan(columns_[v][i]) ? 0 : 1;
    const ConstView x = view(static_cast<const double*>(columns_[v].data()), shape);
    const ConstView mask = view(static_cast<const std::uint8_t*>(counts.data()), shape);
    measure(x, Grouping::labels(keys_).masked(mask), measured);
    for (std::size_t k = 0; k < present.size(); ++k) {
      Moments& m = statistics_.of(present[k], v);
      m = merge(m, measured[k]);
    }
    columns_[v].clear();
  }
  keys_.clear();
}

}  // namespace norma::cli
