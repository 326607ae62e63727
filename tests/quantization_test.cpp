// SPDX-License-Identifier: Apache-2.0
// A result quantized in the pass is the plain pass' result, quantized value by value, on any layout, thread and target; and what
// cannot be quantized is refused before anything is written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "norma/layers.hpp"
#include "norma/normalize.hpp"
#include "outcome.hpp"
#include "random_case.hpp"
#include "refusal.hpp"

namespace norma::test {
namespace {

/// The definition.
double quantized(double v, bool in_double, const Quantization& q) {
  const double steps = in_double ? v / q.scale : static_cast<float>(v) / static_cast<float>(q.scale);
  return std::isnan(steps) ? q.zero_point : std::clamp(std::nearbyint(steps) + q.zero_point, -128.0, 127.0);
}

/// A case, and what is fused with it.
struct Quantized {
  Case c;
  Tensor residual, add;
  bool with_residual, with_add, relu;
  Quantization quantization;

  std::string text() const {
    return c.text() + (with_residual ? " residual" : "") + (with_add ? " add" : "") + (relu ? " relu" : "") + " scale " +
           std::to_string(quantization.scale) + " zero_point " + std::to_string(quantization.zero_point) + "\n" +
           Plan(c.x.in(), Tensor(like(c.y, DType::i8)).out(), c.g.grouping).describe();
  }
};

Quantized random_quantized(Random& random, bool large) {
  Quantized q{
      large ? random_large_case(random) : random_case(random),
      {},
      {},
      random.chance(0.3),
      random.chance(0.3),
      random.chance(0.4),
      {.scale = random.one_of({2.0 / 127, 0.05, 1.0 / 3, 1.0, 1e-3}), .zero_point = random.one_of({0, 0, 3, -17, -128, 127})}};
  Case& c = q.c;
  // sum lies as x does, and is written: nowhere twice.
  const Dims strides = c.x.strides();
  if (std::any_of(strides.begin(), strides.end(), [](std::int64_t stride) { return stride == 0; })) q.with_residual = false;
  if (random.chance(0.1) && c.x.size() > 0) {
    c.x.set(random.integer(0, c.x.size() - 1), random.one_of({std::nan(""), HUGE_VAL, -HUGE_VAL}));
  }
  q.residual = like(c.x, c.dtype);
  q.add = like(c.y, c.dtype);
  for (Tensor* t : {&q.residual, &q.add}) fill(random, *t, Data());
  return q;
}

struct Bits {
  std::string y, y_given, sum, moments;
  friend bool operator==(const Bits&, const Bits&) = default;
  friend void PrintTo(const Bits& b, std::ostream* out) {
    const std::hash<std::string> hash;
    *out << std::hex << "y " << hash(b.y) << " y given " << hash(b.y_given) << " sum " << hash(b.sum) << " moments "
         << hash(b.moments) << std::dec;
  }
};

Options with_fusion(const Quantized& q, Tensor& sum, Runner& runner) {
  Options options = q.c.options;
  options.runner = &runner;
  if (q.with_residual) options.fusion.residual = q.residual.in(), options.fusion.sum = sum.out();
  if (q.with_add) options.fusion.add = q.add.in();
  if (q.relu) options.fusion.activation = Activation::relu;
  return options;
}

Bits in_the_pass(const Quantized& q, Runner& runner) {
  const Case& c = q.c;
  Tensor y = like(c.y, DType::i8), sum = like(c.x, c.dtype);
  std::vector<Moments> saved = c.room();
  Options options = with_fusion(q, sum, runner);
  options.fusion.quantization = q.quantization;
  Bits bits;
  normalize(c.x.in(), y.out(), c.g.grouping, options, saved);
  bits.y = y.bits();
  EXPECT_TRUE(y.gaps_untouched());
  y = like(c.y, DType::i8);
  normalize_with(c.x.in(), y.out(), c.g.grouping, saved, options);
  EXPECT_TRUE(y.gaps_untouched());
  bits.y_given = y.bits();
  bits.sum = q.with_residual ? sum.bits() : "";
  bits.moments = bits_of(saved);
  return bits;
}

/// The elements of `t` in another dtype, with the same strides.
Tensor converted(const Tensor& t, DType dtype) {
  Tensor to = like(t, dtype);
  for (std::int64_t i = 0; i < t.size(); ++i) to.set(i, t[i]);
  return to;
}

/// A pass that writes floats, then each of them. In f16 and bf16 the floats are those of a wider copy, as y has been rounded.
Bits afterwards(const Quantized& q) {
  const Case& c = q.c;
  const DType wide = c.dtype == DType::f64 ? DType::f64 : DType::f32;
  Tensor y = like(c.y, c.dtype), sum = like(c.x, c.dtype);
  std::vector<Moments> saved = c.room();
  Options options = with_fusion(q, sum, serial_runner());
  normalize(c.x.in(), y.out(), c.g.grouping, options, saved);
  if (c.dtype != wide) {
    const Tensor x = converted(q.with_residual ? sum : c.x, wide), add = converted(q.add, wide);
    y = like(c.y, wide);
    options.fusion.residual = ConstView();
    options.fusion.sum = View();
    if (q.with_add) options.fusion.add = add.in();
    normalize_with(x.in(), y.out(), c.g.grouping, saved, options);
  }
  Tensor bytes = like(c.y, DType::i8);
  for (std::int64_t i = 0; i < y.size(); ++i) bytes.set(i, quantized(y[i], wide == DType::f64, q.quantization));
  return {bytes.bits(), bytes.bits(), q.with_residual ? sum.bits() : "", bits_of(saved)};
}

TEST(Quantization, IsThatOfThePlainResult) {
  for_random_cases(250, [](std::uint64_t seed) {
    Random random(seed);
    const Quantized q = random_quantized(random, seed % 50 == 0);
    if (q.c.g.refused_in_training(q.c.shape)) return;
    SCOPED_TRACE(q.text());
    EXPECT_EQ(in_the_pass(q, serial_runner()), afterwards(q));
  });
}

TEST(Quantization, HasTheSameBitsOnEveryTargetAndThread) {
  const std::string before = target();
  const int threads = num_threads();
  for_random_cases(30, [](std::uint64_t seed) {
    Random random(seed);
    const Quantized q = random_quantized(random, seed % 5 == 0);
    if (q.c.g.refused_in_training(q.c.shape)) return;
    SCOPED_TRACE(q.text());
    set_target(targets().front());
    const Bits expected = in_the_pass(q, serial_runner());
    for (const std::string& name : targets()) {
      set_target(name);
      EXPECT_EQ(in_the_pass(q, serial_runner()), expected) << name;
    }
    set_target(targets().front());
    for (int n : {2, 4}) {
      set_num_threads(n);
      EXPECT_EQ(in_the_pass(q, default_runner()), expected) << n << " threads";
    }
  });
  set_target(before);
  set_num_threads(threads);
}

/// Values that by statistics of 0 and 1 are their own result: where rounding, the ends of int8 and what is no number decide.
TEST(Quantization, TiesEndsInfinitiesAndNaN) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {0.5,   1.5,   2.5,    -0.5,         -1.5, -2.5, 0.49999997, -0.49999997, 0.50000006,
                                      126.5, 127.5, -127.5, -128.5,       -129, 128,  1e9,        -1e9,        3e38,
                                      -3e38, kInf,  -kInf,  std::nan(""), -0.0, 0.0,  1e-40,      63.5,        200.25};
  const std::vector<int> expected = {0,   2,   2,    0,   -2,   -2,  0,    0, 1, 126, 127, -128, -128, -128,
                                     127, 127, -128, 127, -128, 127, -128, 0, 0, 0,   0,   64,   127};
  ASSERT_EQ(values.size(), expected.size());
  const auto n = static_cast<std::int64_t>(values.size());
  const std::string before = target();
  for (const std::string& name : targets()) {
    set_target(name);
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const bool columns : {false, true}) {
        SCOPED_TRACE(name + " " + name_of(dtype) + (columns ? " columns" : " rows"));
        const Dims shape = columns ? Dims{2, n} : Dims{1, n};
        const Grouping grouping = columns ? Grouping::batch(1) : Grouping::layer({n});
        Tensor x(dtype, shape), y(DType::i8, shape);
        for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, values[static_cast<std::size_t>(i % n)]);
        const std::vector<Moments> given(static_cast<std::size_t>(columns ? n : 1), Moments::of(0, 1));
        const auto with = [&](double scale, int zero_point) {
          normalize_with(x.in(), y.out(), grouping, given,
                         {.eps = 0, .fusion = {.quantization = {.scale = scale, .zero_point = zero_point}}});
        };
        with(1, 0);
        for (std::int64_t i = 0; i < y.size(); ++i) {
          EXPECT_EQ(y[i], expected[static_cast<std::size_t>(i % n)]) << values[static_cast<std::size_t>(i % n)];
        }
        with(1, -7);  // is added after rounding: an odd one moves no tie
        for (std::int64_t i = 0; i < y.size(); ++i) {
          const double v = values[static_cast<std::size_t>(i % n)];
          EXPECT_EQ(y[i], quantized(v, dtype == DType::f64, {1, -7})) << v;
        }
        EXPECT_EQ(y[21], -7) << "NaN";
      }
    }
  }
  set_target(before);
}

