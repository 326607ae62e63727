// SPDX-License-Identifier: Apache-2.0
// Typed loads and stores, the loop and its tail: kernels see vectors of the compute type and never a dtype or a remainder.

#if defined(NORMA_SIMD_LANES_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMA_SIMD_LANES_INL_HPP_
#undef NORMA_SIMD_LANES_INL_HPP_
#else
#define NORMA_SIMD_LANES_INL_HPP_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstring>
#include <type_traits>

#include "simd/kernels.hpp"

/// On every lambda of a kernel: left out of line, it would reach its captured vectors through memory.
#undef NORMA_INLINE
#define NORMA_INLINE HWY_ATTR __attribute__((always_inline))

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

/// How many lanes of a vector count: all of them, or the first few (at the ends of a row). past: what is stored goes past the
/// caches, to an address that is a multiple of the vector's size.
struct Whole {
  bool past = false;
};
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

/// Whether f16 is converted by the hardware, rounding to nearest even; Highway's emulation truncates, and takes infinities and
/// NaN for numbers.
inline constexpr bool kHardwareHalf =
    HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON;

template <class D>
HWY_INLINE V<D> load(D d, const Half* p) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    return hn::PromoteTo(d, load(hn::Rebind<float, D>(), p));
  } else if constexpr (kHardwareHalf) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<hwy::float16_t, D>(), reinterpret_cast<const hwy::float16_t*>(p)));
  } else {
    // The half's exponent and fraction, moved to where float has them, are the number times 2^-112, denormals too.
    const hn::RebindToUnsigned<D> u;
    const auto bits = hn::PromoteTo(u, hn::LoadU(hn::Rebind<uint16_t, D>(), reinterpret_cast<const uint16_t*>(p)));
    const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(u, 0x8000)));
    const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(u, 0x7FFF)));
    const auto number = hn::BitCast(u, hn::Mul(hn::BitCast(d, magnitude), hn::Set(d, 0x1p112f)));
    const auto no_number = hn::Or(magnitude, hn::Set(u, 0x7F800000));  // infinity or NaN
    const hn::RebindToSigned<D> s;
    const auto is_number = hn::Lt(hn::BitCast(s, magnitude), hn::Set(s, 0x0F800000));
    return hn::BitCast(d, hn::Or(sign, hn::IfThenElse(hn::RebindMask(u, is_number), number, no_number)));
  }
}

/// A vector of the compute type as it lies in memory: the same, or rounded to 16 bits.
template <class D>
HWY_INLINE V<D> packed(V<D> v, D, const hn::TFromD<D>*) {
  return v;
}
template <class D>
HWY_INLINE auto packed(V<D> v, D, const BFloat16*) {
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> i32;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(d32, 0x7FFF)), odd);
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto either = hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(v)), quiet, rounded);
  return hn::DemoteTo(hn::Rebind<uint16_t, D>(), hn::BitCast(i32, hn::ShiftRight<16>(either)));
}

template <class D>
HWY_INLINE auto packed(V<D> v, D d, const Half*) {
  const hn::Rebind<uint16_t, D> d16;
  if constexpr (kHardwareHalf) {
    return hn::BitCast(d16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), v));
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
    return hn::DemoteTo(d16, hn::BitCast(s, hn::Or(half, sign)));
  }
}

/// The element type that Highway stores for T, and its tag beside D.
template <class T>
using Stored = std::conditional_t<sizeof(T) == 2, uint16_t, T>;
template <class T, class D>
using StoredTag = hn::Rebind<Stored<T>, D>;

template <class D, class T>
HWY_INLINE void store(V<D> v, D d, T* p) {
  hn::StoreU(packed(v, d, p), StoredTag<T, D>(), reinterpret_cast<Stored<T>*>(p));
}

/// Whether a masked load or store of T touches nothing beyond its mask.
template <class T>
inline constexpr bool kMaskable = HWY_MEM_OPS_MIGHT_FAULT == 0 || (HWY_TARGET == HWY_AVX2 && sizeof(T) >= 4);

