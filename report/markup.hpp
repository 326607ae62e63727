// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

/// Text and numbers as HTML and SVG take them. Every text that reaches a page goes through escape().

namespace norma::report {

/// Text that is text and nothing else, in HTML, in SVG, between tags and in quoted attributes. Bytes that are no UTF-8,
/// characters that XML forbids, and those that turn the direction of writing become U+FFFD.
std::string escape(std::string_view text);

/// escape(), with *words between asterisks* strong and `words between backticks` as code. What is not closed stays.
std::string rich(std::string_view text);

/// A coordinate: at most two decimals, no trailing zeros, "0" for what is no finite number.
std::string coordinate(double value);

/// A double as its shortest decimal that reads back the same: "0.1", "1e+25", "nan", "inf".
std::string exact_number(double value);

/// "data:image/png;base64,…".
std::string data_uri(std::string_view media_type, std::span<const std::byte> bytes);

}  // namespace norma::report
