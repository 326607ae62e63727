// SPDX-License-Identifier: Apache-2.0
// The layers against the update rules written out, element by element, in double.
#include "norma/layers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <random>
#include <thread>
#include <type_traits>

#include "norma/norma.hpp"

namespace {
std::atomic<std::int64_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  bytes = (bytes + alignment - 1) / alignment * alignment;
  void* p = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, bytes) : std::malloc(bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, 1); }
void* operator new[](std::size_t bytes) { return counted(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t a) { return counted(bytes, static_cast<std::size_t>(a)); }
void* operator new(std::size_t bytes, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted(bytes, static_cast<std::size_t>(a));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 1); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 1); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace norma {
namespace {

using Data = std::vector<double>;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Data normal(std::int64_t n, unsigned seed, double mean = 0, double deviation = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw(mean, deviation);
  Data x(static_cast<std::size_t>(n));
  for (double& v : x) v = draw(random);
  return x;
}

std::vector<float> floats(const Data& x) { return {x.begin(), x.end()}; }

/// The index along an axis of the element that lies at `at` in C order.
std::int64_t index_of(std::int64_t at, const Dims& shape, int axis) {
  for (int later = shape.rank() - 1; later > axis; --later) at /= shape[later];
  return at % shape[axis];
}

struct Stats {
  double n = 0, mean = 0, m2 = 0;
  double biased() const { return m2 / n; }
  double unbiased() const { return m2 / (n - 1); }
};

using Key = std::function<std::int64_t(std::int64_t)>;

/// Two passes, from the definition. A key below 0 leaves the element out.
std::map<std::int64_t, Stats> stats_of(const Data& x, const Key& key, bool centered = true) {
  std::map<std::int64_t, Stats> all;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t k = key(static_cast<std::int64_t>(i));
    if (k >= 0) all[k].n += 1, all[k].mean += x[i];
  }
  for (auto& [k, s] : all) s.mean = centered ? s.mean / s.n : 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t k = key(static_cast<std::int64_t>(i));
    if (k >= 0) all[k].m2 += (x[i] - all[k].mean) * (x[i] - all[k].mean);
  }
  return all;
}

Key channel_of(const Dims& shape, int axis) {
  return [=](std::int64_t i) { return index_of(i, shape, axis); };
}
Key instance_of(const Dims& shape, int axis) {
  return [=](std::int64_t i) { return index_of(i, shape, 0) * shape[axis] + index_of(i, shape, axis); };
}

/// What throws, in full; the tests look for the part that tells one refusal from another.
std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was refused";
}
#define EXPECT_REFUSED(part, ...)                                  \
  do {                                                             \
    const std::string sentence = refusal([&] { __VA_ARGS__; });    \
    EXPECT_NE(sentence.find(part), std::string::npos) << sentence; \
  } while (false)

Data run(Layer& layer, const Data& x, const Dims& shape, const Narrowing& narrowing = {}) {
  Data y(x.size(), 777);
  layer.forward(view(x.data(), shape), view(y.data(), shape), narrowing);
  return y;
}

void expect_near(const Data& y, const Data& expected, double tolerance, const char* what) {
  ASSERT_EQ(y.size(), expected.size()) << what;
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], tolerance) << what << " at " << i;
}

struct Case {
  const char* what;
  std::shared_ptr<Layer> layer;
  Dims shape;
  Key distribution, parameter;
  double eps = 1e-5;
  bool centered = true;
  double plus = 0;
};

std::vector<Case> cases() {
  const Dims nchw{3, 4, 5, 2}, nhwc{3, 5, 2, 4}, nc{9, 4}, nld{3, 5, 7};
  const auto last = [](std::int64_t n) { return [n](std::int64_t i) { return i % n; }; };
  const auto rows = [](std::int64_t n) { return [n](std::int64_t i) { return i / n; }; };
  const auto group = [](Dims s, int axis, std::int64_t g) {
    return [=](std::int64_t i) { return index_of(i, s, 0) * g + index_of(i, s, axis) / (s[axis] / g); };
  };
  std::vector<Case> all;
  all.push_back({"batch NCHW", std::make_shared<BatchNorm>(4), nchw, channel_of(nchw, 1), channel_of(nchw, 1)});
  all.push_back({"batch NHWC", std::make_shared<BatchNorm>(4, BatchNormOptions{.eps = 0.1, .channel_axis = -1}), nhwc,
                 channel_of(nhwc, 3), channel_of(nhwc, 3), 0.1});
  all.push_back({"batch NC", std::make_shared<BatchNorm>(4), nc, channel_of(nc, 1), channel_of(nc, 1)});
  all.push_back({"batch, no bias", std::make_shared<BatchNorm>(4, BatchNormOptions{.bias = false}), nc,
                 channel_of(nc, 1), channel_of(nc, 1)});
  all.push_back({"instance NCHW", std::make_shared<InstanceNorm>(4, InstanceNormOptions{.affine = true}), nchw,
                 instance_of(nchw, 1), channel_of(nchw, 1)});
  all.push_back({"instance NHWC", std::make_shared<InstanceNorm>(4, InstanceNormOptions{.channel_axis = 3}), nhwc,
                 instance_of(nhwc, 3), channel_of(nhwc, 3)});
  all.push_back({"group NCHW", std::make_shared<GroupNorm>(2, 4), nchw, group(nchw, 1, 2), channel_of(nchw, 1)});
  all.push_back({"group NHWC", std::make_shared<GroupNorm>(2, 4, GroupNormOptions{.channel_axis = -1}), nhwc,
                 group(nhwc, 3, 2), channel_of(nhwc, 3)});
  all.push_back({"layer, token", std::make_shared<LayerNorm>(Dims{7}), nld, rows(7), last(7)});
  all.push_back({"layer, sentence", std::make_shared<LayerNorm>(Dims{5, 7}), nld, rows(35), last(35)});
  all.push_back({"layer, plain", std::make_shared<LayerNorm>(Dims{7}, LayerNormOptions{.elementwise_affine = false}),
                 nld, rows(7), last(7)});
  all.push_back({"rms", std::make_shared<RMSNorm>(Dims{7}), nld, rows(7), last(7), 0x1p-52, false});
  all.push_back({"rms, 1 + weight",
                 std::make_shared<RMSNorm>(Dims{7}, RMSNormOptions{.eps = 1e-3, .weight_plus_one = true}), nld, rows(7),
                 last(7), 1e-3, false, 1});
  return all;
}