/// The first lanes only, the others `fill`; reads nothing beyond them.
template <class D, class T>
HWY_INLINE V<D> load(D d, const T* p, First first, V<D> fill) {
  using C = hn::TFromD<D>;
  const auto valid = hn::FirstN(d, first.lanes);
  if constexpr (kMaskable<T> && std::is_same_v<T, C>) {
    return hn::IfThenElse(valid, hn::MaskedLoad(valid, d, p), fill);
  } else if constexpr (kMaskable<T> && std::is_same_v<T, float>) {
    const hn::Rebind<float, D> d32;
    return hn::IfThenElse(valid, hn::PromoteTo(d, hn::MaskedLoad(hn::FirstN(d32, first.lanes), d32, p)), fill);
  } else {
    HWY_ALIGN T part[64 / sizeof(C)] = {};
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
HWY_INLINE void store(V<D> v, D d, T* p, Whole whole) {
  // Highway streams 16 bytes at least, and what SSE4 packs into two bytes a lane are 8.
  constexpr bool kStreams = hn::MaxLanes(D()) * sizeof(T) >= 16;
  if (kStreams && whole.past) {
    hn::Stream(packed(v, d, p), StoredTag<T, D>(), reinterpret_cast<Stored<T>*>(p));
  } else {
    store(v, d, p);
  }
}
/// The first n lanes, half a vector at a time: AMD's processors take dozens of cycles for a masked store of AVX2.
template <class D, class Vector>
HWY_INLINE void store_first(Vector v, D d, hn::TFromD<D>* p, size_t n) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    const size_t at = hn::Lanes(half);
    if (n < at) return store_first(hn::LowerHalf(half, v), half, p, n);
    hn::StoreU(hn::LowerHalf(half, v), half, p);
    return store_first(hn::UpperHalf(half, v), half, p + at, n - at);
  }
#endif
  if (n > 0) hn::StoreU(v, d, p);
}
template <class D, class T>
HWY_INLINE void store(V<D> v, D d, T* p, First first) {
  if constexpr (HWY_MEM_OPS_MIGHT_FAULT == 0 && std::is_same_v<T, hn::TFromD<D>>) {
    hn::BlendedStore(v, hn::FirstN(d, first.lanes), d, p);
  } else {
    store_first(packed(v, d, p), StoredTag<T, D>(), reinterpret_cast<Stored<T>*>(p), first.lanes);
  }
}

/// Calls body(i, lanes) for each vector of a row of n elements that is written to y: Whole ones, and the First few at its end. Where
/// `stream`, whole ones go past the caches, from the first address on that allows it: what is larger than the caches would only
/// push out what is still needed, after having been read for nothing.
///
/// The ends and the middle take turns in one loop, so that the body is compiled twice and no more.
template <class D, class T, class Body>
HWY_INLINE void for_each_vector_to(D d, const T* y, int64_t n, bool stream, const Body& body) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const auto address = reinterpret_cast<uintptr_t>(y), size = static_cast<uintptr_t>(step) * sizeof(T);
  // Short rows would leave lines half written on either side.
  const bool past = stream && address % sizeof(T) == 0 && static_cast<size_t>(n) * sizeof(T) >= 2048;
  auto part = static_cast<int64_t>(past ? (size - address % size) % size / sizeof(T) : 0);
  for (int64_t i = 0;;) {
    if (part > 0) body(i, First{static_cast<size_t>(part)});
    i += part;
    for (; i + step <= n; i += step) body(i, Whole{past});
    if (i >= n) break;
    part = n - i;
  }
}

/// How many vectors of a row of columns go by together, their sums in double in registers.
inline constexpr int kStrip = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 4 : 2;

/// Calls body(c, strip, lanes) for columns c…: strip (an integral_constant) whole vectors at a time, then one by one.
template <int kCount = kStrip, class D, class Body>
HWY_INLINE void for_each_strip(D d, int64_t n, const Body& body) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + kCount * step <= n; c += kCount * step) body(c, std::integral_constant<int, kCount>(), Whole());
  for (; c + step <= n; c += step) body(c, std::integral_constant<int, 1>(), Whole());
  if (c < n) body(c, std::integral_constant<int, 1>(), First{static_cast<size_t>(n - c)});
}

