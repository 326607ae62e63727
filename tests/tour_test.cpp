// SPDX-License-Identifier: Apache-2.0
// The tour and explain: their numbers against plain computations from the same files, their words in both languages.
#include "cli/tour.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "cli/comparability_report.hpp"
#include "cli/explain.hpp"
#include "io/tensor_file.hpp"
#include "io_testing.hpp"
#include "report/picture.hpp"

namespace norma::cli {
namespace {

using io::testing::expect_refusal;
using io::testing::read_file;
using nlohmann::json;
using report::Lines;
using report::Page;

const std::filesystem::path kSources = NORMA_SOURCE_DIR;
const std::string kData = (kSources / "data").string();
constexpr double kExact = 1e-9;  // sums of a few thousand doubles in another order

// ------------------------------------------------------------------------------------------------- plain computations

using Rows = std::vector<std::map<std::string, std::string>>;

/// The samples have no quotes.
Rows read_csv(const std::string& name) {
  std::istringstream file(read_file(kData + "/" + name));
  const auto fields_of = [](std::string line) {
    std::vector<std::string> fields;
    std::istringstream fields_in(line);
    for (std::string field; std::getline(fields_in, field, ',');) fields.push_back(field);
    return fields;
  };
  std::string line;
  std::getline(file, line);
  const auto names = fields_of(line);
  Rows rows;
  while (std::getline(file, line)) {
    const auto fields = fields_of(line);
    EXPECT_EQ(fields.size(), names.size()) << line;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i == 0) rows.emplace_back();
      rows.back()[names[i]] = fields[i];
    }
  }
  return rows;
}

double mean_of(const std::vector<double>& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}
double central_moment(const std::vector<double>& x, int power) {
  const double mean = mean_of(x);
  double sum = 0;
  for (double v : x) sum += std::pow(v - mean, power);
  return sum / static_cast<double>(x.size());
}
double deviation_of(const std::vector<double>& x) { return std::sqrt(central_moment(x, 2)); }
double middle_of(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x.size() % 2 ? x[x.size() / 2] : (x[x.size() / 2 - 1] + x[x.size() / 2]) / 2;
}

struct Table {
  std::vector<std::string> names, keys;
  std::vector<double> values;
};
Table table_of(const Rows& rows, const std::string& key, const std::string& value) {
  Table table;
  for (const auto& row : rows) {
    table.names.push_back(row.at("country"));
    table.keys.push_back(key.empty() ? "" : row.at(key));
    table.values.push_back(std::stod(row.at(value)));
  }
  return table;
}

std::vector<double> scores_of(const Table& table) {
  std::map<std::string, std::vector<double>> groups;
  for (std::size_t i = 0; i < table.keys.size(); ++i) groups[table.keys[i]].push_back(table.values[i]);
  std::vector<double> scores;
  for (std::size_t i = 0; i < table.keys.size(); ++i) {
    const auto& group = groups[table.keys[i]];
    scores.push_back((table.values[i] - mean_of(group)) / deviation_of(group));
  }
  return scores;
}

/// Counts pairs one by one.
struct Counts {
  std::uint64_t kept = 0, reversed = 0;
  /// Scores that differ by rounding alone are ties: 1 and -1 in any region of two countries.
  void add(double xa, double xb, double ya, double yb) {
    if (xa == xb || std::fabs(ya - yb) < 1e-12) return;
    ++((xa < xb) == (ya < yb) ? kept : reversed);
  }
  double share() const { return static_cast<double>(kept) / static_cast<double>(kept + reversed); }
};

// ------------------------------------------------------------------------------------------------------------- incomes

TEST(TourIncomes, ChinaAndIndiaInEachGrouping) {
  const json numbers = tour_numbers(kData, {"incomes"}).at("incomes");
  const Rows rows = read_csv("world-2014-worldbank.csv");
  EXPECT_EQ(numbers.at("countries"), rows.size());
  const std::vector<std::pair<std::string, std::string>> groupings = {
      {"world", ""}, {"continent", "region_un"}, {"region", "subregion"}};
  ASSERT_EQ(numbers.at("groupings").size(), groupings.size());
  for (std::size_t g = 0; g < groupings.size(); ++g) {
    const json& got = numbers.at("groupings")[g];
    EXPECT_EQ(got.at("by"), groupings[g].first);
    const Table table = table_of(rows, groupings[g].second, "gdp_per_person");
    const auto scores = scores_of(table);
    const auto at = [&](const char* name) {
      return std::find(table.names.begin(), table.names.end(), name) - table.names.begin();
    };
    EXPECT_NEAR(got.at("china"), scores[static_cast<std::size_t>(at("China"))], kExact);
    EXPECT_NEAR(got.at("india"), scores[static_cast<std::size_t>(at("India"))], kExact);
    EXPECT_EQ(got.at("distributions"), (std::set<std::string>(table.keys.begin(), table.keys.end()).size()));
    Counts across;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (table.keys[i] != table.keys[j]) across.add(table.values[i], table.values[j], scores[i], scores[j]);
      }
    }
    EXPECT_EQ(got.at("order").at("across").at("seen").at("kept"), across.kept);
    EXPECT_EQ(got.at("order").at("across").at("seen").at("reversed"), across.reversed);
    EXPECT_EQ(got.at("order").at("within").at("seen").at("reversed"), 0);
  }
  // What the page says in words.
  const json& region = numbers.at("groupings")[2];
  EXPECT_NEAR(region.at("china"), -0.93, 0.005);
  EXPECT_NEAR(region.at("india"), -0.23, 0.005);
}

