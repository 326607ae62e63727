// SPDX-License-Identifier: Apache-2.0
// A layer's state in .safetensors: taken whole, or refused with the layer as it was.
#include "io/layer_state.hpp"

#include <variant>

#include "fuzzing.hpp"

using namespace norma;

namespace {

/// All that a layer remembers, as bytes.
std::string remembered(const Layer& layer) {
  std::string all;
  for (const StateTensor& tensor : layer.state()) {
    all += tensor.name;
    std::visit([&](auto values) { all.append(reinterpret_cast<const char*>(values.data()), values.size_bytes()); }, tensor.values);
  }
  return all;
}

void try_loading(Layer& layer, const std::string& path) {
  const std::string before = remembered(layer);
  if (!fuzz::done_or_refused([&] { io::load_state(path, layer); })) {
    fuzz::demand(remembered(layer) == before, "a state that is refused changes nothing");
    return;
  }
  std::string y(8 * 2 * sizeof(float), '\0');
  const std::vector<float> x(8, 0.5F);
  fuzz::done_or_refused([&] { layer.forward(view(x.data(), {4, 2}), view(reinterpret_cast<float*>(y.data()), {4, 2})); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  BatchNorm batch(2);
  try_loading(batch, file.path());
  BatchNorm cumulative(2, {.momentum = std::nullopt});
  try_loading(cumulative, file.path());
  LayerNorm layer({2});
  try_loading(layer, file.path());
  return 0;
}
