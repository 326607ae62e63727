// SPDX-License-Identifier: Apache-2.0
// Prints the hashes of every cell: what ./run golden compares from machine to machine.
//
//     golden [--threads N] [--target NAME] [--one-of N] [PART...]       the parts of cells.hpp; all, where none is named
#if !defined(__wasm__)
#include <termios.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cells.hpp"
#include "norma/norma.hpp"

int main(int argc, char** argv) {
#if !defined(__wasm__)
  // As the first process of an emulated machine (bochs.py): what waits in the serial line is lost when that ends.
  std::atexit([] { std::fflush(stdout), tcdrain(STDOUT_FILENO); });
#endif
  std::vector<std::string> wanted;
  int one_of = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--target" && i + 1 < argc) {
      norma::set_target(argv[++i]);
    } else if (word == "--one-of" && i + 1 < argc) {
      one_of = std::max(1, std::atoi(argv[++i]));
#if !defined(__wasm__)
    } else if (word == "--threads" && i + 1 < argc) {
      norma::set_num_threads(std::atoi(argv[++i]));
#endif
    } else if (word == "--targets") {
      for (const std::string& name : norma::targets()) std::puts(name.c_str());
      return 0;
    } else if (word.starts_with("--")) {
      std::fprintf(stderr, "golden: there is no option '%s'\n", word.c_str());
      return 2;
    } else if (std::none_of(std::begin(norma::golden::kParts), std::end(norma::golden::kParts),
                            [&](const norma::golden::Part& part) { return word == part.name; })) {
      std::fprintf(stderr, "golden: there is no part '%s'\n", word.c_str());
      return 2;
    } else {
      wanted.push_back(word);
    }
  }
  std::fprintf(stderr, "golden: %s\n", norma::target());
  for (const norma::golden::Part& part : norma::golden::kParts) {
    bool chosen = wanted.empty();
    for (const std::string& name : wanted) chosen = chosen || name == part.name;
    if (!chosen) continue;
    std::printf("# %s: %s\n", part.name, part.columns);
    part.run(norma::golden::Sink([](const std::string& line) { std::puts(line.c_str()); }, static_cast<std::uint64_t>(one_of)));
  }
  return 0;
}