TEST(TourIncomes, EqualScoresAreNotEqualIncomes) {
  const json numbers = tour_numbers(kData, {"incomes"}).at("incomes");
  ASSERT_EQ(numbers.at("equal_scores").size(), 2U);
  for (const json& twins : numbers.at("equal_scores")) {
    EXPECT_EQ(std::lround(twins[0].at("score").get<double>() * 100),
              std::lround(twins[1].at("score").get<double>() * 100));
    EXPECT_NE(twins[0].at("region"), twins[1].at("region"));
    EXPECT_GT(twins[0].at("income").get<double>(), 10 * twins[1].at("income").get<double>());
  }
  EXPECT_EQ(numbers.at("equal_scores")[0][0].at("country"), "China");
}

TEST(TourIncomes, StandardizingWagesChangesNoShape) {
  const json numbers = tour_numbers(kData, {"incomes"}).at("incomes").at("wages");
  std::vector<double> wages;
  for (const auto& row : read_csv("wages-1985-cps.csv")) wages.push_back(std::stod(row.at("wage")));
  const double mean = mean_of(wages), deviation = deviation_of(wages);
  const double skewness = central_moment(wages, 3) / std::pow(deviation, 3);
  EXPECT_EQ(numbers.at("count"), wages.size());
  EXPECT_NEAR(numbers.at("mean"), mean, kExact);
  EXPECT_NEAR(numbers.at("deviation"), deviation, kExact);
  EXPECT_NEAR(numbers.at("before").at("skewness"), skewness, kExact);
  EXPECT_NEAR(numbers.at("after").at("skewness"), skewness, kExact);
  EXPECT_NEAR(numbers.at("after").at("median"), (middle_of(wages) - mean) / deviation, kExact);
  EXPECT_NEAR(numbers.at("after").at("median"), -0.24, 0.005);
  EXPECT_NEAR(numbers.at("after").at("min"), -1.56, 0.005);
  EXPECT_NEAR(numbers.at("after").at("max"), 6.91, 0.005);
  const auto below = static_cast<double>(std::count_if(wages.begin(), wages.end(), [&](double w) { return w < mean; }));
  EXPECT_NEAR(numbers.at("below_mean"), below / static_cast<double>(wages.size()), kExact);
}

// -------------------------------------------------------------------------------------------------------------- images

constexpr std::size_t kSide = 32, kPixels = kSide * kSide;

/// [image][channel] of 1024 pixels: the last bytes of the file are N, H, W, C.
std::vector<std::vector<std::vector<double>>> read_photos() {
  const std::string bytes = read_file(kData + "/photos.npy");
  const std::size_t begin = bytes.size() - 4 * kPixels * 3;
  std::vector photos(4, std::vector(3, std::vector<double>(kPixels)));
  for (std::size_t i = 0; i < 4 * kPixels * 3; ++i) {
    photos[i / (kPixels * 3)][i % 3][i / 3 % kPixels] = static_cast<unsigned char>(bytes[begin + i]);
  }
  return photos;
}

/// Normalized with the statistics of the images and channels that `together` pools with each.
auto normalize_photos(const std::vector<std::vector<std::vector<double>>>& photos, bool pool_images,
                      bool pool_channels) {
  auto result = photos;
  for (std::size_t n = 0; n < 4; ++n) {
    for (std::size_t c = 0; c < 3; ++c) {
      std::vector<double> members;
      for (std::size_t m = 0; m < 4; ++m) {
        for (std::size_t d = 0; d < 3; ++d) {
          if ((m == n || pool_images) && (d == c || pool_channels))
            members.insert(members.end(), photos[m][d].begin(), photos[m][d].end());
        }
      }
      const double mean = mean_of(members), scale = std::sqrt(central_moment(members, 2) + 1e-5);
      for (double& v : result[n][c]) v = (v - mean) / scale;
    }
  }
  return result;
}

