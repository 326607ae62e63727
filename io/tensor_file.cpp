// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "io/image.hpp"
#include "io/npy.hpp"
#include "io/npz.hpp"
#include "io/safetensors.hpp"
#include "io/text.hpp"

namespace norma::io {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kReadable = ".npy, .npz, .safetensors, PNG and JPEG are read";

std::string extension_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || path.find('/', dot) != std::string_view::npos) return {};
  std::string extension(path.substr(dot));
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  });
  return extension;
}

enum class Kind { npy, zip, safetensors, image, unknown };

Kind kind_of(std::span<const std::byte> begin) {
  const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
  if (text.starts_with("\x93NUMPY")) return Kind::npy;
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return Kind::zip;
  if (looks_like_image(begin)) return Kind::image;
  // Eight bytes of length, of which no header fills the upper four, and then the header's brace.
  if (text.size() > 8 && text.substr(4, 4) == "\0\0\0\0"sv && text[8] == '{') return Kind::safetensors;
  return Kind::unknown;
}

}  // namespace

Array read_tensor(const std::string& path, const ReadOptions& options) {
  const auto source = open_source(path);
  const auto begin = source->peek(9);
  if (begin.empty()) throw Error(fmt::format("{} is empty; {}", source->label(), kReadable));
  switch (kind_of(begin)) {
    case Kind::npy: return read_npy(*source, options);
    case Kind::image: return read_image(*source);
    case Kind::safetensors: return read_safetensor(*source, options);
    case Kind::zip: {
      // A zip is read from its end: a file is opened for that, but a pipe has given its first bytes and has to go on.
      const bool reopens = path != "-" && source->remaining();
      return reopens ? NpzFile(path).read(options) : NpzFile(*source).read(options);
    }
    case Kind::unknown: break;
  }
  const std::string extension = extension_of(path);
  if (extension == ".csv" || extension == ".tsv") {
    throw Error(fmt::format("{} is a table, and a tensor was expected; {}", source->label(), kReadable));
  }
  if (extension == ".npy" || extension == ".npz" || extension == ".safetensors" || extension == ".png" ||
      extension == ".jpg" || extension == ".jpeg") {
    throw Error(fmt::format("{} does not begin as a {} file does; it is truncated, damaged or another kind of file",
                            source->label(), extension));
  }
  throw Error(fmt::format("{} is of an unknown kind; {}", source->label(), kReadable));
}

Array read_tensors(std::span<const std::string> paths, const ReadOptions& options) {
  return paths.size() == 1 ? read_tensor(paths.front(), options) : read_images(paths);
}

FileFormat output_format(const std::string& path) {
  if (path == "-") return FileFormat::npy;
  const std::string extension = extension_of(path);
  if (extension == ".npy") return FileFormat::npy;
  if (extension == ".npz") return FileFormat::npz;
  if (extension == ".safetensors") return FileFormat::safetensors;
  throw Error(fmt::format("{} ends in none of .npy, .npz and .safetensors, which are written; choose one of them",
                          in_quotes(path)));
}

void write_tensor(const std::string& path, const ConstView& x, const std::string& name) {
  if (x.empty()) throw Error("[write_tensor] there is no tensor to write");
  switch (output_format(path)) {
    case FileFormat::npy: return write_npy(path, x);
    case FileFormat::npz: {
      const NamedView array{.name = name.empty() ? "arr_0" : name, .view = x};
      return write_npz(path, {&array, 1});
    }
    case FileFormat::safetensors: {
      const NamedView tensor{.name = name.empty() ? "x" : name, .view = x};
      return write_safetensors(path, {&tensor, 1});
    }
  }
}

}  // namespace norma::io
