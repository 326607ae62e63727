// SPDX-License-Identifier: Apache-2.0
#include "io/csv.hpp"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <exception>
#include <set>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::io {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;
constexpr std::size_t kTextShown = 40;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

// One pass of libcsv over a table: gathers fields to rows, and rows to calls of take.
class CsvTable::Walk {
 public:
  // take says whether it wants more rows.
  Walk(CsvTable& table, std::function<bool(const CsvRow&)> take) : table_(table), take_(std::move(take)) {
    if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0)
      throw Error("[csv] libcsv cannot be used");
    csv_set_delim(&parser_, static_cast<unsigned char>(table.options_.delimiter));
    csv_set_space_func(&parser_, [](unsigned char) { return 0; });  // spaces belong to the field
    csv_set_blk_size(&parser_, kChunk);
  }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  ~Walk() { csv_free(&parser_); }

  void run() {
    std::vector<std::byte> chunk(kChunk);
    std::uint64_t offset = 0;
    while (!done_) {
      const std::size_t count = table_.file_.read_at(offset, chunk);
      if (count == 0) break;
      const std::span<const std::byte> bytes(chunk.data(), count);
      parse(offset == 0 ? without_bom(bytes) : bytes, offset);
      offset += count;
      table_.position_ = offset;
    }
    if (done_) return;
    if (csv_fini(&parser_, on_field, on_row, this) != 0) refuse("opens a quote that is never closed");
    rethrow();
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(fmt::format("{}, row {}, {}", table_.label(), row_, what));
  }

  std::span<const std::byte> without_bom(std::span<const std::byte> bytes) const {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
      throw Error(table_.label() + " is UTF-16 text; save it as CSV in UTF-8");
    }
    return text.starts_with("\xEF\xBB\xBF") ? bytes.subspan(3) : bytes;
  }

  void parse(std::span<const std::byte> bytes, std::uint64_t offset) {
    if (const void* zero = bytes.empty() ? nullptr : std::memchr(bytes.data(), 0, bytes.size())) {
      const auto place = static_cast<std::uint64_t>(static_cast<const std::byte*>(zero) - bytes.data());
      throw Error(fmt::format("{} holds a zero byte near byte {}; a CSV file is text, in UTF-8", table_.label(),
                              offset + place));
    }
    const std::size_t parsed = csv_parse(&parser_, bytes.data(), bytes.size(), on_field, on_row, this);
    rethrow();
    if (done_) return;
    if (parsed < bytes.size()) {
      if (csv_error(&parser_) != CSV_EPARSE)
        refuse(fmt::format("cannot be read: {}", csv_strerror(csv_error(&parser_))));
      refuse(
          "has a quote within a field that does not begin with one, or text after a closing quote; put the whole field "
          "in "
          "quotes and double those within it");
    }
    if (text_.size() + parser_.entry_pos > kLongestRow) refuse_long();
  }

  [[noreturn]] void refuse_long() const {
    refuse(fmt::format("is longer than {} MiB; a quote is probably not closed", kLongestRow >> 20));
  }

  // No exception may cross libcsv: what is thrown within a callback waits here until csv_parse has returned.
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }
  template <class Work>
  void guarded(Work work) {
    if (thrown_ || done_) return;
    try {
      work();
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  static void on_field(void* text, std::size_t size, void* self) {
    auto& walk = *static_cast<Walk*>(self);
    walk.guarded([&] { walk.add_field({static_cast<const char*>(text), text == nullptr ? 0 : size}); });
  }
  static void on_row(int terminator, void* self) {
    auto& walk = *static_cast<Walk*>(self);
    walk.guarded([&] { walk.end_row(terminator); });
  }

  void add_field(std::string_view field) {
    ++count_;
    if (text_.size() + field.size() > kLongestRow) refuse_long();
    // Beyond the header's number the row is refused at its end; until then its fields are only counted.
    if (count_ > kMostColumns) return;
    text_ += field;
    ends_.push_back(text_.size());
  }

  // libcsv reports every CR and LF outside of quotes, so that rows can be counted; CRLF is one line's end.
  void end_row(int terminator) {
    const bool second_half = terminator == '\n' && last_terminator_ == '\r' && count_ == 0;
    last_terminator_ = second_half ? 0 : terminator;
    if (second_half) return;
    if (count_ > 0) hand_out();
    ++row_;
  }

  void hand_out() {
    const std::size_t expected = table_.columns_.size();
    if (expected != 0 && count_ != expected) {
      refuse(fmt::format("has {} field{}, where the header has {}", count_, count_ == 1 ? "" : "s", expected));
    }
    if (count_ > kMostColumns) refuse(fmt::format("has {} columns; up to {} are read", count_, kMostColumns));
    fields_.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      fields_.push_back(std::string_view(text_).substr(begin, end - begin));
      begin = end;
    }
    if (!take_({row_, fields_})) done_ = true;
    text_.clear();
    ends_.clear();
    count_ = 0;
  }

  CsvTable& table_;
  std::function<bool(const CsvRow&)> take_;
  csv_parser parser_{};
  std::string text_;               // the row's fields, end to end
  std::vector<std::size_t> ends_;  // where each ends
  std::vector<std::string_view> fields_;
  std::size_t count_ = 0;
  std::int64_t row_ = 1;
  int last_terminator_ = 0;
  bool done_ = false;
  std::exception_ptr thrown_;
};