TEST(TourImages, MeansAndPairsOfEachKind) {
  const json numbers = tour_numbers(kData, {"images"}).at("images");
  const auto photos = read_photos();
  const struct {
    const char* name;
    bool pool_images, pool_channels;
    double same_channel, same_image;
  } norms[] = {{"batch", true, false, 1.000, 0.847},
               {"sample", false, true, 0.853, 1.000},
               {"instance", false, false, 0.819, 0.762}};
  ASSERT_EQ(numbers.at("norms").size(), 3U);
  for (std::size_t k = 0; k < 3; ++k) {
    const json& got = numbers.at("norms")[k];
    EXPECT_EQ(got.at("norm"), norms[k].name);
    const auto after = normalize_photos(photos, norms[k].pool_images, norms[k].pool_channels);
    EXPECT_NEAR(got.at("means").at("astronaut").at("blue"), mean_of(after[3][2]), kExact);
    EXPECT_NEAR(got.at("means").at("coffee").at("red"), mean_of(after[1][0]), kExact);
    const json& pairs = got.at("pairs");
    EXPECT_NEAR(pairs.at("same_channel_other_image").at("kept_share"), norms[k].same_channel, 0.0006);
    EXPECT_NEAR(pairs.at("same_image_other_channel").at("kept_share"), norms[k].same_image, 0.0006);
    Counts one_image;
    for (std::size_t n = 0; n < 4; ++n) {
      for (std::size_t c = 1; c < 3; ++c) {
        for (std::size_t d = 0; d < c; ++d) {
          for (std::size_t i = 0; i < kPixels; ++i) {
            for (std::size_t j = 0; j < kPixels; ++j)
              one_image.add(photos[n][c][i], photos[n][d][j], after[n][c][i], after[n][d][j]);
          }
        }
      }
    }
    EXPECT_NEAR(pairs.at("same_image_other_channel").at("kept_share"), one_image.share(), 1e-6);
    EXPECT_EQ(pairs.at("same_channel_other_image").at("pairs"), 3 * 6 * kPixels * kPixels);
    EXPECT_EQ(pairs.at("other_image_other_channel").at("pairs"), 6 * 6 * kPixels * kPixels);
  }
}

// ----------------------------------------------------------------------------------------------------------- sentences

using Vectors = std::vector<std::vector<double>>;

Vectors read_vectors(const std::string& name) {
  const std::string bytes = read_file(kData + "/sentences.safetensors");
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), 8);
  const json entry = json::parse(bytes.substr(8, size)).at(name);
  const std::size_t rows = entry.at("shape")[0], columns = entry.at("shape")[1], begin = entry.at("data_offsets")[0];
  Vectors vectors(rows, std::vector<double>(columns));
  for (std::size_t i = 0; i < rows * columns; ++i) {
    float value = 0;
    std::memcpy(&value, bytes.data() + 8 + size + begin + 4 * i, 4);
    vectors[i / columns][i % columns] = value;
  }
  return vectors;
}

double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double cosine_of(const std::vector<double>& a, const std::vector<double>& b) {
  return inner(a, b) / std::sqrt(inner(a, a) * inner(b, b));
}
double degrees_between(const std::vector<double>& a, const std::vector<double>& b) {
  return std::acos(std::min(1.0, cosine_of(a, b))) * 180 / std::acos(-1.0);
}

/// Every vector less the mean of all, over the deviation of all.
Vectors normalize_sentence(const Vectors& sentence) {
  std::vector<double> all;
  for (const auto& vector : sentence) all.insert(all.end(), vector.begin(), vector.end());
  Vectors result = sentence;
  for (auto& vector : result) {
    for (double& v : vector) v = (v - mean_of(all)) / std::sqrt(central_moment(all, 2) + 1e-5);
  }
  return result;
}

TEST(TourSentences, AnglesAndCosinesOfTheEmbedding) {
  const json level = tour_numbers(kData, {"sentences"}).at("sentences").at("levels")[0];
  EXPECT_EQ(level.at("level"), "embedding");
  const Vectors first = read_vectors("sentence0.embedding"), second = read_vectors("sentence1.embedding");
  EXPECT_EQ(first[5], second[6]) << "the embedding of 打";
  const Vectors first_after = normalize_sentence(first), second_after = normalize_sentence(second);
  std::vector<double> turns;
  for (std::size_t i = 0; i < first.size(); ++i) turns.push_back(degrees_between(first[i], first_after[i]));
  for (std::size_t i = 0; i < second.size(); ++i) turns.push_back(degrees_between(second[i], second_after[i]));
  const json& sentence = level.at("norms")[0];
  EXPECT_EQ(sentence.at("norm"), "sentence");
  EXPECT_NEAR(sentence.at("vectors").at("seen").at("mean_degrees"), mean_of(turns), 1e-6);
  EXPECT_NEAR(sentence.at("vectors").at("seen").at("mean_degrees"), 12.88, 0.005);
  EXPECT_NEAR(sentence.at("vectors").at("seen").at("max_degrees"), 18.73, 0.005);
  EXPECT_NEAR(sentence.at("word_cosine"), cosine_of(first_after[5], second_after[6]), kExact);
  EXPECT_LT(sentence.at("word_cosine").get<double>(), 0.996);
  EXPECT_EQ(sentence.at("vectors").at("promised").at("differences_kept"), true);

  const json& token = level.at("norms")[1];
  EXPECT_NEAR(token.at("word_cosine"), 1, kExact);
  EXPECT_NEAR(token.at("shortest_vector"), std::sqrt(128), 1e-3);
  EXPECT_NEAR(token.at("longest_vector"), std::sqrt(128), 1e-3);

  const json& rms = level.at("norms")[2];
  EXPECT_EQ(rms.at("vectors").at("promised").at("direction_kept"), true);
  EXPECT_LT(rms.at("vectors").at("seen").at("max_degrees").get<double>(), 1e-6);
}

