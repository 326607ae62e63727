// SPDX-License-Identifier: Apache-2.0
// Five lines: a tensor, a grouping, a call.
#include <cmath>
#include <cstdio>
#include <norma/norma.hpp>
#include <numeric>
#include <vector>

int main() {
  // [first]
  std::vector<float> x(2 * 7 * 300), y(x.size());  // 2 sentences of 7 words of 300 numbers
  std::iota(x.begin(), x.end(), 0.0f);

  const norma::Grouping sentence = norma::Grouping::over({1, 2});  // each sentence is one distribution
  norma::normalize(norma::view(x.data(), {2, 7, 300}), norma::view(y.data(), {2, 7, 300}), sentence);

  std::printf("%g is %+.3f in its sentence\n", x[0], y[0]);  // 0 is -1.731 in its sentence
  // [/first]
  return std::abs(y[0] + 1.7312) < 1e-4 && y[2100] == y[0] ? 0 : 1;
}
