// SPDX-License-Identifier: Apache-2.0
// `norma fold`: what it makes of a state dict, against the library and against the two layers one after the other; which pairs it
// sees by itself, and which it refuses to guess.
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "cli_testing.hpp"
#include "element.hpp"
#include "io/safetensors.hpp"
#include "norma/fold.hpp"

namespace norma::cli {
namespace {

using namespace testing;
using io::Element;
using io::StoredSafetensors;
using io::StoredTensor;
using nlohmann::json;

constexpr std::int64_t kOut = 5, kIn = 7;

void add(StoredSafetensors& file, const std::string& name, Element element, const Dims& shape,
         const std::vector<double>& values) {
  const auto bytes = count_of(shape) * static_cast<std::int64_t>(io::size_of(element));
  StoredTensor& tensor =
      file.tensors.emplace(name, StoredTensor{element, shape, io::Array::make(name, DType::u8, {bytes})}).first->second;
  for (std::size_t i = 0; i < values.size(); ++i) set_value(tensor.mutable_view(), static_cast<std::int64_t>(i), values[i]);
}

/// Short binary fractions, so that sums and products of them are exact.
std::vector<double> quarters(const Dims& shape, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> values(static_cast<std::size_t>(count_of(shape)));
  for (double& v : values) v = (static_cast<int>(random() % 33) - 16) / 4.0;
  return values;
}

void add_weight(StoredSafetensors& file, const std::string& layer, const Dims& shape, Element element = Element::f32) {
  add(file, layer + ".weight", element, shape, quarters(shape, static_cast<unsigned>(file.tensors.size() + 1)));
}

/// Deviations are powers of two where eps is 0.25.
void add_batch_norm(StoredSafetensors& file, const std::string& name, std::int64_t channels, Element element = Element::f32) {
  std::vector<double> var;
  for (std::int64_t c = 0; c < channels; ++c)
    var.push_back(std::vector{0.75, 3.75, 0.0, 15.75}[static_cast<std::size_t>(c % 4)]);
  add(file, name + ".weight", element, {channels}, quarters({channels}, 11));
  add(file, name + ".bias", element, {channels}, quarters({channels}, 12));
  add(file, name + ".running_mean", element, {channels}, quarters({channels}, 13));
  add(file, name + ".running_var", element, {channels}, var);
  add(file, name + ".num_batches_tracked", Element::i64, {}, {});
}

/// (kOut, kIn) and a BatchNorm, which its channels show to stand behind it.
StoredSafetensors one_pair(Element element = Element::f32) {
  StoredSafetensors file;
  add_weight(file, "fc1", {kOut, kIn}, element);
  add_batch_norm(file, "bn1", kOut, element);
  return file;
}

std::vector<double> values_of(const ConstView& x) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < x.size(); ++i) values.push_back(value_at(x, i));
  return values;
}

std::string bytes_of(const StoredTensor& tensor) { return std::string(io::testing::text_of(tensor.bytes.bytes())); }

std::vector<std::string> names_of(const StoredSafetensors& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors) names.push_back(name);
  return names;
}

/// A file in a folder of its own, and what the command makes of it.
class Folding {
 public:
  explicit Folding(const StoredSafetensors& file) { io::write_safetensors(in(), file); }

  std::string in() const { return folder / "in.safetensors"; }
  std::string out() const { return folder / "out.safetensors"; }
  std::vector<std::string> words(const std::vector<std::string>& options) const {
    std::vector<std::string> words = {"fold", in(), "-o", out()};
    words.insert(words.end(), options.begin(), options.end());
    return words;
  }
  StoredSafetensors fold(const std::vector<std::string>& options = {}) const {
    succeed(folder, words(options));
    return io::read_stored_safetensors(out());
  }
  /// "layer=batch_norm by pair" for each.
  std::vector<std::string> pairs(std::vector<std::string> options = {}) const {
    options.emplace_back("--json");
    std::vector<std::string> pairs;
    const json said = json::parse(succeed(folder, words(options)).out);
    for (const json& p : said.at("folded")) {
      pairs.push_back(p.at("layer").get<std::string>() + "=" + p.at("batch_norm").get<std::string>() + " by " +
                      p.at("found_by").get<std::string>());
    }
    return pairs;
  }
  void refused(const std::vector<std::string>& options, const std::vector<std::string>& parts) const {
    write_file(out(), "old");
    expect_refused(folder, words(options), parts);
    EXPECT_EQ(read_file(out()), "old");
    EXPECT_EQ(folder.names(), (std::vector<std::string>{"in.safetensors", "out.safetensors", "stderr", "stdout"}));
  }

