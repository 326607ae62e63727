// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "norma/grouping.hpp"
#include "norma/normalize.hpp"

namespace norma {

inline constexpr int kMostOperands = 3;  // x, y or x, dy, dx

/// Where something begins, relative to the first element of each operand, of the parameters, of the mask and of the
/// distributions.
struct Offsets {
  std::array<std::int64_t, kMostOperands> operand{};
  std::int64_t parameter = 0;
  std::int64_t mask = 0;
  std::int64_t distribution = 0;
};

/// One nested loop: how many times, and how far each turn steps.
struct Loop {
  std::int64_t size = 1;
  bool pooled = false;  // its turns belong to one distribution
  Offsets step;
};

/// The two ways to walk a distribution. rows: its elements lie side by side, or are gathered so. columns: neighbouring
/// distributions lie side by side, and all of them are walked at once.
enum class Family : std::uint8_t { rows, columns };

/// A grouping laid over the layouts of up to three operands. Loops are ordered from the largest stride of x to the smallest;
/// neighbours that play the same part and whose strides fit are merged.
///
///     rows      kept… [ pooled… [ inner, pooled ] ]            inner is what a kernel walks
///     columns   kept… [ pooled… [ inner = `width` columns ] ]  every `merged` neighbouring columns are one distribution
struct PlanData {
  PlanData(const Grouping& grouping, const ConstView* const* operands, int count);

  bool fits(const ConstView* const* operands, int count) const;
  std::string describe() const;

  Offsets kept_offsets(std::int64_t index) const;
  Offsets run_offsets(std::int64_t distribution, std::int64_t run) const;
  /// How many runs (rows of `inner`) the distribution of this index among the kept loops has.
  std::int64_t runs(std::int64_t kept_index) const;
  /// True when runs are evenly spaced: one pooled loop at most, and no labels.
  bool even_runs() const { return pooled.size() <= 1 && label_start.empty(); }
  /// The loop over a distribution's runs where they are even: one turn where there is but one run.
  Loop even_run_loop() const { return pooled.empty() ? Loop() : pooled.back(); }

  Grouping grouping;
  Grouping::Boxes boxes;
  int operands = 0;
  DType dtype = DType::f32;  // of all operands, but for …
  bool quantized = false;    // … y of i8
  std::array<Dims, kMostOperands> strides;

  Family family = Family::rows;
  std::vector<Loop> kept, pooled;  // outermost first; pooled without inner
  Loop inner;
  /// rows, masked: how the mask goes along `inner`, innermost first. What the mask alone keeps apart is one run all the same.
  struct MaskLoop {
    std::int64_t size, step;
  };
  std::vector<MaskLoop> run_mask;
  std::int64_t merged = 1;            // columns: how many neighbouring ones are one distribution
  std::int64_t column_parameter = 0;  // columns: parameter step of a distribution's next column, within `merged`
  bool staged = false;                // rows: gathered into a buffer before a kernel sees them

  std::int64_t kept_count = 1;    // turns of the kept loops
  std::int64_t pooled_count = 1;  // turns of the pooled loops, without labels
  std::int64_t longest = 1;       // elements of the longest distribution

  /// Weight and bias are walked in the order of the loops: parameter_order[k] is the caller's index of the k-th one.
  /// Empty where that is the same order.
  std::vector<std::int64_t> parameter_order;

  /// The rows of key k are label_rows[label_start[k] … label_start[k + 1]); they are the outermost pooled loop, whose
  /// step is label_step. The key is the kept loop number label_loop.
  std::vector<std::int64_t> label_start, label_rows;
  Offsets label_step;
  int label_loop = -1;

  /// Lengths, written out as a mask of shape (samples, positions).
  std::vector<std::uint8_t> lengths_mask;
  bool masked = false;
  const std::uint8_t* mask_data() const {
    return lengths_mask.empty() ? static_cast<const std::uint8_t*>(grouping.mask().data()) : lengths_mask.data();
  }

 private:
  void lay_out(const ConstView* const* views);
  void order_parameters(const std::vector<Loop*>& loops);
  void choose_family(std::vector<Loop> loops);
  void join_runs();
  Offsets axis_step(const ConstView* const* views, int axis) const;
};

}  // namespace norma
