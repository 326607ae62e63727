// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <numeric>

#include "io/npy.hpp"
#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;
using namespace std::string_literals;

// A .npy file made by hand, so that reading is not tested by our own writing.
std::string npy_file(const std::string& dictionary, const std::string& data, int version = 1) {
  const std::string text = dictionary + "\n";
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  file += version == 1 ? bytes_of(static_cast<std::uint16_t>(text.size()))
                       : bytes_of(static_cast<std::uint32_t>(text.size()));
  return file + text + data;
}

std::string npy_file(const std::string& descr, const std::string& shape, const std::string& data,
                     bool fortran = false) {
  return npy_file(
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }",
      data, 1);
}

Array parse(const std::string& file, bool as_mask = false) {
  return read_npy(*source_of(file), {.name = {}, .as_mask = as_mask});
}

TEST(Npy, RoundTripKeepsEveryBitOfEveryDtypeAndShape) {
  const TestFolder folder;
  const Dims shapes[] = {{}, {1}, {7}, {2, 3}, {0}, {3, 0, 2}, {2, 1, 3, 1, 2, 1, 1, 2}};
  std::uint64_t seed = 1;
  for (const DType dtype : kAllDtypes) {
    for (const Dims& shape : shapes) {
      const Array x = random_bits(dtype, shape, ++seed);
      write_npy(folder / "x.npy", x.view());
      const Array y = read_npy(folder / "x.npy", {.name = {}, .as_mask = true});
      EXPECT_EQ(y.dtype(), dtype);
      EXPECT_EQ(y.shape(), shape);
      EXPECT_EQ(text_of(y.bytes()), text_of(x.bytes())) << name_of(dtype) << to_string(shape);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(y.view().data()) % 64, 0U);
    }
  }
}

TEST(Npy, HeaderIsNumpysByteForByte) {
  // numpy.save of numpy 2: the dictionary, room for the first axis to grow to 21 digits, spaces up to a multiple of 64.
  const std::string start = "\x93NUMPY\x01\x00\x76\x00"s;
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  EXPECT_EQ(npy_header(DType::f32, {2, 3}, false),
            start + dictionary + std::string(0x76 - 1 - dictionary.size(), ' ') + "\n");
  EXPECT_NE(npy_header(DType::bf16, {5}, false).find("'<V2', 'fortran_order': False, 'shape': (5,), }"),
            std::string::npos);
  EXPECT_NE(npy_header(DType::u8, {}, true).find("'|u1', 'fortran_order': True, 'shape': (), }"), std::string::npos);
  for (const DType dtype : kAllDtypes) EXPECT_EQ(npy_header(dtype, {1, 22, 333, 4444}, false).size() % 64, 0U);
}

template <class T>
void expect_values(const std::string& code, DType expected_dtype) {
  const std::vector<T> values = {0, 1, std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), 77};
  for (const char order : {'<', '>', '='}) {
    std::string data;
    for (const T value : values) data += bytes_of(value, order == '>');
    const Array x = parse(npy_file(order + code, "(5,)", data));
    EXPECT_EQ(x.dtype(), expected_dtype) << code;
    EXPECT_EQ(values_of(x.view()), std::vector<double>(values.begin(), values.end())) << order << code;
  }
}

TEST(Npy, IntegersOfEveryWidthAndByteOrderKeepTheirValues) {
  expect_values<std::int8_t>("i1", DType::f32);
  expect_values<std::uint8_t>("u1", DType::f32);
  expect_values<std::int16_t>("i2", DType::f32);
  expect_values<std::uint16_t>("u2", DType::f32);
  expect_values<std::int32_t>("i4", DType::f64);
  expect_values<std::uint32_t>("u4", DType::f64);
}

TEST(Npy, BigEndianFloatsAreSwapped) {
  EXPECT_EQ(values_of(parse(npy_file(">f4", "(2,)", bytes_of(1.5F, true) + bytes_of(-2.25F, true))).view()),
            (std::vector{1.5, -2.25}));
  EXPECT_EQ(values_of(parse(npy_file(">f8", "(1,)", bytes_of(1e300, true))).view()), (std::vector{1e300}));
  const Array half = parse(npy_file(">f2", "(1,)", "\x3C\x01"));
  EXPECT_EQ(file_bytes(half), "\x01\x3C");
  EXPECT_EQ(half.dtype(), DType::f16);
}

