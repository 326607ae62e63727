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

/// first += g, second += g * distance(x), in double; g and the distance are rounded to the compute type first, as dx has them.
template <class T>
void grad_sums_rows(const GradSumsRows& args) noexcept {
  using D = ComputeTag<T>;
  const D d;
  const GradSumsRows a = args;
  const auto* weight = static_cast<const Compute<T>*>(a.weight);
  const Centre<D> centre(d, a.standard);
  const Ahead<T> ahead_x(a.length, a.x_run), ahead_dy(a.length, a.dy_run);
  Accumulator first, second;
  first.load_from(a.sums->first);
  second.load_from(a.sums->second);
  const auto each = [&](auto prescaled, auto weighted) NORMA_INLINE {
    for (int64_t r = 0; r < a.runs; ++r) {
      const T *x = static_cast<const T*>(a.x) + r * a.x_run, *dy = static_cast<const T*>(a.dy) + r * a.dy_run;
      const Compute<T>* w = weight + (weighted.value ? r * a.param_run : 0);
      const auto ask = [&](int64_t i) NORMA_INLINE {
        ahead_x.ask(x, i);
        ahead_dy.ask(dy, i);
      };
      for_each_lane_vector(d, a.length, ask, [&](int64_t i, int k, auto lanes) NORMA_INLINE {
        auto g = load(d, dy + i, lanes);
        if constexpr (weighted.value) g = hn::Mul(g, load(d, w + i, lanes));
        const auto distance = centre.template distance<prescaled.value>(load(d, x + i, lanes));
        const auto add = [&](auto part) NORMA_INLINE {
          const int at = k * kParts<D> + part.value;
          const auto wide_g = widened<part.value>(d, g);
          first.of[at] = hn::Add(first.of[at], wide_g);
          second.of[at] = hn::Add(second.of[at], hn::Mul(wide_g, widened<part.value>(d, distance)));
        };
        add(std::integral_constant<int, 0>());
        if constexpr (kParts<D> == 2) add(std::integral_constant<int, 1>());
      });
    }
  };
  decide(a.standard.prescale != 1, [&](auto prescaled) NORMA_INLINE {
    decide(weight != nullptr, [&](auto weighted) NORMA_INLINE { each(prescaled, weighted); });
  });
  first.store_to(a.sums->first);
  second.store_to(a.sums->second);
}

template <class T>
void grad_sums_columns(const GradSumsColumns& args) noexcept {
  const GradSumsColumns a = args;
  const Wide d;
  for_each_strip(d, a.width, [&](int64_t c, auto strip, auto lanes) NORMA_INLINE {
    constexpr int kStrip = strip.value;
    const auto step = static_cast<int64_t>(hn::Lanes(d));
    Centre<Wide> centre[kStrip];
    V<Wide> first[kStrip], second[kStrip];
    HWY_UNROLL(8)
    for (int k = 0; k < kStrip; ++k) {
      const int64_t i = c + k * step;
      centre[k].prescale = load(d, a.prescale + i, lanes);
      centre[k].high = load(d, a.high + i, lanes);
      centre[k].low = load(d, a.low + i, lanes);
      first[k] = load(d, a.first + i, lanes);
      second[k] = load(d, a.second + i, lanes);
    }
    const T *x = static_cast<const T*>(a.x) + c, *dy = static_cast<const T*>(a.dy) + c;
    for (int64_t r = 0; r < a.rows; ++r, x += a.x_row, dy += a.dy_row) {
      HWY_UNROLL(8)
      for (int k = 0; k < kStrip; ++k) {
        ask_next_rows(d, x + k * step, a.rows, a.x_row, k);
        ask_next_rows(d, dy + k * step, a.rows, a.dy_row, k);
        const auto g = load(d, dy + k * step, lanes);
        first[k] = hn::Add(first[k], g);
        second[k] = hn::Add(second[k], hn::Mul(g, centre[k].template distance<true>(load(d, x + k * step, lanes))));
      }
    }
    HWY_UNROLL(8)
    for (int k = 0; k < kStrip; ++k) {
      store(first[k], d, a.first + c + k * step, lanes);
      store(second[k], d, a.second + c + k * step, lanes);
    }
  });
}

