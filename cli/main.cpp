// SPDX-License-Identifier: Apache-2.0
// The command `norma`. Results go to standard output; what cannot be done is one sentence on standard error, and exit
// status 2.
#include "cli/app.hpp"

int main(int argc, char** argv) { return norma::cli::run(argc, argv); }
