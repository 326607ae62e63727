// SPDX-License-Identifier: Apache-2.0
// Gradients against the exact reference, and against finite differences of the exact forward pass.
#include <gtest/gtest.h>

#include "expect.hpp"
#include "norma/normalize.hpp"

namespace norma::test {
namespace {

/// At times without one of the outputs.
void leave_some_out(Random& random, Case& c) {
  for (Tensor* t : {&c.dx, &c.dweight, &c.dbias}) {
    if (random.chance(0.15)) *t = Tensor();
  }
}

std::string describe(const Case& c) {
  const ConstView dx = c.dx.empty() ? c.dy.in() : c.dx.in();
  return c.text() + "\n" + Plan(c.x.in(), c.dy.in(), dx, c.g.grouping).describe();
}

TEST(Backward, AgreesWithTheDefinition) {
  for_random_cases(3000, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    leave_some_out(random, c);
    SCOPED_TRACE(describe(c));
    std::vector<Moments> saved = c.room();
    measure(c.x.in(), c.g.grouping, saved, c.options);
    const std::vector<std::byte> x = c.x.memory(), dy = c.dy.memory();
    backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
    expect_gradients(c, statistics_of(c.problem()), false);
    EXPECT_TRUE(x == c.x.memory() && dy == c.dy.memory());
    EXPECT_TRUE(c.dx.gaps_untouched());
  });
}

TEST(Backward, WithGivenStatisticsAgreesWithTheDefinition) {
  for_random_cases(2000, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    leave_some_out(random, c);
    SCOPED_TRACE(describe(c));
    std::vector<Moments> given;
    for (std::int64_t k = 0; k < c.g.distributions; ++k) {
      given.push_back(Moments::of(random.normal(), random.chance(0.1) ? 0 : random.uniform() * 4));
    }
    backward_with(c.x.in(), c.dy.in(), c.g.grouping, given, c.gradients(), c.options);
    expect_gradients(c, statistics_from(given, c.options.eps), true);
    EXPECT_TRUE(c.dx.gaps_untouched());
  });
}

/// The loss sum(dy * y) by the exact forward pass: its derivatives need no formula of the gradient.
Real loss(const Problem& p) {
  const std::vector<Real> y = forward(p, statistics_of(p));
  Real sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (p.ids[i] >= 0) sum += static_cast<Real>(p.dy[i]) * y[i];
  }
  return sum;
}

TEST(Backward, AgreesWithFiniteDifferences) {
  for_random_cases(400, [](std::uint64_t seed) {
    Random random(seed);
    Case c;
    c.shape = random_shape(random, 40, false);
    c.dtype = DType::f64;
    c.g = random_grouping(random, c.shape);
    if (random.chance(0.3)) narrow(random, c.shape, c.g);
    complete(random, c);
    c.options.eps = 0.5;
    // Every element a number of its own, moderate, and none twice in memory.
    c.x = Tensor(DType::f64, c.shape);
    fill(random, c.x, {0.5, 1});
    c.dweight = Tensor(DType::f64, {c.g.parameters});
    c.dbias = Tensor(DType::f64, {c.g.parameters});
    if (c.weight.empty()) c.weight = Tensor(DType::f64, {c.g.parameters}), fill(random, c.weight, {1, 0.5});
    if (c.bias.empty()) c.bias = Tensor(DType::f64, {c.g.parameters}), fill(random, c.bias, {0, 0.5});
    c.options.weight = c.weight.in();
    c.options.bias = c.bias.in();
    SCOPED_TRACE(describe(c));
    std::vector<Moments> saved = c.room();
    measure(c.x.in(), c.g.grouping, saved, c.options);
    backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);

    Problem p = c.problem();
    // The central difference errs by h^2/6 times the third derivative; with these numbers that is below 10^-7. The
    // points are doubles: their true distance is used.
    const double h = 0x1p-14;
    const auto slope = [&](double& at) {
      const double middle = at, high = middle + h, low = middle - h;
      at = high;
      Real difference = loss(p);
      at = low;
      difference -= loss(p);
      at = middle;
      return to_double(difference / (static_cast<Real>(high) - static_cast<Real>(low)));
    };
    for (std::size_t i = 0; i < p.x.size(); ++i) {
      if (p.ids[i] < 0) continue;
      ASSERT_NEAR(c.dx[static_cast<std::int64_t>(i)], slope(p.x[i]), 1e-6) << "dx[" << i << "]";
    }
    for (std::int64_t k = 0; k < c.g.parameters; ++k) {
      ASSERT_NEAR(c.dweight[k], slope(p.weight[static_cast<std::size_t>(k)]), 1e-9) << "dweight[" << k << "]";
      ASSERT_NEAR(c.dbias[k], slope(p.bias[static_cast<std::size_t>(k)]), 1e-9) << "dbias[" << k << "]";
    }
  });
}

