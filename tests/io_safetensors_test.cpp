// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "io/safetensors.hpp"
#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;

std::string file_of(const std::string& header, const std::string& data = {}) {
  return bytes_of(static_cast<std::uint64_t>(header.size())) + header + data;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

Safetensors parse(const std::string& file, const ReadOptions& options = {}) {
  return read_safetensors(*source_of(file), options);
}

TEST(Safetensors, RoundTripKeepsEveryBitAndName) {
  const TestFolder folder;
  std::vector<Array> arrays;
  std::vector<NamedView> views;
  for (const DType dtype : kAllDtypes) {
    for (const Dims& shape : {Dims{}, Dims{0, 3}, Dims{7, 5}, Dims{1, 2, 1, 2, 1, 2, 1, 3}}) {
      arrays.push_back(random_bits(dtype, shape, arrays.size()));
    }
  }
  for (const Array& array : arrays)
    views.push_back({.name = "层.\"" + std::to_string(views.size()) + "\"\n", .view = array.view()});
  const std::map<std::string, std::string, std::less<>> metadata = {{"format", "pt"}, {"by", "norma \"quoted\""}};
  write_safetensors(folder / "x.safetensors", views, metadata);
  const Safetensors file = read_safetensors(folder / "x.safetensors", {.name = {}, .as_mask = true});
  EXPECT_EQ(file.metadata, metadata);
  ASSERT_EQ(file.tensors.size(), arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const Array& y = file.tensors.at(views[i].name);
    EXPECT_EQ(y.dtype(), arrays[i].dtype());
    EXPECT_EQ(y.shape(), arrays[i].shape());
    EXPECT_EQ(text_of(y.bytes()), text_of(arrays[i].bytes()));
  }
  const Safetensors one = read_safetensors(folder / "x.safetensors", {.name = views[2].name});
  ASSERT_EQ(one.tensors.size(), 1U);
  EXPECT_EQ(text_of(one.tensors.begin()->second.bytes()), text_of(arrays[2].bytes()));
}

TEST(Safetensors, WritingIsDeterministicAndAligned) {
  const TestFolder folder;
  const std::vector<float> floats = {1, 2, 3};
  const std::vector<double> doubles = {4};
  const std::vector<std::uint8_t> bytes = {5};
  const NamedView a{.name = "a", .view = view(bytes.data(), {1})};
  const NamedView b{.name = "b", .view = view(doubles.data(), {1})};
  const NamedView c{.name = "c", .view = view(floats.data(), {3})};
  write_safetensors(folder / "1", std::vector{a, b, c});
  write_safetensors(folder / "2", std::vector{c, a, b});
  const std::string file = read_file(folder / "1");
  EXPECT_EQ(file, read_file(folder / "2"));
  const std::string header = "{" + entry("b", "F64", "[1]", 0, 8) + "," + entry("c", "F32", "[3]", 8, 20) + "," +
                             entry("a", "U8", "[1]", 20, 21) + "}";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(file.substr(0, 8 + padded.size()), bytes_of(static_cast<std::uint64_t>(padded.size())) + padded);
  EXPECT_EQ(file.size(), 8 + padded.size() + 21);
}

TEST(Safetensors, StridedViewsAreWrittenInCOrder) {
  const TestFolder folder;
  const std::vector<float> memory = {0, 1, 2, 3, 4, 5};
  const NamedView x{.name = "x", .view = view(memory.data(), {3, 2}, {1, 3})};
  write_safetensors(folder / "x", {&x, 1});
  EXPECT_EQ(values_of(read_safetensors(folder / "x").tensors.at("x").view()), (std::vector<double>{0, 3, 1, 4, 2, 5}));
}

TEST(Safetensors, WhatIsReadAsItLiesIsWrittenAsItLay) {
  const TestFolder folder;
  std::string header, data;
  int seed = 0;
  const std::pair<const char*, int> dtypes[] = {{"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"BF16", 2},
                                                {"F16", 2}, {"I16", 2}, {"U16", 2}, {"BOOL", 1}, {"I8", 1}, {"U8", 1}};
  for (const auto& [dtype, size] : dtypes) {
    const auto begin = static_cast<int>(data.size());
    data += std::string(text_of(random_bits(DType::u8, {6 * size}, static_cast<std::uint64_t>(seed)).bytes()));
    // Names in the order of the data, as the writer has them within a size of element.
    header +=
        "," + entry(std::string(1, static_cast<char>('a' + seed++)), dtype, "[2,3]", begin, static_cast<int>(data.size()));
  }
  header = R"({"__metadata__":{"format":"pt"})" + header + "}";
  const std::string file = file_of(header + std::string((8 - header.size() % 8) % 8, ' '), data);
  write_file(folder / "x", file);
  StoredSafetensors stored = read_stored_safetensors(folder / "x");
  write_safetensors(folder / "y", stored);
  EXPECT_EQ(read_file(folder / "y"), file);

  EXPECT_EQ(text_of(std::as_bytes(std::span(static_cast<const float*>(stored.tensors.at("d").view().data()), 6))),
            text_of(stored.tensors.at("d").bytes.bytes()));
  expect_refusal([&] { stored.tensors.at("b").view(); }, {"'b' is of dtype I64", "F32"});
  write_file(folder / "x", file.substr(0, file.size() - 1));
  expect_refusal([&] { read_stored_safetensors(folder / "x"); }, {"truncated"});
}

TEST(Safetensors, CountersAreWrittenAsI64) {
  const TestFolder folder;
  const double count = 9007199254740992.0;
  const NamedView x{.name = "bn.num_batches_tracked", .view = view(&count, {}), .as_i64 = true};
  write_safetensors(folder / "x", {&x, 1});
  const std::string file = read_file(folder / "x");
  EXPECT_NE(file.find(entry("bn.num_batches_tracked", "I64", "[]", 0, 8)), std::string::npos);
  EXPECT_TRUE(file.ends_with(bytes_of(std::int64_t{1} << 53)));
  EXPECT_EQ(values_of(read_safetensors(folder / "x").tensors.begin()->second.view()), std::vector{count});
  for (const double bad : {0.5, 1e300, std::nan("")}) {
    const NamedView y{.name = "n", .view = view(&bad, {}), .as_i64 = true};
    expect_refusal([&] { write_safetensors(folder / "x", {&y, 1}); }, {"'n' cannot be written as I64"});
  }
  EXPECT_EQ(read_file(folder / "x"), file);
}

TEST(Safetensors, EveryDtypeOfTheFormatThatNormaKnowsIsWidened) {
  const auto read = [](const std::string& dtype, const std::string& data) {
    const std::string file = file_of("{" + entry("x", dtype, "[1]", 0, static_cast<int>(data.size())) + "}", data);
    return values_of(parse(file).tensors.at("x").view()).at(0);
  };
  EXPECT_EQ(read("BOOL", "\x01"), 1);
  EXPECT_EQ(read("U8", "\xFF"), 255);
  EXPECT_EQ(read("I8", "\x80"), -128);
  EXPECT_EQ(read("U16", bytes_of(std::uint16_t{65535})), 65535);
  EXPECT_EQ(read("I16", bytes_of(std::int16_t{-32768})), -32768);
  EXPECT_EQ(read("U32", bytes_of(std::uint32_t{4294967295})), 4294967295.0);
  EXPECT_EQ(read("I32", bytes_of(std::int32_t{-2147483647})), -2147483647.0);
  EXPECT_EQ(read("U64", bytes_of(std::uint64_t{1} << 53)), 0x1p53);
  EXPECT_EQ(read("I64", bytes_of(-(std::int64_t{1} << 53))), -0x1p53);
  EXPECT_EQ(read("F32", bytes_of(1.5F)), 1.5);
  EXPECT_EQ(read("F64", bytes_of(1e300)), 1e300);
  expect_refusal([&] { read("I64", bytes_of((std::int64_t{1} << 53) + 1)); }, {"'test', tensor 'x', holds", "2^53"});
  expect_refusal([&] { read("F8_E4M3", "x"); }, {"tensor 'x', is of dtype 'F8_E4M3'"});
}

TEST(Safetensors, WhatTheSpecificationForbidsIsRefused) {
  const std::string data(16, 'x');
  const std::string a = entry("a", "F32", "[2]", 0, 8), b = entry("b", "F32", "[2]", 8, 16);
  ASSERT_EQ(parse(file_of("{" + a + "," + b + "}  ", data)).tensors.size(), 2U);
  ASSERT_EQ(parse(file_of("{" + b + "," + a + "}", data)).tensors.size(), 2U);
  ASSERT_TRUE(parse(file_of("{}")).tensors.empty());
  const std::string headers[] = {
      "",
      " {}",
      "[]",
      "{",
      "{}{}",
      "null",
      "{" + a + "," + a + "}",
      "{" + a + "," + entry("b", "F32", "[2]", 9, 17) + "}",             // hole
      "{" + a + "," + entry("b", "F32", "[3]", 4, 16) + "}",             // overlap
      "{" + entry("a", "F32", "[2]", 8, 16) + "}",                       // hole at the beginning
      "{" + a + "}",                                                     // data left over
      "{" + a + "," + b + "," + entry("c", "F32", "[1]", 16, 20) + "}",  // data missing
      "{" + a + "," + entry("b", "F32", "[2]", 16, 8) + "}",             // backwards
      "{" + a + "," + entry("b", "F32", "[3]", 8, 16) + "}",             // shape and size disagree
      "{" + entry("a", "F32", "[4611686018427387904,4]", 0, 16) + "}",   // product overflows to 0
      "{" + entry("a", "F32", "[2,-2]", 0, 16) + "}",
      "{" + entry("a", "F32", "[4.0]", 0, 16) + "}",
      "{" + entry("a", "F32", "[18446744073709551616]", 0, 16) + "}",
      "{" + entry("a", "F32", "[[4]]", 0, 16) + "}",
      "{" + entry("a", "F32", "4", 0, 16) + "}",
      "{" + entry("a", "F32", "[1,1,1,1,1,1,1,1,4]", 0, 16) + "}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,8,16]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"shape\":[4],\"data_offsets\":[0,16]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"more\":{}}}",
      "{\"a\":{\"dtype\":4,\"shape\":[4],\"data_offsets\":[0,16]}}",
      "{\"a\":[]}",
      "{\"a\":null}",
      "{\"a\":true}",
      "{\"a\":1}",
      "{\"__metadata__\":{\"x\":1}," + entry("a", "F32", "[4]", 0, 16) + "}",
      "{\"__metadata__\":{\"x\":{}}," + entry("a", "F32", "[4]", 0, 16) + "}",
      "{\"__metadata__\":[]," + entry("a", "F32", "[4]", 0, 16) + "}",
      "{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}," + entry("a", "F32", "[4]", 0, 16) + "}",
      "{\"\xFF\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
  };
  for (const std::string& header : headers) {
    const std::string sentence = refusal([&] { parse(file_of(header, data)); });
    EXPECT_TRUE(sentence.starts_with("'test'")) << header << "\n" << sentence;
  }
}

TEST(Safetensors, HolesOverlapsAndRepeatedNamesAreCalledSo) {
  const std::string data(16, 'x');
  for (const std::string& second : {entry("b", "F32", "[1]", 12, 16), entry("b", "F32", "[3]", 4, 16)}) {
    expect_refusal([&] { parse(file_of("{" + entry("a", "F32", "[2]", 0, 8) + "," + second + "}", data)); },
                   {"'test', tensor 'b', begins at byte", "where 8 was expected: tensors overlap or leave a hole"});
  }
  const std::string empty = entry("a", "F32", "[0]", 0, 0);
  expect_refusal([&] { parse(file_of("{" + empty + "," + empty + "}")); }, {"the name 'a' appears twice"});
}

TEST(Safetensors, HugeClaimsAndDeepNestingAreRefusedAtOnce) {
  expect_refusal([] { parse(bytes_of(~std::uint64_t{0}) + "{}"); }, {"claims a header of", "but holds 2 bytes"});
  expect_refusal([] { parse(bytes_of(std::uint64_t{100'000'001}) + std::string(100, '{')); },
                 {"claims a header of 100.0 MB"});
  expect_refusal(
      [] {
        parse(file_of("{\"a\":{\"dtype\":\"F64\",\"shape\":[1000000000000],\"data_offsets\":[0,8000000000000]}}", "x"));
      },
      {"claims 8.0 TB of data but holds 1 byte"});
  std::string deep = "{\"a\":";
  for (int i = 0; i < 1'000'000; ++i) deep += '[';
  expect_refusal([&] { parse(file_of(deep)); }, {"an array stands where none belongs"});
  std::string deep_objects;
  for (int i = 0; i < 1'000'000; ++i) deep_objects += "{\"a\":";
  expect_refusal([&] { parse(file_of(deep_objects)); }, {"malformed"});
}

TEST(Safetensors, TruncationAtEveryLengthIsRefused) {
  const TestFolder folder;
  const std::string whole = file_of("{" + entry("a", "F32", "[2]", 0, 8) + "}", "12345678");
  ASSERT_NO_THROW(parse(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(refusal([&] { parse(whole.substr(0, length)); }).empty()) << length;
  }
  for (std::size_t length = 0; length < whole.size(); length += 5) {
    const NamedPipe pipe(folder / std::to_string(length), whole.substr(0, length));
    EXPECT_FALSE(refusal([&] { read_safetensors(pipe.path()); }).empty()) << length;
  }
  const NamedPipe pipe(folder / "whole", whole);
  EXPECT_EQ(file_bytes(read_safetensors(pipe.path()).tensors.at("a")), "12345678");
}

TEST(Safetensors, EveryCorruptedByteIsRefusedOrReadWithinTheFile) {
  const std::string whole = file_of("{\"__metadata__\":{\"k\":\"v\"}," + entry("a", "F32", "[2]", 0, 8) + "," +
                                        entry("b", "U8", "[2,2]", 8, 12) + "}",
                                    "123456789012");
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (int value = 0; value < 256; ++value) {
      std::string broken = whole;
      broken[position] = static_cast<char>(value);
      try {
        for (const auto& [name, tensor] : parse(broken).tensors) {
          EXPECT_LE(tensor.bytes().size(), 12U * 4);
          EXPECT_EQ(contiguous_copy(tensor.view()).size(), tensor.size());
        }
      } catch (const Error&) {
      }
    }
  }
}

TEST(Safetensors, ATensorMustBeNamedWhereThereAreSeveral) {
  const std::string file =
      file_of("{" + entry("a", "U8", "[1]", 0, 1) + "," + entry("b", "U8", "[1]", 1, 2) + "}", "xy");
  expect_refusal([&] { read_safetensor(*source_of(file)); }, {"holds 2 tensors", "'a', 'b'"});
  expect_refusal([&] { read_safetensor(*source_of(file), {.name = "c"}); }, {"no tensor 'c'"});
  expect_refusal([&] { read_safetensor(*source_of(file_of("{}"))); }, {"holds 0 tensors"});
  EXPECT_EQ(values_of(read_safetensor(*source_of(file), {.name = "b"}).view()), (std::vector{121.0}));
}

TEST(Safetensors, UnwritableNamesAreRefusedAndTheOldFileStays) {
  const TestFolder folder;
  write_file(folder / "x", "old");
  const std::vector<float> values = {1};
  const ConstView x = view(values.data(), {1});
  for (const std::vector<NamedView>& tensors : {std::vector<NamedView>{{.name = "", .view = x}},
                                                {{.name = "a", .view = x}, {.name = "a", .view = x}},
                                                {{.name = "__metadata__", .view = x}},
                                                {{.name = "a", .view = {}}},
                                                {{.name = "\xFF", .view = x}}}) {
    expect_refusal([&] { write_safetensors(folder / "x", tensors); }, {"[write_safetensors]"});
    EXPECT_EQ(read_file(folder / "x"), "old");
  }
}

}  // namespace
}  // namespace norma::io
