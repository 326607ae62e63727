// SPDX-License-Identifier: Apache-2.0
#include "cli/explain.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.hpp"
#include "cli/explanation.hpp"
#include "cli/tensors.hpp"
#include "io/tensor_file.hpp"

namespace norma::cli {

using nlohmann::ordered_json;
using report::Page;

namespace {

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void run_explain(const ExplainOptions& options) {
  const Say say(language_of(options.lang));
  check_outputs(options.pages, options.json);
  const io::Array x = read_input(options.inputs);
  const Explanation explanation(x, options);
  if (options.pages.wanted()) write_pages(explanation.document(say), options.pages);
  if (options.json) {
    print(explanation.numbers().dump(2) + '\n');
  } else if (!options.pages.wanted()) {
    Page page(Page::for_standard_output());
    page.blank();
    explanation.show(page, say);
    print(page.text());
  }
}

}  // namespace

io::Array read_input(const std::vector<std::string>& paths) {
  return paths.size() == 1 ? read_tensor_at(paths[0]) : io::read_tensors(paths);
}

std::string explanation_page(const io::Array& x, const ExplainOptions& options, Language language, Page::Options page_options) {
  Page page(page_options);
  page.blank();
  Explanation(x, options).show(page, Say(language));
  return page.text();
}

report::Document explanation_document(const io::Array& x, const ExplainOptions& options, Language language) {
  return Explanation(x, options).document(Say(language));
}

ordered_json explanation_numbers(const io::Array& x, const ExplainOptions& options) {
  return Explanation(x, options).numbers();
}

void add_explain(CLI::App& app) {
  CLI::App* explain =
      app.add_subcommand("explain", "Show which elements form one distribution, their moments, and what stays comparable");
  auto options = std::make_shared<ExplainOptions>();
  explain
      ->add_option("input", options->inputs,
                   "A tensor (.npy, .npz:name, .safetensors:name, - for standard input), or images of one size, which "
                   "form a batch")
      ->required()
      ->type_name("IN");
  add_norm_options(*explain, options->norm);
  explain->add_option("--weight", options->weight, "A file of weights: the report is also made of what they make")->type_name("FILE");
  explain->add_option("--bias", options->bias, "A file of biases, likewise")->type_name("FILE");
  explain->add_option("--top", options->top, "How many distributions to list, the extremes [10]");
  explain->add_flag("--all", options->all, "List all distributions, in the order of their numbers");
  explain->add_option("--lang", options->lang, "The language [the locale's]")->type_name("en|zh");
  explain->add_flag("--json", options->json, "All the numbers as one JSON document");
  add_page_options(*explain, options->pages);
  explain->callback([options] { run_explain(*options); });
}

}  // namespace norma::cli
