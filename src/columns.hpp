// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>

#include "call.hpp"

/// Neighbouring distributions lie side by side: a row of them at a time goes through the vectors, each column has a lane of
/// its own. What the forward and the backward pass of the columns family share.

namespace norma {

/// How the rows under one index of the kept loops are walked.
///
/// Few columns would leave most of a vector idle, so where rows lie end to end, kFold of them are taken as one row of kFold
/// times as many columns; the kFold partial results of a column are put together in order.
class Columns {
 public:
  /// tasks: how many parts of the work there should be at least.
  Columns(const PlanData& plan, std::int64_t tasks);

  static constexpr std::int64_t kFold = 16;
  /// Kernel rows whose sums are held about one pivot: a block. Blocks are merged one after another.
  static constexpr std::int64_t kBlockRows = 256;
  /// Bytes of rows that a kernel takes together, so that a column's sums or constants are loaded once for all of them and the
  /// rows stay in L1 meanwhile; always a multiple of kFewest rows, which are what short sums are made of.
  static constexpr std::int64_t kTogetherBytes = 16384, kFewest = simd::kShortSteps;
  /// Columns that a task takes at least, or somewhat fewer, so that distributions are whole. No fewer than all where the rows alone make
  /// tasks enough: parts of rows, a block of them at a time, are slow to walk (2048 columns beyond L3: half the speed).
  static constexpr std::int64_t kLeastStrip = 128;

  const PlanData& plan;
  std::int64_t fold, rows, width;
  std::int64_t block_rows, blocks;
  std::int64_t together;     // kernel rows, folded ones where fold > 1
  std::int64_t strip_width;  // columns that a task takes

  std::int64_t distributions() const { return width / plan.merged; }
  std::int64_t folded_width() const { return width * fold; }
  std::int64_t strips() const { return (width + strip_width - 1) / strip_width; }

  /// The parameter of column `within` of a distribution, relative to the kept loops' own, and the distribution's number.
  std::int64_t parameter(std::int64_t distribution, std::int64_t within) const {
    return distribution * plan.inner.step.parameter + within * plan.column_parameter;
  }
  std::int64_t number(std::int64_t distribution) const { return distribution * plan.inner.step.distribution; }

  /// Calls body(first row's offsets, how many rows) for stretches of evenly spaced rows that the mask does not leave out, at
  /// most `together` each. Not for folded rows.
  template <class Body>
  void for_each_stretch(std::int64_t kept_index, std::int64_t first, std::int64_t last, const Body& body) const {
    const Loop one, &inner = plan.pooled.empty() ? one : plan.pooled.back();
    const std::uint8_t* mask = plan.masked ? plan.mask_data() : nullptr;
    while (first < last) {
      const Offsets at = plan.run_offsets(kept_index, first);
      std::int64_t n = std::min({last - first, inner.size - first % inner.size, together});
      if (mask) {
        const auto counts = [&](std::int64_t r) { return mask[at.mask + r * inner.step.mask] != 0; };
        std::int64_t same = 1;
        while (same < n && counts(same) == counts(0)) ++same;
        n = same;
        if (!counts(0)) {
          body(at, n, false);
          first += n;
          continue;
        }
      }
      body(at, n, true);
      first += n;
    }
  }
  /// The values of the columns, written out for each row of a folded one.
  template <class C>
  void repeat(C* array) const {
    for (std::int64_t phase = 1; phase < fold; ++phase) std::copy_n(array, width, array + phase * width);
  }
  std::int64_t row_step(std::size_t operand) const { return plan.pooled.back().step.operand[operand]; }
};

/// Arrays of a value a column, in the compute type, that a kernel reads.
template <std::size_t kArrays>
struct ColumnConstants {
  std::array<void*, kArrays> all;
  bool prescaled = false, paired = false;  // whether any prescale is not 1, and any low is not 0
  ColumnConstants(Scratch::Frame& frame, std::int64_t width) {
    for (void*& v : all) v = frame.take<double>(width);
  }
  template <class C>
  std::array<C*, kArrays> as() const {
    std::array<C*, kArrays> typed;
    std::transform(all.begin(), all.end(), typed.begin(), [](void* v) { return static_cast<C*>(v); });
    return typed;
  }
};

/// How many tasks a call wants.
inline std::int64_t tasks_of(const Call& call, bool shared) { return shared ? std::int64_t{4} * call.runner.concurrency() : 1; }

/// Columns [column, column + width) that strip number `strip` takes.
struct Strip {
  std::int64_t column, width;
  Strip(std::int64_t first, std::int64_t count) : column(first), width(count) {}
  Strip(const Columns& columns, std::int64_t strip)
      : column(strip * columns.strip_width), width(std::min(columns.strip_width, columns.width - column)) {}
};

}  // namespace norma
