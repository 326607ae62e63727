// SPDX-License-Identifier: Apache-2.0
// Forward against the exact reference, over random shapes, layouts, dtypes, groupings and masks.
#include "norma/normalize.hpp"

#include <gtest/gtest.h>

#include "exact_data.hpp"
#include "expect.hpp"

namespace norma::test {
namespace {

std::string describe(const Case& c, const Plan& plan) { return c.text() + "\n" + plan.describe(); }

TEST(Normalize, AgreesWithTheDefinition) {
  for_random_cases(3000, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    if (c.g.refused_in_training(c.shape)) return;
    const std::vector<std::byte> x = c.x.memory();
    const Plan plan(c.x.in(), c.y.out(), c.g.grouping);
    SCOPED_TRACE(describe(c, plan));
    std::vector<Moments> saved = c.room();
    plan.normalize(c.x.in(), c.y.out(), c.options, saved);
    const std::vector<Statistics> statistics = statistics_of(c.problem());
    expect_moments(saved, statistics, c.options.centered, c.dtype);
    expect_forward(c, statistics, false);
    EXPECT_EQ(x, c.x.memory());
    EXPECT_TRUE(c.y.gaps_untouched());
  });
}

TEST(Normalize, MeasureAgreesWithTheDefinition) {
  for_random_cases(1500, [](std::uint64_t seed) {
    Random random(seed);
    const Case c = random_case(random);
    const Plan plan(c.x.in(), c.g.grouping);
    SCOPED_TRACE(describe(c, plan));
    std::vector<Moments> moments = c.room();
    for (Moments& m : moments) m = {-1, 1e9, 1e9, 1e9};
    measure(c.x.in(), c.g.grouping, moments, c.options);
    expect_moments(moments, statistics_of(c.problem()), c.options.centered, c.dtype);
  });
}

TEST(Normalize, WithGivenStatisticsAgreesWithTheDefinition) {
  for_random_cases(1500, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    const Plan plan(c.x.in(), c.y.out(), c.g.grouping);
    SCOPED_TRACE(describe(c, plan));
    std::vector<Moments> given;
    for (std::int64_t k = 0; k < c.g.distributions; ++k) {
      given.push_back(Moments::of(random.normal() * 10, random.chance(0.1) ? 0 : random.uniform() * 9));
    }
    normalize_with(c.x.in(), c.y.out(), c.g.grouping, given, c.options);
    expect_forward(c, statistics_from(given, c.options.eps), true);
    EXPECT_TRUE(c.y.gaps_untouched());
  });
}

TEST(Normalize, InPlaceGivesTheSameBits) {
  for_random_cases(600, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    c.x = like(c.y, c.dtype);
    fill(random, c.x, Data::any(random, c.dtype));
    if (c.g.refused_in_training(c.shape)) return;
    SCOPED_TRACE(c.text());
    normalize(c.x.in(), c.y.out(), c.g.grouping, c.options);
    Tensor both = c.x;
    normalize(both.in(), both.out(), c.g.grouping, c.options);
    EXPECT_EQ(both.bits(), c.y.bits());
    std::vector<Moments> given = c.room();
    measure(c.x.in(), c.g.grouping, given, c.options);
    normalize_with(c.x.in(), c.y.out(), c.g.grouping, given, c.options);
    both = c.x;
    normalize_with(both.in(), both.out(), c.g.grouping, given, c.options);
    EXPECT_EQ(both.bits(), c.y.bits());
  });
}

