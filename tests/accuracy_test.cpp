// SPDX-License-Identifier: Apache-2.0
// Where other libraries lose digits: large means, extremes of the exponent, constants, outliers.
#include <gtest/gtest.h>

#include "expect.hpp"
#include "norma/normalize.hpp"

namespace norma::test {
namespace {

enum class Walk : std::uint8_t { rows, columns, gathered };

/// One kind of data as rows (a distribution side by side), as columns (distributions side by side) and gathered.
Case case_of(DType dtype, Walk walk, std::int64_t distributions, std::int64_t members,
             const std::function<double(std::int64_t)>& value) {
  Case c;
  c.dtype = dtype;
  const bool columns = walk == Walk::columns;
  c.shape = columns ? Dims{members, distributions} : Dims{distributions, members};
  c.g.norm = Norm::over;
  c.g.axes = Dims{columns ? 0 : 1};
  c.g.grouping = Grouping::over(c.g.axes).parameters_along({});
  c.g.text = "over" + to_string(c.g.axes);
  const Layout layout = walk == Walk::gathered ? Layout{{1, 2 * distributions}, 0, 2 * distributions * members}
                                               : Layout{contiguous_strides(c.shape), 0, distributions * members};
  c.x = Tensor(dtype, c.shape, layout);
  c.y = Tensor(dtype, c.shape);
  for (std::int64_t d = 0; d < distributions; ++d) {
    for (std::int64_t i = 0; i < members; ++i) c.x.set(columns ? i * distributions + d : d * members + i, value(i));
  }
  c.g.resolve(c.shape);
  return c;
}

/// The largest |error| of y in units of max(1, |y|).
double worst_error(Case& c) {
  normalize(c.x.in(), c.y.out(), c.g.grouping, c.options);
  const Problem p = c.problem();
  const std::vector<Real> exact = forward(p, statistics_of(p));
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Real error = absolute(c.y[static_cast<std::int64_t>(i)] - exact[i]) / larger(Real(1), absolute(exact[i]));
    worst = error >= 0 ? std::max(worst, to_double(error)) : HUGE_VAL;
  }
  return worst;
}

void expect_right(Case& c) {
  std::vector<Moments> saved = c.room();
  normalize(c.x.in(), c.y.out(), c.g.grouping, c.options, saved);
  const std::vector<Statistics> exact = statistics_of(c.problem());
  expect_moments(saved, exact, c.options.centered, c.dtype);
  expect_forward(c, exact, false);
}

const std::initializer_list<Walk> kWalks = {Walk::rows, Walk::columns, Walk::gathered};

TEST(Accuracy, AMeanAMillionTimesTheDeviation) {
  Random random(1);
  for (double ratio : {1.0, 1e2, 1e4, 1e5, 1e6}) {
    for (Walk walk : kWalks) {
      for (std::int64_t members : {7, 300, 5000}) {
        Case c = case_of(DType::f32, walk, 5, members, [&](std::int64_t) { return ratio + random.normal(); });
        EXPECT_LE(worst_error(c), 3e-7) << ratio << " walk " << static_cast<int>(walk) << " of " << members;
        Case d = case_of(DType::f64, walk, 5, members, [&](std::int64_t) { return ratio + random.normal(); });
        EXPECT_LE(worst_error(d), 1e-15 * std::max(1.0, std::sqrt(static_cast<double>(members)) / 8)) << ratio;
      }
    }
  }
}

/// The mean rounded to one float would cost 10^-2 here.
TEST(Accuracy, TheMeanIsAppliedAsAPair) {
  Random random(2);
  for (Walk walk : kWalks) {
    Case c = case_of(DType::f32, walk, 8, 4000, [&](std::int64_t) { return 1e4 + 0.1 * random.normal(); });
    EXPECT_LE(worst_error(c), 3e-7);
    c.options.eps = 0;
    expect_right(c);
  }
}

TEST(Accuracy, AConstantGivesExactlyTheBias) {
  for (DType dtype : kFloats) {
    for (Walk walk : kWalks) {
      for (double value : {1234.0, 0.1, -3.0, 0.0, 65504.0, 1e-8, 0x1p-24}) {
        for (double eps : {1e-5, 0.0, 1e-30, 1e-300}) {
          for (std::int64_t members : {1, 2, 33, 700, 9000}) {
            Case c = case_of(dtype, walk, 3, members, [&](std::int64_t) { return value; });
            const float bias = 0.75f, weight = 3;
            c.options = {.weight = view(&weight, {1}), .bias = view(&bias, {1}), .eps = eps};
            normalize(c.x.in(), c.y.out(), c.g.grouping, c.options);
            for (std::int64_t i = 0; i < c.y.size(); ++i)
              ASSERT_EQ(c.y[i], 0.75) << name_of(dtype) << " " << value << " eps " << eps;
            c.options.bias = ConstView();
            normalize(c.x.in(), c.y.out(), c.g.grouping, c.options);
            for (std::int64_t i = 0; i < c.y.size(); ++i)
              ASSERT_EQ(c.y[i], 0) << name_of(dtype) << " " << value << " eps " << eps;
          }
        }
      }
    }
  }
}

TEST(Accuracy, NearOverflow) {
  Random random(3);
  for (DType dtype : {DType::f32, DType::bf16}) {
    for (Walk walk : kWalks) {
      for (bool centered : {true, false}) {
        for (double size : {1e19, 1e25, 1e30, 1e37, 3e38}) {
          SCOPED_TRACE(std::string(name_of(dtype)) + " " + std::to_string(size) + " walk " +
                       std::to_string(static_cast<int>(walk)));
          Case mixed = case_of(dtype, walk, 3, 50, [&](std::int64_t) { return size * (random.uniform() * 2 - 1); });
          Case ends = case_of(dtype, walk, 3, 50, [&](std::int64_t i) { return i % 2 ? size : -size; });
          Case high = case_of(dtype, walk, 3, 50, [&](std::int64_t) { return size * (1 - random.uniform() / 4); });
          Case lone = case_of(dtype, walk, 3, 50, [&](std::int64_t i) { return i == 7 ? size : random.normal(); });
          for (Case* c : {&mixed, &ends, &high, &lone}) {
            c->options.centered = centered;
            expect_right(*c);
          }
        }
      }
    }
  }
}

TEST(Accuracy, NearZero) {
  Random random(4);
  for (DType dtype : {DType::f32, DType::bf16}) {
    for (Walk walk : kWalks) {
      for (double size : {0x1p-149, 0x1p-140, 0x1p-126, 1e-30, 1e-20}) {
        for (double eps : {0.0, 1e-5, 1e-80}) {
          SCOPED_TRACE(std::string(name_of(dtype)) + " " + std::to_string(std::log2(size)) + " eps " +
                       std::to_string(eps));
          Case whole = case_of(dtype, walk, 3, 50,
                               [&](std::int64_t) { return size * static_cast<double>(random.integer(-200, 200)); });
          Case shifted = case_of(dtype, walk, 3, 50,
                                 [&](std::int64_t) { return size * static_cast<double>(random.integer(1000, 1200)); });
          for (Case* c : {&whole, &shifted}) {
            c->options.eps = eps;
            expect_right(*c);
          }
        }
      }
    }
  }
}

/// f64 whose squares still fit: the moments hold sums of squares in one double.
TEST(Accuracy, DoublesFarFromOne) {
  Random random(5);
  for (Walk walk : kWalks) {
    for (double size : {1e-140, 1e-100, 1e100, 1e140}) {
      Case c = case_of(DType::f64, walk, 3, 60, [&](std::int64_t) { return size * (2 + random.normal()); });
      c.options.eps = 0;
      expect_right(c);
    }
  }
}

TEST(Accuracy, OneOutlier) {
  Random random(6);
  for (DType dtype : kFloats) {
    for (Walk walk : kWalks) {
      for (std::int64_t at : {0, 1, 999}) {
        const double far = dtype == DType::f16 ? 6e4 : 1e9;
        Case c = case_of(dtype, walk, 2, 1000, [&](std::int64_t i) { return i == at ? far : random.normal(); });
        expect_right(c);
      }
    }
  }
}

/// The sum of the members is far beyond what the type itself can hold, or resolve.
TEST(Accuracy, SumsBeyondTheTypesRange) {
  Random random(7);
  for (DType dtype : {DType::f16, DType::bf16}) {
    for (Walk walk : kWalks) {
      for (bool centered : {true, false}) {
        Case c = case_of(dtype, walk, 2, 5000, [&](std::int64_t) { return 30000 + 2000 * random.normal(); });
        c.options.centered = centered;
        expect_right(c);
        Case ones = case_of(dtype, walk, 2, 5000, [&](std::int64_t i) { return i % 2 ? 1 : 1.0078125; });
        ones.options.centered = centered;
        expect_right(ones);
      }
    }
  }
}

/// 2^22 members whose running sum, in float, would stand still at 2^24.
TEST(Accuracy, ManyMembers) {
  const std::int64_t n = std::int64_t{1} << 22;
  std::vector<float> x(static_cast<std::size_t>(n)), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 ? 101 : 99;
  for (const Dims& shape : {Dims{1, n}, Dims{n, 1}, Dims{n / 4, 4}}) {
    const Grouping grouping = shape[0] == 1 ? Grouping::sample() : Grouping::over({0});
    // Down columns each is a constant but for the lone one: there the columns of 99 and of 101.
    std::vector<Moments> saved(static_cast<std::size_t>(grouping.boxes(shape).distributions()));
    normalize(view(std::as_const(x).data(), shape), view(y.data(), shape), grouping, {.eps = 0}, saved);
    const bool alternating = saved.size() == 1;
    for (std::size_t k = 0; k < saved.size(); ++k) {
      EXPECT_EQ(saved[k].mean, alternating ? 100 : k % 2 ? 101 : 99);
      EXPECT_EQ(saved[k].m2, alternating ? static_cast<double>(n) : 0);
    }
    for (std::size_t i = 0; i < y.size(); i += 997) ASSERT_EQ(y[i], alternating ? (i % 2 ? 1 : -1) : 0);
  }
}

/// Saved statistics bring the same result as measured ones, also where the mean is large.
TEST(Accuracy, SavedStatisticsLoseNothing) {
  Random random(8);
  for (Walk walk : kWalks) {
    Case c = case_of(DType::f32, walk, 4, 500, [&](std::int64_t) { return 1e6 + random.normal(); });
    std::vector<Moments> saved = c.room();
    normalize(c.x.in(), c.y.out(), c.g.grouping, c.options, saved);
    const std::string measured = c.y.bits();
    normalize_with(c.x.in(), c.y.out(), c.g.grouping, saved, c.options);
    EXPECT_TRUE(c.y.bits() == measured);
  }
}

/// A constant's members are at distance 0, whatever the gradient: nothing becomes NaN on the way back.
TEST(Accuracy, GradientsOfExtremes) {
  Random random(9);
  for (Walk walk : kWalks) {
    for (double size : {1e-30, 1.0, 1e25}) {
      Case c = case_of(DType::f32, walk, 3, 40, [&](std::int64_t) { return size * random.normal(); });
      c.options.eps = 0;
      c.dy = Tensor(DType::f32, c.shape);
      c.dx = Tensor(DType::f32, c.shape);
      c.dweight = c.dbias = Tensor(DType::f64, {1});
      fill(random, c.dy, {});
      std::vector<Moments> saved = c.room();
      measure(c.x.in(), c.g.grouping, saved);
      backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
      SCOPED_TRACE(std::to_string(size) + " walk " + std::to_string(static_cast<int>(walk)));
      expect_gradients(c, statistics_of(c.problem()), false);
    }
  }
}

}  // namespace
}  // namespace norma::test
