// SPDX-License-Identifier: Apache-2.0
// PNG and JPEG, through our checks into stb_image: pixels in [0, 1], or a refusal.
#include "io/image.hpp"

#include <zlib.h>

#include "fuzzing.hpp"
#include "io/source.hpp"

using namespace norma;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::done_or_refused([&] {
    const io::Array x = io::read_image(*io::memory_source(std::as_bytes(std::span(data, size)), "'fuzz'"));
    io::for_each_piece(x.view(), [](std::span<const std::byte> piece) {
      for (std::size_t i = 0; i < piece.size(); i += sizeof(float)) {
        float value = 0;
        std::memcpy(&value, &piece[i], sizeof value);
        fuzz::demand(value >= 0 && value <= 1, "a pixel lies in [0, 1]");
      }
    });
  });
  return 0;
}

namespace {

/// Gives the chunks of a PNG the checksums that their bytes have, as no random change would.
void repair(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMagic = 8, kFrame = 12;
  for (std::size_t at = kMagic; at + kFrame <= size;) {
    const std::size_t length = std::size_t{data[at]} << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
    if (length > size - at - kFrame) return;
    const auto sum = static_cast<std::uint32_t>(crc32_z(0, data + at + 4, length + 4));
    for (int i = 0; i < 4; ++i) data[at + 8 + length + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += kFrame + length;
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  const std::size_t now = LLVMFuzzerMutate(data, size, most);
  if (seed % 8 != 0 && now > 0 && data[0] == 0x89) repair(data, now);
  return now;
}
