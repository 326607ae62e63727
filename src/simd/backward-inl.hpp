// SPDX-License-Identifier: Apache-2.0
// The gradients: two sums over each distribution, then one pass that writes dx and adds up dweight and dbias.

#if defined(NORMA_SIMD_BACKWARD_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMA_SIMD_BACKWARD_INL_HPP_
#undef NORMA_SIMD_BACKWARD_INL_HPP_
#else
#define NORMA_SIMD_BACKWARD_INL_HPP_
#endif

#include <algorithm>

#include "simd/lanes-inl.hpp"
#include "simd/normalize-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace norma::simd::HWY_NAMESPACE {

/// dy where it counts: everywhere, or where y, if there is one, is above zero.
template <class D, class T, class Lanes>
HWY_INLINE V<D> counted(D d, const T* dy, const T* y, int64_t i, Lanes lanes) {
  const auto g = load(d, dy + i, lanes);
  return y ? hn::IfThenElseZero(hn::Gt(load(d, y + i, lanes), hn::Zero(d)), g) : g;
}

/// sum(g) and sum(g * xhat) of one distribution, in double; g and xhat are rounded to the compute type first, as dx has them. Out of
/// line: seldom taken but for f64.
template <class T>
HWY_NOINLINE Sums grad_sums_wide(const GradSumsRows& a, const GradRow& row) {
  using D = ComputeTag<T>;
  const D d;
  const auto* weight = static_cast<const Compute<T>*>(a.weight);
  const Centre<D> centre(d, row.standard);
  const auto rstd = hn::Set(d, static_cast<Compute<T>>(row.standard.rstd));
  const Ahead<T> ahead_x(a.length, a.x_run, a.runs), ahead_dy(a.length, a.dy_run, a.runs);
  Accumulator first, second;
  first.clear();
  second.clear();
  for (int64_t r = 0; r < a.runs; ++r) {
    const T *x = static_cast<const T*>(row.x) + r * a.x_run, *dy = static_cast<const T*>(row.dy) + r * a.dy_run;
    const T* y = row.y ? static_cast<const T*>(row.y) + r * a.dy_run : nullptr;
    const Compute<T>* w = weight ? weight + r * a.param_run : nullptr;
    const auto ask = [&](int64_t i) NORMA_INLINE {
      ahead_x.ask(x, i);
      ahead_dy.ask(dy, i);
    };
    for_each_lane_vector(d, a.length, ask, [&](int64_t i, int k, auto lanes) NORMA_INLINE {
      auto g = counted(d, dy, y, i, lanes);
      if (w) g = hn::Mul(g, load(d, w + i, lanes));
      const auto xhat = hn::Mul(centre.template distance<Mean::prescaled>(load(d, x + i, lanes)), rstd);
      const auto add = [&](auto part) NORMA_INLINE {
        const int at = k * kParts<D> + part.value;
        const auto wide_g = widened<part.value>(d, g);
        first.of[at] = hn::Add(first.of[at], wide_g);
        second.of[at] = hn::Add(second.of[at], hn::Mul(wide_g, widened<part.value>(d, xhat)));
      };
      add(std::integral_constant<int, 0>());
      if constexpr (kParts<D> == 2) add(std::integral_constant<int, 1>());
    });
  }
  return {first.sum(), second.sum()};
}

/// The same by short sums in float, as if prescale were 1 and low 0.
template <bool kWeighted, bool kMasked, class T>
HWY_INLINE Sums grad_sums_short(const GradSumsRows& a, const GradRow& row, const Ahead<T>& ahead_x, const Ahead<T>& ahead_dy) {
  const Narrow d;
  const auto* weight = static_cast<const float*>(a.weight);
  const auto high = hn::Set(d, static_cast<float>(row.standard.high)), rstd = hn::Set(d, static_cast<float>(row.standard.rstd));
  const auto x = [&](int64_t r) NORMA_INLINE { return static_cast<const T*>(row.x) + r * a.x_run; };
  const auto dy = [&](int64_t r) NORMA_INLINE { return static_cast<const T*>(row.dy) + r * a.dy_run; };
  Accumulator first, second;
  ShortSum sum, products;
  first.clear();
  second.clear();
  sum.clear();
  products.clear();
  for_each_short_step(
      a.runs, a.length,
      [&](int64_t r, int64_t i) NORMA_INLINE {
        ahead_x.template ask<kShortLanes>(x(r), i);
        ahead_dy.template ask<kShortLanes>(dy(r), i);
      },
      [&](int64_t r, int64_t i, int k, auto lanes) NORMA_INLINE {
        const T* y = kMasked ? static_cast<const T*>(row.y) + r * a.dy_run : nullptr;
        auto g = counted(d, dy(r), y, i, lanes);
        if constexpr (kWeighted) g = hn::Mul(g, load(d, weight + r * a.param_run + i, lanes));
        const auto xhat = hn::Mul(hn::Sub(load(d, x(r) + i, lanes), high), rstd);
        sum.of[k] = hn::Add(sum.of[k], g);
        products.of[k] = hn::Add(products.of[k], hn::Mul(g, xhat));
      },
      [&]() NORMA_INLINE {
        sum.move_to(first);
        products.move_to(second);
      });
  return {first.sum(), second.sum()};
}

