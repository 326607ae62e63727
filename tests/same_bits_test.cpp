// SPDX-License-Identifier: Apache-2.0
// A distribution's result depends on its own elements and nothing else: the same bits on any number of threads, on
// every instruction set, alone or in any batch.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "norma/normalize.hpp"
#include "outcome.hpp"
#include "random_case.hpp"

namespace norma::test {
namespace {

std::string text_of(const Case& c) { return c.text() + "\n" + Plan(c.x.in(), Tensor(c.y).out(), c.g.grouping).describe(); }

/// Puts the pool and the target back.
class SameBits : public ::testing::Test {
 protected:
  void TearDown() override {
    set_num_threads(threads_);
    set_target(target_);
  }
  int threads_ = num_threads();
  std::string target_ = target();
};

TEST_F(SameBits, OnAnyNumberOfThreads) {
  for_random_cases(40, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_large_case(random);
    SCOPED_TRACE(text_of(c));
    const Outcome alone = outcome_of(c, serial_runner());
    for (int threads : {1, 2, 3, 4}) {
      set_num_threads(threads);
      EXPECT_EQ(outcome_of(c, default_runner()), alone) << threads << " threads";
    }
  });
}

TEST_F(SameBits, InAnyOrderOfTasks) {
  for_random_cases(60, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_large_case(random);
    SCOPED_TRACE(text_of(c));
    const Outcome alone = outcome_of(c, serial_runner());
    for (int concurrency : {2, 5, 64}) {
      DisorderlyRunner runner(seed, concurrency);
      EXPECT_EQ(outcome_of(c, runner), alone) << concurrency << " at once";
    }
  });
}

/// New memory is written past the caches, by stores of their own in every kernel.
TEST_F(SameBits, InNewMemoryOrNot) {
  for_random_cases(20, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_large_case(random, {.least = 530000, .most = 700000});
    SCOPED_TRACE(text_of(c));
    const Outcome used = outcome_of(c, default_runner());
    c.options.new_output = true;
    for (const std::string& name : targets()) {
      set_target(name);
      EXPECT_EQ(outcome_of(c, default_runner()), used) << name;
    }
  });
}

TEST_F(SameBits, OnEveryTarget) {
  ASSERT_FALSE(targets().empty());
  for_random_cases(1200, [](std::uint64_t seed) {
    Random random(seed);
    Case c = seed % 40 == 0 ? random_large_case(random) : random_case(random);
    SCOPED_TRACE(text_of(c));
    set_target(targets().front());
    const Outcome best = outcome_of(c, serial_runner());
    for (const std::string& name : targets()) {
      set_target(name);
      ASSERT_EQ(target(), name);
      EXPECT_EQ(outcome_of(c, serial_runner()), best) << name;
    }
  });
}

// ---------------------------------------------------------------------------------------------------------------------

/// A grouping each of whose distributions lies within one sample: for any batch size.
struct WithinSample {
  std::string text;
  Grouping grouping = Grouping::sample();
};

WithinSample random_within_sample(Random& random, const Dims& shape) {
  const int rank = shape.rank();
  const auto channel = static_cast<int>(random.integer(1, rank - 1));
  switch (random.integer(0, 4)) {
    case 0: {
      Dims axes;
      for (int axis = 1; axis < rank; ++axis) {
        if (random.chance(0.5)) axes.push_back(axis);
      }
      return {"over" + to_string(axes), Grouping::over(axes)};
    }
    case 1: {
      Dims last;
      for (int axis = static_cast<int>(random.integer(1, rank - 1)); axis < rank; ++axis) last.push_back(shape[axis]);
      return {"layer" + to_string(last), Grouping::layer(last)};
    }
    case 2: return {"instance " + std::to_string(channel), Grouping::instance(channel)};
    case 3: {
      const std::int64_t groups = random_divisor(random, shape[channel]);
      return {"group of " + std::to_string(groups) + " channel " + std::to_string(channel), Grouping::group(groups, channel)};
    }
    default: return {"sample", Grouping::sample()};
  }
}