/// How far ahead of a sweep memory is asked for. Found by trying 1 to 32 KB on tensors beyond L2: a hardware prefetcher stops at
/// each page and at the end of each run, and needs a dozen lines to get going again.
inline constexpr int64_t kAhead = 16 * 1024;
/// For rows of columns a quarter of that, as several of them and their sums share L1.
template <class T>
HWY_INLINE void ask_ahead(const T* p) {
  hwy::Prefetch(p + kAhead / 4 / static_cast<int64_t>(sizeof(T)));
}

/// Rows of columns so short that kShortSteps of them lie in a few pages. To go down a few columns of them saves 12 to 30 % of a sweep
/// within the caches, and costs up to 25 % of one beyond.
template <class T>
HWY_INLINE bool narrow(int64_t row) {
  return row > 0 && static_cast<size_t>(row) * sizeof(T) <= 2048;
}

/// So many vectors of such rows go by together; and what the next rows, so far on, will read of them is asked for.
inline constexpr int kNarrowStrip = 4;
template <int kCount, class D, class T>
HWY_INLINE void ask_below(D d, const T* x, int64_t further) {
  for (int64_t i = 0; i < kCount * static_cast<int64_t>(hn::Lanes(d)); i += 64 / static_cast<int64_t>(sizeof(T))) {
    hwy::Prefetch(x + further + i);
  }
}

/// Whether every row of columns begins at a multiple of the vector's size, so that whole vectors can go past the caches.
template <class T, class D>
HWY_INLINE bool in_step(D d, const void* y, int64_t row) {
  const size_t size = hn::Lanes(d) * sizeof(T);
  return reinterpret_cast<uintptr_t>(y) % size == 0 && static_cast<size_t>(row) * sizeof(T) % size == 0;
}
/// For an output beside the one that goes past the caches, whose address promises nothing.
HWY_INLINE Whole unpast(Whole) { return {}; }
HWY_INLINE First unpast(First first) { return first; }

/// Asks for what a sweep over runs of n elements, evenly spaced, will read kAhead from now: further on in this run or, near its
/// end, in a later one.
template <class T>
class Ahead {
 public:
  /// run_stride: 0 where there is but one run, and what follows it will be asked for. Of few and short runs nothing is: what comes
  /// after them lies elsewhere.
  HWY_INLINE Ahead(int64_t n, int64_t run_stride, int64_t runs) {
    constexpr int64_t kElements = kAhead / static_cast<int64_t>(sizeof(T));
    if (run_stride == 0) {
      last_ = n;
      within_ = beyond_ = kElements;
    } else if (n > kElements) {
      last_ = n - kElements;
      within_ = kElements;
      beyond_ = run_stride - n + kElements;
    } else {
      last_ = n;
      const int64_t later = n > 0 ? kElements / n : 0;
      within_ = beyond_ = later < runs ? later * run_stride : 0;
    }
  }
  /// For the kCount elements at i of the run that begins at x.
  template <int kCount = kLanes>
  HWY_INLINE void ask(const T* x, int64_t i) const {
    const T* p = x + i + (i < last_ ? within_ : beyond_);
    HWY_UNROLL(4)
    for (size_t line = 0; line < kCount * sizeof(T); line += 64) hwy::Prefetch(p + line / sizeof(T));
  }

 private:
  int64_t last_, within_, beyond_;
};

/// The two halves of a vector of floats in double; a vector of doubles is its own one part.
template <class D>
inline constexpr int kParts = std::is_same_v<hn::TFromD<D>, double> || HWY_TARGET == HWY_SCALAR ? 1 : 2;
template <int kPart, class D>
HWY_INLINE V<Wide> widened(D d, V<D> v) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    (void)d;
    return v;
  } else {
#if HWY_TARGET == HWY_SCALAR
    return hn::PromoteTo(Wide(), v);
#else
    const hn::Half<D> half;
    if constexpr (kPart == 0) return hn::PromoteTo(Wide(), hn::LowerHalf(half, v));
    return hn::PromoteTo(Wide(), hn::UpperHalf(half, v));
#endif
  }
}

