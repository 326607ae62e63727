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

/// x * prescale - high - low: a member's distance from its mean, which is applied as a pair. What would change no bit is left out:
/// multiplying by 1 and, where the second number is 0, subtracting it.
enum class Mean : std::uint8_t { single, pair, prescaled };
template <class D>
struct Centre {
  V<D> prescale, high, low;
  using C = hn::TFromD<D>;
  HWY_INLINE Centre() = default;
  HWY_INLINE Centre(D d, const Standard& s)
      : prescale(hn::Set(d, static_cast<C>(s.prescale))),
        high(hn::Set(d, static_cast<C>(s.high))),
        low(hn::Set(d, static_cast<C>(s.low))) {}
  template <Mean kMean>
  HWY_INLINE V<D> distance(V<D> x) const {
    if constexpr (kMean == Mean::prescaled) x = hn::Mul(x, prescale);
    x = hn::Sub(x, high);
    if constexpr (kMean != Mean::single) x = hn::Sub(x, low);
    return x;
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

/// v below zero becomes zero; NaN stays what it is.
template <class D>
HWY_INLINE V<D> rectified(D d, V<D> v) {
  return hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Zero(d), v);
}

/// v in int8. Held within its range first, which ends at whole numbers, so that it is rounded by adding a number whose last place is
/// 1: in fewer instructions than Round and ConvertTo take. In float the sum's bits, moved, are the result.
template <class D>
class Quantizer {
  using C = hn::TFromD<D>;
  using I32 = hn::Rebind<int32_t, D>;
  static constexpr bool kDouble = std::is_same_v<C, double>;
  static constexpr C kOne = kDouble ? C(0x1.8p52) : C(0x1.8p23);  // whose last place is 1
  static constexpr int32_t kOneBits = 0x4B400000;                 // those of 0x1.8p23

 public:
  HWY_INLINE Quantizer(D d, const Steps& s)
      : scale_(hn::Set(d, static_cast<C>(s.scale))),
        least_(hn::Set(d, static_cast<C>(-128 - s.zero_point))),
        most_(hn::Set(d, static_cast<C>(127 - s.zero_point))),
        shift_(hn::Set(I32(), kDouble ? s.zero_point : s.zero_point - kOneBits)) {}
  HWY_INLINE auto operator()(D d, V<D> v) const {
    v = hn::Div(v, scale_);
    v = hn::IfThenZeroElse(hn::IsNaN(v), v);
    v = hn::Add(hn::Min(hn::Max(v, least_), most_), hn::Set(d, kOne));
    V<I32> whole;
    if constexpr (kDouble) {
      whole = hn::DemoteTo(I32(), hn::Sub(v, hn::Set(d, kOne)));
    } else {
      whole = hn::BitCast(I32(), v);
    }
    return hn::DemoteTo(hn::Rebind<int8_t, D>(), hn::Add(whole, shift_));
  }

