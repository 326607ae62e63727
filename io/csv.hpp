// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/source.hpp"

namespace norma::io {

/// One row of a table. The fields live until the visit returns.
struct CsvRow {
  /// As a spreadsheet counts: the header is row 1, blank lines count, a line break within quotes does not.
  std::int64_t number = 0;
  std::span<const std::string_view> fields;
};

struct CsvOptions {
  char delimiter = ',';
};

/// A table in a CSV file, read as a stream: memory depends on the longest row, not on how many there are.
///
/// RFC 4180: fields in double quotes may hold delimiters, line breaks and doubled quotes; spaces belong to the field.
/// Lines end in LF, CRLF or CR. A UTF-8 BOM is dropped, blank lines are passed over. The first row names the columns.
/// "-" is standard input; a pipe is copied to an unlinked temporary file, so that the rows can be walked more than
/// once.
///
/// Refused, with Error that names the row: rows with another number of fields than the header, a quote that is never
/// closed or stands within an unquoted field, a row longer than kLongestRow, zero bytes. Also: no header, two columns
/// of one name, more than kMostColumns, UTF-16.
class CsvTable {
 public:
  static constexpr std::size_t kLongestRow = std::size_t{16} << 20;
  static constexpr std::size_t kMostColumns = 65'536;

  /// Reads the header.
  explicit CsvTable(const std::string& path, const CsvOptions& options = {});

  /// "'incomes.csv'", for sentences.
  const std::string& label() const { return file_.label(); }
  const std::vector<std::string>& columns() const { return columns_; }
  /// The place of a column. Throws Error that lists the columns when there is none of this name.
  std::size_t column(std::string_view name) const;

  /// Visits every row below the header. May be called again, and starts anew. What visit throws ends the walk and is
  /// passed on.
  void for_each_row(const std::function<void(const CsvRow&)>& visit);

  /// A field as a number; see to_number. Throws Error that names row, column and text.
  double number(const CsvRow& row, std::size_t column, bool allow_nonfinite = false) const;

  /// Bytes of the table, and how many the present walk has parsed, for a progress bar.
  std::uint64_t size() const { return file_.size(); }
  std::uint64_t position() const { return position_; }

 private:
  class Walk;
  SeekableFile file_;
  CsvOptions options_;
  std::vector<std::string> columns_;
  std::uint64_t position_ = 0;
};

/// A whole field as a number: decimal, with an exponent or without, a sign of either kind, spaces around it. Nothing
/// when it is anything else: empty, hexadecimal, out of double's range, or, unless allowed, nan and inf.
std::optional<double> to_number(std::string_view text, bool allow_nonfinite = false);

/// Whether a field is empty or all spaces.
bool is_blank(std::string_view text);

/// Appends the shortest decimal that reads back as the same value: 0.1, 1e+25, nan, -inf.
void append_number(std::string& out, double value);

/// Appends a field, in quotes where it needs them to read back as the same.
void append_csv_field(std::string& out, std::string_view field, char delimiter = ',');

/// Appends fields with delimiters between, and a line feed.
void append_csv_row(std::string& out, std::span<const std::string_view> fields, char delimiter = ',');

}  // namespace norma::io