TEST(TourSentences, LevelsAndDifferences) {
  const json numbers = tour_numbers(kData, {"sentences"}).at("sentences");
  const char* names[] = {"embedding", "layer1", "layer2"};
  const std::size_t at[] = {5, 6};
  for (std::size_t k = 0; k < 3; ++k) {
    const Vectors first = read_vectors(std::string("sentence0.") + names[k]),
                  second = read_vectors(std::string("sentence1.") + names[k]);
    EXPECT_NEAR(numbers.at("levels")[k].at("word_cosine"), cosine_of(first[at[0]], second[at[1]]), kExact);
  }
  EXPECT_LT(numbers.at("largest_turn_of_a_difference").get<double>(), 1e-9);
  // Each normalization keeps the pairs of its own distributions.
  EXPECT_EQ(numbers.at("pairs")[0].at("same_sentence_other_word").at("reversed"), 0);
  EXPECT_EQ(numbers.at("pairs")[1].at("same_word").at("reversed"), 0);
  EXPECT_GT(numbers.at("pairs")[1].at("same_sentence_other_word").at("reversed"), 0);
  EXPECT_EQ(numbers.at("pairs")[3].at("same_feature_other_word").at("reversed"), 0);
}

/// BatchNorm of the first sentence's word in a batch of some sentences, with zeros counted as further words.
std::vector<double> batch_norm_word(const std::vector<Vectors>& batch, std::size_t sentences, std::size_t of,
                                    std::size_t word, std::size_t pads, std::vector<double>* deviations = nullptr) {
  std::vector<double> result;
  for (std::size_t d = 0; d < batch[0][0].size(); ++d) {
    std::vector<double> members(pads, 0.0);
    for (std::size_t s = 0; s < sentences; ++s) {
      for (const auto& vector : batch[s]) members.push_back(vector[d]);
    }
    if (deviations) deviations->push_back(deviation_of(members));
    result.push_back((batch[of][word][d] - mean_of(members)) / std::sqrt(central_moment(members, 2) + 1e-5));
  }
  return result;
}

TEST(TourSentences, BatchWithAndWithoutPads) {
  const json numbers = tour_numbers(kData, {"sentences"}).at("sentences").at("batch");
  std::vector<Vectors> batch;
  std::size_t words = 0, longest = 0;
  for (int i = 0; i < 7; ++i) {
    batch.push_back(read_vectors("batch" + std::to_string(i) + ".layer2"));
    words += batch.back().size();
    longest = std::max(longest, batch.back().size());
  }
  const std::size_t pads = 7 * longest - words;
  EXPECT_EQ(numbers.at("characters"), words);
  EXPECT_EQ(numbers.at("pads"), pads);

  std::vector<double> left_out, counted, ratios;
  const auto play = batch_norm_word(batch, 7, 0, 5, 0, &left_out),
             play_padded = batch_norm_word(batch, 7, 0, 5, pads, &counted);
  const auto dozen = batch_norm_word(batch, 7, 1, 6, 0), dozen_padded = batch_norm_word(batch, 7, 1, 6, pads);
  for (std::size_t d = 0; d < counted.size(); ++d) ratios.push_back(counted[d] / left_out[d]);
  EXPECT_NEAR(numbers.at("deviation_ratio").at("mean"), mean_of(ratios), kExact);
  EXPECT_NEAR(numbers.at("deviation_ratio").at("median"), middle_of(ratios), kExact);
  EXPECT_EQ(numbers.at("deviation_ratio").at("channels_that_grew"), 26);
  const json& cosines = numbers.at("cosine_with_first_word")[1];
  EXPECT_NEAR(cosines.at("before"), cosine_of(batch[0][5], batch[1][6]), kExact);
  EXPECT_NEAR(cosines.at("batch_norm"), cosine_of(play, dozen), kExact);
  EXPECT_NEAR(cosines.at("batch_norm_pads_counted"), cosine_of(play_padded, dozen_padded), kExact);

  EXPECT_EQ(numbers.at("layer_norm_same_bits_in_any_batch"), true);
  for (std::size_t k = 1; k <= 7; ++k) {
    const auto word = batch_norm_word(batch, k, 0, 5, 0);
    EXPECT_NEAR(numbers.at("first_sentence_in_batch_of")[k - 1].at("batch_norm_first_feature"), word[0], kExact);
  }
}

// --------------------------------------------------------------------------------------------------------------- words

std::multiset<std::string> placeholders_of(std::string_view text) {
  static const std::regex kPlaceholder(R"(\{[^}]*\})");
  const std::string s(text);
  std::multiset<std::string> found;
  for (std::sregex_iterator it(s.begin(), s.end(), kPlaceholder), end; it != end; ++it) found.insert(it->str());
  return found;
}

TEST(Strings, BothLanguagesSayTheSame) {
  std::set<std::string_view> ids, english;
  for (const Entry& entry : all_entries()) {
    EXPECT_TRUE(ids.insert(entry.id).second) << "twice: " << entry.id;
    EXPECT_FALSE(entry.en.empty() || entry.zh.empty()) << "not translated: " << entry.id;
    EXPECT_EQ(placeholders_of(entry.en), placeholders_of(entry.zh)) << entry.id;
    EXPECT_EQ(std::count(entry.en.begin(), entry.en.end(), '*') % 2, 0) << entry.id;
    EXPECT_EQ(std::count(entry.zh.begin(), entry.zh.end(), '*') % 2, 0) << entry.id;
    const bool short_word = entry.en.size() < 20;  // "sentence" may be a heading here and a word there
    EXPECT_TRUE(short_word || english.insert(entry.en).second) << "said twice: " << entry.en;
  }
}

