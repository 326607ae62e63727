// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace norma::report {

/// An SVG file as a PNG file, `zoom` pixels to a unit, in its light colours. The work is done by the program rsvg-convert
/// (librsvg), with the fonts of this machine: Chinese needs one that has it. Throws Error where the program is missing or
/// fails. A library linked in its place would bring thirty others into every start of the command.
std::string png_of(const std::string& svg, double zoom = 2);

}  // namespace norma::report
