// SPDX-License-Identifier: Apache-2.0
// A few lines for each page of docs/normalizations/.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <norma/norma.hpp>
#include <random>
#include <string>
#include <vector>

namespace {

int failures = 0;

void expect(bool condition, const char* what) {
  if (!condition) std::printf("not so: %s\n", what), ++failures;
}

std::vector<float> random_values(const norma::Dims& shape, float mean = 3, float deviation = 2) {
  static std::mt19937 random(1);
  std::normal_distribution<float> number(mean, deviation);
  std::vector<float> values(static_cast<std::size_t>(norma::count_of(shape)));
  for (float& value : values) value = number(random);
  return values;
}

/// The mean and the deviation of the values at start, start + step, …
bool is_standard(const std::vector<float>& y, std::size_t start, std::size_t step, std::size_t count) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < count; ++i)
    sum += y[start + i * step], squares += double{y[start + i * step]} * y[start + i * step];
  const double n = static_cast<double>(count);
  return std::abs(sum / n) < 1e-5 && std::abs(squares / n - 1) < 1e-3;
}

void batch_norm() {
  const norma::Dims shape{8, 14, 14, 64};  // N, H, W, C
  std::vector<float> values = random_values(shape), result(values.size()), gradient = random_values(shape, 0, 1),
                     d(values.size());
  // [batch_norm]
  norma::BatchNorm bn(64, {.channel_axis = -1});  // channels last: (N, H, W, C)
  const norma::View x = norma::view(values.data(), shape), y = norma::view(result.data(), shape);
  bn.forward(x, y);
  const norma::View dy = norma::view(gradient.data(), shape), dx = norma::view(d.data(), shape);
  bn.backward(x, dy, dx);  // and bn.weight_grad, bn.bias_grad
  // [/batch_norm]
  expect(is_standard(result, 5, 64, 8 * 14 * 14), "a channel of batch_norm is standard");
  expect(bn.weight_grad.size() == 64, "there is a gradient for each weight");
}

void layer_norm() {
  const norma::Dims shape{2, 7, 300};
  std::vector<float> values = random_values(shape), result(values.size());
  const norma::View x = norma::view(values.data(), shape), y = norma::view(result.data(), shape);
  // [layer_norm]
  norma::LayerNorm per_token({300}), per_sentence({7, 300});  // of x with shape (2, 7, 300)
  per_token.forward(x, y);                                    // 14 distributions of 300 numbers
  per_sentence.forward(x, y);                                 // 2 distributions of 2100 numbers
  // [/layer_norm]
  expect(is_standard(result, 2100, 1, 2100), "a sentence is standard");
}

void fusion() {
  const norma::Dims shape{4, 7, 300};
  std::vector<float> stream = random_values(shape), block = random_values(shape, 0, 1), result(stream.size());
  const std::vector<float> before = stream;
  // [fusion]
  norma::RMSNorm norm({300});
  const norma::View x = norma::view(block.data(), shape), residual = norma::view(stream.data(), shape);
  const norma::View y = norma::view(result.data(), shape);
  norm.forward(x, y, {}, {.residual = residual, .sum = residual});  // residual += x; y is that, normalized
  // [/fusion]
  expect(stream[17] == before[17] + block[17], "the sum is given back");

  const norma::Dims image{2, 3, 8, 8};
  std::vector<float> in = random_values(image), skip = random_values(image, 0, 1), out(in.size()),
                     upstream = random_values(image, 0, 1), d_in(in.size()), d_skip(in.size());
  const norma::View images = norma::view(in.data(), image), shortcut = norma::view(skip.data(), image),
                    z = norma::view(out.data(), image), dz = norma::view(upstream.data(), image),
                    dx = norma::view(d_in.data(), image), dadd = norma::view(d_skip.data(), image);
  // [fusion_relu]
  norma::BatchNorm bn(3);
  bn.forward(images, z, {}, {.add = shortcut, .activation = norma::Activation::relu});  // z = relu(bn(images) + shortcut)
  bn.backward(images, dz, dx, {}, {.y = z, .dadd = dadd});                              // dadd: the gradient of the shortcut
  // [/fusion_relu]
  for (std::size_t i = 0; i < out.size(); ++i)
    expect(out[i] >= 0 && d_skip[i] == (out[i] > 0 ? upstream[i] : 0), "ReLU passes what is above 0");
}