/// Chinese is set with full-width punctuation; half-width belongs to code and numbers.
TEST(Strings, ChineseHasItsOwnPunctuation) {
  static const std::regex kHalfWidth("[\xE4-\xE9][\x80-\xBF][\x80-\xBF][,:;!?()]");
  for (const Entry& entry : all_entries()) {
    EXPECT_FALSE(std::regex_search(std::string(entry.zh), kHalfWidth)) << entry.zh;
  }
}

TEST(Strings, SourcesSayWhatTheTableHas) {
  std::set<std::string_view> ids;
  for (const Entry& entry : all_entries()) ids.insert(entry.id);
  static const std::regex kSaid("say_?\\(\"([a-z_.A-Z]+)\"");
  std::string sources;
  for (const auto& file : std::filesystem::directory_iterator(kSources / "cli")) {
    if (file.path().extension() == ".cpp" && file.path().filename() != "strings.cpp")
      sources += read_file(file.path().string());
  }
  for (std::sregex_iterator it(sources.begin(), sources.end(), kSaid), end; it != end; ++it) {
    EXPECT_TRUE(ids.count((*it)[1].str()) || (*it)[1].str().back() == '.') << "no text for " << (*it)[1];
  }
  for (const std::string_view id : ids) {
    // An id is written out, or put together from what stands before one of its points.
    bool used = sources.find('"' + std::string(id) + '"') != std::string::npos || id.starts_with("name.");
    for (std::size_t point = id.find('.'); point != id.npos; point = id.find('.', point + 1)) {
      const std::string before(id.substr(0, point + 1));
      used = used || sources.find('"' + before + '"') != std::string::npos ||
             sources.find('"' + before + "{}") != std::string::npos;
    }
    EXPECT_TRUE(used) << "never said: " << id;
  }
}

TEST(Strings, NumbersInWords) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999.6), "1,000");
  EXPECT_EQ(with_commas(12758.6), "12,759");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(percent(1, 1), "100 %");
  EXPECT_EQ(percent(0, 5), "0 %");
  EXPECT_EQ(percent(99999, 100000), "> 99.9 %");
  EXPECT_EQ(percent(1, 100000), "< 0.1 %");
  EXPECT_EQ(percent(2, 3), "66.7 %");
  EXPECT_EQ(brief(-0.0), "0");
}

/// Sets the locale's variables for one test.
class Locale {
 public:
  explicit Locale(const std::map<std::string, std::string>& values) {
    for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
      const char* before = std::getenv(name);
      if (before) saved_[name] = before;
      const auto value = values.find(name);
      value == values.end() ? ::unsetenv(name) : ::setenv(name, value->second.c_str(), 1);
    }
  }
  Locale(const Locale&) = delete;
  ~Locale() {
    for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
      saved_.count(name) ? ::setenv(name, saved_[name].c_str(), 1) : ::unsetenv(name);
  }

 private:
  std::map<std::string, std::string> saved_;
};

TEST(Strings, LanguageOfTheLocale) {
  const auto with = [](const std::map<std::string, std::string>& values) {
    const Locale locale(values);
    return language_of("");
  };
  EXPECT_EQ(with({}), Language::en);
  EXPECT_EQ(with({{"LANG", "zh_CN.UTF-8"}}), Language::zh);
  EXPECT_EQ(with({{"LC_MESSAGES", "zh_TW"}, {"LANG", "de_DE"}}), Language::zh);
  EXPECT_EQ(with({{"LC_ALL", "C"}, {"LANG", "zh_CN.UTF-8"}}), Language::en);
  EXPECT_EQ(with({{"LC_ALL", ""}, {"LANG", "zh"}}), Language::zh) << "an empty variable is not set";
  EXPECT_EQ(language_of("zh"), Language::zh);
  expect_refusal([] { language_of("fr"); }, {"[lang]", "'fr'", "en and zh"});
}

// --------------------------------------------------------------------------------------------------------------- pages

std::string without_colour(const std::string& text) {
  return std::regex_replace(text, std::regex("\x1b\\[[0-9;]*m"), "");
}

TEST(TourPage, FitsAHundredColumnsInBothLanguages) {
  for (const Language language : {Language::en, Language::zh}) {
    for (const bool colour : {false, true}) {
      std::istringstream page(tour_page(kData, {}, language, {.colour = colour}));
      int number = 0;
      for (std::string line; std::getline(page, line); ++number) {
        EXPECT_LE(report::display_width(line), 100) << line;
        EXPECT_TRUE(line.empty() || line.back() != ' ') << '"' << line << '"';
      }
      EXPECT_GT(number, 150);
    }
  }
}

TEST(TourPage, HasNoEscapesWithoutColour) {
  for (const Language language : {Language::en, Language::zh}) {
    const std::string plain = tour_page(kData, {}, language, {.colour = false}),
                      coloured = tour_page(kData, {}, language, {.colour = true});
    EXPECT_EQ(plain.find('\x1b'), std::string::npos);
    EXPECT_NE(coloured.find('\x1b'), std::string::npos);
    EXPECT_EQ(without_colour(coloured).find('\x1b'), std::string::npos);
    EXPECT_EQ(plain.find("{"), std::string::npos);
  }
}

