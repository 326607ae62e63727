// SPDX-License-Identifier: Apache-2.0
// What a terminal and HTML say alike of the sentences, and the page of a terminal.
#include <array>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/tour_sentences.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using report::Cell;
using report::Lines;
using report::Page;
using report::Style;
using report::Table;
using report::Writer;

void Sentences::show_sentences(Page& page, const Say& say) const {
  for (const Sentence& sentence : samples_.pair) {
    std::string line = report::pad_right(sentence.text, 24);
    if (say.language() == Language::en) line += page.paint(Style::faint, sentence.english);
    page.line(line);
  }
}

std::string sentence_norm_name(const Say& say, std::string_view norm) {
  return say(norm == "feature" ? "norm.batch" : fmt::format("sentences.{}", norm));
}

void Sentences::show_pictures(Page& page, const Say& say) const {
  const SentenceBlock& block = levels_.back().block;
  std::vector<Lines> pictures;
  // The word 打 of the first sentence, its sentence, and a feature.
  for (const auto& [norm, marked] :
       {std::pair<std::string_view, std::int64_t>{"sentence", 0}, {"token", samples_.pair[0].word_at}, {"feature", 2}}) {
    report::PictureOptions options;
    options.marked = marked;
    options.roles = report::Roles::of(3);
    options.most_rows = static_cast<int>(block.shape[1]);
    options.most_columns = 8;
    options.label = [&](int axis, const Dims& index, std::int64_t) {
      if (axis == 0) return say("sentences.panel", fmt::arg("number", index[0] + 1));
      const auto& tokens = samples_.pair[static_cast<std::size_t>(index[0])].tokens;
      return static_cast<std::size_t>(index[1]) < tokens.size()
                 ? report::pad_right(tokens[static_cast<std::size_t>(index[1])], 2)
                 : std::string("  ");
    };
    Lines lines = report::draw(page, unpadded(norm, block), block.shape, options);
    const std::string id = fmt::format("sentences.{}", norm);
    lines.insert(lines.begin(), page.paint(Style::strong, sentence_norm_name(say, norm)));
    lines.push_back(page.paint(Style::faint, say(id + ".caption")));
    pictures.push_back(lines);
  }
  page.lines(report::beside(pictures, 5));
}

Table Sentences::turns_table(const Say& say) const {
  using enum Table::Align;
  Table turns{{{say("sentences.level"), left}, {say("sentences.by.sentence")}, {say("sentences.by.token")}, {say("norm.rms")}},
              {}};
  for (const SentenceLevel& level : levels_) {
    const auto turn = [&](std::string_view norm) {
      const VectorComparison& seen = level.of(norm).vectors.plain.seen;
      return Cell(fmt::format("{:.1f}° / {:.1f}°", seen.mean_degrees, seen.max_degrees));
    };
    turns.rows.push_back({say("sentences.level." + level.name, fmt::arg("width", level.block.shape[2])), turn("sentence"),
                          turn("token"), turn("rms")});
  }
  return turns;
}

Table Sentences::words_table(const Say& say) const {
  Table words{{{say("sentences.by.before")}, {say("sentences.by.sentence")}, {say("sentences.by.token")}, {say("norm.rms")}},
              {}};
  for (const SentenceLevel& level : levels_) {
    const auto cosine = [](double value) { return Cell(fmt::format("{:.3f}", value), value); };
    words.rows.push_back({cosine(level.word_cosine), cosine(level.of("sentence").word_cosine),
                          cosine(level.of("token").word_cosine), cosine(level.of("rms").word_cosine)});
  }
  return words;
}

void Sentences::show_what_is_kept(Writer& page, const Say& say) const {
  const SentenceLevel &first = levels_.front(), &last = levels_.back();
  page.paragraph(say("sentences.kept.sentence", fmt::arg("differences", brief(differences_, 1)),
                     fmt::arg("mean_a", first.means[0]), fmt::arg("mean_b", first.means[1]),
                     fmt::arg("turn", first.of("sentence").vectors.plain.seen.mean_degrees),
                     fmt::arg("last_turn", last.of("sentence").vectors.plain.seen.mean_degrees)));
  page.paragraph(say("sentences.kept.token", fmt::arg("length", last.of("token").longest),
                     fmt::arg("width", last.block.shape[2]), fmt::arg("same", first.of("token").word_cosine),
                     fmt::arg("differs", first.of("sentence").word_cosine)));
  page.paragraph(say("sentences.kept.rms"));
  page.paragraph(say("sentences.kept.context", fmt::arg("embedding", first.word_cosine), fmt::arg("last", last.word_cosine)));
}