/// What a call makes of some samples, sample by sample: y, dx and moments.
std::vector<std::string> by_sample(const Grouping& grouping, const Tensor& x, const Tensor& dy, const Options& options) {
  Tensor y = like(x, x.dtype()), dx = like(x, x.dtype());
  const std::int64_t samples = x.shape()[0], each = x.size() / samples;
  const Plan plan(x.in(), y.out(), grouping);
  std::vector<Moments> saved(static_cast<std::size_t>(plan.distributions()));
  measure(x.in(), grouping, saved, options);
  normalize_with(x.in(), y.out(), grouping, saved, options);  // as normalize, which refuses some shapes
  std::string bits = y.bits();
  try {
    normalize(x.in(), y.out(), grouping, options, saved);
    bits = y.bits();
  } catch (const Error&) {
    // A single value in each distribution.
  }
  backward(x.in(), dy.in(), grouping, saved, {.dx = dx.out()}, options);
  const std::string gradient = dx.bits();
  const std::size_t width = static_cast<std::size_t>(each) * size_of(x.dtype()),
                    per = saved.size() / static_cast<std::size_t>(samples);
  std::vector<std::string> all;
  for (std::size_t n = 0; n < static_cast<std::size_t>(samples); ++n) {
    all.push_back(bits.substr(n * width, width) + gradient.substr(n * width, width) +
                  bits_of({saved.begin() + static_cast<std::ptrdiff_t>(n * per),
                           saved.begin() + static_cast<std::ptrdiff_t>((n + 1) * per)}));
  }
  return all;
}

/// The memory of one sample laid out as in the batch, alone: a batch of one.
Tensor sample_of(const Tensor& t, std::int64_t n) {
  Dims shape = t.shape();
  shape[0] = 1;
  Layout layout{t.strides(), 0, 0};
  std::int64_t last = 0;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    const std::int64_t reach = t.strides()[axis] * (shape[axis] - 1);
    (reach < 0 ? layout.first : last) += reach < 0 ? -reach : reach;
  }
  layout.span = layout.first + last + 1;
  Tensor one(t.dtype(), shape, layout);
  for (std::int64_t i = 0; i < one.size(); ++i) one.set(i, t[n * one.size() + i]);
  return one;
}

TEST_F(SameBits, InAnyBatchAndAnyPlace) {
  for_random_cases(2000, [](std::uint64_t seed) {
    Random random(seed);
    const bool large = seed % 100 == 0;
    Dims shape = large ? random_large_shape(random) : random_shape(random, 900, false);
    if (shape.rank() < 2) return;
    shape[0] = random.integer(2, 6);
    const DType dtype = random.one_of(kFloats);
    const WithinSample within = random_within_sample(random, shape);
    // Samples are outermost in memory; what lies within one may lie in any order.
    Dims inside;
    for (int axis = 1; axis < shape.rank(); ++axis) inside.push_back(shape[axis]);
    const Layout one = make_layout(random, inside, random.one_of({Place::contiguous, Place::permuted, Place::scattered}));
    Layout layout{{one.span + random.integer(0, 1) * random.integer(0, 9)}, one.first, 0};
    for (std::int64_t stride : one.strides) layout.strides.push_back(stride);
    layout.span = layout.strides[0] * (shape[0] - 1) + one.span;
    Tensor x(dtype, shape, layout), dy(dtype, shape, layout);
    const std::int64_t each = x.size() / shape[0];
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      const Data data = Data::any(random, dtype);  // every sample of another kind
      for (std::int64_t i = 0; i < each; ++i) x.set(n * each + i, data(random)), dy.set(n * each + i, random.normal());
    }
    const std::int64_t parameters = within.grouping.boxes(shape).parameters();
    Tensor weight(DType::f32, {parameters}), bias(DType::f32, {parameters});
    fill(random, weight, {1, 0.5});
    fill(random, bias, {0, 0.5});
    Options options{.eps = random.one_of({1e-5, 0.0}), .centered = random.chance(0.7)};
    if (random.chance(0.5)) options.weight = weight.in();
    if (random.chance(0.5)) options.bias = bias.in();
    DisorderlyRunner runner(seed, 3);
    options.runner = &runner;
    SCOPED_TRACE(std::string(name_of(dtype)) + to_string(shape) + " " + within.text + " strides " + to_string(x.strides()) +
                 "\n" + Plan(x.in(), like(x, dtype).out(), within.grouping).describe());
    const std::vector<std::string> together = by_sample(within.grouping, x, dy, options);
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      const Tensor alone = sample_of(x, n), alone_dy = sample_of(dy, n);
      EXPECT_EQ(by_sample(within.grouping, alone, alone_dy, options)[0] == together[static_cast<std::size_t>(n)], true)
          << "sample " << n << "\n"
          << Plan(alone.in(), like(alone, dtype).out(), within.grouping).describe();
    }
  });
}

