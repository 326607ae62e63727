// SPDX-License-Identifier: Apache-2.0
// Rescaling: y = (x - mean) * rstd * weight + bias.

#if defined(NORMA_SIMD_NORMALIZE_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMA_SIMD_NORMALIZE_INL_HPP_
#undef NORMA_SIMD_NORMALIZE_INL_HPP_
#else
#define NORMA_SIMD_NORMALIZE_INL_HPP_
#endif

#include "simd/lanes-inl.hpp"
#include "simd/moments-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace norma::simd::HWY_NAMESPACE {

/// (x * prescale - high - low): a member's distance from its mean, which is applied as a pair.
template <class D>
struct Centre {
  V<D> prescale, high, low;
  using C = hn::TFromD<D>;
  HWY_INLINE Centre(D d, const Standard& s)
      : prescale(hn::Set(d, static_cast<C>(s.prescale))), high(hn::Set(d, static_cast<C>(s.high))),
        low(hn::Set(d, static_cast<C>(s.low))) {}
  HWY_INLINE V<D> distance(V<D> x) const { return hn::Sub(hn::Sub(hn::Mul(x, prescale), high), low); }
};

/// One run whose weight and bias are one number each: y = distance(x) * scale + shift.
template <class T>
HWY_INLINE void apply_run(const T* x, T* y, int64_t n, const Standard& s, Compute<T> weight, Compute<T> bias) {
  const ComputeTag<T> d;
  const Centre<ComputeTag<T>> centre(d, s);
  const auto scale = hn::Set(d, static_cast<Compute<T>>(s.rstd * static_cast<double>(weight))), shift = hn::Set(d, bias);
  for_each_vector(d, n, [&](int64_t i, auto lanes) HWY_ATTR {
    store(hn::Add(hn::Mul(centre.distance(load(d, x + i, lanes)), scale), shift), d, y + i, lanes);
  });
}

/// One run with a weight and a bias for each element: y = distance(x) * rstd * weight + bias; either may be null.
template <class T>
HWY_INLINE void apply_run(const T* x, T* y, int64_t n, const Standard& s, const Compute<T>* weight, const Compute<T>* bias) {
  const ComputeTag<T> d;
  const Centre<ComputeTag<T>> centre(d, s);
  const auto rstd = hn::Set(d, static_cast<Compute<T>>(s.rstd));
  const auto each = [&](auto has_weight, auto has_bias) HWY_ATTR {
    for_each_vector(d, n, [&](int64_t i, auto lanes) HWY_ATTR {
      auto v = hn::Mul(centre.distance(load(d, x + i, lanes)), rstd);
      if constexpr (has_weight.value) v = hn::Mul(v, load(d, weight + i, lanes));
      if constexpr (has_bias.value) v = hn::Add(v, load(d, bias + i, lanes));
      store(v, d, y + i, lanes);
    });
  };
  if (weight && bias) return each(std::true_type(), std::true_type());
  if (weight) return each(std::true_type(), std::false_type());
  if (bias) return each(std::false_type(), std::true_type());
  each(std::false_type(), std::false_type());
}

template <class T>
void apply_rows(const ApplyRows& a) noexcept {
  const auto *weight = static_cast<const Compute<T>*>(a.weight), *bias = static_cast<const Compute<T>*>(a.bias);
  for (int64_t r = 0; r < a.runs; ++r) {
    const T* x = static_cast<const T*>(a.x) + r * a.x_run;
    T* y = static_cast<T*>(a.y) + r * a.y_run;
    const int64_t p = r * a.param_run;
    if (a.param_element) {
      apply_run(x, y, a.length, a.standard, weight ? weight + p : nullptr, bias ? bias + p : nullptr);
    } else {
      apply_run(x, y, a.length, a.standard, weight ? weight[p] : Compute<T>(1), bias ? bias[p] : Compute<T>(0));
    }
  }
}

/// A column's constants stay in registers while `rows` rows go by.
template <class T>
void apply_columns(const ApplyColumns& a) noexcept {
  using C = Compute<T>;
  const ComputeTag<T> d;
  const auto *prescale = static_cast<const C*>(a.prescale), *high = static_cast<const C*>(a.high),
             *low = static_cast<const C*>(a.low), *scale = static_cast<const C*>(a.scale),
             *shift = static_cast<const C*>(a.shift), *row_weight = static_cast<const C*>(a.row_weight),
             *row_bias = static_cast<const C*>(a.row_bias);
  const bool by_row = row_weight || row_bias;
  for_each_vector(d, a.width, [&](int64_t c, auto lanes) HWY_ATTR {
    const auto s = load(d, prescale + c, lanes), h = load(d, high + c, lanes), l = load(d, low + c, lanes),
               m = load(d, scale + c, lanes), b = load(d, shift + c, lanes);
    const T* x = static_cast<const T*>(a.x) + c;
    T* y = static_cast<T*>(a.y) + c;
    for (int64_t r = 0; r < a.rows; ++r, x += a.x_row, y += a.y_row) {
      auto v = hn::Mul(hn::Sub(hn::Sub(hn::Mul(load(d, x, lanes), s), h), l), m);
      if (by_row) {
        if (row_weight) v = hn::Mul(v, hn::Set(d, row_weight[r * a.row_param]));
        if (row_bias) v = hn::Add(v, hn::Set(d, row_bias[r * a.row_param]));
      } else {
        v = hn::Add(v, b);
      }
      store(v, d, y, lanes);
    }
  });
}

template <bool kCentered, class T>
HWY_INLINE Moments measure_one(const T* x, int64_t n) {
  const auto pivot = hn::Set(Wide(), kCentered ? hn::GetLane(load(hn::CappedTag<double, 1>(), x)) : 0.0);
  LaneSums sums;
  Accumulator first, second;
  first.load_from(sums.first);
  second.load_from(sums.second);
  measure_run<kCentered>(x, n, pivot, first, second);
  first.store_to(sums.first);
  second.store_to(sums.second);
  return moments_of(n, hn::GetLane(pivot), sum_of(sums.first), sum_of(sums.second));
}

template <class T>
void normalize_rows(const NormalizeRows& a) noexcept {
  const auto *weight = static_cast<const Compute<T>*>(a.weight), *bias = static_cast<const Compute<T>*>(a.bias);
  for (int64_t o = 0; o < a.count; ++o) {
    const T* x = static_cast<const T*>(a.x) + o * a.x_step;
    const Moments m = a.centered ? measure_one<true>(x, a.length) : measure_one<false>(x, a.length);
    if (a.saved) a.saved[o] = m;
    apply_run(x, static_cast<T*>(a.y) + o * a.y_step, a.length, standard_of(m, a.eps, std::is_same_v<T, double>), weight,
              bias);
  }
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
