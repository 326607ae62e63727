// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/explain.hpp"
#include "norma/comparability.hpp"
#include "report/document.hpp"
#include "report/picture.hpp"
#include "report/terminal.hpp"

/// What `norma explain` tells: measured once, then told on a terminal, as HTML and as JSON.

namespace norma::cli {

/// What is told of one distribution.
struct DistributionRow {
  std::int64_t number = 0;
  Moments moments;
  double min = std::numeric_limits<double>::infinity(), max = -min;
  std::int64_t not_finite = 0;

  double mean() const { return moments.mean + moments.mean_low; }
  double deviation() const { return std::sqrt(moments.variance()); }
  bool constant() const { return moments.count > 0 && not_finite == 0 && min == max; }
  /// Nothing is left to be scaled: a constant without its mean, or zeros where no mean is subtracted.
  bool flat(bool centered) const { return constant() && (centered || max == 0); }
};

/// Distributions with something to be said about them.
struct Trouble {
  std::int64_t empty = 0, flat = 0, not_finite = 0, few = 0, large_eps = 0;
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();  ///< elements of the smallest that is not empty
};

/// A tensor and a normalization of it, measured. x and options must outlive it.
class Explanation {
 public:
  /// Throws Error.
  Explanation(const io::Array& x, const ExplainOptions& options);

  nlohmann::ordered_json numbers() const;
  void show(report::Page& page, const Say& say) const;
  report::Document document(const Say& say) const;

 private:
  using Row = DistributionRow;
  const Grouping::Boxes& boxes() const { return membership_.boxes(); }
  void measure_rows();
  void find_trouble();
  bool has_vectors() const;
  void compare_all_vectors();
  std::vector<const Row*> chosen(std::size_t& skipped_after) const;

  std::string axis_name(const Say& say, int axis) const;
  std::string place_of(const Say& say, std::int64_t number) const;
  std::string axes_where(const Say& say, bool shared) const;
  std::string heading(const Say& say) const;
  std::int64_t marked() const;

  // What a terminal and HTML say alike.
  void show_words(report::Writer& page, const Say& say) const;
  void show_rows(report::Writer& page, const Say& say, std::size_t most) const;
  void show_notes(report::Writer& page, const Say& say) const;
  void show_order_of_pairs(report::Writer& page, const Say& say) const;
  void show_vectors_along_last(report::Writer& page, const Say& say) const;
  report::Table rows_table(const Say& say, std::size_t most) const;

  void show_picture(report::Page& page, const Say& say) const;
  friend class ExplanationPictures;

  nlohmann::ordered_json numbers_of_row(const Row& row) const;

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

}  // namespace norma::cli
