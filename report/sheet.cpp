// SPDX-License-Identifier: Apache-2.0
// Document::svg(): the pictures of a page on one sheet.
#include <fmt/format.h>

#include <algorithm>

#include "report/document.hpp"
#include "report/markup.hpp"
#include "report/stylesheet.hpp"
#include "report/terminal.hpp"

namespace norma::report {

namespace {

constexpr double kMargin = 36, kGap = 40, kTitle = 26, kCaptionLine = 18;
constexpr double kMostWidth = 3 * kPanelWidth + 2 * kGap, kLeastWidth = 1.6 * kPanelWidth;

/// Pictures beside each other: as many as fit, but four as two by two.
struct Row {
  std::size_t first = 0, last = 0;
  double width = 0, height = 0;
};

std::vector<Row> rows_of(const std::vector<Picture>& pictures) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const bool full = rows.empty() || rows.back().width + kGap + pictures[i].width > kMostWidth;
    if (full || (pictures.size() == 4 && i == 2)) {
      rows.push_back({i, i, -kGap, 0});
    }
    Row& row = rows.back();
    row.last = i + 1;
    row.width += kGap + pictures[i].width;
    row.height = std::max(row.height, pictures[i].height);
  }
  return rows;
}

/// Appends some pictures at y; returns where they end.
double draw_pictures(std::string& body, const Figure& figure, double y) {
  for (const Row& row : rows_of(figure.pictures)) {
    double x = kMargin;
    for (std::size_t i = row.first; i < row.last; ++i) {
      const Picture& picture = figure.pictures[i];
      body += fmt::format("<g role=\"img\" transform=\"translate({} {})\"><title>{}</title><desc>{}</desc>{}</g>\n",
                          coordinate(x), coordinate(y), escape(picture.title), escape(picture.description), picture.body);
      x += picture.width + kGap;
    }
    y += row.height + kGap / 2;
  }
  return y;
}

}  // namespace

std::string Document::svg() const {
  double inner = kLeastWidth;
  for (const Figure& figure : figures_) {
    for (const Row& row : rows_of(figure.pictures)) inner = std::max(inner, row.width);
  }
  double y = kMargin + 12;
  std::string body = fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\">{}</text>\n", kMargin, y, escape(options_.name));
  y += kTitle;
  for (const Figure& figure : figures_) {
    y = draw_pictures(body, figure, y);
    for (std::string words : wrap(figure.caption, static_cast<int>(inner / (kTextSize * 0.55)))) {
      std::erase(words, '*');
      body += fmt::format("<text class=\"faint\" x=\"{}\" y=\"{}\">{}</text>\n", kMargin, coordinate(y), escape(words));
      y += kCaptionLine;
    }
    y += kGap;
  }
  const double width = inner + 2 * kMargin, height = figures_.empty() ? y : y - kGap + kMargin;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\">\n<title>{2}</title>\n<style>{3}"
      "svg text.title {{ font-size: 20px; font-weight: 600; }}</style>\n<rect class=\"paper\" width=\"{0}\" "
      "height=\"{1}\"/>\n{4}</svg>\n",
      coordinate(width), coordinate(height), escape(options_.name), picture_style(), body);
}

}  // namespace norma::report
