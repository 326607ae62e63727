// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cell.hpp"

namespace bench {

/// A cell's inputs, as every peer gets them, and what comes out by the definition in long double.
class Tensors {
 public:
  /// Fills the inputs from fixed seeds.
  explicit Tensors(const Cell& cell);
  /// Writes them for the other peers.
  void write() const;

  /// The largest error of a result, in units in the last place of max(1, |exact|); infinite where it is NaN.
  double error(const std::byte* result) const;

  /// Whether an element counts: false for what the cell's mask or lengths leave out.
  bool counts(std::int64_t n, std::int64_t s) const;

  Cell cell;
  Buffer x, dy, y;                   // y: the result of a forward pass, or dx
  std::vector<float> weight, bias;   // one a parameter
  std::vector<float> mean, variance; // inference: given, one a channel
  std::vector<std::int64_t> lengths; // one a sample, where narrow is "lengths"
  std::vector<std::uint8_t> mask;    // (n, s), where narrow is "mask"

 private:
  std::vector<long double> exact() const;
};

/// Elements as numbers, by dtype.
double load(const std::string& dtype, const std::byte* data, std::size_t i);
void store(const std::string& dtype, std::byte* data, std::size_t i, double value);

}  // namespace bench
