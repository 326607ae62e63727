// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "io/csv.hpp"
#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;
using namespace std::string_literals;

using Rows = std::vector<std::vector<std::string>>;

class Csv : public ::testing::Test {
 protected:
  CsvTable table(const std::string& text, const CsvOptions& options = {}) {
    write_file(folder_ / "t.csv", text);
    return CsvTable(folder_ / "t.csv", options);
  }

  static Rows rows(CsvTable table) {
    Rows all;
    table.for_each_row([&](const CsvRow& row) { all.emplace_back(row.fields.begin(), row.fields.end()); });
    return all;
  }
  Rows rows(const std::string& text, const CsvOptions& options = {}) { return rows(table(text, options)); }

  std::vector<std::int64_t> numbers(const std::string& text) {
    std::vector<std::int64_t> all;
    table(text).for_each_row([&](const CsvRow& row) { all.push_back(row.number); });
    return all;
  }

  void expect_refused(const std::string& text, std::vector<std::string> parts) {
    parts.insert(parts.begin(), "t.csv'");
    expect_refusal([&] { rows(text); }, parts);
  }

  TestFolder folder_;
};

TEST_F(Csv, FieldsAreWhatRfc4180Says) {
  EXPECT_EQ(table("a,b\n1,2\n").columns(), (std::vector<std::string>{"a", "b"}));
  const Rows expected = {{"1", "2"}, {"3", "4"}};
  EXPECT_EQ(rows("a,b\n1,2\n3,4\n"), expected);
  EXPECT_EQ(rows("a,b\r\n1,2\r\n3,4\r\n"), expected);
  EXPECT_EQ(rows("a,b\r1,2\r3,4\r"), expected);
  EXPECT_EQ(rows("a,b\n1,2\n3,4"), expected);  // no line feed at the end
  EXPECT_EQ(rows("\xEF\xBB\xBF"
                 "a,b\n1,2\n3,4"),
            expected);  // UTF-8 BOM
  EXPECT_EQ(rows("\n\na,b\n\n1,2\r\n\r\n3,4\n\n"), expected);
  EXPECT_EQ(rows("a;b\n1;2\n3;4", {.delimiter = ';'}), expected);
  EXPECT_EQ(rows("a\tb\n1\t2\n3\t4", {.delimiter = '\t'}), expected);
  EXPECT_EQ(rows("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n\"two\r\nlines\",\"\"\n"),
            (Rows{{"x, y", "say \"hi\""}, {"two\r\nlines", ""}}));
  EXPECT_EQ(rows("a,b\n , x \n,\n"), (Rows{{" ", " x "}, {"", ""}}));
  EXPECT_EQ(rows("收入,國\n1,\"中,国\"\n"), (Rows{{"1", "中,国"}}));
  EXPECT_EQ(rows("a\n\"\"\n1\n"), (Rows{{""}, {"1"}}));
  EXPECT_TRUE(rows("a,b\n").empty());
  EXPECT_TRUE(rows("a,b").empty());
}

