// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/array.hpp"
#include "io/source.hpp"

namespace norma::io {

/// Reads PNG and JPEG files as one batch ("-" is standard input).
///
/// The result is f32 in [0, 1], of shape (N, C, H, W), and lies in memory as N, H, W, C: decoders give pixels, and
/// nothing is transposed. C is what the files have: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. 8 bit values are divided
/// by 255, those of 16 bit PNG by 65535. Colour profiles and orientation tags are not applied.
///
/// Refused, with Error: an image of another size or number of channels than the first (by its name); a truncated file;
/// a PNG whose checksums are wrong; dimensions that the file's size cannot hold, before anything is decoded.
Array read_images(std::span<const std::string> paths);

/// One image, from bytes that are already open: shape (1, C, H, W). Takes all of them.
Array read_image(Source& source);

/// Whether bytes begin as PNG or JPEG do; 8 bytes suffice.
bool looks_like_image(std::span<const std::byte> begin);

/// A PNG of 8 bits a channel. rgb: height rows of width pixels of three bytes. The same bytes for the same pixels.
std::vector<std::byte> encode_png(std::span<const std::uint8_t> rgb, int width, int height);

}  // namespace norma::io
