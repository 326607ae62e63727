// SPDX-License-Identifier: Apache-2.0
#include "norma/comparability.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "half.hpp"
#include "norma/normalize.hpp"

namespace norma {
namespace {

using Numbers = std::vector<std::int64_t>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "was not refused";
  return "";
}

// ------------------------------------------------------------------------------- the definitions, pair by pair

enum class Class { kept, reversed, tied_before, tied_after, tied_both };

Class classify(double xi, double xj, double yi, double yj) {
  if (xi == xj) return yi == yj ? Class::tied_both : Class::tied_before;
  if (yi == yj) return Class::tied_after;
  return (xi < xj) == (yi < yj) ? Class::kept : Class::reversed;
}

template <class Wanted>
PairCounts count_by_hand(const std::vector<double>& x, const std::vector<double>& y, const Wanted& wanted) {
  PairCounts counts;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = i + 1; j < x.size(); ++j) {
      if (std::isnan(x[i]) || std::isnan(x[j]) || std::isnan(y[i]) || std::isnan(y[j]) || !wanted(i, j)) continue;
      switch (classify(x[i], x[j], y[i], y[j])) {
        case Class::kept: ++counts.kept; break;
        case Class::reversed: ++counts.reversed; break;
        case Class::tied_before: ++counts.tied_before; break;
        case Class::tied_after: ++counts.tied_after; break;
        case Class::tied_both: ++counts.tied_both; break;
      }
    }
  }
  return counts;
}

double angle_by_hand(const double* a, const double* b, std::int64_t d) {
  long double aa = 0, bb = 0;
  for (std::int64_t i = 0; i < d; ++i)
    aa += static_cast<long double>(a[i]) * a[i], bb += static_cast<long double>(b[i]) * b[i];
  long double apart = 0, together = 0;
  for (std::int64_t i = 0; i < d; ++i) {
    const long double u = a[i] / std::sqrt(aa), v = b[i] / std::sqrt(bb);
    apart += (u - v) * (u - v), together += (u + v) * (u + v);
  }
  return static_cast<double>(2 * std::atan2(std::sqrt(apart), std::sqrt(together)) * 180 /
                             std::numbers::pi_v<long double>);
}

// ------------------------------------------------------------------------------- memory of any dtype and layout

/// Values in some dtype, in a layout whose axes lie in another order and may be walked backwards.
struct Tensor {
  std::vector<std::byte> memory;
  DType dtype;
  Dims shape, strides;
  std::int64_t origin = 0;

  Tensor(const std::vector<double>& values, DType type, const Dims& dims, std::mt19937_64* shuffle = nullptr)
      : memory(values.size() * size_of(type)), dtype(type), shape(dims), strides(contiguous_strides(dims)) {
    if (shuffle) {
      std::vector<int> axes(static_cast<std::size_t>(dims.rank()));
      for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int>(i);
      std::shuffle(axes.begin(), axes.end(), *shuffle);
      std::int64_t step = 1;
      for (int axis : axes) {
        const bool backwards = (*shuffle)() % 2 == 0;
        strides[axis] = backwards ? -step : step;
        if (backwards && !values.empty()) origin += step * (dims[axis] - 1);
        step *= dims[axis];
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::int64_t k = place(static_cast<std::int64_t>(i));
      switch (dtype) {
        case DType::f64: at<double>(k) = values[i]; break;
        case DType::f16: at<Half>(k) = from_double<Half>(values[i]); break;
        case DType::bf16: at<BFloat16>(k) = from_double<BFloat16>(values[i]); break;
        default: at<float>(k) = static_cast<float>(values[i]); break;
      }
    }
  }

  template <class T>
  T& at(std::int64_t i) {
    return reinterpret_cast<T*>(memory.data())[i];
  }
  std::int64_t place(std::int64_t i) const {
    std::int64_t k = origin;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      k += i % shape[axis] * strides[axis];
      i /= shape[axis];
    }
    return k;
  }
  /// As they were rounded to the dtype, in C order.
  std::vector<double> values() {
    std::vector<double> v;
    for (std::int64_t i = 0; i < count_of(shape); ++i) {
      const std::int64_t k = place(i);
      v.push_back(dtype == DType::f64    ? at<double>(k)
                  : dtype == DType::f16  ? to_double(at<Half>(k))
                  : dtype == DType::bf16 ? to_double(at<BFloat16>(k))
                                         : static_cast<double>(at<float>(k)));
    }
    return v;
  }
  View view() { return {memory.data() + origin * static_cast<std::int64_t>(size_of(dtype)), dtype, shape, strides}; }
};

struct Random {
  std::uint64_t seed = std::random_device{}();
  std::mt19937_64 engine{seed};

  std::int64_t upto(std::int64_t n) { return static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(n + 1)); }
  double normal() { return std::normal_distribution<double>()(engine); }
  DType dtype() { return std::array{DType::f32, DType::f64, DType::f16, DType::bf16}[engine() % 4]; }
  std::vector<double> normals(std::int64_t n, double mean = 0) {
    std::vector<double> v;
    for (std::int64_t i = 0; i < n; ++i) v.push_back(mean + normal());
    return v;
  }
  /// Few different values, signed zeros, infinities and, rarely, NaN.
  std::vector<double> with_ties(std::int64_t n) {
    const std::int64_t different = 1 + upto(12);
    std::vector<double> v;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t dice = upto(60);
      v.push_back(dice == 0   ? kNaN
                  : dice == 1 ? kInfinity
                  : dice == 2 ? -kInfinity
                  : dice == 3 ? -0.0
                              : static_cast<double>(upto(different) - different / 2) * 0.5);
    }
    return v;
  }
};

Numbers numbers_of(const Grouping& grouping, const Dims& shape) {
  Numbers numbers(static_cast<std::size_t>(count_of(shape)));
  grouping.assign(shape, numbers);
  return numbers;
}

