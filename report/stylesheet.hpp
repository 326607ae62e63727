// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// The looks of pictures and pages: light, dark where the reader's system asks for it, and always light in print. Every
/// colour stands here, and is told apart by people who see no red or no green; where two meet, a form differs too.

namespace norma::report {

/// The classes that a Drawing names. Valid in an SVG file and in a page; plain enough for librsvg (no variables).
///
///     name strong faint small  text                 axis rule part  lines
///     front top side row cell  cells of a tensor    on off          one distribution marked; none
///     s0 s1 s2 s3              series (stroke); "fill" fills instead; "soft" is its pale form
///     kept reversed tied       what became of pairs
std::string_view picture_style();

/// A page around them.
std::string_view page_style();

}  // namespace norma::report
