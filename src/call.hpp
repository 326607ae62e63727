// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>
#include <span>

#include "norma/normalize.hpp"
#include "plan.hpp"
#include "scratch.hpp"
#include "simd/kernels.hpp"

/// One call of a plan: its memory and options, checked, and what the two kernel families make of it.

namespace norma {

struct Call {
  const PlanData& plan;
  const simd::TypedKernels& kernels;
  Runner& runner;
  double eps;
  bool centered;
  const std::byte* x = nullptr;
  const std::byte* dy = nullptr;
  std::byte* out = nullptr;                       // y or dx; null where dx is not wanted
  const void *weight = nullptr, *bias = nullptr;  // in the compute type, in the plan's order
  std::span<const Moments> given{};               // statistics that are not measured
  std::span<Moments> saved{};                     // where measured ones go, if anywhere
  bool constant_statistics = false;               // backward: given as constants
  double *dweight = nullptr, *dbias = nullptr;    // zeroed, in the plan's order
  bool stream = false;                            // out is larger than the caches
  bool cached = false;                            // x is not
  // What is fused into the pass. Forward: residual, which lies as x does, has been or is being added to x where sum is; add lies as out
  // does. Backward: y and dadd lie as dy does, dsum as out does. Each may be null.
  const std::byte* residual = nullptr;
  std::byte* sum = nullptr;
  const std::byte* add = nullptr;
  bool relu = false;
  simd::Steps steps{};  // where out is quantized
  const std::byte *y = nullptr, *dsum = nullptr;
  std::byte* dadd = nullptr;

  /// What is normalized: x, or what adding the residual makes of it.
  const std::byte* input() const { return residual ? sum : x; }
  bool in_double() const { return plan.dtype == DType::f64; }
  std::int64_t element_size() const { return static_cast<std::int64_t>(size_of(plan.dtype)); }
  /// Of out; what is added lies as it does, in elements, and has element_size().
  std::int64_t out_size() const { return plan.quantized ? 1 : element_size(); }
  simd::Standard standard(const Moments& m) const { return simd::standard_of(m, m.rstd(eps), in_double()); }
  /// The same of `count` moments that lie `step` apart, many at a time.
  void standardize(std::int64_t count, const Moments* moments, std::int64_t step, simd::Standard* standards) const;

  /// The weight or bias at an index of the plan's order.
  const void* parameter(const void* base, std::int64_t index) const {
    if (base == nullptr) return nullptr;
    return static_cast<const std::byte*>(base) + index * (in_double() ? 8 : 4);
  }
  double parameter_value(const void* base, std::int64_t index, double absent) const {
    if (base == nullptr) return absent;
    return in_double() ? static_cast<const double*>(base)[index] : static_cast<double>(static_cast<const float*>(base)[index]);
  }
};

inline void Call::standardize(std::int64_t count, const Moments* moments, std::int64_t step, simd::Standard* standards) const {
  if (step == 1) return kernels.standards(moments, count, eps, standards);
  for (std::int64_t i = 0; i < count; ++i) standards[i] = standard(moments[i * step]);
}

/// A pointer moved by so many bytes; what is absent stays so.
template <class Byte>
Byte* moved(Byte* base, std::int64_t bytes) {
  return base ? base + bytes : nullptr;
}

/// Whether a call is worth sharing between threads: below this many elements a fork costs more than it saves.
inline constexpr std::int64_t kWorthThreads = 32768;

inline bool share(const Call& call) {
  return call.runner.concurrency() > 1 && count_of(call.plan.boxes.shape) >= kWorthThreads;
}

/// Calls body(i) for each i in [0, tasks) on the runner's threads. A task that runs out of memory makes this throw.
template <class Body>
void for_each_task(Runner& runner, bool shared, std::int64_t tasks, const Body& body) {
  if (!shared || tasks == 1) {
    for (std::int64_t i = 0; i < tasks; ++i) body(i);
    return;
  }
  struct Context {
    const Body& body;
    std::atomic<bool> out_of_memory{false};
  } context{body};
  runner.run(
      tasks,
      [](void* c, std::int64_t i) {
        auto& shared_context = *static_cast<Context*>(c);
        try {
          shared_context.body(i);
        } catch (const std::bad_alloc&) {
          shared_context.out_of_memory.store(true);
        }
      },
      &context);
  if (context.out_of_memory.load()) throw std::bad_alloc();
}

/// Splits n things into contiguous ranges, a few for each thread, and calls body(first, last) for each.
template <class Body>
void for_each_range(Runner& runner, bool shared, std::int64_t n, const Body& body) {
  const std::int64_t tasks = shared ? std::min<std::int64_t>(n, std::int64_t{8} * runner.concurrency()) : 1;
  if (n == 0) return;
  for_each_task(runner, shared, tasks, [&](std::int64_t t) { body(n * t / tasks, n * (t + 1) / tasks); });
}

// What each family does; rows.cpp, rows_backward.cpp, columns.cpp and columns_backward.cpp.
void measure_rows(const Call& call);
void forward_rows(const Call& call);
void backward_rows(const Call& call);
void measure_columns(const Call& call);
void forward_columns(const Call& call);
void backward_columns(const Call& call);

}  // namespace norma