// ------------------------------------------------------------------------------- counting

TEST(PairCounts, SharesAndSums) {
  const PairCounts a{6, 2, 1, 3, 4}, b{1, 1, 0, 2, 4};
  EXPECT_EQ(a.total(), 16u);
  EXPECT_EQ(a.ties(), 8u);
  EXPECT_EQ(a.kept_share(), 0.75);
  EXPECT_EQ(a.reversed_share(), 0.25);
  EXPECT_EQ(a.tied_share(), 0.5);
  EXPECT_TRUE(std::isnan(PairCounts{}.kept_share()));
  EXPECT_TRUE(std::isnan((PairCounts{0, 0, 5, 0, 0}).reversed_share()));
  EXPECT_TRUE(std::isnan(PairCounts{}.tied_share()));
  EXPECT_EQ(a - b, (PairCounts{5, 1, 1, 1, 0}));
  EXPECT_EQ(a - b + b, a);
  EXPECT_EQ(
      refusal([&] { b - a; }),
      "[comparability] the 16 pairs to be taken away are no part of the 8 pairs; subtract a finer partition's from a "
      "coarser one's");
}

TEST(CountPairs, EachClassOnce) {
  //                               a  b  c  d
  const std::vector<double> x = {1, 2, 2, 3}, y = {5, 5, 4, 6};
  const PairCounts all = count_pairs(view(x.data(), {4}), view(y.data(), {4}));
  EXPECT_EQ(all, (PairCounts{3, 1, 1, 1, 0}));  // ad bd cd; ac; bc; ab
  const std::vector<double> same = {0.0, -0.0};
  EXPECT_EQ(count_pairs(view(same.data(), {2}), view(same.data(), {2})), (PairCounts{0, 0, 0, 0, 1}));
  const std::vector<double> infinite = {kInfinity, kInfinity, -kInfinity};
  EXPECT_EQ(count_pairs(view(infinite.data(), {3}), view(infinite.data(), {3})), (PairCounts{2, 0, 0, 0, 1}));
}

TEST(CountPairs, EqualsTheDefinitionOnRandomData) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  for (int round = 0; round < 300; ++round) {
    const Dims shape = {random.upto(6), 1 + random.upto(8), random.upto(7)};
    const std::int64_t n = count_of(shape);
    Tensor x(random.with_ties(n), random.dtype(), shape, &random.engine);
    Tensor y(random.with_ties(n), random.dtype(), shape, &random.engine);
    // Numbers that are dense, sparse and extreme; some negative.
    const auto numbers = [&] {
      const std::int64_t scale = std::array<std::int64_t, 3>{
          1, 1000003, std::numeric_limits<std::int64_t>::max() / 6}[static_cast<std::size_t>(random.upto(2))];
      Numbers v;
      for (std::int64_t i = 0; i < n; ++i)
        v.push_back(random.upto(7) == 0 ? -1 - random.upto(3) : random.upto(5) * scale);
      return v;
    };
    const Numbers p = numbers(), q = numbers();
    const auto xs = x.values(), ys = y.values();
    const auto counts = [&](std::size_t i, std::size_t j, const Numbers& ids) { return ids[i] >= 0 && ids[j] >= 0; };

    ASSERT_EQ(count_pairs(x.view(), y.view()), count_by_hand(xs, ys, [](auto, auto) { return true; }));
    ASSERT_EQ(count_pairs(x.view(), y.view(), {.same = p}),
              count_by_hand(xs, ys, [&](auto i, auto j) { return counts(i, j, p) && p[i] == p[j]; }));
    ASSERT_EQ(count_pairs(x.view(), y.view(), {.different = q}),
              count_by_hand(xs, ys, [&](auto i, auto j) { return counts(i, j, q) && q[i] != q[j]; }));
    ASSERT_EQ(count_pairs(x.view(), y.view(), {.same = p, .different = q}), count_by_hand(xs, ys, [&](auto i, auto j) {
                return counts(i, j, p) && counts(i, j, q) && p[i] == p[j] && q[i] != q[j];
              }));
  }
}

TEST(CompareOrder, EqualsTheDefinitionForEveryGrouping) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  for (int round = 0; round < 60; ++round) {
    const std::int64_t samples = 1 + random.upto(3), positions = 1 + random.upto(5);
    const Dims shape = {samples, 4, positions};
    const std::int64_t n = count_of(shape);
    Tensor x(random.with_ties(n), random.dtype(), shape, &random.engine);
    Tensor y(random.with_ties(n), random.dtype(), shape, &random.engine);
    std::vector<std::uint8_t> mask;
    for (std::int64_t i = 0; i < n; ++i) mask.push_back(random.upto(3) != 0);
    Numbers keys, lengths;
    for (std::int64_t i = 0; i < samples; ++i)
      keys.push_back(random.upto(1) * 77), lengths.push_back(random.upto(positions));
    for (const Grouping& grouping :
         {Grouping::batch(), Grouping::sample(), Grouping::instance(), Grouping::group(2), Grouping::layer({positions}),
          Grouping::over({0, 1, 2}), Grouping::over({}), Grouping::labels(keys), Grouping::ghost_batch(1),
          Grouping::batch().masked(view(std::as_const(mask).data(), shape)),
          Grouping::sample().with_lengths(lengths, 2)}) {
      const Numbers ids = numbers_of(grouping, shape);
      const auto xs = x.values(), ys = y.values();
      const auto counts = [&](std::size_t i, std::size_t j) { return ids[i] >= 0 && ids[j] >= 0; };
      const OrderComparison seen = compare_order(x.view(), y.view(), grouping);
      ASSERT_EQ(seen.within, count_by_hand(xs, ys, [&](auto i, auto j) { return counts(i, j) && ids[i] == ids[j]; }));
      ASSERT_EQ(seen.across, count_by_hand(xs, ys, [&](auto i, auto j) { return counts(i, j) && ids[i] != ids[j]; }));
      std::int64_t left_out = 0, not_a_number = 0;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        left_out += ids[i] < 0;
        not_a_number += ids[i] >= 0 && (std::isnan(xs[i]) || std::isnan(ys[i]));
      }
      ASSERT_EQ(seen.left_out, left_out);
      ASSERT_EQ(seen.not_a_number, not_a_number);
      ASSERT_EQ(seen.elements, n - left_out - not_a_number);
    }
  }
}

