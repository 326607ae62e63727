// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <span>

#include "io/output_file.hpp"

namespace norma::io {

/// Files are little-endian; on a machine that is not, elements are swapped as they are read and written.
inline constexpr bool kFilesAreSwapped = std::endian::native == std::endian::big;
static_assert(kFilesAreSwapped || std::endian::native == std::endian::little, "bytes of this machine lie in neither order");

/// Turns the bytes of each element around, in place.
void swap_elements(std::span<std::byte> bytes, std::size_t size);

/// Writes elements of `size` bytes each, which lie here in this machine's order, in that of files.
void write_elements(OutputFile& file, std::span<const std::byte> bytes, std::size_t size);

}  // namespace norma::io
