// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "half.hpp"
#include "norma/view.hpp"

/// Arithmetic and element access for the reference: wide, slow, plain.

namespace norma::test {

/// 113 bits: the product of two floats is exact in it, and so is a sum of billions of them.
#if defined(__SIZEOF_FLOAT128__)
__extension__ using Real = __float128;
#else
using Real = long double;
#endif

inline Real absolute(Real v) { return v < 0 ? -v : v; }
inline Real larger(Real a, Real b) { return a > b ? a : b; }
inline double to_double(Real v) { return static_cast<double>(v); }

/// The square root by Newton's method from double's, brought into double's range by powers of four first.
inline Real root(Real v) {
  if (!(v > 0)) return v;
  Real scale = 1;
  while (v > Real(0x1p900)) v *= Real(0x1p-400), scale *= Real(0x1p200);
  while (v < Real(0x1p-900)) v *= Real(0x1p400), scale *= Real(0x1p-200);
  Real r = std::sqrt(static_cast<double>(v));
  for (int i = 0; i < 3; ++i) r = (r + v / r) / 2;
  return r * scale;
}

/// Where each element lies, in elements from the view's pointer, in C order.
inline std::vector<std::int64_t> offsets_of(const Dims& shape, const Dims& strides) {
  std::vector<std::int64_t> offsets{0};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    std::vector<std::int64_t> next;
    next.reserve(offsets.size() * static_cast<std::size_t>(shape[axis]));
    for (std::int64_t from : offsets) {
      for (std::int64_t i = 0; i < shape[axis]; ++i) next.push_back(from + i * strides[axis]);
    }
    offsets = std::move(next);
  }
  return offsets;
}

/// The index of each element, in C order.
inline std::vector<Dims> indices_of(const Dims& shape) {
  std::vector<Dims> indices{Dims()};
  for (std::int64_t size : shape) {
    std::vector<Dims> next;
    for (const Dims& outer : indices) {
      for (std::int64_t i = 0; i < size; ++i) {
        next.push_back(outer);
        next.back().push_back(i);
      }
    }
    indices = std::move(next);
  }
  return indices;
}

inline double read_element(const void* data, DType dtype, std::int64_t at) {
  switch (dtype) {
    case DType::f32: return static_cast<const float*>(data)[at];
    case DType::f64: return static_cast<const double*>(data)[at];
    case DType::f16: return norma::to_double(static_cast<const Half*>(data)[at]);
    case DType::bf16: return norma::to_double(static_cast<const BFloat16*>(data)[at]);
    case DType::u8: return static_cast<const std::uint8_t*>(data)[at];
    case DType::i8: return static_cast<const std::int8_t*>(data)[at];
  }
  return 0;
}

inline void write_element(void* data, DType dtype, std::int64_t at, double value) {
  switch (dtype) {
    case DType::f32: static_cast<float*>(data)[at] = static_cast<float>(value); break;
    case DType::f64: static_cast<double*>(data)[at] = value; break;
    case DType::f16: static_cast<Half*>(data)[at] = from_double<Half>(value); break;
    case DType::bf16: static_cast<BFloat16*>(data)[at] = from_double<BFloat16>(value); break;
    case DType::u8: static_cast<std::uint8_t*>(data)[at] = static_cast<std::uint8_t>(value); break;
    case DType::i8: static_cast<std::int8_t*>(data)[at] = static_cast<std::int8_t>(value); break;
  }
}

/// A value as an element of this type would hold it.
inline double rounded_to(DType dtype, double value) {
  double memory = 0;
  write_element(&memory, dtype, 0, value);
  return read_element(&memory, dtype, 0);
}

/// All elements of a view, in C order.
inline std::vector<double> values_of(const ConstView& v) {
  std::vector<double> values;
  if (v.empty()) return values;
  for (std::int64_t at : offsets_of(v.shape(), v.strides())) values.push_back(read_element(v.data(), v.dtype(), at));
  return values;
}

}  // namespace norma::test
