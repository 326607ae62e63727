// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>

#include "io/element.hpp"
#include "io/npz.hpp"

namespace norma::io {

/// What a .safetensors file holds.
struct Safetensors {
  std::map<std::string, Array, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;  ///< its __metadata__
};

/// Reads a .safetensors file ("-" is standard input): F16, BF16, F32, F64, BOOL and integers of 8 to 64 bits (see
/// dtype_for). With options.name, that tensor alone, and the others are passed over.
///
/// Refused, with Error, as the format's specification asks: a header longer than the file or 100 MB, that is no JSON
/// object of tensors, or has a key twice; offsets that disagree with dtype and shape, overlap, leave holes or do not
/// end where the file does. Also more than 8 axes, and dtypes that Norma does not know.
Safetensors read_safetensors(const std::string& path, const ReadOptions& options = {});
Safetensors read_safetensors(Source& source, const ReadOptions& options = {});

/// The one tensor that options.name says; the only one when it is empty.
Array read_safetensor(Source& source, const ReadOptions& options = {});

/// Writes tensors: the header padded to 8 bytes; data in the order of element size, then of name, so that each tensor
/// is aligned and the same tensors give the same bytes in whatever order they come. Throws Error when two tensors have
/// one name, or a name is empty, no UTF-8, or __metadata__.
void write_safetensors(const std::string& path, std::span<const NamedView> tensors,
                       const std::map<std::string, std::string, std::less<>>& metadata = {});

/// A tensor as it lies in the file: nothing converted but the order of bytes where this machine has another, so that it can be written again bit for bit.
struct StoredTensor {
  Element element = Element::f32;
  Dims shape{};
  Array bytes{};  ///< u8, in C order

  /// Its elements. Throws Error where they are no floats.
  ConstView view() const;
  View mutable_view();
};

/// What a .safetensors file holds, as it lies there.
struct StoredSafetensors {
  std::map<std::string, StoredTensor, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

/// As read_safetensors and write_safetensors, with the same refusals, but for integers beyond 2^53: they stay what they are.
StoredSafetensors read_stored_safetensors(const std::string& path);
void write_safetensors(const std::string& path, const StoredSafetensors& file);

}  // namespace norma::io
