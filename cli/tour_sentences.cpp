// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>

#include "cli/comparability_report.hpp"
#include "cli/tensors.hpp"
#include "cli/tour.hpp"
#include "io/safetensors.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using nlohmann::ordered_json;
using report::Cell;
using report::Lines;
using report::Page;
using report::Style;
using report::Table;

namespace {

struct Sentence {
  std::string name, text, english, sense;
  std::vector<std::string> tokens;
  std::int64_t word_at = 0;  ///< the row of 打
};

/// Sentences as one (N, L, D) tensor, the shorter ones filled up with zeros.
struct Block {
  Dims shape;
  std::vector<double> values;
  std::vector<std::int64_t> lengths;

  std::span<const double> vector(std::int64_t sentence, std::int64_t token) const {
    return vector_of(values, sentence, token);
  }
  std::span<const double> vector_of(std::span<const double> all, std::int64_t sentence, std::int64_t token) const {
    return all.subspan(static_cast<std::size_t>((sentence * shape[1] + token) * shape[2]),
                       static_cast<std::size_t>(shape[2]));
  }
  ConstView view() const { return norma::view(values.data(), shape); }
};

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double cosine(std::span<const double> a, std::span<const double> b) {
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

// ---------------------------------------------------------------------------------------------------------- reading

std::vector<Sentence> sentences_of(const nlohmann::json& list) {
  std::vector<Sentence> sentences;
  for (const auto& one : list) {
    sentences.push_back(
        {one.at("name"), one.at("text"), one.at("english"), one.at("sense"), one.at("tokens"), one.at("word_at")});
  }
  return sentences;
}

struct Samples {
  std::vector<Sentence> pair, batch;
  std::map<std::string, std::map<std::string, std::string>> senses;  ///< name → language → words
  io::Safetensors tensors;
};

Samples read_samples(const std::string& data) {
  const std::string path = data + "/sentences.json";
  std::ifstream file(path);
  if (!file) throw Error("[tour] cannot open " + path + "; take data/ as it was shipped");
  try {
    const nlohmann::json json = nlohmann::json::parse(file);
    return {sentences_of(json.at("sentences")), sentences_of(json.at("batch")), json.at("senses"),
            io::read_safetensors(data + "/sentences.safetensors")};
  } catch (const nlohmann::json::exception& error) {
    throw Error("[tour] " + path + " is not what the tour reads (" + error.what() + "); take data/ as it was shipped");
  }
}

/// The vectors of a level of some sentences. Throws Error where a tensor is missing or has not one row for each token.
Block block_of(const Samples& samples, std::span<const Sentence> sentences, const std::string& level) {
  std::vector<std::vector<double>> rows;
  Block block{{static_cast<std::int64_t>(sentences.size()), 0, 0}, {}, {}};
  for (const Sentence& sentence : sentences) {
    const auto found = samples.tensors.tensors.find(sentence.name + "." + level);
    const auto length = static_cast<std::int64_t>(sentence.tokens.size());
    if (found == samples.tensors.tensors.end() || found->second.shape().rank() != 2 ||
        found->second.shape()[0] != length || sentence.word_at >= length ||
        (block.shape[2] != 0 && block.shape[2] != found->second.shape()[1])) {
      throw Error("[tour] sentences.safetensors does not hold " + sentence.name + "." + level +
                  " as sentences.json says; take data/ as it was shipped");
    }
    rows.push_back(to_doubles(found->second.view()));
    block.lengths.push_back(length);
    block.shape[1] = std::max(block.shape[1], length);
    block.shape[2] = found->second.shape()[1];
  }
  const auto stride = static_cast<std::size_t>(block.shape[1] * block.shape[2]);
  block.values.resize(rows.size() * stride);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy(rows[i].begin(), rows[i].end(), block.values.begin() + static_cast<std::ptrdiff_t>(i * stride));
  return block;
}

// -------------------------------------------------------------------------------------------------------- measuring

struct NormKind {
  std::string_view name;  ///< also in the ids of the table of strings
  bool centered;
};
// In the order of the tables.
constexpr std::array<NormKind, 4> kNorms = {{{"sentence", true}, {"token", true}, {"rms", false}, {"feature", true}}};

/// The grouping without and with the padding left out. lengths must outlive it.
Grouping grouping_of(std::string_view norm, const Dims& shape) {
  if (norm == "sentence") return Grouping::sample();
  return norm == "feature" ? Grouping::batch(2) : Grouping::layer({shape[2]});
}
Grouping unpadded(std::string_view norm, const Block& block) {
  return grouping_of(norm, block.shape).with_lengths(block.lengths);
}

/// What one normalization did to one level of the two sentences.
struct Outcome {
  NormKind norm;
  std::vector<double> after;
  double word_cosine = 0;            ///< of the two 打
  double shortest = 0, longest = 0;  ///< vectors
  VectorComparability vectors;
  Comparability order;
};

struct Level {
  std::string name;
  Block block;
  double word_cosine = 0;
  std::vector<double> means;  ///< of each sentence
  std::vector<Outcome> outcomes;

  const Outcome& of(std::string_view norm) const {
    return *std::find_if(outcomes.begin(), outcomes.end(), [&](const Outcome& o) { return o.norm.name == norm; });
  }
};

Outcome outcome_of(const NormKind& norm, const Block& block, std::span<const Sentence> pair) {
  const Grouping grouping = unpadded(norm.name, block);
  const Options options{.centered = norm.centered};
  Outcome outcome{norm,
                  normalized(block.values, block.shape, grouping, options),
                  0,
                  HUGE_VAL,
                  0,
                  vector_comparability(block.view(), grouping, options),
                  comparability(block.view(), grouping, options)};
  outcome.word_cosine =
      cosine(block.vector_of(outcome.after, 0, pair[0].word_at), block.vector_of(outcome.after, 1, pair[1].word_at));
  for (std::int64_t s = 0; s < block.shape[0]; ++s) {
    for (std::int64_t t = 0; t < block.lengths[static_cast<std::size_t>(s)]; ++t) {
      const auto vector = block.vector_of(outcome.after, s, t);
      const double length = std::sqrt(dot(vector, vector));
      outcome.shortest = std::min(outcome.shortest, length);
      outcome.longest = std::max(outcome.longest, length);
    }
  }
  return outcome;
}

Level level_of(const Samples& samples, const std::string& name) {
  Level level{name, block_of(samples, samples.pair, name), 0, {}, {}};
  const Block& block = level.block;
  level.word_cosine = cosine(block.vector(0, samples.pair[0].word_at), block.vector(1, samples.pair[1].word_at));
  std::vector<Moments> moments(static_cast<std::size_t>(block.shape[0]));
  measure(block.view(), unpadded("sentence", block), moments);
  for (const Moments& m : moments) level.means.push_back(m.mean);
  for (const NormKind& norm : kNorms) level.outcomes.push_back(outcome_of(norm, block, samples.pair));
  return level;
}

/// The largest turn, in degrees, of the difference of two vectors of one sentence.
double turn_of_differences(const Block& block, const std::vector<double>& after) {
  std::vector<double> before_rows, after_rows;
  for (std::int64_t s = 0; s < block.shape[0]; ++s) {
    for (std::int64_t a = 0; a < block.lengths[static_cast<std::size_t>(s)]; ++a) {
      for (std::int64_t b = 0; b < a; ++b) {
        for (std::size_t d = 0; d < static_cast<std::size_t>(block.shape[2]); ++d) {
          before_rows.push_back(block.vector(s, a)[d] - block.vector(s, b)[d]);
          after_rows.push_back(block.vector_of(after, s, a)[d] - block.vector_of(after, s, b)[d]);
        }
      }
    }
  }
  const Dims shape{static_cast<std::int64_t>(before_rows.size()) / block.shape[2], block.shape[2]};
  return compare_vectors(view(before_rows.data(), shape), view(after_rows.data(), shape)).max_degrees;
}

/// Pairs by what their two elements share; a pair may be of two kinds.
struct Kinds {
  PairCounts word, sentence, feature;
};

Kinds kinds_of(const Block& block, const std::vector<double>& after) {
  const auto assigned = [&](std::string_view norm) {
    std::vector<std::int64_t> numbers(block.values.size());
    unpadded(norm, block).assign(block.shape, numbers);
    return numbers;
  };
  const std::vector<std::int64_t> word = assigned("token"), sentence = assigned("sentence"),
                                  feature = assigned("feature");
  const ConstView x = block.view(), y = view(after.data(), block.shape);
  return {count_pairs(x, y, {.same = word, .different = {}}), count_pairs(x, y, {.same = sentence, .different = word}),
          count_pairs(x, y, {.same = feature, .different = word})};
}

/// The batch of seven: what padding and the other sentences do to one's own.
struct Batch {
  Block block;
  std::int64_t characters = 0, pads = 0;
  double ratio_mean = 0, ratio_median = 0;  ///< of the deviations with the pads counted and left out
  std::int64_t grown = 0;                   ///< channels whose deviation the pads widened
  struct Cosines {
    double before, sentence, unpadded, padded;
  };
  std::vector<Cosines> cosines;  ///< of each 打 with the first
  struct Mates {
    double feature, sentence;  ///< the first feature of the first 打
    double change;             ///< of its vector by BatchNorm, beside that of the whole batch: |difference| / |vector|
  };
  std::vector<Mates> mates;  ///< in the batch of the first 1, 2, …
  bool same_bits = true;     ///< LayerNorm of the first sentence, in all of them
};

void measure_pads(Batch& batch) {
  const Block& block = batch.block;
  for (const std::int64_t length : block.lengths) batch.characters += length;
  batch.pads = block.shape[0] * block.shape[1] - batch.characters;
  std::vector<Moments> counted(static_cast<std::size_t>(block.shape[2])), left_out(counted.size());
  measure(block.view(), grouping_of("feature", block.shape), counted);
  measure(block.view(), unpadded("feature", block), left_out);
  std::vector<double> ratios;
  for (std::size_t c = 0; c < counted.size(); ++c)
    ratios.push_back(std::sqrt(counted[c].variance() / left_out[c].variance()));
  std::sort(ratios.begin(), ratios.end());
  for (const double ratio : ratios) {
    batch.ratio_mean += ratio / static_cast<double>(ratios.size());
    batch.grown += ratio > 1;
  }
  batch.ratio_median = (ratios[(ratios.size() - 1) / 2] + ratios[ratios.size() / 2]) / 2;
}

void measure_cosines(Batch& batch, std::span<const Sentence> sentences) {
  const Block& block = batch.block;
  const auto sentence = normalized(block.values, block.shape, unpadded("sentence", block));
  const auto left_out = normalized(block.values, block.shape, unpadded("feature", block));
  const auto padded = normalized(block.values, block.shape, grouping_of("feature", block.shape));
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto with_first = [&](const std::vector<double>& values) {
      return cosine(block.vector_of(values, 0, sentences[0].word_at),
                    block.vector_of(values, static_cast<std::int64_t>(i), sentences[i].word_at));
    };
    batch.cosines.push_back({with_first(block.values), with_first(sentence), with_first(left_out), with_first(padded)});
  }
}

/// The first sentences of the batch, by themselves.
Block first_of(const Block& block, std::int64_t count) {
  Block part{{count, block.shape[1], block.shape[2]}, {}, {block.lengths.begin(), block.lengths.begin() + count}};
  part.values.assign(block.values.begin(), block.values.begin() + static_cast<std::ptrdiff_t>(count_of(part.shape)));
  return part;
}

void measure_mates(Batch& batch, std::int64_t word_at) {
  const Block& block = batch.block;
  const auto whole = normalized(block.values, block.shape, unpadded("feature", block));
  const auto alone = normalized(block.values, block.shape, unpadded("sentence", block));
  const auto word = block.vector_of(whole, 0, word_at);
  for (std::int64_t count = 1; count <= block.shape[0]; ++count) {
    const Block part = first_of(block, count);
    const auto feature = normalized(part.values, part.shape, unpadded("feature", part));
    const auto sentence = normalized(part.values, part.shape, unpadded("sentence", part));
    batch.same_bits = batch.same_bits &&
                      std::equal(sentence.begin(), sentence.begin() + block.shape[1] * block.shape[2], alone.begin());
    const auto here = part.vector_of(feature, 0, word_at);
    double apart = 0;
    for (std::size_t d = 0; d < word.size(); ++d) apart += (here[d] - word[d]) * (here[d] - word[d]);
    batch.mates.push_back({here[0], part.vector_of(sentence, 0, word_at)[0], std::sqrt(apart / dot(word, word))});
  }
}

class Sentences : public TourPart {
 public:
  explicit Sentences(const std::string& data) : samples_(read_samples(data)) {
    for (const char* name : {"embedding", "layer1", "layer2"}) levels_.push_back(level_of(samples_, name));
    const Level& last = levels_.back();
    for (const Outcome& outcome : last.outcomes) kinds_.push_back(kinds_of(last.block, outcome.after));
    for (const Level& level : levels_)
      differences_ = std::max(differences_, turn_of_differences(level.block, level.of("sentence").after));
    batch_.block = block_of(samples_, samples_.batch, last.name);
    measure_pads(batch_);
    measure_cosines(batch_, samples_.batch);
    measure_mates(batch_, samples_.batch[0].word_at);
  }