CsvTable::CsvTable(const std::string& path, const CsvOptions& options) : file_(path), options_(options) {
  if (std::string_view("\"\r\n\0", 4).find(options.delimiter) != std::string_view::npos) {
    throw Error(
        "[csv] the delimiter may not be a quote, a line break or a zero byte; a comma, a semicolon or a tab is usual");
  }
  std::vector<std::string> names;
  Walk(*this, [&](const CsvRow& header) {
    names.assign(header.fields.begin(), header.fields.end());
    return false;
  }).run();
  position_ = 0;
  if (names.empty()) throw Error(label() + " has no header; the first row of a table names its columns");
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      throw Error(fmt::format("{} has two columns of the name {}; rename one", label(), in_quotes(name, kTextShown)));
    }
  }
  columns_ = std::move(names);
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found != columns_.end()) return static_cast<std::size_t>(found - columns_.begin());
  constexpr std::size_t kShown = 12;
  std::string names;
  for (std::size_t i = 0; i < std::min(columns_.size(), kShown); ++i) {
    names += (i == 0 ? "" : ", ") + in_quotes(columns_[i], kTextShown);
  }
  throw Error(fmt::format("{} has no column {}; it has {}{}", label(), in_quotes(name, kTextShown), names,
                          columns_.size() > kShown ? ", …" : ""));
}

void CsvTable::for_each_row(const std::function<void(const CsvRow&)>& visit) {
  position_ = 0;
  bool below_header = false;
  Walk(*this, [&](const CsvRow& row) {
    if (below_header) visit(row);
    below_header = true;
    return true;
  }).run();
}

double CsvTable::number(const CsvRow& row, std::size_t column, bool allow_nonfinite) const {
  const std::string_view text = row.fields[column];
  if (const auto value = to_number(text, allow_nonfinite)) return *value;
  const std::string place =
      fmt::format("{}, row {}, column {}", label(), row.number, in_quotes(columns_[column], kTextShown));
  if (is_blank(text)) throw Error(place + ", is empty; a number was expected");
  throw Error(
      fmt::format("{}, holds {}; a number was expected, such as -1234.5 or 1e6", place, in_quotes(text, kTextShown)));
}

std::optional<double> to_number(std::string_view text, bool allow_nonfinite) {
  text = trim(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::general);
  if (error != std::errc() || stop != end) return std::nullopt;
  if (!std::isfinite(value) && !allow_nonfinite) return std::nullopt;
  return value;
}

bool is_blank(std::string_view text) { return trim(text).empty(); }

void append_number(std::string& out, double value) {
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);  // the longest double takes 24 characters
}

void append_csv_field(std::string& out, std::string_view field, char delimiter) {
  const bool padded = !field.empty() && (field.front() == ' ' || field.back() == ' ' || field.front() == '\t' ||
                                         field.back() == '\t');  // some readers trim what stands bare
  // At the front of a file, where a first column's name may stand, these would be no text.
  const bool marked = field.starts_with("\xEF\xBB\xBF") || field.starts_with("\xFF\xFE") || field.starts_with("\xFE\xFF");
  if (!padded && !marked && field.find_first_of("\"\r\n") == std::string_view::npos &&
      field.find(delimiter) == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_csv_row(std::string& out, std::span<const std::string_view> fields, char delimiter) {
  // A lone empty field would be a blank line, which is no row.
  if (fields.size() == 1 && fields[0].empty()) out += "\"\"";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += delimiter;
    append_csv_field(out, fields[i], delimiter);
  }
  out += '\n';
}

}  // namespace norma::io
