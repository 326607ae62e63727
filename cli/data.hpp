// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace norma::cli {

/// The folder of the samples that `norma tour` shows: $NORMA_DATA, or share/norma beside the folder of the program, where an
/// installation has it and a build a link to data/ of the sources. Throws Error when there is none.
std::string data_directory();

}  // namespace norma::cli