TEST(Npy, IntegersOf64BitsAreReadUpTo2To53AndRefusedBeyondByIndex) {
  const std::int64_t limit = std::int64_t{1} << 53;
  EXPECT_EQ(values_of(parse(npy_file("<i8", "(2,)", bytes_of(limit) + bytes_of(-limit))).view()),
            (std::vector{0x1p53, -0x1p53}));
  EXPECT_EQ(values_of(parse(npy_file(">u8", "(1,)", bytes_of(limit, true))).view()), (std::vector{0x1p53}));
  const std::string zero = bytes_of(std::int64_t{0});
  for (const std::int64_t bad : {limit + 1, -limit - 1, std::numeric_limits<std::int64_t>::min()}) {
    expect_refusal([&] { parse(npy_file("<i8", "(2, 3)", zero + zero + zero + zero + bytes_of(bad) + zero)); },
                   {"2^53", "index (1, 1)"});
  }
  // In Fortran order the fifth element in memory of (2, 3) is (0, 2).
  expect_refusal(
      [&] { parse(npy_file("<u8", "(2, 3)", zero + zero + zero + zero + bytes_of(~std::uint64_t{0}) + zero, true)); },
      {"2^53", "index (0, 2)"});
  // Beyond the first piece that is read at once.
  std::string many(20'000 * 8, '\0');
  many.replace(12'345 * 8, 8, bytes_of(limit + 1));
  expect_refusal([&] { parse(npy_file("<i8", "(20000,)", many)); }, {"index (12345,)"});
}

TEST(Npy, MasksStayBytesOnlyWhenAsked) {
  for (const std::string descr : {"|b1", "|u1"}) {
    EXPECT_EQ(parse(npy_file(descr, "(3,)", "\x00\x01\x01"s), true).dtype(), DType::u8);
    const Array wide = parse(npy_file(descr, "(3,)", "\x00\x01\x01"s));
    EXPECT_EQ(wide.dtype(), DType::f32);
    EXPECT_EQ(values_of(wide.view()), (std::vector{0.0, 1.0, 1.0}));
  }
  EXPECT_EQ(parse(npy_file("<f4", "(1,)", bytes_of(1.0F)), true).dtype(), DType::f32);
}

TEST(Npy, FortranOrderBecomesStridesAndMovesNothing) {
  std::string c_order, fortran_order;
  for (int i = 0; i < 2 * 3 * 4; ++i) c_order += bytes_of(static_cast<float>(i));
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) fortran_order += bytes_of(static_cast<float>((i * 3 + j) * 4 + k));
    }
  }
  const Array x = parse(npy_file("<f4", "(2, 3, 4)", c_order));
  const Array y = parse(npy_file("<f4", "(2, 3, 4)", fortran_order, true));
  EXPECT_EQ(y.strides(), (Dims{1, 2, 6}));
  EXPECT_EQ(file_bytes(y), fortran_order);
  EXPECT_EQ(values_of(y.view()), values_of(x.view()));

  const TestFolder folder;
  write_npy(folder / "y.npy", y.view());  // and is written as what it is
  EXPECT_NE(read_file(folder / "y.npy").find("'fortran_order': True"), std::string::npos);
  EXPECT_EQ(values_of(read_npy(folder / "y.npy").view()), values_of(x.view()));
}

TEST(Npy, AnyStridesAreWrittenInCOrder) {
  std::vector<float> memory(1000);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i);
  const float* const_memory = memory.data();
  const ConstView views[] = {
      view(memory.data(), {2, 3, 5, 4}, {60, 1, 12, 3}),          // (N, C, H, W) over N, H, W, C
      view(memory.data() + 999, {10, 10}, {-10, -1}),             // backwards
      view(const_memory, {4, 3}, {0, 1}),                         // one row, four times
      view(memory.data(), {1, 3}, {77, 2}),                       // every second
      view(memory.data() + 500, {3, 2, 2, 2}, {-100, 50, 3, -7})  // anything
  };
  const TestFolder folder;
  for (const ConstView& x : views) {
    write_npy(folder / "x.npy", x);
    const Array y = read_npy(folder / "x.npy");
    EXPECT_TRUE(y.view().contiguous());
    std::vector<double> expected;
    for (std::int64_t n = 0; n < x.size(); ++n) {
      std::int64_t rest = n, offset = 0;
      for (int axis = x.rank() - 1; axis >= 0; --axis) {
        offset += rest % x.shape()[axis] * x.strides()[axis];
        rest /= x.shape()[axis];
      }
      expected.push_back(static_cast<const float*>(x.data())[offset]);
    }
    EXPECT_EQ(values_of(y.view()), expected) << to_string(x.shape()) << to_string(x.strides());
  }
}

