// SPDX-License-Identifier: Apache-2.0
// Pages of HTML and sheets of pictures: that they are well-formed, say the numbers of --json, fetch nothing, and let no
// name out of the data become markup.
#include <expat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "cli/explain.hpp"
#include "cli/tour.hpp"
#include "io/tensor_file.hpp"
#include "io_testing.hpp"
#include "report/block.hpp"
#include "report/charts.hpp"
#include "report/markup.hpp"
#include "report/raster.hpp"

namespace norma::cli {
namespace {

using io::testing::expect_refusal;
using io::testing::read_file;
using nlohmann::json;

const std::filesystem::path kSources = NORMA_SOURCE_DIR;
const std::string kData = (kSources / "data").string();

// ----------------------------------------------------------------------------------------------------- reading pages

/// An element of a parsed page.
struct Node {
  std::string name, text;  ///< all text in it, that of its children too
  std::map<std::string, std::string> attributes;
  std::vector<std::unique_ptr<Node>> children;

  void visit(const std::function<void(const Node&)>& see) const {
    see(*this);
    for (const auto& child : children) child->visit(see);
  }
  std::vector<const Node*> all(const std::string& wanted) const {
    std::vector<const Node*> found;
    visit([&](const Node& node) {
      if (node.name == wanted) found.push_back(&node);
    });
    return found;
  }
  std::string attribute(const std::string& wanted) const {
    const auto found = attributes.find(wanted);
    return found == attributes.end() ? "" : found->second;
  }
};

/// Parses as XML; a page that is none fails the test.
std::unique_ptr<Node> parse(const std::string& markup) {
  struct State {
    std::unique_ptr<Node> root = std::make_unique<Node>();
    std::vector<Node*> open;
  } state;
  state.open.push_back(state.root.get());
  XML_Parser parser = XML_ParserCreate("UTF-8");
  XML_SetUserData(parser, &state);
  XML_SetElementHandler(
      parser,
      [](void* data, const char* name, const char** attributes) {
        auto& open = static_cast<State*>(data)->open;
        open.back()->children.push_back(std::make_unique<Node>());
        open.push_back(open.back()->children.back().get());
        open.back()->name = name;
        for (; *attributes != nullptr; attributes += 2) open.back()->attributes[attributes[0]] = attributes[1];
      },
      [](void* data, const char*) { static_cast<State*>(data)->open.pop_back(); });
  XML_SetCharacterDataHandler(parser, [](void* data, const char* text, int length) {
    for (Node* node : static_cast<State*>(data)->open) node->text.append(text, static_cast<std::size_t>(length));
  });
  const bool good = XML_Parse(parser, markup.data(), static_cast<int>(markup.size()), 1) == XML_STATUS_OK;
  EXPECT_TRUE(good) << XML_ErrorString(XML_GetErrorCode(parser)) << " in line " << XML_GetCurrentLineNumber(parser);
  XML_ParserFree(parser);
  return std::move(state.root);
}

/// The exact numbers behind the rounded ones of a page.
std::set<std::string> exact_numbers_of(const Node& page) {
  std::set<std::string> numbers;
  for (const Node* data : page.all("data")) numbers.insert(data->attribute("value"));
  return numbers;
}

/// What must hold of every page and every sheet.
void check_page(const std::string& markup, const std::string& what) {
  SCOPED_TRACE(what);
  const auto page = parse(markup);
  std::set<std::string> ids;
  page->visit([&](const Node& node) {
    EXPECT_NE(node.name, "script");
    EXPECT_NE(node.name, "foreignObject");
    const std::string id = node.attribute("id");
    EXPECT_TRUE(id.empty() || ids.insert(id).second) << "twice: " << id;
    for (const auto& [name, value] : node.attributes) {
      EXPECT_FALSE(name.starts_with("on")) << name;
      const bool address = name == "href" || name == "src" || name == "xlink:href", inside = value.starts_with("data:");
      EXPECT_TRUE(!address || inside || value.starts_with('#')) << value;
      EXPECT_TRUE(name == "xmlns" || inside || value.find("//") == std::string::npos) << name << " = " << value;
    }
    const std::string style = node.name == "style" ? node.text : "";
    EXPECT_TRUE(style.find("url(") == std::string::npos && style.find("@import") == std::string::npos);
    EXPECT_EQ(node.attribute("d").find("nan"), std::string::npos);
  });
  for (const char* reference : {"aria-labelledby", "aria-describedby"}) {
    page->visit([&](const Node& node) {
      const std::string id = node.attribute(reference);
      EXPECT_TRUE(id.empty() || ids.count(id)) << reference << " = " << id;
    });
  }
  for (const Node* picture : page->all("svg")) {
    EXPECT_FALSE(picture->all("title").empty());
    EXPECT_FALSE(picture->all("title").empty() || picture->all("title")[0]->text.empty());
  }
}

io::Array array_of(const std::vector<float>& values, const Dims& shape) {
  io::Array array = io::Array::make("", DType::f32, shape);
  std::copy(values.begin(), values.end(), static_cast<float*>(array.mutable_view().data()));
  return array;
}

/// Seeded, so that each run sees the same.
std::vector<float> some_values(std::int64_t count) {
  std::mt19937 random(5);
  std::normal_distribution<float> number(1, 2);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = number(random);
  return values;
}

io::Array some_array(const Dims& shape) { return array_of(some_values(count_of(shape)), shape); }

ExplainOptions options_of(const std::string& norm) {
  ExplainOptions options;
  options.norm.norm = norm;
  return options;
}

std::string html_of(const io::Array& x, const ExplainOptions& options, Language language = Language::en) {
  return explanation_document(x, options, language).html();
}

// ------------------------------------------------------------------------------------------------------------- markup

TEST(Markup, EscapesAllThatIsNotText) {
  EXPECT_EQ(report::escape("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
  EXPECT_EQ(report::escape("打\tß"), "打\tß");
  const std::string replaced = "\xEF\xBF\xBD";
  for (const std::string bad : {"\x01", "\x7f", "\xff", "\xc0", "\xe6\x89", "\xe6\x89<", "\xed\xa0\x80", "\xef\xbf\xbf",
                                "\xe2\x80\xae", "\xe2\x81\xa6"}) {
    const std::string escaped = report::escape(bad);
    EXPECT_TRUE(escaped.starts_with(replaced)) << escaped;
    EXPECT_EQ(escaped.find(bad), std::string::npos) << "came through unchanged";
  }
  EXPECT_EQ(report::escape(std::string(1, '\0')), replaced);
  EXPECT_EQ(report::escape("\xC0\xBC"
                           "b>"),
            replaced + replaced + "b&gt;")
      << "overlong forms are no characters";
}

TEST(Markup, EmphasisIsPaired) {
  EXPECT_EQ(report::rich("a *b* `c<` d"), "a <strong>b</strong> <code>c&lt;</code> d");
  EXPECT_EQ(report::rich("2 * 3"), "2 * 3");
  EXPECT_EQ(report::rich("* `x`"), "* <code>x</code>");
  EXPECT_EQ(report::rich("*<i>*"), "<strong>&lt;i&gt;</strong>");
}

TEST(Markup, Numbers) {
  EXPECT_EQ(report::coordinate(1.0), "1");
  EXPECT_EQ(report::coordinate(-0.001), "0");
  EXPECT_EQ(report::coordinate(12.345), "12.35");
  EXPECT_EQ(report::coordinate(NAN), "0");
  EXPECT_EQ(report::exact_number(0.1), "0.1");
  EXPECT_EQ(report::data_uri("x/y", std::as_bytes(std::span("Man", 3))), "data:x/y;base64,TWFu");
  EXPECT_EQ(report::data_uri("x/y", std::as_bytes(std::span("Ma", 2))), "data:x/y;base64,TWE=");
  EXPECT_EQ(report::data_uri("x/y", std::as_bytes(std::span("M", 1))), "data:x/y;base64,TQ==");
}

// -------------------------------------------------------------------------------------------------------------- scales

TEST(Scales, SpanWhateverDoublesSpan) {
  const double most = std::numeric_limits<double>::max();
  for (const report::Range& range :
       {report::Range{-most, most}, {0, 0}, {1e300, 1e300}, {0, 5e-324}, {-3, 7}, {1e9, 1e9 + 1e-3}}) {
    const report::Range wide = report::padded(range);
    EXPECT_LE(wide.low, range.low);
    EXPECT_GE(wide.high, range.high);
    const report::Scale x{wide, 10, 110};
    for (const double value : {range.low, range.high}) {
      EXPECT_GE(x.at(value), 10) << range.low << " … " << range.high;
      EXPECT_LE(x.at(value), 110);
    }
    const bool denormal = range.high - range.low < 1e-300;
    EXPECT_TRUE(denormal || x.at(range.low) < x.at(range.high)) << range.low << " … " << range.high;
    const auto ticks = report::ticks_in(wide, 5);
    EXPECT_LE(ticks.size(), 6U);
    for (const double tick : ticks) EXPECT_TRUE(tick >= wide.low && tick <= wide.high) << tick;
  }
  EXPECT_EQ(report::ticks_in({-1, 9}, 5), (std::vector<double>{0, 2, 4, 6, 8}));
  EXPECT_EQ(report::tick_label(12000), "12,000");
  EXPECT_EQ(report::tick_label(-0.5), "−0.5");
}

// -------------------------------------------------------------------------------------------------------------- charts

report::RankLine rank_line(double before, double after, int series) { return {"", "", before, after, series, false}; }

TEST(Ranks, CrossWhereTheOrderIsReversed) {
  // Two series: kept within each; across them 3 > 2.5 becomes 0 < 9.
  const std::vector<report::RankLine> lines = {rank_line(3, 0, 0), rank_line(1, -2, 0), rank_line(2.5, 9, 1),
                                               rank_line(0, 8, 1)};
  const report::Crossings crossings = report::crossings_of(lines);
  EXPECT_EQ(crossings.within, 0);
  EXPECT_EQ(crossings.across, 3);
  EXPECT_EQ(crossings.pairs_across, 4);
  // What is tied on one side crosses nothing.
  EXPECT_EQ(report::crossings_of({rank_line(1, 2, 0), rank_line(1, 3, 1)}).across, 0);
  EXPECT_EQ(report::crossings_of({rank_line(1, 3, 0), rank_line(2, 3, 1)}).across, 0);
}

int count_in(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// The coloured faces of a block, by kind: each is a closed subpath.
std::map<std::string, int> marked_faces(const Grouping& grouping, const Dims& shape, std::int64_t marked, int channels) {
  report::BlockOptions options;
  options.marked = marked;
  options.axes = report::BlockAxes::of(shape.rank(), channels);
  const report::Membership membership(grouping, shape);
  const std::string body = report::draw_block(membership, options).picture.body;
  std::map<std::string, int> faces;
  for (const char* kind : {"front", "top", "side"}) {
    std::smatch match;
    if (std::regex_search(body, match, std::regex(std::string("class=\"cell ") + kind + " on\" d=\"([^\"]*)\"")))
      faces[kind] = count_in(match[1], "z");
  }
  return faces;
}

TEST(Block, ColoursTheFacesOfOneDistribution) {
  using Faces = std::map<std::string, int>;
  // 2 samples backwards, 3 channels across, 4 positions down.
  EXPECT_EQ(marked_faces(Grouping::batch(), {2, 3, 4}, 1, 1), (Faces{{"front", 4}, {"top", 2}}));
  EXPECT_EQ(marked_faces(Grouping::batch(), {2, 3, 4}, 2, 1), (Faces{{"front", 4}, {"top", 2}, {"side", 8}}));
  EXPECT_EQ(marked_faces(Grouping::sample(), {2, 3, 4}, 0, 1), (Faces{{"front", 12}, {"top", 3}, {"side", 4}}));
  EXPECT_EQ(marked_faces(Grouping::instance(), {2, 3, 4}, 0, 1), (Faces{{"front", 4}, {"top", 1}}));
  // Tokens down, features across.
  EXPECT_EQ(marked_faces(Grouping::layer({3}), {2, 4, 3}, 1, 2), (Faces{{"front", 3}, {"side", 1}}));
  // Height and width run down as one.
  EXPECT_EQ(marked_faces(Grouping::batch(), {2, 3, 2, 2}, 0, 1), (Faces{{"front", 4}, {"top", 2}}));
  EXPECT_EQ(marked_faces(Grouping::layer({3}), {2, 3}, 1, 1), (Faces{{"front", 3}}));
}

TEST(Block, SaysWhetherItHasACellForEachElement) {
  report::BlockOptions options;
  options.axes = report::BlockAxes::of(3);
  EXPECT_TRUE(report::draw_block(report::Membership(Grouping::sample(), {4, 5, 6}), options).to_scale);
  EXPECT_FALSE(report::draw_block(report::Membership(Grouping::sample(), {4, 6, 6}), options).to_scale);
}

// ------------------------------------------------------------------------------------------------------------- explain

TEST(ExplainHtml, IsWellFormedWhateverTheTensor) {
  struct Case {
    std::string norm;
    Dims shape;
    std::vector<float> values = {};
  };
  const std::vector<Case> cases = {
      {"batch", {4, 3, 5, 5}},
      {"layer", {3, 7, 16}},
      {"sample", {3, 7, 16}},
      {"rms", {2, 4, 8}},
      {"instance", {2, 3, 9}},
      {"layer", {6, 40}},
      {"batch", {2, 3, 2, 3, 2}},
      {"layer", {1, 1}, {3}},                             // one element
      {"layer", {2, 3}, {5, 5, 5, 5, 5, 5}},              // constants
      {"layer", {2, 3}, {NAN, 1, 2, INFINITY, 3, 4}},     // not a number
      {"layer", {1, 2}, {NAN, NAN}},                      // nothing else
      {"batch", {2, 2}, {-3e38F, 3e38F, 3e38F, -3e38F}},  // near overflow
      {"layer", {2, 2}, {1e-45F, 0, -1e-45F, 0}},         // denormal
      {"rms", {2, 3}, {0, 0, 0, 0, 0, 0}},
      {"instance", {1, 2, 300}},
  };
  for (const Case& one : cases) {
    const io::Array x = one.values.empty() ? some_array(one.shape) : array_of(one.values, one.shape);
    for (const Language language : {Language::en, Language::zh}) {
      const report::Document page = explanation_document(x, options_of(one.norm), language);
      check_page(page.html(), one.norm + " " + to_string(one.shape));
      check_page(page.svg(), one.norm + " " + to_string(one.shape) + " as SVG");
    }
  }
  ExplainOptions axes = options_of("");
  axes.norm.axes = {0};
  check_page(html_of(some_array({20}), axes), "one axis");
  axes.norm.axes = {1, 3};
  check_page(html_of(some_array({2, 3, 4, 5}), axes), "axes that play different parts");
}

TEST(ExplainHtml, SaysTheNumbersOfJson) {
  const io::Array x = some_array({3, 4, 16});
  ExplainOptions options = options_of("layer");
  options.all = true;
  const json numbers = explanation_numbers(x, options);
  const auto page = parse(html_of(x, options));
  const std::set<std::string> said = exact_numbers_of(*page);
  const auto expect_said = [&](const json& number) {
    EXPECT_TRUE(said.count(report::exact_number(number.get<double>()))) << number;
  };
  for (const json& row : numbers.at("moments")) {
    for (const char* key : {"count", "mean", "deviation", "min", "max"}) expect_said(row.at(key));
    EXPECT_NE(page->text.find(row.at("place").get<std::string>()), std::string::npos);
  }
  for (const char* kind : {"within", "across"}) {
    const json& seen = numbers.at("comparability").at("plain").at(kind).at("seen");
    for (const char* key : {"pairs", "kept_share", "reversed_share"}) expect_said(seen.at(key));
  }
  // Rounded numbers are those behind them, rounded.
  for (const Node* data : page->all("data")) {
    const double exact = std::stod(data->attribute("value"));
    std::string shown = data->text;
    std::erase(shown, ',');
    if (shown[0] == '<' || shown[0] == '>') continue;
    const std::size_t point = shown.find('.'), end = shown.find_last_of("0123456789") + 1;
    const double half_of_last_digit =
        point == std::string::npos ? 0.5 : 0.5 * std::pow(10, -static_cast<double>(end - point - 1));
    EXPECT_NEAR(std::stod(shown), shown.ends_with(" %") ? exact * 100 : exact, half_of_last_digit * 1.0001) << data->text;
  }
  const json& turned = numbers.at("vectors").at("plain").at("seen");
  EXPECT_NE(page->text.find(fmt::format("{:.3g}° on average, {:.3g}° at most", turned.at("mean_degrees").get<double>(),
                                        turned.at("max_degrees").get<double>())),
            std::string::npos);
}

/// The block's distribution and its hill have one colour, also where it is neither among the widest nor the narrowest.
TEST(ExplainHtml, TheMarkedDistributionHasAHill) {
  std::vector<float> values;
  for (int row = 0; row < 100; ++row) {
    // Row 0 has a middling width.
    for (int i = 0; i < 20; ++i) values.push_back(static_cast<float>((row == 0 ? 50.5 : row) * (i - 10)));
  }
  const std::string html = html_of(array_of(values, {100, 20}), options_of("layer"));
  EXPECT_EQ(count_in(html, "class=\"soft s0\""), 2) << "before and after";
}

TEST(ExplainHtml, WeightsHaveTheirOwnPictures) {
  const io::testing::TestFolder folder;
  io::write_tensor(folder / "w.npy", array_of({1, -1, 2}, {3}).view());
  const io::Array x = some_array({8, 3});
  ExplainOptions options = options_of("batch");
  const std::size_t pictures = parse(html_of(x, options))->all("svg").size();
  options.weight = folder / "w.npy";
  EXPECT_EQ(parse(html_of(x, options))->all("svg").size(), pictures + 2) << "hills and bars";
}

TEST(ExplainHtml, StaysSmall) {
  for (const auto& [norm, shape] : {std::pair<std::string, Dims>{"layer", {100'000, 12}}, {"batch", {8, 128, 1024}}}) {
    const io::Array x = some_array(shape);
    ExplainOptions options = options_of(norm);
    options.all = true;
    const std::string html = html_of(x, options);
    EXPECT_LT(html.size(), 300'000U) << norm;
    EXPECT_NE(html.find("a sample of"), std::string::npos);
  }
}

TEST(ExplainHtml, IsTheSameBytesEachTime) {
  const io::Array x = some_array({3, 4, 16});
  const report::Document once = explanation_document(x, options_of("layer"), Language::en),
                         again = explanation_document(x, options_of("layer"), Language::en);
  EXPECT_EQ(once.html(), again.html());
  EXPECT_EQ(once.svg(), again.svg());
  EXPECT_EQ(once.html(), once.html());
}

// A name that would be markup, in text, in attributes, in CSS, as emphasis, and that turns the direction of writing.
const std::string kHostile = "</title><script>alert(1)</script><img src=x onerror=\"alert('2')\">&{}*`]]>\xE2\x80\xAE\xFF\x01";

TEST(ExplainHtml, NamesOfFilesAreText) {
  ExplainOptions options = options_of("layer");
  options.inputs = {kHostile, "b"};
  const std::string html = html_of(some_array({2, 3}), options);
  check_page(html, "hostile name");
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_NE(parse(html)->text.find("<script>alert(1)</script>"), std::string::npos) << "it is shown as it is";
}

// ---------------------------------------------------------------------------------------------------------------- tour

TEST(TourHtml, IsWellFormedInBothLanguages) {
  for (const Language language : {Language::en, Language::zh}) {
    const report::Document page = tour_document(kData, {}, language);
    check_page(page.html(), "tour");
    check_page(page.svg(), "tour as SVG");
    EXPECT_LT(page.html().size(), 400'000U);
    const auto html = parse(page.html());
    EXPECT_EQ(html->all("html")[0]->attribute("lang"), language == Language::en ? "en" : "zh-Hans");
    EXPECT_EQ(html->all("h1").size(), 1U);
    EXPECT_EQ(html->all("h2").size(), 4U);
    EXPECT_EQ(html->all("nav").size(), 1U);
  }
  EXPECT_EQ(tour_document(kData, {}, Language::en).html(), tour_document(kData, {}, Language::en).html());
}

/// Of what one language says as headings, captions, titles and descriptions, the other says nothing: all is translated.
TEST(TourHtml, IsTranslatedWhole) {
  const auto english = parse(tour_document(kData, {}, Language::en).html()),
             chinese = parse(tour_document(kData, {}, Language::zh).html());
  const std::string sentences = read_file(kData + "/sentences.json");  // data, in Chinese on both pages
  for (const char* kind : {"h1", "h2", "h3", "p", "figcaption", "title", "desc", "summary", "th"}) {
    const auto first = english->all(kind), second = chinese->all(kind);
    ASSERT_EQ(first.size(), second.size()) << kind;
    for (std::size_t i = 0; i < first.size(); ++i) {
      static const std::regex kName("[A-Za-z, ]*Norm|[0-9–-]*");  // the names of norms, and numbers
      const std::string& said = first[i]->text;
      EXPECT_TRUE(said != second[i]->text || std::regex_match(said, kName) || sentences.find(said) != std::string::npos)
          << kind << ": " << said;
    }
  }
}

TEST(TourHtml, SaysTheNumbersOfJson) {
  const json numbers = tour_numbers(kData, {});
  const std::set<std::string> said = exact_numbers_of(*parse(tour_document(kData, {}, Language::en).html()));
  const auto expect_said = [&](const json& number) {
    EXPECT_TRUE(said.count(report::exact_number(number.get<double>()))) << number;
  };
  for (const json& region : numbers.at("incomes").at("regions")) {
    for (const json& country : region.at("countries")) expect_said(country.at("income")), expect_said(country.at("score"));
  }
  for (const json& split : numbers.at("incomes").at("groupings"))
    expect_said(split.at("china")), expect_said(split.at("india"));
  const json& wages = numbers.at("incomes").at("wages");
  for (const char* when : {"before", "after"}) {
    for (const char* key : {"median", "min", "max", "skewness"}) expect_said(wages.at(when).at(key));
  }
  for (const json& norm : numbers.at("images").at("norms")) {
    for (const auto& [kind, pairs] : norm.at("pairs").items()) expect_said(pairs.at("kept_share"));
    for (const auto& [photo, channels] : norm.at("means").items()) {
      for (const auto& [channel, mean] : channels.items()) expect_said(mean);
    }
  }
  for (const json& level : numbers.at("sentences").at("levels")) expect_said(level.at("word_cosine"));
  for (const json& sentence : numbers.at("sentences").at("batch").at("cosine_with_first_word")) {
    for (const char* key : {"before", "layer_norm_sentence", "batch_norm", "batch_norm_pads_counted"})
      expect_said(sentence.at(key));
  }
  for (const json& mates : numbers.at("sentences").at("batch").at("first_sentence_in_batch_of")) {
    expect_said(mates.at("batch_norm_first_feature"));
    expect_said(mates.at("layer_norm_first_feature"));
  }
}

/// A text with one part put in place of another, throughout.
std::string with(std::string text, const std::string& part, const std::string& instead) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + instead.size()))
    text.replace(at, part.size(), instead);
  return text;
}

TEST(TourHtml, NamesInTheDataAreText) {
  const io::testing::TestFolder folder;
  for (const auto& file : std::filesystem::directory_iterator(kData))
    std::filesystem::copy(file, folder / file.path().filename().string());
  const auto rewrite = [&](const std::string& name, const std::string& part, const std::string& instead) {
    const std::string text = read_file(folder / name);
    ASSERT_NE(text.find(part), std::string::npos) << part;
    std::ofstream(folder / name, std::ios::binary) << with(text, part, instead);
  };
  const std::string hostile = "<script>alert(1)</script>&'*`";
  rewrite("world-2014-worldbank.csv", "Mongolia", hostile);
  rewrite("world-2014-worldbank.csv", "Eastern Asia", "<b onclick=x>" + hostile);
  rewrite("sentences.json", "\xE7\xAF\xAE", hostile);  // 篮, in texts and tokens
  rewrite("sentences.json", "a dozen", hostile);
  for (const Language language : {Language::en, Language::zh}) {
    const report::Document page = tour_document(folder / "", {}, language);
    check_page(page.html(), "hostile names");
    check_page(page.svg(), "hostile names as SVG");
    EXPECT_EQ(page.html().find("<script"), std::string::npos);
    EXPECT_EQ(page.html().find("<b "), std::string::npos);
    EXPECT_NE(parse(page.html())->text.find(hostile), std::string::npos);
  }
}

// --------------------------------------------------------------------------------------------------------------- files

TEST(PageFiles, OneStandardOutputHoldsOneThing) {
  expect_refusal([] { check_outputs({.html = "-", .svg = "-", .png = {}}, false); }, {"[html]", "standard output"});
  expect_refusal([] { check_outputs({.html = "-", .svg = {}, .png = {}}, true); }, {"[html]", "standard output"});
  check_outputs({.html = "-", .svg = "x", .png = "y"}, false);
  check_outputs({.html = "x", .svg = {}, .png = {}}, true);
}

TEST(PageFiles, WritesWhatTheDocumentIs) {
  const io::testing::TestFolder folder;
  const report::Document page = explanation_document(some_array({2, 3}), options_of("layer"), Language::en);
  write_pages(page, {.html = folder / "a.html", .svg = folder / "a.svg", .png = {}});
  EXPECT_EQ(read_file(folder / "a.html"), page.html());
  EXPECT_EQ(read_file(folder / "a.svg"), page.svg());
}

TEST(PageFiles, PngNeedsItsProgram) {
  const std::string svg = explanation_document(some_array({2, 3}), options_of("layer"), Language::en).svg();
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  expect_refusal([&] { report::png_of(svg); }, {"[png]", "rsvg-convert", "--svg"});
  ::setenv("PATH", path.c_str(), 1);
  if (std::system("command -v rsvg-convert >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "rsvg-convert (librsvg2-bin) is not installed";
  const std::string png = report::png_of(svg);
  EXPECT_TRUE(png.starts_with("\x89PNG\r\n"));
  EXPECT_GT(png.size(), 20'000U);
  expect_refusal([] { report::png_of("<svg"); }, {"[png]", "failed"});
}

}  // namespace
}  // namespace norma::cli
