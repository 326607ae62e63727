// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "norma/normalize.hpp"
#include "norma/version.hpp"

namespace norma::cli {
namespace {

void info(bool as_json) {
  std::vector<std::string> dtypes;
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) dtypes.emplace_back(name_of(dtype));
  if (as_json) {
    nlohmann::ordered_json json;
    json["version"] = NORMA_VERSION;
    json["abi_version"] = NORMA_ABI_VERSION;
    json["target"] = target();
    json["targets"] = targets();
    json["threads"] = num_threads();
    json["dtypes"] = dtypes;
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print(
      "norma         {}\n"
      "instructions  {} (this machine runs {}; NORMA_TARGET chooses)\n"
      "threads       {} (NORMA_NUM_THREADS chooses)\n"
      "dtypes        {}\n",
      NORMA_VERSION, target(), fmt::join(targets(), ", "), num_threads(), fmt::join(dtypes, ", "));
}

}  // namespace

void add_info(CLI::App& app) {
  CLI::App* command = app.add_subcommand("info", "Say which version this is, and what it runs on");
  const auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "For machines");
  command->callback([as_json] { info(*as_json); });
}

}  // namespace norma::cli