TEST(Backward, InPlaceGivesTheSameBits) {
  for_random_cases(600, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    c.x = like(c.dx, c.dtype);
    c.dy = like(c.dx, c.dtype);
    fill(random, c.x, Data::any(random, c.dtype));
    fill(random, c.dy, {});
    SCOPED_TRACE(describe(c));
    std::vector<Moments> saved = c.room();
    measure(c.x.in(), c.g.grouping, saved, c.options);
    backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
    const std::string dx = c.dx.bits(), dweight = c.dweight.bits(), dbias = c.dbias.bits();
    Tensor both = c.x;
    backward(both.in(), c.dy.in(), c.g.grouping, saved, {both.out(), c.dweight.out(), c.dbias.out()}, c.options);
    EXPECT_EQ(both.bits(), dx) << "over x";
    EXPECT_EQ(c.dweight.bits(), dweight);
    both = c.dy;
    backward(c.x.in(), both.in(), c.g.grouping, saved, {both.out(), c.dweight.out(), c.dbias.out()}, c.options);
    EXPECT_EQ(both.bits(), dx) << "over dy";
    EXPECT_EQ(c.dweight.bits(), dweight);
    EXPECT_EQ(c.dbias.bits(), dbias);
  });
}

TEST(Backward, LongDistributionsAgreeWithTheDefinition) {
  const struct {
    Dims shape;
    Norm norm;
    int channel;
    std::int64_t number;
    Grouping grouping;
    Dims parameter_axes;
  } cases[] = {
      {{2, 70000}, Norm::sample, -1, 0, Grouping::sample(), {1}},
      {{3, 2, 12000}, Norm::batch, 1, 0, Grouping::batch(), {1}},
      {{20000, 3}, Norm::batch, 1, 0, Grouping::batch(), {1}},
      {{1100, 70}, Norm::batch, 1, 0, Grouping::batch(), {1}},
      {{60, 1300}, Norm::batch, 1, 0, Grouping::batch(), {1}},
      {{2, 40, 40, 24}, Norm::group, 3, 6, Grouping::group(6, -1), {3}},
      {{2, 12, 6000}, Norm::group, 1, 2, Grouping::group(2), {1}},
      {{400, 200}, Norm::sample, -1, 0, Grouping::sample(), {1}},
  };
  Random random(5);
  for (const auto& each : cases) {
    for (DType dtype : kFloats) {
      for (bool contiguous : {true, false}) {
        // The reference takes its time; the two halves differ from float in their loads and stores alone.
        if (!contiguous && size_of(dtype) == 2) continue;
        Case c;
        c.shape = each.shape;
        c.dtype = dtype;
        c.g.norm = each.norm;
        c.g.channel = each.channel;
        c.g.number = each.number;
        c.g.grouping = each.grouping;
        c.g.parameter_axes = each.parameter_axes;
        c.g.text = "long";
        c.g.resolve(c.shape);
        const auto tensor = [&](const Data& data) {
          Tensor t(dtype, c.shape, make_layout(random, c.shape, contiguous ? Place::contiguous : Place::scattered));
          fill(random, t, data);
          return t;
        };
        c.x = tensor({20, 0.5});
        c.dy = tensor({});
        c.dx = tensor({});
        c.weight = Tensor(DType::f32, {c.g.parameters});
        fill(random, c.weight, {1, 0.5});
        c.options.weight = c.weight.in();
        c.dweight = c.dbias = Tensor(DType::f32, {c.g.parameters});
        SCOPED_TRACE(describe(c));
        std::vector<Moments> saved = c.room();
        measure(c.x.in(), c.g.grouping, saved);
        backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
        expect_gradients(c, statistics_of(c.problem()), false);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(Backward, AConstantPassesNoGradientWithoutEps) {
  Tensor x(DType::f32, {2, 9}), dy(DType::f32, {2, 9}), dx(DType::f32, {2, 9}), dweight(DType::f32, {9});
  for (std::int64_t i = 0; i < 18; ++i) x.set(i, 1234), dy.set(i, static_cast<double>(i));
  const Options options{.eps = 0};
  std::vector<Moments> saved(2);
  measure(x.in(), Grouping::sample(), saved);
  backward(x.in(), dy.in(), Grouping::sample(), saved, {.dx = dx.out(), .dweight = dweight.out()}, options);
  for (std::int64_t i = 0; i < 18; ++i) EXPECT_EQ(dx[i], 0);
  for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(dweight[i], 0);
}

TEST(Backward, WithoutElementsParametersGetZero) {
  Tensor x(DType::f32, {0, 3, 5}), dx(DType::f32, {0, 3, 5}), dweight(DType::f32, {3}), dbias(DType::f64, {3});
  const std::vector<Moments> saved(3);
  backward(x.in(), x.in(), Grouping::batch(), saved, {dx.out(), dweight.out(), dbias.out()});
  for (std::int64_t k = 0; k < 3; ++k) EXPECT_TRUE(dweight[k] == 0 && dbias[k] == 0);
}

}  // namespace
}  // namespace norma::test
