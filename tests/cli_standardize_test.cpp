// SPDX-License-Identifier: Apache-2.0
// `norma standardize`: against the library, and as the files that people have.
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "cli_testing.hpp"
#include "io/csv.hpp"
#include "norma/normalize.hpp"

namespace norma::cli {
namespace {

using namespace testing;

using Table = std::vector<std::vector<std::string>>;

Table read_table(const std::string& path) {
  io::CsvTable table(path);
  Table rows{table.columns()};
  table.for_each_row([&](const io::CsvRow& row) { rows.emplace_back(row.fields.begin(), row.fields.end()); });
  return rows;
}

std::vector<double> column(const Table& table, std::size_t at) {
  std::vector<double> values;
  for (std::size_t i = 1; i < table.size(); ++i) values.push_back(std::stod(table[i][at]));
  return values;
}

/// Keys by their order of first appearance.
std::vector<std::int64_t> keys_of(const Table& table, std::size_t at) {
  std::map<std::string, std::int64_t> seen;
  std::vector<std::int64_t> keys;
  for (std::size_t i = 1; i < table.size(); ++i) {
    keys.push_back(seen.try_emplace(table[i][at], static_cast<std::int64_t>(seen.size())).first->second);
  }
  return keys;
}

const std::string kIncomes = sample("incomes-2015-gapminder.csv");
constexpr std::size_t kIncome = 1, kHealth = 2, kRegion = 4;

TEST(Standardize, GivesTheLibrarysBits) {
  TestFolder folder;
  succeed(folder, {"standardize", kIncomes, "--value", "income,health", "--by", "region", "-o", folder / "z.csv"});
  const Table before = read_table(kIncomes), after = read_table(folder / "z.csv");
  ASSERT_EQ(before.size(), after.size());
  const std::vector<std::int64_t> keys = keys_of(before, kRegion);
  for (const std::size_t at : {kIncome, kHealth}) {
    std::vector<double> x = column(before, at), z(x.size());
    const Dims shape{static_cast<std::int64_t>(x.size())};
    normalize(view(x.data(), shape), view(z.data(), shape), Grouping::labels(keys), {.eps = 0});
    EXPECT_EQ(column(after, at), z);
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{3}, kRegion}) EXPECT_EQ(before[i][at], after[i][at]);
  }
}

TEST(Standardize, InverseBringsTheValuesBack) {
  TestFolder folder;
  for (const std::string ddof : {"0", "1"}) {
    succeed(folder, {"standardize", kIncomes, "--value", "income,health", "--by", "region", "--ddof", ddof, "--save",
                     folder / "s.csv", "-o", folder / "z.csv"});
    succeed(folder, {"standardize", folder / "z.csv", "--inverse", "--stats", folder / "s.csv", "--value", "health,income", "--by",
                     "region", "-o", folder / "back.csv"});
    const Table before = read_table(kIncomes), after = read_table(folder / "back.csv");
    const std::vector<std::int64_t> keys = keys_of(before, kRegion);
    for (const std::size_t at : {kIncome, kHealth}) {
      const std::vector<double> x = column(before, at), back = column(after, at);
      for (std::size_t i = 0; i < x.size(); ++i) {
        // Half an ulp for each of five roundings, of numbers that are no larger than the distance from the mean, or the mean.
        double largest = 0;
        for (std::size_t j = 0; j < x.size(); ++j) {
          if (keys[j] == keys[i]) largest = std::max(largest, std::abs(x[j]));
        }
        EXPECT_NEAR(x[i], back[i], 5 * 0x1p-53 * 2 * largest) << ddof;
      }
    }
  }
}

TEST(Standardize, DdofIsTheDivisor) {
  TestFolder folder;
  write_file(folder / "t.csv", "v,k\n1,a\n3,a\n8,b\n");
  const double root = std::sqrt(2.0);
  succeed(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "k", "-o", folder / "z.csv"});
  EXPECT_EQ(column(read_table(folder / "z.csv"), 0), (std::vector<double>{-1, 1, 0}));
  const Ended ended =
      succeed(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "k", "--ddof", "1", "-o", folder / "z.csv"});
  EXPECT_EQ(column(read_table(folder / "z.csv"), 0), (std::vector<double>{-1 / root, 1 / root, 0}));
  EXPECT_NE(ended.err.find("'v': 1 of 2 keys hold one value"), std::string::npos) << ended.err;
}