void quantization() {
  const norma::Dims shape{4, 7, 300};
  std::vector<float> values = random_values(shape), plain(values.size());
  const norma::View x = norma::view(values.data(), shape);
  // [quantization]
  norma::LayerNorm norm({300});
  std::vector<std::int8_t> steps(4 * 7 * 300);
  const norma::View y = norma::view(steps.data(), shape);
  norm.infer(x, y, {}, {.quantization = {.scale = 0.03, .zero_point = 0}});  // y = clamp(round(norm(x) / 0.03), -128, 127)
  // [/quantization]
  norm.infer(x, norma::view(plain.data(), shape));
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const float rounded = std::nearbyint(plain[i] / 0.03F);
    expect(static_cast<float>(steps[i]) == std::clamp(rounded, -128.0F, 127.0F), "a step is 0.03");
  }
}

void group_norm() {
  const norma::Dims shape{4, 64, 28, 28};
  std::vector<float> values = random_values(shape), result(values.size());
  const norma::View x = norma::view(values.data(), shape), y = norma::view(result.data(), shape);
  // [group_norm]
  norma::GroupNorm gn(32, 64);  // 32 groups of 2 channels
  gn.forward(x, y);
  // [/group_norm]
  expect(is_standard(result, 2 * 784, 1, 2 * 784), "a group is standard");
}

void instance_norm() {
  const norma::Dims shape{4, 64, 28, 28};
  std::vector<float> values = random_values(shape), result(values.size());
  const norma::View x = norma::view(values.data(), shape), y = norma::view(result.data(), shape);
  // [instance_norm]
  norma::InstanceNorm in(64);  // no weight, no running statistics: PyTorch's defaults
  in.forward(x, y);
  // [/instance_norm]
  expect(is_standard(result, 784, 1, 784), "a channel of a sample is standard");
}

void rms_norm() {
  const norma::Dims shape{2, 7, 300};
  std::vector<float> values = random_values(shape), result(values.size());
  const norma::View x = norma::view(values.data(), shape), y = norma::view(result.data(), shape);
  // [rms_norm]
  norma::RMSNorm rms({300}, {.eps = 1e-6});
  rms.forward(x, y);
  // [/rms_norm]
  expect(std::abs(result[0] / values[0] - result[1] / values[1]) < 1e-6, "RMSNorm only scales");
}

void standardize() {
  // [standardize]
  std::vector<double> income = {12, 15, 30, 5, 6, 10}, z(6);
  const std::vector<std::int64_t> country = {0, 0, 0, 1, 1, 1};  // a key for each row

  std::vector<norma::Moments> of_country(2);  // in ascending order of the keys
  norma::normalize(norma::view(income.data(), {6}), norma::view(z.data(), {6}), norma::Grouping::labels(country),
                   {.eps = 0}, of_country);
  const double back = z[3] * std::sqrt(of_country[1].variance()) + of_country[1].mean;  // 5 again
  // [/standardize]
  expect(std::abs(back - 5) < 1e-12, "standardizing can be undone");
  expect(z[2] > 1 && z[5] > 1, "the rich of both countries stand above");
}

void refusal() {
  // [refusal]
  try {
    norma::GroupNorm gn(3, 8);
  } catch (const norma::Error& error) {
    std::puts(error.what());  // [group_norm] num_groups = 3 does not divide the 8 channels; 1, 2, 4 and 8 do
  }
  // [/refusal]
  try {
    norma::GroupNorm gn(3, 8);
    expect(false, "3 groups of 8 channels are refused");
  } catch (const norma::Error& error) {
    expect(std::string(error.what()) == "[group_norm] num_groups = 3 does not divide the 8 channels; 1, 2, 4 and 8 do",
           error.what());
  }
}

}  // namespace

int main() {
  batch_norm();
  layer_norm();
  fusion();
  quantization();
  group_norm();
  instance_norm();
  rms_norm();
  standardize();
  refusal();
  return failures;
}
