// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/style.hpp"

namespace norma::report {

/// A cell: its text, and where that is a rounded number, the number itself (HTML keeps it beside the text).
struct Cell {
  Cell() = default;
  Cell(std::string words, Style look = Style::plain) : text(std::move(words)), style(look) {}  // NOLINT: text is a cell
  Cell(const char* words) : text(words) {}                                                     // NOLINT
  Cell(std::string words, double number, Style look = Style::plain) : text(std::move(words)), exact(number), style(look) {}

  std::string text;
  std::optional<double> exact;
  Style style = Style::plain;
};

/// The columns of a table, their headings, and its rows. Numbers belong to the right.
struct Table {
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string heading;
    Align align = Align::right;
  };
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< a row with fewer cells than columns is filled up with empty ones
};

}  // namespace norma::report
