// SPDX-License-Identifier: Apache-2.0
// norma_soak [--minutes N] [--threads N] [--seed N]: shapes of all kinds from several threads at once, for a long time. Each
// result is compared, bit for bit, with what the case gave alone; the memory of the process is looked at throughout.
// Ends with 1 where a bit differed or the memory grew.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "norma/layers.hpp"
#include "outcome.hpp"

namespace {

using namespace norma;
using namespace norma::test;
using Clock = std::chrono::steady_clock;

constexpr int kSmallCases = 40, kLargeCases = 3;  // each thread's
constexpr double kWarm = 0.1;                     // the share of the time after which memory must not grow
constexpr double kRoom = 1 << 20;                 // bytes that it may, for what the system's allocator keeps apart

double resident() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, in_memory = 0;
  file >> pages >> in_memory;
  return static_cast<double>(in_memory) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// A case, what it gave alone, and a layer that trains along.
struct Work {
  Case c;
  Outcome alone;
};

std::vector<std::unique_ptr<Work>> make_work(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::unique_ptr<Work>> all;
  for (int i = 0; i < kSmallCases + kLargeCases; ++i) {
    auto work = std::make_unique<Work>();
    work->c = i < kSmallCases ? random_case(random, 3000) : random_large_case(random);
    work->alone = outcome_of(work->c, serial_runner());
    all.push_back(std::move(work));
  }
  return all;
}

struct Counts {
  std::atomic<long> calls{0}, wrong{0};
  std::atomic<bool> stop{false};
};

void soak(std::vector<std::unique_ptr<Work>>& work, std::uint64_t seed, Counts& counts) {
  Random random(seed);
  BatchNorm layer(8);
  std::vector<float> x(4 * 8 * 33, 0.25F), y(x.size());
  while (!counts.stop) {
    Work& now = *work[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(work.size()) - 1))];
    if (!(outcome_of(now.c, default_runner()) == now.alone)) {
      if (++counts.wrong < 10) std::fprintf(stderr, "soak: other bits than alone: %s\n", now.c.text().c_str());
    }
    const std::int64_t samples = random.integer(1, 4);
    layer.forward(view(x.data(), {samples, 8, 33}), view(y.data(), {samples, 8, 33}));
    ++counts.calls;
  }
}

double option(int argc, char** argv, const std::string& name, double otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (argv[i] == name) return std::atof(argv[i + 1]);
  }
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const double minutes = option(argc, argv, "--minutes", 30);
  const int threads = static_cast<int>(option(argc, argv, "--threads", 8));
  const auto seed = static_cast<std::uint64_t>(option(argc, argv, "--seed", 1));
  Counts counts;
  std::vector<std::vector<std::unique_ptr<Work>>> work;
  for (int t = 0; t < threads; ++t) work.push_back(make_work(seed + static_cast<std::uint64_t>(t)));
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] { soak(work[static_cast<std::size_t>(t)], seed * 1000 + static_cast<std::uint64_t>(t), counts); });
  }
  const auto begin = Clock::now();
  double after_warming = 0, most = 0, last = 0;
  for (double part = 0; part < 1;) {
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(10.0, minutes * 60 / 20)));
    part = std::chrono::duration<double>(Clock::now() - begin).count() / (minutes * 60);
    last = resident();
    most = std::max(most, last);
    if (part <= kWarm) after_warming = std::max(after_warming, last);
  }
  counts.stop = true;
  for (std::thread& thread : all) thread.join();
  const bool flat = last <= after_warming + kRoom, right = counts.wrong == 0;
  std::printf("soak: %.1f minutes, %d threads, seed %llu: %ld rounds of nine calls, %ld with other bits; resident memory %.1f MB after a "
              "tenth of the time, %.1f MB at the end, %.1f MB at most: %s\n",
              minutes, threads, static_cast<unsigned long long>(seed), counts.calls.load(), counts.wrong.load(), after_warming / 1e6,
              last / 1e6, most / 1e6, flat && right ? "flat and right" : flat ? "wrong" : "grown");
  return flat && right ? 0 : 1;
}
