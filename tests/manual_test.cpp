// SPDX-License-Identifier: Apache-2.0
// Manual pages, completions and docs/command.md against the command's own description of its options.
#include "cli/manual.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/app.hpp"
#include "io_testing.hpp"

namespace norma::cli {
namespace {

using io::testing::read_file;
using io::testing::TestFolder;
using io::testing::write_file;

const Application& application() {
  static const Application app;
  return app;
}

/// Calls look(command, option name, option) for every named option of every subcommand.
void for_each_option(const std::function<void(const CLI::App&, const std::string&, const CLI::Option&)>& look) {
  for (const CLI::App* command : application().get_subcommands({})) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_snames()) look(*command, "-" + name, *option);
      for (const std::string& name : option->get_lnames()) look(*command, "--" + name, *option);
    }
  }
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string all;
  char piece[512];
  while (const std::size_t count = std::fread(piece, 1, sizeof piece, pipe)) all.append(piece, count);
  const int status = ::pclose(pipe);
  return status == 0 ? all : all + "\nfailed: " + command;
}

bool installed(const char* program) { return std::system((std::string("command -v ") + program + " >/dev/null 2>&1").c_str()) == 0; }

/// What bash offers for a line whose last word is being typed.
std::set<std::string> bash_offers(const TestFolder& folder, const std::vector<std::string>& words) {
  write_file(folder / "norma.bash", bash_completion(application()));
  std::string line;
  for (const std::string& word : words) line += " '" + word + "'";
  write_file(folder / "ask", "cd '" + (folder / "") + "'\n. ./norma.bash\nCOMP_WORDS=(" + line + ")\nCOMP_CWORD=" +
                                 std::to_string(words.size() - 1) + "\n_norma\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  std::istringstream lines(output_of("bash --norc " + (folder / "ask")));
  std::set<std::string> offers;
  for (std::string offer; std::getline(lines, offer);) {
    if (!offer.empty()) offers.insert(offer);
  }
  return offers;
}

TEST(Manual, EveryOptionHasItsDescriptionOnItsPage) {
  int looked = 0;
  for_each_option([&](const CLI::App& command, const std::string& name, const CLI::Option& option) {
    const std::string page = replaced(command_manual_page(command), "\\-", "-");
    EXPECT_NE(page.find("\\fB" + name + "\\fR"), std::string::npos) << command.get_name() << " " << name;
    EXPECT_NE(page.find(option.get_description()), std::string::npos) << command.get_name() << " " << name;
    ++looked;
  });
  EXPECT_GT(looked, 40);
  for (const CLI::App* command : application().get_subcommands({})) {
    EXPECT_NE(manual_page(application()).find("norma\\-" + command->get_name()), std::string::npos) << command->get_name();
  }
}

TEST(Manual, EveryPageIsWellFormed) {
  if (!installed("groff")) GTEST_SKIP() << "groff is not installed";
  const TestFolder folder;
  const auto look = [&](const std::string& page) {
    write_file(folder / "page.1", page);
    // -ww: everything that groff could warn of; -z: no output but that.
    EXPECT_EQ(output_of("groff -man -Tutf8 -ww -z " + (folder / "page.1")), "") << page;
  };
  look(manual_page(application()));
  for (const CLI::App* command : application().get_subcommands({})) look(command_manual_page(*command));
}

TEST(Manual, BashOffersEveryOptionAndEveryChoice) {
  const TestFolder folder;
  write_file(folder / "x.npy", "");
  const std::set<std::string> commands = bash_offers(folder, {"norma", ""});
  for (const CLI::App* command : application().get_subcommands({})) {
    EXPECT_TRUE(commands.count(command->get_name())) << command->get_name();
    const std::set<std::string> options = bash_offers(folder, {"norma", command->get_name(), "-"});
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) EXPECT_TRUE(options.count("--" + name)) << command->get_name() << " --" << name;
    }
  }
  using Words = std::set<std::string>;
  EXPECT_EQ(bash_offers(folder, {"norma", "apply", "--no"}), (Words{"--norm"}));
  EXPECT_EQ(bash_offers(folder, {"norma", "apply", "x.npy", "--norm", "in"}), (Words{"instance"}));
  EXPECT_EQ(bash_offers(folder, {"norma", "apply", "x."}), (Words{"x.npy"}));
  EXPECT_EQ(bash_offers(folder, {"norma", "apply", "-o", "x"}), (Words{"x.npy"}));
  EXPECT_EQ(bash_offers(folder, {"norma", "tour", "im"}), (Words{"images"}));
  EXPECT_EQ(bash_offers(folder, {"norma", "apply", "--eps", ""}), Words{});
}

