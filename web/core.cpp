// SPDX-License-Identifier: Apache-2.0
// Norma's C++ interface for web/model/core.js: flat functions over the module's own memory, one tensor of f32 at a time.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

#include "norma/norma.hpp"

#define EXPORT extern "C" __attribute__((used))

using norma::ConstView, norma::Dims, norma::Grouping, norma::Moments;

/// What is asked: a shape and who belongs together. core.js writes it, member by member.
struct Request {
  std::int32_t rank, shape[norma::kMaxRank];
  std::int32_t kind, axis, number, dim_count, dims[norma::kMaxRank];
  std::int32_t keys, key_count;  // of kind "labels"; addresses of int64
  std::int32_t lengths, length_count, lengths_axis;
  std::int32_t centered;
  std::int32_t parameter_count, parameter_axes[norma::kMaxRank];
  std::int32_t weight, weights, bias, biases;  // addresses of f32 and how many; 0: absent
  double eps;
};

namespace {

template <class T>
T* at(std::int32_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

Dims dims_of(const std::int32_t* values, std::int32_t count) {
  Dims dims;
  for (std::int32_t i = 0; i < count; ++i) dims.push_back(values[i]);
  return dims;
}

Dims shape_of(const Request& r) { return dims_of(r.shape, r.rank); }

Grouping grouping_of(const Request& r) {
  Grouping g = [&] {
    switch (r.kind) {
      case 1: return Grouping::batch(r.axis);
      case 2: return Grouping::sample();
      case 3: return Grouping::instance(r.axis);
      case 4: return Grouping::group(r.number, r.axis);
      case 5: return Grouping::labels({at<std::int64_t>(r.keys), static_cast<std::size_t>(r.key_count)}, r.axis);
      default: return Grouping::over(dims_of(r.dims, r.dim_count));
    }
  }();
  if (r.length_count > 0) {
    g = g.with_lengths({at<std::int64_t>(r.lengths), static_cast<std::size_t>(r.length_count)}, r.lengths_axis);
  }
  return r.parameter_count > 0 ? g.parameters_along(dims_of(r.parameter_axes, r.parameter_count)) : g;
}

norma::Options options_of(const Request& r) {
  norma::Options options;
  options.eps = r.eps;
  options.centered = r.centered != 0;
  if (r.weight) options.weight = norma::view(at<const float>(r.weight), {r.weights});
  if (r.bias) options.bias = norma::view(at<const float>(r.bias), {r.biases});
  return options;
}

std::span<Moments> moments_of(const Request& r, Moments* moments) {
  return {moments, static_cast<std::size_t>(grouping_of(r).boxes(shape_of(r)).distributions())};
}

}  // namespace

EXPORT void* norma_web_allocate(std::size_t bytes) { return std::malloc(bytes ? bytes : 1); }
EXPORT void norma_web_release(void* memory) { std::free(memory); }
EXPORT const char* norma_web_target() { return norma::target(); }

EXPORT std::int32_t norma_web_distributions(const Request* r) {
  return static_cast<std::int32_t>(grouping_of(*r).boxes(shape_of(*r)).distributions());
}
EXPORT std::int32_t norma_web_parameters(const Request* r) {
  return static_cast<std::int32_t>(grouping_of(*r).boxes(shape_of(*r)).parameters());
}

/// ids: one an element.
EXPORT void norma_web_assign(const Request* r, std::int64_t* ids) {
  const Dims shape = shape_of(*r);
  grouping_of(*r).assign(shape, {ids, static_cast<std::size_t>(norma::count_of(shape))});
}

EXPORT void norma_web_normalize(const Request* r, const float* x, float* y, Moments* saved) {
  const Dims shape = shape_of(*r);
  norma::normalize(norma::view(x, shape), norma::view(y, shape), grouping_of(*r), options_of(*r), moments_of(*r, saved));
}

EXPORT void norma_web_normalize_with(const Request* r, const float* x, float* y, Moments* given) {
  const Dims shape = shape_of(*r);
  norma::normalize_with(norma::view(x, shape), norma::view(y, shape), grouping_of(*r), moments_of(*r, given), options_of(*r));
}

/// Pairs with the same number in `same` and different ones in `different`; each may be null. counts: kept, reversed, tied
/// before, tied after alone … as PairCounts has them.
EXPORT void norma_web_count_pairs(std::int32_t n, const float* x, const float* y, const std::int64_t* same,
                                  const std::int64_t* different, norma::PairCounts* counts) {
  const auto size = static_cast<std::size_t>(n);
  norma::PairKind kind;
  if (same) kind.same = {same, size};
  if (different) kind.different = {different, size};
  *counts = norma::count_pairs(norma::view(x, {n}), norma::view(y, {n}), kind);
}

/// Of `vectors` vectors of d numbers: for each the angle to itself in degrees, NaN where a direction is missing.
EXPORT void norma_web_turns(std::int32_t vectors, std::int32_t d, const float* x, const float* y, double* degrees) {
  const auto seen = norma::compare_vectors(norma::view(x, {vectors, d}), norma::view(y, {vectors, d}));
  for (std::size_t i = 0; i < seen.turns.size(); ++i) degrees[i] = seen.turns[i].degrees;
}

/// Standard deviation, skewness and excess kurtosis of n numbers, by central moments; NaN where nothing varies.
EXPORT void norma_web_shape(std::int32_t n, const float* x, double* out) {
  Moments m;
  norma::measure(norma::view(x, {n}), Grouping::over({0}), {&m, 1});
  double sums[3] = {};
  for (std::int32_t i = 0; i < n; ++i) {
    const double v = (static_cast<double>(x[i]) - m.mean) - m.mean_low, square = v * v;
    sums[0] += square;
    sums[1] += square * v;
    sums[2] += square * square;
  }
  const double variance = sums[0] / n;
  out[0] = std::sqrt(variance);
  out[1] = sums[1] / n / (variance * out[0]);
  out[2] = sums[2] / n / (variance * variance) - 3;
}

/// What is drawn of a value: a position between 0 and 1.
struct Ruler {
  float shift, scale;
  float of(float value) const { return std::clamp((value + shift) * scale, 0.0F, 1.0F); }
};

/// The pixels of a picture, one a cell: table[level of the cell's element][tone]. order: each cell's element, negative for none.
/// The tone lies `between` of the way from a's position on its ruler to b's on its own; b may be null.
EXPORT void norma_web_paint(std::int32_t cells, const std::int32_t* order, const std::uint8_t* levels,
                            const std::uint32_t (*table)[256], const float* a, float shift_a, float scale_a, const float* b,
                            float shift_b, float scale_b, float between, std::int32_t invert, std::uint32_t* pixels) {
  const Ruler from{shift_a, scale_a}, to{shift_b, scale_b};
  const float base = invert ? 255.5F : 0.5F, sign = invert ? -255.0F : 255.0F;
  for (std::int32_t q = 0; q < cells; ++q) {
    const std::int32_t i = order[q];
    if (i < 0) continue;
    float tone = from.of(a[i]);
    if (b) tone += (to.of(b[i]) - tone) * between;
    pixels[q] = table[levels[i]][static_cast<std::uint32_t>(base + sign * tone)];
  }
}

/// Draws a picture of `cols` pixels a row larger: out[y][x] = pixels[rows_of[y]][cols_of[x]], 0 where either is negative.
EXPORT void norma_web_enlarge(const std::uint32_t* pixels, std::int32_t cols, const std::int32_t* rows_of, std::int32_t tall,
                              const std::int32_t* cols_of, std::int32_t wide, std::uint32_t* out) {
  for (std::int32_t y = 0; y < tall; ++y, out += wide) {
    if (rows_of[y] < 0) {
      std::fill_n(out, wide, 0);
    } else if (y > 0 && rows_of[y] == rows_of[y - 1]) {
      std::copy_n(out - wide, wide, out);
    } else {
      const std::uint32_t* row = pixels + static_cast<std::ptrdiff_t>(rows_of[y]) * cols;
      for (std::int32_t x = 0; x < wide; ++x) out[x] = cols_of[x] < 0 ? 0 : row[cols_of[x]];
    }
  }
}

/// The mean of |x - y|.
EXPORT double norma_web_distance(std::int32_t n, const float* x, const float* y) {
  double sum = 0;
  for (std::int32_t i = 0; i < n; ++i) sum += std::abs(static_cast<double>(x[i]) - y[i]);
  return sum / n;
}

/// Of `vectors` vectors of d numbers. parts: for each its length along (1, ..., 1) and the length of the rest. cosines: of each
/// with each, NaN where a direction is missing.
EXPORT void norma_web_vectors(std::int32_t vectors, std::int32_t d, const float* x, double* parts, double* cosines) {
  const auto dot = [&](std::int32_t p, std::int32_t q) {
    double sum = 0;
    for (std::int32_t k = 0; k < d; ++k) sum += static_cast<double>(x[p * d + k]) * x[q * d + k];
    return sum;
  };
  for (std::int32_t p = 0; p < vectors; ++p) {
    double sum = 0, rest = 0;
    for (std::int32_t k = 0; k < d; ++k) sum += x[p * d + k];
    for (std::int32_t k = 0; k < d; ++k) rest += (x[p * d + k] - sum / d) * (x[p * d + k] - sum / d);
    parts[2 * p] = sum / std::sqrt(d);
    parts[2 * p + 1] = std::sqrt(rest);
    for (std::int32_t q = 0; q < vectors; ++q) cosines[p * vectors + q] = dot(p, q) / std::sqrt(dot(p, p) * dot(q, q));
  }
}

/// A BatchNorm without weight and bias, of PyTorch's defaults but for what is given.
EXPORT norma::BatchNorm* norma_web_batch_norm(std::int32_t channels, std::int32_t channel_axis, double momentum, double eps) {
  norma::BatchNormOptions options;
  options.momentum = momentum;
  options.eps = eps;
  options.affine = false;
  options.channel_axis = channel_axis;
  return std::make_unique<norma::BatchNorm>(channels, options).release();
}
EXPORT void norma_web_batch_norm_destroy(norma::BatchNorm* layer) { std::unique_ptr<norma::BatchNorm>{layer}; }
EXPORT void norma_web_batch_norm_forward(norma::BatchNorm* layer, const Request* r, const float* x, float* y,
                                         std::int32_t train) {
  const Dims shape = shape_of(*r);
  layer->train(train != 0);
  layer->forward(norma::view(x, shape), norma::view(y, shape));
}
EXPORT const double* norma_web_batch_norm_mean(const norma::BatchNorm* layer) { return layer->running_mean.data(); }
EXPORT const double* norma_web_batch_norm_var(const norma::BatchNorm* layer) { return layer->running_var.data(); }

// ---- What the platform lacks ----

namespace norma {

// One thread: what parallel.cpp does elsewhere.
Runner& serial_runner() {
  class Serial final : public Runner {
   public:
    void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
      for (std::int64_t i = 0; i < tasks; ++i) task(context, i);
    }
    int concurrency() const override { return 1; }
  };
  static Serial serial;
  return serial;
}
Runner& default_runner() { return serial_runner(); }

}  // namespace norma

// Debian's C++ library for WebAssembly has no exceptions. A throw calls JavaScript with the sentence, and JavaScript throws:
// the stack goes, core.js sets the stack pointer back. Nothing in the core catches to go on. All that is thrown derives from
// std::exception, first. What the abandoned call held stays allocated: refusals hold little.
extern "C" {
__attribute__((import_module("norma"), import_name("refuse"), noreturn)) void norma_web_refuse(const char* sentence);
void* __cxa_allocate_exception(std::size_t size) noexcept { return std::malloc(size); }
int __cxa_thread_atexit(void (*)(void*), void*, void*) noexcept { return 0; }  // the thread ends with the page
char* getenv(const char*) { return nullptr; }
void __cxa_free_exception(void* thrown) noexcept { std::free(thrown); }
[[noreturn]] void __cxa_throw(void* thrown, void*, void (*)(void*)) {
  norma_web_refuse(static_cast<std::exception*>(thrown)->what());
}
}