/// kLanes doubles as vectors of whatever width there is.
inline constexpr int kVectors = kLanes / static_cast<int>(hn::MaxLanes(Wide()));
struct Accumulator {
  V<Wide> of[kVectors];

  HWY_INLINE void clear() {
    HWY_UNROLL(16)
    for (int k = 0; k < kVectors; ++k) of[k] = hn::Zero(Wide());
  }
  HWY_INLINE void load_from(const double* lanes) {
    HWY_UNROLL(16)
    for (int k = 0; k < kVectors; ++k) of[k] = hn::LoadU(Wide(), lanes + k * static_cast<int>(hn::Lanes(Wide())));
  }
  HWY_INLINE void store_to(double* lanes) const {
    HWY_UNROLL(16)
    for (int k = 0; k < kVectors; ++k) hn::StoreU(of[k], Wide(), lanes + k * static_cast<int>(hn::Lanes(Wide())));
  }

  /// sum_of() in registers as far as whole vectors go: the same sums in the same order.
  HWY_INLINE double sum() const {
    constexpr int kHalf = kVectors / 2;
    V<Wide> folded[kHalf];
    for (int k = 0; k < kHalf; ++k) folded[k] = hn::Add(of[k], of[k + kHalf]);
    for (int n = kHalf / 2; n >= 1 && n * static_cast<int>(hn::Lanes(Wide())) >= 4; n /= 2) {
      for (int k = 0; k < n; ++k) folded[k] = hn::Add(folded[k], folded[k + n]);
    }
    constexpr int kLeft = hn::MaxLanes(Wide()) >= 8 ? 8 : 4;
    HWY_ALIGN double lanes[8];
    for (int k = 0; k < kLeft / static_cast<int>(hn::MaxLanes(Wide())); ++k) {
      hn::Store(folded[k], Wide(), lanes + k * static_cast<int>(hn::MaxLanes(Wide())));
    }
    if constexpr (kLeft == 8) {
      for (int i = 0; i < 4; ++i) lanes[i] += lanes[i + 4];
    }
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
  }
};

/// Sums in float of a few elements each, before they are added to sums in double: kShortLanes lanes, kShortSteps turns at most.
/// A sum that is this short errs by a few roundings whatever the length of the distribution, at half the price of double.
using Narrow = hn::CappedTag<float, 16>;
struct ShortSum {
  static constexpr int kCount = kShortLanes / static_cast<int>(hn::MaxLanes(Narrow()));
  V<Narrow> of[kCount];

  HWY_INLINE void clear() {
    HWY_UNROLL(16)
    for (int k = 0; k < kCount; ++k) of[k] = hn::Zero(Narrow());
  }
  /// Onto kLanes doubles, lanes i and i + kLanes together onto lane i; then they begin anew.
  HWY_INLINE void move_to(Accumulator& lanes) {
    constexpr int kHalf = kCount / 2;
    HWY_UNROLL(16)
    for (int k = 0; k < kHalf; ++k) {
      const auto folded = hn::Add(of[k], of[k + kHalf]);
      V<Wide>& low = lanes.of[kParts<Narrow> * k];
      low = hn::Add(low, widened<0>(Narrow(), folded));
      if constexpr (kParts<Narrow> == 2) {
        V<Wide>& high = lanes.of[kParts<Narrow> * k + 1];
        high = hn::Add(high, widened<1>(Narrow(), folded));
      }
    }
    clear();
  }
};

