// SPDX-License-Identifier: Apache-2.0
#include "io/text.hpp"

#include <fmt/format.h>

#include <array>
#include <system_error>

namespace norma::io {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The length of the printable UTF-8 character that text begins with, or 0 when it begins with anything else.
std::size_t printable_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7F ? 1 : 0;
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return 0;
  }
  const bool overlong = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xF0 && byte(1) < 0x90);
  const bool surrogate = byte(0) == 0xED && byte(1) >= 0xA0;
  const bool beyond_unicode = byte(0) == 0xF4 && byte(1) >= 0x90;
  const bool control = byte(0) == 0xC2 && byte(1) < 0xA0;  // U+0080 to U+009F drive terminals too
  return overlong || surrogate || beyond_unicode || control ? 0 : length;
}

}  // namespace

std::string in_quotes(std::string_view text, std::size_t max_bytes) {
  std::string result = "'";
  for (std::size_t i = 0; i < text.size();) {
    if (i >= max_bytes) {
      result += "…";
      break;
    }
    const std::size_t length = printable_length(text.substr(i));
    if (length == 0) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i++]));
    } else {
      result += text.substr(i, length);
      i += length;
    }
  }
  return result + "'";
}

std::string input_label(std::string_view path) { return path == "-" ? "standard input" : in_quotes(path); }
std::string output_label(std::string_view path) { return path == "-" ? "standard output" : in_quotes(path); }

std::string human_bytes(std::uint64_t bytes) {
  if (bytes == 1) return "1 byte";
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  static constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string claim_and_truth(std::uint64_t claimed, std::uint64_t held) {
  std::string claim = human_bytes(claimed), truth = human_bytes(held);
  if (claim == truth) {
    claim = fmt::format("{} bytes", claimed);
    truth = fmt::format("{} bytes", held);
  }
  return fmt::format("claims {} of data but holds {}", claim, truth);
}

std::string system_message(int error_number) { return std::generic_category().message(error_number); }

}  // namespace norma::io
