// SPDX-License-Identifier: Apache-2.0
// CSV: a table that is read comes back, field by field, from what would be written; numbers come back as they are.
#include "io/csv.hpp"

#include <bit>
#include <cmath>
#include <vector>

#include "fuzzing.hpp"

using namespace norma;

namespace {

using Table = std::vector<std::vector<std::string>>;

Table rows_of(const std::string& path, char delimiter) {
  io::CsvTable table(path, {.delimiter = delimiter});
  Table rows{table.columns()};
  std::int64_t last = 1;
  table.for_each_row([&](const io::CsvRow& row) {
    fuzz::demand(row.fields.size() == table.columns().size(), "a row has as many fields as the header");
    fuzz::demand(row.number > last, "rows are numbered upwards");
    last = row.number;
    rows.emplace_back(row.fields.begin(), row.fields.end());
    for (const std::string_view field : row.fields) {
      const auto number = io::to_number(field, true);
      if (!number) continue;
      std::string text;
      io::append_number(text, *number);
      const auto again = io::to_number(text, true);
      fuzz::demand(again && (std::isnan(*number) ? std::isnan(*again)
                                                 : std::bit_cast<std::uint64_t>(*again) == std::bit_cast<std::uint64_t>(*number)),
                   "a number reads back as the same");
    }
  });
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char delimiter = data[0] == ';' || data[0] == '\t' ? static_cast<char>(data[0]) : ',';
  const fuzz::MemoryFile file({data + 1, size - 1});
  fuzz::done_or_refused([&] {
    const Table rows = rows_of(file.path(), delimiter);
    std::string text;
    for (const auto& row : rows) {
      const std::vector<std::string_view> fields(row.begin(), row.end());
      io::append_csv_row(text, fields, delimiter);
    }
    const fuzz::MemoryFile written({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    fuzz::demand(rows_of(written.path(), delimiter) == rows, "a table that was written comes back");
  });
  return 0;
}
