// SPDX-License-Identifier: Apache-2.0
#include "report/terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace norma::report {

namespace {

constexpr char kEscape = '\x1b';

struct Character {
  std::string_view bytes;
  char32_t code = 0;
  int width = 0;
};

bool in_ranges(char32_t code, auto const& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return code >= r.first && code <= r.second; });
}

using Range = std::pair<char32_t, char32_t>;

// Unicode's East Asian Width, W and F, by block: single unassigned characters do not matter to text that exists.
constexpr std::array kWide = {Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},  Range{0x3041, 0x33FF}, Range{0x3400, 0x4DBF},
                              Range{0x4E00, 0x9FFF},   Range{0xA000, 0xA4CF},  Range{0xAC00, 0xD7A3}, Range{0xF900, 0xFAFF},
                              Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},  Range{0xFFE0, 0xFFE6}, Range{0x1F300, 0x1F64F},
                              Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
constexpr std::array kNoWidth = {Range{0x0300, 0x036F}, Range{0x200B, 0x200F}, Range{0xFE00, 0xFE0F}, Range{0xFEFF, 0xFEFF}};

int width_of(char32_t code) {
  if (in_ranges(code, kNoWidth)) return 0;
  return in_ranges(code, kWide) ? 2 : 1;
}

/// Bytes of the escape sequence that text begins with: "ESC [ … letter". 0 where it begins with none.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2 || text[0] != kEscape || text[1] != '[') return 0;
  std::size_t i = 2;
  while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
  return std::min(i + 1, text.size());
}

/// The character that text begins with. Bytes that are no UTF-8 count as one column each.
Character first_character(std::string_view text) {
  if (const std::size_t n = escape_length(text)) return {text.substr(0, n), 0, 0};
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length > text.size()) return {text.substr(0, 1), lead, 1};
  char32_t code = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return {text.substr(0, length), code, width_of(code)};
}

std::vector<Character> characters_of(std::string_view text) {
  std::vector<Character> characters;
  while (!text.empty()) {
    characters.push_back(first_character(text));
    text.remove_prefix(characters.back().bytes.size());
  }
  return characters;
}

bool is_one_of(char32_t code, std::u32string_view set) { return set.find(code) != std::u32string_view::npos; }

// Full-width and half-width: 。、,;:!?)》」』】”’…—% and 《「『【(“‘.
bool closes(char32_t code) {
  return is_one_of(code,
                   U"\u3002\u3001\uFF0C\uFF1B\uFF1A\uFF01\uFF1F\uFF09\u300B\u300D\u300F\u3011\u201D\u2019\u2026\u2014%.,;:!?)");
}
bool opens(char32_t code) { return is_one_of(code, U"\uFF08\u300A\u300C\u300E\u3010\u201C\u2018("); }

/// Whether a line may break between two neighbours that are no spaces.
bool may_break(const Character& left, const Character& right) {
  const bool chinese = left.width == 2 || right.width == 2;
  return chinese && !closes(right.code) && !opens(left.code);
}

/// Emphasis is written with asterisks, which take no room.
int width_in_paragraph(const Character& c) { return c.code == '*' ? 0 : c.width; }

struct Piece {
  std::string text;
  int width = 0;
  bool space_before = false;
};

/// What stays together on a line.
std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  bool space = false, fresh = true;
  Character previous{};
  for (const Character& c : characters_of(text)) {
    if (c.code == ' ') {
      space = fresh = true;
      continue;
    }
    // An asterisk leaves the break where it is: between the characters around it.
    if (fresh || (c.code != '*' && previous.code != 0 && may_break(previous, c))) {
      pieces.push_back({{}, 0, space});
    }
    pieces.back().text += c.bytes;
    pieces.back().width += width_in_paragraph(c);
    space = fresh = false;
    if (c.code != '*') previous = c;
  }
  return pieces;
}

const char* code_of(Style style) {
  switch (style) {
    case Style::title: return "1;36";
    case Style::strong: return "1";
    case Style::faint: return "2";
    case Style::marked: return "1;33";
    case Style::kept: return "32";
    case Style::reversed: return "1;31";
    case Style::plain: break;
  }
  return "";
}

std::string repeat(std::string_view text, int times) {
  std::string s;
  for (int i = 0; i < times; ++i) s += text;
  return s;
}

