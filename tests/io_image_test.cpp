// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include "io/image.hpp"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;
using namespace std::string_literals;

void append(void* text, void* data, int size) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

std::string png_of(int width, int height, int channels, const std::vector<unsigned char>& pixels) {
  std::string png;
  EXPECT_NE(stbi_write_png_to_func(append, &png, width, height, channels, pixels.data(), width * channels), 0);
  return png;
}

std::string jpeg_of(int width, int height, int channels, const std::vector<unsigned char>& pixels) {
  std::string jpeg;
  EXPECT_NE(stbi_write_jpg_to_func(append, &jpeg, width, height, channels, pixels.data(), 95), 0);
  return jpeg;
}

std::string u32(std::uint32_t value) { return bytes_of(value, true); }

std::string chunk(const std::string& type, const std::string& data) {
  const std::string typed = type + data;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(typed.data()), typed.size());
  return u32(static_cast<std::uint32_t>(data.size())) + typed + u32(static_cast<std::uint32_t>(crc));
}

std::string deflated(const std::string& data) {
  uLongf size = compressBound(data.size());
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(data.data()), data.size());
  packed.resize(size);
  return packed;
}

// A PNG made by hand, so that it can lie. rows hold a filter's byte each.
std::string raw_png(std::uint32_t width, std::uint32_t height, int depth, int colour, const std::string& rows,
                    const std::string& more = {}) {
  return "\x89PNG\r\n\x1A\n" +
         chunk("IHDR", u32(width) + u32(height) + static_cast<char>(depth) + static_cast<char>(colour) + "\0\0\0"s) +
         more + chunk("IDAT", deflated(rows)) + chunk("IEND", "");
}

Array parse(const std::string& file) { return read_image(*source_of(file)); }

std::vector<unsigned char> ramp(int count) {
  std::vector<unsigned char> pixels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>(i * 37);
  return pixels;
}

TEST(Image, ABatchOfPngsIsNchwOverNhwcMemory) {
  const TestFolder folder;
  const int w = 5, h = 3, c = 3;
  const std::vector<unsigned char> first = ramp(w * h * c), second(first.rbegin(), first.rend());
  write_file(folder / "1.png", png_of(w, h, c, first));
  write_file(folder / "2.png", png_of(w, h, c, second));
  const Array x = read_images(std::vector{folder / "1.png", folder / "2.png"});
  EXPECT_EQ(x.dtype(), DType::f32);
  EXPECT_EQ(x.shape(), (Dims{2, 3, 3, 5}));
  EXPECT_EQ(x.strides(), (Dims{45, 1, 15, 3}));
  const auto* data = static_cast<const float*>(x.view().data());
  for (std::size_t i = 0; i < 45; ++i) {
    EXPECT_EQ(data[i], static_cast<float>(first[i]) / 255.0F);
    EXPECT_EQ(data[45 + i], static_cast<float>(second[i]) / 255.0F);
  }
}

TEST(Image, EveryNumberOfChannelsIsKept) {
  for (const int c : {1, 2, 3, 4}) {
    const Array x = parse(png_of(2, 2, c, ramp(4 * c)));
    EXPECT_EQ(x.shape(), (Dims{1, c, 2, 2}));
  }
}

TEST(Image, SixteenBitsArePrecise) {
  const Array x = parse(raw_png(2, 1, 16, 0, "\0\x00\x01\xFF\xFF"s));
  EXPECT_EQ(values_of(x.view()), (std::vector<double>{1.0F / 65535.0F, 1.0}));
}

TEST(Image, JpegIsReadNearlyAsItWas) {
  const int w = 16, h = 16;
  std::vector<unsigned char> pixels;
  for (int i = 0; i < w * h * 3; ++i) pixels.push_back(static_cast<unsigned char>(100 + i / (w * 3)));
  const Array x = parse(jpeg_of(w, h, 3, pixels));
  ASSERT_EQ(x.shape(), (Dims{1, 3, h, w}));
  const auto* data = static_cast<const float*>(x.view().data());
  for (std::size_t i = 0; i < pixels.size(); ++i) EXPECT_NEAR(data[i] * 255.0F, pixels[i], 4.0F);
}

TEST(Image, AnImageThatDiffersIsRefusedByItsName) {
  const TestFolder folder;
  write_file(folder / "a.png", png_of(4, 2, 3, ramp(24)));
  write_file(folder / "wide.png", png_of(5, 2, 3, ramp(30)));
  write_file(folder / "grey.png", png_of(4, 2, 1, ramp(8)));
  for (const std::string other : {"wide.png", "grey.png"}) {
    expect_refusal(
        [&] {
          read_images(std::vector{folder / "a.png", folder / other});
        },
        {folder / other, "a.png' has 4 x 2 of 3", "one size"});
  }
  expect_refusal([&] { read_images(std::vector{folder / "a.png", folder / "absent.png"}); }, {"absent.png"});
  expect_refusal([&] { read_images({}); }, {"no image"});
}

TEST(Image, WhatIsNoImageIsRefused) {
  expect_refusal([] { parse(""); }, {"'test' is empty"});
  expect_refusal([] { parse("GIF89a..."); }, {"neither PNG nor JPEG"});
}