TEST(CompareOrder, LongRunsAreMergedRight) {
  // Beyond the blocks of the sort, where the answer is known: y reverses x but for the ties, n is no power of two.
  const std::int64_t n = 100003;
  std::vector<float> x, y;
  for (std::int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(i * 7919 % n));
    y.push_back(-x.back());
  }
  const auto pairs = static_cast<std::uint64_t>(n) * (n - 1) / 2;
  EXPECT_EQ(count_pairs(view(x.data(), {n}), view(y.data(), {n})), (PairCounts{0, pairs, 0, 0, 0}));
  EXPECT_EQ(count_pairs(view(x.data(), {n}), view(x.data(), {n})), (PairCounts{pairs, 0, 0, 0, 0}));
  // More pairs than 32 bits can count, split over two distributions.
  Numbers halves;
  for (std::int64_t i = 0; i < n; ++i) halves.push_back(i % 2);
  const std::uint64_t h = n / 2, within = h * (h - 1) / 2 + (h + 1) * h / 2;
  const OrderComparison seen = compare_order(view(x.data(), {n}), view(y.data(), {n}), Grouping::labels(halves));
  EXPECT_EQ(seen.within.reversed, within);
  EXPECT_EQ(seen.across.reversed, pairs - within);
  EXPECT_EQ(seen.across.kept, 0u);
}

TEST(CompareOrder, EmptyInputHasNoPairs) {
  const OrderComparison seen =
      compare_order(view<float>(nullptr, {0, 5}), view<float>(nullptr, {0, 5}), Grouping::sample());
  EXPECT_EQ(seen.within.total() + seen.across.total(), 0u);
  EXPECT_TRUE(std::isnan(seen.within.kept_share()));
  // Sizes that promise much and hold nothing allocate nothing.
  const Dims vast = {std::int64_t{1} << 40, 0};
  EXPECT_EQ(compare_order(view<float>(nullptr, vast), view<float>(nullptr, vast), Grouping::sample()).elements, 0);
}

TEST(CompareOrder, MillionElementsTakeSeconds) {
  Random random;
  const Dims shape = {32, 32, 1024};
  const std::int64_t n = count_of(shape);
  std::vector<float> x;
  for (std::int64_t i = 0; i < n; ++i)
    x.push_back(static_cast<float>(random.normal() + static_cast<double>(i / 1024 % 32)));
  std::vector<float> weight(32), bias(32);
  for (std::size_t i = 0; i < 32; ++i)
    weight[i] = static_cast<float>(random.normal()), bias[i] = static_cast<float>(random.normal());
  const auto start = std::chrono::steady_clock::now();
  const Comparability c = comparability(
      view(std::as_const(x).data(), shape), Grouping::batch(),
      {.weight = view(std::as_const(weight).data(), {32}), .bias = view(std::as_const(bias).data(), {32})});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("seconds", std::to_string(seconds));
  std::printf("plain and affine, %lld elements: %.3f s\n", static_cast<long long>(n), seconds);
  EXPECT_EQ(c.plain.seen.within.total(), 32u * (32768ull * 32767 / 2));
  EXPECT_EQ(c.affine.seen.across.total() + c.affine.seen.within.total(), static_cast<std::uint64_t>(n) * (n - 1) / 2);
#if defined(NDEBUG) && !defined(NORMA_SANITIZED)
  EXPECT_LT(seconds, 3);
#endif
}

// ------------------------------------------------------------------------------- promises of order

/// Data that rounding ties often: f16 and bf16, large means.
TEST(Comparability, PlainNeverReversesWithinDistributions) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  std::uint64_t ties = 0, reversed_across = 0;
  for (int round = 0; round < 100; ++round) {
    const Dims shape = {2 + random.upto(3), 4, 2 + random.upto(40)};
    Tensor x(random.normals(count_of(shape), random.upto(3) * 40.0), random.dtype(), shape, &random.engine);
    for (const Grouping& grouping :
         {Grouping::batch(), Grouping::sample(), Grouping::layer({shape[2]}), Grouping::group(2)}) {
      for (const bool centered : {true, false}) {
        const Comparability c = comparability(x.view(), grouping, {.centered = centered});
        ASSERT_EQ(c.plain.within.order(), Order::kept);
        ASSERT_EQ(c.plain.within.kept, grouping.boxes(shape).distributions());
        ASSERT_TRUE(c.plain.within.ratios());
        ASSERT_EQ(c.plain.across, Order::none);
        ASSERT_EQ(c.plain.seen.within.reversed, 0u) << name_of(x.dtype);
        ASSERT_EQ(c.plain.seen.within.tied_before, 0u);
        ASSERT_FALSE(c.has_affine);
        ASSERT_EQ(c.affine.seen.across, c.plain.seen.across);
        ties += c.plain.seen.within.tied_after;
        reversed_across += c.plain.seen.across.reversed;
      }
    }
  }
  EXPECT_GT(ties, 0u) << "the data do not test rounding";
  EXPECT_GT(reversed_across, 0u);
}

