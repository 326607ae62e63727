// SPDX-License-Identifier: Apache-2.0
#include "cli/tour.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/data.hpp"
#include "cli/page_files.hpp"
#include "io/text.hpp"
#include "report/block.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using report::Cell;
using report::Page;
using report::Style;
using report::Table;
using report::Writer;

namespace {

struct Part {
  std::string_view name;
  std::unique_ptr<TourPart> (*measure)(const std::string& data);
};

constexpr std::array kParts = {Part{"incomes", measure_incomes}, Part{"images", measure_images},
                               Part{"sentences", measure_sentences}};
constexpr auto kNames = [] {
  std::array<std::string_view, kParts.size()> names;
  for (std::size_t i = 0; i < kParts.size(); ++i) names[i] = kParts[i].name;
  return names;
}();

/// The parts that are named, in the tour's order; all where none is. Throws Error.
std::vector<Part> chosen_parts(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      throw Error(
          fmt::format("[tour] there is no part {}; give {}, or nothing for all", io::in_quotes(name), fmt::join(kNames, ", ")));
    }
  }
  std::vector<Part> parts;
  for (const Part& part : kParts) {
    if (names.empty() || std::find(names.begin(), names.end(), part.name) != names.end()) parts.push_back(part);
  }
  return parts;
}

void show_beginning(Page& page, const Say& say) {
  page.blank();
  page.title(say("tour.title"));
  page.paragraph(say("tour.idea"));
  page.line(say("tour.legend", fmt::arg("marked", page.paint(Style::marked, report::kMarkedCell)),
                fmt::arg("other", page.paint(Style::faint, report::other_cell(page))),
                fmt::arg("none", page.paint(Style::faint, report::kNoCell))));
}

std::string norm_name(const Say& say, std::string_view norm) {
  const bool layer = norm == "sample" || norm == "token";
  return say(layer ? fmt::format("end.{}.name", norm) : fmt::format("norm.{}", norm));
}

void show_end(Writer& page, const Say& say) {
  using enum Table::Align;
  page.blank();
  page.title(say("end.title"));
  Table table{{{"", left}, {say("end.distribution"), left}, {say("end.kept"), left}, {say("end.lost"), left}}, {}};
  for (const std::string_view norm : {"batch", "sample", "token", "instance"}) {
    const std::string id = fmt::format("end.{}.", norm);
    table.rows.push_back(
        {Cell(norm_name(say, norm), Style::strong), say(id + "distribution"), say(id + "kept"), say(id + "lost")});
  }
  page.table(table);
  page.blank();
  page.paragraph(say("end.moral"));
  page.paragraph(say("end.next"), Style::faint);
}

/// The one idea: four normalizations of one tensor.
report::Figure hero(const Say& say) {
  const Dims images{4, 4, 4}, sentences{4, 5, 6};
  const struct {
    std::string_view norm;
    Grouping grouping;
    Dims shape;
    std::int64_t marked;
    int channels;
    const char *across, *down;
  } blocks[] = {{"batch", Grouping::batch(), images, 1, 1, "hero.channels", "hero.positions"},
                {"instance", Grouping::instance(), images, 1, 1, "hero.channels", "hero.positions"},
                {"sample", Grouping::sample(), sentences, 0, 2, "hero.features", "hero.words"},
                {"token", Grouping::layer({6}), sentences, 1, 2, "hero.features", "hero.words"}};
  report::Figure figure{{}, say("hero.caption"), {}, true};
  for (const auto& block : blocks) {
    const report::Membership membership(block.grouping, block.shape);
    report::BlockOptions options;
    options.title = say("block.named", fmt::arg("norm", norm_name(say, block.norm)),
                        fmt::arg("distribution", say(fmt::format("end.{}.distribution", block.norm))));
    options.description = say("block.caption.plain");
    options.marked = block.marked;
    options.axes = report::BlockAxes::of(3, block.channels);
    options.back = say("hero.samples");
    options.across = say(block.across);
    options.down = say(block.down);
    figure.pictures.push_back(report::draw_block(membership, options).picture);
  }
  return figure;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

struct TourArguments {
  std::vector<std::string> parts;
  std::string lang;
  bool json = false;
  PageFiles pages;
};

void run_tour(const TourArguments& arguments) {
  const Language language = language_of(arguments.lang);
  check_outputs(arguments.pages, arguments.json);
  const std::string data = data_directory();
  if (arguments.pages.wanted()) write_pages(tour_document(data, arguments.parts, language), arguments.pages);
  if (arguments.json) {
    print(tour_numbers(data, arguments.parts).dump(2) + '\n');
  } else if (!arguments.pages.wanted()) {
    print(tour_page(data, arguments.parts, language, Page::for_standard_output()));
  }
}

}  // namespace

std::span<const std::string_view> tour_parts() { return kNames; }

std::string tour_page(const std::string& data, const std::vector<std::string>& parts, Language language,
                      Page::Options options) {
  const std::vector<Part> chosen = chosen_parts(parts);
  const Say say(language);
  Page page(options);
  show_beginning(page, say);
  for (const Part& part : chosen) {
    page.blank();
    part.measure(data)->show(page, say);
  }
  if (chosen.size() == kParts.size()) show_end(page, say);
  return page.text();
}

report::Document tour_document(const std::string& data, const std::vector<std::string>& parts, Language language) {
  const std::vector<Part> chosen = chosen_parts(parts);
  const Say say(language);
  report::Document page = make_document(say, say("tour.title"));
  page.lead(say("tour.idea"));
  page.figure(hero(say));
  for (const Part& part : chosen) part.measure(data)->show(page, say);
  if (chosen.size() == kParts.size()) show_end(page, say);
  return page;
}

nlohmann::ordered_json tour_numbers(const std::string& data, const std::vector<std::string>& parts) {
  nlohmann::ordered_json json;
  for (const Part& part : chosen_parts(parts)) json[std::string(part.name)] = part.measure(data)->numbers();
  return json;
}

std::vector<double> normalized(std::span<const double> x, const Dims& shape, const Grouping& grouping, const Options& options) {
  std::vector<double> y(x.size());
  normalize(view(x.data(), shape), view(y.data(), shape), grouping, options);
  return y;
}

void add_tour(CLI::App& app) {
  CLI::App* tour = app.add_subcommand("tour", "Show what each normalization does to real incomes, images and sentences");
  auto arguments = std::make_shared<TourArguments>();
  tour->add_option("parts", arguments->parts, "Only these parts")->type_name(fmt::format("{}", fmt::join(kNames, "|")));
  tour->add_option("--lang", arguments->lang, "The language [the locale's]")->type_name("en|zh");
  tour->add_flag("--json", arguments->json, "All the numbers as one JSON document");
  add_page_options(*tour, arguments->pages);
  tour->callback([arguments] { run_tour(*arguments); });
}

}  // namespace norma::cli
