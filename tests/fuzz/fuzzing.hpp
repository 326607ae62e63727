// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "io/array.hpp"
#include "norma/error.hpp"

/// What the fuzz targets share. A target is one LLVMFuzzerTestOneInput; it is built with libFuzzer (`./run fuzz`), and with
/// a driver of our own (driver.cpp) that the tests run.

namespace norma::fuzz {

using Bytes = std::span<const std::uint8_t>;

/// Ends the process where a property does not hold, so that the fuzzer keeps the input.
inline void demand(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", property);
  std::abort();
}

/// Runs work; true where it was done, false where it was refused by one sentence. Every other exception ends the process.
template <class Work>
bool done_or_refused(const Work& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    demand(*error.what() != '\0' && std::strchr(error.what(), '\n') == nullptr, "a refusal is one sentence");
    return false;
  }
}

/// Bytes as a file that a path leads to, without a disk.
class MemoryFile {
 public:
  explicit MemoryFile(Bytes bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    demand(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "a file in memory was made");
    path_ = "/proc/self/fd/" + std::to_string(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }
  const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

/// A folder in memory, for what has to be written; gone with the process.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = "/dev/shm/norma-fuzz-XXXXXX";
    demand(::mkdtemp(pattern.data()) != nullptr, "a folder in /dev/shm was made");
    path_ = pattern;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Every byte is read, so that AddressSanitizer sees a view that is longer than its memory.
inline std::uint64_t checksum(const ConstView& x) {
  std::uint64_t sum = 0;
  io::for_each_piece(x, [&](std::span<const std::byte> piece) {
    for (const std::byte byte : piece) sum = sum * 31 + std::to_integer<std::uint64_t>(byte);
  });
  return sum;
}

/// Demands that two tensors are the same to the bit.
inline void demand_same(const ConstView& a, const ConstView& b, const char* property) {
  demand(a.dtype() == b.dtype() && a.shape() == b.shape() && checksum(a) == checksum(b), property);
}

/// Takes a value off the front of bytes; zeros where they have ended.
template <class T>
T take(Bytes& bytes) {
  T value{};
  const std::size_t count = bytes.size() < sizeof(T) ? bytes.size() : sizeof(T);
  if (count != 0) std::memcpy(&value, bytes.data(), count);  // an empty span may lie nowhere
  bytes = bytes.subspan(count);
  return value;
}

inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace norma::fuzz
