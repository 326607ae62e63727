// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstddef>

namespace norma::test::faults {
namespace {

std::atomic<bool> armed{false}, has_fired{false};
std::atomic<long> counted{0};
long wanted = 0;
Call what = Call::allocate;
How manner = How::fail;
int with = 0;

/// Counts a call; true for the one that fails.
bool falls_on(Call call) {
  if (!armed.load(std::memory_order_relaxed)) return false;
  if (call != what && (what != Call::step || call == Call::allocate)) return false;
  if (counted.fetch_add(1) + 1 != wanted) return false;
  has_fired = true;
  return true;
}

/// -1 where this call fails, 1 where it is to do half, else 0.
int verdict(Call call) {
  if (!falls_on(call)) return 0;
  if (manner == How::signal) {
    ::raise(with);
    return 0;
  }
  if (manner == How::shorten) return 1;
  errno = with;
  return -1;
}

}  // namespace

void arm(Call call, long nth, How how, int number) {
  armed = false;
  what = call, manner = how, with = number;
  wanted = nth, counted = 0;
  has_fired = false;
  armed = true;
}

void disarm() { armed = false; }
bool fired() { return has_fired; }
long seen() { return counted; }

}  // namespace norma::test::faults

using norma::test::faults::Call;
using norma::test::faults::verdict;

extern "C" {

#ifdef NORMA_FAULTS_IN_MALLOC
// glibc's own names for what is replaced here; operator new calls malloc.
void* __libc_malloc(std::size_t size);                        // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t size);     // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* pointer, std::size_t size);        // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t size) noexcept { return verdict(Call::allocate) < 0 ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) noexcept { return verdict(Call::allocate) < 0 ? nullptr : __libc_calloc(count, size); }
void* realloc(void* pointer, std::size_t size) noexcept { return verdict(Call::allocate) < 0 ? nullptr : __libc_realloc(pointer, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return verdict(Call::allocate) < 0 ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** pointer, std::size_t alignment, std::size_t size) noexcept {
  if (verdict(Call::allocate) < 0) return ENOMEM;
  *pointer = __libc_memalign(alignment, size);
  return *pointer == nullptr ? ENOMEM : 0;
}
#endif

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  // Reading is no step of an output.
  if ((flags & O_ACCMODE) != O_RDONLY && verdict(Call::open) < 0) return -1;
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int fd, const void* bytes, std::size_t count) {
  const int says = fd > STDERR_FILENO ? verdict(Call::write) : 0;
  return says < 0 ? -1 : ::syscall(SYS_write, fd, bytes, says > 0 ? (count + 1) / 2 : count);
}

ssize_t pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  const int says = verdict(Call::write);
  return says < 0 ? -1 : ::syscall(SYS_pwrite64, fd, bytes, says > 0 ? (count + 1) / 2 : count, offset);
}

int fsync(int fd) { return verdict(Call::sync) < 0 ? -1 : static_cast<int>(::syscall(SYS_fsync, fd)); }

int rename(const char* from, const char* to) noexcept {
  return verdict(Call::rename) < 0 ? -1 : static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

int close(int fd) {
  // As Linux does: whatever it returns, the number is free.
  const int says = fd > STDERR_FILENO ? verdict(Call::close) : 0;
  const int result = static_cast<int>(::syscall(SYS_close, fd));
  if (says >= 0) return result;
  errno = norma::test::faults::with;
  return -1;
}

int fchmod(int fd, mode_t mode) noexcept {
  return verdict(Call::change_mode) < 0 ? -1 : static_cast<int>(::syscall(SYS_fchmod, fd, mode));
}

int ftruncate(int fd, off_t length) noexcept {
  return verdict(Call::truncate) < 0 ? -1 : static_cast<int>(::syscall(SYS_ftruncate, fd, length));
}

}  // extern "C"