template <class T>
void grad_sums_rows(const GradSumsRows& args) noexcept {
  const GradSumsRows a = args;
  if constexpr (std::is_same_v<T, double>) {
    for (int64_t k = 0; k < a.count; ++k) a.sums[k] = grad_sums_wide<T>(a, a.rows[k]);
  } else {
    const Ahead<T> ahead_x(a.length, a.x_run, a.runs), ahead_dy(a.length, a.dy_run, a.runs);
    const auto each = [&](auto weighted, auto masked) NORMA_INLINE {
      for (int64_t k = 0; k < a.count; ++k) {
        const GradRow& row = a.rows[k];
        const Standard& s = row.standard;
        Sums sums = grad_sums_short<weighted.value, masked.value, T>(a, row, ahead_x, ahead_dy);
        // What x holds must not change what is known of dy alone: each sum by itself.
        const bool good = std::isfinite(sums.first);
        sums.second -= s.low * s.rstd * (good ? sums.first : 0);
        if (!good || s.prescale != 1 || !std::isfinite(sums.second)) [[unlikely]] {
          const Sums wide = grad_sums_wide<T>(a, row);
          sums = {good ? sums.first : wide.first, wide.second};
        }
        a.sums[k] = sums;
      }
    };
    decide(a.weight != nullptr, [&](auto weighted) NORMA_INLINE {
      decide(a.count > 0 && a.rows[0].y, [&](auto masked) NORMA_INLINE { each(weighted, masked); });
    });
  }
}

template <class T>
void grad_sums_columns_wide(const GradSumsColumns& args) noexcept {
  const GradSumsColumns a = args;
  const Wide d;
  const auto at = [](const void* base, int64_t i) { return static_cast<const double*>(base) + i; };
  for_each_strip(d, a.width, [&](int64_t c, auto strip, auto lanes) NORMA_INLINE {
    constexpr int kStrip = strip.value;
    const auto step = static_cast<int64_t>(hn::Lanes(d));
    Centre<Wide> centre[kStrip];
    V<Wide> rstd[kStrip], first[kStrip], second[kStrip];
    HWY_UNROLL(8)
    for (int k = 0; k < kStrip; ++k) {
      const int64_t i = c + k * step;
      centre[k].prescale = load(d, at(a.prescale, i), lanes);
      centre[k].high = load(d, at(a.high, i), lanes);
      centre[k].low = load(d, at(a.low, i), lanes);
      rstd[k] = load(d, at(a.rstd, i), lanes);
      first[k] = load(d, a.first + i, lanes);
      second[k] = load(d, a.second + i, lanes);
    }
    const T *x = static_cast<const T*>(a.x) + c, *dy = static_cast<const T*>(a.dy) + c;
    const T* y = a.y ? static_cast<const T*>(a.y) + c : nullptr;
    for (int64_t r = 0; r < a.rows; ++r) {
      HWY_UNROLL(8)
      for (int k = 0; k < kStrip; ++k) {
        const auto g = counted(d, dy, y, r * a.dy_row + k * step, lanes);
        const auto distance = centre[k].template distance<Mean::prescaled>(load(d, x + r * a.x_row + k * step, lanes));
        first[k] = hn::Add(first[k], g);
        second[k] = hn::Add(second[k], hn::Mul(g, hn::Mul(distance, rstd[k])));
      }
    }
    HWY_UNROLL(8)
    for (int k = 0; k < kStrip; ++k) {
      store(first[k], d, a.first + c + k * step, lanes);
      store(second[k], d, a.second + c + k * step, lanes);
    }
  });
}

