// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target where there is no libFuzzer: on every seed, cut and changed at random for some seconds. It looks at no
// coverage, and is no campaign: it keeps the targets running and the seeds passing on every compiler.
//
//     fuzz_npy [--seconds N] [--seed N] FILE_OR_FOLDER...
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" [[gnu::weak]] std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMost = 4096;

std::mt19937_64 engine;

std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(engine() % n); }

Input read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "fuzz: '%s' cannot be read\n", path.c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Input> seeds_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const fs::path path : paths) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> seeds;
  for (const fs::path& file : files) seeds.push_back(read(file));
  return seeds;
}

// What ran when the process ended is written where it can be found.
Input running;

void keep() {
  const std::string path = "crash-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(running.data()), static_cast<std::streamsize>(running.size()));
  std::fprintf(stderr, "fuzz: the input is kept as %s\n", path.c_str());
}

void run(const Input& input) {
  running = input;
  const Input exact(input);  // of its own size, for AddressSanitizer
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most) {
  for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
    const std::size_t at = below(size), count = std::min(below(8) + 1, size - at);
    switch (below(6)) {
      case 0:
        if (size > 0) data[at] ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 1:
        if (size > 0) data[at] = static_cast<std::uint8_t>(engine());
        break;
      case 2:
        if (size > 0) data[at] = static_cast<std::uint8_t>(data[at] + below(9) - 4);
        break;
      case 3:  // takes some bytes out
        std::copy(data + at + count, data + size, data + at);
        size -= count;
        break;
      case 4:  // says some twice
        if (size + count > most) break;
        std::copy_backward(data + at, data + size, data + size + count);
        size += count;
        break;
      default:
        if (below(8) == 0) size = at;  // cuts
        break;
    }
  }
  return size;
}

int main(int argc, char** argv) {
  double seconds = 0;
  std::uint64_t seed = 20240601;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--seconds" && i + 1 < argc) {
      seconds = std::atof(argv[++i]);
    } else if (word == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      paths.push_back(word);
    }
  }
  engine.seed(seed);
  const std::vector<Input> seeds = seeds_of(paths);
  if (seeds.empty()) {
    std::fputs("fuzz: there are no seeds; name a file or a folder of them\n", stderr);
    return 2;
  }
  std::signal(SIGABRT, [](int) { keep(); });
  std::set_terminate([] { keep(); });
  for (const Input& input : seeds) run(input);
  std::uint64_t runs = seeds.size();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    Input input = seeds[below(seeds.size())];
    const std::size_t size = input.size();
    input.resize(std::max(size + 64, kMost));
    input.resize(LLVMFuzzerCustomMutator != nullptr
                     ? LLVMFuzzerCustomMutator(input.data(), size, input.size(), static_cast<unsigned>(engine()))
                     : LLVMFuzzerMutate(input.data(), size, input.size()));
    run(input);
    ++runs;
  }
  std::printf("fuzz: %llu runs from %zu seeds (--seed %llu)\n", static_cast<unsigned long long>(runs), seeds.size(),
              static_cast<unsigned long long>(seed));
  return 0;
}
