// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "reference.hpp"

/// How far a result may be from the exact one: a formula of the dtype and of the problem's condition, derived here and
/// nowhere tuned.
///
/// Two units of rounding meet. `u` is half an ulp of the type that elements are computed in (float, or double for f64);
/// U is half an ulp of double, in which sums end. The output's own rounding is no part of a tolerance: a result is right when
/// it is what some value within the tolerance rounds to.
///
/// Sums in double. Between an element and its distribution's sum stand at most T roundings: 256 rows of a chunk of columns or 512
/// turns of a lane, a tree of 16 lanes, and a merge for each chunk and block. They are taken about a pivot that is a
/// member, so the terms are at most 2 * reach, and in units of the deviation 2 * kappa, kappa = reach * rstd:
///     error of the mean      * rstd <= T * U * (1 + 2 kappa)            =: e_mean
///     error of the variance  * rstd^2 <= T * U * (1 + 2 kappa)^2         and of rstd, relatively, half of it =: e_rstd
///
/// Short sums in float, for all but f64. A term meets S more roundings of u: of its difference (twice in a square), its product, at
/// most 16 turns of a lane and the folding. They are only used where the pivot lies within sqrt(3) deviations of the mean: there
/// mean|x - pivot| <= 2 and mean (x - pivot)^2 <= 4 in units of the deviation, and m2 = second - first^2 / n errs by
/// S * 4 + 2 sqrt(3) * S * 2 < 11 S of itself:
///     e_mean <= 2 S u,  e_rstd <= 5.5 S u
/// That is the worst case, all roundings going one way; Accuracy.TypicalErrors holds what is seen.
///
/// The mean is applied as a pair of two compute numbers, 48 bits for float: e_pair = 2^-48 * |mean| * rstd, and 2^-27 where the
/// second one was left out.
///
/// Forward. xhat = ((x - high) - low) * rstd: two subtractions, rstd's rounding and a product, 4u; the weight's
/// rounding and its product, 2u; bias's rounding, u; the last sum, u of what it gives.

namespace norma::test {

inline constexpr double kSumUnit = 0x1p-53;

inline double unit_of(DType dtype) { return dtype == DType::f64 ? 0x1p-53 : 0x1p-24; }
/// The smallest number above 0 of the compute type: what an underflow may cost.
inline double least_of(DType dtype) { return dtype == DType::f64 ? 0x1p-1074 : 0x1p-149; }

/// Roundings one after another in a sum of n terms.
inline double roundings(std::int64_t n) {
  const auto terms = static_cast<double>(n);
  return std::min(terms, 512.0 + 64.0) + 16 + terms / 1024;
}

/// What the terms of a sum in float of n of them meet before they are added in double, in units of u: see above.
inline Real short_roundings(std::int64_t n, DType dtype) {
  if (dtype == DType::f64) return 0;
  return static_cast<Real>(std::min<std::int64_t>(n, 16) + 4) * Real(unit_of(dtype));
}

/// The errors of a distribution's statistics, in units of its deviation.
struct StatisticsError {
  Real mean = 0, rstd = 0, pair = 0;
};

inline StatisticsError measured_error(const Statistics& s, DType dtype) {
  const Real kappa = s.reach * s.rstd, t = roundings(s.count) * kSumUnit, wide = 1 + 2 * kappa;
  const Real in_float = short_roundings(s.count, dtype);
  return {t * wide + 2 * in_float, t * wide * wide / 2 + 4 * kSumUnit + in_float * Real(5.5),
          dtype == DType::f64 ? Real(0x1p-104) * absolute(s.mean) * s.rstd
                              : Real(0x1p-48) * absolute(s.mean) * s.rstd + Real(0x1p-27)};
}

inline StatisticsError given_error(const Statistics& s, DType dtype) {
  const StatisticsError e = measured_error({s.count, s.mean, s.m2, s.rstd, 0}, dtype);
  return {0, 4 * kSumUnit, e.pair};
}

inline Real forward_tolerance(const Problem& p, std::size_t i, const Statistics& s, const StatisticsError& e, Real y,
                              DType dtype) {
  const Real u = unit_of(dtype), w = absolute(p.weight_of(i)), b = absolute(p.bias_of(i));
  const Real xhat = absolute((static_cast<Real>(p.x[i]) - s.mean) * s.rstd);
  return w * (xhat * (6 * u + e.rstd) + e.mean + e.pair) + u * b + u * absolute(y) + 4 * (1 + w) * Real(least_of(dtype));
}

/// dx: g costs 2u, each mean's rounding u, xhat's product 6u, and what follows is relative to everything that was put
/// in; nine in all. The means err by their sums' roundings, by xhat's errors, and by those of the terms themselves,
/// which are rounded to the compute type before they are summed: 2u for g, 4u for g * xhat. In float xhat is taken without the
/// mean's second number, whose part is added later: 4u of that part more.
inline Real backward_tolerance(const Problem& p, std::size_t i, const Statistics& s, const StatisticsError& e,
                               const GradStatistics& sums, bool constant, DType dtype) {
  const Real u = unit_of(dtype), g = absolute(static_cast<Real>(p.dy[i]) * p.weight_of(i));
  const Real least = 8 * Real(least_of(dtype)) * (1 + s.rstd) * (1 + s.rstd);
  if (constant) return 9 * u * g * s.rstd + g * s.rstd * e.rstd + least;
  const Real xhat = absolute((static_cast<Real>(p.x[i]) - s.mean) * s.rstd);
  const Real t = roundings(s.count) * kSumUnit + short_roundings(s.count, dtype);
  const Real put_in = g + absolute(sums.mean_g) + xhat * absolute(sums.mean_gx), low = u * absolute(s.mean) * s.rstd;
  const Real of_g = (t + 2 * u) * sums.mean_abs_g;
  const Real of_gx = (t + 4 * u) * (sums.mean_abs_gx + low * sums.mean_abs_g) + (e.mean + e.pair) * sums.mean_abs_g +
                     e.rstd * absolute(sums.mean_gx);
  return s.rstd * (put_in * (9 * u + 2 * e.rstd) + of_g + xhat * of_gx + (e.mean + e.pair) * absolute(sums.mean_gx)) + least;
}

/// dweight: each term dy * xhat costs 6u and xhat's errors, and its sum one rounding a term at most, in double, and those of short sums.
inline Real dweight_tolerance(const ParameterGradient& at, const StatisticsError& worst, DType dtype) {
  const Real t = static_cast<Real>(at.count) * kSumUnit + short_roundings(at.count, dtype), u = unit_of(dtype);
  return at.abs_dy_xhat * (6 * u + worst.rstd + t) + at.abs_dy * (worst.mean + worst.pair * (1 + t / u) + t * Real(0x1p-20)) +
         static_cast<Real>(at.count) * 4 * Real(least_of(dtype));
}
inline Real dbias_tolerance(const ParameterGradient& at, DType dtype) {
  return at.abs_dy * (static_cast<Real>(at.count) * kSumUnit + short_roundings(at.count, dtype));
}

/// Whether `got`, an element of this dtype, is what some value within the tolerance of `exact` rounds to.
inline bool agrees(double got, Real exact, Real tolerance, DType dtype) {
  // Real to double rounds too; the next double outwards is never too strict.
  const double low = rounded_to(dtype, std::nextafter(to_double(exact - tolerance), -HUGE_VAL));
  const double high = rounded_to(dtype, std::nextafter(to_double(exact + tolerance), HUGE_VAL));
  return low <= got && got <= high;
}

}  // namespace norma::test
