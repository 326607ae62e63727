// SPDX-License-Identifier: Apache-2.0
// What cannot be done is refused before anything is written, by a sentence that says which argument, what it was, what
// was expected, and what works.
#include "refusal.hpp"

#include <gtest/gtest.h>

#include "norma/normalize.hpp"
#include "random_case.hpp"

namespace norma::test {
namespace {

/// x, y and the like of one shape; looks afterwards whether anything was written.
class Refusal : public ::testing::Test {
 protected:
  void refused(const std::function<void()>& work, const std::vector<std::string>& parts) {
    const auto all = [&] {
      std::vector<std::vector<std::byte>> memory;
      for (const Tensor* t : {&x, &y, &dy, &dx, &dweight, &dbias}) memory.push_back(t->memory());
      return memory;
    };
    const auto before = all();
    expect_refusal(work, parts);
    EXPECT_EQ(all(), before) << "something was written";
    for (const Moments& m : saved) EXPECT_EQ(m.mean, 42) << "statistics were written";
  }
  static Tensor ones(DType dtype, const Dims& shape) {
    Tensor t(dtype, shape);
    for (std::int64_t i = 0; i < t.size(); ++i) t.set(i, static_cast<double>(i + 1));
    return t;
  }

  const Dims shape{2, 4, 3};
  Tensor x = ones(DType::f32, shape), y = ones(DType::f32, shape), dy = ones(DType::f32, shape),
         dx = ones(DType::f32, shape);
  Tensor dweight = ones(DType::f32, {4}), dbias = ones(DType::f32, {4});
  Tensor weight = ones(DType::f32, {4}), bias = ones(DType::f32, {4});
  std::vector<Moments> saved = std::vector<Moments>(4, Moments{6, 42, 0, 1});
};

TEST_F(Refusal, ShapesAndDtypes) {
  Tensor other = ones(DType::f32, {2, 3, 4}), half = ones(DType::f16, shape), bytes = ones(DType::u8, shape);
  refused([&] { normalize(x.in(), other.out(), Grouping::batch()); },
          {"y of shape (2, 3, 4)", "(2, 4, 3)", "same shape"});
  refused([&] { normalize(x.in(), half.out(), Grouping::batch()); }, {"y of shape (2, 4, 3) and dtype f16", "f32"});
  refused([&] { normalize(bytes.in(), y.out(), Grouping::batch()); }, {"x is u8", "f32, f64, f16 or bf16"});
  refused([&] { normalize(x.in(), bytes.out(), Grouping::batch()); }, {"y is u8"});
  refused([&] { normalize(ConstView(), y.out(), Grouping::batch()); }, {"x is absent"});
  refused([&] { normalize(x.in(), View(), Grouping::batch()); }, {"y is absent"});
  refused([&] { measure(ConstView(), Grouping::batch(), saved); }, {"x is absent"});
  refused([&] { measure(bytes.in(), Grouping::batch(), saved); }, {"x is u8"});
  refused([&] { backward(x.in(), other.in(), Grouping::batch(), saved, {.dx = dx.out()}); }, {"dy of shape (2, 3, 4)"});
  refused([&] { backward(x.in(), half.in(), Grouping::batch(), saved, {.dx = dx.out()}); }, {"dy of shape", "f16"});
  refused([&] { backward(x.in(), dy.in(), Grouping::batch(), saved, {.dx = half.out()}); }, {"dx of shape", "f16"});
  refused([&] { backward(x.in(), ConstView(), Grouping::batch(), saved, {.dx = dx.out()}); }, {"dy is absent"});
}

TEST_F(Refusal, Axes) {
  refused([&] { normalize(x.in(), y.out(), Grouping::over({3})); }, {"axis 3", "(2, 4, 3)", "-3 to 2"});
  refused([&] { normalize(x.in(), y.out(), Grouping::over({-4})); }, {"axis -4", "-3 to 2"});
  refused([&] { normalize(x.in(), y.out(), Grouping::over({1, -2})); }, {"(1, -2)", "axis 1", "twice"});
  refused([&] { normalize(x.in(), y.out(), Grouping::over({0}).parameters_along({5})); }, {"parameter axis 5"});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch(0)); }, {"[batch_norm]", "channel_axis 0", "samples"});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch(-3)); }, {"channel_axis -3", "axis 0"});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch(7)); }, {"channel_axis 7"});
  refused([&] { normalize(x.in(), y.out(), Grouping::instance(3)); }, {"[instance_norm]", "channel_axis 3"});
  Tensor flat = ones(DType::f32, {4});
  refused([&] { measure(flat.in(), Grouping::batch(), saved); }, {"[batch_norm]", "(4,)", "two axes"});
  Tensor scalar = ones(DType::f32, {});
  refused([&] { measure(scalar.in(), Grouping::sample(), saved); }, {"[layer_norm]", "at least one axis"});
  refused([&] { measure(scalar.in(), Grouping::over({0}), saved); }, {"axis 0", "at least one axis"});
}

