// SPDX-License-Identifier: Apache-2.0
// A linear layer with a BatchNorm folded in gives what the two give one after the other. All values are short binary fractions
// and all deviations powers of two, so that both ways are exact and compared with tolerance 0.
#include "norma/fold.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "element.hpp"
#include "refusal.hpp"

namespace norma {
namespace {

using test::expect_refusal;
constexpr std::int64_t kOut = 5, kIn = 7, kSamples = 6;

std::vector<double> quarters(std::int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> values(static_cast<std::size_t>(n));
  for (double& v : values) v = (static_cast<int>(random() % 33) - 16) / 4.0;
  return values;
}

BatchNorm made(bool affine = true, bool bias = true) {
  BatchNorm bn(kOut, {.eps = 0.25, .affine = affine, .bias = bias});
  bn.running_mean = {1, -2, 0.5, 0, 3};
  bn.running_var = {0.75, 3.75, 0, 15.75, 0.75};  // with eps: 1, 4, 1/4, 16, 1
  if (affine) bn.weight = {1, -2, 0.5F, 0, 4};
  if (affine && bias) bn.bias = {0.25F, 1, -3, 2, 0};
  bn.eval();
  return bn;
}

/// out[n, o] = sum over i of x[n, i] * weight[o, i], + bias[o]
std::vector<double> linear(const std::vector<double>& x, const std::vector<double>& weight, const std::vector<double>& bias) {
  std::vector<double> out;
  for (std::int64_t n = 0; n < kSamples; ++n) {
    for (std::int64_t o = 0; o < kOut; ++o) {
      double sum = bias.empty() ? 0 : bias[static_cast<std::size_t>(o)];
      for (std::int64_t i = 0; i < kIn; ++i)
        sum += x[static_cast<std::size_t>(n * kIn + i)] * weight[static_cast<std::size_t>(o * kIn + i)];
      out.push_back(sum);
    }
  }
  return out;
}

void expect_folds(const BatchNorm& bn, const std::vector<double>& bias) {
  const std::vector<double> x = quarters(kSamples * kIn, 1), weight = quarters(kOut * kIn, 2);
  std::vector<double> expected = linear(x, weight, bias);
  bn.infer(view(expected.data(), {kSamples, kOut}), view(expected.data(), {kSamples, kOut}));

  std::vector<double> folded_weight(weight.size()), folded_bias(kOut);
  fold_batch_norm(bn, view(weight.data(), {kOut, kIn}), bias.empty() ? ConstView{} : view(bias.data(), {kOut}),
                  view(folded_weight.data(), {kOut, kIn}), view(folded_bias.data(), {kOut}));
  EXPECT_EQ(linear(x, folded_weight, folded_bias), expected);
}

TEST(Fold, OneLayerGivesWhatTheTwoGave) {
  expect_folds(made(), quarters(kOut, 3));
  expect_folds(made(), {});
  expect_folds(made(true, false), quarters(kOut, 3));
  expect_folds(made(false), quarters(kOut, 3));
}

TEST(Fold, TheOutputsMayLieAlongAnyAxisInAnyLayoutAndDtype) {
  const std::vector<double> weight = quarters(kOut * kIn, 2);
  std::vector<double> expected(weight.size()), bias(kOut);
  fold_batch_norm(made(), view(weight.data(), {kOut, kIn}), {}, view(expected.data(), {kOut, kIn}), view(bias.data(), {kOut}));

  // Read as (in, out) with each output's weights side by side, written as (in, out) in C order.
  std::vector<Half> other(weight.size()), other_bias(kOut);
  fold_batch_norm(made(), view(weight.data(), {kIn, kOut}, {1, kIn}), {}, view(other.data(), {kIn, kOut}),
                  view(other_bias.data(), {kOut}), -1);
  for (std::size_t o = 0; o < kOut; ++o) {
    for (std::size_t i = 0; i < kIn; ++i) EXPECT_EQ(to_double(other[i * kOut + o]), expected[o * kIn + i]) << o << ", " << i;
  }
  for (std::size_t c = 0; c < bias.size(); ++c) EXPECT_EQ(to_double(other_bias[c]), bias[c]) << c;
}

/// The tensors of a file: strided, of other dtypes, and in double what a BatchNorm would have rounded to float.
TEST(Fold, TensorsNeedNoLayer) {
  const std::vector<double> weight = quarters(kOut * kIn, 2), bias = quarters(kOut, 3);
  const BatchNorm bn = made();
  const ConstView w = view(weight.data(), {kOut, kIn}), b = view(bias.data(), {kOut});
  std::vector<double> expected(weight.size()), expected_bias(kOut), folded(weight.size()), folded_bias(kOut);
  fold_batch_norm(bn, w, b, view(expected.data(), {kOut, kIn}), view(expected_bias.data(), {kOut}));

  std::vector<double> pairs;  // mean and variance of each channel side by side
  std::vector<Half> gamma;
  for (std::size_t c = 0; c < kOut; ++c) {
    pairs.insert(pairs.end(), {bn.running_mean[c], bn.running_var[c]});
    gamma.push_back(from_double<Half>(bn.weight[c]));
  }
  const auto fold = [&](const BatchNormTensors& tensors) {
    fold_batch_norm(tensors, w, b, view(folded.data(), {kOut, kIn}), view(folded_bias.data(), {kOut}));
  };
  BatchNormTensors tensors{.weight = view(gamma.data(), {kOut}),
                           .bias = view(bn.bias.data(), {kOut}),
                           .running_mean = view(pairs.data(), {kOut}, {2}),
                           .running_var = view(pairs.data() + 1, {kOut}, {2}),
                           .eps = 0.25};
  fold(tensors);
  EXPECT_EQ(folded, expected);
  EXPECT_EQ(folded_bias, expected_bias);

  const double fine = 1 + 0x1p-40;  // float has no room for it
  const std::vector<double> exact(kOut, fine);
  tensors.weight = view(exact.data(), {kOut});
  fold(tensors);
  EXPECT_EQ(folded[0], weight[0] * fine);

  const std::vector<double> untouched = folded;
  const auto refused = [&](BatchNormTensors bad, const std::vector<std::string>& parts) {
    expect_refusal([&] { fold(bad); }, parts);
    EXPECT_EQ(folded, untouched);
  };
  BatchNormTensors bad = tensors;
  bad.running_mean = {};
  refused(bad, {"running_mean is absent"});
  bad.running_mean = w;
  refused(bad, {"running_mean has the shape (5, 7)"});
  bad = tensors;
  bad.running_var = {};
  refused(bad, {"running_var is absent", "(5,)"});
  bad = tensors;
  bad.bias = view(pairs.data(), {2});
  refused(bad, {"bias has the shape (2,)", "(5,)"});
  const std::vector<std::uint8_t> bytes(kOut);
  bad = tensors;
  bad.running_mean = view(bytes.data(), {kOut});
  refused(bad, {"running_mean is u8"});
  for (const double eps : {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    bad = tensors;
    bad.eps = eps;
    refused(bad, {"eps = "});
  }
}

TEST(Fold, InPlace) {
  std::vector<double> weight = quarters(kOut * kIn, 2), bias = quarters(kOut, 3), folded_weight(weight.size()),
                      folded_bias(kOut);
  const View w = view(weight.data(), {kOut, kIn}), b = view(bias.data(), {kOut});
  fold_batch_norm(made(), w, b, view(folded_weight.data(), {kOut, kIn}), view(folded_bias.data(), {kOut}));
  fold_batch_norm(made(), w, b, w, b);
  EXPECT_EQ(weight, folded_weight);
  EXPECT_EQ(bias, folded_bias);
}

TEST(Fold, RefusesBeforeItWrites) {
  std::vector<double> weight = quarters(kOut * kIn, 2), bias = quarters(kOut, 3);
  const std::vector<double> weight_before = weight, bias_before = bias;
  const View w = view(weight.data(), {kOut, kIn}), b = view(bias.data(), {kOut});
  BatchNorm bn = made();
  expect_refusal([&] { fold_batch_norm(bn, w, b, w, b, 1); }, {"7 outputs along axis 1", "5 channels"});
  expect_refusal([&] { fold_batch_norm(bn, w, b, w, b, 2); }, {"channel_axis = 2"});
  expect_refusal([&] { fold_batch_norm(bn, {}, b, w, b); }, {"weight is absent"});
  expect_refusal([&] { fold_batch_norm(bn, w, w, w, b); }, {"bias has the shape (5, 7)", "(5,)"});
  expect_refusal([&] { fold_batch_norm(bn, w, b, w, {}); }, {"folded_bias is absent"});
  expect_refusal([&] { fold_batch_norm(bn, w, b, w, view(weight.data(), {kOut})); }, {"folded_bias overlaps weight"});
  expect_refusal(
      [&] {
        fold_batch_norm(bn, w, b, view(weight.data(), {kOut, kIn}, {1, kOut}), b);
      },
      {"folded_weight overlaps weight"});
  expect_refusal([&] { fold_batch_norm(BatchNorm(kOut, {.track_running_stats = false}), w, b, w, b); },
                 {"no running statistics"});
  bn.running_var[4] = std::numeric_limits<double>::infinity();
  bn.running_mean[4] = std::numeric_limits<double>::infinity();
  expect_refusal([&] { fold_batch_norm(bn, w, b, w, b); }, {"channel 4", "inf"});
  bn = made();
  bn.weight.pop_back();
  expect_refusal([&] { fold_batch_norm(bn, w, b, w, b); }, {"BatchNorm's weight has the shape (4,)", "(5,)"});
  EXPECT_EQ(weight, weight_before);
  EXPECT_EQ(bias, bias_before);
}

}  // namespace
}  // namespace norma
