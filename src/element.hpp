// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "half.hpp"

/// One element of a view, whatever its dtype, as double: for parameters, which are few. Not for u8 and i8.

namespace norma {

/// i: how many elements away from the view's first one in memory.
inline double value_at(const ConstView& v, std::int64_t i) {
  switch (v.dtype()) {
    case DType::f64: return to_double(static_cast<const double*>(v.data())[i]);
    case DType::f16: return to_double(static_cast<const Half*>(v.data())[i]);
    case DType::bf16: return to_double(static_cast<const BFloat16*>(v.data())[i]);
    default: return to_double(static_cast<const float*>(v.data())[i]);
  }
}

inline void set_value(const View& v, std::int64_t i, double value) {
  switch (v.dtype()) {
    case DType::f64: static_cast<double*>(v.data())[i] = value; break;
    case DType::f16: static_cast<Half*>(v.data())[i] = from_double<Half>(value); break;
    case DType::bf16: static_cast<BFloat16*>(v.data())[i] = from_double<BFloat16>(value); break;
    default: static_cast<float*>(v.data())[i] = static_cast<float>(value); break;
  }
}

}  // namespace norma
