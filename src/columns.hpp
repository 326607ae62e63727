// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

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
  explicit Columns(const PlanData& plan);

  static constexpr std::int64_t kFold = 16;
  /// Kernel rows whose sums are held about one pivot; chunks are merged one after another within a block, blocks likewise.
  static constexpr std::int64_t kChunkRows = 256, kBlockChunks = 4;
  /// Bytes of rows that a kernel takes together, so that a column's sums or constants are loaded once for all of them and the
  /// rows stay in L1 meanwhile; always a multiple of kFewest rows, which are what short sums are made of.
  static constexpr std::int64_t kTogetherBytes = 16384, kFewest = simd::kShortSteps;
  /// Columns that a task takes: their sums stay in L1.
  static constexpr std::int64_t kStrip = 512;

  const PlanData& plan;
  std::int64_t fold, rows, width;
  std::int64_t chunk_rows, block_rows, blocks;
  std::int64_t together;  // kernel rows, folded ones where fold > 1

  std::int64_t distributions() const { return width / plan.merged; }
  std::int64_t folded_width() const { return width * fold; }
  std::int64_t strips() const { return fold > 1 ? 1 : (width + kStrip - 1) / kStrip; }

  /// The parameter of a column, relative to the kept loops' own, and the number of its distribution.
  std::int64_t parameter(std::int64_t column) const {
    return column / plan.merged * plan.inner.step.parameter + column % plan.merged * plan.column_parameter;
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
  std::int64_t row_step(std::size_t operand) const { return plan.pooled.back().step.operand[operand]; }
};

/// v[i] = value, in the compute type.
inline void store_compute(void* v, std::int64_t i, double value, bool in_double) {
  if (in_double) {
    static_cast<double*>(v)[i] = value;
  } else {
    static_cast<float*>(v)[i] = static_cast<float>(value);
  }
}

}  // namespace norma