void set_parameters(Layer& layer) {
  for (std::size_t k = 0; k < layer.weight.size(); ++k) layer.weight[k] = 0.5F + 0.25F * static_cast<float>(k);
  for (std::size_t k = 0; k < layer.bias.size(); ++k) layer.bias[k] = 1 - 0.125F * static_cast<float>(k);
}

Data expected_forward(const Case& c, const Data& x) {
  const auto stats = stats_of(x, c.distribution, c.centered);
  Data y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Stats& s = stats.at(c.distribution(static_cast<std::int64_t>(i)));
    const auto p = static_cast<std::size_t>(c.parameter(static_cast<std::int64_t>(i)));
    const double w = c.layer->weight.empty() ? 1 : c.plus + static_cast<double>(c.layer->weight[p]);
    const double b = c.layer->bias.empty() ? 0 : static_cast<double>(c.layer->bias[p]);
    y[i] = (x[i] - s.mean) / std::sqrt(s.biased() + c.eps) * w + b;
  }
  return y;
}

TEST(Layers, ForwardIsTheFormula) {
  for (const Case& c : cases()) {
    set_parameters(*c.layer);
    const Data x = normal(count_of(c.shape), 1, 3, 2);
    expect_near(run(*c.layer, x, c.shape), expected_forward(c, x), 1e-12, c.what);
    const std::vector<float> xf = floats(x);
    std::vector<float> yf(xf.size());
    c.layer->forward(view(xf.data(), c.shape), view(yf.data(), c.shape));
    Case as_float = c;
    if (c.eps == 0x1p-52) as_float.eps = 0x1p-23;
    expect_near(Data(yf.begin(), yf.end()), expected_forward(as_float, Data(xf.begin(), xf.end())), 2e-6, c.what);
  }
}

TEST(Layers, BackwardIsTheSlopeOfForward) {
  for (const Case& c : cases()) {
    set_parameters(*c.layer);
    const Data x = normal(count_of(c.shape), 2, 1, 2), dy = normal(count_of(c.shape), 3);
    run(*c.layer, x, c.shape);
    Data dx(x.size());
    c.layer->backward(view(x.data(), c.shape), view(dy.data(), c.shape), view(dx.data(), c.shape));
    const auto loss = [&](const Data& at) {
      const Data y = expected_forward(c, at);
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
      return sum;
    };
    constexpr double kStep = 1e-5;
    for (std::size_t i = 0; i < x.size(); i += 7) {
      Data up = x, down = x;
      up[i] += kStep;
      down[i] -= kStep;
      EXPECT_NEAR(dx[i], (loss(up) - loss(down)) / (2 * kStep), 1e-7) << c.what << " dx " << i;
    }
    // Linear in weight and bias: a step of any size shows the slope.
    const auto slope = [&](std::vector<float>& values, std::size_t k) {
      const double before = loss(x);
      values[k] += 1;
      const double after = loss(x);
      values[k] -= 1;
      return after - before;
    };
    ASSERT_EQ(c.layer->weight_grad.size(), c.layer->weight.size());
    for (std::size_t k = 0; k < c.layer->weight.size(); ++k) {
      EXPECT_NEAR(c.layer->weight_grad[k], slope(c.layer->weight, k), 1e-5) << c.what << " weight " << k;
    }
    for (std::size_t k = 0; k < c.layer->bias.size(); ++k) {
      EXPECT_NEAR(c.layer->bias_grad[k], slope(c.layer->bias, k), 1e-5) << c.what << " bias " << k;
    }
    // A second backward overwrites, and may go without dx.
    const std::vector<float> once = c.layer->weight_grad;
    c.layer->backward(view(x.data(), c.shape), view(dy.data(), c.shape), View());
    EXPECT_EQ(c.layer->weight_grad, once) << c.what;
  }
}

