// SPDX-License-Identifier: Apache-2.0
// Reading and measuring, and the numbers of --json.
#include "cli/tour_sentences.hpp"

#include <cmath>
#include <fstream>

#include "cli/comparability_report.hpp"
#include "cli/tensors.hpp"

namespace norma::cli {

using nlohmann::ordered_json;

Grouping grouping_of(std::string_view norm, const Dims& shape) {
  if (norm == "sentence") return Grouping::sample();
  return norm == "feature" ? Grouping::batch(2) : Grouping::layer({shape[2]});
}
Grouping unpadded(std::string_view norm, const SentenceBlock& block) {
  return grouping_of(norm, block.shape).with_lengths(block.lengths);
}

namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double cosine(std::span<const double> a, std::span<const double> b) { return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)); }

// ---------------------------------------------------------------------------------------------------------- reading

std::vector<Sentence> sentences_of(const nlohmann::json& list) {
  std::vector<Sentence> sentences;
  for (const auto& one : list) {
    sentences.push_back(
        {one.at("name"), one.at("text"), one.at("english"), one.at("sense"), one.at("tokens"), one.at("word_at")});
  }
  return sentences;
}

SentenceSamples read_samples(const std::string& data) {
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
SentenceBlock block_of(const SentenceSamples& samples, std::span<const Sentence> sentences, const std::string& level) {
  std::vector<std::vector<double>> rows;
  SentenceBlock block{{static_cast<std::int64_t>(sentences.size()), 0, 0}, {}, {}};
  for (const Sentence& sentence : sentences) {
    const auto found = samples.tensors.tensors.find(sentence.name + "." + level);
    const auto length = static_cast<std::int64_t>(sentence.tokens.size());
    if (found == samples.tensors.tensors.end() || found->second.shape().rank() != 2 || found->second.shape()[0] != length ||
        sentence.word_at >= length || (block.shape[2] != 0 && block.shape[2] != found->second.shape()[1])) {
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

LevelOutcome outcome_of(const NormKind& norm, const SentenceBlock& block, std::span<const Sentence> pair) {
  const Grouping grouping = unpadded(norm.name, block);
  const Options options{.centered = norm.centered};
  LevelOutcome outcome{norm,
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

SentenceLevel level_of(const SentenceSamples& samples, const std::string& name) {
  SentenceLevel level{name, block_of(samples, samples.pair, name), 0, {}, {}};
  const SentenceBlock& block = level.block;
  level.word_cosine = cosine(block.vector(0, samples.pair[0].word_at), block.vector(1, samples.pair[1].word_at));
  std::vector<Moments> moments(static_cast<std::size_t>(block.shape[0]));
  measure(block.view(), unpadded("sentence", block), moments);
  for (const Moments& m : moments) level.means.push_back(m.mean);
  for (const NormKind& norm : kNorms) level.outcomes.push_back(outcome_of(norm, block, samples.pair));
  return level;
}

/// The largest turn, in degrees, of the difference of two vectors of one sentence.
double turn_of_differences(const SentenceBlock& block, const std::vector<double>& after) {
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

SentenceKinds kinds_of(const SentenceBlock& block, const std::vector<double>& after) {
  const auto assigned = [&](std::string_view norm) {
    std::vector<std::int64_t> numbers(block.values.size());
    unpadded(norm, block).assign(block.shape, numbers);
    return numbers;
  };
  const std::vector<std::int64_t> word = assigned("token"), sentence = assigned("sentence"), feature = assigned("feature");
  const ConstView x = block.view(), y = view(after.data(), block.shape);
  return {count_pairs(x, y, {.same = word, .different = {}}), count_pairs(x, y, {.same = sentence, .different = word}),
          count_pairs(x, y, {.same = feature, .different = word})};
}

void measure_pads(SentenceBatch& batch) {
  const SentenceBlock& block = batch.block;
  for (const std::int64_t length : block.lengths) batch.characters += length;
  batch.pads = block.shape[0] * block.shape[1] - batch.characters;
  std::vector<Moments> counted(static_cast<std::size_t>(block.shape[2])), left_out(counted.size());
  measure(block.view(), grouping_of("feature", block.shape), counted);
  measure(block.view(), unpadded("feature", block), left_out);
  std::vector<double> ratios;
  for (std::size_t c = 0; c < counted.size(); ++c) ratios.push_back(std::sqrt(counted[c].variance() / left_out[c].variance()));
  std::sort(ratios.begin(), ratios.end());
  for (const double ratio : ratios) {
    batch.ratio_mean += ratio / static_cast<double>(ratios.size());
    batch.grown += ratio > 1;
  }
  batch.ratio_median = (ratios[(ratios.size() - 1) / 2] + ratios[ratios.size() / 2]) / 2;
}

void measure_cosines(SentenceBatch& batch, std::span<const Sentence> sentences) {
  const SentenceBlock& block = batch.block;
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
SentenceBlock first_of(const SentenceBlock& block, std::int64_t count) {
  SentenceBlock part{{count, block.shape[1], block.shape[2]}, {}, {block.lengths.begin(), block.lengths.begin() + count}};
  part.values.assign(block.values.begin(), block.values.begin() + static_cast<std::ptrdiff_t>(count_of(part.shape)));
  return part;
}

void measure_mates(SentenceBatch& batch, std::int64_t word_at) {
  const SentenceBlock& block = batch.block;
  const auto whole = normalized(block.values, block.shape, unpadded("feature", block));
  const auto alone = normalized(block.values, block.shape, unpadded("sentence", block));
  const auto word = block.vector_of(whole, 0, word_at);
  for (std::int64_t count = 1; count <= block.shape[0]; ++count) {
    const SentenceBlock part = first_of(block, count);
    const auto feature = normalized(part.values, part.shape, unpadded("feature", part));
    const auto sentence = normalized(part.values, part.shape, unpadded("sentence", part));
    batch.same_bits =
        batch.same_bits && std::equal(sentence.begin(), sentence.begin() + block.shape[1] * block.shape[2], alone.begin());
    const auto here = part.vector_of(feature, 0, word_at);
    double apart = 0;
    for (std::size_t d = 0; d < word.size(); ++d) apart += (here[d] - word[d]) * (here[d] - word[d]);
    batch.mates.push_back({here[0], part.vector_of(sentence, 0, word_at)[0], std::sqrt(apart / dot(word, word))});
  }
}

}  // namespace

Sentences::Sentences(const std::string& data) : samples_(read_samples(data)) {
  for (const char* name : {"embedding", "layer1", "layer2"}) levels_.push_back(level_of(samples_, name));
  const SentenceLevel& last = levels_.back();
  for (const LevelOutcome& outcome : last.outcomes) kinds_.push_back(kinds_of(last.block, outcome.after));
  for (const SentenceLevel& level : levels_)
    differences_ = std::max(differences_, turn_of_differences(level.block, level.of("sentence").after));
  batch_.block = block_of(samples_, samples_.batch, last.name);
  measure_pads(batch_);
  measure_cosines(batch_, samples_.batch);
  measure_mates(batch_, samples_.batch[0].word_at);
}

// ---------------------------------------------------------------------------------------------------------- numbers

ordered_json Sentences::numbers_of_batch() const {
  ordered_json json{
      {"sentences", batch_.block.shape[0]},
      {"characters", batch_.characters},
      {"pads", batch_.pads},
      {"deviation_ratio", {{"mean", batch_.ratio_mean}, {"median", batch_.ratio_median}, {"channels_that_grew", batch_.grown}}},
      {"layer_norm_same_bits_in_any_batch", batch_.same_bits}};
  for (std::size_t i = 0; i < batch_.cosines.size(); ++i) {
    const SentenceBatch::Cosines& c = batch_.cosines[i];
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
  for (const SentenceLevel& level : levels_) {
    ordered_json one{
        {"level", level.name}, {"width", level.block.shape[2]}, {"means", level.means}, {"word_cosine", level.word_cosine}};
    for (const LevelOutcome& outcome : level.outcomes) {
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

std::unique_ptr<TourPart> measure_sentences(const std::string& data) { return std::make_unique<Sentences>(data); }

}  // namespace norma::cli
