// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "norma/view.hpp"

namespace norma::io {

/// A tensor that owns its memory, as read from a file or made to be written to one.
///
/// The library itself owns no tensor; files need one. Storage is aligned to 64 bytes. Moves, does not copy.
/// A default-made Array holds nothing: its view() is empty().
class Array {
 public:
  Array() = default;

  /// An uninitialized tensor in C order. name is what its file calls it, empty where the file has no names.
  /// Throws Error when the memory cannot be had or the size does not fit in 63 bits.
  static Array make(std::string name, DType dtype, const Dims& shape);

  /// As above, the elements laid out by strides (in elements, none negative): a permutation of C order, so that the
  /// storage has no holes, as fortran_strides() gives.
  static Array make(std::string name, DType dtype, const Dims& shape, const Dims& strides);

  const std::string& name() const { return name_; }
  DType dtype() const { return dtype_; }
  const Dims& shape() const { return shape_; }
  const Dims& strides() const { return strides_; }
  std::int64_t size() const { return storage_ ? count_of(shape_) : 0; }

  /// The storage, in memory order.
  std::span<std::byte> bytes() { return {storage_.get(), byte_count()}; }
  std::span<const std::byte> bytes() const { return {storage_.get(), byte_count()}; }

  /// Valid as long as the Array lives, also when it is moved.
  ConstView view() const;
  View mutable_view();

 private:
  struct Free {
    void operator()(std::byte* pointer) const;
  };
  std::size_t byte_count() const { return static_cast<std::size_t>(size()) * size_of(dtype_); }

  std::string name_;
  DType dtype_ = DType::f32;
  Dims shape_, strides_;
  std::unique_ptr<std::byte, Free> storage_;
};

/// Strides of a shape whose first axis is contiguous (Fortran order), in elements.
Dims fortran_strides(const Dims& shape);

/// The number of elements of a shape that a file claims. Nothing when a size is negative, or the product (empty axes
/// counted as 1) is so large that its bytes could not be counted in 63 bits.
std::optional<std::uint64_t> checked_count(const Dims& shape);

/// Hands out the elements of a view as bytes in C order, piece by piece: at once where they are contiguous, through a
/// small buffer where they are not.
void for_each_piece(const ConstView& x, const std::function<void(std::span<const std::byte>)>& take);

/// A copy in C order.
Array contiguous_copy(const ConstView& x, std::string name = {});

}  // namespace norma::io
