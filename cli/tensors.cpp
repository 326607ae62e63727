// SPDX-License-Identifier: Apache-2.0
#include "cli/tensors.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "half.hpp"
#include "io/tensor_file.hpp"
#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::cli {
namespace {

/// Calls work with a pointer to the type of dtype's elements.
template <class Work>
void with_type(DType dtype, const Work& work) {
  switch (dtype) {
    case DType::f32: return work(static_cast<float*>(nullptr));
    case DType::f64: return work(static_cast<double*>(nullptr));
    case DType::f16: return work(static_cast<Half*>(nullptr));
    case DType::bf16: return work(static_cast<BFloat16*>(nullptr));
    case DType::u8:
    case DType::i8: throw Error("[dtype] " + std::string(name_of(dtype)) + " is not computed in; f32, f64, f16 and bf16 are");
  }
}

}  // namespace

TensorPath parse_tensor_path(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::error_code ignored;
  if (colon == std::string::npos || std::filesystem::exists(text, ignored)) return {text, {}};
  const std::string path = text.substr(0, colon);
  // Where neither exists, the sentence that refuses it shall name what was typed.
  if (path != "-" && !std::filesystem::exists(path, ignored)) return {text, {}};
  return {path, text.substr(colon + 1)};
}

io::Array read_tensor_at(const std::string& text, bool as_mask) {
  const TensorPath at = parse_tensor_path(text);
  return io::read_tensor(at.path, {.name = at.name, .as_mask = as_mask});
}

DType parse_dtype(const std::string& text) {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    if (text == name_of(dtype)) return dtype;
  }
  throw Error(fmt::format("[dtype] {} is none of f32, f64, f16 and bf16", io::in_quotes(text)));
}

io::Array convert(io::Array x, DType dtype) {
  if (x.dtype() == dtype) return x;
  io::Array y = io::Array::make(x.name(), dtype, x.shape(), x.strides());
  // Neither storage has holes, so that the elements correspond in memory order, whatever the layout.
  with_type(x.dtype(), [&](auto* from) {
    with_type(dtype, [&](auto* to) {
      using To = std::remove_pointer_t<decltype(to)>;
      from = reinterpret_cast<decltype(from)>(x.bytes().data());
      to = reinterpret_cast<To*>(y.bytes().data());
      for (std::int64_t i = 0; i < x.size(); ++i) to[i] = from_double<To>(to_double(from[i]));
    });
  });
  return y;
}

std::vector<double> to_doubles(const ConstView& x) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(x.size()));
  io::for_each_piece(x, [&](std::span<const std::byte> piece) {
    if (x.dtype() == DType::u8) {
      for (const std::byte byte : piece) values.push_back(std::to_integer<int>(byte));
      return;
    }
    with_type(x.dtype(), [&](auto* from) {
      from = reinterpret_cast<decltype(from)>(const_cast<std::byte*>(piece.data()));
      for (std::size_t i = 0; i < piece.size() / size_of(x.dtype()); ++i) values.push_back(to_double(from[i]));
    });
  });
  return values;
}

std::vector<std::int64_t> parse_integers(const std::string& text, const std::string& option) {
  std::vector<std::int64_t> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    if (error != std::errc{} || stop != text.data() + end) {
      throw Error(fmt::format("[{}] {} is no list of whole numbers; write them with commas between, such as 1,2", option,
                              io::in_quotes(text)));
    }
    values.push_back(value);
    begin = end + 1;
  }
  return values;
}

}  // namespace norma::cli
