// SPDX-License-Identifier: Apache-2.0
// `norma apply` and what all commands share: against the library, through files and pipes, and what they refuse.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli_testing.hpp"
#include "io/layer_state.hpp"
#include "io/tensor_file.hpp"
#include "norma/layers.hpp"
#include "norma/version.hpp"

namespace norma::cli {
namespace {

using namespace testing;
using nlohmann::json;

const std::string kPhotos = sample("photos.npy"), kSentences = sample("sentences.safetensors");

/// The photographs as the command reads them: u8 as f32.
io::Array photos() { return io::read_tensor(kPhotos); }

std::string bytes_of(const io::Array& array) { return std::string(io::testing::text_of(array.bytes())); }

std::string normalized(const Grouping& grouping, const Options& options = {}) {
  io::Array x = photos();
  normalize(x.view(), x.mutable_view(), grouping, options);
  return bytes_of(x);
}

TEST(Apply, GivesTheLibrarysBits) {
  TestFolder folder;
  struct Case {
    std::vector<std::string> options;
    Grouping grouping;
    Options with = {};
  };
  const Case cases[] = {
      {{"--norm", "batch", "--layout", "NHWC"}, Grouping::batch(-1)},
      {{"--norm", "batch", "--layout", "NHWC", "--ghost", "2"}, Grouping::ghost_batch(2, -1)},
      {{"--norm", "sample"}, Grouping::sample()},
      {{"--norm", "layer", "--layout", "NHWC"}, Grouping::sample()},
      {{"--norm", "instance", "--layout", "NHWC"}, Grouping::instance(-1)},
      {{"--norm", "group", "--groups", "3", "--layout", "NHWC", "--eps", "0.5"}, Grouping::group(3, -1), {.eps = 0.5}},
      {{"--axes", "1,-2"}, Grouping::over({1, 2})},
      {{"--norm", "rms", "--axes", "-1"}, Grouping::over({3}), {.eps = 0x1p-23, .centered = false}},
  };
  for (const Case& c : cases) {
    std::vector<std::string> arguments = {"apply", kPhotos, "-o", folder / "y.npy"};
    arguments.insert(arguments.end(), c.options.begin(), c.options.end());
    succeed(folder, arguments);
    EXPECT_EQ(bytes_of(io::read_tensor(folder / "y.npy")), normalized(c.grouping, c.with)) << c.options[1];
  }
}

TEST(Apply, FilesAndPipesHoldTheSame) {
  TestFolder folder;
  const std::vector<std::string> norm = {"--norm", "batch", "--layout", "NHWC"};
  const auto apply = [&](std::vector<std::string> arguments, const std::string& in = "/dev/null") {
    arguments.insert(arguments.begin(), "apply");
    arguments.insert(arguments.end(), norm.begin(), norm.end());
    return succeed(folder, arguments, in).out;
  };
  const std::string expected = normalized(Grouping::batch(-1));
  for (const char* name : {"y.npy", "y.npz", "y.safetensors"}) {
    apply({kPhotos, "-o", folder / name});
    EXPECT_EQ(bytes_of(io::read_tensor(folder / name)), expected) << name;
  }
  apply({kPhotos, "-o", folder / "n.npz", "--name", "photos"});
  EXPECT_EQ(io::read_tensor(folder / "n.npz").name(), "photos");
  write_file(folder / "piped.npy", apply({"-", "-o", "-"}, kPhotos));
  EXPECT_EQ(bytes_of(io::read_tensor(folder / "piped.npy")), expected);
  // Its own output: the input is read before the file is replaced.
  std::filesystem::copy_file(kPhotos, folder / "same.npy");
  apply({folder / "same.npy", "-o", folder / "same.npy"});
  EXPECT_EQ(bytes_of(io::read_tensor(folder / "same.npy")), expected);
}

TEST(Apply, DtypesWeightsAndNames) {
  TestFolder folder;
  const std::string one = kSentences + ":sentence0.layer2";
  for (const char* dtype : {"f32", "f64", "f16", "bf16"}) {
    succeed(folder, {"apply", one, "-o", folder / "y.safetensors", "--axes", "-1", "--dtype", dtype});
    EXPECT_STREQ(name_of(io::read_tensor(folder / "y.safetensors").dtype()), dtype);
  }
  io::Array x = io::read_tensor(kSentences, {.name = "sentence0.layer2"});
  const std::int64_t width = x.shape()[1];
  std::vector<float> weight(static_cast<std::size_t>(width), 0.5F), bias(weight.size(), 0.25F);
  io::write_tensor(folder / "w.npy", view(weight.data(), {width}));
  io::write_tensor(folder / "b.npy", view(bias.data(), {width}));
  succeed(folder, {"apply", one, "-o", folder / "y.npy", "--norm", "layer", "--layout", "ND", "--weight", folder / "w.npy",
                   "--bias", folder / "b.npy", "--weight-plus-one"});
  normalize(x.view(), x.mutable_view(), Grouping::over({-1}),
            {.weight = view(weight.data(), {width}), .bias = view(bias.data(), {width}), .weight_plus_one = true});
  EXPECT_EQ(bytes_of(io::read_tensor(folder / "y.npy")), bytes_of(x));
  expect_refused(folder, {"apply", kSentences, "-o", folder / "z.npy", "--axes", "-1"}, {"sentence0.layer2"});
}

TEST(Apply, LengthsAndMasksLeaveOut) {
  TestFolder folder;
  std::vector<float> x(2 * 4 * 3);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * i);
  io::write_tensor(folder / "x.npy", view(x.data(), {2, 4, 3}));
  const std::vector<std::int64_t> lengths = {4, 2};
  std::vector<float> y(x.size());
  normalize(view(x.data(), {2, 4, 3}), view(y.data(), {2, 4, 3}), Grouping::sample().with_lengths(lengths));
  succeed(folder, {"apply", folder / "x.npy", "-o", folder / "y.npy", "--norm", "sample", "--lengths", "4,2"});
  EXPECT_EQ(io::testing::values_of(io::read_tensor(folder / "y.npy").view()), std::vector<double>(y.begin(), y.end()));