/// Larger than a block (65536 elements), a chunk of rows (4096), a strip of columns (512) and a chunk of them (256
/// rows).
TEST(Normalize, LongDistributionsAgreeWithTheDefinition) {
  const struct {
    Dims shape;
    std::function<GroupingCase()> make;
  } cases[] = {
      {{2, 70000},
       [] {
         GroupingCase g;
         g.norm = Norm::sample;
         g.grouping = Grouping::sample();
         g.parameter_axes = {1};
         return g;
       }},
      {{3, 2, 12000},
       [] {
         GroupingCase g;
         g.norm = Norm::batch;
         g.channel = 1;
         g.grouping = Grouping::batch();
         g.parameter_axes = {1};
         return g;
       }},
      {{20000, 3},
       [] {
         GroupingCase g;
         g.norm = Norm::batch;
         g.channel = 1;
         g.grouping = Grouping::batch();
         g.parameter_axes = {1};
         return g;
       }},
      {{1100, 70},
       [] {
         GroupingCase g;
         g.norm = Norm::batch;
         g.channel = 1;
         g.grouping = Grouping::batch();
         g.parameter_axes = {1};
         return g;
       }},
      {{60, 1300},
       [] {
         GroupingCase g;
         g.norm = Norm::batch;
         g.channel = 1;
         g.grouping = Grouping::batch();
         g.parameter_axes = {1};
         return g;
       }},
      {{2, 40, 40, 24},
       [] {
         GroupingCase g;
         g.norm = Norm::group;
         g.channel = 3;
         g.number = 6;
         g.grouping = Grouping::group(6, -1);
         g.parameter_axes = {3};
         return g;
       }},
      {{2, 12, 6000},
       [] {
         GroupingCase g;
         g.norm = Norm::group;
         g.channel = 1;
         g.number = 2;
         g.grouping = Grouping::group(2);
         g.parameter_axes = {1};
         return g;
       }},
  };
  Random random(7);
  for (const auto& [shape, make] : cases) {
    for (DType dtype : kFloats) {
      for (bool contiguous : {true, false}) {
        // The reference takes its time; the two halves differ from float in their loads and stores alone.
        if (!contiguous && size_of(dtype) == 2) continue;
        Case c;
        c.shape = shape;
        c.dtype = dtype;
        c.g = make();
        c.g.text = "long";
        c.g.resolve(shape);
        const auto tensor = [&](const Data& data) {
          Tensor t(dtype, shape, make_layout(random, shape, contiguous ? Place::contiguous : Place::scattered));
          fill(random, t, data);
          return t;
        };
        c.x = tensor({20, 0.5});
        c.y = tensor({});
        c.weight = Tensor(DType::f32, {c.g.parameters});
        fill(random, c.weight, {1, 0.5});
        c.options.weight = c.weight.in();
        const Plan plan(c.x.in(), c.y.out(), c.g.grouping);
        SCOPED_TRACE(describe(c, plan));
        std::vector<Moments> saved = c.room();
        plan.normalize(c.x.in(), c.y.out(), c.options, saved);
        const std::vector<Statistics> statistics = statistics_of(c.problem());
        expect_moments(saved, statistics, true, c.dtype);
        expect_forward(c, statistics, false);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(Normalize, ExactDataGivesExactResults) {
  for (DType dtype : kFloats) {
    for (const ExactRow& row : exact_rows()) {
      SCOPED_TRACE(std::string(name_of(dtype)) + " " + row.name);
      const auto n = static_cast<std::int64_t>(row.x.size());
      for (const Dims& shape : {Dims{1, n}, Dims{3, n}}) {
        Tensor x(dtype, shape), y(dtype, shape);
        for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, row.x[static_cast<std::size_t>(i % n)]);
        normalize(x.in(), y.out(), Grouping::sample(), {.eps = row.eps});
        for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], row.y[static_cast<std::size_t>(i % n)]) << i;
      }
      // The same values down a column.
      const Dims shape{n, 5};
      Tensor x(dtype, shape), y(dtype, shape);
      for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, row.x[static_cast<std::size_t>(i / 5)]);
      normalize(x.in(), y.out(), Grouping::over({0}), {.eps = row.eps});
      for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], row.y[static_cast<std::size_t>(i / 5)]) << i;
    }
  }
}

