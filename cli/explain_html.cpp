// SPDX-License-Identifier: Apache-2.0
// The explanation as a page: what its vectors did, and all together.
#include <algorithm>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/explain_pictures.hpp"
#include "cli/page_files.hpp"

namespace norma::cli {

using report::Document;
using report::Figure;
using report::Style;

namespace {

constexpr std::size_t kMostRows = 500, kMostTurns = 60, kMostVectors = 24;
constexpr std::int64_t kMostPairNumbers = 4'000'000;  // of the vectors whose angles are compared

}  // namespace

// -------------------------------------------------------------------------------------------------------- the vectors

Figure ExplanationPictures::turns_and_angles() const {
  const VectorComparison& seen = e_.vectors_ ? e_.vectors_->plain.seen : *e_.seen_alone_;
  std::vector<std::size_t> compared;
  for (std::size_t i = 0; i < seen.turns.size(); ++i) {
    if (std::isfinite(seen.turns[i].degrees)) compared.push_back(i);
  }
  if (compared.empty()) return {};
  std::vector<std::size_t> by_turn = compared;
  std::stable_sort(by_turn.begin(), by_turn.end(),
                   [&](std::size_t a, std::size_t b) { return seen.turns[a].degrees < seen.turns[b].degrees; });
  std::vector<double> degrees;
  for (const std::size_t i : spread(by_turn.size(), kMostTurns)) degrees.push_back(seen.turns[by_turn[i]].degrees);
  const std::string mean = say_("turns.mean", fmt::arg("mean", seen.mean_degrees), fmt::arg("max", seen.max_degrees));
  Figure figure;
  figure.pictures.push_back(report::draw_turns(degrees, {.title = say_("turns.title"),
                                                         .description = mean,
                                                         .before = say_("turns.before"),
                                                         .mean_label = mean,
                                                         .mean = seen.mean_degrees}));
  figure.caption = say_(degrees.size() < compared.size() ? "turns.sample" : "turns.all", fmt::arg("shown", degrees.size()),
                        fmt::arg("count", with_commas(static_cast<double>(compared.size()))));
  // Angles between pairs, of all vectors or of some: the rows of two matrices.
  const std::int64_t d = e_.x_.shape()[e_.x_.rank() - 1];
  std::size_t most = kMostVectors;
  while (most > 2 && static_cast<std::int64_t>(most * (most - 1) / 2) * d > kMostPairNumbers) --most;
  const std::vector<std::size_t> some = spread(compared.size(), most);
  if (some.size() < 3) return figure;
  std::vector<std::vector<double>> angles;
  for (const std::size_t stage : {0U, 1U}) {
    std::vector<double> first, second;
    for (std::size_t i = 0; i < some.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const auto from = [&](std::size_t k) {
          return stages_[stage].values.begin() + static_cast<std::ptrdiff_t>(compared[some[k]]) * d;
        };
        first.insert(first.end(), from(i), from(i) + d);
        second.insert(second.end(), from(j), from(j) + d);
      }
    }
    const Dims shape{static_cast<std::int64_t>(first.size()) / d, d};
    angles.emplace_back();
    for (const Turn& turn : compare_vectors(view(first.data(), shape), view(second.data(), shape)).turns)
      angles.back().push_back(turn.degrees);
  }
  std::vector<report::Point> points;
  for (std::size_t i = 0; i < angles[0].size(); ++i) {
    if (std::isfinite(angles[0][i]) && std::isfinite(angles[1][i])) points.push_back({angles[0][i], angles[1][i]});
  }
  if (points.empty()) return figure;
  figure.pictures.push_back(
      report::draw_scatter(points, {say_("angles.title"), say_("angles.description", fmt::arg("pairs", points.size())),
                                    say_("ranks.before"), say_("ranks.after"), "°"}));
  figure.caption += say_(some.size() < compared.size() ? "angles.sample" : "angles.all", fmt::arg("pairs", points.size()),
                         fmt::arg("vectors", some.size()));
  return figure;
}

// ------------------------------------------------------------------------------------------------------------ the page

Document Explanation::document(const Say& say) const {
  const ExplanationPictures pictures(*this, say);
  // A shape does not break across lines.
  std::string name = heading(say);
  for (std::size_t at = name.find(" × "); at != std::string::npos; at = name.find(" × ", at))
    name.replace(at, 4, "\u00A0×\u00A0");
  Document page = make_document(say, name);
  if (!options_.inputs.empty()) {
    const std::string more =
        options_.inputs.size() == 1 ? "" : say("explain.more", fmt::arg("count", options_.inputs.size() - 1));
    page.paragraph(say("explain.source", fmt::arg("name", options_.inputs.front()), fmt::arg("more", more)), Style::faint);
  }
  show_words(page, say);
  page.figure(pictures.block());
  show_notes(page, say);
  page.title(say("ridges.heading"));
  page.figure(pictures.ridges());
  show_rows(page, say, kMostRows);
  page.title(say("ranks.heading"));
  if (const Figure pairs = pictures.ranks_and_matrix(); !pairs.pictures.empty()) page.figure(pairs);
  show_order_of_pairs(page, say);
  Figure bars{{picture_of(say, order_.plain, say(order_.has_affine ? "bars.plain" : "bars.title"))}, {}};
  if (order_.has_affine) bars.pictures.push_back(picture_of(say, order_.affine, say("bars.affine")));
  if (order_.plain.seen.within.total() + order_.plain.seen.across.total() > 0) page.figure(bars);
  if (vectors_ || seen_alone_) {
    page.title(say("turns.heading"));
    const Figure turns = pictures.turns_and_angles();
    if (!turns.pictures.empty()) page.figure(turns);
    show_vectors_along_last(page, say);
  }
  return page;
}

}  // namespace norma::cli