  TestFolder folder;
};

using Words = std::vector<std::string>;

TEST(CliFold, GivesTheLibrarysBitsInEveryDtype) {
  for (const Element element : {Element::f32, Element::f64, Element::f16, Element::bf16}) {
    for (const bool with_bias : {false, true}) {
      StoredSafetensors file = one_pair(element);
      if (with_bias) add(file, "fc1.bias", Element::f32, {kOut}, quarters({kOut}, 5));
      const StoredSafetensors folded = Folding(file).fold({"--eps", "0.3"});  // deviations that no dtype holds exactly
      ASSERT_EQ(names_of(folded), (Words{"fc1.bias", "fc1.weight"}));

      StoredSafetensors expected;
      add(expected, "fc1.bias", with_bias ? Element::f32 : element, {kOut}, {});
      const auto view = [&](const char* name) { return file.tensors.at(name).view(); };
      fold_batch_norm({view("bn1.weight"), view("bn1.bias"), view("bn1.running_mean"), view("bn1.running_var"), 0.3},
                      view("fc1.weight"), with_bias ? view("fc1.bias") : ConstView(),
                      file.tensors.at("fc1.weight").mutable_view(), expected.tensors.at("fc1.bias").mutable_view());
      EXPECT_EQ(bytes_of(folded.tensors.at("fc1.weight")), bytes_of(file.tensors.at("fc1.weight")));
      EXPECT_EQ(bytes_of(folded.tensors.at("fc1.bias")), bytes_of(expected.tensors.at("fc1.bias")));
      EXPECT_EQ(folded.tensors.at("fc1.weight").element, element);
      EXPECT_EQ(folded.tensors.at("fc1.bias").element, with_bias ? Element::f32 : element);
    }
  }
}

/// By hand, with values for which both ways are exact.
TEST(CliFold, OneLayerGivesWhatTheTwoGave) {
  StoredSafetensors file = one_pair();
  add(file, "fc1.bias", Element::f32, {kOut}, quarters({kOut}, 5));
  const StoredSafetensors folded = Folding(file).fold({"--eps", "0.25"});
  const std::vector<double> x = quarters({kIn}, 99);
  const auto linear = [&](const StoredSafetensors& from, std::size_t o) {
    const std::vector<double> weight = values_of(from.tensors.at("fc1.weight").view());
    double sum = values_of(from.tensors.at("fc1.bias").view())[o];
    for (std::size_t i = 0; i < kIn; ++i) sum += x[i] * weight[o * kIn + i];
    return sum;
  };
  const auto of_bn = [&](const char* name, std::size_t o) { return values_of(file.tensors.at(name).view())[o]; };
  for (std::size_t o = 0; o < kOut; ++o) {
    const double scale = of_bn("bn1.weight", o) / std::sqrt(of_bn("bn1.running_var", o) + 0.25);
    EXPECT_EQ(linear(folded, o), (linear(file, o) - of_bn("bn1.running_mean", o)) * scale + of_bn("bn1.bias", o)) << o;
  }
}

