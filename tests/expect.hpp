// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "random_case.hpp"
#include "reference.hpp"
#include "tolerance.hpp"

/// Compares what a case's calls gave with the exact reference.

namespace norma::test {

inline void expect_moments(const std::vector<Moments>& got, const std::vector<Statistics>& exact, bool centered, DType dtype) {
  ASSERT_EQ(got.size(), exact.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    const Statistics& s = exact[k];
    const double t = roundings(s.count) * kSumUnit;
    const Real in_float = short_roundings(s.count, dtype);
    ASSERT_EQ(got[k].count, s.count) << "distribution " << k;
    const Real mean = static_cast<Real>(got[k].mean) + static_cast<Real>(got[k].mean_low);
    EXPECT_LE(to_double(absolute(mean - s.mean)),
              to_double(t * 3 * s.reach + absolute(s.mean) * Real(0x1p-104) + 2 * in_float * root(s.variance())))
        << "mean of distribution " << k << ": " << got[k].mean << " for " << to_double(s.mean);
    const Real n = static_cast<Real>(s.count), room = centered ? s.m2 + n * 4 * s.reach * s.reach : s.m2;
    EXPECT_LE(to_double(absolute(got[k].m2 - s.m2)), to_double(t * room + 11 * in_float * s.m2) + 0x1p-1074)
        << "m2 of distribution " << k << ": " << got[k].m2 << " for " << to_double(s.m2);
    EXPECT_LE(std::fabs(got[k].mean_low), std::fabs(got[k].mean) * 0x1p-53) << "distribution " << k;
  }
}

inline void expect_forward(const Case& c, const std::vector<Statistics>& statistics, bool given) {
  const Problem p = c.problem();
  const std::vector<Real> exact = forward(p, statistics);
  std::vector<StatisticsError> errors;
  for (const Statistics& s : statistics) errors.push_back(given ? given_error(s, c.dtype) : measured_error(s, c.dtype));
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double got = c.y[static_cast<std::int64_t>(i)];
    if (p.ids[i] < 0) {
      ASSERT_TRUE(got == 0 && !std::signbit(got)) << "left out element " << i << " became " << got;
      continue;
    }
    const auto k = static_cast<std::size_t>(p.ids[i]);
    const Real tolerance = forward_tolerance(p, i, statistics[k], errors[k], exact[i], c.dtype);
    ASSERT_TRUE(agrees(got, exact[i], tolerance, c.dtype))
        << "element " << i << ": " << got << " for " << to_double(exact[i]) << ", off by "
        << to_double(absolute(got - exact[i])) << ", tolerance " << to_double(tolerance);
  }
}

inline void expect_gradients(const Case& c, const std::vector<Statistics>& statistics, bool constant) {
  const Problem p = c.problem();
  const Backward exact = backward(p, statistics, constant);
  std::vector<StatisticsError> errors, worst(static_cast<std::size_t>(p.parameters));
  for (const Statistics& s : statistics) errors.push_back(constant ? given_error(s, c.dtype) : measured_error(s, c.dtype));
  for (std::size_t i = 0; i < p.x.size(); ++i) {
    if (p.ids[i] < 0) continue;
    const StatisticsError& e = errors[static_cast<std::size_t>(p.ids[i])];
    StatisticsError& w = worst[static_cast<std::size_t>(p.parameter[i])];
    w = {larger(w.mean, e.mean), larger(w.rstd, e.rstd), larger(w.pair, e.pair)};
  }
  for (std::size_t i = 0; i < p.x.size() && !c.dx.empty(); ++i) {
    const double got = c.dx[static_cast<std::int64_t>(i)];
    if (p.ids[i] < 0) {
      ASSERT_TRUE(got == 0 && !std::signbit(got)) << "left out: dx[" << i << "] became " << got;
      continue;
    }
    const auto k = static_cast<std::size_t>(p.ids[i]);
    const Real tolerance = backward_tolerance(p, i, statistics[k], errors[k], exact.sums[k], constant, c.dtype);
    ASSERT_TRUE(agrees(got, exact.dx[i], tolerance, c.dtype))
        << "dx[" << i << "]: " << got << " for " << to_double(exact.dx[i]) << ", off by "
        << to_double(absolute(got - exact.dx[i])) << ", tolerance " << to_double(tolerance);
  }
  for (std::size_t k = 0; k < exact.parameters.size(); ++k) {
    const ParameterGradient& at = exact.parameters[k];
    const auto i = static_cast<std::int64_t>(k);
    if (!c.dweight.empty()) {
      const Real tolerance = dweight_tolerance(at, worst[k], c.dtype);
      ASSERT_TRUE(agrees(c.dweight[i], at.dweight, tolerance, c.dweight.dtype()))
          << "dweight[" << k << "]: " << c.dweight[i] << " for " << to_double(at.dweight) << ", tolerance "
          << to_double(tolerance);
    }
    if (!c.dbias.empty()) {
      ASSERT_TRUE(agrees(c.dbias[i], at.dbias, dbias_tolerance(at, c.dtype), c.dbias.dtype()))
          << "dbias[" << k << "]: " << c.dbias[i] << " for " << to_double(at.dbias);
    }
  }
}

}  // namespace norma::test
