// SPDX-License-Identifier: Apache-2.0
#include "io/layer_state.hpp"

#include <gtest/gtest.h>

#include "io/safetensors.hpp"
#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;

BatchNorm trained(const BatchNormOptions& options = {}) {
  BatchNorm layer(3, options);
  const std::vector<float> x = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233};
  std::vector<float> y(x.size());
  layer.forward(view(x.data(), {4, 3}), view(y.data(), {4, 3}));
  layer.weight = {0.5F, 1.5F, 2.5F};
  layer.bias = {-1, 0, 1};
  return layer;
}

TEST(LayerStateFile, KeepsEveryBit) {
  const TestFolder folder;
  for (const bool cumulative : {false, true}) {
    const BatchNormOptions options{.momentum = cumulative ? std::nullopt : std::optional(0.1)};
    const BatchNorm layer = trained(options);
    save_state(folder / "bn.safetensors", layer);
    BatchNorm other(3, options);
    load_state(folder / "bn.safetensors", other);
    EXPECT_EQ(other.weight, layer.weight);
    EXPECT_EQ(other.bias, layer.bias);
    EXPECT_EQ(other.running_mean, layer.running_mean);
    EXPECT_EQ(other.running_var, layer.running_var);
    EXPECT_EQ(other.num_batches_tracked, 1);
    EXPECT_EQ(other.num_elements_tracked, layer.num_elements_tracked);
  }
  LayerNorm layer({2, 3});
  layer.weight[4] = 7;
  save_state(folder / "ln.safetensors", layer);
  LayerNorm other({2, 3});
  load_state(folder / "ln.safetensors", other);
  EXPECT_EQ(other.weight, layer.weight);
  const InstanceNorm stateless(3);
  save_state(folder / "in.safetensors", stateless);
  InstanceNorm another(3);
  load_state(folder / "in.safetensors", another);
}

TEST(LayerStateFile, IsOfPyTorchsTypes) {
  const TestFolder folder;
  save_state(folder / "bn.safetensors", trained());
  const std::string bytes = testing::read_file(folder / "bn.safetensors");
  for (const char* entry :
       {R"("num_batches_tracked":{"dtype":"I64","shape":[])", R"("weight":{"dtype":"F32","shape":[3])",
        R"("running_var":{"dtype":"F64","shape":[3])", R"("format":"pt")"}) {
    EXPECT_NE(bytes.find(entry), std::string::npos) << entry << " in " << bytes.substr(8, 400);
  }
}

TEST(LayerStateFile, APrefixPicksOneLayerOfMany) {
  const TestFolder folder;
  const BatchNorm layer = trained();
  save_state(folder / "x.safetensors", layer, "model.bn1.");
  BatchNorm other(3);
  expect_refusal([&] { load_state(folder / "x.safetensors", other); }, {"'model.bn1.bias' is unknown"});
  expect_refusal([&] { load_state(folder / "x.safetensors", other, "model.bn2."); }, {"lacks 'weight'"});
  load_state(folder / "x.safetensors", other, "model.bn1.");
  EXPECT_EQ(other.running_var, layer.running_var);
}

TEST(LayerStateFile, RefusesWhatIsNotThisLayers) {
  const TestFolder folder;
  save_state(folder / "bn.safetensors", trained());
  BatchNorm wide(4), plain(3, {.track_running_stats = false});
  expect_refusal([&] { load_state(folder / "bn.safetensors", wide); }, {"has shape (3,)", "bn.safetensors"});
  EXPECT_EQ(wide.weight, std::vector<float>(4, 1));
  expect_refusal([&] { load_state(folder / "bn.safetensors", plain); }, {"is unknown to this layer"});
  expect_refusal([&] { load_state(folder / "missing.safetensors", wide); }, {"missing.safetensors"});
  const std::vector<float> half = {0.5F};
  write_safetensors(folder / "half.safetensors",
                    std::vector{NamedView{.name = "weight", .view = view(half.data(), {1})}});
  RMSNorm rms({1});
  load_state(folder / "half.safetensors", rms);
  EXPECT_EQ(rms.weight[0], 0.5F);
}

}  // namespace
}  // namespace norma::io
