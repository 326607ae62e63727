// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

/// A small layer over SVG: shapes whose look is a class of picture_style(), and text. Knows nothing of tensors.

namespace norma::report {

/// A finished picture: what stands inside of <svg>, whose viewBox is "0 0 width height".
struct Picture {
  std::string title;        ///< stands in the picture, and is its name for screen readers
  std::string description;  ///< what can be seen in it, for those who cannot
  double width = 0, height = 0;
  std::string body;
};

struct Point {
  double x = 0, y = 0;
};

enum class Anchor : std::uint8_t { start, middle, end };

/// Markers tell series apart where colours do not.
enum class Marker : std::uint8_t { circle, diamond, square, triangle };

/// How wide text is, about: fonts differ.
double text_width(std::string_view text, double size);

/// The width of a picture that stays legible on a phone of 360 pixels.
inline constexpr double kPanelWidth = 360;
inline constexpr double kTextSize = 12, kSmallSize = 11;

class Drawing {
 public:
  /// Begins with the title, in as many lines as it takes. y() is where the rest may begin.
  Drawing(std::string title, double width = kPanelWidth);

  double width() const { return width_; }
  double y() const { return y_; }

  // The class says the look: see picture_style().
  void line(Point from, Point to, std::string_view look);
  void rect(Point corner, double width, double height, std::string_view look, double radius = 0);
  void polygon(std::span<const Point> corners, std::string_view look);
  void path(std::string_view data, std::string_view look);
  void marker(Marker marker, Point at, double size, std::string_view look);
  void text(Point at, std::string_view words, std::string_view look = "", Anchor anchor = Anchor::start);
  void image(Point corner, double width, double height, std::string_view uri);
  void open(Point shift);
  void close() { body_ += "</g>"; }

  /// Takes the picture, height high.
  Picture finish(double height, std::string description) &&;

 private:
  double width_, y_ = 0;
  std::string title_, body_;
};

/// "M1 2L3 4": a line through points.
std::string path_through(std::span<const Point> points);

}  // namespace norma::report