TEST(Layers, InferenceBackwardTakesTheStatisticsAsConstants) {
  BatchNorm layer(2);
  layer.weight = {2, 3};
  layer.running_mean = {1, -1};
  layer.running_var = {4, 9};
  layer.eval();
  const Dims shape{3, 2};
  const Data x = {1, 2, 3, 4, 5, 6}, dy = {1, 1, 2, 3, 5, 8};
  const Data y = run(layer, x, shape);
  Data dx(6);
  layer.backward(view(x.data(), shape), view(dy.data(), shape), view(dx.data(), shape));
  for (std::size_t i = 0; i < 6; ++i) {
    const std::size_t c = i % 2;
    const double rstd = 1 / std::sqrt(layer.running_var[c] + 1e-5), w = static_cast<double>(layer.weight[c]);
    EXPECT_NEAR(y[i], (x[i] - layer.running_mean[c]) * rstd * w, 1e-12);
    EXPECT_NEAR(dx[i], dy[i] * w * rstd, 1e-12);
  }
  EXPECT_EQ(layer.num_batches_tracked, 0);
  EXPECT_EQ(layer.running_mean, (Data{1, -1}));
}

TEST(Layers, RunningStatisticsFollowEachFrameworksRule) {
  struct Rule {
    Convention convention;
    double decay, eps;
    bool unbiased;
    int axis;
  };
  // Each as its own documentation writes it: new = decay * old + (1 - decay) * batch.
  for (const Rule& rule : {Rule{Convention::torch, 0.9, 1e-5, true, 1}, Rule{Convention::keras, 0.99, 1e-3, false, 2},
                           Rule{Convention::flax, 0.99, 1e-5, false, 2}, Rule{Convention::onnx, 0.9, 1e-5, false, 1}}) {
    const Dims shape = rule.axis == 1 ? Dims{4, 3, 5} : Dims{4, 5, 3};
    BatchNorm layer(3, BatchNormOptions::of(rule.convention));
    double mean[3] = {0, 0, 0}, variance[3] = {1, 1, 1};
    for (unsigned step = 0; step < 5; ++step) {
      const Data x = normal(60, 10 + step, step, 1 + step);
      const auto stats = stats_of(x, channel_of(shape, rule.axis));
      const Data y = run(layer, x, shape);
      for (std::int64_t c = 0; c < 3; ++c) {
        const Stats& s = stats.at(c);
        mean[c] = rule.decay * mean[c] + (1 - rule.decay) * s.mean;
        variance[c] = rule.decay * variance[c] + (1 - rule.decay) * (rule.unbiased ? s.unbiased() : s.biased());
        const auto k = static_cast<std::size_t>(c);
        EXPECT_NEAR(layer.running_mean[k], mean[c], 1e-12);
        EXPECT_NEAR(layer.running_var[k], variance[c], 1e-12);
      }
      for (std::int64_t i = 0; i < 60; ++i) {
        const Stats& s = stats.at(index_of(i, shape, rule.axis));
        EXPECT_NEAR(y[static_cast<std::size_t>(i)],
                    (x[static_cast<std::size_t>(i)] - s.mean) / std::sqrt(s.biased() + rule.eps), 1e-12);
      }
    }
    EXPECT_EQ(layer.num_batches_tracked, 5);
    layer.eval();
    const Data x = normal(60, 99), y = run(layer, x, shape);
    for (std::int64_t i = 0; i < 60; ++i) {
      const std::int64_t c = index_of(i, shape, rule.axis);
      EXPECT_NEAR(y[static_cast<std::size_t>(i)],
                  (x[static_cast<std::size_t>(i)] - mean[c]) / std::sqrt(variance[c] + rule.eps), 1e-12);
    }
    EXPECT_EQ(layer.num_batches_tracked, 5);
    layer.reset_running_stats();
    EXPECT_EQ(layer.running_mean, Data(3, 0));
    EXPECT_EQ(layer.running_var, Data(3, 1));
    EXPECT_EQ(layer.num_batches_tracked, 0);
  }
}

TEST(Layers, ConventionsOfTheOthers) {
  using C = Convention;
  const auto check = [](auto of, std::initializer_list<double> eps) {
    auto expected = eps.begin();
    for (const C c : {C::torch, C::keras, C::flax, C::onnx}) EXPECT_EQ(of(c).eps, *expected++);
  };
  check(BatchNormOptions::of, {1e-5, 1e-3, 1e-5, 1e-5});
  check(LayerNormOptions::of, {1e-5, 1e-3, 1e-6, 1e-5});
  check(GroupNormOptions::of, {1e-5, 1e-3, 1e-6, 1e-5});
  check(InstanceNormOptions::of, {1e-5, 1e-3, 1e-6, 1e-5});
  EXPECT_EQ(RMSNormOptions::of(C::torch).eps, std::nullopt);
  EXPECT_EQ(RMSNormOptions::of(C::keras).eps, 1e-6);
  EXPECT_EQ(RMSNormOptions::of(C::flax).eps, 1e-6);
  EXPECT_EQ(RMSNormOptions::of(C::onnx).eps, 1e-5);
  EXPECT_FALSE(InstanceNormOptions::of(C::torch).affine);
  EXPECT_TRUE(InstanceNormOptions::of(C::onnx).affine);
  EXPECT_EQ(GroupNormOptions::of(C::keras).channel_axis, -1);
  EXPECT_EQ(GroupNormOptions::of(C::onnx).channel_axis, 1);
}

