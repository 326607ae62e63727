// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "cli/tour.hpp"
#include "norma/comparability.hpp"
#include "report/drawing.hpp"

/// The first part of the tour: incomes standardized by region, and wages that keep their shape.

namespace norma::cli {

struct Country {
  std::string name, region, continent;
  double income = 0;
};

/// One way to say which countries form one distribution, and what came of it.
struct Split {
  std::string_view by;  ///< also the end of its id in the table of strings
  std::vector<std::int64_t> keys;
  std::int64_t distributions = 0;
  std::vector<double> scores;
  MapOrder order;
};

/// What is told of the wages: one distribution, before and after.
struct Wages {
  std::vector<double> before, after;
  Moments moments;
  MapOrder order;

  double deviation() const { return std::sqrt(moments.variance()); }
};

struct Extent {
  double low = 0, high = 0;
};

Extent extent_of(const std::vector<double>& values);
double median(std::vector<double> values);
/// mean((x - mean)^3) / deviation^3: 0 for what is symmetric.
double skewness(const std::vector<double>& values);
double share_below(const std::vector<double>& values, double limit);

/// Two countries of different regions with the same score to two decimals.
struct Twins {
  std::size_t rich = 0, poor = 0;
};

class Incomes : public TourPart {
 public:
  explicit Incomes(const std::string& data);

  nlohmann::ordered_json numbers() const override;
  void show(report::Page& page, const Say& say) const override;
  void show(report::Document& page, const Say& say) const override;

 private:
  std::size_t find(const std::string& name) const;

  const Split& by_region() const { return splits_.back(); }
  double score(std::size_t i) const { return by_region().scores[i]; }
  std::vector<std::size_t> region_of(std::size_t country) const;
  std::optional<Twins> widest_twins(std::optional<std::size_t> one) const;

  // What a terminal and HTML say alike.
  report::Table region_table(const Say& say, std::size_t country) const;
  void show_splits(report::Writer& page, const Say& say) const;
  void show_twins(report::Writer& page, const Say& say) const;
  void show_wages_table(report::Writer& page, const Say& say) const;

  void show_column(report::Page& page, const Say& say) const;
  void show_lines(report::Page& page, const Say& say) const;
  std::string line_of(const report::Page& page, const std::vector<std::size_t>& members, auto const& position_of) const;
  void show_histogram(report::Page& page, const Say& say) const;

  report::Picture rows_picture(const Say& say) const;
  report::Picture ridges_picture(const Say& say, bool after) const;
  report::Picture ranks_picture(const Say& say) const;
  report::Picture wages_picture(const Say& say) const;

  nlohmann::ordered_json numbers_of_country(std::size_t i) const;
  nlohmann::ordered_json numbers_of_wages() const;

  std::vector<Country> countries_;
  std::vector<double> incomes_;
  std::vector<Split> splits_;
  std::size_t china_ = 0, india_ = 0;
  std::optional<Twins> china_twins_, widest_twins_;
  Wages wages_;
};

}  // namespace norma::cli
