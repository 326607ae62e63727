// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/writer.hpp"

/// Pages of text for a terminal: paragraphs, tables and blocks side by side, in any script that a terminal can show.
/// Knows nothing of tensors.

namespace norma::report {

/// How many columns UTF-8 text takes on a terminal: 2 for wide characters (Chinese), 0 for combining marks and for
/// escape sequences of colour. Ambiguous ones (box drawing, Greek) take 1, as terminals do outside legacy encodings.
int display_width(std::string_view text);

/// Text with spaces after it (or before it) until it is `width` columns wide; wider text stays as it is.
std::string pad_right(std::string_view text, int width);
std::string pad_left(std::string_view text, int width);

/// Lines of at most `width` columns. English breaks at spaces, Chinese between any two characters, but not before what
/// closes (、。,」) nor after what opens (「《(). A word that is wider than a line stands alone, uncut.
std::vector<std::string> wrap(std::string_view text, int width);

struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
};

using Lines = std::vector<std::string>;

/// Collects a page as text; whoever made it prints it.
class Page : public Writer {
 public:
  static constexpr int kIndent = 2;

  struct Options {
    bool colour = false;
    int width = 100;
  };

  explicit Page(Options options) : options_(options) {}

  /// For standard output: colour where it is a terminal, TERM is not dumb and NO_COLOR is not set (no-color.org); as
  /// wide as the terminal, between 60 and 100 columns; without colour and 100 wide where it is a file or a pipe.
  static Options for_standard_output();

  bool colour() const { return options_.colour; }
  /// Columns between the indent and the right edge.
  int width() const { return options_.width - kIndent; }

  /// The text in the colour of its style; as it is where there is no colour. A foreground over a background is for half
  /// blocks, which show two pixels each.
  std::string paint(Style style, std::string_view text) const;
  std::string paint(Rgb foreground, std::string_view text) const;
  std::string paint(Rgb foreground, Rgb background, std::string_view text) const;

  void blank() override { text_ += '\n'; }
  /// A heading of the page with a rule under it, or of one of its parts.
  void title(std::string_view text) override;
  void heading(std::string_view text) override;
  /// Wrapped; *words between asterisks* are strong.
  void paragraph(std::string_view text, Style style = Style::plain) override;
  /// One line, indented, not wrapped.
  void line(std::string_view text);
  void lines(const Lines& block);
  void table(const Table& table) override { lines(table_lines(table)); }
  Lines table_lines(const Table& table) const;

  const std::string& text() const { return text_; }

 private:
  Options options_;
  std::string text_;
};

/// Blocks of lines next to each other with a gap between, each as wide as its widest line.
Lines beside(const std::vector<Lines>& blocks, int gap);

}  // namespace norma::report
