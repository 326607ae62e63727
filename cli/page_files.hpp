// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/strings.hpp"
#include "report/document.hpp"

namespace CLI {
class App;
}

namespace norma::cli {

/// The files that a page goes to; empty: not wanted, "-": standard output.
struct PageFiles {
  std::string html, svg, png;

  bool wanted() const { return !(html.empty() && svg.empty() && png.empty()); }
};

/// Adds --html, --svg and --png to a subcommand. files must live as long as app.
void add_page_options(CLI::App& app, PageFiles& files);

/// Refuses two results for one standard output. Throws Error.
void check_outputs(const PageFiles& files, bool json);

/// Writes the files; each is the old one or the new one. Throws Error.
void write_pages(const report::Document& document, const PageFiles& files);

/// An empty page in the language of say.
report::Document make_document(const Say& say, const std::string& name);

}  // namespace norma::cli
