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
HWY_INLINE void measure_run(const T* x, int64_t n, const Ahead<T>& ahead, V<Wide> pivot, Accumulator& first,
                            Accumulator& second) {
  const auto ask = [&](int64_t i) NORMA_INLINE { ahead.ask(x, i); };
  for_each_lane_vector(Wide(), n, ask, [&](int64_t i, int k, auto lanes) NORMA_INLINE {
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
  const Ahead<T> ahead(a.length, a.run_stride);
  Accumulator first, second;
  first.load_from(a.sums->first);
  second.load_from(a.sums->second);
  for (int64_t r = 0; r < a.runs; ++r) {
    measure_run<kCentered>(static_cast<const T*>(a.x) + r * a.run_stride, a.length, ahead, pivot, first, second);
  }
  first.store_to(a.sums->first);
  second.store_to(a.sums->second);
}

/// The sums of a strip of columns stay in registers while `rows` rows of it go by.
template <bool kCentered, class T>
void measure_columns(const MeasureColumns& args) noexcept {
  const MeasureColumns a = args;
  const Wide d;
  for_each_strip(d, a.width, [&](int64_t c, auto strip, auto lanes) NORMA_INLINE {
    constexpr int kStrip = strip.value;
    const auto step = static_cast<int64_t>(hn::Lanes(d));
    V<Wide> pivot[kStrip], first[kStrip], second[kStrip];
    HWY_UNROLL(8)
    for (int k = 0; k < kStrip; ++k) {
      pivot[k] = load(d, a.pivot + c + k * step, lanes);
      first[k] = load(d, a.first + c + k * step, lanes);
      second[k] = load(d, a.second + c + k * step, lanes);
    }
    const T* x = static_cast<const T*>(a.x) + c;
    for (int64_t r = 0; r < a.rows; ++r, x += a.row_stride) {
      HWY_UNROLL(8)
      for (int k = 0; k < kStrip; ++k) {
        ask_next_rows(d, x + k * step, a.rows, a.row_stride, k);
        const auto v = load(d, x + k * step, lanes);
        if constexpr (kCentered) {
          const auto delta = hn::Sub(v, pivot[k]);
          first[k] = hn::Add(first[k], delta);
          second[k] = hn::Add(second[k], hn::Mul(delta, delta));
        } else {
          second[k] = hn::Add(second[k], hn::Mul(v, v));
        }
      }
    }
    HWY_UNROLL(8)
    for (int k = 0; k < kStrip; ++k) {
      store(first[k], d, a.first + c + k * step, lanes);
      store(second[k], d, a.second + c + k * step, lanes);
    }
  });
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
