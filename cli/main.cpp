// SPDX-License-Identifier: Apache-2.0
// The command `norma`. Results go to standard output; what cannot be done is one sentence on standard error, and exit
// status 2.
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
#include "norma/error.hpp"
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

int run(int argc, char** argv) {
  CLI::App app("Normalization layers, built on one idea: a normalization says which elements form one distribution.",
               "norma");
  app.set_version_flag("--version", "norma " NORMA_VERSION);
  app.require_subcommand(1);
  add_tour(app);
  add_apply(app);
  add_explain(app);
  add_standardize(app);
  add_fold(app);
  add_info(app);
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

}  // namespace
}  // namespace norma::cli

int main(int argc, char** argv) {
  try {
    return norma::cli::run(argc, argv);
  } catch (const norma::Error& error) {
    return norma::cli::refuse(error.what());
  } catch (const std::bad_alloc&) {
    return norma::cli::refuse("there is not enough memory; a smaller input, or a machine with more, is needed");
  } catch (const std::exception& error) {
    return norma::cli::refuse(error.what());
  }
}
