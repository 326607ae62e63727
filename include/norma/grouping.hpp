// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "norma/view.hpp"

/// A normalization says which elements form one distribution; the rest is the same for all of them. This header is the
/// part that differs.
///
/// A grouping cuts a tensor into equal boxes; the elements of one box form one distribution. Every named normalization is
/// the size of its box, axis by axis: 1 keeps the indices of an axis apart, "all" pools them, a number in between pools that
/// many neighbours.
///
///     name                              N     C or L    S or D
///     batch            (N, C, S…)      all      1        all
///     ghost batch of k (N, C, S…)       k       1        all
///     instance         (N, C, S…)       1       1        all
///     group, G groups  (N, C, S…)       1      C/G       all
///     sample           (N, …)           1      all       all
///     layer, per token (N, L, D)        1       1        all
///
/// Labels then split an axis by key instead of by neighbourhood, and a mask or lengths take elements out: they belong to no
/// distribution, touch no statistic, and come out as zero, in the result and in the gradient.

namespace norma {

class NORMA_API Grouping {
 public:
  /// The given axes are pooled, the others kept apart; negative axes count from the end. weight and bias, where there are
  /// any, have one value for each index of the pooled axes (as LayerNorm's) unless parameters_along() says otherwise.
  static Grouping over(const Dims& axes);

  /// Each channel is one distribution, over all samples and positions. Ioffe, Szegedy 2015, arXiv:1502.03167.
  /// weight and bias: one value a channel.
  static Grouping batch(int channel_axis = 1);

  /// BatchNorm over each `samples` consecutive samples by themselves (axis 0, whose size they must divide).
  /// Hoffer, Hubara, Soudry 2017, arXiv:1705.08741, algorithm 1.
  static Grouping ghost_batch(std::int64_t samples, int channel_axis = 1);

  /// Each index before the trailing axes is one distribution; normalized_shape must equal their sizes: (D) makes each token
  /// one distribution, (L, D) each sentence. Ba, Kiros, Hinton 2016, arXiv:1607.06450.
  /// weight and bias: one value for each element of normalized_shape.
  static Grouping layer(const Dims& normalized_shape);

  /// Each sample (index of axis 0) is one distribution, whatever the shape of the rest. weight and bias as for layer().
  static Grouping sample();

  /// Each channel of each sample is one distribution. Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022.
  /// weight and bias: one value a channel.
  static Grouping instance(int channel_axis = 1);

  /// num_groups runs of neighbouring channels, each of each sample, are one distribution; num_groups must divide the
  /// channels. Wu, He 2018, arXiv:1803.08494. weight and bias: one value a channel.
  static Grouping group(std::int64_t num_groups, int channel_axis = 1);

  /// The indices of `axis` that share a key are one distribution, for each index of the other axes by itself: the GROUP BY
  /// of a table whose rows are axis 0. One key an index; the distributions are numbered in ascending order of their keys.
  /// The keys are read when a plan is made, not copied.
  static Grouping labels(std::span<const std::int64_t> keys, int axis = 0);

  /// This grouping without the elements where mask is 0. mask is u8 and broadcasts to the tensor as NumPy's rules say
  /// (aligned at the last axis, a size of 1 repeats). Its memory is read at each call of a plan, not copied.
  Grouping masked(const ConstView& mask) const;

  /// This grouping without the padding: of sample i (axis 0) the indices of `axis` from lengths[i] on are left out.
  /// The lengths are read when a plan is made, not copied.
  Grouping with_lengths(std::span<const std::int64_t> lengths, int axis = 1) const;

  /// This grouping with weight and bias that have one value for each index of these axes.
  Grouping parameters_along(const Dims& axes) const;

  /// What the grouping is on a tensor of this shape.
  struct Boxes {
    Dims shape;            ///< the tensor's
    Dims extent;           ///< axis by axis, how many neighbouring indices belong together: divides shape
    Dims parameter_axes;   ///< ascending, the axes along which weight and bias vary
    int labelled_axis = -1;
    std::int64_t keys = 0;  ///< how many different ones, on the labelled axis

    /// How many distributions, and how many weights.
    std::int64_t distributions() const;
    std::int64_t parameters() const;
    /// How many boxes (or keys) lie along one axis; distributions are numbered in C order of these.
    std::int64_t along(int axis) const;
  };

  /// Throws Error when this grouping does not fit the shape, the mask, the lengths or the labels.
  Boxes boxes(const Dims& shape) const;

  /// Writes for each element, in C order, the number of its distribution, or -1 where it belongs to none.
  /// out has as many values as the shape has elements. Throws Error as boxes() does.
  void assign(const Dims& shape, std::span<std::int64_t> out) const;

  /// Of the labelled axis: for each index the rank of its key among the different keys, ascending. Allocates.
  /// Empty when there are no labels.
  std::vector<std::int64_t> label_ranks() const;

  /// "batch_norm", "layer_norm", …: what errors call it.
  const char* name() const;
  /// Whether it names a channel axis (batch, instance, group): weight and bias then have one value a channel.
  bool has_channels() const;
  /// Whether training on a single value in each distribution is refused, as PyTorch does: batch and instance, and group where
  /// there is one sample (axis 0).
  bool needs_two(const Dims& shape) const;
  const ConstView& mask() const { return mask_; }
  std::span<const std::int64_t> lengths() const { return lengths_; }
  int lengths_axis() const { return lengths_axis_; }

 private:
  enum class Kind : std::uint8_t { over, batch, ghost_batch, layer, sample, instance, group, labels };
  explicit Grouping(Kind kind) : kind_(kind) {}
  int channel_axis(const Dims& shape) const;
  Dims extents(const Dims& shape) const;
  Dims parameter_axes(const Dims& shape, const Dims& extent) const;
  void check_narrowing(const Dims& shape) const;

  Kind kind_;
  int axis_ = 0;              // the channel axis or the labelled one
  std::int64_t number_ = 0;   // of groups, or of samples in a ghost batch
  Dims dims_;                 // the axes, or normalized_shape
  std::optional<Dims> parameters_;
  std::span<const std::int64_t> keys_;
  ConstView mask_;
  std::span<const std::int64_t> lengths_;
  int lengths_axis_ = 0;
  bool has_lengths_ = false;
};

}  // namespace norma