TEST(Layers, InstanceNormTracksTheAverageOfTheSamples) {
  const Dims shape{3, 2, 4};
  InstanceNorm layer(2, {.track_running_stats = true});
  double mean[2] = {0, 0}, variance[2] = {1, 1};
  for (unsigned step = 0; step < 3; ++step) {
    const Data x = normal(24, 20 + step, 2);
    run(layer, x, shape);
    const auto stats = stats_of(x, instance_of(shape, 1));
    for (std::int64_t c = 0; c < 2; ++c) {
      double m = 0, v = 0;
      for (std::int64_t n = 0; n < 3; ++n) m += stats.at(n * 2 + c).mean / 3, v += stats.at(n * 2 + c).unbiased() / 3;
      mean[c] = 0.9 * mean[c] + 0.1 * m;
      variance[c] = 0.9 * variance[c] + 0.1 * v;
      EXPECT_NEAR(layer.running_mean[static_cast<std::size_t>(c)], mean[c], 1e-12);
      EXPECT_NEAR(layer.running_var[static_cast<std::size_t>(c)], variance[c], 1e-12);
    }
  }
  layer.eval();
  const Data x = normal(24, 30), y = run(layer, x, shape);
  for (std::int64_t i = 0; i < 24; ++i) {
    const std::int64_t c = index_of(i, shape, 1);
    EXPECT_NEAR(y[static_cast<std::size_t>(i)],
                (x[static_cast<std::size_t>(i)] - mean[c]) / std::sqrt(variance[c] + 1e-5), 1e-12);
  }
  InstanceNorm cumulative(2, {.momentum = std::nullopt, .track_running_stats = true});
  Data means(2, 0);
  for (const std::int64_t n : {1, 4, 2}) {
    const Dims batch{n, 2, 4};
    const Data b = normal(8 * n, static_cast<unsigned>(40 + n));
    run(cumulative, b, batch);
    for (const auto& [k, s] : stats_of(b, instance_of(batch, 1))) means[static_cast<std::size_t>(k % 2)] += s.mean / 7;
  }
  expect_near(cumulative.running_mean, means, 1e-12, "cumulative");
}

TEST(Layers, WithoutTrackingEvalMeasures) {
  const Dims shape{4, 2};
  BatchNorm layer(2, {.track_running_stats = false});
  const Data x = normal(8, 50);
  const Data trained = run(layer, x, shape);
  layer.eval();
  EXPECT_EQ(run(layer, x, shape), trained);
  EXPECT_TRUE(layer.running_mean.empty());
  EXPECT_EQ(layer.num_batches_tracked, 0);
  const Data one = {1, 2};
  EXPECT_REFUSED("a single value", run(layer, one, {1, 2}));
}

TEST(Layers, CumulativeAverageIsThatOfEverythingSeen) {
  for (const bool unbiased : {true, false}) {
    BatchNorm layer(2, {.momentum = std::nullopt, .unbiased_running_var = unbiased});
    Data all;
    const std::int64_t sizes[] = {64, 3, 1, 200, 17};
    unsigned seed = 60;
    for (const std::int64_t n : sizes) {
      // Means far apart: averaging the batches' variances would miss most of the whole's.
      ++seed;
      const Data x = normal(n * 2 * 5, seed, 10.0 * seed, 1);
      run(layer, x, {n, 2, 5});
      all.insert(all.end(), x.begin(), x.end());
    }
    const Dims shape{285, 2, 5};
    for (const auto& [c, s] : stats_of(all, channel_of(shape, 1))) {
      const auto k = static_cast<std::size_t>(c);
      EXPECT_NEAR(layer.running_mean[k] / s.mean, 1, 1e-12);
      EXPECT_NEAR(layer.running_var[k] / (unbiased ? s.unbiased() : s.biased()), 1, 1e-12);
      EXPECT_EQ(layer.num_elements_tracked[k], 285 * 5);
    }
    EXPECT_EQ(layer.num_batches_tracked, 5);
  }
}

TEST(Layers, NonfiniteBatchesAreSkippedUnlessAskedFor) {
  const Dims shape{4, 3};
  for (const double bad : {kNaN, kInf, -kInf}) {
    Data x = normal(12, 70);
    x[4] = bad;  // channel 1
    BatchNorm clean(3), layer(3);
    run(clean, normal(12, 70), shape);
    const Data y = run(layer, x, shape);
    EXPECT_EQ(layer.running_mean[0], clean.running_mean[0]);
    EXPECT_EQ(layer.running_var[2], clean.running_var[2]);
    EXPECT_EQ(layer.running_mean[1], 0);
    EXPECT_EQ(layer.running_var[1], 1);
    EXPECT_EQ(layer.num_batches_tracked, 1);
    EXPECT_TRUE(std::isnan(y[1]));
    EXPECT_TRUE(std::isfinite(y[0]));

    BatchNorm poisoned(3, {.on_nonfinite = OnNonfinite::poison});
    run(poisoned, x, shape);
    EXPECT_FALSE(std::isfinite(poisoned.running_mean[1]));
    EXPECT_FALSE(std::isfinite(poisoned.running_var[1]));
    EXPECT_EQ(poisoned.running_mean[0], clean.running_mean[0]);

    BatchNorm strict(3, {.on_nonfinite = OnNonfinite::refuse});
    Data untouched(12, 777);
    EXPECT_REFUSED("Inf or NaN in channel 1", strict.forward(view(x.data(), shape), view(untouched.data(), shape)));
    EXPECT_EQ(untouched, Data(12, 777));
    EXPECT_EQ(strict.num_batches_tracked, 0);
    EXPECT_EQ(strict.running_mean, Data(3, 0));
    EXPECT_EQ(run(strict, normal(12, 70), shape), run(clean, normal(12, 70), shape));

    BatchNorm cumulative(3, {.momentum = std::nullopt});
    run(cumulative, x, shape);
    EXPECT_EQ(cumulative.num_elements_tracked, (std::vector<std::int64_t>{4, 0, 4}));
  }
  // Of InstanceNorm, only the sample that holds it.
  InstanceNorm layer(1, {.momentum = 1, .track_running_stats = true});
  const Data x = {1, 2, kNaN, 4, 5, 7};
  run(layer, x, {3, 1, 2});
  EXPECT_EQ(layer.running_mean[0], (1.5 + 6) / 2);
  EXPECT_EQ(layer.running_var[0], (0.5 + 2) / 2);
}