TEST_F(Refusal, NamedGroupings) {
  refused([&] { normalize(x.in(), y.out(), Grouping::group(3)); },
          {"[group_norm] num_groups = 3", "4 channels", "1, 2 and 4 do"});
  refused([&] { normalize(x.in(), y.out(), Grouping::group(0)); }, {"num_groups = 0", "1, 2 and 4 do"});
  refused([&] { normalize(x.in(), y.out(), Grouping::group(-2)); }, {"num_groups = -2"});
  refused([&] { normalize(x.in(), y.out(), Grouping::ghost_batch(4)); },
          {"ghost batches of 4", "2 samples", "1 and 2 do"});
  refused([&] { normalize(x.in(), y.out(), Grouping::ghost_batch(0)); }, {"ghost batches of 0"});
  refused([&] { normalize(x.in(), y.out(), Grouping::layer({4})); }, {"[layer_norm]", "(4,)", "(2, 4, 3)", "(3,)"});
  refused([&] { normalize(x.in(), y.out(), Grouping::layer({})); }, {"normalized_shape ()", "(3,)"});
  refused([&] { normalize(x.in(), y.out(), Grouping::layer({1, 2, 4, 3})); }, {"(1, 2, 4, 3)"});
  const std::vector<std::int64_t> keys = {1, 2, 3};
  refused([&] { normalize(x.in(), y.out(), Grouping::labels(keys)); }, {"[labels] 3 keys", "2 rows", "one key a row"});
  refused([&] { normalize(x.in(), y.out(), Grouping::labels(keys, 9)); }, {"[labels]", "axis 9"});
}

TEST_F(Refusal, MasksAndLengths) {
  Tensor mask = ones(DType::u8, {4, 1}), wrong = ones(DType::u8, {2, 3}), floats = ones(DType::f32, {3});
  Tensor deep = ones(DType::u8, {1, 2, 4, 3});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch().masked(wrong.in())); },
          {"mask of shape (2, 3)", "(2, 4, 3)", "broadcast"});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch().masked(floats.in())); }, {"mask", "f32", "not u8"});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch().masked(deep.in())); }, {"mask", "more axes"});
  const std::vector<std::int64_t> lengths = {1, 4}, few = {1}, far = {1, 5}, negative = {-1, 2};
  refused([&] { normalize(x.in(), y.out(), Grouping::sample().with_lengths(few)); }, {"1 lengths", "2 samples"});
  refused([&] { normalize(x.in(), y.out(), Grouping::sample().with_lengths(far)); }, {"lengths[1] = 5", "4 positions"});
  refused([&] { normalize(x.in(), y.out(), Grouping::sample().with_lengths(negative)); }, {"lengths[0] = -1"});
  refused([&] { normalize(x.in(), y.out(), Grouping::sample().with_lengths(lengths, 0)); }, {"axis 0"});
  refused([&] { normalize(x.in(), y.out(), Grouping::sample().with_lengths(lengths, 3)); }, {"lengths axis 3"});
  refused([&] { normalize(x.in(), y.out(), Grouping::sample().with_lengths(lengths).masked(mask.in())); },
          {"mask", "lengths", "one of the two"});
}