TEST(Normalize, TheTwoLayoutsOfAnImageAgree) {
  Random random(11);
  const std::int64_t n = 3, c = 8, s = 35;
  for (DType dtype : kFloats) {
    Tensor nchw(dtype, {n, c, s}), nhwc(dtype, {n, c, s}, {Dims{s * c, 1, c}, 0, n * c * s});
    for (std::int64_t i = 0; i < nchw.size(); ++i) {
      nchw.set(i, 5 + random.normal());
      nhwc.set(i, nchw[i]);
    }
    for (const Grouping& grouping : {Grouping::batch(), Grouping::instance(), Grouping::group(2), Grouping::sample(),
                                     Grouping::over({1}), Grouping::ghost_batch(1)}) {
      Tensor a = nchw, b = nhwc;
      normalize(nchw.in(), a.out(), grouping);
      normalize(nhwc.in(), b.out(), grouping);
      // Each is within 6u of the exact value before rounding; |y| < 6 here.
      const double close = 2 * 6 * 6 * unit_of(dtype);
      const double ulp = dtype == DType::f16 ? 0x1p-10 : dtype == DType::bf16 ? 0x1p-7 : 0;
      for (std::int64_t i = 0; i < a.size(); ++i)
        ASSERT_NEAR(a[i], b[i], close + ulp * std::fabs(a[i])) << name_of(dtype);
    }
  }
}

TEST(Normalize, WithoutElementsThereIsNothingToDo) {
  Tensor x(DType::f32, {0, 4, 3}), y(DType::f32, {0, 4, 3});
  std::vector<Moments> saved(4, Moments{9, 9, 9, 9});
  normalize(x.in(), y.out(), Grouping::batch(), {}, saved);
  for (const Moments& m : saved) EXPECT_EQ(m.count, 0);
  normalize(x.in(), y.out(), Grouping::layer({4, 3}));
  Tensor wide(DType::f32, {2, 0}), out(DType::f32, {2, 0});
  saved.assign(2, Moments{9, 9, 9, 9});
  normalize(wide.in(), out.out(), Grouping::sample(), {}, saved);
  for (const Moments& m : saved) EXPECT_EQ(m.count, 0);
}

TEST(Normalize, ADistributionOfNothingMeasuresNothing) {
  const std::vector<std::int64_t> lengths = {0, 2};
  Tensor x(DType::f32, {2, 3}), y(DType::f32, {2, 3});
  for (std::int64_t i = 0; i < 6; ++i) x.set(i, static_cast<double>(i * i));
  std::vector<Moments> saved(2);
  normalize(x.in(), y.out(), Grouping::sample().with_lengths(lengths), {}, saved);
  EXPECT_EQ(saved[0].count, 0);
  EXPECT_EQ(saved[1].count, 2);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(y[i], 0);
}

TEST(Plan, RunsOnAnyMemoryOfItsLayout) {
  Random random(3);
  const Dims shape{4, 6};
  const Plan plan(Tensor(DType::f32, shape).in(), Tensor(DType::f32, shape).out(), Grouping::sample());
  for (int i = 0; i < 3; ++i) {
    Tensor x(DType::f32, shape), y(DType::f32, shape), fresh(DType::f32, shape);
    fill(random, x, {});
    plan.normalize(x.in(), y.out());
    normalize(x.in(), fresh.out(), Grouping::sample());
    EXPECT_EQ(y.bits(), fresh.bits());
    EXPECT_TRUE(plan.fits(x.in(), y.in()));
  }
  EXPECT_EQ(plan.distributions(), 4);
  EXPECT_EQ(plan.parameters(), 6);
  Tensor other(DType::f32, {6, 4}), half(DType::f16, shape), turned(DType::f32, shape, {Dims{1, 4}, 0, 24});
  for (const Tensor& t : {other, half, turned}) EXPECT_FALSE(plan.fits(t.in(), t.in()));
}

}  // namespace
}  // namespace norma::test
