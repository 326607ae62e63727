// SPDX-License-Identifier: Apache-2.0
// norma_manual FOLDER: writes the manual pages and the completions for shells. It runs in every build, so that they are
// never those of another version.
#include <CLI/App.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "cli/app.hpp"
#include "cli/manual.hpp"
#include "io/output_file.hpp"

namespace {

void write(const std::string& path, const std::string& text) {
  norma::io::OutputFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) {
      std::fputs("usage: norma_manual FOLDER\n", stderr);
      return 2;
    }
    using namespace norma::cli;
    const std::string folder = argv[1];
    const Application app;
    write(folder + "/norma.1", manual_page(app));
    for (const CLI::App* command : app.get_subcommands({})) {
      write(folder + "/norma-" + command->get_name() + ".1", command_manual_page(*command));
    }
    write(folder + "/norma.bash", bash_completion(app));
    write(folder + "/_norma", zsh_completion(app));
    write(folder + "/norma.fish", fish_completion(app));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "norma_manual: %s\n", error.what());
    return 2;
  }
}
