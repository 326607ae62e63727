// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "report/table.hpp"

namespace norma::report {

/// What pages of text and of HTML have in common, so that what both say is written once.
class Writer {
 public:
  virtual ~Writer() = default;

  /// A heading of the page, or of one of its parts.
  virtual void title(std::string_view text) = 0;
  virtual void heading(std::string_view text) = 0;
  /// *Words between asterisks* are strong.
  virtual void paragraph(std::string_view text, Style style = Style::plain) = 0;
  virtual void table(const Table& table) = 0;
  /// Some air.
  virtual void blank() = 0;

 protected:
  Writer() = default;
  Writer(const Writer&) = default;
  Writer(Writer&&) = default;
  Writer& operator=(const Writer&) = default;
  Writer& operator=(Writer&&) = default;
};

}  // namespace norma::report