  const std::vector<std::uint8_t> mask = {1, 1, 1, 1, 1, 1, 0, 0};
  io::write_tensor(folder / "mask.npy", view(mask.data(), {2, 4, 1}));
  succeed(folder, {"apply", folder / "x.npy", "-o", folder / "y2.npy", "--norm", "sample", "--mask", folder / "mask.npy"});
  EXPECT_EQ(read_file(folder / "y.npy"), read_file(folder / "y2.npy"));
}

/// Training through the command is training the layer; inference uses what was kept.
TEST(Apply, StateIsTheLayers) {
  TestFolder folder;
  BatchNorm layer(3, {.channel_axis = -1});
  const std::string state = folder / "bn.safetensors";
  for (int batch = 0; batch < 2; ++batch) {
    succeed(folder, {"apply", kPhotos, "-o", folder / "y.npy", "--norm", "batch", "--layout", "NHWC", "--state", state});
    io::Array x = photos();
    layer.forward(x.view(), x.mutable_view());
    EXPECT_EQ(bytes_of(io::read_tensor(folder / "y.npy")), bytes_of(x));
  }
  BatchNorm kept(3, {.channel_axis = -1});
  io::load_state(state, kept);
  EXPECT_EQ(kept.running_mean, layer.running_mean);
  EXPECT_EQ(kept.running_var, layer.running_var);
  EXPECT_EQ(kept.num_batches_tracked, 2);

  const std::string before = read_file(state);
  succeed(folder, {"apply", kPhotos, "-o", folder / "y.npy", "--norm", "batch", "--layout", "NHWC", "--state", state, "--eval"});
  io::Array x = photos();
  layer.eval();
  layer.forward(x.view(), x.mutable_view());
  EXPECT_EQ(bytes_of(io::read_tensor(folder / "y.npy")), bytes_of(x));
  EXPECT_EQ(read_file(state), before) << "inference changes nothing";

  const auto refused = [&](std::vector<std::string> options, const std::vector<std::string>& parts) {
    options.insert(options.begin(), {"apply", kPhotos, "-o", folder / "no.npy", "--layout", "NHWC"});
    expect_refused(folder, options, parts);
    EXPECT_FALSE(std::filesystem::exists(folder / "no.npy"));
    EXPECT_EQ(read_file(state), before);
  };
  refused({"--norm", "batch", "--state", folder / "missing.safetensors", "--eval"}, {"missing.safetensors", "train first"});
  refused({"--norm", "instance", "--state", state}, {"--norm batch"});
  refused({"--norm", "batch", "--eval"}, {"--state"});
  refused({"--norm", "batch", "--momentum", "0.5"}, {"--state"});
  refused({"--norm", "batch", "--state", state, "--momentum", "2"}, {"momentum", "2"});
  refused({"--norm", "batch", "--state", "-"}, {"pipe"});
  BatchNorm wide(5);
  io::save_state(folder / "wide.safetensors", wide);
  refused({"--norm", "batch", "--state", folder / "wide.safetensors"}, {"(5,)", "wide.safetensors"});
  // The weights of a first training run.
  const std::vector<float> two = {2, 2};
  io::write_tensor(folder / "two.npy", view(two.data(), {2}));
  refused({"--norm", "batch", "--state", state, "--weight", folder / "two.npy"}, {"--weight has 2 values", "3"});
}

TEST(Apply, WhatCannotBeDoneLeavesTheOldFile) {
  TestFolder folder;
  write_file(folder / "y.npy", "old");
  write_file(folder / "text.npy", "no tensor at all");
  const auto refused = [&](std::vector<std::string> arguments, const std::vector<std::string>& parts) {
    arguments.insert(arguments.begin(), "apply");
    arguments.insert(arguments.end(), {"-o", folder / "y.npy"});
    expect_refused(folder, arguments, parts);
    EXPECT_EQ(read_file(folder / "y.npy"), "old");
  };
  refused({folder / "none.npy", "--norm", "batch"}, {"none.npy"});
  refused({folder / "text.npy", "--norm", "batch"}, {"text.npy"});
  refused({kPhotos, "--norm", "bach"}, {"bach", "batch"});
  refused({kPhotos}, {"--norm", "--axes"});
  refused({kPhotos, "--norm", "batch", "--layout", "NHW"}, {"NHW"});
  refused({kPhotos, "--norm", "group", "--groups", "2", "--layout", "NHWC"}, {"2", "3 channels"});
  refused({kPhotos, "--norm", "batch", "--eps", "-1"}, {"eps", "-1"});
  refused({kPhotos, "--norm", "batch", "--eps", "x"}, {"eps", "x"});
  refused({kPhotos, "--norm", "sample", "--lengths", "1,2"}, {"lengths"});
  refused({kPhotos, "--axes", "7"}, {"7"});
  expect_refused(folder, {"apply", kPhotos, "-o", folder / "y.txt", "--norm", "batch"}, {"y.txt", ".npy"});
  expect_refused(folder, {"apply", kPhotos, "-o", folder / "no/y.npy", "--norm", "batch"}, {"no/y.npy"});
  expect_refused(folder, {"frobnicate"}, {"'frobnicate'", "standardize"});
  expect_refused(folder, {}, {"--help"});
}

TEST(Command, AFullDiskIsAnError) {
  TestFolder folder;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"apply", kPhotos, "-o", "-", "--norm", "sample"},
        {"standardize", sample("incomes-2015-gapminder.csv"), "--value", "income"},
        {"tour", "incomes", "--lang", "en"},
        {"explain", kPhotos, "--norm", "sample", "--json"}}) {
    const Ended ended = run(folder, arguments, "/dev/null", "/dev/full");
    EXPECT_EQ(ended.status, 2) << arguments[0];
    EXPECT_EQ(ended.err.rfind("norma: ", 0), 0U) << ended.err;
  }
}

