// SPDX-License-Identifier: Apache-2.0
// The statistics that `standardize --save` writes and `--stats` reads: what is read and written is read as the same.
#include "cli/key_statistics.hpp"
#include "fuzzing.hpp"

using namespace norma;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  const std::string written = folder / "written.csv";
  const fuzz::MemoryFile file({data, size});
  for (const auto& by : {std::vector<std::string>{}, std::vector<std::string>{"region"}, std::vector<std::string>{"region", "year"}}) {
    fuzz::done_or_refused([&] {
      const auto statistics = cli::KeyStatistics::load(file.path(), by, {"income"});
      for (std::int64_t k = 0; k < statistics.keys(); ++k) {
        fuzz::demand(!statistics.label(k).empty() || by.empty(), "a key has a label");
        fuzz::demand(!(statistics.deviation(k, 0) < 0), "a deviation is not negative");
      }
      statistics.save(written);
      const auto again = cli::KeyStatistics::load(written, by, {"income"});
      fuzz::demand(again.keys() == statistics.keys(), "all keys come back");
      for (std::int64_t k = 0; k < again.keys(); ++k) {
        const Moments &a = statistics.of(k, 0), &b = again.of(k, 0);
        fuzz::demand(a.count == b.count && a.mean == b.mean && a.mean_low == b.mean_low && a.m2 == b.m2, "moments come back");
      }
    });
  }
  return 0;
}
