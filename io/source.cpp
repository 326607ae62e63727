// SPDX-License-Identifier: Apache-2.0
#include "io/source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::io {
namespace {

constexpr std::size_t kStep = std::size_t{1} << 20;
constexpr std::size_t kLargestCall = std::size_t{1} << 30;  // Linux reads and writes less than 2 GiB in one call

[[noreturn]] void refuse(const std::string& label, const char* what, int error_number) {
  throw Error(fmt::format("{} cannot be {}: {}", label, what, system_message(error_number)));
}

struct OpenFile {
  FileDescriptor file;
  bool seekable = false;
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};

OpenFile open_input(const std::string& path, const std::string& label) {
  OpenFile open;
  if (path == "-") {
    open.file = FileDescriptor(STDIN_FILENO);
  } else {
    if (path.find('\0') != std::string::npos) throw Error(label + " cannot be opened: a path holds no zero byte");
    open.file = FileDescriptor(retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY); }));
    if (!open.file) refuse(label, "opened", errno);
  }
  struct stat status {};
  if (::fstat(open.file.get(), &status) != 0) refuse(label, "opened", errno);
  if (S_ISDIR(status.st_mode)) throw Error(label + " is a directory; a file was expected");
  // Files under /proc call themselves regular and empty, and are neither: reading has to tell.
  open.seekable = S_ISREG(status.st_mode) && status.st_size > 0;
  if (!open.seekable) return open;
  const off_t position = ::lseek(open.file.get(), 0, SEEK_CUR);
  if (position < 0) refuse(label, "read", errno);
  open.begin = static_cast<std::uint64_t>(position);
  open.size = static_cast<std::uint64_t>(std::max<off_t>(status.st_size - position, 0));
  return open;
}

class FileSource final : public Source {
 public:
  FileSource(OpenFile open, std::string label) : Source(std::move(label)), open_(std::move(open)) {}

 private:
  std::size_t read_more(std::span<std::byte> out) override {
    const std::size_t wanted = std::min(out.size(), kLargestCall);
    const auto count = retry([&] { return ::read(open_.file.get(), out.data(), wanted); });
    if (count < 0) refuse(label(), "read", errno);
    taken_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
  std::optional<std::uint64_t> more() const override {
    if (!open_.seekable) return std::nullopt;
    return open_.size - std::min(taken_, open_.size);
  }

  OpenFile open_;
  std::uint64_t taken_ = 0;
};

class MemorySource final : public Source {
 public:
  MemorySource(std::span<const std::byte> bytes, std::string label) : Source(std::move(label)), left_(bytes) {}

 private:
  std::size_t read_more(std::span<std::byte> out) override {
    const std::size_t count = std::min(out.size(), left_.size());
    if (count > 0) std::memcpy(out.data(), left_.data(), count);
    left_ = left_.subspan(count);
    return count;
  }
  std::optional<std::uint64_t> more() const override { return left_.size(); }

  std::span<const std::byte> left_;
};

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

std::optional<std::uint64_t> Source::remaining() const {
  const auto count = more();
  return count ? std::optional(*count + peeked_.size()) : std::nullopt;
}

std::span<const std::byte> Source::peek(std::size_t count) {
  while (peeked_.size() < count) {
    const std::size_t before = peeked_.size();
    peeked_.resize(count);
    const std::size_t arrived = read_more(std::span(peeked_).subspan(before));
    peeked_.resize(before + arrived);
    if (arrived == 0) break;
  }
  return std::span<const std::byte>(peeked_).first(std::min(count, peeked_.size()));
}

std::size_t Source::read_some(std::span<std::byte> out) {
  if (out.empty()) return 0;
  if (peeked_.empty()) return read_more(out);
  const std::size_t count = std::min(out.size(), peeked_.size());
  std::memcpy(out.data(), peeked_.data(), count);
  peeked_.erase(peeked_.begin(), peeked_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

std::size_t Source::read_up_to(std::span<std::byte> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const std::size_t arrived = read_some(out.subspan(filled));
    if (arrived == 0) break;
    filled += arrived;
  }
  return filled;
}

void Source::read(std::span<std::byte> out) {
  const std::size_t arrived = read_up_to(out);
  if (arrived < out.size()) {
    throw Error(fmt::format("{} ends {} too early; it is truncated", label_, human_bytes(out.size() - arrived)));
  }
}

std::vector<std::byte> Source::read_bytes(std::uint64_t count) {
  std::vector<std::byte> bytes;
  if (const auto known = remaining()) bytes.reserve(static_cast<std::size_t>(std::min(count, *known)));
  while (bytes.size() < count) {
    const std::size_t before = bytes.size();
    bytes.resize(before + static_cast<std::size_t>(std::min<std::uint64_t>(count - before, kStep)));
    const std::size_t arrived = read_up_to(std::span(bytes).subspan(before));
    const bool ended = before + arrived < bytes.size();
    bytes.resize(before + arrived);
    if (ended) break;
  }
  return bytes;
}

std::unique_ptr<Source> open_source(const std::string& path) {
  std::string label = input_label(path);
  OpenFile open = open_input(path, label);
  return std::make_unique<FileSource>(std::move(open), std::move(label));
}

std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes, std::string label) {
  return std::make_unique<MemorySource>(bytes, std::move(label));
}

FileDescriptor unlinked_temporary() {
  const char* directory = std::getenv("TMPDIR");
  std::string path = std::string(directory != nullptr && *directory != '\0' ? directory : "/tmp") + "/norma-XXXXXX";
  FileDescriptor file(retry([&] { return ::mkostemp(path.data(), O_CLOEXEC); }));
  if (!file) {
    throw Error(fmt::format("a temporary file like {} cannot be made: {}; set TMPDIR to a folder that takes one",
                            in_quotes(path), system_message(errno)));
  }
  ::unlink(path.c_str());
  return file;
}

int write_fully(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = retry([&] { return ::write(fd, bytes.data(), std::min(bytes.size(), kLargestCall)); });
    if (count < 0) return errno;
    if (count == 0) return EIO;  // no progress and no reason: stop rather than spin
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

SeekableFile::SeekableFile(const std::string& path) : label_(input_label(path)) {
  OpenFile open = open_input(path, label_);
  if (open.seekable) {
    file_ = std::move(open.file);
    begin_ = open.begin;
    size_ = open.size;
    return;
  }
  FileSource source(std::move(open), label_);
  spool(source);
}

SeekableFile::SeekableFile(Source& source) : label_(source.label()) { spool(source); }

void SeekableFile::spool(Source& source) {
  file_ = unlinked_temporary();
  std::vector<std::byte> buffer(kStep);
  while (const std::size_t count = source.read_some(buffer)) {
    if (const int error = write_fully(file_.get(), std::span(buffer).first(count))) {
      throw Error(fmt::format("{} cannot be copied into a temporary file: {}; set TMPDIR to a folder with more room",
                              label_, system_message(error)));
    }
    size_ += count;
  }
}

std::size_t SeekableFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset >= size_) return 0;  // what is appended meanwhile is none of this file
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>({out.size(), kLargestCall, size_ - offset}));
  const auto position = static_cast<off_t>(begin_ + offset);
  const auto count = retry([&] { return ::pread(file_.get(), out.data(), wanted, position); });
  if (count < 0) refuse(label_, "read", errno);
  return static_cast<std::size_t>(count);
}

}  // namespace norma::io
