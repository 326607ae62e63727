// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "io/element.hpp"

namespace norma::io {

enum class FileFormat { npy, npz, safetensors };

/// Reads a tensor from .npy, .npz, .safetensors, PNG or JPEG, whichever the file's first bytes say it is, whatever its
/// name
/// ("-" is standard input). options.name chooses where a file holds several. An image is a batch of one.
/// Throws Error; see read_npy, NpzFile, read_safetensors and read_images for what is refused.
Array read_tensor(const std::string& path, const ReadOptions& options = {});

/// As above for one path; several must be images of one size, and become one batch.
Array read_tensors(std::span<const std::string> paths, const ReadOptions& options = {});

/// The format that a path to be written asks for by its ending (.npy, .npz, .safetensors, in any case); .npy for "-".
/// Throws Error for any other, so that a command can refuse before it computes.
FileFormat output_format(const std::string& path);

/// Writes x in the format that path asks for. name is what a .npz or .safetensors calls it; when empty, "arr_0" and
/// "x". The file is the old one or the new one, never half of it; see OutputFile.
void write_tensor(const std::string& path, const ConstView& x, const std::string& name = {});

}  // namespace norma::io
