// SPDX-License-Identifier: Apache-2.0
#include "io/layer_state.hpp"

#include <list>
#include <type_traits>
#include <vector>

#include "io/safetensors.hpp"

namespace norma::io {

void save_state(const std::string& path, const Layer& layer, const std::string& prefix) {
  std::vector<NamedView> tensors;
  std::list<std::vector<double>> counts;  // views know no integers; whole f64 values are written as I64
  for (const StateTensor& tensor : layer.state()) {
    NamedView named{.name = prefix + tensor.name, .view = {}};
    std::visit(
        [&](auto values) {
          if constexpr (std::is_same_v<decltype(values), std::span<const std::int64_t>>) {
            counts.emplace_back(values.begin(), values.end());
            named.view = view(counts.back().data(), tensor.shape);
            named.as_i64 = true;
          } else {
            named.view = view(values.data(), tensor.shape);
          }
        },
        tensor.values);
    tensors.push_back(std::move(named));
  }
  // What reads files for PyTorch asks for this mark.
  write_safetensors(path, tensors, {{"format", "pt"}});
}

void load_state(const std::string& path, Layer& layer, const std::string& prefix) {
  const Safetensors file = read_safetensors(path);
  std::vector<StateTensor> tensors;
  for (const auto& [name, array] : file.tensors) {
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    StateTensor tensor{name.substr(prefix.size()), array.shape(), {}};
    const auto take = [&tensor, &array = array]<class T>(const T*) {
      tensor.values =
          std::span(reinterpret_cast<const T*>(array.bytes().data()), static_cast<std::size_t>(array.size()));
    };
    switch (array.dtype()) {
      case DType::f64: take(static_cast<const double*>(nullptr)); break;
      case DType::f16: take(static_cast<const Half*>(nullptr)); break;
      case DType::bf16: take(static_cast<const BFloat16*>(nullptr)); break;
      default: take(static_cast<const float*>(nullptr)); break;
    }
    tensors.push_back(std::move(tensor));
  }
  try {
    layer.load_state(tensors);
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + " (in '" + path + "')");
  }
}

}  // namespace norma::io
