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

/// x * prescale - high - low: a member's distance from its mean, which is applied as a pair. Multiplying by 1 changes no bit,
/// and is left out.
template <class D>
struct Centre {
  V<D> prescale, high, low;
  using C = hn::TFromD<D>;
  HWY_INLINE Centre() = default;
  HWY_INLINE Centre(D d, const Standard& s)
      : prescale(hn::Set(d, static_cast<C>(s.prescale))),
        high(hn::Set(d, static_cast<C>(s.high))),
        low(hn::Set(d, static_cast<C>(s.low))) {}
  template <bool kPrescaled>
  HWY_INLINE V<D> distance(V<D> x) const {
    if constexpr (kPrescaled) x = hn::Mul(x, prescale);
    return hn::Sub(hn::Sub(x, high), low);
  }
};

/// body(true_type or false_type): what is decided once for a row is no branch within it.
template <class Body>
HWY_INLINE void decide(bool flag, const Body& body) {
  if (flag) {
    body(std::true_type());
  } else {
    body(std::false_type());
  }
}

/// One run whose weight and bias are one number each: y = distance(x) * scale + shift.
template <class T>
HWY_INLINE void apply_run(const T* x, T* y, int64_t n, bool stream, const Standard& s, Compute<T> weight, Compute<T> bias) {
  const ComputeTag<T> d;
  const Centre<ComputeTag<T>> centre(d, s);
  const auto scale = hn::Set(d, static_cast<Compute<T>>(s.rstd * static_cast<double>(weight))), shift = hn::Set(d, bias);
  decide(s.prescale != 1, [&](auto prescaled) NORMA_INLINE {
    for_each_vector_to(d, y, n, stream, [&](int64_t i, auto lanes) NORMA_INLINE {
      const auto distance = centre.template distance<prescaled.value>(load(d, x + i, lanes));
      store(hn::Add(hn::Mul(distance, scale), shift), d, y + i, lanes);
    });
  });
}

/// One run with a weight and a bias for each element: y = distance(x) * rstd * weight + bias; either may be null.
template <class T>
HWY_INLINE void apply_run(const T* x, T* y, int64_t n, bool stream, const Standard& s, const Compute<T>* weight,
                          const Compute<T>* bias) {
  const ComputeTag<T> d;
  const Centre<ComputeTag<T>> centre(d, s);
  const auto rstd = hn::Set(d, static_cast<Compute<T>>(s.rstd));
  const auto each = [&](auto prescaled, auto has_weight, auto has_bias) NORMA_INLINE {
    for_each_vector_to(d, y, n, stream, [&](int64_t i, auto lanes) NORMA_INLINE {
      auto v = hn::Mul(centre.template distance<prescaled.value>(load(d, x + i, lanes)), rstd);
      if constexpr (has_weight.value) v = hn::Mul(v, load(d, weight + i, lanes));
      if constexpr (has_bias.value) v = hn::Add(v, load(d, bias + i, lanes));
      store(v, d, y + i, lanes);
    });
  };
  decide(s.prescale != 1, [&](auto prescaled) NORMA_INLINE {
    if (weight && bias) return each(prescaled, std::true_type(), std::true_type());
    if (weight) return each(prescaled, std::true_type(), std::false_type());
    if (bias) return each(prescaled, std::false_type(), std::true_type());
    each(prescaled, std::false_type(), std::false_type());
  });
}

template <class T>
void apply_rows(const ApplyRows& args) noexcept {
  const ApplyRows a = args;
  const auto *weight = static_cast<const Compute<T>*>(a.weight), *bias = static_cast<const Compute<T>*>(a.bias);
  for (int64_t r = 0; r < a.runs; ++r) {
    const T* x = static_cast<const T*>(a.x) + r * a.x_run;
    T* y = static_cast<T*>(a.y) + r * a.y_run;
    const int64_t p = r * a.param_run;
    if (a.param_element) {
      apply_run(x, y, a.length, a.stream, a.standard, weight ? weight + p : nullptr, bias ? bias + p : nullptr);
    } else {
      apply_run(x, y, a.length, a.stream, a.standard, weight ? weight[p] : Compute<T>(1), bias ? bias[p] : Compute<T>(0));
    }
  }
}

