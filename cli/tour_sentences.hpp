// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cli/tour.hpp"
#include "io/safetensors.hpp"
#include "norma/comparability.hpp"
#include "report/drawing.hpp"

/// The third part of the tour: word vectors under LayerNorm of a sentence and of a word, RMSNorm, and BatchNorm with padding.

namespace norma::cli {

struct Sentence {
  std::string name, text, english, sense;
  std::vector<std::string> tokens;
  std::int64_t word_at = 0;  ///< the row of 打
};

/// Sentences as one (N, L, D) tensor, the shorter ones filled up with zeros.
struct SentenceBlock {
  Dims shape;
  std::vector<double> values;
  std::vector<std::int64_t> lengths;

  std::span<const double> vector(std::int64_t sentence, std::int64_t token) const { return vector_of(values, sentence, token); }
  std::span<const double> vector_of(std::span<const double> all, std::int64_t sentence, std::int64_t token) const {
    return all.subspan(static_cast<std::size_t>((sentence * shape[1] + token) * shape[2]), static_cast<std::size_t>(shape[2]));
  }
  ConstView view() const { return norma::view(values.data(), shape); }
};

struct SentenceSamples {
  std::vector<Sentence> pair, batch;
  std::map<std::string, std::map<std::string, std::string>> senses;  ///< name → language → words
  io::Safetensors tensors;
};

struct NormKind {
  std::string_view name;  ///< also in the ids of the table of strings
  bool centered;
};
// In the order of the tables.
inline constexpr std::array<NormKind, 4> kNorms = {{{"sentence", true}, {"token", true}, {"rms", false}, {"feature", true}}};

/// The grouping that a norm's name means, without and with the padding left out. block must outlive what unpadded gives.
Grouping grouping_of(std::string_view norm, const Dims& shape);
Grouping unpadded(std::string_view norm, const SentenceBlock& block);
std::string sentence_norm_name(const Say& say, std::string_view norm);

/// What one normalization did to one level of the two sentences.
struct LevelOutcome {
  NormKind norm;
  std::vector<double> after;
  double word_cosine = 0;            ///< of the two 打
  double shortest = 0, longest = 0;  ///< vectors
  VectorComparability vectors;
  Comparability order;
};

struct SentenceLevel {
  std::string name;
  SentenceBlock block;
  double word_cosine = 0;
  std::vector<double> means;  ///< of each sentence
  std::vector<LevelOutcome> outcomes;

  const LevelOutcome& of(std::string_view norm) const {
    return *std::find_if(outcomes.begin(), outcomes.end(), [&](const LevelOutcome& o) { return o.norm.name == norm; });
  }
};

/// Pairs by what their two elements share; a pair may be of two kinds.
struct SentenceKinds {
  PairCounts word, sentence, feature;
};

/// The batch of seven: what padding and the other sentences do to one's own.
struct SentenceBatch {
  SentenceBlock block;
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

class Sentences : public TourPart {
 public:
  explicit Sentences(const std::string& data);

  nlohmann::ordered_json numbers() const override;
  void show(report::Page& page, const Say& say) const override;
  void show(report::Document& page, const Say& say) const override;

 private:
  // What a terminal and HTML say alike.
  report::Table turns_table(const Say& say) const;
  report::Table words_table(const Say& say) const;
  void show_what_is_kept(report::Writer& page, const Say& say) const;
  void show_kinds(report::Writer& page, const Say& say) const;
  report::Table batch_table(const Say& say, const std::function<std::string(const Sentence&)>& name_of) const;
  void show_pads(report::Writer& page, const Say& say) const;
  report::Table mates_table(const Say& say) const;
  void show_mates(report::Writer& page, const Say& say) const;

  void show_sentences(report::Page& page, const Say& say) const;
  void show_pictures(report::Page& page, const Say& say) const;
  std::string painted_tokens(const report::Page& page, const Sentence& sentence) const;

  report::Picture block_picture(const Say& say, std::string_view norm, std::int64_t marked) const;
  report::Picture turns_picture(const Say& say, std::string_view norm) const;
  report::Picture bars_picture(const Say& say, std::size_t norm) const;
  report::Picture batch_picture(const Say& say) const;
  report::Picture mates_picture(const Say& say) const;

  nlohmann::ordered_json numbers_of_batch() const;

  SentenceSamples samples_;
  std::vector<SentenceLevel> levels_;
  std::vector<SentenceKinds> kinds_;  ///< of the last level, in the order of kNorms
  double differences_ = 0;            ///< the largest turn of a difference under LayerNorm of sentences
  SentenceBatch batch_;
};

}  // namespace norma::cli