TEST(Layers, AnEmptyBatchChangesNothing) {
  for (const bool cumulative : {false, true}) {
    BatchNorm layer(3, {.momentum = cumulative ? std::nullopt : std::optional(0.1)});
    run(layer, normal(12, 80), {4, 3});
    const Data mean = layer.running_mean, variance = layer.running_var;
    for (const Dims& shape : {Dims{0, 3}, Dims{0, 3, 5}, Dims{2, 3, 0}}) run(layer, {}, shape);
    EXPECT_EQ(layer.running_mean, mean);
    EXPECT_EQ(layer.running_var, variance);
    EXPECT_EQ(layer.num_batches_tracked, 1);
    const std::vector<std::uint8_t> mask(12, 0);
    EXPECT_EQ(run(layer, normal(12, 81), {4, 3}, {.mask = view(mask.data(), {4, 3})}), Data(12, 0));
    EXPECT_EQ(layer.num_batches_tracked, 1);
    EXPECT_EQ(layer.running_mean, mean);
  }
}

TEST(Layers, PaddingTouchesNothing) {
  const Dims shape{3, 2, 4};  // N, C, L
  const std::vector<std::int64_t> lengths = {4, 1, 2};
  Data x = normal(24, 90);
  const auto counts = [&](std::int64_t i) {
    return index_of(i, shape, 2) < lengths[static_cast<std::size_t>(index_of(i, shape, 0))];
  };
  for (std::int64_t i = 0; i < 24; ++i) {
    if (!counts(i)) x[static_cast<std::size_t>(i)] = kNaN;
  }
  BatchNorm layer(2, {.momentum = 1});
  const Data y = run(layer, x, shape, {.lengths = lengths, .lengths_axis = 2});
  const auto stats = stats_of(x, [&](std::int64_t i) { return counts(i) ? index_of(i, shape, 1) : -1; });
  for (std::int64_t i = 0; i < 24; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const Stats& s = stats.at(index_of(i, shape, 1));
    EXPECT_EQ(s.n, 7);
    EXPECT_NEAR(y[k], counts(i) ? (x[k] - s.mean) / std::sqrt(s.biased() + 1e-5) : 0, 1e-12);
    EXPECT_NEAR(layer.running_var[static_cast<std::size_t>(index_of(i, shape, 1))], s.unbiased(), 1e-12);
  }
  const Data dy(24, 1);
  Data dx(24, 777);
  layer.backward(view(x.data(), shape), view(dy.data(), shape), view(dx.data(), shape),
                 {.lengths = lengths, .lengths_axis = 2});
  for (std::int64_t i = 0; i < 24; ++i) EXPECT_NEAR(dx[static_cast<std::size_t>(i)], 0, 1e-12);
  EXPECT_EQ(layer.bias_grad, (std::vector<float>{7, 7}));

  // The same lengths in other memory are the same; others are not, although the layout is.
  const std::vector<std::int64_t> copy = lengths, shorter = {1, 1, 2};
  EXPECT_EQ(run(layer, x, shape, {.lengths = copy, .lengths_axis = 2}), y);
  EXPECT_NE(run(layer, x, shape, {.lengths = shorter, .lengths_axis = 2}), y);
  layer.backward(view(x.data(), shape), view(dy.data(), shape), View(), {.lengths = shorter, .lengths_axis = 2});
  EXPECT_EQ(layer.bias_grad, (std::vector<float>{4, 4}));
  EXPECT_REFUSED("is the axis of the channels", run(layer, x, shape, {.lengths = lengths}));

  // One counted value in channel 0, none in channel 1, four in channel 2.
  BatchNorm thin(3);
  const std::vector<std::uint8_t> mask = {1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1};
  run(thin, normal(12, 91, 5), {4, 3}, {.mask = view(mask.data(), {4, 3})});
  EXPECT_EQ(thin.running_mean[0], 0);
  EXPECT_EQ(thin.running_var[0], 1);
  EXPECT_EQ(thin.running_mean[1], 0);
  EXPECT_NE(thin.running_mean[2], 0);
  EXPECT_EQ(thin.num_batches_tracked, 1);
}

