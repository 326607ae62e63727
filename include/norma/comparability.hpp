// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "norma/grouping.hpp"
#include "norma/normalize.hpp"
#include "norma/view.hpp"

/// What stays comparable: what the mathematics promises, and what these data showed.
///
/// Two questions are asked of an input x and an output y. Of pairs of elements: is what was smaller still smaller? Of
/// vectors (the last axis): where do they point now? The counts are exact; the promises hold for every finite x and are
/// never measured; where a promise is absent, only the data can tell.
///
/// The promises are about normalizing by measured statistics, as in training:
///
///     y = (x - mean) * rstd * weight + bias
///
/// Of pairs within one distribution (mean and rstd are then the same two numbers for both, and rstd > 0):
///   - without weight and bias the order is kept, and so are the ratios of differences (xi - xj) / (xk - xl). Rounding
///     may tie what differed, above all in f16 and bf16, and ties where rstd = 0 (eps = 0 and no spread); it never
///     reverses, since each operation is rounded monotonically.
///   - with them, where all weights that meet in the distribution are equal and so are all biases: kept, with the
///   ratios, for a
///     positive weight; reversed throughout, with the ratios, for a negative one; all tied for a weight of 0.
///     BatchNorm, InstanceNorm and weights of one value are such cases; GroupNorm of several channels and LayerNorm are
///     in general not.
///   - otherwise nothing is promised; and nothing can be, for a distribution of three elements or more has inputs that
///   are
///     reversed and inputs that are not. (Two centred elements are (-t, t) before the weights: they have less freedom.)
/// Of pairs across distributions: nothing, with or without weight and bias.
///
/// Of vectors, with one rstd for all their elements (the whole vector lies in one distribution):
///   - not centred (RMSNorm), with one weight for the whole vector and no bias, each keeps its direction, or takes the
///   opposite
///     one where that weight is negative.
///   - subtracting a mean turns a vector unless that mean is 0. From x to x - mean: cos = (|x|^2 - mean * sum(x)) /
///     (|x| * |x - mean|); where the distribution is the vector itself (d elements, per-token LayerNorm) this is
///     cos = sqrt(1 - d * mean^2 / |x|^2).
///   - weights that differ along the vector turn it, and so does a bias.
///   - *differences* of two vectors of one distribution (words of one sentence in whole-sample LayerNorm) keep their
///     direction, as mean and bias cancel: always without weight and bias; with them, where the weights in the
///     distribution are equal and positive and the bias depends on the place in the vector alone.

namespace norma {

/// Unordered pairs of elements, each in one of five classes by how it is ordered before (x) and after (y).
///
/// Exact: 64 bits hold the n * (n - 1) / 2 pairs of up to 2^32 elements, the most that is taken. Zeros of either sign
/// are equal, and so are infinities of one sign.
struct NORMA_API PairCounts {
  std::uint64_t kept = 0;         ///< xi < xj and yi < yj
  std::uint64_t reversed = 0;     ///< xi < xj and yi > yj
  std::uint64_t tied_before = 0;  ///< xi = xj and yi != yj
  std::uint64_t tied_after = 0;   ///< xi != xj and yi = yj
  std::uint64_t tied_both = 0;    ///< xi = xj and yi = yj

  std::uint64_t ties() const { return tied_before + tied_after + tied_both; }
  std::uint64_t total() const { return kept + reversed + ties(); }
  /// Of the pairs that are ordered before and after: kept / (kept + reversed), and the rest. NaN where there are none.
  double kept_share() const { return share(kept, kept + reversed); }
  double reversed_share() const { return share(reversed, kept + reversed); }
  /// Of all pairs. NaN where there are none.
  double tied_share() const { return share(ties(), total()); }

  friend bool operator==(const PairCounts&, const PairCounts&) = default;

 private:
  static double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? std::nan("") : static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// The pairs of two disjoint sets of pairs; of a set without those of its part. operator- throws Error where some count
/// of the part is larger than the whole's.
NORMA_API PairCounts operator+(const PairCounts& a, const PairCounts& b);
NORMA_API PairCounts operator-(const PairCounts& whole, const PairCounts& part);

/// Which pairs are counted: those whose two elements have the same number in `same` and different ones in `different`.
/// Absent is no condition. One number for each element, in C order, as Grouping::assign writes them; an element with a
/// negative number belongs to no pair.
struct PairKind {
  std::optional<std::span<const std::int64_t>> same{};
  std::optional<std::span<const std::int64_t>> different{};
};

/// Counts pairs of one kind. "The same channel in different images" of (N, C, H, W), exactly:
///
///     count_pairs(x, y, {.same = ids of Grouping::batch(), .different = ids of Grouping::sample()})
///
/// x, y  same shape, any strides, any two float dtypes. Elements that are NaN in x or in y belong to no pair.
/// O(n log n) time, O(n) memory: sorts by x and counts inversions of y. Knight 1966, "A computer method for calculating
/// Kendall's tau with ungrouped data", JASA 61. Throws Error. Runs on the calling thread, allocates.
NORMA_API PairCounts count_pairs(const ConstView& x, const ConstView& y, const PairKind& kind = {});

/// The pairs within distributions, and those across.
struct OrderComparison {
  PairCounts within, across;
  std::int64_t elements = 0;      ///< that take part
  std::int64_t left_out = 0;      ///< by the grouping's mask or lengths
  std::int64_t not_a_number = 0;  ///< of the others: NaN in x or in y
};

/// Counts the pairs of elements by order before and after: exact, of whatever made y from x. As count_pairs; both
/// counts share one sort.
NORMA_API OrderComparison compare_order(const ConstView& x, const ConstView& y, const Grouping& grouping);

/// What is promised of the order of pairs, for every finite x.
enum class Order : std::uint8_t {
  kept,             ///< never reversed; rounding may tie
  reversed,         ///< never kept; rounding may tie
  tied,             ///< all become equal
  by_distribution,  ///< each distribution has one of the above, not all the same
  none,             ///< nothing
  no_pairs,         ///< there are no such pairs
};

/// What is promised of pairs within distributions: how many distributions (of two elements or more that count) have
/// each promise.
struct NORMA_API OrderPromise {
  std::int64_t kept = 0, reversed = 0, tied = 0, none = 0;

