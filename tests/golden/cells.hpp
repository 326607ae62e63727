// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "numbers.hpp"

/// What Norma computes, as hashes: a line for a cell of the matrix, `name: hash hash …`.
///
/// Each cell makes its input from its own name (numbers.hpp), so that lines may come, go and move. A result that holds a NaN,
/// whose bits no contract covers, is "NaN" instead of its hash, and is not to be kept.

namespace norma::golden {

class Sink {
 public:
  /// one_of: the cells that are computed at all; of a choice that is random and yet the same everywhere.
  explicit Sink(std::function<void(const std::string& line)> take, std::uint64_t one_of = 1) : take_(std::move(take)), one_of_(one_of) {}

  bool wants(const std::string& name) const { return (fnv1a(name) >> 32) % one_of_ == 0; }
  void operator()(const std::string& line) const { take_(line); }

 private:
  std::function<void(const std::string& line)> take_;
  std::uint64_t one_of_;
};

/// Every grouping × dtype × layout × shape, with and without masks, lengths, labels and weights:
/// measure, normalize (y and saved moments), normalize_with, backward (dx, dweight, dbias), backward_with, and a pass with all fusions.
void groupings(const Sink& sink);

/// The layers with their state: training, running statistics, inference, gradients; and folding.
void layers(const Sink& sink);

/// Samples in batches of 1 to 64, at every position, and in random cuts of 64: a line's hash is that of the samples alone.
/// Where a sample comes out otherwise, "differs" stands in the line instead.
void batches(const Sink& sink);

struct Part {
  const char* name;
  void (*run)(const Sink&);
  const char* columns;
};
inline constexpr Part kParts[] = {
    {"groupings", groupings, "grouping dtype layout shape data: measure normalize normalize_with backward backward_with fused"},
    {"layers", layers, "layer dtype layout shape data: train train_again state backward infer"},
    {"batches", batches, "grouping dtype layout sample: y_moments_dx y_given"},
};

}  // namespace norma::golden
