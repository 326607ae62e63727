// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exact.hpp"
#include "norma/moments.hpp"

/// Normalization, written straight from its definition in 113 bits. Knows nothing of plans, kernels or layouts: an
/// element has a number in C order, a distribution and a parameter.

namespace norma::test {

/// What is to be normalized. ids and parameter have a value for each element; an id of -1 is no distribution.
struct Problem {
  std::vector<double> x, dy;
  std::vector<std::int64_t> ids, parameter;
  std::vector<double> weight, bias;  // empty: 1 and 0
  bool weight_plus_one = false;
  double eps = 0;
  bool centered = true;
  std::int64_t distributions = 0, parameters = 0;

  Real weight_of(std::size_t i) const {
    if (weight.empty()) return 1;
    const Real w = weight[static_cast<std::size_t>(parameter[i])];
    return weight_plus_one ? w + 1 : w;
  }
  Real bias_of(std::size_t i) const {
    return bias.empty() ? Real(0) : Real(bias[static_cast<std::size_t>(parameter[i])]);
  }
};

/// One distribution. `reach` is the largest |x - mean| of its members: how ill-conditioned measuring it is.
struct Statistics {
  std::int64_t count = 0;
  Real mean = 0, m2 = 0, rstd = 0, reach = 0;

  Real variance() const { return count ? m2 / static_cast<Real>(count) : Real(0); }
};

/// rstd = 1 / sqrt(variance + eps), and 0 where that would be 1 / 0.
inline void settle_rstd(Statistics& s, double eps) {
  const Real spread = s.variance() + static_cast<Real>(eps);
  s.rstd = s.count > 0 && spread > 0 ? 1 / root(spread) : Real(0);
}

inline std::vector<Statistics> statistics_of(const Problem& p) {
  std::vector<Statistics> all(static_cast<std::size_t>(p.distributions));
  const auto each = [&](const auto& body) {
    for (std::size_t i = 0; i < p.x.size(); ++i) {
      if (p.ids[i] >= 0) body(all[static_cast<std::size_t>(p.ids[i])], static_cast<Real>(p.x[i]));
    }
  };
  each([](Statistics& s, Real x) { ++s.count, s.mean += x; });
  for (Statistics& s : all) s.mean = s.count && p.centered ? s.mean / static_cast<Real>(s.count) : Real(0);
  each([](Statistics& s, Real x) {
    s.m2 += (x - s.mean) * (x - s.mean);
    s.reach = larger(s.reach, absolute(x - s.mean));
  });
  for (Statistics& s : all) settle_rstd(s, p.eps);
  return all;
}

/// Statistics that are given: taken at their word.
inline std::vector<Statistics> statistics_from(std::span<const Moments> given, double eps) {
  std::vector<Statistics> all;
  for (const Moments& m : given) {
    Statistics s{m.count, static_cast<Real>(m.mean) + static_cast<Real>(m.mean_low), static_cast<Real>(m.m2), 0, 0};
    settle_rstd(s, eps);
    all.push_back(s);
  }
  return all;
}

/// y = (x - mean) * rstd * weight + bias, and 0 where there is no distribution.
inline std::vector<Real> forward(const Problem& p, const std::vector<Statistics>& statistics) {
  std::vector<Real> y(p.x.size(), Real(0));
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (p.ids[i] < 0) continue;
    const Statistics& s = statistics[static_cast<std::size_t>(p.ids[i])];
    y[i] = (static_cast<Real>(p.x[i]) - s.mean) * s.rstd * p.weight_of(i) + p.bias_of(i);
  }
  return y;
}

/// What the sums of the backward pass are made of, distribution by distribution.
struct GradStatistics {
  Real mean_g = 0, mean_gx = 0;          // of g and of g * xhat
  Real mean_abs_g = 0, mean_abs_gx = 0;  // of their magnitudes: what rounding errors are relative to
};

struct ParameterGradient {
  Real dweight = 0, dbias = 0;
  Real abs_dy = 0, abs_dy_xhat = 0;
  std::int64_t count = 0;
};

struct Backward {
  std::vector<Real> dx;
  std::vector<GradStatistics> sums;
  std::vector<ParameterGradient> parameters;
};

/// dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd, or g * rstd where the statistics are constants; g = dy * weight.
inline Backward backward(const Problem& p, const std::vector<Statistics>& statistics, bool constant) {
  Backward b;
  b.dx.assign(p.x.size(), Real(0));
  b.sums.resize(statistics.size());
  b.parameters.resize(static_cast<std::size_t>(p.parameters));
  const auto each = [&](const auto& body) {
    for (std::size_t i = 0; i < p.x.size(); ++i) {
      if (p.ids[i] < 0) continue;
      const auto k = static_cast<std::size_t>(p.ids[i]);
      const Statistics& s = statistics[k];
      body(i, b.sums[k], s, static_cast<Real>(p.dy[i]), (static_cast<Real>(p.x[i]) - s.mean) * s.rstd);
    }
  };
  each([&](std::size_t i, GradStatistics& sums, const Statistics&, Real dy, Real xhat) {
    const Real g = dy * p.weight_of(i);
    sums.mean_g += g;
    sums.mean_gx += g * xhat;
    sums.mean_abs_g += absolute(g);
    sums.mean_abs_gx += absolute(g * xhat);
    ParameterGradient& at = b.parameters[static_cast<std::size_t>(p.parameter[i])];
    at.dweight += dy * xhat;
    at.dbias += dy;
    at.abs_dy += absolute(dy);
    at.abs_dy_xhat += absolute(dy * xhat);
    ++at.count;
  });
  for (std::size_t k = 0; k < b.sums.size(); ++k) {
    const Real n = statistics[k].count ? static_cast<Real>(statistics[k].count) : Real(1);
    GradStatistics& sums = b.sums[k];
    sums = {p.centered ? sums.mean_g / n : Real(0), sums.mean_gx / n, sums.mean_abs_g / n, sums.mean_abs_gx / n};
  }
  each([&](std::size_t i, const GradStatistics& sums, const Statistics& s, Real dy, Real xhat) {
    const Real g = dy * p.weight_of(i);
    b.dx[i] = (constant ? g : g - sums.mean_g - xhat * sums.mean_gx) * s.rstd;
  });
  return b;
}

}  // namespace norma::test