TEST(Npy, StridedWritingCrossesItsBufferWithoutLoss) {
  std::vector<double> memory(3 * 70'001);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<double>(i);
  const ConstView x = view(static_cast<const double*>(memory.data()), {3, 70'001}, {1, 3});
  const Array copy = contiguous_copy(x);
  const std::vector<double> values = values_of(copy.view());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], static_cast<double>(i % 70'001 * 3 + i / 70'001));
}

TEST(Npy, Versions1To3AreReadAndOthersRefused) {
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(values_of(parse(npy_file(dictionary, bytes_of(7.0F), version)).view()), (std::vector{7.0})) << version;
  }
  for (const int version : {0, 4, 255}) {
    expect_refusal([&] { parse(npy_file(dictionary, bytes_of(7.0F), version)); }, {"version"});
  }
}

TEST(Npy, HeaderIsReadInAnyOrderAndSpacing) {
  const std::string data = bytes_of(7.0F) + bytes_of(8.0F);
  for (const std::string dictionary :
       {"{'shape':(2,),'fortran_order':False,'descr':'<f4'}",
        "  { \"descr\" : \"<f4\" , \"shape\" : ( 2 , 1 ) , \"fortran_order\" : True }   ",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }"}) {
    EXPECT_EQ(values_of(parse(npy_file(dictionary, data, 1)).view()), (std::vector{7.0, 8.0})) << dictionary;
  }
}

TEST(Npy, MalformedHeadersAreRefused) {
  const std::string data = bytes_of(7.0F);
  for (const std::string dictionary : {"",
                                       "{",
                                       "}",
                                       "{}",
                                       "[]",
                                       "{'descr'}",
                                       "{'descr': '<f4'}",
                                       "{'descr': '<f4', 'fortran_order': False}",
                                       "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (1,}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
                                       "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'extra': 1}",
                                       "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
                                       "{'descr: <f4, }",
                                       "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}"}) {
    expect_refusal([&] { parse(npy_file(dictionary, data, 1)); }, {"'test' has a malformed .npy header"});
  }
}

TEST(Npy, WhatIsNoNumberIsRefusedByItsKind) {
  const std::string data(64, '\0');
  expect_refusal([&] { parse(npy_file("|O", "(1,)", data)); }, {"pickled Python objects", "'|O'"});
  expect_refusal([&] { parse(npy_file("<U8", "(1,)", data)); }, {"text"});
  expect_refusal([&] { parse(npy_file("|S8", "(1,)", data)); }, {"text"});
  expect_refusal([&] { parse(npy_file("<c8", "(1,)", data)); }, {"complex"});
  for (const std::string descr : {"<f16", "|V2", ">V2", "<V4", "<M8[s]", "f4", "", "<", "<f", "<f44", "<x4", "|u3"}) {
    expect_refusal([&] { parse(npy_file(descr, "(1,)", data)); }, {"dtype"});
  }
  expect_refusal(
      [&] {
        parse(npy_file("{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,)}", data, 1));
      },
      {"structures"});
  expect_refusal([&] { parse(npy_file("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", bytes_of(1.0F))); }, {"more than 8 axes"});
}

TEST(Npy, ClaimsBeyondTheFileAreRefusedBeforeAllocation) {
  const std::string data(12, '\0');
  // An attempt to allocate these would end in another sentence, or in the sanitizer.
  expect_refusal([&] { parse(npy_file("<f8", "(1000000000000,)", data)); },
                 {"'test' claims 8.0 TB of data but holds 12 bytes", "truncated"});
  for (const std::string shape :
       {"(9223372036854775807,)", "(4611686018427387904, 4)", "(3037000500, 3037000500)", "(4294967296, 4294967296)",
        "(65536, 65536, 65536, 65536)", "(0, 9223372036854775807, 9223372036854775807)"}) {
    for (const bool fortran : {false, true}) {
      expect_refusal([&] { parse(npy_file("|u1", shape, data, fortran)); }, {"claims"});
    }
  }
  const std::string huge_header = "\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{"s;
  expect_refusal([&] { parse(huge_header); }, {"claims a .npy header of 4.3 GB"});
}