TEST(CliFold, AllElseStaysBitForBit) {
  StoredSafetensors file = one_pair();
  file.metadata = {{"format", "pt"}, {"epoch", "7"}};
  unsigned seed = 1;
  for (const Element element :
       {Element::boolean, Element::u8, Element::i8, Element::u16, Element::i16, Element::u32, Element::i32, Element::u64,
        Element::i64, Element::f16, Element::bf16, Element::f32, Element::f64}) {
    const std::string name = "other" + std::to_string(seed);
    add(file, name, element, {3, 2}, {});
    std::mt19937_64 random(seed++);
    for (std::byte& byte : file.tensors.at(name).bytes.bytes()) byte = static_cast<std::byte>(random());
  }
  add(file, "empty", Element::i64, {0, 4}, {});
  const Folding folding(file);
  const StoredSafetensors folded = folding.fold();
  EXPECT_EQ(folded.metadata, file.metadata);
  EXPECT_EQ(folded.tensors.size(), file.tensors.size() - 5 + 1);  // without bn1, with fc1.bias
  for (const auto& [name, tensor] : folded.tensors) {
    if (name.starts_with("fc1")) continue;
    EXPECT_EQ(tensor.element, file.tensors.at(name).element) << name;
    EXPECT_EQ(tensor.shape, file.tensors.at(name).shape) << name;
    EXPECT_EQ(bytes_of(tensor), bytes_of(file.tensors.at(name))) << name;
  }
  // From a pipe, and onto the file itself.
  const std::string expected = read_file(folding.out());
  succeed(folding.folder, {"fold", "-", "-o", folding.out()}, folding.in());
  EXPECT_EQ(read_file(folding.out()), expected);
  succeed(folding.folder, {"fold", folding.in(), "-o", folding.in()});
  EXPECT_EQ(read_file(folding.in()), expected);
}

TEST(CliFold, FindsPairsByPlaceAndName) {
  StoredSafetensors file;
  add_weight(file, "features.0", {8, 3, 3, 3});
  add_batch_norm(file, "features.1", 8);
  add_weight(file, "features.9", {8, 8, 3, 3});  // square, but in a sequence
  add_batch_norm(file, "features.10", 8);
  add_weight(file, "block.conv1", {8, 4, 3, 3});
  add_weight(file, "block.fc1", {10, 4});  // not of bn1's channels
  add_batch_norm(file, "block.bn1", 8);
  add_weight(file, "conv", {7, 2});
  add_batch_norm(file, "bn", 7);
  for (const char* part : {"conv.a", "conv.b", "conv.c"}) add_weight(file, part, {7, 7});  // before "conv" in the file
  add_weight(file, "head.conv_a", {6, 4, 3});
  add_batch_norm(file, "head.bn_a", 6);
  add_weight(file, "head.linear2", {6, 5});
  add_batch_norm(file, "head.linear2_bn", 6);
  EXPECT_EQ(Folding(file).pairs(), (Words{"block.conv1=block.bn1 by name", "conv=bn by name",
                                          "features.0=features.1 by sequence", "features.9=features.10 by sequence",
                                          "head.conv_a=head.bn_a by name", "head.linear2=head.linear2_bn by name"}));
}

/// conv1, bn1 are the names also of networks in which bn1 goes first: channels have to tell.
TEST(CliFold, NamesAloneAreNoProofOfTheOrder) {
  // Blocks of two stages; the second one widens, and its BatchNorm has so many channels.
  const auto network = [](std::int64_t second) {
    StoredSafetensors file;
    add_weight(file, "conv1", {8, 3, 7, 7});
    add_batch_norm(file, "bn1", 8);
    add_weight(file, "layer1.0.conv1", {8, 8, 3, 3});
    add_batch_norm(file, "layer1.0.bn1", 8);
    add_weight(file, "layer2.0.conv1", {16, 8, 3, 3});
    if (second != 0) add_batch_norm(file, "layer2.0.bn1", second);
    return file;
  };
  EXPECT_EQ(Folding(network(16)).pairs(),
            (Words{"conv1=bn1 by name", "layer1.0.conv1=layer1.0.bn1 by name", "layer2.0.conv1=layer2.0.bn1 by name"}));
  // The first pair is of another kind, and shows nothing of the blocks.
  const Folding square(network(0));
  square.refused({}, {"'layer1.0.bn1' may stand before 'layer1.0.conv1' as well as behind it", "--pair LAYER=BATCHNORM"});
  EXPECT_EQ(square.pairs({"--pair", "layer1.0.conv1=layer1.0.bn1"}),
            (Words{"layer1.0.conv1=layer1.0.bn1 by pair", "conv1=bn1 by name"}));
  // BatchNorm first: the block that widens contradicts, also where it is kept.
  const Folding before(network(8));
  before.refused({}, {"'layer2.0.bn1' has 8 channels, but 'layer2.0.conv1'", "16 outputs"});
  before.refused({"--keep", "layer2.0.bn1"}, {"'layer1.0.bn1' may stand before"});
  StoredSafetensors mixed = network(8);  // what one block shows, another one contradicts
  add_weight(mixed, "layer3.0.conv1", {32, 16, 3, 3});
  add_batch_norm(mixed, "layer3.0.bn1", 32);
  Folding(mixed).refused({"--keep", "layer2.0.bn1"}, {"'layer1.0.bn1' may stand before"});

  StoredSafetensors depthwise;
  add_weight(depthwise, "conv1", {8, 1, 3, 3});
  add_batch_norm(depthwise, "bn1", 8);
  Folding(depthwise).refused({}, {"'bn1' may stand before 'conv1'"});
}