TEST_F(SameBits, PaddedOrNot) {
  Random random(2);
  const std::int64_t samples = 3;
  for (std::int64_t width : {1, 3, 8, 16, 20, 300, 768}) {
    for (std::int64_t positions : {5, 40, 700}) {
      const Dims shape{samples, positions, width};
      if (count_of(shape) > 700000) continue;
      for (DType dtype : kFloats) {
        for (const WithinSample& within :
             {WithinSample{"sample", Grouping::sample()}, WithinSample{"layer", Grouping::over({2})},
              WithinSample{"instance", Grouping::instance(2)}}) {
          // Few columns are folded to fill vectors, which a mask prevents: another order of summing.
          if (within.grouping.needs_two(shape) && width < 64) continue;
          // Rows end to end or apart.
          const std::int64_t row = width + random.one_of<std::int64_t>({0, 3});
          const auto tensor = [&](std::int64_t n, std::int64_t length) {
            return Tensor(dtype, {n, length, width}, {{length * row, row, 1}, 0, n * length * row});
          };
          SCOPED_TRACE(std::string(name_of(dtype)) + to_string(shape) + " " + within.text + ", row " + std::to_string(row));
          const std::vector<std::int64_t> lengths = {positions, random.integer(1, positions), random.integer(1, positions)};
          Tensor x = tensor(samples, positions), y = x, dy = x, dx = x;
          fill(random, x, {3, 1});
          fill(random, dy, {});
          const Grouping padded = within.grouping.with_lengths(lengths);
          std::vector<Moments> saved(static_cast<std::size_t>(padded.boxes(shape).distributions()));
          normalize(x.in(), y.out(), padded, {}, saved);
          backward(x.in(), dy.in(), padded, saved, {.dx = dx.out()});
          const std::int64_t each = positions * width;
          for (std::int64_t n = 0; n < samples; ++n) {
            const std::int64_t length = lengths[static_cast<std::size_t>(n)];
            Tensor short_x = tensor(1, length), short_dy = short_x;
            for (std::int64_t i = 0; i < short_x.size(); ++i)
              short_x.set(i, x[n * each + i]), short_dy.set(i, dy[n * each + i]);
            Tensor short_y = short_x, short_dx = short_x;
            if (length == 1 && within.grouping.needs_two(short_x.shape())) continue;
            std::vector<Moments> short_saved(static_cast<std::size_t>(within.grouping.boxes(short_x.shape()).distributions()));
            normalize(short_x.in(), short_y.out(), within.grouping, {}, short_saved);
            backward(short_x.in(), short_dy.in(), within.grouping, short_saved, {.dx = short_dx.out()});
            const std::size_t at = static_cast<std::size_t>(n * each) * size_of(dtype), size = short_y.bits().size();
            ASSERT_TRUE(y.bits().substr(at, size) == short_y.bits()) << "y of sample " << n << " of length " << length;
            ASSERT_TRUE(dx.bits().substr(at, size) == short_dx.bits()) << "dx of sample " << n << " of length " << length;
          }
        }
      }
    }
  }
}

/// Whether and where the result is written, and what else is asked for, changes nothing of what is measured.
TEST_F(SameBits, MomentsAreTheSameWhicheverCallMeasures) {
  for_random_cases(400, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random);
    if (c.g.refused_in_training(c.shape)) return;
    c.y = like(c.x, c.dtype);
    if (std::any_of(c.x.strides().begin(), c.x.strides().end(), [](std::int64_t s) { return s == 0; })) return;
    SCOPED_TRACE(text_of(c));
    std::vector<Moments> saved = c.room(), measured = c.room();
    normalize(c.x.in(), c.y.out(), c.g.grouping, c.options, saved);
    measure(c.x.in(), c.g.grouping, measured, c.options);
    EXPECT_EQ(bits_of(saved), bits_of(measured));
    const std::string y = c.y.bits();
    normalize_with(c.x.in(), c.y.out(), c.g.grouping, saved, c.options);
    EXPECT_TRUE(c.y.bits() == y) << "given statistics";
  });
}

/// Without weight and bias, in whichever pass, fused, gathered or in chunks: -0 about a mean of 0 stays -0.
TEST_F(SameBits, AZeroKeepsItsSignWhicheverPassWritesIt) {
  for (DType dtype : kFloats) {
    for (const Grouping& grouping : {Grouping::instance(), Grouping::sample()}) {
      for (const std::int64_t length : {37, 5000}) {
        for (const std::int64_t step : {1, 2}) {
          const std::int64_t row = length * step;
          Tensor x(dtype, {2, 1, length}, {{row, row, step}, 0, 2 * row}), y = x;
          for (std::int64_t i = 0; i < x.size(); ++i) {
            const std::int64_t at = i % length;
            x.set(i, at == 0 ? 1 : at == 1 ? -1 : -0.0);
          }
          SCOPED_TRACE(std::string(name_of(dtype)) + " of length " + std::to_string(length) + ", step " + std::to_string(step));
          const auto expect_signs = [&] {
            for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::signbit(y[i]), i % length != 0) << i;
          };
          std::vector<Moments> saved(2);
          normalize(x.in(), y.out(), grouping, {}, saved);
          expect_signs();
          normalize_with(x.in(), y.out(), grouping, saved);
          expect_signs();
        }
      }
    }
  }
}

}  // namespace
}  // namespace norma::test
