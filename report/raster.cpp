// SPDX-License-Identifier: Apache-2.0
#include "report/raster.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "norma/error.hpp"

extern char** environ;

namespace norma::report {

namespace {

constexpr const char* kProgram = "rsvg-convert";

[[noreturn]] void refuse(int error_number) {
  throw Error(fmt::format("[png] pictures cannot be made into pixels: {}", std::generic_category().message(error_number)));
}

/// A file in memory, so that neither side of a pipe waits for the other.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("norma", MFD_CLOEXEC)) {
    if (descriptor_ < 0) refuse(errno);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(descriptor_); }

  int descriptor() const { return descriptor_; }

  void write_all(const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t count = write(descriptor_, bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) refuse(errno);
      done += static_cast<std::size_t>(count);
    }
    lseek(descriptor_, 0, SEEK_SET);
  }

  std::string read_all() {
    lseek(descriptor_, 0, SEEK_SET);
    std::string bytes;
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t count = read(descriptor_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) refuse(errno);
      if (count == 0) return bytes;
      bytes.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  int descriptor_;
};

}  // namespace

std::string png_of(const std::string& svg, double zoom) {
  MemoryFile input, output, complaint;
  input.write_all(svg);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.descriptor(), 0);
  posix_spawn_file_actions_adddup2(&actions, output.descriptor(), 1);
  posix_spawn_file_actions_adddup2(&actions, complaint.descriptor(), 2);
  std::string zoom_option = fmt::format("--zoom={}", zoom), format_option = "--format=png", program = kProgram;
  // Large sheets are not what --unlimited guards against: the SVG is our own.
  std::string unlimited = "--unlimited";
  std::array<char*, 5> arguments = {program.data(), format_option.data(), zoom_option.data(), unlimited.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, kProgram, &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    throw Error(
        "[png] the program rsvg-convert is not installed; install it (Debian: librsvg2-bin), or write --svg in place of --png");
  }
  if (error != 0) refuse(error);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::string why = complaint.read_all();
    throw Error(fmt::format("[png] rsvg-convert failed: {}; write --svg in place of --png", why.substr(0, 300)));
  }
  return output.read_all();
}

}  // namespace norma::report