TEST(Layers, RMSNormTakesTheMachineEpsilonOfWhatIsComputedIn) {
  const double c = 1e-4;  // c^2 is near 2^-23, so that eps shows
  const auto expected = [](double x, double eps) { return x / std::sqrt(x * x + eps); };
  RMSNorm layer({8});
  EXPECT_NEAR(run(layer, Data(8, c), {1, 8})[0], expected(c, 0x1p-52), 1e-12);
  const std::vector<float> x(8, static_cast<float>(c));
  std::vector<float> y(8);
  layer.forward(view(x.data(), {1, 8}), view(y.data(), {1, 8}));
  EXPECT_NEAR(y[0], expected(static_cast<double>(x[0]), 0x1p-23), 1e-7);
  // PyTorch 2.13 gives 0.2783203125 for F.rms_norm(torch.full((1, 8), 1e-4, dtype=torch.float16), (8,)): float's
  // epsilon.
  const std::vector<Half> h(8, Half{0x068E});  // 1e-4 in half
  std::vector<Half> out(8);
  layer.forward(view(h.data(), {1, 8}), view(out.data(), {1, 8}));
  EXPECT_EQ(out[0].bits, 0x3474);  // 0.2783203125
  // … and 0.279296875 in bfloat16.
  const std::vector<BFloat16> b(8, BFloat16{0x38D2});
  std::vector<BFloat16> bout(8);
  layer.forward(view(b.data(), {1, 8}), view(bout.data(), {1, 8}));
  EXPECT_EQ(bout[0].bits, 0x3E8F);
}

TEST(Layers, ParametersBeginAsIdentity) {
  EXPECT_EQ(RMSNorm({2}).weight, (std::vector<float>{1, 1}));
  EXPECT_EQ(RMSNorm({2}, {.weight_plus_one = true}).weight, (std::vector<float>{0, 0}));
  EXPECT_EQ(LayerNorm({2}).weight, (std::vector<float>{1, 1}));
  EXPECT_EQ(LayerNorm({2}).bias, (std::vector<float>{0, 0}));
  EXPECT_TRUE(RMSNorm({2}).bias.empty());
  EXPECT_TRUE(BatchNorm(2, {.affine = false}).bias.empty());
}

TEST(Layers, WhatCannotBeDoneIsRefused) {
  EXPECT_REFUSED("[batch_norm] num_features = 0", BatchNorm(0));
  EXPECT_REFUSED("[instance_norm] num_features = -3", InstanceNorm(-3));
  EXPECT_REFUSED("[batch_norm] eps = -1e-09", BatchNorm(2, {.eps = -1e-9}));
  EXPECT_REFUSED("[batch_norm] eps = nan", BatchNorm(2, {.eps = kNaN}));
  EXPECT_REFUSED("[layer_norm] eps = inf", LayerNorm({2}, {.eps = kInf}));
  EXPECT_REFUSED("[rms_norm] eps = -1", RMSNorm({2}, {.eps = -1}));
  for (const double momentum : {-0.1, 1.1, kNaN, kInf}) {
    EXPECT_REFUSED("is not between 0 and 1; 0.1 is usual", BatchNorm(2, {.momentum = momentum}));
    EXPECT_REFUSED("is not between 0 and 1; 0.99 is usual",
                   BatchNorm(2, {.momentum = momentum, .momentum_is_decay = true}));
  }
  EXPECT_REFUSED("channel_axis 0", BatchNorm(2, {.channel_axis = 0}));
  EXPECT_REFUSED("channel_axis 0", GroupNorm(2, 4, {.channel_axis = 0}));
  EXPECT_REFUSED("[layer_norm] normalized_shape () has no axis", LayerNorm({}));
  EXPECT_REFUSED("[rms_norm] normalized_shape (0,) has a size below 1", RMSNorm({0}));
  EXPECT_REFUSED("more elements than 63 bits", LayerNorm({INT64_MAX, 2}));
  EXPECT_REFUSED("[group_norm] num_groups = 3 does not divide the 8 channels; 1, 2, 4 and 8 do", GroupNorm(3, 8));
  EXPECT_REFUSED("[group_norm] num_groups = 0", GroupNorm(0, 8));
  EXPECT_REFUSED("[group_norm] num_channels = 0", GroupNorm(1, 0));

  const Data x = normal(12, 100);
  Data y(12, 777);
  BatchNorm bn(3);
  EXPECT_REFUSED("has 4 channels on axis 1, but the layer was made for 3",
                 bn.forward(view(x.data(), {3, 4}), view(y.data(), {3, 4})));
  EXPECT_REFUSED("gives each distribution a single value", bn.forward(view(x.data(), {1, 3}), view(y.data(), {1, 3})));
  EXPECT_REFUSED("no axis for samples", bn.forward(view(x.data(), {12}), view(y.data(), {12})));
  EXPECT_REFUSED("comes before any forward",
                 bn.backward(view(x.data(), {4, 3}), view(x.data(), {4, 3}), view(y.data(), {4, 3})));
  EXPECT_REFUSED("y is absent", bn.forward(view(x.data(), {4, 3}), View()));
  EXPECT_EQ(bn.num_batches_tracked, 0);
  EXPECT_EQ(bn.running_mean, Data(3, 0));
  EXPECT_EQ(y, Data(12, 777));

  run(bn, x, {4, 3});
  EXPECT_REFUSED("does not follow a forward() of it: the last one had shape (4, 3)",
                 bn.backward(view(x.data(), {2, 3, 2}), view(x.data(), {2, 3, 2}), view(y.data(), {2, 3, 2})));
  run(bn, x, {2, 3, 2});
  EXPECT_REFUSED("the last one had shape (2, 3, 2)",
                 bn.backward(view(x.data(), {4, 3}), view(x.data(), {4, 3}), view(y.data(), {4, 3})));
  run(bn, x, {4, 3});
  // A refused forward leaves what backward() needs.
  EXPECT_REFUSED("overlaps", bn.forward(view(x.data(), {3, 3}), view(const_cast<double*>(x.data()) + 1, {3, 3})));
  bn.backward(view(x.data(), {4, 3}), view(x.data(), {4, 3}), view(y.data(), {4, 3}));
  bn.running_mean.pop_back();
  EXPECT_REFUSED("running_mean has 2 values, but the layer was made for 3 channels", run(bn, x, {4, 3}));
  EXPECT_REFUSED("running_mean has 2 values", bn.infer(view(x.data(), {4, 3}), view(y.data(), {4, 3})));
  EXPECT_REFUSED("running_mean has 2 values", bn.state());
  bn.weight.pop_back();
  EXPECT_REFUSED("weight of shape (2,)", BatchNorm b(3); b.weight.pop_back(); run(b, x, {4, 3}));

  LayerNorm ln({5});
  EXPECT_REFUSED("normalized_shape (5,) does not equal the last sizes of shape (4, 3)", run(ln, x, {4, 3}));
}