TEST(Image, DimensionsThatTheFileCannotHoldAreRefusedUndecoded) {
  const std::string row = "\0\x7F"s;
  ASSERT_NO_THROW(parse(raw_png(1, 1, 8, 0, row)));
  for (const auto& [width, height] : {std::pair(0U, 1U),
                                      {1U, 0U},
                                      {60'000U, 60'000U},
                                      {0x7FFFFFFFU, 1U},
                                      {1U, 0x7FFFFFFFU},
                                      {0xFFFFFFFFU, 0xFFFFFFFFU},
                                      {200'000U, 1U}}) {
    expect_refusal([&, w = width, h = height] { parse(raw_png(w, h, 8, 0, row)); },
                   {"'test' claims", "its header is wrong"});
  }
  std::string jpeg = jpeg_of(16, 16, 3, ramp(768));
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFF\xFF\xFF\xFF");
  expect_refusal([&] { parse(jpeg); }, {"'test' claims 65535 x 65535 pixels"});
}

TEST(Image, AnHonestlyDenseImageIsRead) {
  const std::string rows(500 * 501, '\0');  // black: deflate at its densest
  EXPECT_EQ(parse(raw_png(500, 500, 8, 0, rows)).shape(), (Dims{1, 1, 500, 500}));
}

TEST(Image, ScansWithoutEndAreRefused) {
  const std::string jpeg = jpeg_of(8, 8, 1, ramp(64));
  const std::size_t scan = jpeg.rfind("\xFF\xDA");
  std::string many = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 200; ++i) many += jpeg.substr(scan, jpeg.size() - 2 - scan);
  expect_refusal([&] { parse(many + "\xFF\xD9"); }, {"scans"});
}

TEST(Image, JpegsThatWouldOverrunTheDecoderAreRefused) {
  const std::string whole = jpeg_of(16, 16, 3, ramp(768));
  // A table of 272 codes that are all there, and one of more codes than there are.
  std::string codes = "\xFF\xC4" + bytes_of(std::uint16_t{2 + 17 + 272}, true) + '\0' + std::string(16, '\x11') +
                      std::string(272, '\0');
  std::string cut =
      "\xFF\xC4" + bytes_of(std::uint16_t{2 + 17 + 15}, true) + '\0' + std::string(16, '\x01') + std::string(15, '\0');
  for (const std::string& table : {codes, cut}) {
    std::string broken = whole;
    broken.insert(2, table);
    expect_refusal([&] { parse(broken); }, {"'test' is a damaged JPEG", "Huffman"});
  }
  std::string sampling = whole;
  sampling[sampling.find("\xFF\xC0") + 11] = '\x31';
  sampling[sampling.find("\xFF\xC0") + 14] = '\x21';
  expect_refusal([&] { parse(sampling); }, {"'test' is a damaged JPEG", "sampling"});
}

TEST(Image, ADamagedJpegIsTheSameImageEachTime) {
  // Only the first of three components has a scan: the others must not be what the memory held before.
  const std::string whole = jpeg_of(32, 32, 3, ramp(3 * 1024));
  const std::size_t scan = whole.rfind("\xFF\xDA");
  const std::string hollow = whole.substr(0, scan) + "\xFF\xDA\0\x08\x01\x01\0\0\x3F\0"s + "\xFF\xD9";
  expect_refusal([&] { parse(whole.substr(0, scan) + "\xFF\xD9"); }, {"damaged JPEG", "no pixels"});
  const Array first = parse(hollow);
  for (int i = 0; i < 5; ++i) {
    parse(whole);
    EXPECT_EQ(text_of(parse(hollow).bytes()), text_of(first.bytes()));
  }
}

TEST(Image, TruncationAtEveryLengthIsRefused) {
  for (const std::string& whole : {png_of(5, 4, 3, ramp(60)), jpeg_of(16, 16, 3, ramp(768))}) {
    ASSERT_NO_THROW(parse(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(refusal([&] { parse(whole.substr(0, length)); }).empty()) << length << " of " << whole.size();
    }
  }
}

TEST(Image, EveryCorruptedByteOfAPngIsNoticed) {
  const std::string whole = png_of(5, 4, 3, ramp(60));
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (const int flip : {0x01, 0x10, 0x80, 0xFF}) {
      std::string broken = whole;
      broken[position] = static_cast<char>(broken[position] ^ flip);
      EXPECT_FALSE(refusal([&] { parse(broken); }).empty()) << position;
    }
  }
}

TEST(Image, NoCorruptedByteOfAJpegCrashes) {
  const std::string whole = jpeg_of(16, 16, 3, ramp(768));
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (const int flip : {0x01, 0x04, 0x10, 0x40, 0x80, 0xFF}) {
      std::string broken = whole;
      broken[position] = static_cast<char>(broken[position] ^ flip);
      try {
        const Array x = parse(broken);
        EXPECT_LE(x.bytes().size(), broken.size() * 16 * 64 * 3 * sizeof(float));
        for (const double value : values_of(x.view())) ASSERT_TRUE(value >= 0 && value <= 1);
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace norma::io