TEST(Comparability, RatiosOfDifferencesAreKeptWherePromised) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const std::vector<double> x = random.normals(60, 3), weight = {-2, 0.5, 7}, bias = {1, 0, -3};
  std::vector<double> y(60);
  const Options options{.weight = view(weight.data(), {3}), .bias = view(bias.data(), {3})};
  normalize(view(x.data(), {4, 3, 5}), view(y.data(), {4, 3, 5}), Grouping::batch(), options);
  EXPECT_TRUE(comparability(view(x.data(), {4, 3, 5}), Grouping::batch(), options).affine.within.ratios());
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t i = c * 5, j = 15 + c * 5 + 1, k = 30 + c * 5 + 2, l = 45 + c * 5 + 4;
    const double before = (x[i] - x[j]) / (x[k] - x[l]);
    EXPECT_NEAR((y[i] - y[j]) / (y[k] - y[l]), before, 1e-9 * std::fabs(before));
  }
}

TEST(Comparability, WeightsOfEachKindAreTold) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const Dims shape = {6, 4, 9};
  const std::vector<double> x = random.normals(count_of(shape), 2);
  const auto look = [&](const Grouping& grouping, const std::vector<double>& weight, const std::vector<double>& bias,
                        bool plus_one = false) {
    const auto of = [](const std::vector<double>& v) {
      return v.empty() ? ConstView() : ConstView(view(v.data(), {static_cast<std::int64_t>(v.size())}));
    };
    return comparability(view(x.data(), shape), grouping,
                         {.weight = of(weight), .bias = of(bias), .weight_plus_one = plus_one});
  };
  const std::uint64_t channel_pairs = 4 * (54 * 53 / 2), group_pairs = 12 * (18 * 17 / 2);

  const Comparability positive = look(Grouping::batch(), {1, 2, 3, 4}, {4, 3, 2, 1});
  EXPECT_TRUE(positive.has_affine);
  EXPECT_EQ(positive.affine.within.order(), Order::kept);
  EXPECT_EQ(positive.affine.seen.within.kept, channel_pairs);

  const Comparability negative = look(Grouping::batch(), {-1, -2, -3, -4}, {});
  EXPECT_EQ(negative.affine.within.order(), Order::reversed);
  EXPECT_TRUE(negative.affine.within.ratios());
  EXPECT_EQ(negative.affine.seen.within.reversed, channel_pairs);
  EXPECT_EQ(negative.plain.within.order(), Order::kept);
  EXPECT_EQ(negative.plain.seen.within.kept, channel_pairs);

  const Comparability mixed = look(Grouping::batch(), {1, -2, 0, 4}, {});
  EXPECT_EQ(mixed.affine.within.order(), Order::by_distribution);
  EXPECT_EQ(mixed.affine.within.kept, 2);
  EXPECT_EQ(mixed.affine.within.reversed, 1);
  EXPECT_EQ(mixed.affine.within.tied, 1);
  EXPECT_FALSE(mixed.affine.within.ratios());
  EXPECT_EQ(mixed.affine.seen.within.kept, channel_pairs / 2);
  EXPECT_EQ(mixed.affine.seen.within.reversed, channel_pairs / 4);
  EXPECT_EQ(mixed.affine.seen.within.tied_after, channel_pairs / 4);

  const Comparability zero = look(Grouping::batch(), {0, 0, 0, 0}, {1, 2, 3, 4});
  EXPECT_EQ(zero.affine.within.order(), Order::tied);
  EXPECT_EQ(zero.affine.seen.within.tied_after, channel_pairs);

  const Comparability plus_one = look(Grouping::batch(), {-0.5, -2, -1, 0}, {}, true);  // 0.5, -1, 0, 1
  EXPECT_EQ(plus_one.affine.within.kept, 2);
  EXPECT_EQ(plus_one.affine.within.reversed, 1);
  EXPECT_EQ(plus_one.affine.within.tied, 1);
  EXPECT_EQ(plus_one.affine.seen.within.reversed, channel_pairs / 4);

  // Two channels of one group: equal weights and biases keep, and either one that differs does not.
  EXPECT_EQ(look(Grouping::group(2), {2, 2, 3, 3}, {1, 1, 5, 5}).affine.within.order(), Order::kept);
  EXPECT_EQ(look(Grouping::group(2), {2, 2, 3, 3}, {1, 1, 5, 5}).affine.seen.within.kept, group_pairs);
  const Comparability by_weight = look(Grouping::group(2), {2, 2, 1, 9}, {});
  EXPECT_EQ(by_weight.affine.within.order(), Order::none);
  EXPECT_EQ(by_weight.affine.within.none, 6);
  EXPECT_EQ(by_weight.affine.within.kept, 6);
  EXPECT_GT(by_weight.affine.seen.within.reversed, 0u);
  const Comparability by_bias = look(Grouping::group(2), {}, {0, 0, 0, 1});
  EXPECT_EQ(by_bias.affine.within.none, 6);
  EXPECT_GT(by_bias.affine.seen.within.reversed, 0u);
  EXPECT_EQ(by_bias.plain.seen.within.kept, group_pairs);

  // Weights along two axes: one a sample and channel.
  std::vector<double> each(24, 1.0);
  each[1 * 4 + 0] = -1;
  const Comparability one = look(Grouping::over({2}).parameters_along({0, 1}), each, {});
  EXPECT_EQ(one.affine.within.kept, 23);
  EXPECT_EQ(one.affine.within.reversed, 1);
  EXPECT_EQ(one.affine.seen.within.reversed, 36u);

  EXPECT_EQ(look(Grouping::batch(), {1, kNaN, 1, 1}, {}).affine.within.none, 1);
  EXPECT_EQ(look(Grouping::batch(), {1, 1, kInfinity, 1}, {}).affine.within.none, 1);
}

