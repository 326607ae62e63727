// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "norma/view.hpp"

/// Scalar conversions between the element types and double, rounding to nearest even. The vector ones of simd/lanes-inl.hpp
/// give the same bits; a test compares them.

namespace norma {

inline double to_double(float x) { return static_cast<double>(x); }
inline double to_double(double x) { return x; }
inline double to_double(BFloat16 x) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16));
}
inline double to_double(Half x) {
  const int exponent = (x.bits >> 10) & 31, fraction = x.bits & 1023;
  const double sign = (x.bits & 0x8000) ? -1.0 : 1.0;
  if (exponent == 31) return fraction ? std::nan("") : sign * HUGE_VAL;
  return sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
}

template <class T>
T from_double(double x);

template <>
inline double from_double(double x) {
  return x;
}
template <>
inline float from_double(double x) {
  return static_cast<float>(x);
}

/// Through float: what the vector code computes in float it rounds once more to 16 bits, and so does this.
template <>
inline BFloat16 from_double(double x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  if (std::isnan(x)) return {static_cast<std::uint16_t>((bits >> 16) | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)};
}
template <>
inline Half from_double(double x) {
  const auto f = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  const auto sign = static_cast<std::uint16_t>((f >> 16) & 0x8000);
  const std::uint32_t magnitude = f & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return {static_cast<std::uint16_t>(sign | 0x7E00)};
  if (magnitude >= 0x47800000) return {static_cast<std::uint16_t>(sign | 0x7C00)};  // 65536 and above; 65520… carry below
  if (magnitude < 0x38800000) {  // below the smallest normal half: adding 0.5 leaves the rounded fraction in the low bits
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000))};
  }
  const std::uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1) - 0x38000000;
  return {static_cast<std::uint16_t>(sign | (rounded >> 13))};
}

}  // namespace norma