TEST(Npy, TruncationAtEveryLengthIsRefused) {
  const TestFolder folder;
  const std::string whole = npy_file("<f4", "(2, 3)", std::string(24, 'x'));
  ASSERT_NO_THROW(parse(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(refusal([&] { parse(whole.substr(0, length)); }).empty()) << length;
  }
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    write_file(folder / "x.npy", whole.substr(0, length));
    expect_refusal([&] { read_npy(folder / "x.npy"); }, {folder / "x.npy"});
  }
}

TEST(Npy, AFileThatIsCutWhileItIsReadIsRefused) {
  const TestFolder folder;
  const std::string whole = npy_file("<f4", "(2, 3)", std::string(24, 'x'));
  write_file(folder / "x.npy", whole);
  const auto source = open_source(folder / "x.npy");
  std::filesystem::resize_file(folder / "x.npy", whole.size() - 4);
  expect_refusal([&] { read_npy(*source); }, {"4 bytes too early"});
}

TEST(Npy, SurplusBytesAreRefused) {
  expect_refusal([] { parse(npy_file("<f4", "(1,)", std::string(5, 'x'))); }, {"1 byte more", "(1,)"});
}

TEST(Npy, EveryCorruptedByteIsRefusedOrReadWithinTheFile) {
  const std::string whole = npy_file("<f4", "(2, 3)", std::string(24, 'x'));
  const std::size_t header = whole.size() - 24;
  for (std::size_t position = 0; position < header; ++position) {
    for (int value = 0; value < 256; ++value) {
      std::string broken = whole;
      broken[position] = static_cast<char>(value);
      try {
        const Array x = parse(broken);
        const std::size_t widest = broken.size() * 4;  // bytes become f32
        EXPECT_LE(x.bytes().size(), widest);
        EXPECT_EQ(x.view().size(), count_of(x.shape()));
        for_each_piece(x.view(), [](std::span<const std::byte> piece) {
          EXPECT_NE(std::accumulate(piece.begin(), piece.end(), 0U,
                                    [](unsigned sum, std::byte b) { return sum * 31 + std::to_integer<unsigned>(b); }),
                    1U);
        });
      } catch (const Error&) {
      }
    }
  }
}

TEST(Npy, ReadsFromAPipeWhatItReadsFromAFile) {
  const TestFolder folder;
  std::string data;
  for (int i = 0; i < 300'000; ++i) data += bytes_of(static_cast<float>(i));
  const std::string whole = npy_file("<f4", "(300, 1000)", data);
  {
    const NamedPipe pipe(folder / "whole", whole);
    EXPECT_EQ(file_bytes(read_npy(pipe.path())), data);
  }
  {
    const NamedPipe pipe(folder / "cut", whole.substr(0, whole.size() - 1));
    expect_refusal([&] { read_npy(pipe.path()); }, {"claims 1200000 bytes of data but holds 1199999 bytes"});
  }
  {
    const NamedPipe pipe(folder / "huge", npy_file("<f8", "(1000000000000,)", data));
    expect_refusal([&] { read_npy(pipe.path()); }, {"claims 8.0 TB of data but holds 1.2 MB"});
  }
  {
    const NamedPipe pipe(folder / "endless", whole, true);
    expect_refusal([&] { read_npy(pipe.path()); }, {"more than the shape (300, 1000)"});
  }
}

TEST(Npy, WhatIsNoFileIsRefused) {
  const TestFolder folder;
  expect_refusal([&] { read_npy(folder / "absent.npy"); }, {"absent.npy' cannot be opened: No such file"});
  expect_refusal([&] { read_npy(folder / ""); }, {"is a directory"});
  expect_refusal([&] { parse("PK\x03\x04 and so on"); }, {"is no .npy file"});
  expect_refusal([&] { parse(""); }, {"is empty"});
  expect_refusal([&] { read_npy("/dev/zero"); }, {"is no .npy file"});
  expect_refusal([&] { write_npy(folder / "x.npy", ConstView()); }, {"no tensor"});
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace norma::io