TEST(CliFold, TakesPairsWithStarsAndKeepsOthers) {
  StoredSafetensors file;
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add_weight(file, std::string(block) + "conv_dw", {8, 1, 3, 3});
    add_batch_norm(file, std::string(block) + "norm", 8);
    add_weight(file, std::string(block) + "up", {4, 8, 2, 2});  // transposed: 4 in, 8 out
    add_batch_norm(file, std::string(block) + "norm_up", 8);
  }
  add_batch_norm(file, "first", 3);
  const Folding folding(file);
  folding.refused({}, {"'blocks.0.norm' of 8 channels, which 'blocks.0.conv_dw' has beside it", "and 1 more", "--keep"});
  const Words given = {"--pair",       "blocks.*.conv_dw=blocks.*.norm",
                       "--pair",       "*.up=*.norm_up",
                       "--transposed", "*.up",
                       "--keep",       "first",
                       "--eps",        "0.25",
                       "--eps",        "*.1.norm=3.25"};
  EXPECT_EQ(folding.pairs(given), (Words{"blocks.0.conv_dw=blocks.0.norm by pair", "blocks.1.conv_dw=blocks.1.norm by pair",
                                         "blocks.0.up=blocks.0.norm_up by pair", "blocks.1.up=blocks.1.norm_up by pair"}));
  const StoredSafetensors folded = folding.fold(given);
  EXPECT_EQ(bytes_of(folded.tensors.at("first.running_var")), bytes_of(file.tensors.at("first.running_var")));
  EXPECT_FALSE(folded.tensors.contains("blocks.0.norm.num_batches_tracked"));

  const auto of = [](const StoredSafetensors& from, const std::string& name, std::size_t i) {
    return values_of(from.tensors.at(name).view())[i];
  };
  for (const auto& [block, eps] : {std::pair{"blocks.0.", 0.25}, std::pair{"blocks.1.", 3.25}}) {
    const std::string dw = std::string(block) + "conv_dw.weight", up = std::string(block) + "up.weight";
    for (std::size_t c = 0; c < 8; ++c) {
      const double scale = of(file, std::string(block) + "norm.weight", c) /
                           std::sqrt(of(file, std::string(block) + "norm.running_var", c) + eps);
      EXPECT_EQ(of(folded, dw, c * 9), static_cast<double>(static_cast<float>(of(file, dw, c * 9) * scale)));
      const double scale_up = of(file, std::string(block) + "norm_up.weight", c) /
                              std::sqrt(of(file, std::string(block) + "norm_up.running_var", c) + 0.25);
      EXPECT_EQ(of(folded, up, (3 * 8 + c) * 4), of(file, up, (3 * 8 + c) * 4) * scale_up) << "input 3, output " << c;
    }
  }
}

TEST(CliFold, SaysWhatItDid) {
  StoredSafetensors file = one_pair(Element::f64);
  add_batch_norm(file, "input", 3);
  const Folding folding(file);
  const std::string out = succeed(folding.folder, folding.words({"--keep", "input"})).out;
  for (const char* part :
       {"'fc1'", "'bn1'", "(5, 7)", "f64", "added", "1e-05", "name", "'input'", "kept", "1 folded, 1 kept", "out.safetensors"})
    EXPECT_NE(out.find(part), std::string::npos) << part << " in: " << out;
  const json said = json::parse(succeed(folding.folder, folding.words({"--keep", "in*", "--json", "--eps", "bn1=0.5"})).out);
  EXPECT_EQ(said, json::parse(R"({"output": ")" + folding.out() +
                              R"(", "kept": ["input"], "folded": [{"layer": "fc1", "batch_norm": "bn1",
    "weight_shape": [5, 7], "channel_axis": 0, "dtype": "f64", "bias": "added", "eps": 0.5, "found_by": "name"}]})"));
}