TEST(Comparability, MaskedWeightsDoNotMeet) {
  const std::vector<double> x = {1, 5, 2, 9, 3, 7}, weight = {1, 1, -8};
  const std::vector<std::uint8_t> mask = {1, 1, 0};
  const Options options{.weight = view(weight.data(), {3})};
  const Grouping tokens = Grouping::layer({3});
  EXPECT_EQ(comparability(view(x.data(), {2, 3}), tokens, options).affine.within.order(), Order::none);
  const Comparability c = comparability(view(x.data(), {2, 3}), tokens.masked(view(mask.data(), {3})), options);
  EXPECT_EQ(c.affine.within.order(), Order::kept);
  EXPECT_EQ(c.affine.within.kept, 2);
  EXPECT_EQ(c.affine.seen.left_out, 2);
  EXPECT_EQ(c.affine.seen.within.kept, 2u);
}

TEST(Comparability, DistributionsWithoutPairsPromiseNothing) {
  const std::vector<double> x = {1, 5, 2};
  const Comparability lone = comparability(view(x.data(), {3, 1}), Grouping::layer({1}));
  EXPECT_EQ(lone.plain.within.order(), Order::no_pairs);
  EXPECT_FALSE(lone.plain.within.ratios());
  EXPECT_EQ(lone.plain.across, Order::none);
  const Comparability whole = comparability(view(x.data(), {1, 3}), Grouping::sample());
  EXPECT_EQ(whole.plain.within.order(), Order::kept);
  EXPECT_EQ(whole.plain.across, Order::no_pairs);
  EXPECT_EQ(whole.plain.seen.across.total(), 0u);
}

TEST(Comparability, NaNSpoilsItsOwnDistributionAlone) {
  const std::vector<double> x = {1, 2, kNaN, 4, 3, 5, 8, 7};
  const Comparability c = comparability(view(x.data(), {2, 4}), Grouping::sample());
  EXPECT_EQ(c.plain.seen.not_a_number, 4);
  EXPECT_EQ(c.plain.seen.elements, 4);
  EXPECT_EQ(c.plain.seen.within.kept, 6u);
}

// ------------------------------------------------------------------------------- vectors

TEST(CompareVectors, KnownAngles) {
  const std::vector<double> x = {3, 4, 5, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, kNaN, 1, 1, 1, 2, 3};
  const std::vector<double> y = {-1, 0, 1, 0, 2, 0, -3, 0, 0, 2, 0, 0, 1, 2, 3, 1, 1, 1, 1, kInfinity, 3};
  const VectorComparison c = compare_vectors(view(x.data(), {7, 3}), view(y.data(), {7, 3}));
  ASSERT_EQ(c.turns.size(), 7u);
  EXPECT_NEAR(c.turns[0].cosine, 0.2, 1e-15);
  EXPECT_NEAR(c.turns[1].degrees, 90, 1e-13);
  EXPECT_NEAR(c.turns[2].degrees, 180, 1e-13);
  EXPECT_NEAR(c.turns[3].degrees, 45, 1e-13);
  EXPECT_TRUE(std::isnan(c.turns[4].degrees) && std::isnan(c.turns[4].cosine));
  EXPECT_TRUE(std::isnan(c.turns[5].degrees));
  EXPECT_TRUE(std::isnan(c.turns[6].degrees));
  EXPECT_EQ(c.compared, 4);
  EXPECT_EQ(c.zero, 1);
  EXPECT_EQ(c.not_finite, 2);
  EXPECT_EQ(c.left_out, 0);
  EXPECT_EQ(c.most_turned, 2);
  EXPECT_NEAR(c.max_degrees, 180, 1e-13);
  EXPECT_NEAR(c.min_cosine, -1, 1e-15);
  EXPECT_NEAR(c.mean_degrees, (std::acos(0.2) * 180 / std::numbers::pi + 90 + 180 + 45) / 4, 1e-12);
  EXPECT_NEAR(c.mean_cosine, (0.2 + 0 - 1 + std::sqrt(0.5)) / 4, 1e-15);
}

TEST(CompareVectors, SmallAnglesAndTheWholeRangeOfDouble) {
  // An arc cosine in double would say 0 here.
  const std::vector<double> x = {1, 0}, y = {1, 1e-12};
  EXPECT_NEAR(compare_vectors(view(x.data(), {2}), view(y.data(), {2})).max_degrees, 1e-12 * 180 / std::numbers::pi,
              1e-24);
  for (const double scale : {1e300, 1e-300, 1e-310}) {
    const std::vector<double> a = {scale, scale}, b = {4e-8, 0};
    const VectorComparison c = compare_vectors(view(a.data(), {2}), view(b.data(), {2}));
    EXPECT_NEAR(c.max_degrees, 45, 1e-9) << scale;
  }
}

TEST(CompareVectors, NothingToCompareIsNaN) {
  const std::vector<double> zeros(6);
  const VectorComparison c = compare_vectors(view(zeros.data(), {2, 3}), view(zeros.data(), {2, 3}));
  EXPECT_EQ(c.zero, 2);
  EXPECT_EQ(c.most_turned, -1);
  for (double value : {c.min_cosine, c.mean_cosine, c.mean_degrees, c.max_degrees}) EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(largest_angle_change(view(zeros.data(), {2, 3}), view(zeros.data(), {2, 3})), std::nullopt);
}

TEST(CompareVectors, MaskedElementsTakeNoPart) {
  const double x[] = {1, 2, kNaN, 3, 4, 5}, y[] = {2, 4, kInfinity, 6, 8, 10};
  const std::uint8_t elements[] = {1, 1, 0, 0, 0, 0};
  const VectorComparison c =
      compare_vectors(view(x, {2, 3}), view(y, {2, 3}), Grouping::sample().masked(view(elements, {2, 3})));
  EXPECT_EQ(c.left_out, 1);
  EXPECT_EQ(c.compared, 1);
  EXPECT_LT(c.turns[0].degrees, 1e-13);
  EXPECT_TRUE(std::isnan(c.turns[1].degrees));
}

