// SPDX-License-Identifier: Apache-2.0
// Measuring: sums about a pivot, in double, which moments_of() turns into count, mean and m2.

#if defined(NORMA_SIMD_MOMENTS_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMA_SIMD_MOMENTS_INL_HPP_
#undef NORMA_SIMD_MOMENTS_INL_HPP_
#else
#define NORMA_SIMD_MOMENTS_INL_HPP_
#endif

#include "simd/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace norma::simd::HWY_NAMESPACE {

/// One run: first += x - pivot, second += (x - pivot)^2.
template <bool kCentered, class T>
HWY_INLINE void measure_run(const T* x, int64_t n, V<Wide> pivot, Accumulator& first, Accumulator& second) {
  for_each_lane_vector(n, [&](int64_t i, int k, auto lanes) HWY_ATTR {
    if constexpr (kCentered) {
      const auto d = hn::Sub(load(Wide(), x + i, lanes, pivot), pivot);
      first.of[k] = hn::Add(first.of[k], d);
      second.of[k] = hn::Add(second.of[k], hn::Mul(d, d));
    } else {
      const auto v = load(Wide(), x + i, lanes);
      second.of[k] = hn::Add(second.of[k], hn::Mul(v, v));
    }
  });
}

template <bool kCentered, class T>
void measure_rows(const MeasureRows& a) noexcept {
  const auto pivot = hn::Set(Wide(), a.pivot);
  Accumulator first, second;
  first.load_from(a.sums->first);
  second.load_from(a.sums->second);
  for (int64_t r = 0; r < a.runs; ++r) {
    measure_run<kCentered>(static_cast<const T*>(a.x) + r * a.run_stride, a.length, pivot, first, second);
  }
  first.store_to(a.sums->first);
  second.store_to(a.sums->second);
}

/// The sums of a strip of columns stay in registers while `rows` rows of it go by.
template <bool kCentered, class T>
void measure_columns(const MeasureColumns& a) noexcept {
  const Wide d;
  for_each_vector(d, a.width, [&](int64_t c, auto lanes) HWY_ATTR {
    const T* x = static_cast<const T*>(a.x) + c;
    const auto pivot = load(d, a.pivot + c, lanes);
    auto first = load(d, a.first + c, lanes), second = load(d, a.second + c, lanes);
    for (int64_t r = 0; r < a.rows; ++r, x += a.row_stride) {
      const auto v = load(d, x, lanes);
      if constexpr (kCentered) {
        const auto delta = hn::Sub(v, pivot);
        first = hn::Add(first, delta);
        second = hn::Add(second, hn::Mul(delta, delta));
      } else {
        second = hn::Add(second, hn::Mul(v, v));
      }
    }
    store(first, d, a.first + c, lanes);
    store(second, d, a.second + c, lanes);
  });
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
