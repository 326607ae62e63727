// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace norma::io {

/// 'text' in quotes, fit for a sentence: control characters and bytes that are no UTF-8 become \xNN (a hostile name
/// must not drive a terminal), and what is longer than max_bytes ends in "…".
std::string in_quotes(std::string_view text, std::size_t max_bytes = 4096);

/// A path for a sentence: quoted, or "standard input" / "standard output" for "-".
std::string input_label(std::string_view path);
std::string output_label(std::string_view path);

/// "12 bytes", "3.5 MB", "8.8 TB".
std::string human_bytes(std::uint64_t bytes);

/// "claims 8.0 TB of data but holds 12 bytes"; exact where rounding would make the two look the same.
std::string claim_and_truth(std::uint64_t claimed, std::uint64_t held);

/// What errno says, in words.
std::string system_message(int error_number);

}  // namespace norma::io
