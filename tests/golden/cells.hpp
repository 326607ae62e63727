// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

/// What Norma computes, as hashes: a line for a cell of the matrix, `name: hash hash …`.
///
/// Each cell makes its input from its own name (numbers.hpp), so that lines may come, go and move. A result that holds a NaN,
/// whose bits no contract covers, is "NaN" instead of its hash, and is not to be kept.

namespace norma::golden {

using Sink = std::function<void(const std::string& line)>;

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
