// SPDX-License-Identifier: Apache-2.0
// .npy: what is read comes back to the bit from what would be written.
#include "io/npy.hpp"

#include "fuzzing.hpp"
#include "io/source.hpp"

using namespace norma;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes = std::as_bytes(std::span(data, size));
  for (const bool as_mask : {false, true}) {
    fuzz::done_or_refused([&] {
      const io::Array x = io::read_npy(*io::memory_source(bytes, "'fuzz'"), {.as_mask = as_mask});
      std::string file = io::npy_header(x.dtype(), x.shape(), false);
      io::for_each_piece(x.view(), [&](std::span<const std::byte> piece) {
        file.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      });
      // u8 is read as a mask alone.
      const io::ReadOptions again{.as_mask = x.dtype() == DType::u8};
      const io::Array back = io::read_npy(*io::memory_source(std::as_bytes(std::span(file)), "'again'"), again);
      fuzz::demand_same(x.view(), back.view(), "an array that was read comes back from its file");
    });
  }
  return 0;
}
