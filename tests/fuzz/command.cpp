// SPDX-License-Identifier: Apache-2.0
// The command line: a line of words for each of its arguments, an empty line, and the bytes of the file `in`.
// Whatever is typed, the command ends with 0 or 2, and leaves no temporary file behind.
#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "cli/app.hpp"
#include "fuzzing.hpp"
#include "norma/parallel.hpp"

using namespace norma;

namespace {

constexpr std::size_t kMostWords = 40;

/// The process works in an empty folder of its own, writes to nobody and hears nobody.
const fuzz::ScratchFolder& enter_scratch() {
  static const fuzz::ScratchFolder folder;
  static const bool entered = [] {
    set_num_threads(1);
    std::filesystem::current_path(folder.path());
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    return true;
  }();
  fuzz::demand(entered, "the folder is entered");
  return folder;
}

/// As what is typed becomes paths that are written, no word leads out of the folder.
std::string confined(std::string word) {
  for (char& c : word) {
    if (c == '/') c = '_';
  }
  return word.substr(0, word.find('\0'));
}

void write_input(std::string_view bytes) {
  const int fd = ::open("in", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  fuzz::demand(fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "the input was written");
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::ScratchFolder& folder = enter_scratch();
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) std::filesystem::remove_all(entry.path());
  std::string_view text = fuzz::text_of({data, size});
  std::vector<std::string> words{"norma"};
  while (words.size() < kMostWords && !text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) break;
    words.push_back(confined(std::string(word)));
  }
  write_input(text);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());

  cli::Application app;
  // The tour reads nothing but samples of its own, and takes a second: once its words are read, it ends. (Its own callback stays,
  // as that owns what the options write to.) PNG files need another program.
  app.get_subcommand("tour")->parse_complete_callback([] { throw CLI::Success(); });
  for (const std::string& word : words) {
    if (word.rfind("--png", 0) == 0) return 0;
  }
  const int status = cli::run(app, static_cast<int>(argv.size()), argv.data());
  fuzz::demand(status == 0 || status == 2, "the exit status is 0 or 2");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    fuzz::demand(name.rfind(".norma-", 0) != 0, "no temporary file is left");
  }
  return 0;
}