/// sum[i…] += the vectors' lanes, in double, one vector after another.
template <int kCount, class D>
HWY_INLINE void accumulate(const V<D> (&v)[kCount], D d, double* sum, Past) {
  const auto add = [&](auto part) NORMA_INLINE {
    double* at = sum + part.value * static_cast<int>(hn::Lanes(Wide()));
    auto total = hn::LoadU(Wide(), at);
    HWY_UNROLL(8)
    for (int k = 0; k < kCount; ++k) total = hn::Add(total, widened<part.value>(d, v[k]));
    hn::StoreU(total, Wide(), at);
  };
  add(std::integral_constant<int, 0>());
  if constexpr (kParts<D> == 2) add(std::integral_constant<int, 1>());
}
template <int kCount, class D>
HWY_INLINE void accumulate(const V<D> (&v)[kCount], D d, double* sum, Whole) {
  accumulate(v, d, sum, Past());
}
template <int kCount, class D>
HWY_INLINE void accumulate(const V<D> (&v)[kCount], D d, double* sum, First first) {
  HWY_ALIGN hn::TFromD<D> lanes[64 / sizeof(hn::TFromD<D>)] = {};
  for (int k = 0; k < kCount; ++k) {
    hn::Store(v[k], d, lanes);
    for (size_t i = 0; i < first.lanes; ++i) sum[i] += static_cast<double>(lanes[i]);
  }
}

/// What GradRow holds, in vectors.
template <class D>
struct Grad {
  Centre<D> centre;
  V<D> rstd, out, mean_g, mean_gx;
  HWY_INLINE Grad() = default;
  HWY_INLINE Grad(D d, const GradRow& a) : centre(d, a.standard) {
    using C = hn::TFromD<D>;
    rstd = hn::Set(d, static_cast<C>(a.standard.rstd));
    out = hn::Set(d, static_cast<C>(a.standard.rstd * a.standard.prescale));
    mean_g = hn::Set(d, static_cast<C>(a.mean_g));
    mean_gx = hn::Set(d, static_cast<C>(a.mean_gx));
  }
  /// dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd
  template <bool kConstant>
  HWY_INLINE V<D> dx(V<D> g, V<D> xhat) const {
    if constexpr (!kConstant) g = hn::Sub(hn::Sub(g, mean_g), hn::Mul(xhat, mean_gx));
    return hn::Mul(g, out);
  }
};

/// One number for the weight of a run.
template <class T>
void grad_rows(const GradRows& args) noexcept {
  using D = ComputeTag<T>;
  const D d;
  const GradRows a = args;
  const Grad<D> grad(d, a.row);
  const auto weight = hn::Set(d, a.weight ? *static_cast<const Compute<T>*>(a.weight) : Compute<T>(1));
  decide(a.row.standard.prescale != 1, [&](auto prescaled) NORMA_INLINE {
    decide(a.constant_statistics, [&](auto constant) NORMA_INLINE {
      for (int64_t r = 0; r < a.runs; ++r) {
        const T *x = static_cast<const T*>(a.row.x) + r * a.x_run, *dy = static_cast<const T*>(a.row.dy) + r * a.dy_run;
        T* dx = static_cast<T*>(a.row.dx) + r * a.dx_run;
        for_each_vector_to(d, dx, a.length, a.stream, [&](int64_t i, auto lanes) NORMA_INLINE {
          const auto g = hn::Mul(load(d, dy + i, lanes), weight);
          const auto xhat = hn::Mul(grad.centre.template distance<prescaled.value>(load(d, x + i, lanes)), grad.rstd);
          store(grad.template dx<constant.value>(g, xhat), d, dx + i, lanes);
        });
      }
    });
  });
}

