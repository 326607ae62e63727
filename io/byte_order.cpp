// SPDX-License-Identifier: Apache-2.0
#include "io/byte_order.hpp"

#include <algorithm>
#include <vector>

namespace norma::io {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;  // a multiple of every element's size

}  // namespace

void swap_elements(std::span<std::byte> bytes, std::size_t size) {
  for (std::size_t i = 0; i + size <= bytes.size(); i += size) std::reverse(&bytes[i], &bytes[i] + size);
}

void write_elements(OutputFile& file, std::span<const std::byte> bytes, std::size_t size) {
  if (!kFilesAreSwapped || size == 1) return file.write(bytes);
  std::vector<std::byte> piece;
  while (!bytes.empty()) {
    const auto now = bytes.first(std::min(bytes.size(), kPiece));
    piece.assign(now.begin(), now.end());
    swap_elements(piece, size);
    file.write(piece);
    bytes = bytes.subspan(now.size());
  }
}

}  // namespace norma::io