 private:
  V<D> scale_, least_, most_;
  V<I32> shift_;
};

/// What a run is multiplied by and what is added. Each has a loop of its own, but for `any`, which asks in the loop: for what is
/// rare, or moves so much memory that a branch is not seen.
enum class Affine : std::uint8_t { none, number, weight, weight_and_bias, any };

/// One run: y = distance(x) * rstd * weight + bias; where weight and bias are one number each, y = distance(x) * (rstd * weight) + bias.
/// To is T, or int8_t where the result is quantized.
template <Affine kAffine, Mean kMean, class T, class To>
HWY_INLINE void apply_run(const T* x, To* y, const ApplyRows& a, const Standard& s, const Compute<T>* weight,
                          const Compute<T>* bias, const T* add) {
  using C = Compute<T>;
  constexpr bool kAny = kAffine == Affine::any;
  const ComputeTag<T> d;
  const Centre<ComputeTag<T>> centre(d, s);
  const bool number = kAny ? !a.param_element : kAffine == Affine::number, relu = a.relu;
  const auto factor = hn::Set(d, static_cast<C>(number && weight ? s.rstd * static_cast<double>(*weight) : s.rstd));
  const auto shift = hn::Set(d, number && bias ? *bias : C(0));
  const Quantizer<ComputeTag<T>> quantized(d, a.steps);
  for_each_vector_to(d, y, a.length, a.stream, [&](int64_t i, auto lanes) NORMA_INLINE {
    auto v = hn::Mul(centre.template distance<kMean>(load(d, x + i, lanes)), factor);
    if (number) {
      v = hn::Add(v, shift);
    } else {
      if (kAffine >= Affine::weight && (!kAny || weight)) v = hn::Mul(v, load(d, weight + i, lanes));
      if (kAffine >= Affine::weight_and_bias && (!kAny || bias)) v = hn::Add(v, load(d, bias + i, lanes));
    }
    if constexpr (kAny) {
      if (add) v = hn::Add(v, load(d, add + i, lanes));
      if (relu) v = rectified(d, v);
    }
    if constexpr (std::is_same_v<T, To>) {
      store(v, d, y + i, lanes);
    } else {
      store(quantized(d, v), hn::Rebind<int8_t, ComputeTag<T>>(), y + i, unpast(lanes));
    }
  });
}

inline Mean mean_of(const Standard& s) { return s.prescale != 1 ? Mean::prescaled : s.low != 0 ? Mean::pair : Mean::single; }

/// body(affine, mean): the loop for runs whose means are no more than `mean`.
template <class Body>
HWY_INLINE void with_loop_for(const ApplyRows& a, Mean mean, const Body& body) {
  const auto with_mean = [&](auto m) NORMA_INLINE {
    if (!a.param_element) return body(std::integral_constant<Affine, Affine::number>(), m);
    if (a.bias) return body(std::integral_constant<Affine, Affine::weight_and_bias>(), m);
    if (a.weight) return body(std::integral_constant<Affine, Affine::weight>(), m);
    body(std::integral_constant<Affine, Affine::none>(), m);
  };
  if (mean == Mean::prescaled || a.add || a.relu || (a.param_element && a.bias && !a.weight)) {
    body(std::integral_constant<Affine, Affine::any>(), std::integral_constant<Mean, Mean::prescaled>());
  } else if (mean == Mean::pair) {
    with_mean(std::integral_constant<Mean, Mean::pair>());
  } else {
    with_mean(std::integral_constant<Mean, Mean::single>());
  }
}

template <Affine kAffine, Mean kMean, class T, class To>
HWY_INLINE void apply_runs(const ApplyRows& a, To* y) {
  const auto *weight = static_cast<const Compute<T>*>(a.weight), *bias = static_cast<const Compute<T>*>(a.bias);
  const auto *x = static_cast<const T*>(a.x), *add = static_cast<const T*>(a.add);
  for (int64_t r = 0; r < a.runs; ++r) {
    const int64_t p = r * a.param_run;
    apply_run<kAffine, kMean>(x + r * a.x_run, y + r * a.y_run, a, a.standards ? a.standards[r] : a.standard,
                              weight ? weight + p : nullptr, bias ? bias + p : nullptr, add ? add + r * a.y_run : nullptr);
  }
}
/// Out of line: what is seldom wanted takes no room in what is often called.
template <class T>
HWY_NOINLINE void apply_quantized(const ApplyRows& a) {
  apply_runs<Affine::any, Mean::prescaled, T>(a, static_cast<int8_t*>(a.y));
}

template <class T>
void apply_rows(const ApplyRows& args) noexcept {
  const ApplyRows a = args;
  if (a.steps.scale != 0) return apply_quantized<T>(a);
  Mean mean = mean_of(a.standard);
  for (int64_t r = 0; a.standards && r < a.runs; ++r) mean = HWY_MAX(mean, mean_of(a.standards[r]));
  with_loop_for(a, mean, [&](auto affine, auto at_most) NORMA_INLINE {
    apply_runs<affine.value, at_most.value, T>(a, static_cast<T*>(a.y));
  });
}

template <class T>
void apply_columns(const ApplyColumns& args) noexcept {
  using C = Compute<T>;
  const ApplyColumns a = args;
  const ComputeTag<T> d;
  const auto at = [](const void* base, int64_t i) { return static_cast<const C*>(base) + i; };
  const bool past = a.stream && in_step<T>(d, a.y, a.y_row), by_row = a.row_weight || a.row_bias;
  // any: as in apply_run(). Rows go by in the order of memory, one after another: several at once, at a multiple of 4 KB, evict
  // each other from L1, and a load waits for a store to the same place of another page (4096 x 1024: 5 times the copy).
  const Quantizer<ComputeTag<T>> quantized(d, a.steps);
  const auto each_to = [&](auto any, auto mean, auto* out) NORMA_INLINE {
    using To = std::remove_pointer_t<decltype(out)>;
    for (int64_t r = 0; r < a.rows; ++r) {
      const T *x = static_cast<const T*>(a.x) + r * a.x_row,
              *add = a.add ? static_cast<const T*>(a.add) + r * a.y_row : nullptr;
      To* y = out + r * a.y_row;
      for_each_vector_to(d, y, a.width, past, [&](int64_t i, auto lanes) NORMA_INLINE {
        Centre<ComputeTag<T>> centre;
        if constexpr (any.value) centre.prescale = a.prescale ? load(d, at(a.prescale, i), unpast(lanes)) : hn::Set(d, C(1));
        centre.high = load(d, at(a.high, i), lanes);
        if constexpr (mean.value != Mean::single) centre.low = a.low ? load(d, at(a.low, i), unpast(lanes)) : hn::Zero(d);
        ask_ahead(x + i);
        auto v = hn::Mul(centre.template distance<mean.value>(load(d, x + i, lanes)), load(d, at(a.scale, i), lanes));
        if (any.value && by_row) {
          if (a.row_weight) v = hn::Mul(v, hn::Set(d, *at(a.row_weight, r * a.row_param)));
          if (a.row_bias) v = hn::Add(v, hn::Set(d, *at(a.row_bias, r * a.row_param)));
        } else {
          v = hn::Add(v, load(d, at(a.shift, i), lanes));
        }
        if constexpr (any.value) {
          if (add) v = hn::Add(v, load(d, add + i, lanes));
          if (a.relu) v = rectified(d, v);
        }
        if constexpr (std::is_same_v<T, To>) {
          store(v, d, y + i, lanes);
        } else {
          store(quantized(d, v), hn::Rebind<int8_t, ComputeTag<T>>(), y + i, unpast(lanes));
        }
      });
    }
  };
  const auto each = [&](auto any, auto mean) NORMA_INLINE { each_to(any, mean, static_cast<T*>(a.y)); };
  if (a.steps.scale != 0) {
    each_to(std::true_type(), std::integral_constant<Mean, Mean::prescaled>(), static_cast<int8_t*>(a.y));
  } else if (a.prescale || by_row || a.add || a.relu) {
    each(std::true_type(), std::integral_constant<Mean, Mean::prescaled>());
  } else if (a.low) {
    each(std::false_type(), std::integral_constant<Mean, Mean::pair>());
  } else {
    each(std::false_type(), std::integral_constant<Mean, Mean::single>());
  }
}

template <class T>
void add_rows(const AddRows& a) noexcept {
  const ComputeTag<T> d;
  for (int64_t r = 0; r < a.runs; ++r) {
    const T *p = static_cast<const T*>(a.a) + r * a.a_run, *q = static_cast<const T*>(a.b) + r * a.b_run;
    T* sum = static_cast<T*>(a.sum) + r * a.sum_run;
    for_each_vector_to(d, sum, a.length, false, [&](int64_t i, auto lanes) NORMA_INLINE {
      store(hn::Add(load(d, p + i, lanes), load(d, q + i, lanes)), d, sum + i, lanes);
    });
  }
}

/// standard_of() of `count` distributions, a vector of them at a time; one that is far from float's middle takes the whole function.
template <class T>
void standards(const Moments* moments, int64_t count, double eps, Standard* of) noexcept {
  static_assert(sizeof(Moments) == 4 * sizeof(double) && sizeof(Standard) == 4 * sizeof(double));
  constexpr bool kDouble = std::is_same_v<T, double>;
  const Wide d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d), one = hn::Set(d, 1.0);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    V<Wide> bits, mean, mean_low, m2;
    hn::LoadInterleaved4(d, reinterpret_cast<const double*>(moments + i), bits, mean, mean_low, m2);
    const auto n = hn::ConvertTo(d, hn::BitCast(hn::RebindToSigned<Wide>(), bits));
    const auto spread = hn::Add(hn::Div(m2, n), hn::Set(d, eps));
    const auto none = hn::Or(hn::Eq(n, zero), hn::Eq(spread, zero));
    const auto rstd = hn::IfThenZeroElse(none, hn::Div(one, hn::Sqrt(spread)));
    if constexpr (kDouble) {
      hn::StoreInterleaved4(one, mean, mean_low, rstd, d, reinterpret_cast<double*>(of + i));
    } else {
      const auto small = hn::And(hn::Gt(rstd, zero), hn::Lt(rstd, hn::Set(d, 1 / kFarRstd)));
      const auto far = hn::Or(hn::Gt(hn::Abs(mean), hn::Set(d, kFar)), hn::Or(hn::Gt(rstd, hn::Set(d, kFarRstd)), small));
      if (!hn::AllFalse(d, far)) break;
      const auto high = hn::PromoteTo(d, hn::DemoteTo(hn::Rebind<float, Wide>(), mean));
      auto low = hn::Add(hn::Sub(mean, high), mean_low);
      low = hn::IfThenZeroElse(hn::Lt(hn::Mul(hn::Abs(low), rstd), hn::Set(d, kUnseen)), low);
      hn::StoreInterleaved4(one, high, low, rstd, d, reinterpret_cast<double*>(of + i));
    }
  }
  for (; i < count; ++i) of[i] = standard_of(moments[i], moments[i].rstd(eps), kDouble);
}