  ordered_json numbers() const override;
  void show(Page& page, const Say& say) const override;

 private:
  void show_sentences(Page& page, const Say& say) const;
  void show_pictures(Page& page, const Say& say) const;
  void show_turns(Page& page, const Say& say) const;
  void show_what_is_kept(Page& page, const Say& say) const;
  void show_kinds(Page& page, const Say& say) const;
  void show_batch(Page& page, const Say& say) const;
  void show_mates(Page& page, const Say& say) const;
  ordered_json numbers_of_batch() const;

  Samples samples_;
  std::vector<Level> levels_;
  std::vector<Kinds> kinds_;  ///< of the last level, in the order of kNorms
  double differences_ = 0;    ///< the largest turn of a difference under LayerNorm of sentences
  Batch batch_;
};

// ------------------------------------------------------------------------------------------------------------ pages

void Sentences::show_sentences(Page& page, const Say& say) const {
  for (const Sentence& sentence : samples_.pair) {
    std::string line = report::pad_right(sentence.text, 24);
    if (say.language() == Language::en) line += page.paint(Style::faint, sentence.english);
    page.line(line);
  }
}

std::string norm_name(const Say& say, std::string_view norm) {
  return say(norm == "feature" ? "norm.batch" : fmt::format("sentences.{}", norm));
}

void Sentences::show_pictures(Page& page, const Say& say) const {
  const Block& block = levels_.back().block;
  std::vector<Lines> pictures;
  // The word 打 of the first sentence, its sentence, and a feature.
  for (const auto& [norm, marked] : {std::pair<std::string_view, std::int64_t>{"sentence", 0},
                                     {"token", samples_.pair[0].word_at},
                                     {"feature", 2}}) {
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
    lines.insert(lines.begin(), page.paint(Style::strong, norm_name(say, norm)));
    lines.push_back(page.paint(Style::faint, say(id + ".caption")));
    pictures.push_back(lines);
  }
  page.lines(report::beside(pictures, 5));
}

void Sentences::show_turns(Page& page, const Say& say) const {
  using enum Table::Align;
  Table turns{
      {{say("sentences.level"), left}, {say("sentences.by.sentence")}, {say("sentences.by.token")}, {say("norm.rms")}},
      {}};
  Table words{
      {{say("sentences.by.before")}, {say("sentences.by.sentence")}, {say("sentences.by.token")}, {say("norm.rms")}},
      {}};
  for (const Level& level : levels_) {
    const auto turn = [&](std::string_view norm) {
      const VectorComparison& seen = level.of(norm).vectors.plain.seen;
      return fmt::format("{:.1f}° / {:.1f}°", seen.mean_degrees, seen.max_degrees);
    };
    const auto word = [&](std::string_view norm) { return fmt::format("{:.3f}", level.of(norm).word_cosine); };
    turns.rows.push_back({say("sentences.level." + level.name, fmt::arg("width", level.block.shape[2])),
                          turn("sentence"), turn("token"), turn("rms")});
    words.rows.push_back({fmt::format("{:.3f}", level.word_cosine), word("sentence"), word("token"), word("rms")});
  }
  Lines left_block = page.table_lines(turns), right_block = page.table_lines(words);
  left_block.insert(left_block.begin(), page.paint(Style::strong, say("sentences.turns")));
  right_block.insert(right_block.begin(), page.paint(Style::strong, say("sentences.words")));
  page.lines(report::beside({left_block, right_block}, 4));
}

void Sentences::show_what_is_kept(Page& page, const Say& say) const {
  const Level &first = levels_.front(), &last = levels_.back();
  page.paragraph(say("sentences.kept.sentence", fmt::arg("differences", brief(differences_, 1)),
                     fmt::arg("mean_a", first.means[0]), fmt::arg("mean_b", first.means[1]),
                     fmt::arg("turn", first.of("sentence").vectors.plain.seen.mean_degrees),
                     fmt::arg("last_turn", last.of("sentence").vectors.plain.seen.mean_degrees)));
  page.paragraph(say("sentences.kept.token", fmt::arg("length", last.of("token").longest),
                     fmt::arg("width", last.block.shape[2]), fmt::arg("same", first.of("token").word_cosine),
                     fmt::arg("differs", first.of("sentence").word_cosine)));
  page.paragraph(say("sentences.kept.rms"));
  page.paragraph(
      say("sentences.kept.context", fmt::arg("embedding", first.word_cosine), fmt::arg("last", last.word_cosine)));
}

void Sentences::show_kinds(Page& page, const Say& say) const {
  using enum Table::Align;
  Table table{{{say("sentences.kinds"), left},
               {say("sentences.kinds.word")},
               {say("sentences.kinds.sentence")},
               {say("sentences.kinds.feature")}},
              {}};
  for (std::size_t n = 0; n < kNorms.size(); ++n) {
    if (!kNorms[n].centered) continue;
    std::vector<Cell> row{norm_name(say, kNorms[n].name)};
    for (const PairCounts* pairs : {&kinds_[n].word, &kinds_[n].sentence, &kinds_[n].feature}) {
      row.push_back(
          page.paint(pairs->reversed == 0 ? Style::kept : Style::plain,
                     percent(static_cast<double>(pairs->kept), static_cast<double>(pairs->kept + pairs->reversed))));
    }
    table.rows.push_back(row);
  }
  page.table(table);
}

void Sentences::show_batch(Page& page, const Say& say) const {
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
    std::string tokens;
    for (std::int64_t t = 0; t < batch_.block.shape[1]; ++t) {
      const auto at = static_cast<std::size_t>(t);
      if (at >= sentence.tokens.size()) {
        tokens += page.paint(Style::faint, "· ");
      } else {
        tokens +=
            page.paint(t == sentence.word_at ? Style::marked : Style::plain, report::pad_right(sentence.tokens[at], 2));
      }
    }
    const Batch::Cosines& c = batch_.cosines[i];
    const auto& words = samples_.senses.at(sentence.sense);
    table.rows.push_back({tokens, words.at(say.language() == Language::zh ? "zh" : "en"),
                          fmt::format("{:.3f}", c.before), fmt::format("{:.3f}", c.sentence),
                          fmt::format("{:.3f}", c.unpadded), fmt::format("{:.3f}", c.padded)});
  }
  page.table(table);
}

