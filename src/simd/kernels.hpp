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

/// How a distribution's members are standardized: (x * prescale - high - low) * rstd.
/// high + low is the mean in the compute type, as a pair; prescale is a power of two, 1 unless values near the ends of the
/// exponent's range would overflow or vanish on the way.
struct Standard {
  double prescale = 1, high = 0, low = 0, rstd = 0;
};

/// Two sums along a row, lane by lane: of x - pivot and of its square, or of g and g * (x - mean).
struct alignas(64) LaneSums {
  double first[kLanes] = {};
  double second[kLanes] = {};
};

/// sums.first += x - pivot, sums.second += (x - pivot)^2; where not centered, sums.second += x^2 alone.
struct MeasureRows {
  const void* x;
  std::int64_t runs, run_stride, length;
  double pivot;
  LaneSums* sums;
};

/// The same down columns: one lane a column. first and second have `width` doubles.
struct MeasureColumns {
  const void* x;
  std::int64_t rows, row_stride, width;
  const double* pivot;
  double *first, *second;
};

/// y = (x * prescale - high - low) * rstd * weight + bias. weight and bias are in the compute type (float, or double for f64)
/// or null; they step by param_run from run to run and, where param_element, by one from element to element.
struct ApplyRows {
  const void* x;
  void* y;
  std::int64_t runs, x_run, y_run, length;
  Standard standard;
  const void *weight, *bias;
  std::int64_t param_run;
  bool param_element;
};

/// y = (x * prescale - high - low) * scale + shift, arrays of the compute type, one value a column; or, where row_weight or
/// row_bias is given, y = ((x * prescale - high - low) * scale) * row_weight + row_bias, one value a row.
struct ApplyColumns {
  const void* x;
  void* y;
  std::int64_t rows, x_row, y_row, width;
  const void *prescale, *high, *low, *scale, *shift;
  const void *row_weight, *row_bias;
  std::int64_t row_param;
};

/// sums.first += g, sums.second += g * (x * prescale - high - low), where g = dy * weight (weight as in ApplyRows, one value an
/// element, or null for 1).
struct GradSumsRows {
  const void *x, *dy;
  std::int64_t runs, x_run, dy_run, length;
  Standard standard;
  const void* weight;
  std::int64_t param_run;
  LaneSums* sums;
};

/// first += dy, second += dy * (x * prescale - high - low), one lane a column.
struct GradSumsColumns {
  const void *x, *dy;
  std::int64_t rows, x_row, dy_row, width;
  const double *prescale, *high, *low;
  double *first, *second;
};

/// dx = (g - mean_g - xhat * mean_gx) * rstd, or g * rstd where the statistics are constants; dx may be null.
/// Where param_element and dweight is given: dweight += dy * xhat, dbias += dy, one double an element, stepping as weight does.
struct GradRows {
  const void *x, *dy;
  void* dx;
  std::int64_t runs, x_run, dy_run, dx_run, length;
  Standard standard;
  double mean_g, mean_gx;
  bool constant_statistics;
  const void* weight;
  std::int64_t param_run;
  bool param_element;
  double *dweight, *dbias;
};

/// dx = dy * by_dy - by_one - (x * prescale - high - low) * by_x; where by_x is null, dx = dy * by_dy.
struct GradColumns {
  const void *x, *dy;
  void* dx;
  std::int64_t rows, x_row, dy_row, dx_row, width;
  const void *prescale, *high, *low, *by_dy, *by_one, *by_x;
};

/// The hot path whole: `count` distributions of one run each, at most kFusedLength long, measured, standardized and written.
/// weight and bias as in ApplyRows; saved may be null.
struct NormalizeRows {
  const void* x;
  void* y;
  std::int64_t count, x_step, y_step, length;
  double eps;
  bool centered;
  const void *weight, *bias;
  Moments* saved;
};

/// The longest chunk of a distribution that is summed in one go; partial results beyond it are merged.
inline constexpr std::int64_t kChunk = 4096;

struct TypedKernels {
  void (*measure_rows)(const MeasureRows&) noexcept;
  void (*measure_squares_rows)(const MeasureRows&) noexcept;
  void (*measure_columns)(const MeasureColumns&) noexcept;
  void (*measure_squares_columns)(const MeasureColumns&) noexcept;
  void (*apply_rows)(const ApplyRows&) noexcept;
  void (*apply_columns)(const ApplyColumns&) noexcept;
  void (*grad_sums_rows)(const GradSumsRows&) noexcept;
  void (*grad_sums_columns)(const GradSumsColumns&) noexcept;
  void (*grad_rows)(const GradRows&) noexcept;
  void (*grad_columns)(const GradColumns&) noexcept;
  void (*normalize_rows)(const NormalizeRows&) noexcept;
};

struct Kernels {
  TypedKernels of[4];  // indexed by DType: f32, f64, f16, bf16
  const TypedKernels& operator[](DType dtype) const { return of[static_cast<int>(dtype)]; }
};

/// The table of the instruction set in use. Throws Error when NORMA_TARGET names none that this machine has.
const Kernels& kernels();

/// The moments of one chunk from its sums, which were taken about the pivot, a member of the chunk. A member is never
/// further from its mean than sqrt(count - 1) deviations, so that at most log2(count) of double's 53 bits cancel here.
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

/// How to standardize by these moments, in single precision or in double.
inline Standard standard_of(const Moments& m, double eps, bool in_double) {
  Standard s;
  s.rstd = m.rstd(eps);
  double mean = m.mean, mean_low = m.mean_low;
  if (!in_double) {
    // 2^100 on either side leaves room for any member's distance from the mean and for the reciprocal deviation in float.
    constexpr double kFar = 0x1p100;
    if (std::fabs(mean) > kFar || s.rstd > kFar || (s.rstd != 0 && s.rstd < 1 / kFar)) [[unlikely]] {
      const double reach = std::fmax(std::fabs(mean), std::sqrt(m.variance()));
      s.prescale = reach > 1 ? 1 / kFar : kFar;
      s.rstd /= s.prescale;
      mean *= s.prescale;
      mean_low *= s.prescale;
    }
    s.high = static_cast<double>(static_cast<float>(mean));
    s.low = static_cast<double>(static_cast<float>((mean - s.high) + mean_low));
    // Only a constant with a minute eps comes this far; its members are at distance 0, and 0 * infinity is not the bias.
    s.rstd = std::fmin(s.rstd, 0x1p127);
    return s;
  }
  s.high = mean;
  s.low = mean_low;
  return s;
}

}  // namespace norma::simd
