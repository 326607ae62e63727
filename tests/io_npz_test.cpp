// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include "io/npy.hpp"
#include "io/npz.hpp"
#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;

struct Member {
  std::string name;
  std::string bytes;
  std::uint16_t method = 0;
  std::string packed = bytes;               // as it lies in the archive
  std::size_t claimed_size = bytes.size();  // before compression
};

// A zip archive made by hand, so that it can lie.
std::string zip_of(const std::vector<Member>& members) {
  const auto u16 = [](std::size_t value) { return bytes_of(static_cast<std::uint16_t>(value)); };
  const auto u32 = [](std::size_t value) { return bytes_of(static_cast<std::uint32_t>(value)); };
  std::string archive, directory;
  for (const Member& member : members) {
    const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(member.bytes.data()), member.bytes.size());
    const std::string common = u16(20) + u16(0) + u16(member.method) + u16(0) + u16(33) + u32(crc) +
                               u32(member.packed.size()) + u32(member.claimed_size) + u16(member.name.size()) + u16(0);
    directory +=
        "PK\x01\x02" + u16(20) + common + u16(0) + u16(0) + u16(0) + u32(0) + u32(archive.size()) + member.name;
    archive += "PK\x03\x04" + common + member.name + member.packed;
  }
  return archive + directory + "PK\x05\x06" + u16(0) + u16(0) + u16(members.size()) + u16(members.size()) +
         u32(directory.size()) + u32(archive.size()) + u16(0);
}

std::string npy_of(const std::vector<float>& values) {
  std::string bytes = npy_header(DType::f32, {static_cast<std::int64_t>(values.size())}, false);
  for (const float value : values) bytes += bytes_of(value);
  return bytes;
}

Array parse(const std::string& archive, const std::string& name = {}) {
  return NpzFile(*source_of(archive)).read({.name = name});
}

TEST(Npz, RoundTripKeepsEveryBitStoredAndDeflated) {
  const TestFolder folder;
  for (const Compression compression : {Compression::stored, Compression::deflated}) {
    std::vector<Array> arrays;
    std::vector<NamedView> views;
    for (const DType dtype : kAllDtypes) {
      for (const Dims& shape : {Dims{}, Dims{0, 3}, Dims{37, 5}})
        arrays.push_back(random_bits(dtype, shape, arrays.size()));
    }
    for (const Array& array : arrays)
      views.push_back({.name = "wörter/" + std::to_string(views.size()), .view = array.view()});
    write_npz(folder / "x.npz", views, compression);
    NpzFile file(folder / "x.npz");
    ASSERT_EQ(file.names().size(), views.size());
    for (std::size_t i = views.size(); i-- > 0;) {
      EXPECT_EQ(file.names()[i], views[i].name);
      const Array y = file.read({.name = views[i].name, .as_mask = true});
      EXPECT_EQ(y.name(), views[i].name);
      EXPECT_EQ(y.dtype(), arrays[i].dtype());
      EXPECT_EQ(y.shape(), arrays[i].shape());
      EXPECT_EQ(text_of(y.bytes()), text_of(arrays[i].bytes()));
    }
  }
}

TEST(Npz, TheSameArraysGiveTheSameBytesAndStridesAreFollowed) {
  const TestFolder folder;
  const std::vector<float> memory = {0, 1, 2, 3, 4, 5};
  const NamedView transposed{.name = "a", .view = view(memory.data(), {3, 2}, {1, 3})};
  write_npz(folder / "1.npz", {&transposed, 1});
  write_npz(folder / "2.npz", {&transposed, 1});
  EXPECT_EQ(read_file(folder / "1.npz"), read_file(folder / "2.npz"));
  EXPECT_EQ(values_of(read_npz(folder / "1.npz").view()), (std::vector<double>{0, 3, 1, 4, 2, 5}));
}

