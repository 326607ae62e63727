// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

/// Marks what the shared library exports; everything else is hidden.
#define NORMA_API __attribute__((visibility("default")))

namespace norma {

/// What Norma throws when it refuses, before anything was written.
///
/// what() is one sentence: which argument, what it was, what was expected, and the nearest thing that works, as in
/// "[group_norm] num_groups = 3 does not divide the 8 channels; 1, 2, 4 and 8 do".
class NORMA_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& sentence) : std::runtime_error(sentence) {}
};

}  // namespace norma