TEST(TourPage, SaysWhatItIsAbout) {
  const std::string english = tour_page(kData, {}, Language::en, {});
  for (const char* part :
       {"China", "-0.93", "-0.23", "34.5 %", "84.7 %", "85.3 %", "12.9° / 18.7°", "0.912", "CC0", "Apache-2.0"}) {
    EXPECT_NE(english.find(part), std::string::npos) << part;
  }
  const std::string chinese = tour_page(kData, {}, Language::zh, {});
  for (const char* part : {"中国", "-0.93", "标准化", "层归一化", "34.5 %", "教练"})
    EXPECT_NE(chinese.find(part), std::string::npos) << part;
  for (const char* part : {"China", "Korea", "Eastern", "astronaut"})
    EXPECT_EQ(chinese.find(part), std::string::npos) << part;
}

TEST(TourPage, EveryCountryItNamesHasAChineseName) {
  const json numbers = tour_numbers(kData, {"incomes"}).at("incomes");
  const Say say(Language::zh);
  const auto check = [&](const json& country) { EXPECT_NE(say.name(country.at("country")), country.at("country").get<std::string>()); };
  for (const json& region : numbers.at("regions")) {
    for (const json& country : region.at("countries")) check(country);
  }
  for (const json& twins : numbers.at("equal_scores")) {
    for (const json& country : twins) check(country);
  }
}

TEST(TourPage, ShowsThePartsThatAreNamed) {
  const std::string page = tour_page(kData, {"images"}, Language::en, {});
  EXPECT_NE(page.find("Images"), std::string::npos);
  EXPECT_EQ(page.find("Sentences"), std::string::npos);
  const json numbers = tour_numbers(kData, {"sentences", "incomes"});
  EXPECT_EQ(numbers.size(), 2U);
  EXPECT_EQ(tour_numbers(kData, {}).size(), tour_parts().size());
  expect_refusal([] { tour_page(kData, {"music"}, Language::en, {}); },
                 {"[tour]", "'music'", "incomes, images, sentences"});
  expect_refusal([] { tour_numbers("/nonexistent", {}); }, {"/nonexistent"});
}

// ------------------------------------------------------------------------------------------------------------ terminal

TEST(Terminal, WidthOfText) {
  EXPECT_EQ(report::display_width("abc"), 3);
  EXPECT_EQ(report::display_width("教练"), 4);
  EXPECT_EQ(report::display_width("█ °–√"), 5);
  EXPECT_EQ(report::display_width("\x1b[1;33m打\x1b[0m"), 2);
  EXPECT_EQ(report::display_width("e\u0301"), 1);
  EXPECT_EQ(report::display_width("\xff\xfe"), 2) << "bytes that are no UTF-8";
  EXPECT_EQ(report::display_width("\xe6"), 1) << "a character cut short";
  EXPECT_EQ(report::pad_left("打", 4), "  打");
  EXPECT_EQ(report::pad_right("打", 1), "打");
}

TEST(Terminal, WrapsEnglishAtSpacesAndChineseAnywhere) {
  EXPECT_EQ(report::wrap("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(report::wrap("incomparable as", 5), (Lines{"incomparable", "as"}));
  EXPECT_EQ(report::wrap("归一化的思想", 6), (Lines{"归一化", "的思想"}));
  // A full stop never begins a line, a bracket never ends one.
  EXPECT_EQ(report::wrap("归一化。的", 6), (Lines{"归一", "化。的"}));
  EXPECT_EQ(report::wrap("归一\uFF08化\uFF09", 6), (Lines{"归一", "\uFF08化\uFF09"}));
  EXPECT_EQ(report::wrap("", 6), Lines{});
}

TEST(Terminal, AlignsTablesByColumnsOfTheScreen) {
  const Page page({.colour = false, .width = 100});
  const report::Table table{{{"名", report::Table::Align::left}, {"n"}}, {{"打", "1"}, {"ab", "12"}, {"x"}}};
  EXPECT_EQ(page.table_lines(table), (Lines{"名   n", "──  ──", "打   1", "ab  12", "x"}));
}

TEST(Terminal, EmphasisIsColourOrNothing) {
  Page plain({.colour = false, .width = 100}), coloured({.colour = true, .width = 100});
  plain.paragraph("a *b* c");
  coloured.paragraph("a *b* c");
  EXPECT_EQ(plain.text(), "  a b c\n");
  EXPECT_EQ(coloured.text(), "  a \x1b[1mb\x1b[0m c\n");
}

// ------------------------------------------------------------------------------------------------------------- picture

TEST(Picture, MembershipIsWhatAssignSays) {
  const std::vector<std::int64_t> lengths = {3, 0, 2, 1}, keys = {9, -2, 9, 4};
  const std::vector<std::uint8_t> mask = {1, 0, 1, 1, 0, 1};
  const Dims shape{4, 6, 3, 2};
  const std::vector<Grouping> groupings = {Grouping::batch(),
                                           Grouping::batch(-1),
                                           Grouping::ghost_batch(2),
                                           Grouping::instance(),
                                           Grouping::group(3),
                                           Grouping::sample(),
                                           Grouping::layer({3, 2}),
                                           Grouping::over({}),
                                           Grouping::over({0, 2}),
                                           Grouping::labels(keys),
                                           Grouping::sample().with_lengths(lengths, 2),
                                           Grouping::batch().masked(view(mask.data(), {6, 1, 1}))};
  for (const Grouping& grouping : groupings) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(count_of(shape)));
    grouping.assign(shape, numbers);
    const report::Membership membership(grouping, shape);
    std::size_t i = 0;
    for (std::int64_t n = 0; n < 4; ++n) {
      for (std::int64_t c = 0; c < 6; ++c) {
        for (std::int64_t h = 0; h < 3; ++h) {
          for (std::int64_t w = 0; w < 2; ++w) EXPECT_EQ(membership.at({n, c, h, w}), numbers[i++]) << grouping.name();
        }
      }
    }
  }
}