TEST(Layers, OneValueTrainsNothingButInfers) {
  BatchNorm layer(3);
  layer.eval();
  const Data y = run(layer, {1, 2, 3}, {1, 3});
  EXPECT_NEAR(y[2], 3 / std::sqrt(1 + 1e-5), 1e-12);
}

TEST(Layers, InferIsForwardInEvalAndChangesNothing) {
  const Dims shape{4, 3, 2};
  const Data x = normal(24, 110);
  for (const bool tracked : {true, false}) {
    BatchNorm layer(3, {.track_running_stats = tracked});
    run(layer, normal(24, 111), shape);
    const Data mean = layer.running_mean;
    Data a(24), b(24);
    layer.infer(view(x.data(), shape), view(a.data(), shape));
    layer.infer(view(x.data(), {8, 3}), view(b.data(), {8, 3}));  // another layout than the remembered one
    EXPECT_EQ(layer.running_mean, mean);
    EXPECT_EQ(layer.num_batches_tracked, tracked ? 1 : 0);
    EXPECT_TRUE(layer.training());
    layer.eval();
    EXPECT_EQ(run(layer, x, shape), a);
    EXPECT_EQ(run(layer, x, {8, 3}), b);
  }
}

TEST(Layers, ManyThreadsMayInfer) {
  const Dims shape{16, 8, 30};
  const Data x = normal(count_of(shape), 120);
  BatchNorm layer(8);
  run(layer, x, shape);
  layer.eval();
  const Data expected = run(layer, x, shape);
  std::vector<Data> y(4, Data(x.size()));
  std::vector<std::thread> threads;
  for (Data& out : y) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) std::as_const(layer).infer(view(x.data(), shape), view(out.data(), shape));
    });
  }
  for (std::thread& t : threads) t.join();
  for (const Data& out : y) EXPECT_EQ(out, expected);
}

TEST(Layers, AWarmCallAllocatesNothing) {
  for (const Case& c : cases()) {
    c.layer->runner = &serial_runner();
    const std::vector<float> x = floats(normal(count_of(c.shape), 130)), dy = x;
    std::vector<float> y(x.size());
    const ConstView vx = view(x.data(), c.shape), vdy = view(dy.data(), c.shape);
    const View vy = view(y.data(), c.shape);
    const std::vector<std::int64_t> lengths(static_cast<std::size_t>(c.shape[0]), 2);
    // The positions are some axis that holds no channels.
    const std::string what = c.what;
    const int positions = what.find("NCHW") != std::string::npos ? 2 : 1;
    const Narrowing narrowings[] = {{}, {.lengths = lengths, .lengths_axis = positions}};
    for (const Narrowing& narrowing : narrowings) {
      if (!narrowing.lengths.empty() && c.shape.rank() < 3) continue;
      for (const bool training : {true, false}) {
        c.layer->train(training);
        const auto step = [&] {
          c.layer->forward(vx, vy, narrowing);
          c.layer->backward(vx, vdy, vy, narrowing);
          c.layer->infer(vx, vy, narrowing);
        };
        step();
        step();
        const std::int64_t before = allocations.load();
        step();
        EXPECT_EQ(allocations.load() - before, 0) << c.what << (training ? " training" : " inference");
      }
    }
  }
  BatchNorm strict(4, {.momentum = std::nullopt, .on_nonfinite = OnNonfinite::refuse});
  const Data x = normal(36, 131);
  Data y(36);
  const ConstView vx = view(x.data(), {9, 4});
  const View vy = view(y.data(), {9, 4});
  for (int i = 0; i < 2; ++i) strict.forward(vx, vy);
  const std::int64_t before = allocations.load();
  strict.forward(vx, vy);
  EXPECT_EQ(allocations.load() - before, 0);
}

TEST(Layers, LayersCopy) {
  const Dims shape{4, 3, 2};
  const Data x = normal(24, 140);
  auto original = std::make_unique<BatchNorm>(3);
  const std::vector<std::int64_t> lengths = {2, 1, 2, 0};
  const Narrowing narrowing{.lengths = lengths, .lengths_axis = 2};
  run(*original, x, shape, narrowing);
  BatchNorm copy = *original;
  const Data expected = run(*original, x, shape, narrowing);
  original.reset();
  EXPECT_EQ(run(copy, x, shape, narrowing), expected);
}