/// The constants of a strip of columns stay in registers while `rows` rows of it go by.
template <class T>
void apply_columns(const ApplyColumns& args) noexcept {
  using C = Compute<T>;
  const ApplyColumns a = args;
  const ComputeTag<T> d;
  const auto at = [](const void* base, int64_t i) { return static_cast<const C*>(base) + i; };
  const auto each = [&](auto prescaled, auto by_row, auto stream) NORMA_INLINE {
    for_each_strip(d, a.width, [&](int64_t c, auto strip, auto lanes) NORMA_INLINE {
      const auto stored = stored_as(lanes, stream);
      constexpr int kStrip = strip.value;
      const auto step = static_cast<int64_t>(hn::Lanes(d));
      Centre<ComputeTag<T>> centre[kStrip];
      V<ComputeTag<T>> scale[kStrip], shift[kStrip];
      HWY_UNROLL(8)
      for (int k = 0; k < kStrip; ++k) {
        const int64_t i = c + k * step;
        if constexpr (prescaled.value) centre[k].prescale = load(d, at(a.prescale, i), lanes);
        centre[k].high = load(d, at(a.high, i), lanes);
        centre[k].low = load(d, at(a.low, i), lanes);
        scale[k] = load(d, at(a.scale, i), lanes);
        shift[k] = load(d, at(a.shift, i), lanes);
      }
      const T* x = static_cast<const T*>(a.x) + c;
      T* y = static_cast<T*>(a.y) + c;
      for (int64_t r = 0; r < a.rows; ++r, x += a.x_row, y += a.y_row) {
        HWY_UNROLL(8)
        for (int k = 0; k < kStrip; ++k) {
          ask_next_rows(d, x + k * step, a.rows, a.x_row, k);
          auto v = hn::Mul(centre[k].template distance<prescaled.value>(load(d, x + k * step, lanes)), scale[k]);
          if constexpr (by_row.value) {
            if (a.row_weight) v = hn::Mul(v, hn::Set(d, *at(a.row_weight, r * a.row_param)));
            if (a.row_bias) v = hn::Add(v, hn::Set(d, *at(a.row_bias, r * a.row_param)));
          } else {
            v = hn::Add(v, shift[k]);
          }
          store(v, d, y + k * step, stored);
        }
      }
    });
  };
  decide(a.prescale != nullptr, [&](auto prescaled) NORMA_INLINE {
    decide(a.row_weight || a.row_bias, [&](auto by_row) NORMA_INLINE {
      decide(a.stream && in_step<T>(d, a.y, a.y_row), [&](auto stream) NORMA_INLINE { each(prescaled, by_row, stream); });
    });
  });
}

template <bool kCentered, class T>
HWY_INLINE Moments measure_one(const T* x, int64_t n, const Ahead<T>& ahead) {
  const double pivot = kCentered ? hn::GetLane(load(hn::CappedTag<double, 1>(), x)) : 0.0;
  Accumulator first, second;
  for (int k = 0; k < kVectors; ++k) first.of[k] = second.of[k] = hn::Zero(Wide());
  measure_run<kCentered>(x, n, ahead, hn::Set(Wide(), pivot), first, second);
  return kCentered ? moments_of(n, pivot, first.sum(), second.sum()) : Moments{n, 0, 0, second.sum()};
}

template <class T>
void normalize_rows(const NormalizeRows& args) noexcept {
  const NormalizeRows a = args;
  const auto *weight = static_cast<const Compute<T>*>(a.weight), *bias = static_cast<const Compute<T>*>(a.bias);
  const Ahead<T> ahead(a.length, a.x_step);
  for (int64_t o = 0; o < a.count; ++o) {
    const T* x = static_cast<const T*>(a.x) + o * a.x_step;
    const Moments m = a.centered ? measure_one<true>(x, a.length, ahead) : measure_one<false>(x, a.length, ahead);
    if (a.saved) a.saved[o] = m;
    apply_run(x, static_cast<T*>(a.y) + o * a.y_step, a.length, a.stream, standard_of(m, a.eps, std::is_same_v<T, double>),
              weight, bias);
  }
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
