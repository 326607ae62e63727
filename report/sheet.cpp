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
constexpr int kMostInARow = 3;

double row_width(const std::vector<Picture>& pictures, std::size_t first, std::size_t last) {
  double width = 0;
  for (std::size_t i = first; i < last; ++i) width += pictures[i].width + (i > first ? kGap : 0);
  return width;
}

}  // namespace

std::string Document::svg() const {
  const double width = kMargin * 2 + kPanelWidth * kMostInARow + kGap * (kMostInARow - 1);
  double y = kMargin + 12;
  std::string body = fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\">{}</text>\n", kMargin, y, escape(options_.name));
  y += kTitle;
  for (const Figure& figure : figures_) {
    for (std::size_t first = 0; first < figure.pictures.size();) {
      std::size_t last = first;
      double height = 0;
      while (last < figure.pictures.size() && row_width(figure.pictures, first, last + 1) <= width - 2 * kMargin) {
        height = std::max(height, figure.pictures[last++].height);
      }
      last = std::max(last, first + 1);
      double x = kMargin;
      for (; first < last; ++first) {
        const Picture& picture = figure.pictures[first];
        body += fmt::format("<g role=\"img\" transform=\"translate({} {})\"><title>{}</title><desc>{}</desc>{}</g>\n", coordinate(x),
                            coordinate(y), escape(picture.title), escape(picture.description), picture.body);
        x += picture.width + kGap;
      }
      y += height + kGap / 2;
    }
    for (const std::string& words : wrap(figure.caption, static_cast<int>((width - 2 * kMargin) / (kTextSize * 0.55)))) {
      std::string plain = words;
      std::erase(plain, '*');
      body += fmt::format("<text class=\"faint\" x=\"{}\" y=\"{}\">{}</text>\n", kMargin, coordinate(y), escape(plain));
      y += kCaptionLine;
    }
    y += kGap;
  }
  const double height = y - kGap + kMargin;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n<title>{2}</title>\n<style>{3}"
      "svg text.title {{ font-size: 20px; font-weight: 600; }}</style>\n<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>\n{4}</svg>\n",
      coordinate(width), coordinate(height), escape(options_.name), picture_style(), body);
}

}  // namespace norma::report
