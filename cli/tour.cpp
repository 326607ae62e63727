// SPDX-License-Identifier: Apache-2.0
#include "cli/tour.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/data.hpp"
#include "io/text.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using report::Page;
using report::Style;
using report::Table;

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
      throw Error(fmt::format("[tour] there is no part {}; give {}, or nothing for all", io::in_quotes(name),
                              fmt::join(kNames, ", ")));
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

void show_end(Page& page, const Say& say) {
  using enum Table::Align;
  page.blank();
  page.title(say("end.title"));
  Table table{{{"", left}, {say("end.distribution"), left}, {say("end.kept"), left}, {say("end.lost"), left}}, {}};
  const auto norm_name = [&](std::string_view norm) {
    const bool layer = norm == "sample" || norm == "token";
    return say(layer ? fmt::format("end.{}.name", norm) : fmt::format("norm.{}", norm));
  };
  for (const std::string_view norm : {"batch", "sample", "token", "instance"}) {
    const std::string id = fmt::format("end.{}.", norm);
    table.rows.push_back(
        {page.paint(Style::strong, norm_name(norm)), say(id + "distribution"), say(id + "kept"), say(id + "lost")});
  }
  page.table(table);
  page.blank();
  page.paragraph(say("end.moral"));
  page.paragraph(say("end.next"), Style::faint);
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

struct TourArguments {
  std::vector<std::string> parts;
  std::string lang;
  bool json = false;
};

void run_tour(const TourArguments& arguments) {
  const Language language = language_of(arguments.lang);
  if (arguments.json) {
    print(tour_numbers(data_directory(), arguments.parts).dump(2) + '\n');
  } else {
    print(tour_page(data_directory(), arguments.parts, language, Page::for_standard_output()));
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

nlohmann::ordered_json tour_numbers(const std::string& data, const std::vector<std::string>& parts) {
  nlohmann::ordered_json json;
  for (const Part& part : chosen_parts(parts)) json[std::string(part.name)] = part.measure(data)->numbers();
  return json;
}

std::vector<double> normalized(std::span<const double> x, const Dims& shape, const Grouping& grouping,
                               const Options& options) {
  std::vector<double> y(x.size());
  normalize(view(x.data(), shape), view(y.data(), shape), grouping, options);
  return y;
}

void add_tour(CLI::App& app) {
  CLI::App* tour =
      app.add_subcommand("tour", "Show what each normalization does to real incomes, images and sentences");
  auto arguments = std::make_shared<TourArguments>();
  tour->add_option("parts", arguments->parts, fmt::format("Only these parts: {}", fmt::join(kNames, ", ")))
      ->type_name("PART");
  tour->add_option("--lang", arguments->lang, "en or zh [the locale's]")->type_name("LANG");
  tour->add_flag("--json", arguments->json, "All the numbers as one JSON document");
  tour->callback([arguments] { run_tour(*arguments); });
}

}  // namespace norma::cli
