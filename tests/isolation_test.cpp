// SPDX-License-Identifier: Apache-2.0
// A NaN or an infinity spoils its own distribution and no other; what is left out touches nothing.
#include <gtest/gtest.h>

#include "norma/normalize.hpp"
#include "outcome.hpp"

namespace norma::test {
namespace {

/// The bits of element i; every NaN is one NaN.
std::string bits_at(const Tensor& t, std::int64_t i) {
  const double v = t[i];
  return std::isnan(v) ? "NaN" : std::string(reinterpret_cast<const char*>(&v), sizeof(v));
}

/// A case whose every element has memory of its own.
Case separate_case(Random& random, std::int64_t most) {
  Case c = random_case(random, most, false);
  for (Tensor* t : {&c.x, &c.dy}) {
    *t = random_tensor(random, c.dtype, c.shape, false, t == &c.x ? Data::any(random, c.dtype) : Data());
  }
  return c;
}

TEST(Isolation, OneBadElementSpoilsItsDistributionAlone) {
  for_random_cases(1500, [](std::uint64_t seed) {
    Random random(seed);
    Case c = separate_case(random, 600);
    if (c.g.refused_in_training(c.shape)) return;
    const std::int64_t bad = random.integer(0, c.x.size() - 1);
    const std::int64_t spoilt = c.g.ids[static_cast<std::size_t>(bad)];
    if (spoilt < 0) return;
    SCOPED_TRACE(c.text());
    std::vector<Moments> before = c.room(), after = c.room();
    const auto run = [&](std::vector<Moments>& saved) {
      normalize(c.x.in(), c.y.out(), c.g.grouping, c.options, saved);
      backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
    };
    run(before);
    const Case clean = c;
    const double poison = random.one_of({std::nan(""), HUGE_VAL, -HUGE_VAL});
    c.x.set(bad, poison);
    run(after);
    // The weights that meet in the spoilt distribution, by its members or by what is left out of it.
    std::set<std::int64_t> touched;
    const std::vector<Dims> indices = indices_of(c.shape);
    const auto common = c.g.in_common(c.shape, indices[static_cast<std::size_t>(bad)]);
    for (std::int64_t i = 0; i < c.x.size(); ++i) {
      if (c.g.in_common(c.shape, indices[static_cast<std::size_t>(i)]) == common) {
        touched.insert(c.g.parameter[static_cast<std::size_t>(i)]);
      }
    }
    for (std::int64_t i = 0; i < c.x.size(); ++i) {
      if (c.g.ids[static_cast<std::size_t>(i)] == spoilt) {
        EXPECT_TRUE(!std::isnan(poison) || std::isnan(c.y[i])) << "a NaN passes for a number at " << i;
        continue;
      }
      ASSERT_EQ(bits_at(c.y, i), bits_at(clean.y, i)) << "y[" << i << "]";
      ASSERT_EQ(bits_at(c.dx, i), bits_at(clean.dx, i)) << "dx[" << i << "]";
    }
    for (std::size_t k = 0; k < before.size(); ++k) {
      if (static_cast<std::int64_t>(k) == spoilt) continue;
      ASSERT_EQ(bits_of({after[k]}), bits_of({before[k]})) << "moments " << k;
    }
    for (std::int64_t k = 0; k < c.g.parameters; ++k) {
      ASSERT_EQ(bits_at(c.dbias, k), bits_at(clean.dbias, k)) << "dbias[" << k << "]";
      if (touched.count(k)) continue;
      ASSERT_EQ(bits_at(c.dweight, k), bits_at(clean.dweight, k)) << "dweight[" << k << "]";
    }
  });
}

TEST(Isolation, WhatIsLeftOutTouchesNothing) {
  for_random_cases(1500, [](std::uint64_t seed) {
    Random random(seed);
    Case c = separate_case(random, 600);
    if (!c.g.narrowed()) narrow(random, c.shape, c.g), c.g.resolve(c.shape);
    SCOPED_TRACE(c.text());
    const auto outcome_with = [&](double left_out) {
      for (Tensor* t : {&c.x, &c.dy}) {
        for (std::int64_t i = 0; i < t->size(); ++i) {
          if (c.g.ids[static_cast<std::size_t>(i)] < 0) t->set(i, left_out);
        }
      }
      return outcome_of(c, serial_runner());
    };
    const Outcome clean = outcome_with(0);
    for (double left_out : {std::nan(""), HUGE_VAL, -HUGE_VAL, 6e4, -1.0})
      EXPECT_EQ(outcome_with(left_out), clean) << left_out;
    for (std::int64_t i = 0; i < c.x.size(); ++i) {
      ASSERT_TRUE(c.g.ids[static_cast<std::size_t>(i)] >= 0 || (c.y[i] == 0 && c.dx[i] == 0)) << i;
    }
  });
}

/// The same, where the result itself holds NaN before the call: zeros are written, not multiplied.
TEST(Isolation, LeftOutResultsAreZeroWhateverStoodThere) {
  const std::vector<std::int64_t> lengths = {1, 0};
  for (DType dtype : kFloats) {
    Tensor x(dtype, {2, 3, 70}), y = x;
    for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, static_cast<double>(i % 7));
    for (const Grouping& grouping : {Grouping::sample(), Grouping::batch(2), Grouping::layer({70})}) {
      for (std::int64_t i = 0; i < y.size(); ++i) y.set(i, std::nan(""));
      normalize(x.in(), y.out(), grouping.with_lengths(lengths));
      for (std::int64_t i = 70; i < y.size(); ++i) ASSERT_EQ(y[i], 0);
    }
  }
}

/// An infinity beside a number must not become a number again.
TEST(Isolation, SpoiltDistributionsShowIt) {
  for (DType dtype : kFloats) {
    for (bool centered : {true, false}) {
      for (bool columns : {false, true}) {
        Tensor x(dtype, columns ? Dims{9, 2} : Dims{2, 9}), y = x;
        for (std::int64_t i = 0; i < 18; ++i) x.set(i, static_cast<double>(i));
        const std::int64_t bad = 4;  // of the first distribution in both
        x.set(bad, std::nan(""));
        Tensor plain = y;
        for (double eps : {1e-5, 0.0}) {
          normalize(x.in(), y.out(), Grouping::over({columns ? 0 : 1}), {.eps = eps, .centered = centered});
          for (std::int64_t i = 0; i < 18; ++i) {
            const bool first = columns ? i % 2 == 0 : i < 9;
            EXPECT_EQ(std::isnan(y[i]), first)
                << name_of(dtype) << (columns ? " columns " : " rows ") << i << " " << y[i];
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace norma::test