TEST(Standardize, SavedStatisticsScoreOtherRows) {
  TestFolder folder;
  write_file(folder / "old.csv", "v,k\n1,a\n3,a\n10,b\n30,b\n");
  write_file(folder / "new.csv", "k,v\nb,40\na,2\n");
  succeed(folder, {"standardize", folder / "old.csv", "--value", "v", "--by", "k", "--save", folder / "s.csv"});
  const Ended ended =
      succeed(folder, {"standardize", folder / "new.csv", "--value", "v", "--by", "k", "--stats", folder / "s.csv"});
  EXPECT_EQ(ended.out, "k,v\nb,2\na,0\n");
  write_file(folder / "new.csv", "k,v\nb,40\nc,2\n");
  expect_refused(folder, {"standardize", folder / "new.csv", "--value", "v", "--by", "k", "--stats", folder / "s.csv", "-o",
                          folder / "z.csv"},
                 {"new.csv", "row 3", "no statistics of 'v'"});
  EXPECT_FALSE(std::filesystem::exists(folder / "z.csv"));
}

TEST(Standardize, MissingValuesStayAndAreCounted) {
  TestFolder folder;
  write_file(folder / "t.csv", "v,k,w\n1,a,x\n,a,\n 3 ,a,\nNA,a,y\n");
  const Ended ended = succeed(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "k", "--missing", "NA"});
  EXPECT_EQ(ended.out, "v,k,w\n-1,a,x\n,a,\n1,a,\nNA,a,y\n");
  EXPECT_EQ(ended.err, "norma: 'v': 2 missing, left as they are\n");
}

TEST(Standardize, ReadsWhatSpreadsheetsWrite) {
  TestFolder folder;
  write_file(folder / "t.csv", "\xEF\xBB\xBF\"the, value\",key\r\n1,\"a \"\"quoted\"\" key\"\r\n\"3\",\"a \"\"quoted\"\" key\"\r\n5,\"two\nlines\"\r\n");
  const Ended ended = succeed(folder, {"standardize", "--value", "the, value", "--by", "key", folder / "t.csv"});
  EXPECT_EQ(ended.out, "\"the, value\",key\n-1,\"a \"\"quoted\"\" key\"\n1,\"a \"\"quoted\"\" key\"\n0,\"two\nlines\"\n");
}

TEST(Standardize, WithoutKeysTheTableIsOneDistribution) {
  TestFolder folder;
  write_file(folder / "in", "v\n1\n3\n");
  const Ended ended = succeed(folder, {"standardize", "-", "--value", "v"}, folder / "in");
  EXPECT_EQ(ended.out, "v\n-1\n1\n");
}

TEST(Standardize, KeysOfSeveralColumnsDoNotRunTogether) {
  TestFolder folder;
  write_file(folder / "t.csv", "v,a,b\n1,x,yz\n3,x,yz\n10,xy,z\n30,xy,z\n");
  EXPECT_EQ(succeed(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "a,b"}).out,
            "v,a,b\n-1,x,yz\n1,x,yz\n-1,xy,z\n1,xy,z\n");
}

TEST(Standardize, NonNumbersAreNamedByRowAndColumn) {
  TestFolder folder;
  write_file(folder / "old", "old");
  for (const char* wrong : {"abc", "1e999", "nan", "inf", "0x10", "1,5"}) {
    write_file(folder / "t.csv", std::string("k,value\na,1\na,\"") + wrong + "\"\n");
    expect_refused(folder, {"standardize", folder / "t.csv", "--value", "value", "--by", "k", "-o", folder / "old"},
                   {"t.csv", "row 3", "'value'", wrong});
    EXPECT_EQ(read_file(folder / "old"), "old");
  }
}

