// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "norma/error.hpp"

namespace norma {

/// What an element is. Normalizations take f32, f64, f16 and bf16; u8 is for masks alone (0 leaves an element out), and i8 for a
/// quantized result alone (see Quantization). 5 is the C interface's i64, which no view has.
enum class DType : std::uint8_t { f32, f64, f16, bf16, u8, i8 = 6 };

/// IEEE 754 binary16 and bfloat16, as bits: Norma converts them, and does no arithmetic in them.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return 8;
    case DType::f32: return 4;
    case DType::u8:
    case DType::i8: return 1;
    default: return 2;
  }
}

/// Whether it is one of those that normalizations take.
constexpr bool is_float(DType dtype) { return dtype <= DType::bf16; }

/// "f32", "f64", "f16", "bf16", "u8" or "i8".
NORMA_API const char* name_of(DType dtype);

template <class T>
inline constexpr DType dtype_of = [] { static_assert(sizeof(T) == 0, "not an element type of Norma"); return DType::f32; }();
template <> inline constexpr DType dtype_of<float> = DType::f32;
template <> inline constexpr DType dtype_of<double> = DType::f64;
template <> inline constexpr DType dtype_of<Half> = DType::f16;
template <> inline constexpr DType dtype_of<BFloat16> = DType::bf16;
template <> inline constexpr DType dtype_of<std::uint8_t> = DType::u8;
template <> inline constexpr DType dtype_of<std::int8_t> = DType::i8;

inline constexpr int kMaxRank = 8;

/// Up to eight 64-bit integers: a shape, strides or axes. Holds its values in place; never allocates.
class NORMA_API Dims {
 public:
  constexpr Dims() = default;
  constexpr Dims(std::initializer_list<std::int64_t> values) : Dims(std::span(values.begin(), values.size())) {}
  /// Throws Error when there are more than eight.
  constexpr explicit Dims(std::span<const std::int64_t> values) {
    if (values.size() > kMaxRank) refuse_rank(values.size());
    for (std::int64_t v : values) values_[static_cast<std::size_t>(rank_++)] = v;
  }

  constexpr int rank() const { return rank_; }
  constexpr bool empty() const { return rank_ == 0; }
  constexpr std::int64_t operator[](int axis) const { return values_[static_cast<std::size_t>(axis)]; }
  constexpr std::int64_t& operator[](int axis) { return values_[static_cast<std::size_t>(axis)]; }
  constexpr void push_back(std::int64_t value) {
    if (rank_ == kMaxRank) refuse_rank(kMaxRank + 1);
    values_[static_cast<std::size_t>(rank_++)] = value;
  }
  constexpr const std::int64_t* begin() const { return values_.data(); }
  constexpr const std::int64_t* end() const { return values_.data() + rank_; }
  friend constexpr bool operator==(const Dims& a, const Dims& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }

 private:
  [[noreturn]] static void refuse_rank(std::size_t rank);
  std::array<std::int64_t, kMaxRank> values_{};
  int rank_ = 0;
};

/// "(2, 7, 300)".
NORMA_API std::string to_string(const Dims& dims);

/// The product of the sizes; 1 for no axes.
constexpr std::int64_t count_of(const Dims& shape) {
  std::int64_t n = 1;
  for (std::int64_t size : shape) n *= size;
  return n;
}

/// Strides of a shape whose last axis is contiguous (C order), in elements.
NORMA_API Dims contiguous_strides(const Dims& shape);

/// Somebody else's memory, described, to be read: element (i, j, …) lies at data + (i·strides[0] + j·strides[1] + …)
/// elements. Owns nothing; the memory must outlive every use of the view.
///
/// shape    up to 8 axes, each size 0 or more.
/// strides  in elements, in any order, negative or zero (the same element for every index); C order when not given.
/// A default-made view is empty(): an argument that is absent.
class NORMA_API ConstView {
 public:
  ConstView() = default;
  /// Throws Error when data is null although there are elements, a size is negative, shape and strides differ in rank,
  /// or the extent does not fit in 63 bits.
  ConstView(const void* data, DType dtype, const Dims& shape);
  ConstView(const void* data, DType dtype, const Dims& shape, const Dims& strides);

  const void* data() const { return data_; }
  DType dtype() const { return dtype_; }
  const Dims& shape() const { return shape_; }
  const Dims& strides() const { return strides_; }
  int rank() const { return shape_.rank(); }
  std::int64_t size() const { return present_ ? count_of(shape_) : 0; }
  /// True for a view that was not given (made by default), whatever its size would be.
  bool empty() const { return !present_; }
  /// True when the elements lie side by side in C order.
  bool contiguous() const;

 private:
  const void* data_ = nullptr;
  DType dtype_ = DType::f32;
  bool present_ = false;
  Dims shape_, strides_;
};

/// A view of memory to be written. Converts to ConstView. Strides may have any order and sign, but two indices never name
/// the same element: zero strides, and others by which elements overlap, throw Error.
class NORMA_API View : public ConstView {
 public:
  View() = default;
  View(void* data, DType dtype, const Dims& shape);
  View(void* data, DType dtype, const Dims& shape, const Dims& strides);
  void* data() const { return const_cast<void*>(ConstView::data()); }
};

/// norma::view(x, {2, 7, 300}): contiguous memory, or with explicit strides. T is float, double, Half, BFloat16,
/// for masks uint8_t or, for quantized results, int8_t.
template <class T>
ConstView view(const T* data, const Dims& shape) {
  return {data, dtype_of<T>, shape};
}
template <class T>
ConstView view(const T* data, const Dims& shape, const Dims& strides) {
  return {data, dtype_of<T>, shape, strides};
}
template <class T>
View view(T* data, const Dims& shape) {
  return {data, dtype_of<T>, shape};
}
template <class T>
View view(T* data, const Dims& shape, const Dims& strides) {
  return {data, dtype_of<T>, shape, strides};
}

/// Whether two views name some common byte. Exact for equal strides; for others it says true when in doubt.
NORMA_API bool overlap(const ConstView& a, const ConstView& b);

/// Whether two views name the same elements under the same indices.
NORMA_API bool same(const ConstView& a, const ConstView& b);

}  // namespace norma