TEST_F(Refusal, Options) {
  for (double eps : {-1e-5, static_cast<double>(std::nanf("")), static_cast<double>(HUGE_VALF)}) {
    refused([&] { normalize(x.in(), y.out(), Grouping::batch(), {.eps = eps}); }, {"eps = ", "1e-5"});
    refused([&] { normalize_with(x.in(), y.out(), Grouping::batch(), saved, {.eps = eps}); }, {"eps = "});
    refused([&] { backward(x.in(), dy.in(), Grouping::batch(), saved, {.dx = dx.out()}, {.eps = eps}); }, {"eps = "});
  }
  Tensor five = ones(DType::f32, {5}), bytes = ones(DType::u8, {4}), spread(DType::f32, {4}, {Dims{2}, 0, 8});
  for (const bool is_weight : {true, false}) {
    const char* name = is_weight ? "weight" : "bias";
    const auto with = [&](const Tensor& t) { return is_weight ? Options{.weight = t.in()} : Options{.bias = t.in()}; };
    refused([&] { normalize(x.in(), y.out(), Grouping::batch(), with(five)); },
            {name, "(5,)", "5 values", "4 parameters"});
    refused([&] { normalize(x.in(), y.out(), Grouping::batch(), with(bytes)); }, {name, "u8"});
    refused([&] { normalize(x.in(), y.out(), Grouping::batch(), with(spread)); }, {name, "strides (2,)", "contiguous"});
  }
  refused([&] { backward(x.in(), dy.in(), Grouping::batch(), saved, {.dx = dx.out(), .dweight = five.out()}); },
          {"dweight", "5 values"});
  refused([&] { backward(x.in(), dy.in(), Grouping::batch(), saved, {.dx = dx.out(), .dbias = five.out()}); },
          {"dbias", "5 values"});
}

TEST_F(Refusal, StatisticsOfAnotherNumber) {
  std::vector<Moments> three(3, Moments{6, 42, 0, 1});
  refused([&] { measure(x.in(), Grouping::batch(), three); }, {"moments", "3 distributions", "4"});
  refused([&] { normalize(x.in(), y.out(), Grouping::batch(), {}, three); }, {"saved", "3 distributions", "4"});
  refused([&] { normalize_with(x.in(), y.out(), Grouping::batch(), three); }, {"given", "3", "4"});
  refused([&] { normalize_with(x.in(), y.out(), Grouping::batch(), {}); }, {"given", "0", "4"});
  refused([&] { backward(x.in(), dy.in(), Grouping::batch(), three, {.dx = dx.out()}); }, {"saved", "3", "4"});
  refused([&] { backward_with(x.in(), dy.in(), Grouping::batch(), three, {.dx = dx.out()}); }, {"given", "3", "4"});
}

TEST_F(Refusal, TrainingOnOneValue) {
  Tensor lone = ones(DType::f32, {1, 4}), out = ones(DType::f32, {1, 4}), image = ones(DType::f32, {2, 4, 1}),
         image_out = image;
  refused([&] { normalize(lone.in(), out.out(), Grouping::batch()); },
          {"[batch_norm]", "(1, 4)", "single value", "normalize_with"});
  refused([&] { normalize(image.in(), image_out.out(), Grouping::instance()); }, {"[instance_norm]", "single value"});
  refused([&] { normalize(lone.in(), out.out(), Grouping::group(4)); }, {"[group_norm]", "single value"});
  EXPECT_NO_THROW(normalize(image.in(), image_out.out(), Grouping::group(4))) << "as PyTorch allows it for several samples";
  Tensor two = ones(DType::f32, {2, 4}), two_out = two;
  refused([&] { normalize(two.in(), two_out.out(), Grouping::ghost_batch(1)); }, {"[batch_norm]", "single value"});
  EXPECT_NO_THROW(normalize(image.in(), image_out.out(), Grouping::batch()));
  EXPECT_NO_THROW(normalize(image.in(), image_out.out(), Grouping::layer({1}))) << "as PyTorch allows it";
  EXPECT_NO_THROW(normalize_with(lone.in(), out.out(), Grouping::batch(), saved)) << "inference needs no deviation";
}

