// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "norma/layers.hpp"

namespace norma::io {

/// Writes a layer's state as .safetensors, under PyTorch's names after `prefix` ("bn1." for a part of a model):
/// weight and bias as F32, running_mean and running_var as F64 (PyTorch narrows them as it loads), counts as I64.
///
///     model.bn1.load_state_dict(safetensors.torch.load_file("bn1.safetensors"))
///
/// The file is the old one or the new one, never half of it. Throws Error.
void save_state(const std::string& path, const Layer& layer, const std::string& prefix = {});

/// Reads what save_state() wrote, or safetensors.torch.save_file(layer.state_dict(), …), in any float type. Names that
/// do not begin with `prefix` belong to others and are passed over. Throws Error, and changes nothing, when the file is
/// refused (read_safetensors) or does not hold exactly this layer's tensors (Layer::load_state).
void load_state(const std::string& path, Layer& layer, const std::string& prefix = {});

}  // namespace norma::io
