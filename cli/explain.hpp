// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/norm_options.hpp"
#include "cli/page_files.hpp"
#include "cli/strings.hpp"
#include "io/array.hpp"
#include "report/terminal.hpp"

/// `norma explain`: what a normalization would do to a tensor, before it does it.

namespace norma::cli {

struct ExplainOptions {
  std::vector<std::string> inputs;
  NormOptions norm;
  std::string weight, bias, lang;
  std::int64_t top = 10;
  bool all = false, json = false;
  PageFiles pages;
};

/// One tensor file, or several images as a batch. Throws Error.
io::Array read_input(const std::vector<std::string>& paths);

/// The explanation as a page, as HTML and pictures, and as numbers. Of options they use inputs (their names), norm, weight,
/// bias, top and all. Throws Error.
std::string explanation_page(const io::Array& x, const ExplainOptions& options, Language language,
                             report::Page::Options page_options);
report::Document explanation_document(const io::Array& x, const ExplainOptions& options, Language language);
nlohmann::ordered_json explanation_numbers(const io::Array& x, const ExplainOptions& options);

}  // namespace norma::cli