/// The same by sums in float of kShortSteps rows, narrow and wide ones as in measure_columns().
template <bool kMasked, class T>
HWY_INLINE void grad_sums_narrow_columns(const GradSumsColumns& a) {
  const Narrow d;
  for_each_strip<kNarrowStrip>(d, a.width, [&](int64_t c, auto strip, auto lanes) NORMA_INLINE {
    constexpr int kStrip = strip.value;
    const auto step = static_cast<int64_t>(hn::Lanes(d));
    V<Narrow> high[kStrip], rstd[kStrip];
    HWY_UNROLL(4)
    for (int k = 0; k < kStrip; ++k) {
      high[k] = load(d, static_cast<const float*>(a.high) + c + k * step, lanes);
      rstd[k] = load(d, static_cast<const float*>(a.rstd) + c + k * step, lanes);
    }
    const T *x = static_cast<const T*>(a.x) + c, *dy = static_cast<const T*>(a.dy) + c;
    const T* y = kMasked ? static_cast<const T*>(a.y) + c : nullptr;
    for (int64_t block = 0; block < a.rows; block += kShortSteps) {
      V<Narrow> first[kStrip], second[kStrip];
      HWY_UNROLL(4)
      for (int k = 0; k < kStrip; ++k) first[k] = second[k] = hn::Zero(d);
      for (int64_t r = block; r < HWY_MIN(a.rows, block + kShortSteps); ++r) {
        ask_below<kStrip>(d, x + r * a.x_row, a.rows * a.x_row);
        ask_below<kStrip>(d, dy + r * a.dy_row, a.rows * a.dy_row);
        HWY_UNROLL(4)
        for (int k = 0; k < kStrip; ++k) {
          const auto g = counted(d, dy, y, r * a.dy_row + k * step, lanes);
          const auto xhat = hn::Mul(hn::Sub(load(d, x + r * a.x_row + k * step, lanes), high[k]), rstd[k]);
          first[k] = hn::Add(first[k], g);
          second[k] = hn::Add(second[k], hn::Mul(g, xhat));
        }
      }
      HWY_UNROLL(4)
      for (int k = 0; k < kStrip; ++k) {
        add_widened(first[k], d, a.first + c + k * step, lanes);
        add_widened(second[k], d, a.second + c + k * step, lanes);
      }
    }
  });
}

template <class T>
void grad_sums_columns(const GradSumsColumns& args) noexcept {
  if constexpr (std::is_same_v<T, double>) {
    grad_sums_columns_wide<T>(args);
  } else {
    const GradSumsColumns a = args;
    const Narrow d;
    const auto at = [](const void* base, int64_t i) { return static_cast<const float*>(base) + i; };
    const auto each = [&](auto masked) NORMA_INLINE {
      if (a.cached && narrow<T>(a.x_row) && narrow<T>(a.dy_row)) return grad_sums_narrow_columns<masked.value, T>(a);
      PieceSums<float> first, second;
      for (int64_t begin = 0; begin < a.width; begin += kPiece) {
        const int64_t n = HWY_MIN(kPiece, a.width - begin);
        first.clear(n);
        second.clear(n);
        for (int64_t block = 0; block < a.rows; block += kShortSteps) {
          for (int64_t r = block; r < HWY_MIN(a.rows, block + kShortSteps); ++r) {
            const T* x = static_cast<const T*>(a.x) + r * a.x_row + begin;
            const T* dy = static_cast<const T*>(a.dy) + r * a.dy_row + begin;
            const T* y = masked.value ? static_cast<const T*>(a.y) + r * a.dy_row + begin : nullptr;
            for_each_vector_to(d, x, n, false, [&](int64_t i, auto lanes) NORMA_INLINE {
              ask_ahead(x + i);
              ask_ahead(dy + i);
              const auto g = counted(d, dy, y, i, lanes);
              const auto centred = hn::Sub(load(d, x + i, lanes), load(d, at(a.high, begin + i), lanes));
              const auto xhat = hn::Mul(centred, load(d, at(a.rstd, begin + i), lanes));
              first.add(i, g);
              second.add(i, hn::Mul(g, xhat));
            });
          }
          first.move_to(a.first + begin, n);
          second.move_to(a.second + begin, n);
        }
      }
    };
    decide(a.y != nullptr, each);
  }
}

