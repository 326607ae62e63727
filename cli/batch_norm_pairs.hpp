// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "norma/view.hpp"

/// Which layer stands before which BatchNorm, out of the names and shapes of a state dict.

namespace norma::cli {

using Shapes = std::map<std::string, Dims, std::less<>>;

/// Names of modules, in which one * stands for any text.
struct PairOptions {
  std::vector<std::string> pairs;       ///< "conv1=bn1", "blocks.*.conv=blocks.*.bn": both * are the same text
  std::vector<std::string> keep;        ///< BatchNorms that stay, where pairs does not name them
  std::vector<std::string> transposed;  ///< layers whose weight is (in, out, …)
};

struct FoldPair {
  std::string layer, batch_norm;
  int channel_axis = 0;  ///< of the layer's weight, where its outputs are
  std::string_view by;   ///< how it was found: "pair", "sequence", "name"
};

/// What the * of a pattern stands for in a name; empty where the pattern has none and is the name itself. Nothing where it
/// does not fit.
std::optional<std::string> match(std::string_view pattern, std::string_view name);

/// The modules with running_mean and running_var, in the order of names. Throws Error where one of the two is missing.
std::vector<std::string> batch_norms_of(const Shapes& shapes);

/// A pair for each BatchNorm that does not stay: the one given, or else
/// - the layer one index before it, in an nn.Sequential: "features.0" before "features.1";
/// - the layer of the same name in the same module: "conv1" or "fc1" before "bn1" or "conv1_bn". Whether it stands before it or
///   behind it, the channels have to show: the layer's own, or those of a pair in a module named alike (digits aside) while
///   none of these contradicts.
///
/// Throws Error, in a sentence that says what to give: where nothing goes before a BatchNorm, or several may, or the numbers of
/// channels differ; where a layer has two BatchNorms; where a pattern fits nothing.
std::vector<FoldPair> find_pairs(const Shapes& shapes, const PairOptions& options);

}  // namespace norma::cli