void Sentences::show_mates(Page& page, const Say& say) const {
  Table table{{{say("mates.sentences"), Table::Align::left}}, {}};
  std::vector<Cell> feature{norm_name(say, "feature")}, sentence{say("sentences.sentence")};
  for (std::size_t i = 0; i < batch_.mates.size(); ++i) {
    table.columns.push_back({fmt::format("{}", i + 1)});
    feature.push_back(fmt::format("{:.2f}", batch_.mates[i].feature));
    sentence.push_back(fmt::format("{:.2f}", batch_.mates[i].sentence));
  }
  table.rows = {feature, sentence};
  page.table(table);
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
  show_turns(page, say);
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
  show_batch(page, say);
  page.blank();
  page.paragraph(say("batch.pads", fmt::arg("mean", batch_.ratio_mean), fmt::arg("median", batch_.ratio_median),
                     fmt::arg("grown", batch_.grown), fmt::arg("features", batch_.block.shape[2])));
  page.blank();
  show_mates(page, say);
  page.blank();
  page.paragraph(say("mates.text", fmt::arg("change", percent(batch_.mates.front().change, 1)),
                     fmt::arg("bits", say(batch_.same_bits ? "mates.same_bits" : "mates.other_bits"))));
  const Batch::Cosines& dozen = batch_.cosines[1];
  page.paragraph(say("batch.counterpoint", fmt::arg("before", dozen.before), fmt::arg("after", dozen.unpadded),
                     fmt::arg("open", batch_.cosines.back().before), fmt::arg("play", batch_.cosines[2].before)));
}

