// SPDX-License-Identifier: Apache-2.0
#include "tensors.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

namespace bench {

namespace {

template <class T>
T bits_at(const std::byte* data, std::size_t i) {
  T value;
  std::memcpy(&value, data + i * sizeof(T), sizeof(T));
  return value;
}
template <class T>
void put(std::byte* data, std::size_t i, T value) {
  std::memcpy(data + i * sizeof(T), &value, sizeof(T));
}

constexpr double kEps = 1e-5;

// Significant bits, the leading one included.
int precision(const std::string& dtype) { return dtype == "f64" ? 53 : dtype == "f32" ? 24 : dtype == "f16" ? 11 : 8; }

template <class T>
void write_all(const std::string& path, const std::vector<T>& values) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
}

}  // namespace

double load(const std::string& dtype, const std::byte* data, std::size_t i) {
  if (dtype == "f32") return double{bits_at<float>(data, i)};
  if (dtype == "f64") return bits_at<double>(data, i);
  if (dtype == "f16") return static_cast<double>(bits_at<_Float16>(data, i));
  const std::uint32_t bits = std::uint32_t{bits_at<std::uint16_t>(data, i)} << 16;
  return double{bits_at<float>(reinterpret_cast<const std::byte*>(&bits), 0)};
}

// bf16 by truncation: inputs alone are stored.
void store(const std::string& dtype, std::byte* data, std::size_t i, double value) {
  const auto rounded = static_cast<float>(value);
  if (dtype == "f32") put(data, i, rounded);
  else if (dtype == "f64") put(data, i, value);
  else if (dtype == "f16") put(data, i, static_cast<_Float16>(value));
  else put(data, i, static_cast<std::uint16_t>(bits_at<std::uint32_t>(reinterpret_cast<const std::byte*>(&rounded), 0) >> 16));
}

Tensors::Tensors(const Cell& of) : cell(of) {
  const std::size_t offset = static_cast<std::size_t>(of.offset) * of.element_size();
  x = Buffer(of.bytes(), offset), y = Buffer(of.bytes(), offset);
  if (of.backward()) dy = Buffer(of.bytes(), offset);

  // Draws cost more than all the rest; a prime number of them, over and over, does as well.
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<double> draws(65537);
  for (double& draw : draws) draw = normal(random);
  const double mean_of = of.hard ? 1e4 : 0, deviation = of.hard ? 0.1 : 1;
  for (std::size_t i = 0; i < of.count(); ++i) {
    store(of.dtype, x.data(), i, mean_of + deviation * draws[i % draws.size()]);
    if (of.backward()) store(of.dtype, dy.data(), i, draws[(i + 12345) % draws.size()]);
  }
  const auto parameters = static_cast<std::size_t>(of.parameters());
  for (std::size_t k = 0; k < parameters; ++k) {
    weight.push_back(static_cast<float>(1 + draws[k % draws.size()] / 4));
    bias.push_back(static_cast<float>(draws[(k + 4321) % draws.size()]));
  }
  for (std::size_t k = 0; k < static_cast<std::size_t>(of.c()); ++k) {
    mean.push_back(static_cast<float>(mean_of + deviation * draws[(k + 77) % draws.size()] / 8));
    variance.push_back(static_cast<float>(deviation * deviation * (1 + draws[(k + 99) % draws.size()] / 16)));
  }
  if (of.narrow == "lengths") {
    for (std::int64_t n = 0; n < of.n(); ++n) lengths.push_back(of.s() - of.s() * (n * 5 % 12) / 16);
  }
  if (of.narrow == "mask") {
    for (std::int64_t i = 0; i < of.n() * of.s(); ++i) mask.push_back(i % 7 != 3);
  }
}

bool Tensors::counts(std::int64_t n, std::int64_t s) const {
  if (!lengths.empty()) return s < lengths[static_cast<std::size_t>(n)];
  return mask.empty() || mask[static_cast<std::size_t>(n * cell.s() + s)] != 0;
}

void Tensors::write() const {
  x.write(cell.file("x"));
  if (cell.backward()) dy.write(cell.file("dy"));
  write_all(cell.file("weight"), weight), write_all(cell.file("bias"), bias);
  write_all(cell.file("mean"), mean), write_all(cell.file("variance"), variance);
}

// The formulas of normalize.hpp, element by element.
std::vector<long double> Tensors::exact() const {
  const std::int64_t samples = cell.n(), channels = cell.c(), positions = cell.s();
  const std::int64_t groups = cell.op == "group_norm" ? cell.groups : cell.op == "instance_norm" ? channels : 1;
  const bool centered = cell.op != "rms_norm", pooled = cell.op == "batch_norm";
  using Real = long double;
  struct Sums {
    Real n = 0, mean = 0, m2 = 0, rstd = 0, g = 0, gx = 0;
  };
  std::vector<Sums> sums(static_cast<std::size_t>(pooled ? channels : samples * groups));
  const auto each = [&](auto&& body) {
    for (std::int64_t n = 0; n < samples; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        Sums& of = sums[static_cast<std::size_t>(pooled ? c : n * groups + c / (channels / groups))];
        for (std::int64_t s = 0; s < positions; ++s) {
          if (!counts(n, s)) continue;
          const std::int64_t i = cell.channels_last() ? (n * positions + s) * channels + c : (n * channels + c) * positions + s;
          body(static_cast<std::size_t>(i), static_cast<std::size_t>(cell.per_row() ? s : c), of);
        }
      }
    }
  };
  const auto value = [&](std::size_t i) { return Real{load(cell.dtype, x.data(), i)}; };
  const auto g = [&](std::size_t i, std::size_t p) { return Real{load(cell.dtype, dy.data(), i)} * Real{weight[p]}; };
  each([&](std::size_t i, std::size_t, Sums& of) { of.n += 1, of.mean += value(i); });
  for (Sums& of : sums) of.mean = centered ? of.mean / of.n : 0;
  each([&](std::size_t i, std::size_t, Sums& of) { of.m2 += (value(i) - of.mean) * (value(i) - of.mean); });
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const bool given = cell.inference();
    if (given) sums[k].mean = Real{mean[k]};
    sums[k].rstd = 1 / std::sqrt((given ? Real{variance[k]} : sums[k].m2 / sums[k].n) + Real{kEps});
  }
  const auto xhat = [&](std::size_t i, const Sums& of) { return (value(i) - of.mean) * of.rstd; };
  if (cell.backward()) {
    each([&](std::size_t i, std::size_t p, Sums& of) { of.g += g(i, p), of.gx += g(i, p) * xhat(i, of); });
  }
  std::vector<Real> out(cell.count());
  each([&](std::size_t i, std::size_t p, Sums& of) {
    out[i] = cell.backward() ? (g(i, p) - (centered ? of.g / of.n : 0) - xhat(i, of) * of.gx / of.n) * of.rstd
                             : xhat(i, of) * Real{weight[p]} + (centered ? Real{bias[p]} : 0);
  });
  return out;
}

double Tensors::error(const std::byte* result) const {
  const std::vector<long double> right = exact();
  double worst = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double ulp = std::ldexp(1.0, std::ilogb(std::max(1.0L, std::abs(right[i]))) + 1 - precision(cell.dtype));
    const auto error = static_cast<double>(std::abs(load(cell.dtype, result, i) - right[i]) / ulp);
    if (!(error <= worst)) worst = std::isnan(error) ? HUGE_VAL : error;
  }
  return worst;
}

}  // namespace bench