TEST(LargestAngleChange, EqualsTheDefinitionOnRandomData) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  for (int round = 0; round < 60; ++round) {
    const Dims shape = {1 + random.upto(3), 1 + random.upto(12), 1 + random.upto(20)};
    const std::int64_t n = count_of(shape), d = shape[2], count = n / d;
    // A common part, so that there are small angles; opposite vectors, so that there are large ones; zeros.
    std::vector<double> a = random.normals(n, 3), b = random.normals(n);
    for (std::int64_t v = 0; v < count; ++v) {
      const std::int64_t dice = random.upto(9);
      for (std::int64_t i = v * d; i < (v + 1) * d; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (dice == 0) a[at] = 0;
        if (dice == 1 && v > 0) b[at] = -b[at - static_cast<std::size_t>(d)];
      }
    }
    Tensor x(a, DType::f64, shape, &random.engine), y(b, random.dtype(), shape, &random.engine);
    const auto xs = x.values(), ys = y.values();
    const VectorComparison each = compare_vectors(x.view(), y.view());
    double widest = -1;
    const auto compared = [&](std::int64_t v) { return !std::isnan(each.turns[static_cast<std::size_t>(v)].degrees); };
    for (std::int64_t v = 0; v < count; ++v) {
      if (compared(v)) {
        ASSERT_NEAR(each.turns[static_cast<std::size_t>(v)].degrees, angle_by_hand(&xs[v * d], &ys[v * d], d), 1e-12);
      }
      for (std::int64_t w = v + 1; w < count; ++w) {
        if (!compared(v) || !compared(w)) continue;
        const double change = angle_by_hand(&ys[v * d], &ys[w * d], d) - angle_by_hand(&xs[v * d], &xs[w * d], d);
        widest = std::max(widest, std::fabs(change));
      }
    }
    const std::optional<AngleChange> found = largest_angle_change(x.view(), y.view());
    ASSERT_EQ(found.has_value(), widest >= 0);
    if (!found) continue;
    ASSERT_NEAR(std::fabs(found->change()), widest, 1e-11);
    ASSERT_LT(found->first, found->second);
    ASSERT_NEAR(found->before, angle_by_hand(&xs[found->first * d], &xs[found->second * d], d), 1e-11);
    ASSERT_NEAR(found->after, angle_by_hand(&ys[found->first * d], &ys[found->second * d], d), 1e-11);
  }
}

TEST(LargestAngleChange, SameBitsOnAnyRunner) {
  /// Runs tasks in the opposite order.
  struct Backwards : Runner {
    int tasks_seen = 0;
    void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
      tasks_seen += static_cast<int>(tasks);
      while (tasks-- > 0) task(context, tasks);
    }
    int concurrency() const override { return 8; }
  } backwards;
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const std::int64_t n = 333, d = 37;
  const auto x = random.normals(n * d), y = random.normals(n * d);
  const auto a = largest_angle_change(view(x.data(), {n, d}), view(y.data(), {n, d}), &backwards);
  const auto b = largest_angle_change(view(x.data(), {n, d}), view(y.data(), {n, d}), &serial_runner());
  const auto c = largest_angle_change(view(x.data(), {n, d}), view(y.data(), {n, d}));
  EXPECT_GT(backwards.tasks_seen, 1);
  ASSERT_TRUE(a && b && c);
  for (const AngleChange& other : {*b, *c}) {
    EXPECT_EQ(a->first, other.first);
    EXPECT_EQ(a->second, other.second);
    EXPECT_EQ(a->before, other.before);
    EXPECT_EQ(a->after, other.after);
  }
}

TEST(LargestAngleChange, FirstOfEqualChanges) {
  // Vectors 0, 1 and 9, 10 of twelve turn alike, in different blocks of the search.
  std::vector<double> x(24), y;
  for (std::size_t v = 0; v < 12; ++v) x[2 * v] = 1;
  y = x;
  for (const std::size_t v : {1u, 10u}) y[2 * v] = 0, y[2 * v + 1] = 1;
  const auto found = largest_angle_change(view(x.data(), {12, 2}), view(y.data(), {12, 2}));
  EXPECT_EQ(found->first, 0);
  EXPECT_EQ(found->second, 1);
  EXPECT_NEAR(found->change(), 90, 1e-12);
}

TEST(LargestAngleChange, ChangesOfNothingNameTheFirstPair) {
  // What fills the last block of the search up is no vector, though rounding may turn it more than it turned these.
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  for (int round = 0; round < 50; ++round) {
    const auto u = random.normals(7), v = random.normals(7);
    std::vector<double> x, y;
    for (int i = 0; i < 11; ++i) x.insert(x.end(), u.begin(), u.end()), y.insert(y.end(), v.begin(), v.end());
    const auto found = largest_angle_change(view(x.data(), {11, 7}), view(y.data(), {11, 7}));
    ASSERT_EQ(found->first, 0);
    ASSERT_EQ(found->second, 1);
    ASSERT_EQ(found->change(), 0);
  }
}

// ------------------------------------------------------------------------------- promises of vectors

