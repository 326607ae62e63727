// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/explanation.hpp"
#include "report/charts.hpp"

/// The pictures of an explanation. They show all of a distribution where that is a hill, and samples elsewhere, so that a
/// page stays small enough to open and to send, whatever the tensor.

namespace norma::cli {

/// `most` of the places 0 … size - 1, evenly spread, the first and the last among them.
std::vector<std::size_t> spread(std::size_t size, std::size_t most);

/// x or what became of it, in C order.
struct Stage {
  std::string_view id;  ///< also in the ids of the table of strings
  std::vector<double> values;
};

/// e and say must outlive it. Holds the tensor in double, before and after.
class ExplanationPictures {
 public:
  using Row = DistributionRow;
  ExplanationPictures(const Explanation& e, const Say& say);

  /// The tensor with one distribution marked.
  report::Figure block() const;
  /// Distributions as hills, before and after.
  report::Figure ridges() const;
  /// Lines from rank to rank, and which pairs may be compared. No pictures where there is one element.
  report::Figure ranks_and_matrix() const;
  /// How vectors turned. No pictures where none has a direction before and after.
  report::Figure turns_and_angles() const;

 private:
  /// Elements of a few distributions at even ranks.
  struct Sampled {
    report::Table table;
    std::vector<report::RankLine> lines;
    std::vector<std::string> names;
  };

  std::vector<double> normalized_values(bool affine) const;
  std::vector<const Row*> rows_for_ridges() const;
  report::Picture ridges_of(const Stage& stage, const std::vector<const Row*>& rows) const;
  std::vector<const Row*> rows_for_ranks() const;
  Sampled sample_for_ranks() const;
  report::Picture ranks(const Sampled& sampled) const;
  std::vector<Dims> elements_for_matrix(report::MatrixOptions& options) const;
  report::Picture matrix(std::size_t& count) const;
  std::string place_of(const Row& row) const { return e_.place_of(say_, row.number); }
  std::size_t offset_of(const Dims& index) const {
    std::int64_t offset = 0;
    for (int axis = 0; axis < index.rank(); ++axis) offset = offset * e_.x_.shape()[axis] + index[axis];
    return static_cast<std::size_t>(offset);
  }

  const Explanation& e_;
  const Say& say_;
  std::vector<std::int64_t> numbers_;  ///< of each element's distribution
  std::vector<Stage> stages_;
};

}  // namespace norma::cli