TEST(Manual, ZshAndFishNameEveryOption) {
  const std::string zsh = zsh_completion(application()), fish = fish_completion(application());
  for_each_option([&](const CLI::App& command, const std::string& name, const CLI::Option&) {
    EXPECT_NE(zsh.find("'" + name + "["), std::string::npos) << command.get_name() << " " << name;
    const std::regex line("complete -c norma -n '__fish_seen_subcommand_from " + command.get_name() + "'[^\n]* -" +
                          (name[1] == '-' ? "l " + name.substr(2) : "s " + name.substr(1)) + "( |\n)");
    EXPECT_TRUE(std::regex_search(fish, line)) << command.get_name() << " " << name;
  });
}

/// The shells' own parsers; see skipped where one is not installed.
class Shell : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Manual, Shell, ::testing::Values("bash", "zsh", "fish"), [](const auto& info) { return info.param; });

TEST_P(Shell, ReadsItsCompletion) {
  const std::string shell = GetParam();
  if (!installed(GetParam())) GTEST_SKIP() << shell << " is not installed";
  const TestFolder folder;
  write_file(folder / "completion", shell == "bash"  ? bash_completion(application())
                                    : shell == "zsh" ? zsh_completion(application())
                                                     : fish_completion(application()));
  EXPECT_EQ(output_of(shell + " -n " + (folder / "completion")), "");
  if (shell == "fish") {
    EXPECT_EQ(output_of("fish --no-config -c 'source " + (folder / "completion") + "; complete -C \"norma apply --norm inst\"'"),
              "instance\tWhat forms one distribution\n");
  }
}

TEST(Manual, DocsNameEveryOptionAndVariable) {
  const std::string docs = read_file(std::string(NORMA_SOURCE_DIR) + "/docs/command.md");
  for_each_option([&](const CLI::App& command, const std::string& name, const CLI::Option&) {
    if (name == "-h" || name == "--output") return;
    EXPECT_NE(docs.find(name), std::string::npos) << command.get_name() << " " << name << " is not in docs/command.md";
  });
  for (const Variable& variable : environment()) {
    EXPECT_NE(docs.find("`" + std::string(variable.name) + "`"), std::string::npos) << variable.name;
    EXPECT_NE(manual_page(application()).find(variable.name), std::string::npos) << variable.name;
  }
}

TEST(Manual, EveryVariableThatIsReadIsNamed) {
  std::set<std::string> named = {"TERM", "NO_COLOR", "COLUMNS"};  // what every program on a terminal heeds
  for (const Variable& variable : environment()) named.insert(std::string(variable.name));
  int looked = 0;
  const std::regex read(R"re(getenv\("([A-Z_]+)"\))re");
  for (const char* folder : {"src", "io", "cli", "report"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(NORMA_SOURCE_DIR) + "/" + folder)) {
      if (!entry.is_regular_file()) continue;
      const std::string text = read_file(entry.path().string());
      for (std::sregex_iterator at(text.begin(), text.end(), read), end; at != end; ++at, ++looked) {
        EXPECT_TRUE(named.count((*at)[1])) << entry.path() << " reads " << (*at)[1];
      }
    }
  }
  EXPECT_GT(looked, 4);
}

}  // namespace
}  // namespace norma::cli