void Sentences::show_kinds(Writer& page, const Say& say) const {
  using enum Table::Align;
  Table table{{{say("sentences.kinds"), left},
               {say("sentences.kinds.word")},
               {say("sentences.kinds.sentence")},
               {say("sentences.kinds.feature")}},
              {}};
  for (std::size_t n = 0; n < kNorms.size(); ++n) {
    if (!kNorms[n].centered) continue;
    std::vector<Cell> row{sentence_norm_name(say, kNorms[n].name)};
    for (const PairCounts* pairs : {&kinds_[n].word, &kinds_[n].sentence, &kinds_[n].feature}) {
      row.emplace_back(percent(static_cast<double>(pairs->kept), static_cast<double>(pairs->kept + pairs->reversed)),
                       pairs->kept_share(), pairs->reversed == 0 ? Style::kept : Style::plain);
    }
    table.rows.push_back(row);
  }
  page.table(table);
}

std::string Sentences::painted_tokens(const Page& page, const Sentence& sentence) const {
  std::string tokens;
  for (std::int64_t t = 0; t < batch_.block.shape[1]; ++t) {
    const auto at = static_cast<std::size_t>(t);
    const Style style = t == sentence.word_at ? Style::marked : Style::plain;
    tokens += at < sentence.tokens.size() ? page.paint(style, report::pad_right(sentence.tokens[at], 2))
                                          : page.paint(Style::faint, "· ");
  }
  return tokens;
}

Table Sentences::batch_table(const Say& say, const std::function<std::string(const Sentence&)>& name_of) const {
  using enum Table::Align;
  Table table{{{say("batch.sentence"), left},
               {say("batch.sense"), left},
               {say("sentences.by.before")},
               {say("norm.layer")},
               {say("norm.batch")},
               {say("batch.padded")}},
              {}};
  for (std::size_t i = 0; i < samples_.batch.size(); ++i) {
    const Sentence& sentence = samples_.batch[i];
    const SentenceBatch::Cosines& c = batch_.cosines[i];
    const auto& words = samples_.senses.at(sentence.sense);
    table.rows.push_back({name_of(sentence), words.at(say.language() == Language::zh ? "zh" : "en")});
    for (const double cosine : {c.before, c.sentence, c.unpadded, c.padded})
      table.rows.back().emplace_back(fmt::format("{:.3f}", cosine), cosine);
  }
  return table;
}

void Sentences::show_pads(Writer& page, const Say& say) const {
  page.paragraph(say("batch.pads", fmt::arg("mean", batch_.ratio_mean), fmt::arg("median", batch_.ratio_median),
                     fmt::arg("grown", batch_.grown), fmt::arg("features", batch_.block.shape[2])));
}

Table Sentences::mates_table(const Say& say) const {
  Table table{{{say("mates.sentences"), Table::Align::left}}, {}};
  std::vector<Cell> feature{sentence_norm_name(say, "feature")}, sentence{say("sentences.sentence")};
  for (std::size_t i = 0; i < batch_.mates.size(); ++i) {
    table.columns.push_back({fmt::format("{}", i + 1)});
    feature.emplace_back(fmt::format("{:.2f}", batch_.mates[i].feature), batch_.mates[i].feature);
    sentence.emplace_back(fmt::format("{:.2f}", batch_.mates[i].sentence), batch_.mates[i].sentence);
  }
  table.rows = {feature, sentence};
  return table;
}

void Sentences::show_mates(Writer& page, const Say& say) const {
  page.paragraph(say("mates.text", fmt::arg("change", percent(batch_.mates.front().change, 1)),
                     fmt::arg("bits", say(batch_.same_bits ? "mates.same_bits" : "mates.other_bits"))));
  const SentenceBatch::Cosines& dozen = batch_.cosines[1];
  page.paragraph(say("batch.counterpoint", fmt::arg("before", dozen.before), fmt::arg("after", dozen.unpadded),
                     fmt::arg("open", batch_.cosines.back().before), fmt::arg("play", batch_.cosines[2].before)));
}

void Sentences::show(Page& page, const Say& say) const {
  page.title(say("sentences.title"));
  page.paragraph(say("sentences.source"), Style::faint);
  page.blank();
  show_sentences(page, say);
  page.blank();
  page.paragraph(say("sentences.idea", fmt::arg("width", levels_.back().block.shape[2])));
  page.blank();
  show_pictures(page, say);
  page.blank();
  Lines turns = page.table_lines(turns_table(say)), words = page.table_lines(words_table(say));
  turns.insert(turns.begin(), page.paint(Style::strong, say("sentences.turns")));
  words.insert(words.begin(), page.paint(Style::strong, say("sentences.words")));
  page.lines(report::beside({turns, words}, 4));
  page.blank();
  show_what_is_kept(page, say);
  page.blank();
  page.heading(say("sentences.report"));
  page.paragraph(say("tour.promise"));
  show_kinds(page, say);
  page.blank();
  page.heading(say("batch.title"));
  page.paragraph(say("batch.idea", fmt::arg("sentences", batch_.block.shape[0]),
                     fmt::arg("places", batch_.characters + batch_.pads), fmt::arg("pads", batch_.pads)));
  page.blank();
  page.table(batch_table(say, [&](const Sentence& sentence) { return painted_tokens(page, sentence); }));
  page.blank();
  show_pads(page, say);
  page.blank();
  page.table(mates_table(say));
  page.blank();
  show_mates(page, say);
}

}  // namespace norma::cli
