// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace norma::io {

/// An open file that closes itself. Moves, does not copy. Never closes standard input or output.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

/// Bytes in sequence, from whatever holds them. Readers take a Source, so that a tensor reads the same from a file, a
/// pipe, memory or a member of an archive.
///
/// Nothing is read ahead of what is asked for, except what peek() was asked for: from a pipe that never ends, a reader
/// takes what its format needs, and no more.
class Source {
 public:
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// For sentences: "'x.npy'", "standard input".
  const std::string& label() const { return label_; }

  /// How many bytes are still to come; nothing where only reading can tell (pipes).
  std::optional<std::uint64_t> remaining() const;

  /// The next bytes, up to count of them, without taking them; fewer only when there are no more. Valid until the next
  /// call.
  std::span<const std::byte> peek(std::size_t count);

  /// Takes up to out.size() bytes; returns how many, 0 at the end alone. Throws Error when reading fails.
  std::size_t read_some(std::span<std::byte> out);

  /// Takes as many bytes as there are, until out is full; returns how many.
  std::size_t read_up_to(std::span<std::byte> out);

  /// Fills out. Throws Error when the bytes end before.
  void read(std::span<std::byte> out);

  /// Takes count bytes, or all that are left when there are fewer. Memory grows with what arrives, not with count.
  std::vector<std::byte> read_bytes(std::uint64_t count);

  bool at_end() { return peek(1).empty(); }

 protected:
  explicit Source(std::string label) : label_(std::move(label)) {}

 private:
  virtual std::size_t read_more(std::span<std::byte> out) = 0;
  virtual std::optional<std::uint64_t> more() const = 0;

  std::string label_;
  std::vector<std::byte> peeked_;
};

/// A file, or standard input for "-". Throws Error when it cannot be opened or is a directory.
std::unique_ptr<Source> open_source(const std::string& path);

/// Bytes in memory; they must outlive the source.
std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes, std::string label);

/// Makes a call to the system, again as long as a signal interrupts it.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// A file that can be read at any place and more than once. What cannot (a pipe, a terminal) is copied into an unlinked
/// temporary file under $TMPDIR or /tmp first: it takes disk, not memory, and is gone when the process is.
class SeekableFile {
 public:
  /// path is a file, or "-" for standard input. Throws Error.
  explicit SeekableFile(const std::string& path);
  /// Copies what is left of source. Throws Error.
  explicit SeekableFile(Source& source);

  const std::string& label() const { return label_; }
  std::uint64_t size() const { return size_; }
  /// Bytes at offset, up to out.size() of them; 0 at the end alone. Throws Error when reading fails.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  void spool(Source& source);

  std::string label_;
  FileDescriptor file_;
  std::uint64_t begin_ = 0;
  std::uint64_t size_ = 0;
};

/// A fresh file with no name, for reading and writing, under $TMPDIR or /tmp. Throws Error.
FileDescriptor unlinked_temporary();

/// Writes all bytes, however many calls that takes. Returns 0, or errno.
int write_fully(int fd, std::span<const std::byte> bytes);

}  // namespace norma::io