std::vector<int> widths_of(const Table& table) {
  std::vector<int> widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    int width = display_width(table.columns[c].heading);
    for (const auto& row : table.rows) {
      if (c < row.size()) width = std::max(width, display_width(row[c].text));
    }
    widths.push_back(width);
  }
  return widths;
}

/// A line of cells, without spaces at its end.
std::string join_cells(const Table& table, const std::vector<int>& widths, auto const& cell_of) {
  constexpr std::string_view kGap = "  ";
  std::string line;
  for (std::size_t c = 0; c < widths.size(); ++c) {
    const std::string cell = cell_of(c);
    const bool right = table.columns[c].align == Table::Align::right;
    line += (c ? kGap : "");
    line += right ? pad_left(cell, widths[c]) : pad_right(cell, widths[c]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    width += c.width;
    text.remove_prefix(c.bytes.size());
  }
  return width;
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
}

std::string pad_left(std::string_view text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ') + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, int width) {
  std::vector<std::string> lines;
  int used = 0;
  for (const Piece& piece : pieces_of(text)) {
    const int gap = piece.space_before ? 1 : 0;
    if (lines.empty() || used + gap + piece.width > width) {
      lines.push_back(piece.text);
      used = piece.width;
    } else {
      lines.back() += (gap ? " " : "") + piece.text;
      used += gap + piece.width;
    }
  }
  return lines;
}

Page::Options Page::for_standard_output() {
  Options options;
  if (!::isatty(STDOUT_FILENO)) return options;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  options.colour = (no_colour == nullptr || *no_colour == 0) && term != nullptr && std::string_view(term) != "dumb";
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = std::clamp<int>(size.ws_col, 60, 100);
  return options;
}

std::string Page::paint(Style style, std::string_view text) const {
  if (!options_.colour || style == Style::plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(style), text);
}

std::string Page::paint(Rgb f, std::string_view text) const {
  if (!options_.colour) return std::string(text);
  return fmt::format("\x1b[38;2;{};{};{}m{}\x1b[0m", f.red, f.green, f.blue, text);
}

std::string Page::paint(Rgb f, Rgb b, std::string_view text) const {
  if (!options_.colour) return std::string(text);
  return fmt::format("\x1b[38;2;{};{};{};48;2;{};{};{}m{}\x1b[0m", f.red, f.green, f.blue, b.red, b.green, b.blue, text);
}

void Page::title(std::string_view text) {
  text_ += paint(Style::title, text) + '\n' + paint(Style::title, repeat("━", options_.width)) + '\n';
}

void Page::heading(std::string_view text) { line(paint(Style::strong, text)); }

void Page::paragraph(std::string_view text, Style style) {
  bool strong = false;
  for (const std::string& wrapped : wrap(text, width())) {
    std::string painted;
    std::string_view rest = wrapped;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('*'), rest.size());
      painted += paint(strong ? Style::strong : style, rest.substr(0, end));
      strong = strong != (end < rest.size());
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    line(painted);
  }
}

void Page::line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(' ') + 1;
  text_ += (end == 0 ? std::string() : std::string(kIndent, ' ').append(text.substr(0, end))) + '\n';
}

void Page::lines(const Lines& block) {
  for (const std::string& one : block) line(one);
}

Lines Page::table_lines(const Table& table) const {
  const std::vector<int> widths = widths_of(table);
  const auto painted = [&](const Cell& cell) { return cell.style == Style::plain ? cell.text : paint(cell.style, cell.text); };
  Lines lines;
  lines.push_back(paint(Style::faint, join_cells(table, widths, [&](std::size_t c) { return table.columns[c].heading; })));
  lines.push_back(paint(Style::faint, join_cells(table, widths, [&](std::size_t c) { return repeat("─", widths[c]); })));
  for (const auto& row : table.rows) {
    lines.push_back(join_cells(table, widths, [&](std::size_t c) { return c < row.size() ? painted(row[c]) : std::string(); }));
  }
  return lines;
}

Lines beside(const std::vector<Lines>& blocks, int gap) {
  Lines joined;
  int left = 0;
  for (const Lines& block : blocks) {
    int width = 0;
    for (const std::string& one : block) width = std::max(width, display_width(one));
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (i == joined.size()) joined.emplace_back();
      joined[i] = pad_right(joined[i], left) + block[i];
    }
    left += width + gap;
  }
  return joined;
}

}  // namespace norma::report
