// SPDX-License-Identifier: Apache-2.0
#include "io/image.hpp"

#include <fmt/format.h>
#include <stb_image.h>
#include <stb_image_write.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "io/text.hpp"

namespace norma::io {
namespace {

constexpr std::array<unsigned char, 8> kPngMagic = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<unsigned char, 3> kJpegMagic = {0xFF, 0xD8, 0xFF};
constexpr std::uint64_t kLargest = std::numeric_limits<int>::max();  // stb counts bytes in int

// Deflate makes at most 1032 bytes of one.
constexpr std::uint64_t kDeflateRatio = 1032;
// A JPEG block of 8 x 8 pixels takes at least one bit, its first coefficient's code; components that share blocks
// unevenly can halve that.
constexpr std::uint64_t kJpegBlocksPerByte = 16;
// Progressive files have about ten scans; each costs a walk over all blocks, whatever few bytes it takes.
constexpr int kMostScans = 100;

struct Encoded {
  std::string label;
  std::vector<std::byte> bytes;
  int width = 0, height = 0, channels = 0;
  bool deep = false;  // 16 bits for a channel
};

template <std::size_t kSize>
bool begins_with(std::span<const std::byte> bytes, const std::array<unsigned char, kSize>& magic) {
  return bytes.size() >= kSize && std::memcmp(bytes.data(), magic.data(), kSize) == 0;
}

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

[[noreturn]] void refuse_truncated(const Encoded& image) { throw Error(image.label + " is a truncated image"); }

[[noreturn]] void refuse_dimensions(const Encoded& image, std::uint64_t width, std::uint64_t height) {
  throw Error(fmt::format("{} claims {} x {} pixels in {}; its header is wrong", image.label, width, height,
                          human_bytes(image.bytes.size())));
}

// Whether the pixels that a PNG header (IHDR) claims can come out of as many bytes.
void check_png_dimensions(const Encoded& image, std::span<const std::byte> header) {
  if (header.size() != 13) throw Error(image.label + " is a damaged PNG: its header has the wrong length");
  const std::uint64_t width = big_endian(header.subspan(0, 4));
  const std::uint64_t height = big_endian(header.subspan(4, 4));
  const auto depth = std::to_integer<std::uint64_t>(header[8]);
  static constexpr std::array<std::uint64_t, 7> kChannels = {1, 0, 3, 1, 2, 0, 4};
  const auto colour = std::to_integer<std::size_t>(header[9]);
  const std::uint64_t bits = depth * (colour < kChannels.size() ? kChannels[colour] : 0);
  if (bits == 0) throw Error(image.label + " is a damaged PNG: its colour type is unknown");
  if (width == 0 || height == 0 || width > kLargest || height > kLargest) refuse_dimensions(image, width, height);
  const std::uint64_t row = 1 + (width * bits + 7) / 8;
  if (row > image.bytes.size() * kDeflateRatio / height) refuse_dimensions(image, width, height);
}

// stb_image checks no checksum and takes a file that ends after its pixels; a file that was cut or flipped is refused
// here.
void check_png(const Encoded& image) {
  std::span<const std::byte> rest = std::span(image.bytes).subspan(kPngMagic.size());
  constexpr std::size_t kFrame = 12;  // length, type, checksum
  for (bool first = true;; first = false) {
    if (rest.size() < kFrame) refuse_truncated(image);
    const std::uint64_t length = big_endian(rest.first(4));
    if (length > rest.size() - kFrame) refuse_truncated(image);
    const auto typed = rest.subspan(4, 4 + static_cast<std::size_t>(length));
    const auto* data = reinterpret_cast<const Bytef*>(typed.data());
    const std::uint64_t expected = big_endian(rest.subspan(4 + typed.size(), 4));
    if (crc32_z(0, data, typed.size()) != expected) {
      throw Error(image.label + " is a damaged PNG: a checksum is wrong");
    }
    const std::string_view type(reinterpret_cast<const char*>(typed.data()), 4);
    if (first != (type == "IHDR")) throw Error(image.label + " is a damaged PNG: its header is missing or repeated");
    if (first) check_png_dimensions(image, typed.subspan(4));
    if (type == "IEND") return;
    rest = rest.subspan(kFrame + static_cast<std::size_t>(length));
  }
}

// Steps over the compressed data of a scan, to the marker after it. Within it 0xFF is followed by 0 or a restart's
// number.
std::size_t end_of_scan(std::span<const std::byte> bytes, std::size_t position) {
  while (position + 1 < bytes.size()) {
    const void* found = std::memchr(&bytes[position], 0xFF, bytes.size() - 1 - position);
    if (found == nullptr) break;
    position = static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
    const auto next = std::to_integer<unsigned>(bytes[position + 1]);
    if (next != 0x00 && (next < 0xD0 || next > 0xD7) && next != 0xFF) return position;
    position += next == 0xFF ? 1 : 2;
  }
  return bytes.size();
}

[[noreturn]] void refuse_jpeg(const Encoded& image, const char* what) {
  throw Error(fmt::format("{} is a damaged JPEG: {}", image.label, what));
}

// The Huffman tables of a segment (DHT). stb_image 2.27 writes past its own table when one has more than 256 codes.
void check_huffman_tables(const Encoded& image, std::span<const std::byte> segment) {
  constexpr std::size_t kLengths = 16, kMostCodes = 256;
  while (!segment.empty()) {
    if (segment.size() < 1 + kLengths) refuse_jpeg(image, "a Huffman table is cut short");
    std::size_t codes = 0;
    for (const std::byte count : segment.subspan(1, kLengths)) codes += std::to_integer<std::size_t>(count);
    if (codes > kMostCodes || codes > segment.size() - 1 - kLengths) {
      refuse_jpeg(image, "a Huffman table has more codes than it can");
    }
    segment = segment.subspan(1 + kLengths + codes);
  }
}

// The frame header (SOF). stb_image 2.27 reads past a row of a component whose sampling does not divide the largest
// one.
void check_frame(const Encoded& image, std::span<const std::byte> segment) {
  constexpr std::size_t kFixed = 6, kPerComponent = 3;
  if (segment.size() < kFixed) refuse_jpeg(image, "its header is cut short");
  const std::uint64_t height = big_endian(segment.subspan(1, 2));
  const std::uint64_t width = big_endian(segment.subspan(3, 2));
  const auto components = std::to_integer<std::size_t>(segment[5]);
  if (segment.size() != kFixed + components * kPerComponent) refuse_jpeg(image, "its header has the wrong length");
  unsigned widest = 1, highest = 1;
  const auto sampling = [&](std::size_t i) {
    return std::to_integer<unsigned>(segment[kFixed + i * kPerComponent + 1]);
  };
  for (std::size_t i = 0; i < components; ++i) {
    widest = std::max(widest, sampling(i) >> 4);
    highest = std::max(highest, sampling(i) & 15);
  }
  for (std::size_t i = 0; i < components; ++i) {
    const unsigned h = sampling(i) >> 4, v = sampling(i) & 15;
    if (h == 0 || v == 0 || widest % h != 0 || highest % v != 0) {
      refuse_jpeg(image, "the sampling of its components does not divide evenly");
    }
  }
  const std::uint64_t blocks = ((width + 7) / 8) * ((height + 7) / 8);
  if (blocks > image.bytes.size() * kJpegBlocksPerByte) refuse_dimensions(image, width, height);
}

// Walks the markers to the end of the image, which stb_image would do without, and checks what it trusts. Every segment
// that stb_image comes to is one of these: it reads the same lengths, and gives up wherever this walk skips bytes.
void check_jpeg(const Encoded& image) {
  const std::span<const std::byte> bytes = image.bytes;
  int scans = 0;
  std::size_t position = 2;
  while (true) {
    while (position < bytes.size() && bytes[position] != std::byte{0xFF}) ++position;
    while (position < bytes.size() && bytes[position] == std::byte{0xFF}) ++position;
    if (position >= bytes.size()) refuse_truncated(image);
    const auto marker = std::to_integer<unsigned>(bytes[position++]);
    if (marker == 0xD9) {  // end of image
      if (scans == 0) refuse_jpeg(image, "it has no pixels");
      return;
    }
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // stand alone
    if (bytes.size() - position < 2) refuse_truncated(image);
    const auto length = static_cast<std::size_t>(big_endian(bytes.subspan(position, 2)));
    if (length < 2 || length > bytes.size() - position) refuse_truncated(image);
    const auto segment = bytes.subspan(position + 2, length - 2);
    position += length;
    if (marker == 0xC4) check_huffman_tables(image, segment);
    if (marker >= 0xC0 && marker <= 0xC2) check_frame(image, segment);
    if (marker != 0xDA) continue;
    if (++scans > kMostScans) {
      throw Error(fmt::format("{} has more than {} scans, as no camera or program writes; save it again", image.label,
                              kMostScans));
    }
    position = end_of_scan(bytes, position);
  }
}

const stbi_uc* stb_bytes(const Encoded& image) { return reinterpret_cast<const stbi_uc*>(image.bytes.data()); }

[[noreturn]] void refuse_decoding(const Encoded& image) {
  throw Error(fmt::format("{} cannot be decoded: {}; save it again as PNG or baseline JPEG", image.label,
                          stbi_failure_reason()));
}

// All checks of one file; decodes nothing.
Encoded read_encoded(Source& source) {
  Encoded image;
  image.label = source.label();
  const auto begin = source.peek(kPngMagic.size());
  if (begin.empty()) throw Error(image.label + " is empty; a PNG or JPEG image was expected");
  if (!looks_like_image(begin)) throw Error(image.label + " is neither PNG nor JPEG");
  const bool png = begins_with(begin, kPngMagic);
  image.bytes = source.read_bytes(kLargest + 1);
  if (image.bytes.size() > kLargest) throw Error(image.label + " is larger than 2 GB; split the image");
  // Before stb_image sees any of it.
  if (png) {
    check_png(image);
  } else {
    check_jpeg(image);
  }
  const int size = static_cast<int>(image.bytes.size());
  if (stbi_info_from_memory(stb_bytes(image), size, &image.width, &image.height, &image.channels) == 0) {
    refuse_decoding(image);
  }
  image.deep = png && stbi_is_16_bit_from_memory(stb_bytes(image), size) != 0;
  const std::uint64_t pixels = static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  if (pixels * static_cast<std::uint64_t>(image.channels) * (image.deep ? 2 : 1) > kLargest) {
    throw Error(fmt::format("{} has {} x {} pixels, more than 2 GB when decoded; split or shrink it", image.label,
                            image.width, image.height));
  }
  return image;
}

struct FreePixels {
  void operator()(void* pixels) const { stbi_image_free(pixels); }
};

template <class Value>
void scale(const Value* values, std::span<float> out) {
  constexpr float kWhite = std::numeric_limits<Value>::max();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(values[i]) / kWhite;
}

void decode(const Encoded& image, std::span<float> out) {
  int width = 0, height = 0, channels = 0;
  const int size = static_cast<int>(image.bytes.size());
  void* decoded =
      image.deep ? static_cast<void*>(stbi_load_16_from_memory(stb_bytes(image), size, &width, &height, &channels, 0))
                 : static_cast<void*>(stbi_load_from_memory(stb_bytes(image), size, &width, &height, &channels, 0));
  const std::unique_ptr<void, FreePixels> pixels(decoded);
  if (!pixels) refuse_decoding(image);
  if (width != image.width || height != image.height || channels != image.channels) {
    throw Error(image.label + " is a damaged image: its pixels are not what its header says");
  }
  if (image.deep) {
    scale(static_cast<const stbi_us*>(pixels.get()), out);
  } else {
    scale(static_cast<const stbi_uc*>(pixels.get()), out);
  }
}

Array decode_batch(std::span<const Encoded> images) {
  const Encoded& first = images.front();
  const std::int64_t c = first.channels, h = first.height, w = first.width;
  Array batch =
      Array::make({}, DType::f32, {static_cast<std::int64_t>(images.size()), c, h, w}, {h * w * c, 1, w * c, c});
  const auto each = static_cast<std::size_t>(h * w * c);
  auto* out = reinterpret_cast<float*>(batch.bytes().data());
  for (const Encoded& image : images) {
    decode(image, {out, each});
    out += each;
  }
  return batch;
}

}  // namespace

Array read_images(std::span<const std::string> paths) {
  if (paths.empty()) throw Error("[read_images] there is no image to read");
  // All files are checked before the batch is made; encoded, they are small beside it.
  std::vector<Encoded> images;
  for (const std::string& path : paths) {
    const Encoded& image = images.emplace_back(read_encoded(*open_source(path)));
    const Encoded& first = images.front();
    if (image.width != first.width || image.height != first.height || image.channels != first.channels) {
      throw Error(
          fmt::format("{} has {} x {} pixels of {} channels, but {} has {} x {} of {}; a batch takes images of one "
                      "size",
                      image.label, image.width, image.height, image.channels, first.label, first.width, first.height,
                      first.channels));
    }
  }
  return decode_batch(images);
}

Array read_image(Source& source) {
  const Encoded image = read_encoded(source);
  return decode_batch({&image, 1});
}

bool looks_like_image(std::span<const std::byte> begin) {
  return begins_with(begin, kPngMagic) || begins_with(begin, kJpegMagic);
}

std::vector<std::byte> encode_png(std::span<const std::uint8_t> rgb, int width, int height) {
  if (width < 1 || height < 1 || rgb.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3) {
    throw Error(fmt::format("[png] {} bytes are not the pixels of {} x {}; give three for each", rgb.size(), width, height));
  }
  std::vector<std::byte> png;
  const auto take = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(context)->insert(static_cast<std::vector<std::byte>*>(context)->end(), bytes, bytes + size);
  };
  if (stbi_write_png_to_func(take, &png, width, height, 3, rgb.data(), width * 3) == 0) throw std::bad_alloc();
  return png;
}

}  // namespace norma::io