TEST(CliFold, RefusesAndLeavesTheOldFile) {
  StoredSafetensors file = one_pair();
  add_weight(file, "fc2", {kIn, kOut});
  add_batch_norm(file, "bn3", kOut);
  const Folding folding(file);
  folding.refused({}, {"'bn3' of 5 channels, which 'fc1' has beside it"});
  folding.refused({"--pair", "fc1=bn3"}, {"'fc1' would go before both 'bn3' and 'bn1'"});
  folding.refused({"--pair", "fc2=bn3"}, {"--pair: 'bn3' has 5 channels, but 'fc2'", "(7, 5)", "7 outputs", "transposed"});
  folding.refused({"--pair", "fc1=bn1", "--pair", "fc2=bn1"}, {"'bn1' has 5 channels, but 'fc2'"});
  folding.refused({"--pair", "fc1=bn1", "--pair", "fc1=bn1"}, {"--pair gives 'bn1' two layers"});
  folding.refused({"--pair", "fc9=bn3"}, {"'fc9' has no weight", "'fc1', 'fc2'"});
  folding.refused({"--pair", "fc1=bn9"}, {"'fc1=bn9' names no BatchNorm", "'bn1', 'bn3'"});
  folding.refused({"--pair", "fc1"}, {"'fc1' is no LAYER=BATCHNORM"});
  folding.refused({"--pair", "fc*=bn1"}, {"* on one side alone"});
  folding.refused({"--keep", "bn9"}, {"--keep 'bn9' is no BatchNorm", "'bn1', 'bn3'"});
  folding.refused({"--keep", "*"}, {"--keep leaves no BatchNorm"});
  folding.refused({"--keep", "bn3", "--transposed", "bn1"}, {"--transposed 'bn1' is no layer", "'fc1', 'fc2'"});
  folding.refused({"--keep", "bn3", "--transposed", "fc1"}, {"'bn1' has 5 channels", "7 outputs as --transposed says"});
  folding.refused({"--keep", "bn3", "--eps", "-1"}, {"--eps '-1'"});
  folding.refused({"--keep", "bn3", "--eps", "bn1=x"}, {"--eps 'bn1=x'"});
  folding.refused({"--keep", "bn3", "--eps", "bn3=1"}, {"--eps 'bn3' is for no BatchNorm that is folded"});
  expect_refused(folding.folder, {"fold", folding.in(), "-o", "-"}, {"-o", "table"});
  expect_refused(folding.folder, {"fold", folding.in(), "-o", folding.folder / "x.npz"}, {".safetensors", "x.npz"});
  expect_refused(folding.folder, {"fold", folding.folder / "none", "-o", folding.out()}, {"none"});

  StoredSafetensors two = one_pair();
  add_weight(two, "conv1", {kOut, 2, 3});
  Folding(two).refused({}, {"'bn1' may go behind conv1 or fc1"});
  StoredSafetensors none;
  add_weight(none, "fc1", {2, 2});
  Folding(none).refused({}, {"holds no BatchNorm"});
  StoredSafetensors half = one_pair();
  half.tensors.erase("bn1.running_var");
  Folding(half).refused({}, {"'bn1.running_mean' without 'bn1.running_var'"});
  StoredSafetensors whole = one_pair();
  whole.tensors.at("fc1.weight").element = Element::i32;
  Folding(whole).refused({}, {"'fc1.weight' is of dtype I32", "folding 'bn1' into 'fc1'"});
  StoredSafetensors wrong = one_pair();
  wrong.tensors.erase("bn1.bias");
  add(wrong, "bn1.bias", Element::f32, {2}, {});
  Folding(wrong).refused({}, {"bias has the shape (2,)", "folding 'bn1' into 'fc1'"});
  // A weight of 4 and a deviation of 2^-20 are 2^22 in f16.
  StoredSafetensors large = one_pair(Element::f16);
  set_value(large.tensors.at("bn1.running_var").mutable_view(), 0, 0);
  set_value(large.tensors.at("bn1.weight").mutable_view(), 0, 4);
  Folding(large).refused({"--eps", "9.094947017729282e-13"}, {"too large for f16", "convert"});
}

}  // namespace
}  // namespace norma::cli
