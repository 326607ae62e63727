// SPDX-License-Identifier: Apache-2.0
// Runs the command `norma` as a user does: a process, its streams and its exit status.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "io_testing.hpp"

extern char** environ;

namespace norma::cli::testing {

using io::testing::read_file;
using io::testing::TestFolder;
using io::testing::write_file;

/// How a process ended.
struct Ended {
  int status = -1;  // exit status; -signal where a signal ended it
  std::string out, err;
  long peak_kb = 0;  // the largest resident size
};

/// A running `norma` with its streams in files of a folder.
class Process {
 public:
  Process(const TestFolder& folder, const std::vector<std::string>& arguments, const std::string& in = "/dev/null",
          const std::string& out = {})
      : out_(out.empty() ? folder / "stdout" : out), err_(folder / "stderr") {
    std::vector<char*> argv;
    words_ = arguments;
    words_.insert(words_.begin(), NORMA_PROGRAM);
    for (std::string& word : words_) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, in.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(::posix_spawn(&pid_, NORMA_PROGRAM, &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  Ended wait() {
    int status = 0;
    rusage usage{};
    EXPECT_EQ(::wait4(pid_, &status, 0, &usage), pid_);
    const bool file = out_.rfind("/dev/", 0) != 0;
    return {WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status), file ? read_file(out_) : std::string(),
            read_file(err_), usage.ru_maxrss};
  }

 private:
  std::vector<std::string> words_;
  std::string out_, err_;
  pid_t pid_ = -1;
};

inline Ended run(const TestFolder& folder, const std::vector<std::string>& arguments, const std::string& in = "/dev/null",
                 const std::string& out = {}) {
  return Process(folder, arguments, in, out).wait();
}

inline Ended succeed(const TestFolder& folder, const std::vector<std::string>& arguments, const std::string& in = "/dev/null") {
  Ended ended = run(folder, arguments, in);
  EXPECT_EQ(ended.status, 0) << ended.err;
  return ended;
}

/// EXPECT one sentence on standard error that holds the parts, status 2, nothing on standard output.
inline void expect_refused(const TestFolder& folder, const std::vector<std::string>& arguments,
                           const std::vector<std::string>& parts, const std::string& in = "/dev/null") {
  const Ended ended = run(folder, arguments, in);
  EXPECT_EQ(ended.status, 2) << ended.err;
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err.rfind("norma: ", 0), 0U) << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  for (const std::string& part : parts) EXPECT_NE(ended.err.find(part), std::string::npos) << part << " in: " << ended.err;
}

inline std::string sample(const std::string& name) { return std::string(NORMA_SOURCE_DIR) + "/data/" + name; }

}  // namespace norma::cli::testing