// ---------------------------------------------------------------------------------------------------------- numbers

ordered_json Sentences::numbers_of_batch() const {
  ordered_json json{
      {"sentences", batch_.block.shape[0]},
      {"characters", batch_.characters},
      {"pads", batch_.pads},
      {"deviation_ratio",
       {{"mean", batch_.ratio_mean}, {"median", batch_.ratio_median}, {"channels_that_grew", batch_.grown}}},
      {"layer_norm_same_bits_in_any_batch", batch_.same_bits}};
  for (std::size_t i = 0; i < batch_.cosines.size(); ++i) {
    const Batch::Cosines& c = batch_.cosines[i];
    json["cosine_with_first_word"].push_back({{"text", samples_.batch[i].text},
                                              {"sense", samples_.batch[i].sense},
                                              {"before", c.before},
                                              {"layer_norm_sentence", c.sentence},
                                              {"batch_norm", c.unpadded},
                                              {"batch_norm_pads_counted", c.padded}});
  }
  for (std::size_t i = 0; i < batch_.mates.size(); ++i) {
    json["first_sentence_in_batch_of"].push_back({{"sentences", i + 1},
                                                  {"batch_norm_first_feature", batch_.mates[i].feature},
                                                  {"layer_norm_first_feature", batch_.mates[i].sentence},
                                                  {"batch_norm_change", batch_.mates[i].change}});
  }
  return json;
}