TEST_F(Csv, RowsAreNumberedAsASpreadsheetDoes) {
  EXPECT_EQ(numbers("a,b\n1,2\n3,4\n"), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(numbers("a,b\r\n1,2\r\n3,4\r\n"), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(numbers("a,b\n\n1,2\n\n\n3,4"), (std::vector<std::int64_t>{3, 6}));
  EXPECT_EQ(numbers("a,b\r\n\r\n1,2\r\n\r\n\r\n3,4"), (std::vector<std::int64_t>{3, 6}));
  EXPECT_EQ(numbers("a,b\n\"1\n\n1\",2\n3,4\n"), (std::vector<std::int64_t>{2, 3}));
}

TEST_F(Csv, WalksAsOftenAsAsked) {
  CsvTable t = table("a\n1\n2\n");
  for (int pass = 0; pass < 3; ++pass) {
    int count = 0;
    t.for_each_row([&](const CsvRow&) { ++count; });
    EXPECT_EQ(count, 2);
    EXPECT_EQ(t.position(), t.size());
  }
}

TEST_F(Csv, WhatAVisitThrowsIsPassedOnAndTheTableStaysUsable) {
  CsvTable t = table("a\n1\n2\n3\n");
  int visits = 0;
  EXPECT_THROW(t.for_each_row([&](const CsvRow&) {
    if (++visits == 2) throw std::out_of_range("enough");
  }),
               std::out_of_range);
  EXPECT_EQ(visits, 2);
  EXPECT_EQ(rows(std::move(t)).size(), 3U);
}

TEST_F(Csv, FieldsAndRowsMayCrossEveryBoundaryOfReading) {
  // Rows of all lengths around the 64 KiB in which the file is read.
  std::string text = "a,b\n";
  Rows expected;
  for (std::size_t size = 65'400; size < 65'700; size += 7) {
    const std::string field(size, static_cast<char>('a' + size % 26));
    text += "\"" + field + "\n\"\"\",x\r\n";
    expected.push_back({field + "\n\"", "x"});
  }
  EXPECT_EQ(rows(text), expected);
}

TEST_F(Csv, ReadsAPipeTwice) {
  const NamedPipe pipe(folder_ / "pipe", "a,b\n1,2\n3,4\n");
  CsvTable t(pipe.path());
  for (int pass = 0; pass < 2; ++pass) {
    int count = 0;
    t.for_each_row([&](const CsvRow& row) { count += static_cast<int>(row.fields.size()); });
    EXPECT_EQ(count, 4);
  }
}

TEST_F(Csv, RaggedRowsAreRefusedByRowAndNumberOfFields) {
  expect_refused("a,b\n1,2\n3\n", {"row 3, has 1 field, where the header has 2"});
  expect_refused("a,b\n1,2,3\n", {"row 2, has 3 fields, where the header has 2"});
  expect_refused("a,b\n1,2\n\n\n3", {"row 5, has 1 field"});
}

TEST_F(Csv, BrokenQuotesAreRefusedByRow) {
  expect_refused("a,b\n1,2\n\"3,4\n5,6\n", {"row 3, opens a quote that is never closed"});
  expect_refused("a,b\n1,2\n3,\"", {"row 3, opens a quote that is never closed"});
  expect_refused("a,b\n1,x\"y\n", {"row 2, has a quote within a field"});
  expect_refused("a,b\n1,\"x\"y\n", {"row 2, has a quote within a field"});
  expect_refused("\"a,b\n1,2\n", {"row 1, opens a quote that is never closed"});
}

TEST_F(Csv, ABrokenQuoteSwallowsNoHugeFile) {
  std::string text = "a,b\n1,2\n\"3,4\n";
  while (text.size() < CsvTable::kLongestRow + (1U << 20)) text += "some thousand rows that nobody closed,\n";
  expect_refused(text, {"row 3, is longer than 16 MiB", "quote"});
  text = "a,b\n1,2\n";
  text.append(CsvTable::kLongestRow + (1U << 20), ',');
  expect_refused(text, {"row 3, has", "fields, where the header has 2"});
  expect_refused(std::string(100'000, ','), {"row 1, has 100001 columns; up to 65536"});
}

TEST_F(Csv, HeadersThatNameNothingOrTwiceAreRefused) {
  expect_refused("", {"has no header"});
  expect_refused("\n\n", {"has no header"});
  expect_refused("\xEF\xBB\xBF", {"has no header"});
  expect_refused("a,b,a\n1,2,3\n", {"two columns of the name 'a'"});
  expect_refused("a,,\n1,2,3\n", {"two columns of the name ''"});
}

TEST_F(Csv, WhatIsNoUtf8TextIsRefused) {
  expect_refused(
      "\xFF\xFE"
      "a\0,\0"s,
      {"UTF-16"});
  expect_refused("\xFE\xFF\0a\0,"s, {"UTF-16"});
  expect_refused("a,b\n1,\0\n"s, {"zero byte near byte 6"});
  expect_refusal([] { CsvTable("/dev/zero/none"); }, {"'/dev/zero/none' cannot be opened"});
  expect_refusal([&] { table("a\n", {.delimiter = '"'}); }, {"[csv] the delimiter"});
}

TEST_F(Csv, ColumnsAreFoundByNameOrListed) {
  const CsvTable t = table("country,income\nCN,1\n");
  EXPECT_EQ(t.column("income"), 1U);
  expect_refusal([&] { static_cast<void>(t.column("wage")); }, {"has no column 'wage'; it has 'country', 'income'"});
}

TEST_F(Csv, ANumberThatIsNoneIsNamedByRowColumnAndText) {
  CsvTable t = table("country,income\nCN,1.5\nIN,\nUS,n/a\n");
  std::vector<std::string> sentences;
  double sum = 0;
  t.for_each_row([&](const CsvRow& row) {
    try {
      sum += t.number(row, 1);
    } catch (const Error& error) {
      sentences.emplace_back(error.what());
    }
  });
  EXPECT_EQ(sum, 1.5);
  ASSERT_EQ(sentences.size(), 2U);
  EXPECT_NE(sentences[0].find("t.csv', row 3, column 'income', is empty"), std::string::npos) << sentences[0];
  EXPECT_NE(sentences[1].find("t.csv', row 4, column 'income', holds 'n/a'"), std::string::npos) << sentences[1];
}

TEST(CsvNumber, IsAWholeFieldOrNothing) {
  for (const auto& [text, value] : {std::pair<const char*, double>{"1", 1},
                                    {"-1.5", -1.5},
                                    {"+2", 2},
                                    {" 3\t", 3},
                                    {"1e3", 1000},
                                    {"1E-3", 0.001},
                                    {".5", 0.5},
                                    {"5.", 5},
                                    {"-0", -0.0},
                                    {"1.7976931348623157e308", 1.7976931348623157e308}}) {
    ASSERT_TRUE(to_number(text)) << text;
    EXPECT_EQ(*to_number(text), value) << text;
  }
  for (const char* text :
       {"",       " ",   "+",   "-",    "+-1", "-+1",      "++1",   "1 2", "1,5", "0x10",  "1e",    "e1", "1e999",
        "-1e999", "nan", "inf", "-inf", "NaN", "Infinity", "1.5kg", "--1", ".",   "1_000", "1'000", "١"}) {
    EXPECT_FALSE(to_number(text)) << text;
  }
  EXPECT_TRUE(std::isnan(*to_number("nan", true)));
  EXPECT_EQ(*to_number("-inf", true), -std::numeric_limits<double>::infinity());
  EXPECT_FALSE(to_number("nano", true));
}

TEST(CsvNumber, IsWrittenShortestAndReadsBackTheSame) {
  const auto text = [](double value) {
    std::string out;
    append_number(out, value);
    return out;
  };
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(3), "3");
  EXPECT_EQ(text(1e25), "1e+25");
  EXPECT_EQ(text(-0.0), "-0");
  std::mt19937_64 generator(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(generator());
    if (!std::isfinite(value)) continue;
    const auto back = to_number(text(value));
    ASSERT_TRUE(back);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back), std::bit_cast<std::uint64_t>(value)) << text(value);
  }
  EXPECT_TRUE(std::isnan(*to_number(text(std::nan("")), true)));
}

TEST_F(Csv, WhatIsWrittenReadsBackTheSame) {
  const std::vector<std::string> nasty = {"plain",    "",           " padded ", "comma,", "semi;", "\"",
                                          "\"\"",     "two\nlines", "\r",       "\r\n",   "中文",  "tab\t",
                                          "'single'", "a\"b",       ",",        "\n"};
  std::mt19937 generator(3);
  for (const char delimiter : {',', ';', '\t'}) {
    for (const std::size_t width : {1U, 2U, 5U}) {
      std::string text;
      std::vector<std::string> header;
      for (std::size_t i = 0; i < width; ++i) header.push_back("c" + std::to_string(i));
      const auto add = [&](const std::vector<std::string>& row) {
        const std::vector<std::string_view> fields(row.begin(), row.end());
        append_csv_row(text, fields, delimiter);
      };
      add(header);
      Rows expected;
      for (int i = 0; i < 300; ++i) {
        auto& row = expected.emplace_back();
        for (std::size_t k = 0; k < width; ++k) row.push_back(nasty[generator() % nasty.size()]);
        add(row);
      }
      EXPECT_EQ(rows(text, {.delimiter = delimiter}), expected);
    }
  }
}

/// Below a blank line the bytes of a mark are a name's own; written first in a file, they must not become one.
TEST_F(Csv, AMarkOfAnEncodingInANameComesBack) {
  for (const std::string mark : {"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"}) {
    const CsvTable read = table("\n" + mark + "name\n1\n");
    ASSERT_EQ(read.columns(), std::vector<std::string>{mark + "name"});
    std::string text;
    const std::string_view field = read.columns().front();
    append_csv_row(text, {&field, 1});
    EXPECT_EQ(table(text).columns(), read.columns());
  }
}

TEST_F(Csv, EveryCorruptedByteIsRefusedOrGivesWholeRows) {
  const std::string whole = "a,\"b\"\r\n1,\"x\ny\"\r\n2,z\n";
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (int value = 0; value < 256; ++value) {
      std::string broken = whole;
      broken[position] = static_cast<char>(value);
      try {
        CsvTable t = table(broken);
        t.for_each_row([&](const CsvRow& row) { EXPECT_EQ(row.fields.size(), t.columns().size()); });
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace norma::io
