// SPDX-License-Identifier: Apache-2.0
// Typed loads and stores, the loop and its tail: kernels see vectors of the compute type and never a dtype or a remainder.

#if defined(NORMA_SIMD_LANES_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMA_SIMD_LANES_INL_HPP_
#undef NORMA_SIMD_LANES_INL_HPP_
#else
#define NORMA_SIMD_LANES_INL_HPP_
#endif

#include <hwy/highway.h>

#include <cstring>
#include <type_traits>

#include "simd/kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace norma::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Sums are taken in double, eight lanes at most; everything else in the compute type: double for f64, float for the rest.
using Wide = hn::CappedTag<double, 8>;
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;
template <class T>
using ComputeTag = hn::CappedTag<Compute<T>, 64 / sizeof(Compute<T>)>;
template <class D>
using V = hn::Vec<D>;

/// How many lanes of a vector count: all of them, or the first few (at the end of a row).
struct Whole {};
struct First {
  size_t lanes;
};

template <class D>
HWY_INLINE V<D> load(D d, const float* p) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), p));
  } else {
    return hn::LoadU(d, p);
  }
}
template <class D>
HWY_INLINE V<D> load(D d, const double* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE V<D> load(D d, const BFloat16* p) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    return hn::PromoteTo(d, load(hn::Rebind<float, D>(), p));
  } else {
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> d32;
    const auto bits = hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p));
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, bits)));
  }
}
template <class D>
HWY_INLINE V<D> load(D d, const Half* p) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    return hn::PromoteTo(d, load(hn::Rebind<float, D>(), p));
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<hwy::float16_t, D>(), reinterpret_cast<const hwy::float16_t*>(p)));
  }
}

template <class D>
HWY_INLINE void store(V<D> v, D d, float* p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void store(V<D> v, D d, double* p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void store(V<D> v, D, BFloat16* p) {
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> i32;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(d32, 0x7FFF)), odd);
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto either = hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(v)), quiet, rounded);
  const auto high = hn::BitCast(i32, hn::ShiftRight<16>(either));
  hn::StoreU(hn::DemoteTo(hn::Rebind<uint16_t, D>(), high), hn::Rebind<uint16_t, D>(), reinterpret_cast<uint16_t*>(p));
}

/// Whether DemoteTo(float16_t) is the hardware's and rounds to nearest even; Highway's emulation truncates.
inline constexpr bool kRoundsHalf =
    HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON;

template <class D>
HWY_INLINE void store(V<D> v, D d, Half* p) {
  if constexpr (kRoundsHalf) {
    const hn::Rebind<hwy::float16_t, D> d16;
    hn::StoreU(hn::DemoteTo(d16, v), d16, reinterpret_cast<hwy::float16_t*>(p));
  } else {  // as from_double<Half> in half.hpp
    const hn::RebindToUnsigned<D> u;
    const hn::RebindToSigned<D> s;
    const auto bits = hn::BitCast(u, v);
    const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 0x8000));
    const auto magnitude = hn::And(bits, hn::Set(u, 0x7FFFFFFF));
    const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(u, 1));
    const auto normal =
        hn::ShiftRight<13>(hn::Sub(hn::Add(hn::Add(magnitude, hn::Set(u, 0xFFF)), odd), hn::Set(u, 0x38000000)));
    const auto shifted = hn::BitCast(u, hn::Add(hn::BitCast(d, magnitude), hn::Set(d, 0.5f)));
    const auto small = hn::Sub(shifted, hn::Set(u, 0x3F000000));
    const auto at = hn::BitCast(s, magnitude);
    auto half = hn::IfThenElse(hn::RebindMask(u, hn::Lt(at, hn::Set(s, 0x38800000))), small, normal);
    half = hn::IfThenElse(hn::RebindMask(u, hn::Gt(at, hn::Set(s, 0x477FFFFF))), hn::Set(u, 0x7C00), half);
    half = hn::IfThenElse(hn::RebindMask(u, hn::Gt(at, hn::Set(s, 0x7F800000))), hn::Set(u, 0x7E00), half);
    hn::StoreU(hn::DemoteTo(hn::Rebind<uint16_t, D>(), hn::BitCast(s, hn::Or(half, sign))), hn::Rebind<uint16_t, D>(),
               reinterpret_cast<uint16_t*>(p));
  }
}

/// The first lanes only, the others `fill`; reads nothing beyond them.
template <class D, class T>
HWY_INLINE V<D> load(D d, const T* p, First first, V<D> fill) {
  const auto valid = hn::FirstN(d, first.lanes);
  if constexpr (std::is_same_v<T, hn::TFromD<D>> && (HWY_MEM_OPS_MIGHT_FAULT == 0 || HWY_TARGET == HWY_AVX2)) {
    return hn::IfThenElse(valid, hn::MaskedLoad(valid, d, p), fill);
  } else {
    HWY_ALIGN T part[64 / sizeof(hn::TFromD<D>)] = {};
    std::memcpy(part, p, HWY_MIN(first.lanes, hn::Lanes(d)) * sizeof(T));
    return hn::IfThenElse(valid, load(d, static_cast<const T*>(part)), fill);
  }
}
template <class D, class T>
HWY_INLINE V<D> load(D d, const T* p, Whole, V<D>) {
  return load(d, p);
}
template <class D, class T, class Lanes>
HWY_INLINE V<D> load(D d, const T* p, Lanes lanes) {
  return load(d, p, lanes, hn::Zero(d));
}

template <class D, class T>
HWY_INLINE void store(V<D> v, D d, T* p, Whole) {
  store(v, d, p);
}
template <class D, class T>
HWY_INLINE void store(V<D> v, D d, T* p, First first) {
  HWY_ALIGN T part[64 / sizeof(hn::TFromD<D>)];
  store(v, d, part);
  std::memcpy(p, part, HWY_MIN(first.lanes, hn::Lanes(d)) * sizeof(T));
}

/// Calls body(i, lanes) for each vector of n elements: Whole ones, then the First few of the last.
template <class D, class Body>
HWY_INLINE void for_each_vector(D d, int64_t n, const Body& body) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + step <= n; i += step) body(i, Whole());
  if (i < n) body(i, First{static_cast<size_t>(n - i)});
}

/// kLanes doubles as vectors of whatever width there is.
inline constexpr int kVectors = kLanes / static_cast<int>(hn::MaxLanes(Wide()));
struct Accumulator {
  V<Wide> of[kVectors];

  HWY_INLINE void load_from(const double* lanes) {
    for (int k = 0; k < kVectors; ++k) of[k] = hn::LoadU(Wide(), lanes + k * static_cast<int>(hn::Lanes(Wide())));
  }
  HWY_INLINE void store_to(double* lanes) const {
    for (int k = 0; k < kVectors; ++k) hn::StoreU(of[k], Wide(), lanes + k * static_cast<int>(hn::Lanes(Wide())));
  }
};

/// Calls body(i, k, lanes) for each vector of doubles of a row, k being the part of an Accumulator that it is added to; the
/// parts that the end of the row does not reach are left alone.
template <class Body>
HWY_INLINE void for_each_lane_vector(int64_t n, const Body& body) {
  const auto step = static_cast<int64_t>(hn::Lanes(Wide()));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    HWY_UNROLL(kVectors)
    for (int k = 0; k < kVectors; ++k) body(i + k * step, k, Whole());
  }
  for (int k = 0; k < kVectors && i < n; ++k, i += step) {
    if (i + step <= n) {
      body(i, k, Whole());
    } else {
      body(i, k, First{static_cast<size_t>(n - i)});
    }
  }
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
