// SPDX-License-Identifier: Apache-2.0
#include "cli/comparability_report.hpp"

#include <string>
#include <vector>

namespace norma::cli {

using nlohmann::ordered_json;
using report::Cell;
using report::Style;
using report::Table;
using report::Writer;

namespace {

std::string_view id_of(Order order) {
  switch (order) {
    case Order::kept: return "promise.kept";
    case Order::reversed: return "promise.reversed";
    case Order::tied: return "promise.tied";
    case Order::by_distribution: return "promise.by_distribution";
    case Order::no_pairs: return "promise.no_pairs";
    case Order::none: break;
  }
  return "promise.none";
}

/// In JSON: the enumerator's own name.
std::string_view name_of(Order order) { return id_of(order).substr(std::string_view("promise.").size()); }

Style style_of(Order order) {
  return order == Order::kept ? Style::kept : order == Order::none || order == Order::reversed ? Style::reversed : Style::plain;
}

Cell count_cell(std::uint64_t count) { return {with_commas(static_cast<double>(count)), static_cast<double>(count)}; }

/// Of the pairs that are ordered before and after.
Cell share_cell(std::uint64_t part, const PairCounts& pairs) {
  const auto whole = static_cast<double>(pairs.kept + pairs.reversed);
  if (whole == 0) return "–";
  return {percent(static_cast<double>(part), whole), static_cast<double>(part) / whole};
}

std::vector<Cell> row_of(const Say& say, std::string_view kind, Order promised, bool ratios, const PairCounts& pairs) {
  const std::string promise = ratios && promised == Order::kept ? say("promise.kept_with_ratios") : say(id_of(promised));
  return {say(kind),
          Cell(promise, style_of(promised)),
          count_cell(pairs.total()),
          share_cell(pairs.kept, pairs),
          share_cell(pairs.reversed, pairs),
          count_cell(pairs.ties())};
}

std::string promise_of(const Say& say, const VectorPromise& promise) {
  if (promise.direction_kept()) return say("vectors.kept");
  std::string reasons;
  const auto add = [&](bool holds, std::string_view id) {
    if (!holds) return;
    reasons += (reasons.empty() ? "" : say("list.comma")) + say(id);
  };
  add(promise.subtracts_mean, "vectors.subtracts_mean");
  add(promise.several_distributions, "vectors.several");
  add(promise.weights_differ, "vectors.weights_differ");
  add(promise.adds_bias, "vectors.adds_bias");
  add(promise.flips, "vectors.flips");
  return say("vectors.turned", fmt::arg("reasons", reasons));
}

}  // namespace

void show_order(Writer& page, const Say& say, const MapOrder& order) {
  using enum Table::Align;
  Table table{{{say("pairs.kind"), left},
               {say("pairs.promised"), left},
               {say("pairs.count"), right},
               {say("pairs.kept"), right},
               {say("pairs.reversed"), right},
               {say("pairs.tied"), right}},
              {}};
  table.rows.push_back(row_of(say, "pairs.within", order.within.order(), order.within.ratios(), order.seen.within));
  table.rows.push_back(row_of(say, "pairs.across", order.across, false, order.seen.across));
  page.table(table);
}

report::ShareBar bar_of(const std::string& label, const PairCounts& pairs) {
  return {label, share_cell(pairs.kept, pairs).text, static_cast<double>(pairs.kept), static_cast<double>(pairs.ties()),
          static_cast<double>(pairs.reversed)};
}

report::Picture draw_bars(const Say& say, const std::string& title, const std::vector<report::ShareBar>& bars) {
  std::string description;
  bool ties = false;
  for (const report::ShareBar& bar : bars) {
    description += say("bars.description", fmt::arg("label", bar.label), fmt::arg("value", bar.value));
    ties = ties || bar.tied > 0;
  }
  return report::draw_shares(bars,
                             {title, description, say("pairs.kept"), ties ? say("pairs.tied") : "", say("pairs.reversed")});
}

report::Picture picture_of(const Say& say, const MapOrder& order, const std::string& title) {
  return draw_bars(say, title,
                   {bar_of(say("pairs.within"), order.seen.within), bar_of(say("pairs.across"), order.seen.across)});
}

void show_vectors(Writer& page, const Say& say, const MapVectors& vectors) {
  page.paragraph(promise_of(say, vectors.promised));
  if (vectors.promised.differences_kept) {
    page.paragraph(say(*vectors.promised.differences_kept ? "vectors.differences_kept" : "vectors.differences_turned"));
  }
  show_seen(page, say, vectors.seen);
  if (const auto& change = vectors.largest_change) {
    page.paragraph(say("vectors.change", fmt::arg("first", change->first), fmt::arg("second", change->second),
                       fmt::arg("before", change->before), fmt::arg("after", change->after)));
  }
}

void show_seen(Writer& page, const Say& say, const VectorComparison& seen) {
  if (seen.compared == 0) return;
  page.paragraph(say("vectors.seen", fmt::arg("count", with_commas(static_cast<double>(seen.compared))),
                     fmt::arg("mean", seen.mean_degrees), fmt::arg("max", seen.max_degrees),
                     fmt::arg("number", seen.most_turned), fmt::arg("cosine", seen.min_cosine)));
}

ordered_json numbers_of(const PairCounts& pairs) {
  return {{"pairs", pairs.total()},           {"kept", pairs.kept},
          {"reversed", pairs.reversed},       {"tied_before", pairs.tied_before},
          {"tied_after", pairs.tied_after},   {"tied_both", pairs.tied_both},
          {"kept_share", pairs.kept_share()}, {"reversed_share", pairs.reversed_share()}};
}

ordered_json numbers_of(const MapOrder& order) {
  return {{"within",
           {{"promised", name_of(order.within.order())},
            {"ratios", order.within.ratios()},
            {"seen", numbers_of(order.seen.within)}}},
          {"across", {{"promised", name_of(order.across)}, {"seen", numbers_of(order.seen.across)}}},
          {"elements", order.seen.elements},
          {"left_out", order.seen.left_out},
          {"not_a_number", order.seen.not_a_number}};
}

ordered_json numbers_of(const VectorComparison& seen) {
  return {{"compared", seen.compared},       {"left_out", seen.left_out},         {"zero", seen.zero},
          {"not_finite", seen.not_finite},   {"mean_degrees", seen.mean_degrees}, {"max_degrees", seen.max_degrees},
          {"most_turned", seen.most_turned}, {"mean_cosine", seen.mean_cosine},   {"min_cosine", seen.min_cosine}};
}

ordered_json numbers_of(const MapVectors& vectors) {
  const VectorPromise& promised = vectors.promised;
  ordered_json json{{"promised",
                     {{"direction_kept", promised.direction_kept()},
                      {"subtracts_mean", promised.subtracts_mean},
                      {"several_distributions", promised.several_distributions},
                      {"weights_differ", promised.weights_differ},
                      {"adds_bias", promised.adds_bias},
                      {"flips", promised.flips},
                      {"differences_kept", nullptr}}},
                    {"seen", numbers_of(vectors.seen)},
                    {"largest_change", nullptr}};
  if (promised.differences_kept) json["promised"]["differences_kept"] = *promised.differences_kept;
  if (const auto& change = vectors.largest_change) {
    json["largest_change"] = {
        {"first", change->first}, {"second", change->second}, {"before", change->before}, {"after", change->after}};
  }
  return json;
}

}  // namespace norma::cli