TEST(VectorComparability, RmsKeepsDirections) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const auto x = random.normals(5 * 7 * 30, 2);
  for (const Grouping& grouping : {Grouping::layer({30}), Grouping::sample(), Grouping::over({0, 1, 2})}) {
    const VectorComparability c = vector_comparability(view(x.data(), {5, 7, 30}), grouping, {.centered = false});
    EXPECT_TRUE(c.plain.promised.direction_kept());
    EXPECT_EQ(c.plain.seen.compared, 35);
    EXPECT_LT(c.plain.seen.max_degrees, 1e-13);
    EXPECT_LT(std::fabs(c.plain.largest_change->change()), 1e-11);
  }
  // In f32 each element is rounded once: half an ulp apart, 6e-8 radians at most.
  Tensor narrow(x, DType::f32, {5, 7, 30});
  const VectorComparability c = vector_comparability(narrow.view(), Grouping::layer({30}), {.centered = false});
  EXPECT_LT(c.plain.seen.max_degrees, 1e-5);
  // One weight for all keeps, or flips; a second, or a bias, turns.
  std::vector<double> weight(30, 3.0), bias(30, 0.0);
  const Options options{.weight = view(std::as_const(weight).data(), {30}),
                        .bias = view(std::as_const(bias).data(), {30}),
                        .centered = false};
  const auto affine = [&] {
    return vector_comparability(view(x.data(), {5, 7, 30}), Grouping::layer({30}), options).affine;
  };
  EXPECT_TRUE(affine().promised.direction_kept());
  EXPECT_LT(affine().seen.max_degrees, 1e-12);
  std::fill(weight.begin(), weight.end(), -2.0);
  EXPECT_TRUE(affine().promised.flips);
  EXPECT_FALSE(affine().promised.weights_differ);
  EXPECT_NEAR(affine().seen.max_degrees, 180, 1e-12);
  std::fill(weight.begin(), weight.end(), 3.0);
  weight[4] = 2;
  EXPECT_TRUE(affine().promised.weights_differ);
  EXPECT_FALSE(affine().promised.flips || affine().promised.adds_bias || affine().promised.subtracts_mean);
  EXPECT_GT(affine().seen.max_degrees, 0.1);
  weight[4] = 3;
  bias[9] = 0.5;
  EXPECT_TRUE(affine().promised.adds_bias);
  EXPECT_FALSE(affine().promised.weights_differ || affine().promised.direction_kept());
  EXPECT_GT(affine().seen.max_degrees, 0.1);
}

TEST(VectorComparability, SubtractingAMeanTurnsByTheFormula) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const std::int64_t d = 16;
  const auto x = random.normals(2 * 5 * d, 0.7);
  const VectorComparability tokens = vector_comparability(view(x.data(), {2, 5, d}), Grouping::layer({d}));
  const VectorComparability sentences = vector_comparability(view(x.data(), {2, 5, d}), Grouping::sample());
  EXPECT_TRUE(tokens.plain.promised.subtracts_mean);
  EXPECT_FALSE(tokens.plain.promised.direction_kept());
  for (std::int64_t v = 0; v < 10; ++v) {
    double sum = 0, square = 0, total = 0, centred = 0;
    for (std::int64_t i = 0; i < d; ++i) sum += x[v * d + i], square += x[v * d + i] * x[v * d + i];
    for (std::int64_t i = 0; i < 5 * d; ++i) total += x[v / 5 * 5 * d + i];
    const double mean = sum / d, shared = total / (5 * d);
    EXPECT_NEAR(tokens.plain.seen.turns[static_cast<std::size_t>(v)].cosine, std::sqrt(1 - d * mean * mean / square),
                1e-12);
    for (std::int64_t i = 0; i < d; ++i) centred += (x[v * d + i] - shared) * (x[v * d + i] - shared);
    EXPECT_NEAR(sentences.plain.seen.turns[static_cast<std::size_t>(v)].cosine,
                (square - shared * sum) / (std::sqrt(square) * std::sqrt(centred)), 1e-12);
  }
  // The article's example.
  const std::vector<double> word = {3, 4, 5};
  EXPECT_NEAR(vector_comparability(view(word.data(), {1, 3}), Grouping::layer({3})).plain.seen.turns[0].cosine, 0.2,
              1e-12);
  // A mean of zero turns nothing.
  const std::vector<double> balanced = {3, -1, -2};
  EXPECT_LT(vector_comparability(view(balanced.data(), {1, 3}), Grouping::layer({3})).plain.seen.max_degrees, 1e-12);
}

/// The largest angle between a difference of two vectors of one sample before and after.
double worst_difference(const std::vector<double>& x, const std::vector<double>& y, std::int64_t words,
                        std::int64_t d) {
  double worst = 0;
  std::vector<double> before(static_cast<std::size_t>(d)), after(before);
  for (std::int64_t v = 0; v < words; ++v) {
    for (std::int64_t w = 0; w < v; ++w) {
      for (std::int64_t i = 0; i < d; ++i) {
        before[static_cast<std::size_t>(i)] = x[v * d + i] - x[w * d + i];
        after[static_cast<std::size_t>(i)] = y[v * d + i] - y[w * d + i];
      }
      worst = std::max(worst, angle_by_hand(before.data(), after.data(), d));
    }
  }
  return worst;
}

TEST(VectorComparability, DifferencesKeepTheirDirectionWherePromised) {
  Random random;
  SCOPED_TRACE("seed " + std::to_string(random.seed));
  const std::int64_t words = 6, d = 10;
  const auto x = random.normals(words * d, 1);
  const Dims shape = {1, words, d};
  const auto look = [&](const Grouping& grouping, const Options& options) {
    std::vector<double> y(x.size());
    normalize(view(x.data(), shape), view(y.data(), shape), grouping, options);
    return std::pair(vector_comparability(view(x.data(), shape), grouping, options).affine.promised.differences_kept,
                     worst_difference(x, y, words, d));
  };
  const Grouping whole = Grouping::sample(), by_place = Grouping::sample().parameters_along({2});
  auto weight = std::vector<double>(static_cast<std::size_t>(words * d), 2.0), bias = random.normals(d);
  const ConstView all_weights = view(std::as_const(weight).data(), {words, d});
  const ConstView few_weights = view(std::as_const(weight).data(), {d}),
                  few_biases = view(std::as_const(bias).data(), {d});

  auto [promised, worst] = look(whole, {});
  EXPECT_EQ(promised, true);
  EXPECT_LT(worst, 1e-11);
  std::tie(promised, worst) = look(whole, {.weight = all_weights});
  EXPECT_EQ(promised, true);
  EXPECT_LT(worst, 1e-11);
  std::tie(promised, worst) = look(by_place, {.weight = few_weights, .bias = few_biases});  // the bias cancels
  EXPECT_EQ(promised, true);
  EXPECT_LT(worst, 1e-11);
  weight[3] = 5;
  std::tie(promised, worst) = look(by_place, {.weight = few_weights, .bias = few_biases});
  EXPECT_EQ(promised, false);
  EXPECT_GT(worst, 0.1);
  weight[3] = 2;
  const auto many_biases = random.normals(words * d);
  std::tie(promised, worst) = look(whole, {.weight = all_weights, .bias = view(many_biases.data(), {words, d})});
  EXPECT_EQ(promised, false);
  EXPECT_GT(worst, 0.1);
  std::fill(weight.begin(), weight.end(), -2.0);
  std::tie(promised, worst) = look(whole, {.weight = all_weights});
  EXPECT_EQ(promised, false);
  EXPECT_NEAR(worst, 180, 1e-9);

  // No two words share a distribution; those that share several are scaled apart.
  EXPECT_EQ(look(Grouping::layer({d}), {}).first, std::nullopt);
  std::tie(promised, worst) = look(Grouping::over({0, 1}), {});
  EXPECT_EQ(promised, false);
  EXPECT_GT(worst, 0.1);
  EXPECT_TRUE(vector_comparability(view(x.data(), shape), Grouping::batch(2)).plain.promised.several_distributions);
  EXPECT_FALSE(vector_comparability(view(x.data(), shape), whole).plain.promised.several_distributions);
}

