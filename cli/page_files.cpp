// SPDX-License-Identifier: Apache-2.0
#include "cli/page_files.hpp"

#include <CLI/CLI.hpp>

#include "io/output_file.hpp"
#include "norma/error.hpp"
#include "norma/version.hpp"
#include "report/raster.hpp"

namespace norma::cli {

namespace {

void write_file(const std::string& path, const std::string& bytes) {
  io::OutputFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace

void add_page_options(CLI::App& app, PageFiles& files) {
  app.add_option("--html", files.html, "Write it as one page of HTML in place of the text; - for standard output")
      ->type_name("FILE");
  app.add_option("--svg", files.svg, "Write the page's pictures as one SVG")->type_name("FILE");
  app.add_option("--png", files.png, "Write the page's pictures as one PNG (with rsvg-convert)")->type_name("FILE");
}

void check_outputs(const PageFiles& files, bool json) {
  const int wanted = (files.html == "-") + (files.svg == "-") + (files.png == "-") + json;
  if (wanted > 1) throw Error("[html] two results are to go to standard output, which holds one; give the others files");
}

void write_pages(const report::Document& document, const PageFiles& files) {
  // What may fail for want of a program is made before anything is written.
  const std::string png = files.png.empty() ? "" : report::png_of(document.svg());
  if (!files.html.empty()) write_file(files.html, document.html());
  if (!files.svg.empty()) write_file(files.svg, document.svg());
  if (!files.png.empty()) write_file(files.png, png);
}

report::Document make_document(const Say& say, const std::string& name) {
  return report::Document({.language = say.language() == Language::zh ? "zh-Hans" : "en",
                           .name = name,
                           .contents = say("page.contents"),
                           .numbers = say("page.numbers"),
                           .made_by = say("page.made_by", fmt::arg("version", NORMA_VERSION))});
}

}  // namespace norma::cli
