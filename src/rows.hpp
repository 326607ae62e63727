// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "call.hpp"

/// A distribution as a sequence of runs, cut into chunks of fixed size from its own start: what the forward and the backward
/// pass of the rows family share.

namespace norma {

/// Runs [run, run + runs) of a distribution, and of each the elements [first, first + length).
struct Chunk {
  std::int64_t run, runs, first, length;
};

/// Whether distributions can be taken together, in the order of memory: their runs are even and lie where they are, and neighbours of
/// the innermost kept loop are numbered one after another.
inline bool can_go_together(const PlanData& plan) {
  return !plan.staged && plan.even_runs() && !plan.kept.empty() && plan.kept.back().step.distribution == 1;
}
/// Runs so short, as of 7 x 7 images in NCHW, that a sweep of one distribution would touch a few lines of every sample's page.
inline bool short_runs(const PlanData& plan) {
  constexpr std::int64_t kShort = 4096;
  return plan.inner.size * static_cast<std::int64_t>(size_of(plan.dtype)) <= kShort;
}

/// One distribution of a plan.
class Distribution {
 public:
  Distribution(const PlanData& plan, std::int64_t index)
      : plan_(plan), index_(index), start_(plan.kept_offsets(index)), runs_(plan.runs(index)) {}

  std::int64_t number() const { return start_.distribution; }
  std::int64_t runs() const { return runs_; }
  const PlanData& plan() const { return plan_; }

  /// Where a run begins.
  Offsets at(std::int64_t run) const;

  std::int64_t chunks() const;
  Chunk chunk(std::int64_t k) const;
  /// Chunks are merged one after another within a block, and the blocks' results likewise: threads share blocks.
  static constexpr std::int64_t kBlock = 16;
  std::int64_t blocks() const { return (chunks() + kBlock - 1) / kBlock; }

 private:
  const PlanData& plan_;
  std::int64_t index_;
  Offsets start_;
  std::int64_t runs_;
};

/// A chunk's elements side by side in a buffer of the thread's own: what a layout or a mask scatters.
class Staging {
 public:
  explicit Staging(const PlanData& plan) : plan_(plan) {}

  /// Gathers a chunk of what lies as operand k does into a buffer of that number, or of another. Where there is a mask, elements
  /// that it leaves out become `fill`, or with Fill::member the first element that it does not; returns how many count.
  enum class Fill { member, zero };
  std::int64_t gather(const Distribution& distribution, const Chunk& chunk, int k, const std::byte* base, Fill fill);
  void gather(const Distribution& distribution, const Chunk& chunk, int k, const std::byte* base, int into);
  /// Gives every element of buffer 0 that the mask leaves out this value, which the element type can hold.
  void refill(const Distribution& distribution, const Chunk& chunk, double value);
  /// Writes a buffer back to where operand k lies, zero where the mask leaves out.
  void scatter(const Distribution& distribution, const Chunk& chunk, int k, std::byte* base, int from) const;
  /// The same of a buffer of int8, where y lies; the zero point where the mask leaves out.
  void scatter_quantized(const Distribution& distribution, const Chunk& chunk, std::byte* base, int from, int zero_point) const;
  std::byte* buffer(int k);

 private:
  static constexpr std::size_t kBuffers = 6;
  const PlanData& plan_;
  Scratch::Frame frame_;
  std::array<std::byte*, kBuffers> buffers_{};
};

/// The value of one element, for a pivot; and a value as the element type holds it.
double element_at(DType dtype, const std::byte* p);
double rounded_to(DType dtype, double value);

}  // namespace norma
