// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// Rows whose mean, variance and result are exact in every element type and every order of summing: what comes out is
/// compared with tolerance 0. (oneDNN's benchdnn chooses its inputs so.)

namespace norma::test {

struct ExactRow {
  std::string name;
  std::vector<double> x, y;
  double eps;
};

/// The reciprocal deviation is a power of two in each: variance + eps is one of four.
inline std::vector<ExactRow> exact_rows() {
  std::vector<ExactRow> rows = {
      {"two", {-1, 1}, {-1, 1}, 0},
      {"mean 8, deviation 2", {6, 10, 10, 6}, {-1, 1, 1, -1}, 0},
      {"deviation 1/4", {0.75, 1.25, 1.25, 0.75, 0.75, 1.25}, {-1, 1, 1, -1, -1, 1}, 0},
      {"eps makes 4 of 3", {0, 0, 0, 4}, {-0.5, -0.5, -0.5, 1.5}, 1},
      {"constant", std::vector<double>(37, 96), std::vector<double>(37, 0), 1e-5},
      {"constant without eps", std::vector<double>(37, 96), std::vector<double>(37, 0), 0},
      {"single", {5}, {0}, 1e-5},
  };
  // Longer than vectors, chunks of lanes and their tails.
  for (int n : {16, 34, 68, 130, 4098, 8200}) {
    ExactRow row{"alternating " + std::to_string(n), {}, {}, 0};
    for (int i = 0; i < n; ++i) {
      row.x.push_back(i % 2 ? 12 : 4);
      row.y.push_back(i % 2 ? 1 : -1);
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace norma::test