TEST(VectorComparability, PaddingIsLeftOut) {
  Random random;
  const auto x = random.normals(2 * 4 * 3);
  const Numbers lengths = {4, 1};
  const VectorComparability c =
      vector_comparability(view(x.data(), {2, 4, 3}), Grouping::sample().with_lengths(lengths), {.centered = false});
  EXPECT_EQ(c.plain.seen.left_out, 3);
  EXPECT_EQ(c.plain.seen.zero, 0);
  EXPECT_EQ(c.plain.seen.compared, 5);
  EXPECT_TRUE(c.plain.promised.direction_kept());
}

// ------------------------------------------------------------------------------- refusals

TEST(ComparabilityRefuses, WhatCannotBeDone) {
  const float x[6] = {};
  const double y[6] = {};
  const std::uint8_t bytes[6] = {};
  const ConstView v = view(x, {2, 3});
  EXPECT_EQ(refusal([&] { count_pairs({}, v); }), "[comparability] x is absent; give a view of it");
  EXPECT_EQ(refusal([&] { compare_vectors(v, {}); }), "[comparability] y is absent; give a view of it");
  EXPECT_EQ(refusal([&] { comparability({}, Grouping::sample()); }), "[comparability] x is absent; give a view of it");
  EXPECT_EQ(refusal([&] {
              compare_order(v, view(bytes, {2, 3}), Grouping::sample());
            }),
            "[comparability] y is u8; convert it to f32, f64, f16 or bf16");
  EXPECT_EQ(
      refusal([&] {
        compare_order(v, view(y, {3, 2}), Grouping::sample());
      }),
      "[comparability] y of shape (3, 2) does not have x's shape (2, 3); give the input and the output of one map");
  const Numbers five(5);
  EXPECT_EQ(refusal([&] { count_pairs(v, v, {.same = five}); }),
            "[comparability] same has 5 numbers for the 6 elements of x of shape (2, 3); give one for each");
  EXPECT_EQ(refusal([&] { count_pairs(v, v, {.different = Numbers()}); }),
            "[comparability] different has 0 numbers for the 6 elements of x of shape (2, 3); give one for each");
  const ConstView vast(x, DType::f32, {(std::int64_t{1} << 32) + 1}, {0});
  EXPECT_EQ(refusal([&] { count_pairs(vast, vast); }),
            "[comparability] x of shape (4294967297,) has 4294967297 elements, but pairs are counted among 4294967296 "
            "at most; "
            "take a sample");
  EXPECT_EQ(
      refusal([&] {
        compare_vectors(view(x, {2, 0}), view(x, {2, 0}));
      }),
      "[comparability] x of shape (2, 0) has no vectors with elements; give it shape (..., d) with d of 1 or more");
  EXPECT_EQ(refusal([&] { vector_comparability(view(x, {}), Grouping::over({})); }),
            "[comparability] x of shape () has no vectors with elements; give it shape (..., d) with d of 1 or more");
  EXPECT_EQ(refusal([&] { compare_order(v, v, Grouping::group(2)); }),
            "[group_norm] num_groups = 2 does not divide the 3 channels; 1 and 3 do");
  // Too many values are refused before they are read.
  const float weight[2] = {};
  EXPECT_NE(refusal([&] {
              comparability(v, Grouping::layer({3}), {.weight = view(weight, {2})});
            }).find("weight of shape (2,)"),
            std::string::npos);
}

TEST(ComparabilityRefuses, MoreVectorsThanPairsCanBeLookedAt) {
  std::vector<float> x(kMostVectorsInPairs + 2, 1.0f);
  const std::int64_t n = kMostVectorsInPairs + 1;
  EXPECT_EQ(refusal([&] {
              largest_angle_change(view(std::as_const(x).data(), {n, 1}), view(std::as_const(x).data(), {n, 1}));
            }),
            "[comparability] 4097 vectors are more than the 4096 whose every pair of angles is looked at; give a "
            "sample of them");
  EXPECT_EQ(compare_vectors(view(std::as_const(x).data(), {n, 1}), view(std::as_const(x).data(), {n, 1})).compared, n);
  // Those without a direction do not count.
  x[0] = 0;
  const auto found = largest_angle_change(view(std::as_const(x).data(), {n, 1}), view(std::as_const(x).data(), {n, 1}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->change(), 0);
  EXPECT_EQ(found->first, 1);
  EXPECT_EQ(found->second, 2);
}

}  // namespace
}  // namespace norma