/// Multiplying by the scale's reciprocal is another rounding: near halves it gives another result.
TEST(Quantization, DividesByTheScale) {
  constexpr std::int64_t kSteps = 120;
  const Moments given[] = {Moments::of(0, 1)};
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const double scale : {0.1, 0.03, 0.7, 1e-3, 3.3}) {
      Tensor x(dtype, {1, 2 * kSteps}), y(DType::i8, {1, 2 * kSteps});
      for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, (static_cast<double>(i - kSteps) + 0.5) * scale);
      normalize_with(x.in(), y.out(), Grouping::layer({2 * kSteps}), given,
                     {.eps = 0, .fusion = {.quantization = {.scale = scale}}});
      for (std::int64_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(y[i], quantized(x[i], dtype == DType::f64, {scale, 0})) << x[i] << " / " << scale;
      }
    }
  }
}

/// As int8 inference has it: a layer that quantizes what it infers.
TEST(Quantization, OfLayers) {
  Random random(7);
  const Dims shape{4, 6, 5, 5};
  Tensor x(DType::f32, shape), plain = x, y(DType::i8, shape);
  fill(random, x, {0.5, 2});
  BatchNorm batch_norm(6);
  batch_norm.forward(x.in(), plain.out());
  batch_norm.train(false);
  LayerNorm layer_norm({5});
  const Quantization q{.scale = 0.02, .zero_point = -5};
  for (Layer* layer : {static_cast<Layer*>(&batch_norm), static_cast<Layer*>(&layer_norm)}) {
    layer->infer(x.in(), plain.out());
    Tensor expected(DType::i8, shape);
    for (std::int64_t i = 0; i < x.size(); ++i) expected.set(i, quantized(plain[i], false, q));
    layer->infer(x.in(), y.out(), {}, {.quantization = q});
    EXPECT_EQ(y.bits(), expected.bits());
    y = Tensor(DType::i8, shape);
    layer->forward(x.in(), y.out(), {}, {.quantization = q});
    EXPECT_EQ(y.bits(), expected.bits());
  }
}

