// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// All that the tour and explain say, in one table in two languages. Help and errors are English, as in the whole
/// command.

namespace norma::cli {

enum class Language : std::uint8_t { en, zh };

/// What --lang says ("en", "zh"), or for an empty text the locale's language: Chinese where the first of LC_ALL,
/// LC_MESSAGES and LANG that is set begins with "zh", else English. Throws Error for anything else.
Language language_of(const std::string& lang);

/// One thing to say. Both texts have the same {placeholders}, formats included; *asterisks* stand around what is
/// strong.
struct Entry {
  std::string_view id, en, zh;
};

std::span<const Entry> all_entries();

/// Says things in one language: say("incomes.flip", fmt::arg("china", -0.93)). Throws std::logic_error for an id that
/// the table does not have; a test looks for such in the sources.
class Say {
 public:
  explicit Say(Language language) : language_(language) {}

  Language language() const { return language_; }

  template <class... Args>
  std::string operator()(std::string_view id, const Args&... args) const {
    return fmt::vformat(entry(id), fmt::make_format_args(args...));
  }

  /// A name out of the data (of a country, a photograph), translated where the table has it, else as it is.
  std::string name(const std::string& in_data) const;

 private:
  fmt::string_view entry(std::string_view id) const;

  Language language_;
};

/// "12,759": rounded to a whole number.
std::string with_commas(double value);

/// part / whole as "65.5 %". "100 %" and "0 %" stand for exactly these; what only rounds to them is "> 99.9 %", "< 0.1
/// %".
std::string percent(double part, double whole);

/// A number in about `digits` digits, without an exponent where that is short: "0.0123", "-1.56", "1.2e+25", "inf".
std::string brief(double value, int digits = 4);

}  // namespace norma::cli
