// SPDX-License-Identifier: Apache-2.0
// The bits that are kept, on every instruction set of this machine and on several threads. ./run golden looks further: other
// compilers and other machines.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "cells.hpp"
#include "norma/norma.hpp"

namespace norma::golden {
namespace {

/// A line is `name: hash hash …`.
std::pair<std::string, std::string> halves(const std::string& line) {
  const std::size_t colon = line.find(':');
  return {line.substr(0, colon), line.substr(std::min(colon, line.size()))};
}

std::map<std::string, std::string> kept(const std::string& part) {
  std::ifstream file(std::string(NORMA_GOLDEN_DIR) + "/" + part + ".txt");
  std::map<std::string, std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("#")) lines.insert(halves(line));
  }
  return lines;
}

class Golden : public ::testing::TestWithParam<Part> {
 protected:
  void TearDown() override {
    set_target(target_);
    set_num_threads(threads_);
  }
  std::string target_ = target();
  int threads_ = num_threads();
};

TEST_P(Golden, OnEveryTargetAndOnThreads) {
  const std::map<std::string, std::string> expected = kept(GetParam().name);
  ASSERT_GT(expected.size(), 40U) << "tests/golden/" << GetParam().name << ".txt is not there; ./run golden --keep writes it";
  int threads = 1;
  for (const std::string& name : targets()) {
    set_target(name);
    set_num_threads(threads);
    std::size_t lines = 0, wrong = 0;
    GetParam().run(Sink([&](const std::string& line) {
      ++lines;
      const auto [cell, hashes] = halves(line);
      const auto entry = expected.find(cell);
      if (entry != expected.end() && entry->second == hashes) return;
      if (++wrong > 5) return;  // a few are enough to look at
      ADD_FAILURE() << name << " on " << threads << " threads: " << line << "\n  kept"
                    << (entry == expected.end() ? ": nothing of this name" : entry->second);
    }));
    EXPECT_EQ(lines, expected.size()) << "a cell went; ./run golden --keep";
    EXPECT_EQ(wrong, 0U) << name << ": " << wrong << " of " << lines << " cells have other bits";
    threads = threads == 1 ? 3 : 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Golden, ::testing::ValuesIn(kParts), [](const auto& part) { return std::string(part.param.name); });

/// No contract covers the bits of a NaN, and none may be kept.
TEST(GoldenFiles, HoldNoNaN) {
  for (const Part& part : kParts) {
    for (const auto& [name, hashes] : kept(part.name)) {
      EXPECT_EQ(hashes.find("NaN"), std::string::npos) << name;
      EXPECT_EQ(hashes.find("differs"), std::string::npos) << name;
    }
  }
}

}  // namespace
}  // namespace norma::golden