TEST(Npz, DeflateMakesAnArrayOfZerosSmall) {
  const TestFolder folder;
  const std::vector<float> zeros(1'000'000);
  const NamedView array{.name = "zeros", .view = view(zeros.data(), {1'000'000})};
  write_npz(folder / "x.npz", {&array, 1}, Compression::deflated);
  EXPECT_LT(std::filesystem::file_size(folder / "x.npz"), 5'000U);
  EXPECT_EQ(read_npz(folder / "x.npz").size(), 1'000'000);  // about as dense as deflate gets: not taken for a lie
}

TEST(Npz, ReadsAnArchiveMadeElsewhere) {
  const std::string archive =
      zip_of({{"a.npy", npy_of({1, 2})}, {"notes.txt", "none of ours"}, {"b.npy", npy_of({3})}});
  EXPECT_EQ(values_of(parse(archive, "a").view()), (std::vector{1.0, 2.0}));
  EXPECT_EQ(values_of(parse(archive, "b").view()), (std::vector{3.0}));
  EXPECT_EQ(NpzFile(*source_of(archive)).names(), (std::vector<std::string>{"a", "b"}));
}

TEST(Npz, AnArrayMustBeNamedWhereThereAreSeveral) {
  const std::string archive = zip_of({{"a.npy", npy_of({1})}, {"b.npy", npy_of({2})}});
  expect_refusal([&] { parse(archive); }, {"'test' holds 2 arrays", "'a', 'b'"});
  expect_refusal([&] { parse(archive, "c"); }, {"no array 'c'", "'a', 'b'"});
  EXPECT_EQ(values_of(parse(zip_of({{"only.npy", npy_of({5})}})).view()), (std::vector{5.0}));
}

TEST(Npz, ReadsFromAPipe) {
  const TestFolder folder;
  const NamedPipe pipe(folder / "pipe", zip_of({{"a.npy", npy_of({1, 2})}}));
  EXPECT_EQ(values_of(read_npz(pipe.path()).view()), (std::vector{1.0, 2.0}));
}

TEST(Npz, LyingArchivesAreRefused) {
  const std::string npy = npy_of({1, 2});
  expect_refusal([&] { parse("no zip at all"); }, {"'test' is no .npz archive"});
  expect_refusal([&] { parse(""); }, {"'test' is empty"});
  expect_refusal([&] { parse(zip_of({})); }, {"holds no .npy array"});
  expect_refusal([&] { parse(zip_of({{"notes.txt", "x"}})); }, {"holds no .npy array"});
  expect_refusal([&] { parse(zip_of({{"a.npy", npy, 12}})); }, {"compressed by method 12"});
  // A bomb's claim: 4 GB out of a hundred bytes.
  expect_refusal([&] { parse(zip_of({{"a.npy", npy, 8, npy, 0xFFFFFFF0}})); }, {"claims 4.3 GB of data in 136 bytes"});
  expect_refusal([&] { parse(zip_of({{"a.npy", npy, 0, npy, npy.size() + 1}})); }, {"'test', array 'a',"});
  // An honest archive of a lying array.
  const std::string lie = npy_header(DType::f64, {1'000'000'000'000}, false) + "12345678";
  expect_refusal([&] { parse(zip_of({{"a.npy", lie}})); }, {"array 'a',", "claims 8.0 TB of data but holds 8 bytes"});
  expect_refusal([&] { parse(zip_of({{"a.npy", npy + "x"}})); }, {"1 byte more"});
  std::string flipped = zip_of({{"a.npy", npy}});
  flipped[flipped.find("PK\x01\x02") - 1] ^= 1;  // the last byte of data
  expect_refusal([&] { parse(flipped); }, {"is damaged"});
}

TEST(Npz, TruncationAtEveryLengthIsRefused) {
  const std::string whole = zip_of({{"a.npy", npy_of({1, 2})}});
  ASSERT_NO_THROW(parse(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(refusal([&] { parse(whole.substr(0, length)); }).empty()) << length;
  }
}

TEST(Npz, EveryCorruptedByteIsRefusedOrHarmless) {
  const TestFolder folder;
  const std::vector<float> values(50, 1.5F);
  const NamedView array{.name = "a", .view = view(values.data(), {50})};
  write_npz(folder / "x.npz", {&array, 1}, Compression::deflated);
  const std::string deflated = read_file(folder / "x.npz");
  const std::string stored = zip_of({{"a.npy", npy_of(values)}});
  for (const std::string& whole : {stored, deflated}) {
    for (std::size_t position = 0; position < whole.size(); ++position) {
      for (const int flip : {0x01, 0x10, 0x80, 0xFF}) {
        std::string broken = whole;
        broken[position] = static_cast<char>(broken[position] ^ flip);
        try {
          NpzFile file(*source_of(broken));
          // A name may have changed; checksums see to it that what is read is what was written.
          EXPECT_EQ(values_of(file.read().view()), std::vector<double>(50, 1.5)) << position;
        } catch (const Error&) {
        }
      }
    }
  }
}

TEST(Npz, UnwritableNamesAreRefusedAndTheOldFileStays) {
  const TestFolder folder;
  const std::vector<float> values = {1};
  const ConstView x = view(values.data(), {1});
  write_file(folder / "x.npz", "old");
  for (const std::vector<NamedView>& arrays : {std::vector<NamedView>{{.name = "", .view = x}},
                                               {{.name = "a", .view = x}, {.name = "a", .view = x}},
                                               {{.name = "a", .view = {}}},
                                               {{.name = "\xFF\xFE", .view = x}}}) {
    EXPECT_FALSE(refusal([&] { write_npz(folder / "x.npz", arrays); }).empty());
    EXPECT_EQ(read_file(folder / "x.npz"), "old");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"x.npz"});
  }
}

TEST(Npz, WritesIntoAPipeThoughAZipIsSoughtIn) {
  const TestFolder folder;
  const std::vector<float> values = {1, 2, 3};
  const NamedView array{.name = "a", .view = view(values.data(), {3})};
  write_npz(folder / "x.npz", {&array, 1});
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::string arrived;
  std::thread reader([&] { arrived = read_file(folder / "pipe"); });
  write_npz(folder / "pipe", {&array, 1});
  reader.join();
  EXPECT_EQ(arrived, read_file(folder / "x.npz"));
}

TEST(Npz, AFullDiskIsReported) {
  const std::vector<float> values(100'000);
  const NamedView array{.name = "a", .view = view(values.data(), {100'000})};
  expect_refusal([&] { write_npz("/dev/full", {&array, 1}); }, {"'/dev/full' cannot be written: No space left"});
}

}  // namespace
}  // namespace norma::io