/// A weight for each element: kCount rows at once, so that the sums down the rows are loaded and stored once for all of them.
template <class T, int kCount>
HWY_INLINE void grad_elements_of(const GradElements& a, const GradRow* rows) {
  using D = ComputeTag<T>;
  const D d;
  const auto* weight = static_cast<const Compute<T>*>(a.weight);
  Grad<D> grad[kCount];
  const T *x[kCount], *dy[kCount];
  T* dx[kCount];
  bool any_prescaled = false;
  for (int k = 0; k < kCount; ++k) {
    grad[k] = Grad<D>(d, rows[k]);
    x[k] = static_cast<const T*>(rows[k].x);
    dy[k] = static_cast<const T*>(rows[k].dy);
    dx[k] = static_cast<T*>(rows[k].dx);
    any_prescaled |= rows[k].standard.prescale != 1;
  }
  bool stream = a.stream;
  for (int k = 0; k < kCount; ++k) stream = stream && in_step<T>(d, dx[k], 0);
  const auto each = [&](auto prescaled, auto constant) NORMA_INLINE {
    for_each_vector_to(d, dx[0], a.length, stream, [&](int64_t i, auto lanes) NORMA_INLINE {
      const auto w = weight ? load(d, weight + i, lanes) : hn::Set(d, Compute<T>(1));
      V<D> g[kCount], product[kCount];
      HWY_UNROLL(8)
      for (int k = 0; k < kCount; ++k) {
        g[k] = load(d, dy[k] + i, lanes);
        const auto xhat = hn::Mul(grad[k].centre.template distance<prescaled.value>(load(d, x[k] + i, lanes)), grad[k].rstd);
        product[k] = hn::Mul(g[k], xhat);
        if (dx[k]) store(grad[k].template dx<constant.value>(hn::Mul(g[k], w), xhat), d, dx[k] + i, lanes);
      }
      if (a.dweight) accumulate(product, d, a.dweight + i, lanes);
      if (a.dbias) accumulate(g, d, a.dbias + i, lanes);
    });
  };
  decide(any_prescaled, [&](auto prescaled) NORMA_INLINE {
    decide(a.constant_statistics, [&](auto constant) NORMA_INLINE { each(prescaled, constant); });
  });
}

template <class T>
void grad_elements(const GradElements& args) noexcept {
  const GradElements a = args;
  int64_t k = 0;
  for (; k + 4 <= a.count; k += 4) grad_elements_of<T, 4>(a, a.rows + k);
  for (; k < a.count; ++k) grad_elements_of<T, 1>(a, a.rows + k);
}

template <class T>
void grad_columns(const GradColumns& args) noexcept {
  using C = Compute<T>;
  const GradColumns a = args;
  const ComputeTag<T> d;
  const auto at = [](const void* base, int64_t i) { return static_cast<const C*>(base) + i; };
  const auto each = [&](auto prescaled, auto constant, auto stream) NORMA_INLINE {
    for_each_strip(d, a.width, [&](int64_t c, auto strip, auto lanes) NORMA_INLINE {
      const auto stored = stored_as(lanes, stream);
      constexpr int kStrip = strip.value;
      const auto step = static_cast<int64_t>(hn::Lanes(d));
      Centre<ComputeTag<T>> centre[kStrip];
      V<ComputeTag<T>> by_dy[kStrip], by_one[kStrip], by_x[kStrip];
      HWY_UNROLL(8)
      for (int k = 0; k < kStrip; ++k) {
        const int64_t i = c + k * step;
        by_dy[k] = load(d, at(a.by_dy, i), lanes);
        if constexpr (!constant.value) {
          if constexpr (prescaled.value) centre[k].prescale = load(d, at(a.prescale, i), lanes);
          centre[k].high = load(d, at(a.high, i), lanes);
          centre[k].low = load(d, at(a.low, i), lanes);
          by_one[k] = load(d, at(a.by_one, i), lanes);
          by_x[k] = load(d, at(a.by_x, i), lanes);
        }
      }
      const T *x = static_cast<const T*>(a.x) + c, *dy = static_cast<const T*>(a.dy) + c;
      T* dx = static_cast<T*>(a.dx) + c;
      for (int64_t r = 0; r < a.rows; ++r, x += a.x_row, dy += a.dy_row, dx += a.dx_row) {
        HWY_UNROLL(8)
        for (int k = 0; k < kStrip; ++k) {
          ask_next_rows(d, dy + k * step, a.rows, a.dy_row, k);
          if constexpr (!constant.value) ask_next_rows(d, x + k * step, a.rows, a.x_row, k);
          auto g = hn::Mul(load(d, dy + k * step, lanes), by_dy[k]);
          if constexpr (!constant.value) {
            const auto distance = centre[k].template distance<prescaled.value>(load(d, x + k * step, lanes));
            g = hn::Sub(hn::Sub(g, by_one[k]), hn::Mul(distance, by_x[k]));
          }
          store(g, d, dx + k * step, stored);
        }
      }
    });
  };
  decide(a.prescale != nullptr, [&](auto prescaled) NORMA_INLINE {
    decide(a.by_x == nullptr, [&](auto constant) NORMA_INLINE {
      decide(a.stream && in_step<T>(d, a.dx, a.dx_row), [&](auto stream) NORMA_INLINE { each(prescaled, constant, stream); });
    });
  });
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
