// SPDX-License-Identifier: Apache-2.0
#include "norma/parallel.hpp"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace norma {

namespace {

constexpr int kMostThreads = 1024;

class Serial final : public Runner {
 public:
  void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
    for (std::int64_t i = 0; i < tasks; ++i) task(context, i);
  }
  int concurrency() const override { return 1; }
};

/// Workers sleep on one word: a generation, whether its job is open, and how many workers are inside it. The caller closes the
/// job when it finds no task left and waits for those inside alone, so that a worker that wakes late costs nothing.
class Pool final : public Runner {
 public:
  explicit Pool(int threads) { start(threads); }
  ~Pool() override { stop(); }

  void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
    std::unique_lock lock(busy_, std::try_to_lock);
    if (tasks < 2 || !lock || workers_.empty()) return serial_runner().run(tasks, task, context);
    task_ = task;
    context_ = context;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    state_.store((state_.load(std::memory_order_relaxed) & ~kLow) + kGeneration + kOpen, std::memory_order_release);
    state_.notify_all();
    work();
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);
    while (state_.load(std::memory_order_acquire) & kInside) std::this_thread::yield();
  }

  int concurrency() const override { return concurrency_.load(std::memory_order_relaxed); }

  void resize(int threads) {
    const std::lock_guard lock(busy_);
    stop();
    start(threads);
  }

 private:
  static constexpr std::uint64_t kInside = 0xFFFF, kOpen = 0x10000, kStop = 0x20000, kGeneration = 0x40000,
                                 kLow = kGeneration - 1;
  static constexpr int kSpins = 4000;  // some 20 µs: back-to-back calls find the workers awake

  void start(int threads) {
    concurrency_.store(threads, std::memory_order_relaxed);
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
  }

  void stop() {
    state_.fetch_or(kStop, std::memory_order_acq_rel);
    state_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    state_.fetch_and(~kStop, std::memory_order_acq_rel);
  }

  void work() {
    for (std::int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) task_(context_, i);
  }

  void serve() {
    std::uint64_t seen = 0;
    for (;;) {
      std::uint64_t now = state_.load(std::memory_order_acquire);
      for (int spin = 0; spin < kSpins && !(now & (kStop | kOpen)); ++spin) {
        relax();
        now = state_.load(std::memory_order_acquire);
      }
      if (now & kStop) return;
      if (!(now & kOpen) || (now & ~kLow) == seen) {
        state_.wait(now, std::memory_order_acquire);
        continue;
      }
      if (!state_.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) continue;
      seen = now & ~kLow;
      work();
      state_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  static void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::mutex busy_;
  std::vector<std::thread> workers_;
  std::atomic<int> concurrency_{1};
  std::atomic<std::uint64_t> state_{0};
  std::atomic<std::int64_t> next_{0};
  void (*task_)(void*, std::int64_t) = nullptr;
  void* context_ = nullptr;
  std::int64_t tasks_ = 0;
};

int processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

int wished_threads() {
  const char* text = std::getenv("NORMA_NUM_THREADS");
  if (text == nullptr || *text == '\0') return std::min(processors(), kMostThreads);
  int threads = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, threads);
  if (error != std::errc() || stop != end || threads < 1 || threads > kMostThreads) {
    throw Error("[NORMA_NUM_THREADS] '" + std::string(text) + "' is not a number of threads; give 1 to " +
                std::to_string(kMostThreads));
  }
  return threads;
}

Pool& pool() {
  static Pool the_pool(wished_threads());
  return the_pool;
}

}  // namespace

Runner& default_runner() { return pool(); }

Runner& serial_runner() {
  static Serial serial;
  return serial;
}

void set_num_threads(int threads) {
  if (threads < 1 || threads > kMostThreads) {
    throw Error("[num_threads] " + std::to_string(threads) + " is not a number of threads; give 1 to " +
                std::to_string(kMostThreads));
  }
  pool().resize(threads);
}

int num_threads() { return pool().concurrency(); }

}  // namespace norma