TEST(Standardize, WhatHasNoScoreIsRefused) {
  TestFolder folder;
  write_file(folder / "huge.csv", "v\n1e300\n-1e300\n");
  expect_refused(folder, {"standardize", folder / "huge.csv", "--value", "v"}, {"'v'", "too large"});
  write_file(folder / "tiny.csv", "v\n1e-300\n2e-300\n");
  const Ended ended = run(folder, {"standardize", folder / "tiny.csv", "--value", "v", "-o", folder / "z.csv"});
  EXPECT_EQ(ended.status, 2) << "squares that vanish must not become scores of 0";
  EXPECT_NE(ended.err.find("row 2"), std::string::npos) << ended.err;
}

TEST(Standardize, WrongOptionsAreRefused) {
  TestFolder folder;
  const auto refused = [&](std::vector<std::string> options, const std::vector<std::string>& parts) {
    options.insert(options.begin(), {"standardize", kIncomes});
    expect_refused(folder, options, parts);
  };
  refused({"--value", "incom"}, {"'incom'", "'income'"});
  refused({"--value", "income", "--by", "nowhere"}, {"'nowhere'", "'region'"});
  refused({"--value", "region"}, {"row 2", "'region'", "south_asia"});
  refused({"--value", "income,income"}, {"twice"});
  refused({"--value", "income", "--by", "income"}, {"twice"});
  refused({"--value", "income", "--ddof", "2"}, {"--ddof is 2"});
  refused({"--value", "income", "--inverse"}, {"--inverse", "--stats"});
  refused({"--by", "region"}, {"--value"});
  refused({"--value", "income", "--stats", kIncomes}, {"'column'"});
  refused({"--value", "income", "--stats", kIncomes, "--save", folder / "s"}, {"--stats", "--save"});
  refused({"--value", "income", "--save", folder / "s", "-o", folder / "s"}, {"the same file"});
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"stderr", "stdout"}));
}

TEST(Standardize, DamagedStatisticsAreRefused) {
  TestFolder folder;
  write_file(folder / "t.csv", "v,k\n1,a\n3,a\n");
  succeed(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "k", "--save", folder / "s.csv"});
  const std::string good = read_file(folder / "s.csv");
  const auto refused = [&](const std::string& text, const std::vector<std::string>& parts) {
    write_file(folder / "bad.csv", text);
    expect_refused(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "k", "--stats", folder / "bad.csv"}, parts);
  };
  const std::string header = good.substr(0, good.find('\n') + 1);
  refused(header, {"no statistics of 'v'"});
  refused(good + good.substr(header.size()), {"row 3", "was there before"});
  refused(header + "a,v,2,2,0,-1,0,1\n", {"row 2", "m2 is -1"});
  refused(header + "a,v,1.5,2,0,1,0,1\n", {"row 2", "count"});
  refused(header + "a,v,2,2,0,1,7,1\n", {"row 2", "ddof 7"});
  refused(header + "a,v,2,x,0,1,0,1\n", {"row 2", "'mean'", "'x'"});
  write_file(folder / "t2.csv", "v,mean\n1,a\n");
  expect_refused(folder, {"standardize", folder / "t2.csv", "--value", "v", "--by", "mean", "--save", folder / "s2.csv"},
                 {"'mean'", "rename"});
}

/// Streams: what is held grows with the keys, not with the rows.
TEST(Standardize, MemoryDoesNotGrowWithRows) {
#ifdef NORMA_SANITIZED
  GTEST_SKIP() << "a sanitizer keeps what was freed";
#endif
  TestFolder folder;
  const auto peak = [&](int rows) {
    {
      std::ofstream file(folder / "t.csv");
      file << "v,k\n";
      std::mt19937 random(1);
      for (int i = 0; i < rows; ++i) file << random() % 1000 << ",key" << random() % 50 << "\n";
    }
    return succeed(folder, {"standardize", folder / "t.csv", "--value", "v", "--by", "k", "-o", folder / "z.csv"}).peak_kb;
  };
  const long small = peak(200'000), large = peak(1'000'000);
  EXPECT_LT(large - small, 2'000) << "KB more for 800,000 rows more";
}

}  // namespace
}  // namespace norma::cli