/// The sums of one run. Out of line: a row takes them once, seldom more often.
template <bool kCentered, class T>
HWY_NOINLINE Sums sums_of_run(const T* x, int64_t n, const Ahead<T>& ahead, double pivot, bool wide) {
  Accumulator first, second;
  if constexpr (std::is_same_v<T, double>) {
    wide = true;
  } else if (!wide) {
    first.clear();
    second.clear();
    measure_short<kCentered, T>({x, 1, 0, n, pivot, nullptr}, ahead, first, second);
  }
  if (wide) {
    LaneSums lanes;
    measure_rows_wide<kCentered, T>({x, 1, 0, n, pivot, &lanes});
    first.load_from(lanes.first);
    second.load_from(lanes.second);
  }
  return {kCentered ? first.sum() : 0, second.sum()};
}

template <bool kCentered, class T>
HWY_INLINE Moments measure_run(const T* x, int64_t n, const Ahead<T>& ahead) {
  const hn::CappedTag<Compute<T>, 1> d1;
  // Called from code of no target, into which they cannot be inlined.
  const auto rounded = [&](double value) HWY_ATTR {
    T t;
    store(hn::Set(d1, static_cast<Compute<T>>(value)), d1, &t);
    return static_cast<double>(hn::GetLane(load(d1, static_cast<const T*>(&t))));
  };
  const double member = kCentered ? static_cast<double>(hn::GetLane(load(d1, x))) : 0.0;
  const auto sweep = [&](double pivot, bool wide) HWY_ATTR { return sums_of_run<kCentered>(x, n, ahead, pivot, wide); };
  return measure_chunk(n, kCentered, std::is_same_v<T, double>, member, rounded, sweep);
}