/// Ctrl-C while the command waits for the rest of its input.
TEST(Command, AnInterruptLeavesTheOldFileAndNothingElse) {
  TestFolder folder;
  write_file(folder / "z.csv", "old");
  io::testing::NamedPipe pipe(folder / "pipe", "v,k\n1,a\n2,a\n", true);
  Process process(folder, {"standardize", pipe.path(), "--value", "v", "--by", "k", "-o", folder / "z.csv"});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_EQ(::kill(process.pid(), SIGINT), 0);
  EXPECT_EQ(process.wait().status, -SIGINT);
  EXPECT_EQ(read_file(folder / "z.csv"), "old");
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"pipe", "stderr", "stdout", "z.csv"}));
}

TEST(Command, SpeaksToMachines) {
  TestFolder folder;
  const json info = json::parse(succeed(folder, {"info", "--json"}).out);
  EXPECT_GE(info.at("targets").size(), 1U);
  const json tour = json::parse(succeed(folder, {"tour", "--json"}).out);
  EXPECT_TRUE(tour.contains("incomes") && tour.contains("images") && tour.contains("sentences")) << tour.dump().substr(0, 300);
  const json explained = json::parse(succeed(folder, {"explain", kPhotos, "--norm", "batch", "--layout", "NHWC", "--json"}).out);
  EXPECT_EQ(explained.dump().find("null"), std::string::npos);
  EXPECT_EQ(succeed(folder, {"--version"}).out, "norma " NORMA_VERSION "\n");
}

TEST(Command, SpeaksBothLanguages) {
  TestFolder folder;
  const std::string english = succeed(folder, {"tour", "--lang", "en"}).out, chinese = succeed(folder, {"tour", "--lang", "zh"}).out;
  EXPECT_NE(english.find("one distribution"), std::string::npos);
  EXPECT_NE(chinese.find("分布"), std::string::npos);
  EXPECT_EQ(english.find('\x1b'), std::string::npos) << "no colour where there is no terminal";
  expect_refused(folder, {"tour", "--lang", "fr"}, {"fr", "en", "zh"});
}

}  // namespace
}  // namespace norma::cli