TEST(Quantization, RefusesWhatCannotBeQuantized) {
  const Dims shape{4, 6};
  std::vector<float> memory(24, 1), result(24, 7);
  std::vector<std::int8_t> bytes(24, 7);
  const ConstView x = view(std::as_const(memory).data(), shape), xi = view(std::as_const(bytes).data(), shape);
  const View y = view(bytes.data(), shape), floats = view(result.data(), shape);
  const Grouping rows = Grouping::layer({6});
  const auto into = [&](const View& to, const Fusion& fusion) { normalize(x, to, rows, {.fusion = fusion}); };
  expect_refusal([&] { into(y, {}); }, {"y is i8, but no scale is given"});
  expect_refusal([&] { into(floats, {.quantization = {0.1}}); }, {"a scale is given", "y is f32"});
  for (const double scale : {-0.1, 0.0, 1e-60, 1e60, HUGE_VAL, std::nan("")}) {
    expect_refusal([&] { into(y, {.quantization = {scale, 1}}); }, {"scale", "is not a number above 0 that f32 holds"});
  }
  for (const int zero_point : {-129, 128}) {
    expect_refusal([&] { into(y, {.quantization = {0.1, zero_point}}); }, {"zero_point " + std::to_string(zero_point)});
  }
  expect_refusal(
      [&] {
        into(view(bytes.data(), {6, 4}), {.quantization = {0.1}});
      },
      {"y of shape (6, 4)", "x of shape (4, 6)"});
  expect_refusal([&] { into(View(memory.data(), DType::i8, shape), {.quantization = {0.1}}); },
                 {"y of i8 overlaps x", "memory of its own"});
  expect_refusal([&] { into(y, {.add = xi, .quantization = {0.1}}); }, {"add of shape (4, 6), dtype i8", "dtype f32"});
  expect_refusal([&] { into(y, {.residual = xi, .sum = y, .quantization = {0.1}}); }, {"residual", "dtype i8"});
  expect_refusal([&] { normalize(xi, floats, rows); }, {"x is i8", "f32, f64, f16 or bf16"});
  expect_refusal([&] { normalize(x, floats, rows, {.weight = view(std::as_const(bytes).data(), {6})}); }, {"weight is i8"});
  expect_refusal([&] { backward(x, xi, rows, std::vector<Moments>(4), {}); }, {"dy is i8"});
  expect_refusal([&] { backward(x, x, rows, std::vector<Moments>(4), {.dx = y}); }, {"dx is i8"});
  EXPECT_EQ(result, std::vector<float>(24, 7));
  EXPECT_EQ(bytes, std::vector<std::int8_t>(24, 7));
}

}  // namespace
}  // namespace norma::test
