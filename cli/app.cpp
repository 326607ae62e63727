// SPDX-License-Identifier: Apache-2.0
#include "cli/app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "io/text.hpp"
#include "norma/version.hpp"

namespace norma::cli {
namespace {

constexpr int kRefused = 2;

int refuse(std::string sentence) {
  // One line, whatever was typed.
  for (char& c : sentence) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  while (sentence.ends_with(' ')) sentence.pop_back();
  fmt::print(stderr, "norma: {}\n", sentence);
  return kRefused;
}

/// "norma apply --help" where the command line came as far as a subcommand.
std::string help_for(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? "norma --help" : fmt::format("norma {} --help", chosen.front()->get_name());
}

int parse_and_run(Application& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
      std::vector<std::string> names;
      for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
      return refuse(fmt::format("there is no command {}; {} are", io::in_quotes(argv[1]), fmt::join(names, ", ")));
    }
    return refuse(fmt::format("{}; see {}", error.what(), help_for(app)));
  }
  // A full disk shows itself as late as here.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return refuse("standard output cannot be written; is its disk full?");
  return 0;
}

/// The exit status of work; what it throws is refused.
template <class Work>
int guarded(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    // Where there is no memory there is none for a sentence of one's own.
    std::fputs("norma: there is not enough memory; a smaller input, or a machine with more, is needed\n", stderr);
    return kRefused;
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
}

}  // namespace

Application::Application()
    : CLI::App("Normalization layers, built on one idea: a normalization says which elements form one distribution.", "norma") {
  set_version_flag("--version", "norma " NORMA_VERSION);
  require_subcommand(1);
  add_tour(*this);
  add_apply(*this);
  add_explain(*this);
  add_standardize(*this);
  add_fold(*this);
  add_info(*this);
}

int run(int argc, const char* const* argv) {
  return guarded([&] {
    Application app;
    return parse_and_run(app, argc, argv);
  });
}

int run(Application& app, int argc, const char* const* argv) {
  return guarded([&] { return parse_and_run(app, argc, argv); });
}

}  // namespace norma::cli
