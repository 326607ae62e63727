// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/source.hpp"

namespace norma::io {

/// A file that comes into being whole or not at all.
///
/// What is written goes to a temporary file in the target's own folder; commit() syncs it and renames it into place.
/// Until then the target is what it was. Without commit() (an exception, a return) the temporary goes with the object;
/// on SIGINT, SIGTERM and SIGHUP a handler removes it and lets the signal do what it does. The handler is installed
/// only for signals that nobody handles; who handles them otherwise calls remove_pending_files().
///
/// path    "-" is standard output; what is there and is no file (a device, a pipe) is written directly, and neither can
/// be
///         taken back. A symbolic link stays one: what it points at is replaced. A directory is refused.
/// Mode    that of the file replaced, else what umask leaves of rw-rw-rw-.
/// Every failure is an Error with the path and the reason. Not for use by several threads at once.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// "'out.npy'" or "standard output".
  const std::string& label() const { return label_; }

  /// Small pieces are gathered, large ones go straight to the file.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// True for a file of one's own: false for standard output, devices and pipes.
  bool is_replacement() const { return slot_ >= 0; }

  /// The open file, after everything gathered so far was written to it. For writers that have to seek; only where
  /// is_replacement().
  int descriptor();

  /// Makes what was written the file. Once; nothing can be written after it.
  void commit();

 private:
  [[noreturn]] void refuse(const char* what, int error_number) const;
  void open_directly(const std::string& path);
  void open_replacement(const std::string& target);
  void flush();
  void close();
  void discard() noexcept;

  std::string path_, label_;
  std::string target_, temporary_;  // absolute, so that a change of folder in between changes nothing
  FileDescriptor file_;
  std::vector<std::byte> gathered_;
  int slot_ = -1;  // in the table of what a signal removes
  bool committed_ = false;
};

/// Removes the temporaries of this process that wait for their commit(). Async-signal-safe.
void remove_pending_files() noexcept;

}  // namespace norma::io
