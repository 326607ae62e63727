// SPDX-License-Identifier: Apache-2.0
#include "report/drawing.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "report/markup.hpp"
#include "report/terminal.hpp"

namespace norma::report {

namespace {

constexpr double kTitleSize = 14, kTitleLine = 19;
// A column of a terminal, in parts of the font's size: between the digits and the wider letters of common sans-serif fonts.
constexpr double kColumn = 0.55;

std::string attribute(std::string_view name, double value) { return fmt::format(" {}=\"{}\"", name, coordinate(value)); }

std::string look_of(std::string_view look) { return look.empty() ? std::string() : fmt::format(" class=\"{}\"", look); }

/// "-1" with the sign that is as wide as a digit; tables keep the one that can be pasted into programs.
std::string with_minus(std::string_view words) {
  const bool negative = words.size() > 1 && words[0] == '-' && words[1] >= '0' && words[1] <= '9';
  return negative ? "−" + std::string(words.substr(1)) : std::string(words);
}

std::string pair_of(Point p) { return coordinate(p.x) + ' ' + coordinate(p.y); }

}  // namespace

double text_width(std::string_view text, double size) { return display_width(text) * size * kColumn; }

Drawing::Drawing(std::string title, double width) : width_(width), title_(std::move(title)) {
  constexpr double kBold = 1.04;
  const int columns = static_cast<int>(width / (kTitleSize * kColumn * kBold));
  double at = 0;
  for (const std::string& words : wrap(title_, columns)) text({0, at += kTitleLine - (at == 0 ? 4 : 0)}, words, "name");
  y_ = at + 10;
}

void Drawing::line(Point from, Point to, std::string_view look) {
  body_ += "<line" + look_of(look) + attribute("x1", from.x) + attribute("y1", from.y) + attribute("x2", to.x) +
           attribute("y2", to.y) + "/>";
}

void Drawing::rect(Point corner, double width, double height, std::string_view look, double radius) {
  body_ += "<rect" + look_of(look) + attribute("x", corner.x) + attribute("y", corner.y) + attribute("width", width) +
           attribute("height", height) + (radius > 0 ? attribute("rx", radius) : std::string()) + "/>";
}

void Drawing::polygon(std::span<const Point> corners, std::string_view look) {
  body_ += "<path" + look_of(look) + " d=\"" + path_through(corners) + "z\"/>";
}

void Drawing::path(std::string_view data, std::string_view look) {
  if (!data.empty()) body_ += "<path" + look_of(look) + " d=\"" + std::string(data) + "\"/>";
}

void Drawing::marker(Marker marker, Point at, double size, std::string_view look) {
  const double r = size / 2;
  switch (marker) {
    case Marker::circle:
      body_ += "<circle" + look_of(look) + attribute("cx", at.x) + attribute("cy", at.y) + attribute("r", r) + "/>";
      return;
    case Marker::square: return rect({at.x - r * .9, at.y - r * .9}, size * .9, size * .9, look);
    case Marker::diamond: {
      const double d = r * 1.25;
      return polygon(std::array{Point{at.x, at.y - d}, Point{at.x + d, at.y}, Point{at.x, at.y + d}, Point{at.x - d, at.y}},
                     look);
    }
    case Marker::triangle: {
      const double d = r * 1.15;
      return polygon(std::array{Point{at.x, at.y - d}, Point{at.x + d, at.y + d * .8}, Point{at.x - d, at.y + d * .8}}, look);
    }
  }
}

void Drawing::text(Point at, std::string_view words, std::string_view look, Anchor anchor) {
  const std::string_view where = anchor == Anchor::middle ? " text-anchor=\"middle\""
                                 : anchor == Anchor::end  ? " text-anchor=\"end\""
                                                          : "";
  body_ += fmt::format("<text{}{}{}{}>{}</text>", look_of(look), where, attribute("x", at.x), attribute("y", at.y),
                       escape(with_minus(words)));
}

void Drawing::image(Point corner, double width, double height, std::string_view uri) {
  body_ += "<image class=\"pixels\"" + attribute("x", corner.x) + attribute("y", corner.y) + attribute("width", width) +
           attribute("height", height) + fmt::format(" preserveAspectRatio=\"none\" href=\"{}\"/>", uri);
}

void Drawing::open(Point shift) { body_ += "<g transform=\"translate(" + pair_of(shift) + ")\">"; }

Picture Drawing::finish(double height, std::string description) && {
  return {std::move(title_), std::move(description), width_, height, std::move(body_)};
}

std::string path_through(std::span<const Point> points) {
  std::string data;
  for (const Point& p : points) data += (data.empty() ? "M" : "L") + pair_of(p);
  return data;
}

}  // namespace norma::report
