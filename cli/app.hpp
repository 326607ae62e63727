// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace norma::cli {

/// The command line `norma` as CLI11 knows it: all subcommands with their options, the one description of them. What it
/// parses it also does, by callbacks.
class Application : public CLI::App {
 public:
  Application();
};

/// Parses the command line and does what it says. The exit status: 0, or 2 where it was refused, by one sentence on
/// standard error. argv[0] is passed over.
int run(int argc, const char* const* argv);

/// As above, with an application that was made before.
int run(Application& app, int argc, const char* const* argv);

}  // namespace norma::cli
