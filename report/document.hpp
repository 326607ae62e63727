// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/drawing.hpp"
#include "report/writer.hpp"

/// Pages of HTML, and sheets of pictures. A page is one file: no script, no address of anything outside of it.

namespace norma::report {

/// Pictures that belong together, what is to be seen in them, and the numbers that they show.
struct Figure {
  std::vector<Picture> pictures;
  std::string caption;
  std::vector<Table> tables = {};  ///< the same for those who cannot see it, or want it exactly; folded away
  bool small = false;              ///< pictures that stay legible at two thirds of their size
};

class Document : public Writer {
 public:
  /// language: of the text, as BCP 47 says it ("en", "zh-Hans"). The rest is what the page itself says.
  struct Options {
    std::string language, name, contents, numbers, made_by;
  };

  explicit Document(Options options) : options_(std::move(options)) {}

  void title(std::string_view text) override;
  void heading(std::string_view text) override;
  void paragraph(std::string_view text, Style style = Style::plain) override;
  void table(const Table& table) override;
  void blank() override {}

  void lead(std::string_view text);
  void figure(const Figure& figure);

  /// The page: HTML that is also well-formed XML. The same bytes for the same document.
  std::string html() const;

  /// The pictures alone, below and beside each other, as one SVG file.
  std::string svg() const;

 private:
  struct Part {
    std::string title, body;
  };
  std::string& body() { return parts_.empty() ? beginning_ : parts_.back().body; }
  std::string table_markup(const Table& table) const;
  std::string picture_markup(const Picture& picture);

  Options options_;
  std::string beginning_;
  std::vector<Part> parts_;
  std::vector<Figure> figures_;
  int numbered_ = 0;  ///< headings and pictures that others point to
  std::string labelled_by_;
};

}  // namespace norma::report