/// sum[i…] += the vector's lanes, in double.
template <class D>
HWY_INLINE void add_widened(V<D> v, D d, double* sum, Whole) {
  const auto add = [&](auto part) NORMA_INLINE {
    double* at = sum + part.value * static_cast<int>(hn::Lanes(Wide()));
    hn::StoreU(hn::Add(hn::LoadU(Wide(), at), widened<part.value>(d, v)), Wide(), at);
  };
  add(std::integral_constant<int, 0>());
  if constexpr (kParts<D> == 2) add(std::integral_constant<int, 1>());
}
template <class D>
HWY_INLINE void add_widened(V<D> v, D d, double* sum, First first) {
  HWY_ALIGN hn::TFromD<D> lanes[64 / sizeof(hn::TFromD<D>)] = {};
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < first.lanes; ++i) sum[i] += static_cast<double>(lanes[i]);
}

/// Sums down the rows of a piece of kPiece columns at most, in the compute type, kShortSteps terms at most, before they are added in
/// double. Pieces are long enough for loops to be long, and short enough for the sums to stay in L1.
inline constexpr int64_t kPiece = 1024;
template <class C>
class PieceSums {
 public:
  using D = hn::CappedTag<C, 64 / sizeof(C)>;
  HWY_INLINE void clear(int64_t n) {
    const auto step = static_cast<int64_t>(hn::Lanes(D()));
    for (int64_t i = 0; i < n; i += step) hn::Store(hn::Zero(D()), D(), sums_ + i);
  }
  /// Lanes beyond the piece hold nothing that is used.
  HWY_INLINE void add(int64_t i, V<D> v) { hn::StoreU(hn::Add(hn::LoadU(D(), sums_ + i), v), D(), sums_ + i); }
  HWY_INLINE void move_to(double* sum, int64_t n) {
    for_each_vector_to(D(), sums_, n, false, [&](int64_t i, auto lanes) NORMA_INLINE {
      add_widened(hn::LoadU(D(), sums_ + i), D(), sum + i, lanes);
    });
    clear(n);
  }

 private:
  // A row that goes past the caches begins with a part of a vector: any place may be the first lane's.
  HWY_ALIGN C sums_[kPiece + 64 / sizeof(C)];
};

/// Walks `runs` runs of `length` elements in steps of kShortLanes: ask(run, i) before each, body(run, i, k, lanes) for each vector,
/// k counting those of a step, and flush() after kShortSteps steps and at the end. Vectors beyond a run's end are left alone.
template <class Ask, class Body, class Flush>
HWY_INLINE void for_each_short_step(int64_t runs, int64_t length, const Ask& ask, const Body& body, const Flush& flush) {
  constexpr auto step = static_cast<int64_t>(hn::MaxLanes(Narrow()));
  int64_t room = kShortSteps;
  for (int64_t r = 0; r < runs; ++r) {
    int64_t i = 0;
    while (length - i >= kShortLanes) {
      const int64_t end = i + HWY_MIN((length - i) / kShortLanes, room) * kShortLanes;
      room -= (end - i) / kShortLanes;
      for (; i < end; i += kShortLanes) {
        ask(r, i);
        HWY_UNROLL(8)
        for (int k = 0; k < ShortSum::kCount; ++k) body(r, i + k * step, k, Whole());
      }
      if (room == 0) {
        flush();
        room = kShortSteps;
      }
    }
    if (i == length) continue;
    ask(r, i);
    HWY_UNROLL(16)
    for (int k = 0; k < ShortSum::kCount; ++k) {
      if (i + k * step < length) body(r, i + k * step, k, First{static_cast<size_t>(HWY_MIN(step, length - i - k * step))});
    }
    if (--room == 0) {
      flush();
      room = kShortSteps;
    }
  }
  if (room != kShortSteps) flush();
}

/// Calls body(i, k, lanes) for each vector of D along a row of n elements, k counting the vectors of kLanes elements, and ask(i)
/// before each kLanes; vectors that the end of the row does not reach are left alone.
template <class D, class Ask, class Body>
HWY_INLINE void for_each_lane_vector(D d, int64_t n, const Ask& ask, const Body& body) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  constexpr int kCount = kLanes / static_cast<int>(hn::MaxLanes(D()));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    ask(i);
    HWY_UNROLL(8)
    for (int k = 0; k < kCount; ++k) body(i + k * step, k, Whole());
  }
  for (int k = 0; k < kCount && i < n; ++k, i += step) {
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
