// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "norma/parallel.hpp"

namespace norma::cli {

/// A line on the terminal that says what takes so long: a bar where the amount of work is known, else the seconds.
///
/// It appears after half a second, on standard error, where that is a terminal; in a pipe, and for short work, there is
/// none. It is gone when the Progress is, so that what comes next begins on a clean line.
class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { stop(); }

  /// Begins a stage: "reading 'x.npy'". total 0: not known.
  void stage(std::string what, std::uint64_t total = 0);

  /// How much of the stage is done. Safe from any thread, and cheap.
  void set(std::uint64_t done) { done_.store(done, std::memory_order_relaxed); }

  /// Takes the line away; nothing is drawn from then on.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  void draw_until_stopped();
  std::string line() const;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string what_;
  std::uint64_t total_ = 0;
  Clock::time_point began_ = Clock::now();
  std::atomic<std::uint64_t> done_{0};
  bool stopped_ = false;
  std::thread drawer_;  // only on a terminal
};

/// Runs Norma's work on another Runner, and tells a Progress which part of the tasks is done.
class CountingRunner : public Runner {
 public:
  CountingRunner(Runner& runner, Progress& progress, std::string what)
      : runner_(runner), progress_(progress), what_(std::move(what)) {}
  void run(std::int64_t tasks, void (*task)(void* context, std::int64_t index), void* context) override;
  int concurrency() const override { return runner_.concurrency(); }

 private:
  Runner& runner_;
  Progress& progress_;
  std::string what_;
};

}  // namespace norma::cli
