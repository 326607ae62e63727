// SPDX-License-Identifier: Apache-2.0
#include "norma/moments.hpp"

#include <gtest/gtest.h>

#include "expect.hpp"
#include "norma/normalize.hpp"
#include "outcome.hpp"

namespace norma::test {
namespace {

TEST(Moments, SayWhatTheyMean) {
  const Moments m{4, 10, 0, 8};
  EXPECT_EQ(m.variance(), 2);
  EXPECT_EQ(m.variance(1), 8.0 / 3);
  EXPECT_TRUE(std::isnan(Moments{}.variance()));
  EXPECT_TRUE(std::isnan((Moments{1, 5, 0, 0}.variance(1))));
  EXPECT_EQ((Moments{1, 5, 0, 0}.variance()), 0);
  EXPECT_EQ(m.rstd(2), 0.5);
  EXPECT_EQ(Moments{}.rstd(1), 0);
  EXPECT_EQ((Moments{3, 7, 0, 0}.rstd(0)), 0) << "a constant without eps";
  EXPECT_EQ(Moments::of(3, 4).variance(), 4);
  EXPECT_EQ(Moments::of(3, 4).rstd(0), 0.5);
  EXPECT_EQ(Moments::of(3, 4).mean, 3);
}

TEST(Moments, MergingWithNothingChangesNoBit) {
  const Moments m{5, 0.1, 1e-18, 3.7};
  EXPECT_EQ(bits_of({merge(m, {})}), bits_of({m}));
  EXPECT_EQ(bits_of({merge({}, m)}), bits_of({m}));
  EXPECT_EQ(bits_of({merge({}, {})}), bits_of({Moments{}}));
}

Moments measured(const std::vector<double>& values, bool centered) {
  Moments m;
  measure(view(values.data(), {1, static_cast<std::int64_t>(values.size())}), Grouping::sample(), {&m, 1},
          {.centered = centered});
  return m;
}

/// Any split, in any order, by a chain or by a tree: what comes out is what measuring all of them at once should have
/// given.
TEST(Moments, OfAnySplitMergeToTheWhole) {
  for_random_cases(1500, [](std::uint64_t seed) {
    Random random(seed);
    const Data data{random.one_of({0.0, 1.0, 1e3, -1e6, 1e9}), random.one_of({1.0, 1e-3, 0.0}), false,
                    random.chance(0.2)};
    const bool centered = random.chance(0.8);
    std::vector<double> all;
    std::vector<Moments> parts;
    for (std::int64_t part = random.integer(1, 12); part > 0; --part) {
      std::vector<double> values;
      for (std::int64_t i = random.integer(0, 60); i > 0; --i) values.push_back(data(random));
      all.insert(all.end(), values.begin(), values.end());
      parts.push_back(values.empty() ? Moments{} : measured(values, centered));
    }
    if (all.empty()) return;
    random.shuffle(parts);
    Problem p;
    p.x = all;
    p.ids.assign(all.size(), 0);
    p.parameter.assign(all.size(), 0);
    p.centered = centered;
    p.distributions = 1;
    const std::vector<Statistics> exact = statistics_of(p);
    Moments chain;
    for (const Moments& m : parts) chain = merge(chain, m);
    std::vector<Moments> tree = parts;
    while (tree.size() > 1) {
      std::vector<Moments> next;
      for (std::size_t i = 0; i + 1 < tree.size(); i += 2) next.push_back(merge(tree[i], tree[i + 1]));
      if (tree.size() % 2) next.push_back(tree.back());
      tree = next;
    }
    SCOPED_TRACE(std::to_string(all.size()) + " values about " + std::to_string(data.mean));
    expect_moments({chain}, exact, centered, DType::f64);
    expect_moments({tree[0]}, exact, centered, DType::f64);
    expect_moments({measured(all, centered)}, exact, centered, DType::f64);
  });
}

/// Two far apart constants: the case for which a difference of squares has no digit left.
TEST(Moments, KeepWhatOneDoubleWouldLose) {
  const Moments m = merge({3, 1e9, 0, 0}, {1, 1e9 + 1, 0, 0});
  EXPECT_EQ(m.count, 4);
  EXPECT_EQ(m.mean + m.mean_low, 1e9 + 0.25);
  EXPECT_EQ(m.m2, 0.75);
  // A third of 1 has no end in binary: the pair holds twice the digits.
  const Moments third = merge({2, 1e9, 0, 0}, {1, 1e9 + 1, 0, 0});
  const Real error = static_cast<Real>(third.mean) + static_cast<Real>(third.mean_low) - (Real(1e9) + Real(1) / 3);
  EXPECT_LT(to_double(absolute(error)), 1e-16);
}

}  // namespace
}  // namespace norma::test
