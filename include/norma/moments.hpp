// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

namespace norma {

/// What is measured of one distribution: how many, about which centre, how far.
///
///     mean + mean_low = sum(x) / count          (or 0 + 0 where a norm measures about zero, as RMSNorm does)
///     m2              = sum((x - mean)^2)
///
/// The mean is a pair of doubles whose sum is the mean, |mean_low| <= ulp(mean) / 2: rounded to one number, a mean that
/// is large beside the deviation would cost the result that many digits.
///
/// Plain data; copying it is all there is to saving it.
struct Moments {
  std::int64_t count = 0;
  double mean = 0;
  double mean_low = 0;
  double m2 = 0;

  /// sum((x - mean)^2) / (count - ddof): 0 the population's (what normalizing uses), 1 the unbiased estimate.
  /// NaN where count <= ddof.
  double variance(int ddof = 0) const {
    return count > ddof ? m2 / static_cast<double>(count - ddof) : std::nan("");
  }

  /// 1 / sqrt(variance + eps), the reciprocal deviation; 0 where that would be 1 / 0 (a constant, eps = 0) or where
  /// nothing was counted, so that a constant distribution becomes the bias and never NaN.
  double rstd(double eps) const {
    if (count == 0) return 0;
    const double spread = variance() + eps;
    return spread == 0 ? 0 : 1 / std::sqrt(spread);
  }

  /// A distribution that is known by its statistics alone, as running ones are: variance() gives the variance back.
  static Moments of(double mean, double variance) { return {1, mean, 0, variance}; }
};

/// The moments of two disjoint parts taken together; exact in counts, and never a difference of large squares.
///
///     delta = b.mean - a.mean
///     mean  = a.mean + delta * b.count / n
///     m2    = a.m2 + b.m2 + delta^2 * a.count * b.count / n
///
/// Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances", eq. 2.1.
/// Chunks, threads, batches and machines all combine by this one rule. Merging with an empty part changes no bit.
inline Moments merge(const Moments& a, const Moments& b) {
  if (a.count == 0) return b;
  if (b.count == 0) return a;
  const double na = static_cast<double>(a.count), nb = static_cast<double>(b.count), n = na + nb;
  const double delta = (b.mean - a.mean) + (b.mean_low - a.mean_low);
  const double step = delta * (nb / n) + a.mean_low;
  Moments m;
  m.count = a.count + b.count;
  // Knuth's two-sum keeps what rounding the mean to one double would lose.
  m.mean = a.mean + step;
  const double back = m.mean - a.mean;
  m.mean_low = (a.mean - (m.mean - back)) + (step - back);
  m.m2 = a.m2 + b.m2 + delta * delta * (na * (nb / n));
  return m;
}

}  // namespace norma
