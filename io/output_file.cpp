// SPDX-License-Identifier: Apache-2.0
#include "io/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <random>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::io {
namespace {

constexpr std::size_t kGather = std::size_t{1} << 16;
constexpr int kAttempts = 100;
constexpr int kLinksFollowed = 40;  // as many as Linux follows

// What a signal handler may touch: plain memory of fixed size, claimed and released by one atomic.
struct PendingFile {
  enum State : int { kFree, kClaimed, kArmed };
  std::atomic<int> state{kFree};
  std::atomic<pid_t> owner{0};
  std::array<char, PATH_MAX> path{};
};
std::array<PendingFile, 64> g_pending;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);

int arm(const std::string& path) {
  if (path.size() >= PATH_MAX) throw Error(in_quotes(path, 200) + " cannot be written: its path is too long");
  for (std::size_t slot = 0; slot < g_pending.size(); ++slot) {
    int expected = PendingFile::kFree;
    if (!g_pending[slot].state.compare_exchange_strong(expected, PendingFile::kClaimed)) continue;
    std::memcpy(g_pending[slot].path.data(), path.c_str(), path.size() + 1);
    g_pending[slot].owner = ::getpid();
    g_pending[slot].state = PendingFile::kArmed;
    return static_cast<int>(slot);
  }
  throw Error(fmt::format("{} cannot be written: {} output files are open already; commit some of them first",
                          in_quotes(path), g_pending.size()));
}

void disarm(int slot) noexcept { g_pending[static_cast<std::size_t>(slot)].state = PendingFile::kFree; }

extern "C" void norma_io_remove_and_die(int signal) {
  remove_pending_files();
  // SA_RESETHAND has put the default back; the signal is delivered again as soon as this handler returns.
  ::raise(signal);
}

void watch_signals() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction now {};
      if (::sigaction(signal, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL) {
        continue;
      }
      struct sigaction ours {};
      ours.sa_handler = norma_io_remove_and_die;
      ours.sa_flags = static_cast<int>(SA_RESETHAND);
      ::sigemptyset(&ours.sa_mask);
      ::sigaction(signal, &ours, nullptr);
    }
  });
}

std::string random_name() {
  static std::mutex mutex;
  static std::mt19937_64 generator{std::random_device{}()};
  const std::lock_guard lock(mutex);
  return fmt::format(".norma-{}-{:016x}.tmp", ::getpid(), generator());
}

// The absolute path that writing to path makes or replaces, through symbolic links, also those that point at nothing
// yet.
std::filesystem::path final_target(const std::string& path) {
  std::filesystem::path target = std::filesystem::absolute(path);
  for (int followed = 0; std::filesystem::is_symlink(std::filesystem::symlink_status(target)); ++followed) {
    if (followed == kLinksFollowed) {
      throw std::filesystem::filesystem_error("", std::make_error_code(std::errc::too_many_symbolic_link_levels));
    }
    target = target.parent_path() / std::filesystem::read_symlink(target);  // an absolute link replaces all of it
  }
  return target;
}

}  // namespace

void remove_pending_files() noexcept {
  for (PendingFile& pending : g_pending) {
    // A forked child shares the table but owns none of its parent's files.
    if (pending.state == PendingFile::kArmed && pending.owner == ::getpid()) ::unlink(pending.path.data());
  }
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)), label_(output_label(path_)) {
  if (path_ == "-") {
    file_ = FileDescriptor(STDOUT_FILENO);
    return;
  }
  if (path_.empty() || path_.find('\0') != std::string::npos) refuse("written", ENOENT);
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) throw Error(label_ + " is a directory; name a file in it");
    if (!S_ISREG(status.st_mode)) {
      open_directly(path_);
      return;
    }
    // Renaming over a file asks its folder alone; who protected the file meant it.
    if (::access(path_.c_str(), W_OK) != 0) refuse("written", errno);
  } else if (errno != ENOENT) {
    refuse("written", errno);
  }
  std::string target;
  try {
    target = final_target(path_).string();
  } catch (const std::filesystem::filesystem_error& error) {
    refuse("written", error.code().value());
  }
  if (target.ends_with('/')) throw Error(label_ + " is a directory's name; name a file in it");
  open_replacement(target);
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::refuse(const char* what, int error_number) const {
  throw Error(fmt::format("{} cannot be {}: {}", label_, what, system_message(error_number)));
}

void OutputFile::open_directly(const std::string& path) {
  const int fd = retry([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY); });
  if (fd < 0) refuse("written", errno);
  file_ = FileDescriptor(fd);
}

void OutputFile::open_replacement(const std::string& target) {
  watch_signals();
  target_ = target;
  const std::filesystem::path folder = std::filesystem::path(target).parent_path();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary_ = (folder / random_name()).string();
    slot_ = arm(temporary_);  // before it exists, so that no signal finds it unlisted
    const int fd = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd >= 0) {
      file_ = FileDescriptor(fd);
      break;
    }
    const int error_number = errno;
    disarm(slot_);
    slot_ = -1;
    if (error_number != EEXIST && error_number != EINTR) refuse("written", error_number);
  }
  if (!file_) refuse("written", EEXIST);
  struct stat old {};
  if (::stat(target.c_str(), &old) == 0 && ::fchmod(file_.get(), old.st_mode & 0777) != 0) {
    const int error_number = errno;
    discard();
    refuse("written", error_number);
  }
}

void OutputFile::write(std::span<const std::byte> bytes) {
  if (gathered_.size() + bytes.size() > kGather) flush();
  if (bytes.size() < kGather) {
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
  } else if (const int error_number = write_fully(file_.get(), bytes)) {
    refuse("written", error_number);
  }
}

int OutputFile::descriptor() {
  flush();
  return file_.get();
}

void OutputFile::flush() {
  if (const int error_number = write_fully(file_.get(), gathered_)) refuse("written", error_number);
  gathered_.clear();
}

void OutputFile::close() {
  const int fd = file_.release();
  if (fd > STDERR_FILENO && ::close(fd) != 0 && errno != EINTR) refuse("written", errno);
}

void OutputFile::commit() {
  flush();
  if (!is_replacement()) {
    close();
    committed_ = true;
    return;
  }
  // Made before the rename: from there on nothing may fail, as the file is the new one.
  const std::string parent = std::filesystem::path(target_).parent_path().string();
  if (retry([&] { return ::fsync(file_.get()); }) != 0) refuse("written", errno);
  close();
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) refuse("replaced", errno);
  committed_ = true;
  disarm(slot_);
  // The rename itself is made durable where the folder can be synced; where it cannot, the file is whole all the same.
  const FileDescriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

void OutputFile::discard() noexcept {
  if (slot_ < 0 || committed_) return;
  // In a forked child the file is the parent's to keep.
  if (g_pending[static_cast<std::size_t>(slot_)].owner != ::getpid()) return;
  ::unlink(temporary_.c_str());
  disarm(slot_);
  slot_ = -1;
}

}  // namespace norma::io
