// SPDX-License-Identifier: Apache-2.0
// norma_large: more than 2^31 elements of f16, normalized in place, and every element compared with the exact result. 4.3 GB.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "half.hpp"
#include "norma/normalize.hpp"

namespace {

using namespace norma;

struct Free {
  void operator()(void* p) const { std::free(p); }
};

/// A whole number from -128 to 128, exact in f16, that follows from the element's place.
int value_at(std::int64_t i) { return static_cast<int>((static_cast<std::uint64_t>(i) * 2654435761U >> 7) % 257) - 128; }

/// The sums of whole numbers are exact: mean and variance are those of the definition.
struct Exact {
  std::int64_t count = 0, sum = 0, squares = 0;
  double mean() const { return static_cast<double>(sum) / static_cast<double>(count); }
  double rstd() const {
    const long double n = static_cast<long double>(count), s = static_cast<long double>(sum), q = static_cast<long double>(squares);
    return static_cast<double>(1 / std::sqrt((q - s * s / n) / n + 1e-5L));
  }
};

struct Layout {
  const char* name;
  Dims shape;
  Grouping grouping;
  /// The distribution of element i.
  std::int64_t (*distribution)(std::int64_t i, const Dims& shape);
  std::int64_t distributions;
};

/// The next f16 in either direction may be right: the result is rounded twice.
bool near(double got, double exact) {
  const double ulp = std::ldexp(1.0, std::max(std::ilogb(exact == 0 ? 1e-7 : exact), -14) - 10);
  return std::fabs(got - exact) <= 0.51 * ulp + 1e-6;
}

bool run(const Layout& layout, Half* memory) {
  const std::int64_t n = count_of(layout.shape);
  std::vector<Exact> exact(static_cast<std::size_t>(layout.distributions));
  std::vector<Half> halves;
  for (int v = -128; v <= 128; ++v) halves.push_back(from_double<Half>(v));
  for (std::int64_t i = 0; i < n; ++i) {
    const int v = value_at(i);
    memory[i] = halves[static_cast<std::size_t>(v + 128)];
    Exact& e = exact[static_cast<std::size_t>(layout.distribution(i, layout.shape))];
    ++e.count, e.sum += v, e.squares += v * v;
  }
  const View x(memory, DType::f16, layout.shape);
  std::vector<Moments> moments(exact.size());
  const auto begin = std::chrono::steady_clock::now();
  normalize(x, x, layout.grouping, {}, moments);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  std::int64_t wrong = 0;
  std::vector<double> mean, rstd;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    mean.push_back(exact[k].mean()), rstd.push_back(exact[k].rstd());
    if (moments[k].count != exact[k].count || std::fabs(moments[k].mean - mean[k]) > 1e-12) ++wrong;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(layout.distribution(i, layout.shape));
    if (!near(to_double(memory[i]), (value_at(i) - mean[k]) * rstd[k])) ++wrong;
  }
  std::printf("large: %s %s, %lld elements: %lld wrong, %.1f s\n", layout.name, to_string(layout.shape).c_str(), static_cast<long long>(n),
              static_cast<long long>(wrong), seconds);
  return wrong == 0;
}

}  // namespace

int main() {
  const std::int64_t half = (std::int64_t{1} << 30) + 12345;
  const Layout layouts[] = {
      {"one distribution", {2, half}, Grouping::over({0, 1}), [](std::int64_t, const Dims&) { return std::int64_t{0}; }, 1},
      {"two samples", {2, half}, Grouping::sample(), [](std::int64_t i, const Dims& shape) { return i / shape[1]; }, 2},
      {"batch of columns", {(std::int64_t{1} << 21) + 3, 1024}, Grouping::batch(), [](std::int64_t i, const Dims& shape) { return i % shape[1]; }, 1024},
  };
  std::int64_t most = 0;
  for (const Layout& layout : layouts) most = std::max(most, count_of(layout.shape));
  const std::unique_ptr<Half, Free> memory(static_cast<Half*>(std::aligned_alloc(64, static_cast<std::size_t>((most * 2 + 63) / 64 * 64))));
  if (!memory) {
    std::fputs("large: 4.3 GB of memory are needed\n", stderr);
    return 2;
  }
  bool right = true;
  for (const Layout& layout : layouts) right = run(layout, memory.get()) && right;
  return right ? 0 : 1;
}