std::vector<std::string> names_of(const Layer& layer) {
  std::vector<std::string> names;
  for (const StateTensor& t : layer.state()) names.push_back(t.name);
  return names;
}

TEST(LayerState, HasPyTorchsNamesAndShapes) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_of(BatchNorm(3)), (Names{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}));
  EXPECT_EQ(names_of(BatchNorm(3, {.momentum = std::nullopt})).back(), "num_elements_tracked");
  EXPECT_EQ(names_of(BatchNorm(3, {.affine = false})), (Names{"running_mean", "running_var", "num_batches_tracked"}));
  EXPECT_EQ(names_of(BatchNorm(3, {.track_running_stats = false})), (Names{"weight", "bias"}));
  EXPECT_EQ(names_of(LayerNorm({3})), (Names{"weight", "bias"}));
  EXPECT_EQ(names_of(LayerNorm({3}, {.bias = false})), (Names{"weight"}));
  EXPECT_EQ(names_of(GroupNorm(1, 3)), (Names{"weight", "bias"}));
  EXPECT_EQ(names_of(InstanceNorm(3)), (Names{}));
  EXPECT_EQ(names_of(RMSNorm({3})), (Names{"weight"}));
  EXPECT_EQ(LayerNorm({2, 3}).state()[0].shape, (Dims{2, 3}));
  EXPECT_EQ(BatchNorm(3).state()[4].shape, Dims());
}

TEST(LayerState, GoesThereAndBack) {
  BatchNorm a(3, {.momentum = std::nullopt}), b(3, {.momentum = std::nullopt});
  const Data x = normal(12, 150, 4), more = normal(15, 151, 5);
  run(a, x, {4, 3});
  set_parameters(a);
  b.load_state(a.state());
  EXPECT_EQ(b.weight, a.weight);
  EXPECT_EQ(b.running_var, a.running_var);
  EXPECT_EQ(b.num_batches_tracked, 1);
  EXPECT_EQ(b.num_elements_tracked, a.num_elements_tracked);
  EXPECT_EQ(run(a, more, {5, 3}), run(b, more, {5, 3}));
  EXPECT_EQ(b.running_mean, a.running_mean);
}

TEST(LayerState, RefusesWhatDoesNotFit) {
  BatchNorm layer(2);
  const std::vector<float> two = {1, 2}, three = {1, 2, 3}, negative = {1, -2};
  const Data count = {5}, half = {0.5}, minus = {-1}, nan = {kNaN};
  std::vector<StateTensor> good = {{"weight", {2}, std::span(two)},
                                   {"bias", {2}, std::span(two)},
                                   {"running_mean", {2}, std::span(two)},
                                   {"running_var", {2}, std::span(two)},
                                   {"num_batches_tracked", {}, std::span(count)}};
  const auto with = [&](std::size_t k, const StateTensor& t) {
    std::vector<StateTensor> changed = good;
    changed[k] = t;
    return changed;
  };
  EXPECT_REFUSED("'running_mean' has shape (3,) and 3 values, but this layer's has shape (2,)",
                 layer.load_state(with(2, {"running_mean", {3}, std::span(three)})));
  EXPECT_REFUSED("shape (2, 1)", layer.load_state(with(2, {"running_mean", {2, 1}, std::span(two)})));
  EXPECT_REFUSED("shape (2,) and 3 values", layer.load_state(with(2, {"running_mean", {2}, std::span(three)})));
  EXPECT_REFUSED("'gamma' is unknown to this layer, which has weight, bias, running_mean",
                 layer.load_state(with(0, {"gamma", {2}, std::span(two)})));
  EXPECT_REFUSED("names 'bias' twice", layer.load_state(with(0, {"bias", {2}, std::span(two)})));
  EXPECT_REFUSED("lacks 'num_batches_tracked'", layer.load_state(std::span(good).first(4)));
  EXPECT_REFUSED("'running_var' holds -2", layer.load_state(with(3, {"running_var", {2}, std::span(negative)})));
  for (const Data* bad : {&half, &minus, &nan}) {
    EXPECT_REFUSED("is no count", layer.load_state(with(4, {"num_batches_tracked", {}, std::span(*bad)})));
  }
  EXPECT_EQ(layer.weight, (std::vector<float>{1, 1}));
  EXPECT_EQ(layer.num_batches_tracked, 0);
  layer.load_state(good);
  EXPECT_EQ(layer.weight, two);
  EXPECT_EQ(layer.running_var, (Data{1, 2}));
  EXPECT_EQ(layer.num_batches_tracked, 5);
  const std::vector<Half> halves = {{0x3C00}, {0xC000}};
  const std::vector<BFloat16> brains = {{0x3F80}, {0xC000}};
  layer.load_state(with(0, {"weight", {2}, std::span(halves)}));
  EXPECT_EQ(layer.weight, (std::vector<float>{1, -2}));
  layer.load_state(with(1, {"bias", {2}, std::span(brains)}));
  EXPECT_EQ(layer.bias, (std::vector<float>{1, -2}));
  EXPECT_EQ(layer.weight, two);
  BatchNorm cumulative(2, {.momentum = std::nullopt});
  EXPECT_REFUSED("lacks 'num_elements_tracked'; a cumulative average needs it", cumulative.load_state(good));
  EXPECT_REFUSED("unknown to this layer, which has none", InstanceNorm(2).load_state(good));
}

}  // namespace
}  // namespace norma
