// SPDX-License-Identifier: Apache-2.0
// BatchNorm: training, inference, and a state that PyTorch reads.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <norma/norma.hpp>
#include <random>
#include <vector>

#include "io/layer_state.hpp"

int main() {
  const norma::Dims shape{16, 3, 32, 32};  // N, C, H, W
  std::vector<float> images(static_cast<std::size_t>(norma::count_of(shape))), result(images.size());
  const norma::View x = norma::view(images.data(), shape), y = norma::view(result.data(), shape);
  std::mt19937 random(1);
  std::normal_distribution<float> pixel(120, 40);
  const auto next_batch = [&] {
    for (float& value : images) value = pixel(random);
  };
  const std::string path = (std::filesystem::temp_directory_path() / "norma-example-bn.safetensors").string();

  // [batch_norm]
  norma::BatchNorm bn(3);  // 3 channels; PyTorch's defaults
  for (int batch = 0; batch < 100; ++batch) {
    next_batch();
    bn.forward(x, y);  // training: measures this batch, and updates running_mean and running_var
  }
  bn.eval();
  bn.forward(x, y);  // inference: by the running statistics

  norma::io::save_state(path, bn);  // bn.load_state_dict(safetensors.torch.load_file(path))
  norma::BatchNorm again(3);
  norma::io::load_state(path, again);
  // [/batch_norm]

  std::filesystem::remove(path);
  std::printf("channel 0: mean %.2f, variance %.1f after %lld batches\n", again.running_mean[0], again.running_var[0],
              static_cast<long long>(again.num_batches_tracked));
  const bool right = std::abs(again.running_mean[0] - 120) < 1 && std::abs(again.running_var[0] - 1600) < 50;
  return right && again.running_var == bn.running_var && again.num_batches_tracked == 100 ? 0 : 1;
}