TEST_F(Refusal, MemoryThatOverlaps) {
  std::vector<float> memory(64, 1);
  const ConstView in = view(std::as_const(memory).data(), {2, 4, 3});
  const View shifted = view(memory.data() + 3, {2, 4, 3}), turned = view(memory.data(), {2, 4, 3}, {12, 1, 4});
  const std::vector<float> before = memory;
  refused([&] { normalize(in, shifted, Grouping::batch()); }, {"y overlaps x in part"});
  refused([&] { normalize(in, turned, Grouping::batch()); }, {"y overlaps x in part"});
  refused([&] { normalize_with(in, shifted, Grouping::batch(), saved); }, {"y overlaps x in part"});
  refused([&] { backward(in, dy.in(), Grouping::batch(), saved, {.dx = shifted}); }, {"dx overlaps x in part"});
  refused([&] { backward(dy.in(), in, Grouping::batch(), saved, {.dx = shifted}); }, {"dx overlaps dy in part"});
  const View parameter = view(memory.data() + 20, {4}), other = view(memory.data() + 22, {4});
  refused(
      [&] {
        normalize(x.in(), view(memory.data(), {2, 4, 3}), Grouping::batch(), {.weight = parameter});
      },
      {"y overlaps weight"});
  refused(
      [&] {
        normalize(x.in(), view(memory.data(), {2, 4, 3}), Grouping::batch(), {.bias = parameter});
      },
      {"y overlaps bias"});
  refused([&] { backward(in, dy.in(), Grouping::batch(), saved, {.dweight = parameter}); },
          {"dweight overlaps x, dy, dx, dadd or dsum"});
  refused([&] { backward(x.in(), in, Grouping::batch(), saved, {.dbias = parameter}); },
          {"dbias overlaps x, dy, dx, dadd or dsum"});
  refused([&] { backward(x.in(), dy.in(), Grouping::batch(), saved, {.dweight = parameter, .dbias = other}); },
          {"dweight overlaps dbias"});
  refused([&] { backward(x.in(), dy.in(), Grouping::batch(), saved, {.dweight = parameter}, {.weight = other}); },
          {"dweight overlaps weight"});
  std::vector<std::uint8_t> bytes(96, 1);
  const View over_mask(bytes.data(), DType::f32, {2, 4, 3});
  refused([&] { normalize(x.in(), over_mask, Grouping::batch().masked(view(std::as_const(bytes).data(), {3}))); },
          {"y overlaps mask"});
  EXPECT_EQ(memory, before);
  EXPECT_NO_THROW(normalize(in, view(memory.data() + 24, {2, 4, 3}), Grouping::batch())) << "beside each other";
  // Every other element each: interleaved, but no byte in common.
  EXPECT_NO_THROW(normalize(view(std::as_const(memory).data(), {2, 12}, {24, 2}),
                            view(memory.data() + 1, {2, 12}, {24, 2}), Grouping::sample()));
}

TEST_F(Refusal, PlansOfAnotherLayout) {
  const Plan plan(x.in(), y.out(), Grouping::batch());
  Tensor other = ones(DType::f32, {2, 3, 4});
  refused([&] { plan.normalize(other.in(), other.out()); }, {"[plan]", "new plan"});
  refused([&] { plan.measure(x.in(), saved); }, {"[plan]"});
  refused([&] { plan.backward(x.in(), dy.in(), saved, {.dx = dx.out()}); }, {"[plan]"});
}

TEST_F(Refusal, ThreadsAndTargets) {
  for (int threads : {0, -1, 1025}) {
    refused([&] { set_num_threads(threads); }, {"[num_threads] " + std::to_string(threads), "1 to 1024"});
  }
  const std::string before = target();
  refused([&] { set_target("MMX"); }, {"'MMX'", before});
  EXPECT_EQ(target(), before);
}

TEST_F(Refusal, AssignIntoTooFewPlaces) {
  std::vector<std::int64_t> ids(5);
  refused([&] { Grouping::batch().assign(shape, ids); }, {"5 values", "24 elements"});
}

}  // namespace
}  // namespace norma::test