Lines picture_of(const Grouping& grouping, const Dims& shape, std::int64_t marked) {
  report::PictureOptions options;
  options.marked = marked;
  options.roles = report::Roles::of(shape.rank());
  options.most_rows = 3;
  options.most_columns = 4;
  return report::draw(Page({.colour = false, .width = 100}), grouping, shape, options);
}

TEST(Picture, DrawsOneDistribution) {
  EXPECT_EQ(picture_of(Grouping::over({1}), {2, 3}, 1), (Lines{"░░░", "███"}));
  EXPECT_EQ(picture_of(Grouping::batch(), {2, 3}, 2), (Lines{"░░█", "░░█"}));
  // Panels of N beside each other; rows L, columns D.
  EXPECT_EQ(picture_of(Grouping::layer({2}), {2, 2, 2}, 3), (Lines{"░░ ░░", "░░ ██"}));
  const std::vector<std::int64_t> lengths = {2, 1};
  EXPECT_EQ(picture_of(Grouping::sample().with_lengths(lengths), {2, 2, 2}, 0), (Lines{"██ ░░", "██ ··"}));
  // A feature beyond the edge is brought into view, and what is left out is dotted.
  EXPECT_EQ(picture_of(Grouping::batch(), {1, 9}, 8), (Lines{"…░░░█"}));
  EXPECT_EQ(picture_of(Grouping::batch(), {1, 9}, 0), (Lines{"█░░░…"}));
  // What belongs together is drawn smaller.
  EXPECT_EQ(picture_of(Grouping::over({1}), {2, 100}, 0), (Lines{"████", "░░░░"}));
  EXPECT_EQ(picture_of(Grouping::sample(), {1, 0}, 0), Lines{});
}

TEST(Picture, ColoursEveryDistribution) {
  report::PictureOptions options;
  options.roles = report::Roles::of(2);
  const Lines lines = report::draw(Page({.colour = true, .width = 100}), Grouping::batch(), {1, 2}, options);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("\x1b[38;2;"), std::string::npos);
  EXPECT_EQ(report::display_width(lines[0]), 2);
}

// ------------------------------------------------------------------------------------------------------------- explain

io::Array array_of(const std::vector<float>& values, const Dims& shape) {
  io::Array array = io::Array::make("", DType::f32, shape);
  std::copy(values.begin(), values.end(), static_cast<float*>(array.mutable_view().data()));
  return array;
}

ExplainOptions options_of(const std::string& norm) {
  ExplainOptions options;
  options.norm.norm = norm;
  return options;
}

TEST(Explain, MomentsOfAKnownTensor) {
  // Rows: mean 2, deviation 1; constant; one NaN.
  const io::Array x = array_of({1, 3, 1, 3, 5, 5, 5, 5, 1, NAN, 2, 3}, {1, 3, 4});
  const json numbers = explanation_numbers(x, options_of("layer"));
  EXPECT_EQ(numbers.at("distributions"), 3);
  EXPECT_EQ(numbers.at("layout"), "NLD");
  const json& rows = numbers.at("moments");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].at("number"), 2) << "trouble first";
  EXPECT_EQ(rows[0].at("not_finite"), 1);
  EXPECT_EQ(rows[1].at("number"), 0);
  EXPECT_EQ(rows[1].at("place"), "token 0");
  EXPECT_EQ(rows[1].at("count"), 4);
  EXPECT_DOUBLE_EQ(rows[1].at("mean"), 2);
  EXPECT_DOUBLE_EQ(rows[1].at("deviation"), 1);
  EXPECT_DOUBLE_EQ(rows[1].at("min"), 1);
  EXPECT_DOUBLE_EQ(rows[1].at("max"), 3);
  EXPECT_EQ(rows[2].at("number"), 1) << "the narrowest last";
  EXPECT_EQ(numbers.at("notes").at("constant"), 1);
  EXPECT_EQ(numbers.at("notes").at("not_finite"), 1);
  EXPECT_EQ(numbers.at("notes").at("few_elements"), 3);
  EXPECT_EQ(numbers.at("comparability").at("plain").at("within").at("seen").at("reversed"), 0);
  EXPECT_EQ(numbers.at("vectors").at("plain").at("promised").at("subtracts_mean"), true);
}