/// A row is measured while the one before it is written: its statistics, a chain of divisions, are ready when they are needed.
template <class T>
void normalize_rows(const NormalizeRows& args) noexcept {
  const NormalizeRows a = args;
  const auto *weight = static_cast<const Compute<T>*>(a.weight), *bias = static_cast<const Compute<T>*>(a.bias);
  const auto *x = static_cast<const T*>(a.residual ? a.sum : a.x), *add = static_cast<const T*>(a.add);
  ApplyRows row{};
  row.length = a.length;
  row.param_element = a.param_step == 0;
  row.stream = a.stream;
  row.relu = a.relu;
  row.weight = a.weight, row.bias = a.bias, row.add = a.add;
  const Ahead<T> ahead(a.length, a.x_step, INT64_MAX);
  const auto measure = [&](int64_t o) NORMA_INLINE {
    const int64_t at = o * a.x_step;
    if (a.residual) {
      add_rows<T>({static_cast<const T*>(a.x) + at, static_cast<const T*>(a.residual) + at, static_cast<T*>(a.sum) + at, 1, 0,
                   0, 0, a.length});
    }
    const Moments m = a.centered ? measure_run<true>(x + at, a.length, ahead) : measure_run<false>(x + at, a.length, ahead);
    if (a.saved) a.saved[o] = m;
    return standard_of(m, m.rstd(a.eps), std::is_same_v<T, double>);
  };
  Standard standard = measure(0);
  for (int64_t o = 0; o < a.count; ++o) {
    const Standard next = o + 1 < a.count ? measure(o + 1) : Standard();
    const int64_t p = o * a.param_step;
    with_loop_for(row, mean_of(standard), [&](auto affine, auto mean) NORMA_INLINE {
      apply_run<affine.value, mean.value>(x + o * a.x_step, static_cast<T*>(a.y) + o * a.y_step, row, standard,
                                          weight ? weight + p : nullptr, bias ? bias + p : nullptr,
                                          add ? add + o * a.y_step : nullptr);
    });
    standard = next;
  }
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
