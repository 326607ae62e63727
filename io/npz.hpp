// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/element.hpp"

namespace norma::io {

/// A .npz archive, open for reading: .npy files in a zip, stored or deflated. "-" is standard input (copied to a
/// temporary file, since a zip is read from its end).
///
/// Members are read incrementally, and only when the size that the archive claims, the size in the member's own header
/// and what deflate can make of the compressed bytes agree; their checksums are verified. Other members than .npy are
/// ignored. Refused, with Error: what is no zip, encrypted members, other compressions, two members of one name.
class NpzFile {
 public:
  explicit NpzFile(const std::string& path);
  /// Takes what is left of source.
  explicit NpzFile(Source& source);
  NpzFile(NpzFile&&) noexcept;
  ~NpzFile();

  /// In the order of the archive, without ".npy".
  const std::vector<std::string>& names() const { return names_; }

  /// The array of this name; options.name may be empty when there is only one. See read_npy for what is refused.
  Array read(const ReadOptions& options = {});

 private:
  struct Archive;
  void list();
  std::unique_ptr<Archive> archive_;
  std::vector<std::string> names_;
  std::map<std::string, std::uint64_t, std::less<>> places_;
};

/// One array of an archive; see NpzFile.
Array read_npz(const std::string& path, const ReadOptions& options = {});

/// A tensor to be written, and what to call it.
struct NamedView {
  std::string name;
  ConstView view{};
  /// Safetensors alone: write f64 values, all whole and within 2^53, as I64 (PyTorch's num_batches_tracked).
  bool as_i64 = false;
};

enum class Compression { stored, deflated };

/// Writes arrays as numpy.savez (stored) or numpy.savez_compressed (deflated) would. The same arrays give the same
/// bytes. Throws Error when two have one name, or a name is empty or no UTF-8.
void write_npz(const std::string& path, std::span<const NamedView> arrays,
               Compression compression = Compression::stored);

}  // namespace norma::io
