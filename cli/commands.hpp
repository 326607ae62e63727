// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI {
class App;
}

namespace norma::cli {

/// Each adds one subcommand to the command `norma`, with its options and a callback that does the work.
/// What cannot be done leaves the callback as norma::Error; main() prints its sentence and exits with 2.
void add_tour(CLI::App& app);
void add_apply(CLI::App& app);
void add_explain(CLI::App& app);
void add_standardize(CLI::App& app);
void add_fold(CLI::App& app);
void add_info(CLI::App& app);

}  // namespace norma::cli
