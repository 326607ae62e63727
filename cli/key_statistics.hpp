// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/csv.hpp"
#include "norma/moments.hpp"

namespace norma::cli {

/// The moments of some columns of a table, for each key: the fields of some others. Memory grows with the number of keys,
/// not of rows.
class KeyStatistics {
 public:
  /// by: names of the key's columns; values: names of those that are measured.
  KeyStatistics(std::vector<std::string> by, std::vector<std::string> values);

  /// What --save wrote. Throws Error when the file is not such a table, or lacks one of the columns named.
  static KeyStatistics load(const std::string& path, std::vector<std::string> by, std::vector<std::string> values);
  /// Writes a row for each key and value: key, column, count, mean, mean_low, m2, ddof, deviation. Shortest decimals that read
  /// back as the same numbers, keys in the order in which they were first seen.
  void save(const std::string& path) const;

  /// The number of a key, a new one where add; -1 where it is not known.
  std::int64_t find(std::span<const std::string_view> key) const;
  std::int64_t add(std::span<const std::string_view> key);
  std::int64_t keys() const { return static_cast<std::int64_t>(names_.size()); }
  /// "'Asia', '2014'", for sentences.
  std::string label(std::int64_t key) const;

  Moments& of(std::int64_t key, std::size_t value) {
    return moments_[static_cast<std::size_t>(key) * values_.size() + value];
  }
  const Moments& of(std::int64_t key, std::size_t value) const {
    return moments_[static_cast<std::size_t>(key) * values_.size() + value];
  }
  /// sqrt(m2 / (count - ddof)); 0 for a single value.
  double deviation(std::int64_t key, std::size_t value) const;

  int ddof = 0;  ///< 0: the deviation of these rows; 1: the estimate for the population that they were drawn from

 private:
  std::vector<std::string> by_, values_;
  std::unordered_map<std::string, std::int64_t> numbers_;
  std::vector<std::vector<std::string>> names_;
  std::vector<Moments> moments_;
};

/// Measures rows as they come: gathers a block of them, and lets the library measure it by key.
class KeyMeter {
 public:
  explicit KeyMeter(KeyStatistics& statistics, std::size_t values) : statistics_(statistics), columns_(values) {}

  /// numbers: one a value column; NaN is a missing one.
  void take(std::int64_t key, std::span<const double> numbers);
  /// Measures what is left.
  void finish();

 private:
  // Fixed, so that a table gives the same bits on every machine.
  static constexpr std::size_t kBlock = 65'536;

  KeyStatistics& statistics_;
  std::vector<std::vector<double>> columns_;
  std::vector<std::int64_t> keys_;
};

}  // namespace norma::cli
