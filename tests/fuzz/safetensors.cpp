// SPDX-License-Identifier: Apache-2.0
// .safetensors: what is read comes back to the bit from what is written.
#include "io/safetensors.hpp"

#include <vector>

#include "fuzzing.hpp"
#include "io/source.hpp"

using namespace norma;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  const std::string written = folder / "written.safetensors";
  const auto source = [&] { return io::memory_source(std::as_bytes(std::span(data, size)), "'fuzz'"); };
  fuzz::done_or_refused([&] {
    const io::Safetensors file = io::read_safetensors(*source());
    std::vector<io::NamedView> views;
    for (const auto& [name, x] : file.tensors) {
      views.push_back({.name = name, .view = x.view()});
      const io::Array alone = io::read_safetensor(*source(), {.name = name});
      fuzz::demand_same(x.view(), alone.view(), "a tensor read alone is the one read with all");
    }
    if (views.empty() || !fuzz::done_or_refused([&] { io::write_safetensors(written, views, file.metadata); })) return;
    const io::Safetensors back = io::read_safetensors(written);
    fuzz::demand(back.metadata == file.metadata && back.tensors.size() == file.tensors.size(), "a file comes back whole");
    for (const auto& [name, x] : file.tensors) {
      fuzz::demand_same(x.view(), back.tensors.at(name).view(), "a tensor that was written comes back");
    }
  });
  return 0;
}