/// What GradRow holds, in the compute type:
///
///     dx = (g - mean_g - xhat * mean_gx) * rstd = g * rstd - by_one - xhat * by_xhat
template <class C>
struct GradNumbers {
  C prescale, high, low, rstd, out, by_one, by_xhat;
  HWY_INLINE GradNumbers() = default;
  HWY_INLINE explicit GradNumbers(const GradRow& a) {
    const Standard& s = a.standard;
    const double by = s.rstd * s.prescale;
    prescale = static_cast<C>(s.prescale);
    high = static_cast<C>(s.high);
    low = static_cast<C>(s.low);
    rstd = static_cast<C>(s.rstd);
    out = static_cast<C>(by);
    by_one = static_cast<C>(a.mean_g * by);
    by_xhat = static_cast<C>(a.mean_gx * by);
  }
};
template <class D>
struct Grad {
  Centre<D> centre;
  V<D> rstd, out, by_one, by_xhat;
  HWY_INLINE Grad(D d, const GradNumbers<hn::TFromD<D>>& n)
      : rstd(hn::Set(d, n.rstd)), out(hn::Set(d, n.out)), by_one(hn::Set(d, n.by_one)), by_xhat(hn::Set(d, n.by_xhat)) {
    centre.prescale = hn::Set(d, n.prescale);
    centre.high = hn::Set(d, n.high);
    centre.low = hn::Set(d, n.low);
  }
  template <bool kConstant>
  HWY_INLINE V<D> dx(V<D> g, V<D> xhat) const {
    g = hn::Mul(g, out);
    if constexpr (!kConstant) g = hn::Sub(hn::Sub(g, by_one), hn::Mul(xhat, by_xhat));
    return g;
  }
};

/// any: as in apply_run().
template <class T>
void grad_rows(const GradRows& args) noexcept {
  using C = Compute<T>;
  using D = ComputeTag<T>;
  const D d;
  const GradRows a = args;
  GradNumbers<C> numbers[kMostRows];
  C weights[kMostRows];
  bool rare = false;
  for (int64_t k = 0; k < a.count; ++k) {
    const GradRow& row = a.rows[k];
    numbers[k] = GradNumbers<C>(row);
    weights[k] = a.weight ? static_cast<const C*>(a.weight)[k * a.param_step] : C(1);
    rare |= row.standard.prescale != 1 || row.y || row.dsum || row.dadd;
  }
  const auto each = [&](auto any, auto constant) NORMA_INLINE {
    for (int64_t r = 0; r < a.runs; ++r) {
      for (int64_t k = 0; k < a.count; ++k) {
        const GradRow& row = a.rows[k];
        const Grad<D> grad(d, numbers[k]);
        const auto weight = hn::Set(d, weights[k]);
        const T *x = static_cast<const T*>(row.x) + r * a.x_run, *dy = static_cast<const T*>(row.dy) + r * a.dy_run;
        T* dx = static_cast<T*>(row.dx) + r * a.dx_run;
        const T* y = any.value && row.y ? static_cast<const T*>(row.y) + r * a.dy_run : nullptr;
        const T* dsum = any.value && row.dsum ? static_cast<const T*>(row.dsum) + r * a.dx_run : nullptr;
        T* dadd = any.value && row.dadd ? static_cast<T*>(row.dadd) + r * a.dy_run : nullptr;
        for_each_vector_to(d, dx, a.length, a.stream, [&](int64_t i, auto lanes) NORMA_INLINE {
          const auto g = counted(d, dy, y, i, lanes);
          constexpr Mean kMean = any.value ? Mean::prescaled : Mean::pair;
          const auto xhat = hn::Mul(grad.centre.template distance<kMean>(load(d, x + i, lanes)), grad.rstd);
          auto v = grad.template dx<constant.value>(hn::Mul(g, weight), xhat);
          if constexpr (any.value) {
            if (dadd) store(g, d, dadd + i, unpast(lanes));
            if (dsum) v = hn::Add(v, load(d, dsum + i, lanes));
          }
          store(v, d, dx + i, lanes);
        });
      }
    }
  };
  decide(rare, [&](auto any)
                   NORMA_INLINE { decide(a.constant_statistics, [&](auto constant) NORMA_INLINE { each(any, constant); }); });
}

