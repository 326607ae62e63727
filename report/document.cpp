// SPDX-License-Identifier: Apache-2.0
#include "report/document.hpp"

#include <fmt/format.h>

#include "report/markup.hpp"
#include "report/stylesheet.hpp"

namespace norma::report {

namespace {

std::string_view class_of(Style style) {
  switch (style) {
    case Style::title:
    case Style::strong: return "strong";
    case Style::faint: return "faint";
    case Style::marked: return "marked";
    case Style::kept: return "kept-text";
    case Style::reversed: return "reversed-text";
    case Style::plain: break;
  }
  return "";
}

std::string class_attribute(std::string_view first, std::string_view second = "") {
  std::string names(first);
  if (!first.empty() && !second.empty()) names += ' ';
  names += second;
  return names.empty() ? names : " class=\"" + names + "\"";
}

std::string cell_markup(std::string_view tag, std::string_view attributes, const Cell& cell, bool number) {
  const std::string words = escape(cell.text);
  const std::string inner = cell.exact ? fmt::format("<data value=\"{}\">{}</data>", exact_number(*cell.exact), words) : words;
  return fmt::format("<{}{}{}>{}</{}>", tag, attributes, class_attribute(number ? "number" : "", class_of(cell.style)), inner,
                     tag);
}

}  // namespace

void Document::title(std::string_view text) {
  labelled_by_ = fmt::format("n{}", ++numbered_);
  parts_.push_back({std::string(text), fmt::format("<h2 id=\"{}\">{}</h2>\n", labelled_by_, escape(text))});
}

void Document::heading(std::string_view text) {
  labelled_by_ = fmt::format("n{}", ++numbered_);
  body() += fmt::format("<h3 id=\"{}\">{}</h3>\n", labelled_by_, escape(text));
}

void Document::paragraph(std::string_view text, Style style) {
  body() += fmt::format("<p{}>{}</p>\n", class_attribute(class_of(style)), rich(text));
}

void Document::lead(std::string_view text) { body() += "<p class=\"lead\">" + rich(text) + "</p>\n"; }

void Document::table(const Table& table) { body() += table_markup(table); }

std::string Document::table_markup(const Table& table) const {
  const auto number = [&](std::size_t c) { return table.columns[c].align == Table::Align::right; };
  const std::string label = labelled_by_.empty() ? "" : " aria-labelledby=\"" + labelled_by_ + "\"";
  // Wide tables scroll by themselves, also by keyboard.
  std::string out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\"" + label + "><table" + label + ">\n<thead><tr>";
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const std::string& heading = table.columns[c].heading;
    out += heading.empty() ? "<td></td>" : cell_markup("th", " scope=\"col\"", heading, number(c));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const bool names_row = c == 0 && !number(0);
      const Cell cell = c < row.size() ? row[c] : Cell();
      out += cell_markup(names_row ? "th" : "td", names_row ? " scope=\"row\"" : "", cell, number(c));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string Document::picture_markup(const Picture& picture) {
  const std::string id = fmt::format("n{}", ++numbered_);
  return fmt::format(
      "<svg role=\"img\" aria-labelledby=\"{0}\" aria-describedby=\"{0}d\" viewBox=\"0 0 {1} {2}\"><title "
      "id=\"{0}\">{3}</title>"
      "<desc id=\"{0}d\">{4}</desc>{5}</svg>\n",
      id, coordinate(picture.width), coordinate(picture.height), escape(picture.title), escape(picture.description),
      picture.body);
}

void Document::figure(const Figure& figure) {
  figures_.push_back(figure);
  const std::size_t count = figure.pictures.size();
  body() += fmt::format("<figure{}><div class=\"pictures{}\">\n", count > 1 ? " class=\"wide\"" : "",
                        figure.small ? (count == 4 ? " small four" : " small")
                        : count == 2 ? " few"
                                     : "");
  for (const Picture& picture : figure.pictures) body() += picture_markup(picture);
  body() += "</div>";
  if (!figure.caption.empty()) body() += "<figcaption>" + rich(figure.caption) + "</figcaption>";
  if (!figure.tables.empty()) {
    body() += "<details><summary>" + escape(options_.numbers) + "</summary>\n";
    for (const Table& table : figure.tables) body() += table_markup(table);
    body() += "</details>";
  }
  body() += "</figure>\n";
}

std::string Document::html() const {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
      "data:\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<link rel=\"icon\" "
      "href=\"data:,\"/>\n<title>{}</title>\n<style>{}{}</style>\n"
      "</head>\n<body>\n<main>\n<h1>{}</h1>\n{}",
      options_.language, escape(options_.name), page_style(), picture_style(), escape(options_.name), beginning_);
  if (parts_.size() > 3) {  // of fewer, no list of contents is needed
    out += fmt::format("<nav aria-label=\"{}\"><ol>\n", escape(options_.contents));
    for (std::size_t i = 0; i < parts_.size(); ++i)
      out += fmt::format("<li><a href=\"#part{}\">{}</a></li>\n", i + 1, escape(parts_[i].title));
    out += "</ol></nav>\n";
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    // The anchor stands before the heading, so that main's grid holds all blocks of a part.
    out += fmt::format("<a id=\"part{}\"></a>\n{}", i + 1, parts_[i].body);
  }
  return out + fmt::format("<footer>{}</footer>\n</main>\n</body>\n</html>\n", rich(options_.made_by));
}

}  // namespace norma::report
