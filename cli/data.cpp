// SPDX-License-Identifier: Apache-2.0
#include "cli/data.hpp"

#include <cstdlib>
#include <filesystem>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::cli {

std::string data_directory() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (const char* given = std::getenv("NORMA_DATA"); given != nullptr && *given != '\0') {
    if (fs::is_directory(given, ignored)) return given;
    throw Error("[data] NORMA_DATA is " + io::in_quotes(given) + ", which is no folder; name the one with the samples");
  }
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path().parent_path() / "share" / "norma";
  if (!program.empty() && fs::is_directory(installed, ignored)) return installed.string();
  throw Error("[data] the folder with the samples is not beside the program; set NORMA_DATA to where it is, data/ of the "
              "sources");
}

}  // namespace norma::cli