/// A weight for each element, and sums down the rows: first those of `count` rows, kShortSteps at most, in float or double as
/// they are computed, then onto the sums in double.
template <class T>
void grad_elements(const GradElements& args) noexcept {
  using C = Compute<T>;
  using D = ComputeTag<T>;
  const D d;
  const GradElements a = args;
  PieceSums<C> products, ones;
  const bool sums = a.dweight || a.dbias;
  for (int64_t begin = 0; begin < a.length; begin += kPiece) {
    const int64_t n = HWY_MIN(kPiece, a.length - begin);
    const C* weight = a.weight ? static_cast<const C*>(a.weight) + begin : nullptr;
    if (sums) {
      products.clear(n);
      ones.clear(n);
    }
    for (int64_t k = 0; k < a.count; ++k) {
      const GradRow& row = a.rows[k];
      const Grad<D> grad(d, GradNumbers<C>(row));
      const auto of = [&](const void* p) NORMA_INLINE { return p ? static_cast<const T*>(p) + begin : nullptr; };
      const T *x = of(row.x), *dy = of(row.dy), *y = of(row.y), *dsum = of(row.dsum);
      T *dx = const_cast<T*>(of(row.dx)), *dadd = const_cast<T*>(of(row.dadd));
      // any: as in apply_run().
      const auto each = [&](auto any, auto mean) NORMA_INLINE {
        for_each_vector_to(d, dx, n, a.stream, [&](int64_t i, auto lanes) NORMA_INLINE {
          const auto g = counted(d, dy, any.value ? y : nullptr, i, lanes);
          const auto xhat = hn::Mul(grad.centre.template distance<mean.value>(load(d, x + i, lanes)), grad.rstd);
          const auto gw = !any.value || weight ? hn::Mul(g, load(d, weight + i, lanes)) : g;
          if constexpr (any.value) {
            if (dadd) store(g, d, dadd + i, unpast(lanes));
            if (dx) {
              auto v = a.constant_statistics ? grad.template dx<true>(gw, xhat) : grad.template dx<false>(gw, xhat);
              if (dsum) v = hn::Add(v, load(d, dsum + i, lanes));
              store(v, d, dx + i, lanes);
            }
          } else {
            store(grad.template dx<false>(gw, xhat), d, dx + i, lanes);
          }
          if (sums) {
            products.add(i, hn::Mul(g, xhat));
            ones.add(i, g);
          }
        });
      };
      if (a.constant_statistics || row.standard.prescale != 1 || row.y || row.dsum || row.dadd || !row.dx || !weight) {
        each(std::true_type(), std::integral_constant<Mean, Mean::prescaled>());
      } else if (row.standard.low != 0) {
        each(std::false_type(), std::integral_constant<Mean, Mean::pair>());
      } else {
        each(std::false_type(), std::integral_constant<Mean, Mean::single>());
      }
    }
    if (a.dweight) products.move_to(a.dweight + begin, n);
    if (a.dbias) ones.move_to(a.dbias + begin, n);
  }
}

template <class T>
void grad_columns(const GradColumns& args) noexcept {
  using C = Compute<T>;
  const GradColumns a = args;
  const ComputeTag<T> d;
  const auto at = [](const void* base, int64_t i) { return static_cast<const C*>(base) + i; };
  const bool past = a.stream && in_step<T>(d, a.dx, a.dx_row), constant = a.by_x == nullptr;
  // any: as in apply_run(); one row after another as in apply_columns().
  const auto each = [&](auto any, auto mean) NORMA_INLINE {
    for (int64_t r = 0; r < a.rows; ++r) {
      const auto of = [&](const void* p, int64_t row) NORMA_INLINE { return p ? static_cast<const T*>(p) + r * row : nullptr; };
      const T *x = of(a.x, a.x_row), *dy = of(a.dy, a.dy_row), *y = of(any.value ? a.y : nullptr, a.dy_row);
      const T* dsum = of(a.dsum, a.dx_row);
      T *dx = const_cast<T*>(of(a.dx, a.dx_row)), *dadd = const_cast<T*>(of(a.dadd, a.dy_row));
      for_each_vector_to(d, dx, a.width, past, [&](int64_t i, auto lanes) NORMA_INLINE {
        ask_ahead(dy + i);
        const auto g = counted(d, dy, y, i, lanes);
        auto v = hn::Mul(g, load(d, at(a.by_dy, i), lanes));
        if (!any.value || !constant) {
          Centre<ComputeTag<T>> centre;
          if constexpr (any.value) centre.prescale = a.prescale ? load(d, at(a.prescale, i), unpast(lanes)) : hn::Set(d, C(1));
          centre.high = load(d, at(a.high, i), lanes);
          if constexpr (mean.value != Mean::single) centre.low = a.low ? load(d, at(a.low, i), unpast(lanes)) : hn::Zero(d);
          ask_ahead(x + i);
          const auto distance = centre.template distance<mean.value>(load(d, x + i, lanes));
          v = hn::Sub(hn::Sub(v, load(d, at(a.by_one, i), lanes)), hn::Mul(distance, load(d, at(a.by_x, i), lanes)));
        }
        if constexpr (any.value) {
          if (dadd) store(g, d, dadd + i, unpast(lanes));
          if (dsum) v = hn::Add(v, load(d, dsum + i, lanes));
        }
        store(v, d, dx + i, lanes);
      });
    }
  };
  if (a.prescale || constant || a.y || a.dsum || a.dadd) {
    each(std::true_type(), std::integral_constant<Mean, Mean::prescaled>());
  } else if (a.low) {
    each(std::false_type(), std::integral_constant<Mean, Mean::pair>());
  } else {
    each(std::false_type(), std::integral_constant<Mean, Mean::single>());
  }
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
