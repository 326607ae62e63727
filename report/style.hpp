// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace norma::report {

/// What a piece of text is, from which its look follows: a colour on a terminal, a class in HTML.
enum class Style : std::uint8_t { plain, title, strong, faint, marked, kept, reversed };

}  // namespace norma::report
