// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/array.hpp"
#include "io/element.hpp"

namespace norma::cli {

/// A file, and which of its tensors.
struct TensorPath {
  std::string path, name;
};

/// "x.npz:name" as path and name; the name is empty where there is none, or where a file is called that as a whole.
TensorPath parse_tensor_path(const std::string& text);

/// Reads the tensor that "x.npy" or "x.npz:name" says. Throws Error.
io::Array read_tensor_at(const std::string& text, bool as_mask = false);

/// "f32", "f64", "f16" or "bf16". Throws Error for anything else.
DType parse_dtype(const std::string& text);

/// The same values in another dtype, rounded to nearest even, in the same layout. x itself where it has that dtype.
io::Array convert(io::Array x, DType dtype);

/// All elements in C order as doubles, which hold every element of a float dtype and u8 exactly.
std::vector<double> to_doubles(const ConstView& x);

/// "1,-2,3" as integers. option says in errors what is being read. Throws Error.
std::vector<std::int64_t> parse_integers(const std::string& text, const std::string& option);

}  // namespace norma::cli
