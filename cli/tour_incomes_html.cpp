// SPDX-License-Identifier: Apache-2.0
// The incomes as a part of a page.
#include <algorithm>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/tour_incomes.hpp"
#include "report/block.hpp"
#include "report/charts.hpp"
#include "report/document.hpp"

namespace norma::cli {

using report::Document;
using report::Figure;
using report::Style;

/// The rows of both regions, as they stand in the file.
report::Picture Incomes::rows_picture(const Say& say) const {
  report::RowsOptions options;
  options.marked = say.name(countries_[china_].region);
  options.title = say("incomes.rows.title", fmt::arg("region", options.marked));
  options.headings = {say("incomes.rows.country"), say("incomes.rows.region"), say("incomes.dollars")};
  for (std::size_t i = 0; i < countries_.size(); ++i) {
    const std::string& region = countries_[i].region;
    if (region != countries_[china_].region && region != countries_[india_].region) continue;
    options.rows.push_back({say.name(countries_[i].name), say.name(region), with_commas(incomes_[i])});
  }
  options.description = options.title;
  return report::draw_rows(options);
}

report::Picture Incomes::ridges_picture(const Say& say, bool after) const {
  std::vector<report::Ridge> ridges;
  std::vector<double> all;
  for (const std::size_t of : {china_, india_}) {
    const int series = of == china_ ? 0 : 1;
    report::Ridge ridge{say.name(countries_[of].region), {}, {}, {}, series};
    for (const std::size_t i : region_of(of)) {
      const double value = after ? score(i) : incomes_[i];
      ridge.values.push_back(value);
      all.push_back(value);
      if (i == of) ridge.named.push_back({value, say.name(countries_[i].name), series});
    }
    ridges.push_back(ridge);
  }
  const report::Range range = report::padded(report::range_of(all), .06);
  return report::draw_ridges(
      ridges, {say(after ? "incomes.dots.after" : "incomes.dots.before"),
               say("incomes.dots.description", fmt::arg("first", ridges[0].label), fmt::arg("second", ridges[1].label)),
               say(after ? "ridges.after.axis" : "incomes.dollars"), range});
}

report::Picture Incomes::ranks_picture(const Say& say) const {
  std::vector<report::RankLine> lines;
  for (const std::size_t of : {china_, india_}) {
    for (const std::size_t i : region_of(of)) {
      const std::string name = say.name(countries_[i].name);
      lines.push_back({name + "  " + with_commas(incomes_[i]), fmt::format("{:.2f}  {}", score(i), name), incomes_[i], score(i),
                       of == china_ ? 0 : 1, i == china_ || i == india_});
    }
  }
  const report::Crossings crossings = report::crossings_of(lines);
  return report::draw_rank_lines(
      lines, {.title = say("incomes.ranks.title", fmt::arg("count", lines.size())),
              .description = say("ranks.description", fmt::arg("lines", lines.size()), fmt::arg("within", crossings.within),
                                 fmt::arg("across", crossings.across), fmt::arg("pairs", crossings.pairs_across)),
              .before = say("incomes.dollars"),
              .after = say("incomes.score"),
              .width = 430,
              .line_height = 23,
              .names = {say.name(countries_[china_].region), say.name(countries_[india_].region)}});
}

report::Picture Incomes::wages_picture(const Say& say) const {
  const Extent range = extent_of(wages_.before);
  const double high = std::floor(range.high) + 1;
  std::vector<double> counts(static_cast<std::size_t>(high));
  for (const double wage : wages_.before) ++counts[static_cast<std::size_t>(wage)];
  const double middle = median(wages_.before);
  return report::draw_two_axes(
      counts, {.title = say("wages.picture"),
               .description = say("wages.picture.description", fmt::arg("count", wages_.before.size()),
                                  fmt::arg("low", range.low), fmt::arg("high", range.high)),
               .before = say("wages.before"),
               .after = say("wages.after"),
               .range = {0, high},
               .mean = wages_.moments.mean,
               .deviation = wages_.deviation(),
               .mean_label = say("wages.mean.label", fmt::arg("value", wages_.moments.mean)),
               .median = middle,
               .median_label = say("wages.median.label", fmt::arg("value", middle), fmt::arg("score", median(wages_.after)))});
}

void Incomes::show(Document& page, const Say& say) const {
  page.title(say("incomes.title"));
  page.paragraph(say("incomes.source", fmt::arg("count", countries_.size())), Style::faint);
  page.paragraph(
      say("incomes.idea", fmt::arg("count", countries_.size()), fmt::arg("distributions", by_region().distributions)));
  page.figure({{rows_picture(say)}, say("incomes.rows.caption")});
  page.figure({{ridges_picture(say, false), ridges_picture(say, true)}, say("incomes.dots.caption")});
  page.paragraph(say("incomes.flip", fmt::arg("ratio", incomes_[china_] / incomes_[india_]), fmt::arg("china", score(china_)),
                     fmt::arg("india", score(india_))));
  page.figure({{ranks_picture(say)}, say("incomes.ranks.caption"), {region_table(say, china_), region_table(say, india_)}});
  page.heading(say("incomes.splits"));
  show_splits(page, say);
  page.paragraph(say("incomes.grouping", fmt::arg("china_count", region_of(china_).size()),
                     fmt::arg("india_count", region_of(india_).size())));
  show_twins(page, say);
  page.heading(say("report.title", fmt::arg("what", say("incomes.report"))));
  show_order(page, say, by_region().order);
  page.figure({{picture_of(say, by_region().order, say("bars.title"))}, {}});
  page.heading(say("wages.title"));
  page.paragraph(say("wages.source", fmt::arg("count", wages_.before.size())), Style::faint);
  page.figure({{wages_picture(say)}, {}});
  show_wages_table(page, say);
}

}  // namespace norma::cli
