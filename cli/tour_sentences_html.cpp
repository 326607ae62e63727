// SPDX-License-Identifier: Apache-2.0
// The sentences as a part of a page.
#include <algorithm>
#include <array>

#include "cli/comparability_report.hpp"
#include "cli/tour_sentences.hpp"
#include "report/block.hpp"
#include "report/charts.hpp"
#include "report/document.hpp"

namespace norma::cli {

using report::Document;
using report::Figure;
using report::Style;

report::Picture Sentences::block_picture(const Say& say, std::string_view norm, std::int64_t marked) const {
  const SentenceBlock& block = levels_.back().block;
  const std::string distribution = say(fmt::format("sentences.{}.caption", norm));
  report::BlockOptions options;
  options.title = say("block.named", fmt::arg("norm", sentence_norm_name(say, norm)), fmt::arg("distribution", distribution));
  options.description = say("sentences.block.description", fmt::arg("distribution", distribution));
  options.marked = marked;
  options.axes = report::BlockAxes::of(3);
  options.back = say("sentences.axis.sentences");
  options.across = say("sentences.axis.features");
  options.most_across = 8;
  options.most_down = static_cast<int>(block.shape[1]);
  const auto& tokens = samples_.pair[0].tokens;
  options.row_label = [&](std::int64_t row) {
    return static_cast<std::size_t>(row) < tokens.size() ? tokens[static_cast<std::size_t>(row)] : std::string("·");
  };
  return report::draw_block(report::Membership(unpadded(norm, block), block.shape), options).picture;
}

/// The embedding's vectors, where the means are furthest from 0.
report::Picture Sentences::turns_picture(const Say& say, std::string_view norm) const {
  const VectorComparison& seen = levels_.front().of(norm).vectors.plain.seen;
  std::vector<double> degrees;
  for (const Turn& turn : seen.turns) {
    if (turn.degrees >= 0) degrees.push_back(turn.degrees);
  }
  // One opening for all, so that angles compare.
  double widest = 0;
  for (const LevelOutcome& outcome : levels_.front().outcomes) {
    if (outcome.norm.name != "feature") widest = std::max(widest, outcome.vectors.plain.seen.max_degrees);
  }
  const std::string mean = say("sentences.turns.mean", fmt::arg("mean", seen.mean_degrees), fmt::arg("max", seen.max_degrees));
  const std::string name = norm == "rms" ? say("norm.rms") : sentence_norm_name(say, norm);
  return report::draw_turns(degrees,
                            {.title = name,
                             .description = say("sentences.turns.title", fmt::arg("norm", name)) + say("list.comma") + mean,
                             .before = say("turns.before"),
                             .mean_label = mean,
                             .mean = seen.mean_degrees,
                             .widest = widest});
}

report::Picture Sentences::bars_picture(const Say& say, std::size_t norm) const {
  const SentenceKinds& kinds = kinds_[norm];
  return draw_bars(say, sentence_norm_name(say, kNorms[norm].name),
                   {bar_of(say("sentences.kinds.word"), kinds.word), bar_of(say("sentences.kinds.sentence"), kinds.sentence),
                    bar_of(say("sentences.kinds.feature"), kinds.feature)});
}

report::Picture Sentences::batch_picture(const Say& say) const {
  std::vector<report::WordRow> rows;
  for (const Sentence& sentence : samples_.batch) rows.push_back({sentence.tokens, sentence.word_at});
  return report::draw_words(
      rows, say("batch.picture"),
      say("batch.picture.description", fmt::arg("sentences", rows.size()), fmt::arg("pads", batch_.pads)));
}

report::Picture Sentences::mates_picture(const Say& say) const {
  std::vector<report::Series> series{{sentence_norm_name(say, "feature"), {}}, {say("sentences.sentence"), {}}};
  for (const SentenceBatch::Mates& mates : batch_.mates) {
    series[0].values.push_back(mates.feature);
    series[1].values.push_back(mates.sentence);
  }
  return report::draw_series(series, {.title = say("mates.picture"),
                                      .description = say("mates.picture.description", fmt::arg("count", batch_.mates.size())),
                                      .steps = say("mates.sentences"),
                                      .step_names = {}});
}

void Sentences::show(Document& page, const Say& say) const {
  page.title(say("sentences.title"));
  page.paragraph(say("sentences.source"), Style::faint);
  for (const Sentence& sentence : samples_.pair) {
    page.lead(say.language() == Language::en ? sentence.text + " — " + sentence.english : sentence.text);
  }
  page.paragraph(say("sentences.idea", fmt::arg("width", levels_.back().block.shape[2])));
  Figure blocks{{}, say("sentences.block.caption"), {}, true};
  // The word 打 of the first sentence, its sentence, and a feature.
  blocks.pictures = {block_picture(say, "sentence", 0), block_picture(say, "token", samples_.pair[0].word_at),
                     block_picture(say, "feature", 2)};
  page.figure(blocks);

  page.heading(say("sentences.turns.heading"));
  Figure turns{{}, say("sentences.turns.caption"), {}, true};
  for (const std::string_view norm : {"sentence", "token", "rms"}) turns.pictures.push_back(turns_picture(say, norm));
  page.figure(turns);
  page.heading(say("sentences.turns"));
  page.table(turns_table(say));
  page.heading(say("sentences.words"));
  report::Table words = words_table(say), turned = turns_table(say);
  // The levels, which on a terminal stand in the table beside.
  words.columns.insert(words.columns.begin(), turned.columns[0]);
  for (std::size_t i = 0; i < words.rows.size(); ++i) words.rows[i].insert(words.rows[i].begin(), turned.rows[i][0]);
  page.table(words);
  show_what_is_kept(page, say);

  page.heading(say("sentences.report"));
  page.paragraph(say("tour.promise"));
  Figure bars;
  bars.small = true;
  for (std::size_t n = 0; n < kNorms.size(); ++n) {
    if (kNorms[n].centered) bars.pictures.push_back(bars_picture(say, n));
  }
  page.figure(bars);
  show_kinds(page, say);

  page.heading(say("batch.title"));
  page.paragraph(say("batch.idea", fmt::arg("sentences", batch_.block.shape[0]),
                     fmt::arg("places", batch_.characters + batch_.pads), fmt::arg("pads", batch_.pads)));
  page.table(batch_table(say, [](const Sentence& sentence) { return sentence.text; }));
  page.figure({{batch_picture(say)}, say("batch.picture.caption")});
  show_pads(page, say);
  page.figure({{mates_picture(say)}, say("mates.caption"), {mates_table(say)}});
  show_mates(page, say);
}

}  // namespace norma::cli
