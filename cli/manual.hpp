// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace norma::cli {

/// A variable of the environment that the command listens to.
struct Variable {
  std::string_view name, meaning;
};
std::span<const Variable> environment();

/// Manual pages in man's macros, made from the same description of the command line that parses it: norma(1), and a page for
/// each subcommand, norma-apply(1).
std::string manual_page(const CLI::App& app);
std::string command_manual_page(const CLI::App& command);

/// What a shell needs to complete the command line, from the same description: subcommands, options, an option's words where
/// its type names them ("f32|f64"), and files elsewhere.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace norma::cli