TEST(Explain, PageSaysItInBothLanguages) {
  const io::Array x = array_of({1, 3, 1, 3, 5, 5, 5, 5, 1, NAN, 2, 3}, {1, 3, 4});
  const std::string english = explanation_page(x, options_of("layer"), Language::en, {});
  for (const char* part : {"LayerNorm on 1 × 3 × 4 (NLD), f32", "token", "feature", "Constant: 1 of 3",
                           "With NaN or infinity: 1 of 3", "nothing", "L0 ████"}) {
    EXPECT_NE(english.find(part), std::string::npos) << part << "\n" << english;
  }
  const std::string chinese = explanation_page(x, options_of("layer"), Language::zh, {});
  for (const char* part : {"词元", "特征", "3 个分布中有 1 个是常数", "顺序"})
    EXPECT_NE(chinese.find(part), std::string::npos) << part << "\n" << chinese;
  EXPECT_EQ((english + chinese).find('\x1b'), std::string::npos);
}

TEST(Explain, WeightsMakeASecondReport) {
  const io::testing::TestFolder folder;
  std::vector<float> values;
  for (int i = 0; i < 24; ++i) values.push_back(static_cast<float>(i * 37 % 24));
  const io::Array x = array_of(values, {6, 4}), weight = array_of({1, -1, 2, -2}, {4});
  io::write_tensor(folder / "weight.npy", weight.view());
  ExplainOptions options = options_of("batch");
  options.weight = folder / "weight.npy";
  const json numbers = explanation_numbers(x, options).at("comparability");
  EXPECT_EQ(numbers.at("plain").at("within").at("promised"), "kept");
  EXPECT_EQ(numbers.at("affine").at("within").at("promised"), "by_distribution");
  const PairCounts all{.kept = numbers.at("plain").at("within").at("seen").at("kept")};
  EXPECT_EQ(numbers.at("affine").at("within").at("seen").at("kept"), all.kept / 2);
}

TEST(Explain, ListsTheExtremesOrAll) {
  std::vector<float> values;
  for (int row = 0; row < 20; ++row) {
    values.push_back(static_cast<float>(-row));
    values.push_back(static_cast<float>(row));
  }
  const io::Array x = array_of(values, {20, 2});
  ExplainOptions options = options_of("layer");
  options.top = 3;
  const json few = explanation_numbers(x, options).at("moments");
  ASSERT_EQ(few.size(), 3U);
  EXPECT_EQ(few[0].at("number"), 19);
  EXPECT_EQ(few[1].at("number"), 18);
  EXPECT_EQ(few[2].at("number"), 0);
  EXPECT_NE(explanation_page(x, options, Language::en, {}).find("17 more"), std::string::npos);
  options.all = true;
  const json all = explanation_numbers(x, options).at("moments");
  ASSERT_EQ(all.size(), 20U);
  EXPECT_EQ(all[7].at("number"), 7);
}

TEST(Explain, NamesWhereADistributionLies) {
  const io::Array x = array_of(std::vector<float>(2 * 4 * 3 * 3, 1), {2, 4, 3, 3});
  ExplainOptions options = options_of("group");
  options.norm.groups = 2;
  options.all = true;
  EXPECT_EQ(explanation_numbers(x, options).at("moments")[3].at("place"), "sample 1, channel 2–3");
  options = options_of("");
  options.norm.axes = {0, 2, 3};
  options.all = true;
  EXPECT_EQ(explanation_numbers(x, options).at("moments")[3].at("place"), "axis 1 = 3");
  options.norm.axes = {0, 1, 2, 3};
  EXPECT_EQ(explanation_numbers(x, options).at("moments")[0].at("place"), "everything");
}

TEST(Explain, TooManyVectorsForEveryPairAreStillCompared) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < 2 * (kMostVectorsInPairs + 1); ++i) values.push_back(static_cast<float>(i % 7));
  const json numbers = explanation_numbers(array_of(values, {kMostVectorsInPairs + 1, 2}), options_of("rms"));
  EXPECT_EQ(numbers.at("centered"), false);
  EXPECT_GT(numbers.at("vectors").at("seen").at("compared").get<std::int64_t>(), kMostVectorsInPairs - 1000);
  EXPECT_LT(numbers.at("vectors").at("seen").at("max_degrees").get<double>(), 1e-4);
}

TEST(Explain, Refuses) {
  const io::Array x = array_of({1, 2, 3, 4}, {2, 2});
  expect_refusal([&] { explanation_numbers(x, options_of("")); }, {"[norm]"});
  expect_refusal([&] { explanation_numbers(x, options_of("wave")); }, {"[norm]", "'wave'"});
  ExplainOptions options = options_of("batch");
  options.top = 0;
  expect_refusal([&] { explanation_numbers(x, options); }, {"[top]", "--all"});
  options = options_of("layer");
  options.norm.axes = {5};
  expect_refusal([&] { explanation_numbers(x, options); }, {"5 is not an axis"});
  expect_refusal([&] { explanation_numbers(array_of({}, {0, 2}), options_of("layer")); }, {"[explain]", "(0, 2)"});
  expect_refusal([] { read_input({"/nonexistent.npy"}); }, {"/nonexistent.npy"});
}

}  // namespace
}  // namespace norma::cli
