// SPDX-License-Identifier: Apache-2.0
// The gradients: two sums over each distribution, then one pass that writes dx and adds up dweight and dbias.

#if defined(NORMA_SIMD_BACKWARD_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMA_SIMD_BACKWARD_INL_HPP_
#undef NORMA_SIMD_BACKWARD_INL_HPP_
#else
#define NORMA_SIMD_BACKWARD_INL_HPP_
#endif

#include "simd/lanes-inl.hpp"
#include "simd/normalize-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace norma::simd::HWY_NAMESPACE {

/// first += g, second += g * distance(x), in double.
template <class T>
void grad_sums_rows(const GradSumsRows& a) noexcept {
  const auto* weight = static_cast<const Compute<T>*>(a.weight);
  const Centre<Wide> centre(Wide(), a.standard);
  Accumulator first, second;
  first.load_from(a.sums->first);
  second.load_from(a.sums->second);
  for (int64_t r = 0; r < a.runs; ++r) {
    const T *x = static_cast<const T*>(a.x) + r * a.x_run, *dy = static_cast<const T*>(a.dy) + r * a.dy_run;
    const Compute<T>* w = weight ? weight + r * a.param_run : nullptr;
    for_each_lane_vector(a.length, [&](int64_t i, int k, auto lanes) HWY_ATTR {
      auto g = load(Wide(), dy + i, lanes);
      if (w) g = hn::Mul(g, load(Wide(), w + i, lanes));
      first.of[k] = hn::Add(first.of[k], g);
      // A lane beyond the row's end has g = 0, but must not meet an infinite distance.
      const auto distance = centre.distance(load(Wide(), x + i, lanes, centre.high));
      second.of[k] = hn::Add(second.of[k], hn::Mul(g, distance));
    });
  }
  first.store_to(a.sums->first);
  second.store_to(a.sums->second);
}

template <class T>
void grad_sums_columns(const GradSumsColumns& a) noexcept {
  const Wide d;
  for_each_vector(d, a.width, [&](int64_t c, auto lanes) HWY_ATTR {
    const auto s = load(d, a.prescale + c, lanes), h = load(d, a.high + c, lanes), l = load(d, a.low + c, lanes);
    auto first = load(d, a.first + c, lanes), second = load(d, a.second + c, lanes);
    const T *x = static_cast<const T*>(a.x) + c, *dy = static_cast<const T*>(a.dy) + c;
    for (int64_t r = 0; r < a.rows; ++r, x += a.x_row, dy += a.dy_row) {
      const auto g = load(d, dy, lanes), distance = hn::Sub(hn::Sub(hn::Mul(load(d, x, lanes), s), h), l);
      first = hn::Add(first, g);
      second = hn::Add(second, hn::Mul(g, distance));
    }
    store(first, d, a.first + c, lanes);
    store(second, d, a.second + c, lanes);
  });
}

/// sum[i…] += v, in double, for a vector of the compute type.
template <class D>
HWY_INLINE void accumulate(V<D> v, D d, double* sum, Whole) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    hn::StoreU(hn::Add(hn::LoadU(d, sum), v), d, sum);
  } else {
#if HWY_TARGET == HWY_SCALAR
    *sum += static_cast<double>(hn::GetLane(v));
#else
    const hn::Half<D> half;
    const hn::Rebind<double, hn::Half<D>> wide;
    double* upper = sum + hn::Lanes(half);
    hn::StoreU(hn::Add(hn::LoadU(wide, sum), hn::PromoteTo(wide, hn::LowerHalf(half, v))), wide, sum);
    hn::StoreU(hn::Add(hn::LoadU(wide, upper), hn::PromoteTo(wide, hn::UpperHalf(half, v))), wide, upper);
#endif
  }
}
template <class D>
HWY_INLINE void accumulate(V<D> v, D d, double* sum, First first) {
  HWY_ALIGN hn::TFromD<D> lanes[64 / sizeof(hn::TFromD<D>)] = {};
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < first.lanes; ++i) sum[i] += static_cast<double>(lanes[i]);
}

template <class T>
HWY_INLINE void grad_run(const GradRows& a, const T* x, const T* dy, T* dx, int64_t param) {
  using C = Compute<T>;
  const ComputeTag<T> d;
  const Centre<ComputeTag<T>> centre(d, a.standard);
  const auto set = [&](double v) HWY_ATTR { return hn::Set(d, static_cast<C>(v)); };
  const auto rstd = set(a.standard.rstd), out = set(a.standard.rstd * a.standard.prescale), mean_g = set(a.mean_g),
             mean_gx = set(a.mean_gx);
  const C* weight = a.weight ? static_cast<const C*>(a.weight) + param : nullptr;
  const auto one_weight = hn::Set(d, weight && !a.param_element ? *weight : C(1));
  for_each_vector(d, a.length, [&](int64_t i, auto lanes) HWY_ATTR {
    const auto grad = load(d, dy + i, lanes), xhat = hn::Mul(centre.distance(load(d, x + i, lanes)), rstd);
    if (a.dweight) accumulate(hn::Mul(grad, xhat), d, a.dweight + param + i, lanes);
    if (a.dbias) accumulate(grad, d, a.dbias + param + i, lanes);
    if (dx == nullptr) return;
    auto g = hn::Mul(grad, weight && a.param_element ? load(d, weight + i, lanes) : one_weight);
    if (!a.constant_statistics) g = hn::Sub(hn::Sub(g, mean_g), hn::Mul(xhat, mean_gx));
    store(hn::Mul(g, out), d, dx + i, lanes);
  });
}

template <class T>
void grad_rows(const GradRows& a) noexcept {
  for (int64_t r = 0; r < a.runs; ++r) {
    grad_run(a, static_cast<const T*>(a.x) + r * a.x_run, static_cast<const T*>(a.dy) + r * a.dy_run,
             a.dx ? static_cast<T*>(a.dx) + r * a.dx_run : nullptr, r * a.param_run);
  }
}

template <class T>
void grad_columns(const GradColumns& a) noexcept {
  using C = Compute<T>;
  const ComputeTag<T> d;
  const auto *prescale = static_cast<const C*>(a.prescale), *high = static_cast<const C*>(a.high),
             *low = static_cast<const C*>(a.low), *by_dy = static_cast<const C*>(a.by_dy),
             *by_one = static_cast<const C*>(a.by_one), *by_x = static_cast<const C*>(a.by_x);
  for_each_vector(d, a.width, [&](int64_t c, auto lanes) HWY_ATTR {
    const auto s = load(d, prescale + c, lanes), h = load(d, high + c, lanes), l = load(d, low + c, lanes),
               kdy = load(d, by_dy + c, lanes);
    const auto k1 = by_x ? load(d, by_one + c, lanes) : hn::Zero(d), kx = by_x ? load(d, by_x + c, lanes) : hn::Zero(d);
    const T *x = static_cast<const T*>(a.x) + c, *dy = static_cast<const T*>(a.dy) + c;
    T* dx = static_cast<T*>(a.dx) + c;
    for (int64_t r = 0; r < a.rows; ++r, x += a.x_row, dy += a.dy_row, dx += a.dx_row) {
      auto g = hn::Mul(load(d, dy, lanes), kdy);
      if (by_x) {
        const auto distance = hn::Sub(hn::Sub(hn::Mul(load(d, x, lanes), s), h), l);
        g = hn::Sub(hn::Sub(g, k1), hn::Mul(distance, kx));
      }
      store(g, d, dx, lanes);
    }
  });
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
