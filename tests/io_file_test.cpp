// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <stdexcept>

#include "io/csv.hpp"
#include "io/npy.hpp"
#include "io/output_file.hpp"
#include "io/tensor_file.hpp"
#include "io/text.hpp"
#include "io_testing.hpp"

namespace norma::io {
namespace {

using namespace testing;
using namespace std::string_literals;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST(OutputFile, IsThereOnlyAfterCommit) {
  const TestFolder folder;
  {
    OutputFile file(folder / "x");
    file.write("new");
    EXPECT_FALSE(std::filesystem::exists(folder / "x"));
    file.commit();
  }
  EXPECT_EQ(read_file(folder / "x"), "new");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x"});
}

TEST(OutputFile, LeavesTheOldFileWhenNotCommitted) {
  const TestFolder folder;
  write_file(folder / "x", "old");
  try {
    OutputFile file(folder / "x");
    file.write(std::string(1 << 20, 'n'));
    EXPECT_EQ(read_file(folder / "x"), "old");
    throw std::runtime_error("in between");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(read_file(folder / "x"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x"});
}

TEST(OutputFile, KeepsSmallAndLargePiecesInOrder) {
  const TestFolder folder;
  std::string expected;
  OutputFile file(folder / "x");
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string piece(i * i % 9'973 * (i % 50 == 0 ? 40 : 1), static_cast<char>('a' + i % 26));
    expected += piece;
    file.write(piece);
  }
  file.commit();
  EXPECT_EQ(read_file(folder / "x"), expected);
}

TEST(OutputFile, HasTheModeOfTheOldFileOrOfUmask) {
  const TestFolder folder;
  const mode_t before = ::umask(0027);
  OutputFile(folder / "fresh").commit();
  EXPECT_EQ(mode_of(folder / "fresh"), 0640U);
  ::chmod((folder / "fresh").c_str(), 0600);
  OutputFile(folder / "fresh").commit();
  EXPECT_EQ(mode_of(folder / "fresh"), 0600U);
  ::umask(before);
}

TEST(OutputFile, WritesThroughSymbolicLinks) {
  const TestFolder folder;
  std::filesystem::create_directory(folder / "deep");
  write_file(folder / "deep/real", "old");
  std::filesystem::create_symlink("deep/real", folder / "link");
  std::filesystem::create_symlink("link", folder / "link to link");
  std::filesystem::create_symlink("deep/not yet", folder / "dangling");
  std::filesystem::create_symlink("loop", folder / "loop");
  const auto write = [&](const std::string& name, const std::string& text) {
    OutputFile file(folder / name);
    file.write(text);
    file.commit();
  };
  write("link to link", "new");
  EXPECT_EQ(read_file(folder / "deep/real"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link to link"));
  write("dangling", "made");
  EXPECT_EQ(read_file(folder / "deep/not yet"), "made");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "dangling"));
  expect_refusal([&] { write("loop", "never"); }, {"loop' cannot be written", "symbolic links"});
}

TEST(OutputFile, SurvivesAChangeOfFolder) {
  const TestFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder / "");
  OutputFile file("x");
  file.write("here");
  std::filesystem::current_path("/");
  file.commit();
  std::filesystem::current_path(before);
  EXPECT_EQ(read_file(folder / "x"), "here");
}

TEST(OutputFile, RefusesWhatCannotBeWrittenWithItsReason) {
  const TestFolder folder;
  write_file(folder / "file", "old");
  expect_refusal([&] { OutputFile file(folder / ""); }, {"is a directory"});
  expect_refusal([&] { OutputFile file(folder / "absent/x"); },
                 {"absent/x' cannot be written: No such file or directory"});
  expect_refusal([&] { OutputFile file(folder / "absent/"); }, {"absent/'"});
  expect_refusal([&] { OutputFile file(folder / "file/x"); }, {"file/x' cannot be written: Not a directory"});
  expect_refusal([&] { OutputFile file(""); }, {"''"});
  expect_refusal([&] { OutputFile file(folder / "a\0b"s); }, {"\\x00"});
  expect_refusal([&] { OutputFile file(folder / std::string(300, 'x')); }, {"cannot be written: File name too long"});
  expect_refusal([&] { OutputFile file("/proc/norma"); }, {"'/proc/norma' cannot be written"});
  expect_refusal(
      [] {
        OutputFile file("/dev/full");
        file.write("something");
        file.commit();
      },
      {"'/dev/full' cannot be written: No space left on device"});
  EXPECT_EQ(folder.names(), std::vector<std::string>{"file"});
}

TEST(OutputFile, WhatMayNotBeWrittenStaysAsItIs) {
  const TestFolder folder;
  write_file(folder / "protected", "old");
  ::chmod((folder / "protected").c_str(), 0444);
  ::chmod((folder / "").c_str(), 0555);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65'534;
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) ::_exit(2);  // root may write everywhere
    int refused = 0;
    for (const std::string name : {"protected", "fresh"}) {
      try {
        OutputFile file(folder / name);
      } catch (const Error& error) {
        refused += std::string(error.what()).find("cannot be written: Permission denied") != std::string::npos ? 1 : 0;
      }
    }
    ::_exit(refused == 2 ? 7 : 8);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ::chmod((folder / "").c_str(), 0755);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(read_file(folder / "protected"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"protected"});
}

TEST(OutputFile, ADeviceStaysADevice) {
  OutputFile file("/dev/null");
  EXPECT_FALSE(file.is_replacement());
  file.write("gone");
  file.commit();
  struct stat status {};
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST(OutputFile, AFileThatGrowsBeyondItsLimitLeavesTheOldOne) {
  // The nearest thing to a full disk that needs no disk: a child may write 64 kB and no more.
  const TestFolder folder;
  write_file(folder / "x.npy", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{65'536, 65'536};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::vector<float> values(100'000);
    try {
      write_npy(folder / "x.npy", view(values.data(), {100'000}));
    } catch (const Error& error) {
      ::_exit(std::string(error.what()).find("x.npy' cannot be written: File too large") != std::string::npos ? 7 : 8);
    }
    ::_exit(9);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(read_file(folder / "x.npy"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x.npy"});
}

TEST(OutputFile, AKillInTheMiddleLeavesTheOldFileAndNothingElse) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    const TestFolder folder;
    write_file(folder / "x", "old");
    const pid_t child = ::fork();
    if (child == 0) {
      OutputFile one(folder / "x"), two(folder / "y");
      one.write(std::string(1 << 20, 'n'));
      two.write(std::string(1 << 20, 'n'));
      write_file(folder / "ready", "");
      while (true) ::pause();
    }
    while (!std::filesystem::exists(folder / "ready")) ::usleep(1000);
    EXPECT_EQ(folder.names().size(), 4U);  // ready, x, and two temporaries
    ::kill(child, signal);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
    EXPECT_EQ(read_file(folder / "x"), "old");
    EXPECT_EQ(folder.names(), (std::vector<std::string>{"ready", "x"}));
  }
}

TEST(OutputFile, AChildThatDiesLeavesItsParentsFileAlone) {
  const TestFolder folder;
  auto owned = std::make_unique<OutputFile>(folder / "x");
  OutputFile& file = *owned;
  file.write("kept");
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGTERM);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  const pid_t orderly = ::fork();
  if (orderly == 0) {
    owned.reset();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(orderly, &status, 0), orderly);
  EXPECT_EQ(status, 0);
  file.commit();
  EXPECT_EQ(read_file(folder / "x"), "kept");
}

TEST(OutputFile, IgnoredSignalsStayIgnored) {
  const TestFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    // As under nohup. A fresh process would find it so before its first output file; here the handler may be there
    // already.
    std::signal(SIGHUP, SIG_IGN);
    OutputFile file(folder / "x");
    file.write("whole");
    ::raise(SIGHUP);
    file.commit();
    ::_exit(7);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(read_file(folder / "x"), "whole");
}

TEST(OutputFile, DashIsStandardOutput) {
  const TestFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open((folder / "out").c_str(), O_WRONLY | O_CREAT, 0644), STDOUT_FILENO);
    const float value = 7;
    write_tensor("-", view(&value, {1}));
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(values_of(read_npy(folder / "out").view()), std::vector{7.0});
}

TEST(Input, DashIsStandardInputFromWhereItStands) {
  const TestFolder folder;
  const std::vector<float> values = {1, 2, 3};
  write_npy(folder / "x.npy", view(values.data(), {3}));
  write_file(folder / "table", "skipa\n1\n2\n");
  write_file(folder / "shifted", "skip" + read_file(folder / "x.npy"));
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open((folder / "shifted").c_str(), O_RDONLY);
    ::lseek(fd, 4, SEEK_SET);
    ::dup2(fd, STDIN_FILENO);
    const bool tensor = values_of(read_tensor("-").view()) == std::vector{1.0, 2.0, 3.0};
    ::dup2(::open((folder / "table").c_str(), O_RDONLY), STDIN_FILENO);
    ::lseek(STDIN_FILENO, 4, SEEK_SET);
    CsvTable table("-");
    std::string fields;
    for (int pass = 0; pass < 2; ++pass) {
      table.for_each_row([&](const CsvRow& row) { fields += row.fields[0]; });
    }
    ::_exit(tensor && table.columns()[0] == "a" && fields == "1212" ? 7 : 8);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(TensorFile, FormatFollowsTheEndingInWritingAndTheBytesInReading) {
  const TestFolder folder;
  const std::vector<float> values = {1, 2, 3};
  const ConstView x = view(values.data(), {3});
  for (const std::string name : {"x.npy", "x.npz", "x.safetensors", "X.NPY", "y.SafeTensors"}) {
    write_tensor(folder / name, x, "values");
    EXPECT_EQ(values_of(read_tensor(folder / name).view()), (std::vector{1.0, 2.0, 3.0})) << name;
    std::filesystem::rename(folder / name, folder / "renamed");
    EXPECT_EQ(values_of(read_tensor(folder / "renamed").view()), (std::vector{1.0, 2.0, 3.0})) << name;
  }
  write_tensor(folder / "x.npz", x, "values");
  const NamedPipe pipe(folder / "pipe", read_file(folder / "x.npz"));
  EXPECT_EQ(read_tensor(pipe.path(), {.name = "values"}).name(), "values");
}

TEST(TensorFile, UnknownKindsAreRefused) {
  const TestFolder folder;
  for (const std::string path : {"x", "x.png", "x.csv", "a.npy/x", ".bin", "x.npy.bak"}) {
    expect_refusal([&] { output_format(path); }, {"'" + path + "' ends in none of .npy, .npz and .safetensors"});
  }
  write_file(folder / "t.csv", "a,b\n1,2\n");
  write_file(folder / "x.npy", "not numpy");
  write_file(folder / "x.bin", "what is it");
  write_file(folder / "empty", "");
  expect_refusal([&] { read_tensor(folder / "t.csv"); }, {"t.csv' is a table"});
  expect_refusal([&] { read_tensor(folder / "x.npy"); }, {"x.npy' does not begin as a .npy file"});
  expect_refusal([&] { read_tensor(folder / "x.bin"); }, {"x.bin' is of an unknown kind"});
  expect_refusal([&] { read_tensor(folder / "empty"); }, {"empty' is empty"});
  expect_refusal([&] { read_tensor("/dev/zero"); }, {"'/dev/zero' is of an unknown kind"});
  expect_refusal(
      [&] {
        read_tensors(std::vector{folder / "x.bin", folder / "t.csv"});
      },
      {"x.bin' is neither PNG nor JPEG"});
}

TEST(Text, WhatCouldDriveATerminalIsEscaped) {
  EXPECT_EQ(in_quotes("plain 中文"), "'plain 中文'");
  EXPECT_EQ(in_quotes("\x1B[2J\n\x7F"), "'\\x1b[2J\\x0a\\x7f'");
  EXPECT_EQ(in_quotes("\xC2\x9B"), "'\\xc2\\x9b'");                             // U+009B, a terminal's other escape
  EXPECT_EQ(in_quotes("\xFF\xC0\xAF\xE4\xB8"), "'\\xff\\xc0\\xaf\\xe4\\xb8'");  // no UTF-8
  EXPECT_EQ(in_quotes("abcdef", 3), "'abc…'");
}

TEST(Text, BytesAreRoundedForPeople) {
  EXPECT_EQ(human_bytes(1), "1 byte");
  EXPECT_EQ(human_bytes(9'999), "9999 bytes");
  EXPECT_EQ(human_bytes(10'000), "10.0 kB");
  EXPECT_EQ(human_bytes(999'960), "1.0 MB");
  EXPECT_EQ(human_bytes(8'000'000'000'000), "8.0 TB");
  EXPECT_EQ(human_bytes(~std::uint64_t{0}), "18.4 EB");
}

}  // namespace
}  // namespace norma::io
