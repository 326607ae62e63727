// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "norma/moments.hpp"
#include "norma/view.hpp"

/// What the loops of a plan call: one table of function pointers for each instruction set. Kernels know pointers, sizes and
/// strides; they are unchecked and never throw. All counts and strides are in elements.
///
/// Every sum is held in a fixed number of virtual lanes, whatever the width of the hardware's vectors, and no product is fused
/// with a sum: that is what makes the bits the same on every target.

namespace norma::simd {

/// Virtual lanes of a sum along a row: element i of a run is added to lane i mod kLanes. 16 doubles are two vectors of
/// AVX-512 and eight of SSE4.
inline constexpr int kLanes = 16;

/// Sums in float are short: kShortLanes lanes take kShortSteps turns before they are added, lanes i and i + kLanes together, to
/// the kLanes sums in double. Whatever the length of a distribution, no term meets more than kShortRoundings roundings to float: its
/// own difference, product and turns, and the folding.
inline constexpr int kShortLanes = 2 * kLanes, kShortSteps = 16, kShortRoundings = kShortSteps + 3;

/// How a distribution's members are standardized: (x * prescale - high - low) * rstd.
/// high + low is the mean as a pair, high being a value of the compute type; prescale is a power of two, 1 unless values near
/// the ends of the exponent's range would overflow or vanish on the way.
struct Standard {
  double prescale = 1, high = 0, low = 0, rstd = 0;
};

/// Two sums along a row, lane by lane: of x - pivot and of its square.
struct alignas(64) LaneSums {
  double first[kLanes] = {};
  double second[kLanes] = {};
};

struct Sums {
  double first = 0, second = 0;
};

/// sums.first += x - pivot, sums.second += (x - pivot)^2; where not centered, sums.second += x^2 alone.
struct MeasureRows {
  const void* x;
  std::int64_t runs, run_stride, length;
  double pivot;
  LaneSums* sums;
};

/// The same down columns: one lane a column. first and second have `width` doubles; so has pivot for the sums in double, and for
/// those in float `width` floats.
struct MeasureColumns {
  const void* x;
  std::int64_t rows, row_stride, width;
  const void* pivot;
  double *first, *second;
  bool cached;  // the rows are thought to be in a cache; here and below
};

/// sum += x, column by column, in double.
struct SumColumns {
  const void* x;
  std::int64_t rows, row_stride, width;
  double* sum;
};

/// Where y is int8: what is written is clamp(round(v / scale) + zero_point), v being what would have been. scale 0: y is as x.
struct Steps {
  double scale = 0;
  int zero_point = 0;
};

/// y = (x * prescale - high - low) * rstd * weight + bias. weight and bias are in the compute type (float, or double for f64)
/// or null; they step by param_run from run to run and, where param_element, by one from element to element. Where standards is
/// given, each run has one of its own there.
struct ApplyRows {
  const void* x;
  void* y;
  std::int64_t runs, x_run, y_run, length;
  Standard standard;
  const void *weight, *bias;
  std::int64_t param_run;
  bool param_element;
  bool stream;      // y goes past the caches; here and below
  const void* add;  // lies as y does; here and below
  bool relu;
  const Standard* standards;
  Steps steps;
};

/// y = (x * prescale - high - low) * scale + shift, arrays of the compute type, one value a column (prescale null: 1, low null: 0); or, where
/// row_weight or row_bias is given, y = ((x * prescale - high - low) * scale) * row_weight + row_bias, one value a row.
struct ApplyColumns {
  const void* x;
  void* y;
  std::int64_t rows, x_row, y_row, width;
  const void *prescale, *high, *low, *scale, *shift;
  const void *row_weight, *row_bias;
  std::int64_t row_param;
  bool stream;
  const void* add;
  bool relu;
  Steps steps;
};

/// sum = a + b, each as it is rounded to the element type.
struct AddRows {
  const void *a, *b;
  void* sum;
  std::int64_t runs, a_run, b_run, sum_run, length;
};

/// first += dy, second += dy * xhat down columns, one lane a column, where xhat = (x * prescale - high - low) * rstd: arrays of double, or
/// for the sums in float of float, where prescale is 1 and `low` is left to the caller: it costs low * rstd * first.
struct GradSumsColumns {
  const void *x, *dy;
  std::int64_t rows, x_row, dy_row, width;
  const void *prescale, *high, *low, *rstd;
  double *first, *second;
  const void* y;  // lies as dy does; null: dy counts everywhere, else where y is above zero; here and below
  bool cached;
};

/// One distribution's part of a backward pass: its operands, its standardization, and the means of g and g * xhat, where
/// g = dy * weight.
struct GradRow {
  const void *x, *dy;
  void* dx;
  Standard standard;
  double mean_g, mean_gx;
  const void* y;
  const void* dsum;  // lies as dx does; is added to it; here and below
  void* dadd;        // lies as dy does; is given dy where it counts and zero elsewhere; here and below
};

/// The longest list of distributions that a kernel takes.
inline constexpr std::int64_t kMostRows = 128;

/// sums[k] = sum(g), sum(g * xhat) of each of `count` distributions, over their runs; weight as in ApplyRows, one value an element, or
/// null for 1. In float and, where that leaves float's range, in double.
struct GradSumsRows {
  const GradRow* rows;
  std::int64_t count, runs, x_run, dy_run, length;
  const void* weight;
  std::int64_t param_run;
  Sums* sums;
};

/// dx = (g - mean_g - xhat * mean_gx) * rstd, or g * rstd where the statistics are constants, of `count` distributions, kMostRows at
/// most: of all of them one run after another. The weight is one number a distribution, param_step apart (null: 1).
struct GradRows {
  const GradRow* rows;
  std::int64_t count, runs, x_run, dy_run, dx_run, length;
  bool constant_statistics;
  const void* weight;
  std::int64_t param_step;
  bool stream;
};

/// The same for `count` distributions, kShortSteps at most, of one run whose weights (null: 1) are those of its elements, and
/// dweight += dy * xhat, dbias += dy, one double an element. dx, dweight and dbias may be null.
struct GradElements {
  const GradRow* rows;
  std::int64_t count, length;
  bool constant_statistics;
  const void* weight;
  double *dweight, *dbias;
  bool stream;
};

/// dx = dy * by_dy - by_one - (x * prescale - high - low) * by_x; where by_x is null, dx = dy * by_dy. prescale null: 1,
/// low null: 0.
struct GradColumns {
  const void *x, *dy;
  void* dx;
  std::int64_t rows, x_row, dy_row, dx_row, width;
  const void *prescale, *high, *low, *by_dy, *by_one, *by_x;
  bool stream;
  const void *y, *dsum;
  void* dadd;
};

/// The hot path whole: `count` distributions of one run each, at most kChunk long, measured, standardized and written.
/// weight and bias are those of its elements, or where param_step is not 0 one number a distribution; what follows stream is as in
/// ApplyRows; saved may be null. Where residual is given, sum = x + residual is written
/// first and takes the place of x; both lie as x does.
struct NormalizeRows {
  const void* x;
  void* y;
  std::int64_t count, x_step, y_step, length;
  double eps;
  bool centered;
  const void *weight, *bias;
  std::int64_t param_step;
  Moments* saved;
  bool stream;
  const void* add;
  bool relu;
  const void* residual;
  void* sum;
};

/// The longest chunk of a distribution that is summed in one go; partial results beyond it are merged.
inline constexpr std::int64_t kChunk = 4096;

/// What stands under a name ending in _wide sums in double whatever the element type; f64 always does.
struct TypedKernels {
  void (*measure_rows)(const MeasureRows&) noexcept;
  void (*measure_rows_wide)(const MeasureRows&) noexcept;
  void (*measure_squares_rows)(const MeasureRows&) noexcept;
  void (*measure_squares_rows_wide)(const MeasureRows&) noexcept;
  void (*measure_columns)(const MeasureColumns&) noexcept;
  void (*measure_columns_wide)(const MeasureColumns&) noexcept;
  void (*measure_squares_columns)(const MeasureColumns&) noexcept;
  void (*measure_squares_columns_wide)(const MeasureColumns&) noexcept;
  void (*sum_columns)(const SumColumns&) noexcept;
  void (*apply_rows)(const ApplyRows&) noexcept;
  void (*apply_columns)(const ApplyColumns&) noexcept;
  void (*add_rows)(const AddRows&) noexcept;
  void (*grad_sums_rows)(const GradSumsRows&) noexcept;
  void (*grad_sums_columns)(const GradSumsColumns&) noexcept;
  void (*grad_sums_columns_wide)(const GradSumsColumns&) noexcept;
  void (*grad_rows)(const GradRows&) noexcept;
  void (*grad_elements)(const GradElements&) noexcept;
  void (*grad_columns)(const GradColumns&) noexcept;
  void (*normalize_rows)(const NormalizeRows&) noexcept;
  void (*standards)(const Moments* moments, std::int64_t count, double eps, Standard* of) noexcept;
  void (*merge_moments)(const Moments* part, std::int64_t count, Moments* into) noexcept;
};

struct Kernels {
  TypedKernels of[4];  // indexed by DType: f32, f64, f16, bf16
  const TypedKernels& operator[](DType dtype) const { return of[static_cast<int>(dtype)]; }
};

/// The table of the instruction set in use. Throws Error when NORMA_TARGET names none that this machine has.
const Kernels& kernels();

/// The moments of one chunk from its sums, which were taken about the pivot. In double the pivot is a member of the chunk, which is
/// never further from the mean than sqrt(count - 1) deviations, so that at most log2(count) of double's 53 bits cancel here.
/// Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", eq. 1.7 (shifted data).
inline Moments moments_of(std::int64_t count, double pivot, double first, double second) {
  const double step = first / static_cast<double>(count);
  const double centred = second - first * step;
  Moments m;
  m.count = count;
  m.mean = pivot + step;
  const double back = m.mean - pivot;
  m.mean_low = (pivot - (m.mean - back)) + (step - back);
  m.m2 = centred < 0 ? 0 : centred;
  return m;
}

/// The sum of the lanes in a fixed order: halves onto each other.
inline double sum_of(const double (&lanes)[kLanes]) {
  double eight[8], four[4];
  for (int i = 0; i < 8; ++i) eight[i] = lanes[i] + lanes[i + 8];
  for (int i = 0; i < 4; ++i) four[i] = eight[i] + eight[i + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/// Whether sums in float are as good as they look: the pivot lies within sqrt(3) deviations of the mean, so that hardly a digit cancels,
/// and no square left float's range. NaN is never good.
inline bool good(std::int64_t count, const Sums& sums) {
  const auto n = static_cast<double>(count);
  return (n * sums.second - sums.first * sums.first) * 4 >= n * sums.second && sums.second >= n * 0x1p-100 &&
         sums.second <= 0x1p1000;
}

/// The moments of one chunk. sweep(pivot, wide) takes its sums about a pivot, in double where `wide`; `member` is a member of it and
/// `rounded` rounds to the element type, so that the pivot can stand in for what a mask leaves out.
///
/// A member is the first pivot: of normal data it is near enough eleven times of twelve. Where it is not, its sums tell where the mean is.
/// Where that does not help either (a constant, a mean of a million deviations, values near the ends of float's range), the sums
/// are taken in double.
template <class Rounded, class Sweep>
inline Moments measure_chunk(std::int64_t count, bool centered, bool in_double, double member, const Rounded& rounded,
                             const Sweep& sweep) {
  Sums sums = sweep(member, in_double);
  double pivot = member;
  if (!in_double && !good(count, sums)) [[unlikely]] {
    pivot = centered ? rounded(member + sums.first / static_cast<double>(count)) : 0;
    if (pivot != member) sums = sweep(pivot, false);  // NaN too: no good either
    if (!good(count, sums)) {
      pivot = member;
      sums = sweep(member, true);
    }
  }
  return centered ? moments_of(count, pivot, sums.first, sums.second) : Moments{count, 0, 0, sums.second};
}

/// 2^100 on either side leaves room in float for any member's distance from the mean, and 2^50 for the square of the reciprocal
/// deviation, by which the backward pass multiplies.
inline constexpr double kFar = 0x1p100, kFarRstd = 0x1p50;
/// Half the rounding of a mean that is small beside the deviation is not seen in the result, and subtracting it costs time.
inline constexpr double kUnseen = 0x1p-27;

/// How to standardize by these moments, whose reciprocal deviation is rstd, in single precision or in double.
inline Standard standard_of(const Moments& m, double rstd, bool in_double) {
  Standard s;
  s.rstd = rstd;
  double mean = m.mean, mean_low = m.mean_low;
  if (!in_double) {
    if (std::fabs(mean) > kFar || s.rstd > kFarRstd || (s.rstd != 0 && s.rstd < 1 / kFarRstd)) [[unlikely]] {
      const double deviation = std::sqrt(m.variance()), reach = std::fabs(mean) > deviation ? std::fabs(mean) : deviation;
      s.prescale = reach > 1 || s.rstd < 1 ? 1 / kFar : kFar;
      s.rstd /= s.prescale;
      mean *= s.prescale;
      mean_low *= s.prescale;
    }
    s.high = static_cast<double>(static_cast<float>(mean));
    // Kernels round it to float themselves. Rounded here as well, GCC 12 takes the two roundings for one vector operation and
    // then drops it: at -O2, (double)(float) of neighbouring members is the unrounded value.
    s.low = (mean - s.high) + mean_low;
    if (std::fabs(s.low) * s.rstd < kUnseen) s.low = 0;
    // Only a constant with a minute eps comes this far; its members are at distance 0, and 0 * infinity is not the bias. Below
    // float's 2^127, for weights have yet to come.
    if (s.rstd > kFar) s.rstd = kFar;
    return s;
  }
  s.high = mean;
  s.low = mean_low;
  return s;
}

}  // namespace norma::simd
