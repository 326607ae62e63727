// SPDX-License-Identifier: Apache-2.0
// .npz: every member of an archive is read or refused.
#include "io/npz.hpp"

#include <zlib.h>

#include "fuzzing.hpp"

using namespace norma;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  fuzz::done_or_refused([&] {
    io::NpzFile archive(file.path());
    fuzz::done_or_refused([&] { fuzz::checksum(archive.read().view()); });
    for (const std::string& name : archive.names()) {
      fuzz::done_or_refused([&] { fuzz::checksum(archive.read({.name = name}).view()); });
    }
  });
  return 0;
}

namespace {

std::uint32_t little_endian(const std::uint8_t* at, int count) {
  std::uint32_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | at[i];
  return value;
}

/// Gives stored members the checksums that their bytes have, in their own headers and in the directory, as no random change
/// would.
void repair(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLocal = 30, kEntry = 46;
  for (std::size_t entry = 0; entry + kEntry <= size; ++entry) {
    if (std::memcmp(data + entry, "PK\x01\x02", 4) != 0) continue;
    const std::size_t local = little_endian(data + entry + 42, 4), length = little_endian(data + entry + 20, 4);
    if (little_endian(data + entry + 10, 2) != 0 || local + kLocal > size) continue;
    const std::size_t begin = local + kLocal + little_endian(data + local + 26, 2) + little_endian(data + local + 28, 2);
    if (begin > size || length > size - begin) continue;
    const std::uint32_t sum = static_cast<std::uint32_t>(crc32_z(0, data + begin, length));
    std::memcpy(data + entry + 16, &sum, sizeof sum);
    std::memcpy(data + local + 14, &sum, sizeof sum);
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  const std::size_t now = LLVMFuzzerMutate(data, size, most);
  if (seed % 4 != 0) repair(data, now);
  return now;
}
