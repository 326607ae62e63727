// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string_view>

namespace norma::cli {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr auto kFrame = std::chrono::milliseconds(100);
constexpr std::uint64_t kCells = 30;

// What fails here is a picture alone, and nobody's concern.
void to_terminal(std::string_view text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && !(kind != nullptr && std::string_view(kind) == "dumb");
}

}  // namespace

Progress::Progress() {
  if (!is_terminal()) return;
  // Signals are for the main thread, whose calls they interrupt.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  drawer_ = std::thread([this] { draw_until_stopped(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Progress::stage(std::string what, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  what_ = std::move(what);
  total_ = total;
  done_ = 0;
}

void Progress::stop() {
  if (!drawer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
  drawer_.join();
}

void Progress::draw_until_stopped() {
  std::unique_lock lock(mutex_);
  const auto stopped = [this] { return stopped_; };
  if (wake_.wait_for(lock, kPatience, stopped)) return;
  do {
    if (!what_.empty()) to_terminal("\r\x1b[K" + line());
  } while (!wake_.wait_for(lock, kFrame, stopped));
  to_terminal("\r\x1b[K");
}

std::string Progress::line() const {
  if (total_ == 0) {
    return fmt::format("{} … {} s", what_, std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began_).count());
  }
  const double share = std::min(1.0, static_cast<double>(done_.load()) / static_cast<double>(total_));
  const auto full = static_cast<std::uint64_t>(share * kCells);
  std::string bar;
  for (std::uint64_t cell = 0; cell < kCells; ++cell) bar += cell < full ? "━" : "╌";
  return fmt::format("{} {} {:3.0f}%", what_, bar, 100 * share);
}

void CountingRunner::run(std::int64_t tasks, void (*task)(void* context, std::int64_t index), void* context) {
  struct Counted {
    void (*task)(void* context, std::int64_t index);
    void* context;
    Progress& progress;
    std::atomic<std::uint64_t> done{0};
  } counted{task, context, progress_};
  progress_.stage(what_, static_cast<std::uint64_t>(tasks));
  runner_.run(
      tasks,
      [](void* self, std::int64_t index) {
        auto& work = *static_cast<Counted*>(self);
        work.task(work.context, index);
        work.progress.set(++work.done);
      },
      &counted);
}

}  // namespace norma::cli