ordered_json Sentences::numbers() const {
  ordered_json json;
  for (const Level& level : levels_) {
    ordered_json one{{"level", level.name},
                     {"width", level.block.shape[2]},
                     {"means", level.means},
                     {"word_cosine", level.word_cosine}};
    for (const Outcome& outcome : level.outcomes) {
      one["norms"].push_back({{"norm", outcome.norm.name},
                              {"word_cosine", outcome.word_cosine},
                              {"shortest_vector", outcome.shortest},
                              {"longest_vector", outcome.longest},
                              {"vectors", numbers_of(outcome.vectors.plain)},
                              {"order", numbers_of(outcome.order.plain)}});
    }
    json["levels"].push_back(one);
  }
  for (std::size_t n = 0; n < kNorms.size(); ++n) {
    json["pairs"].push_back({{"norm", kNorms[n].name},
                             {"level", levels_.back().name},
                             {"same_word", numbers_of(kinds_[n].word)},
                             {"same_sentence_other_word", numbers_of(kinds_[n].sentence)},
                             {"same_feature_other_word", numbers_of(kinds_[n].feature)}});
  }
  json["largest_turn_of_a_difference"] = differences_;
  json["batch"] = numbers_of_batch();
  return json;
}

}  // namespace

std::unique_ptr<TourPart> measure_sentences(const std::string& data) { return std::make_unique<Sentences>(data); }

}  // namespace norma::cli