  Order order() const;
  /// Whether ratios of differences are kept, but for rounding, within every distribution.
  bool ratios() const { return tied + none == 0 && kept + reversed > 0; }
};

/// One map, as promised and as seen.
struct MapOrder {
  OrderPromise within;         ///< promised within distributions
  Order across = Order::none;  ///< promised across them: none, or no_pairs where there is one distribution
  OrderComparison seen;
};

/// A normalization without its affine part and with it. Without weight and bias the two are the same.
struct Comparability {
  bool has_affine = false;
  MapOrder plain, affine;
};

/// Normalizes x, without weight and bias and with them, into memory of its own in x's dtype, and says what is promised
/// of the order of pairs and what became of it. Throws Error as normalize() and compare_order() do. O(n log n), O(n)
/// memory.
NORMA_API Comparability comparability(const ConstView& x, const Grouping& grouping, const Options& options = {});

/// How one vector turned: NaN where a direction is missing before or after.
struct Turn {
  double cosine = std::nan("");
  double degrees = std::nan("");  ///< 0 to 180
};

/// How the vectors along the last axis turned. Means and extremes are over those `compared`; NaN where there are none.
struct VectorComparison {
  std::vector<Turn> turns;  ///< one a vector, in C order of the axes before the last
  std::int64_t compared = 0;
  std::int64_t left_out = 0;    ///< all their elements, by the grouping's mask or lengths
  std::int64_t zero = 0;        ///< without direction: all zeros before or after
  std::int64_t not_finite = 0;  ///< with a NaN or an infinity, before or after
  double min_cosine = std::nan(""), mean_cosine = std::nan("");
  double mean_degrees = std::nan(""), max_degrees = std::nan("");
  std::int64_t most_turned = -1;  ///< the first vector with max_degrees
};

/// The angle of each vector before to itself after.
///
///     a = x / |x|    b = y / |y|    angle = 2 * atan2(|a - b|, |a + b|)    cosine = cos(angle)
///
/// Kahan's form: small angles are as exact as large ones (an arc cosine in double sees none below 10^-6 degrees).
/// x, y  shape (..., d) with d of 1 or more, any strides, any two float dtypes. Whole f64 range; all in double.
/// grouping: elements that it leaves out are left out of their vectors. Throws Error. O(n).
NORMA_API VectorComparison compare_vectors(const ConstView& x, const ConstView& y);
NORMA_API VectorComparison compare_vectors(const ConstView& x, const ConstView& y, const Grouping& grouping);

/// The two vectors (numbered as in VectorComparison::turns) whose angle to each other changed most, and that angle in
/// degrees.
struct AngleChange {
  std::int64_t first = 0, second = 0;
  double before = 0, after = 0;

  double change() const { return after - before; }
};

/// The most vectors whose every pair is looked at: 8 million pairs; 768 elements each take a few seconds.
inline constexpr std::int64_t kMostVectorsInPairs = 4096;

/// The largest change of the angle between any two vectors of those that compare_vectors() compares: exact, over all
/// pairs; of equal changes the first pair. Nothing where fewer than two are left. Throws Error above
/// kMostVectorsInPairs of them: a sample is the caller's to take. O(vectors^2 * d), on the runner's threads (null:
/// default_runner()), the same bits on any.
NORMA_API std::optional<AngleChange> largest_angle_change(const ConstView& x, const ConstView& y,
                                                          Runner* runner = nullptr);
NORMA_API std::optional<AngleChange> largest_angle_change(const ConstView& x, const ConstView& y,
                                                          const Grouping& grouping, Runner* runner = nullptr);

/// What may turn the vectors along the last axis: each is true where it concerns at least one vector. Of elements that
/// count.
struct NORMA_API VectorPromise {
  bool subtracts_mean = false;         ///< turns a vector unless the mean is 0
  bool several_distributions = false;  ///< elements of one vector belong to different ones, and are scaled differently
  bool weights_differ = false;         ///< along one vector
  bool adds_bias = false;              ///< one that is not 0
  bool flips = false;  ///< a negative weight, or 0, which leaves no direction; or one that is not finite
  /// Whether the difference of any two vectors that meet in a distribution keeps its direction; nothing where no two
  /// meet.
  std::optional<bool> differences_kept;

  /// Each vector keeps its direction, but for rounding.
  bool direction_kept() const {
    return !(subtracts_mean || several_distributions || weights_differ || adds_bias || flips);
  }
};

/// One map, as promised and as seen.
struct MapVectors {
  VectorPromise promised;
  VectorComparison seen;
  std::optional<AngleChange> largest_change;
};

/// A normalization without its affine part and with it. Without weight and bias the two are the same.
struct VectorComparability {
  bool has_affine = false;
  MapVectors plain, affine;
};

/// Normalizes x (shape (..., d)), without weight and bias and with them, into memory of its own in x's dtype, and says
/// what is promised of the vectors along the last axis and what became of them. Throws Error as normalize(),
/// compare_vectors() and largest_angle_change() do.
NORMA_API VectorComparability vector_comparability(const ConstView& x, const Grouping& grouping,
                                                   const Options& options = {});

}  // namespace norma
