// SPDX-License-Identifier: Apache-2.0
// The one file that is compiled once for each instruction set.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "simd/dispatch.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "simd/backward-inl.hpp"
#include "simd/moments-inl.hpp"
#include "simd/normalize-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace norma::simd::HWY_NAMESPACE {

template <class T>
constexpr TypedKernels typed() {
  return {measure_rows<true, T>,
          measure_rows_wide<true, T>,
          measure_rows<false, T>,
          measure_rows_wide<false, T>,
          measure_columns<true, T>,
          measure_columns_wide<true, T>,
          measure_columns<false, T>,
          measure_columns_wide<false, T>,
          sum_columns<T>,
          apply_rows<T>,
          apply_columns<T>,
          add_rows<T>,
          grad_sums_rows<T>,
          grad_sums_columns<T>,
          grad_sums_columns_wide<T>,
          grad_rows<T>,
          grad_elements<T>,
          grad_columns<T>,
          normalize_rows<T>,
          standards<T>,
          merge_moments};
}

const Kernels* table() {
  static constexpr Kernels kKernels = {{typed<float>(), typed<double>(), typed<Half>(), typed<BFloat16>()}};
  return &kKernels;
}

}  // namespace norma::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <atomic>
#include <cstdlib>
#include <string>
#include <vector>

#include "norma/error.hpp"
#include "norma/normalize.hpp"

namespace norma {
namespace simd {
namespace {

HWY_EXPORT(table);

struct Choice {
  std::int64_t target;
  const Kernels* kernels;
};

/// The table of one target, which this machine must have.
const Kernels* table_of(std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  const Kernels* kernels = HWY_DYNAMIC_DISPATCH(table)();
  hwy::SetSupportedTargetsForTest(0);
  return kernels;
}

std::vector<Choice>& choices() {
  static std::vector<Choice> all = [] {
    std::vector<Choice> found;
    for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) found.push_back({target, table_of(target)});
    return found;
  }();
  return all;
}

const Choice& named(const std::string& name, const char* argument) {
  std::string known;
  for (const Choice& choice : choices()) {
    if (name == hwy::TargetName(choice.target)) return choice;
    known += (known.empty() ? "" : ", ") + std::string(hwy::TargetName(choice.target));
  }
  throw Error("[" + std::string(argument) + "] '" + name + "' is not an instruction set of this machine; choose one of " +
              known);
}

std::atomic<const Choice*> chosen{nullptr};

const Choice& choice() {
  const Choice* now = chosen.load(std::memory_order_acquire);
  if (now) [[likely]]
    return *now;
  const char* wish = std::getenv("NORMA_TARGET");
  now = wish && *wish ? &named(wish, "NORMA_TARGET") : &choices().front();
  chosen.store(now, std::memory_order_release);
  return *now;
}

}  // namespace

const Kernels& kernels() { return *choice().kernels; }

}  // namespace simd

const char* target() { return hwy::TargetName(simd::choice().target); }

std::vector<std::string> targets() {
  std::vector<std::string> names;
  for (const simd::Choice& choice : simd::choices()) names.emplace_back(hwy::TargetName(choice.target));
  return names;
}

void set_target(const std::string& name) { simd::chosen.store(&simd::named(name, "target"), std::memory_order_release); }

}  // namespace norma

#endif
