// SPDX-License-Identifier: Apache-2.0
#include "norma/fold.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/batch_norm_pairs.hpp"
#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/tensors.hpp"
#include "io/safetensors.hpp"
#include "io/tensor_file.hpp"
#include "io/text.hpp"
#include "norma/error.hpp"
#include "report/terminal.hpp"

namespace norma::cli {
namespace {

using io::StoredTensor;

struct FoldOptions {
  std::string input, output;
  PairOptions pairs;
  std::vector<std::string> eps;
  bool json = false;
};

/// --eps: a number for those BatchNorms that the pattern fits.
struct Eps {
  std::string pattern;
  double value = 0;
};

Eps parse_eps(const std::string& text) {
  const std::size_t equals = text.find('=');
  Eps eps{equals == std::string::npos ? "*" : text.substr(0, equals)};
  const char* const begin = text.data() + (equals == std::string::npos ? 0 : equals + 1);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, eps.value);
  if (error != std::errc{} || stop != end || !std::isfinite(eps.value) || eps.value < 0) {
    throw Error(
        fmt::format("[fold] --eps {} is no number of 0 or more, nor BATCHNORM=NUMBER, such as bn1=1e-3", io::in_quotes(text)));
  }
  return eps;
}

/// Everything that can be refused without reading the file.
std::vector<Eps> check(const FoldOptions& options) {
  if (options.output == "-") throw Error("[fold] standard output has the table of what was folded; name a file with -o");
  if (io::output_format(options.output) != io::FileFormat::safetensors) {
    throw Error(
        fmt::format("[fold] a state dict is written as .safetensors alone; let {} end so", io::in_quotes(options.output)));
  }
  std::vector<Eps> eps;
  for (const std::string& text : options.eps) eps.push_back(parse_eps(text));
  return eps;
}

/// The last one that fits, so that a special one follows a general one.
double eps_of(const std::vector<Eps>& given, const std::string& batch_norm) {
  double value = BatchNormTensors().eps;
  for (const Eps& eps : given) {
    if (match(eps.pattern, batch_norm)) value = eps.value;
  }
  return value;
}

void check_used(const std::vector<Eps>& given, const std::vector<FoldPair>& pairs) {
  for (const Eps& eps : given) {
    if (std::any_of(pairs.begin(), pairs.end(),
                    [&](const FoldPair& p) { return match(eps.pattern, p.batch_norm).has_value(); }))
      continue;
    throw Error(fmt::format("[fold] --eps {} is for no BatchNorm that is folded", io::in_quotes(eps.pattern)));
  }
}

/// What became of one pair, for those who look.
struct Done {
  FoldPair pair;
  Dims shape{};
  DType dtype = DType::f32;
  double eps = 0;
  bool bias_added = false;
};

std::ptrdiff_t count_nonfinite(const ConstView& x) {
  const std::vector<double> values = to_doubles(x);
  return std::count_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
}

/// Puts the BatchNorm into the layer, and takes it out of the file.
Done fold_pair(io::StoredSafetensors& file, const FoldPair& pair, double eps) {
  const auto find = [&](const std::string& name) {
    const auto found = file.tensors.find(name);
    return found == file.tensors.end() ? nullptr : &found->second;
  };
  const auto view_of = [&](const char* name) {
    const StoredTensor* tensor = find(pair.batch_norm + name);
    return tensor == nullptr ? ConstView() : tensor->view();
  };
  const BatchNormTensors bn{view_of(".weight"), view_of(".bias"), view_of(".running_mean"), view_of(".running_var"), eps};
  const View weight = find(pair.layer + ".weight")->mutable_view();
  const std::string bias_name = pair.layer + ".bias";
  StoredTensor* bias = find(bias_name);
  Done done{pair, weight.shape(), weight.dtype(), eps, bias == nullptr};
  std::ptrdiff_t nonfinite = count_nonfinite(weight);
  if (bias == nullptr) {
    const std::int64_t channels = weight.shape()[pair.channel_axis];
    const auto bytes = channels * static_cast<std::int64_t>(size_of(weight.dtype()));
    StoredTensor made{find(pair.layer + ".weight")->element, {channels}, io::Array::make(bias_name, DType::u8, {bytes})};
    bias = &file.tensors.emplace(bias_name, std::move(made)).first->second;
  } else {
    nonfinite += count_nonfinite(bias->view());
  }
  const View folded_bias = bias->mutable_view();
  fold_batch_norm(bn, weight, done.bias_added ? ConstView() : bias->view(), weight, folded_bias, pair.channel_axis);
  if (count_nonfinite(weight) + count_nonfinite(folded_bias) > nonfinite) {
    throw Error(fmt::format("[fold] a folded weight or bias is too large for {}; convert the file to f32 first",
                            name_of(weight.dtype())));
  }
  for (const char* name :
       {".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked", ".num_elements_tracked"}) {
    file.tensors.erase(pair.batch_norm + name);
  }
  return done;
}

std::vector<Done> fold_pairs(io::StoredSafetensors& file, const std::vector<FoldPair>& pairs, const std::vector<Eps>& eps,
                             Progress& progress) {
  std::vector<Done> done;
  progress.stage("folding", pairs.size());
  for (const FoldPair& pair : pairs) {
    try {
      done.push_back(fold_pair(file, pair, eps_of(eps, pair.batch_norm)));
    } catch (const Error& error) {
      throw Error(fmt::format("{} (folding {} into {})", error.what(), io::in_quotes(pair.batch_norm, 120),
                              io::in_quotes(pair.layer, 120)));
    }
    progress.set(done.size());
  }
  return done;
}

std::string table_of(const std::vector<Done>& done, const std::vector<std::string>& kept, const std::string& output) {
  using enum report::Table::Align;
  report::Table table{{{"layer", left},
                       {"BatchNorm", left},
                       {"weight", left},
                       {"axis"},
                       {"dtype", left},
                       {"bias", left},
                       {"eps"},
                       {"found by", left}},
                      {}};
  for (const Done& d : done) {
    table.rows.push_back({io::in_quotes(d.pair.layer, 60), io::in_quotes(d.pair.batch_norm, 60), to_string(d.shape),
                          fmt::format("{}", d.pair.channel_axis), name_of(d.dtype), d.bias_added ? "added" : "folded",
                          fmt::format("{}", d.eps), std::string(d.pair.by)});
  }
  for (const std::string& bn : kept) table.rows.push_back({"–", io::in_quotes(bn, 60), "kept"});
  report::Page page(report::Page::for_standard_output());
  page.table(table);
  return fmt::format("{}  {} folded, {} kept; written to {}\n", page.text(), done.size(), kept.size(), io::output_label(output));
}

std::string json_of(const std::vector<Done>& done, const std::vector<std::string>& kept, const std::string& output) {
  nlohmann::ordered_json json;
  json["output"] = output;
  json["folded"] = nlohmann::ordered_json::array();
  for (const Done& d : done) {
    json["folded"].push_back({{"layer", d.pair.layer},
                              {"batch_norm", d.pair.batch_norm},
                              {"weight_shape", std::vector<std::int64_t>(d.shape.begin(), d.shape.end())},
                              {"channel_axis", d.pair.channel_axis},
                              {"dtype", name_of(d.dtype)},
                              {"bias", d.bias_added ? "added" : "folded"},
                              {"eps", d.eps},
                              {"found_by", d.pair.by}});
  }
  json["kept"] = kept;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void fold(const FoldOptions& options) {
  const std::vector<Eps> eps = check(options);
  Progress progress;
  progress.stage("reading " + io::input_label(options.input));
  io::StoredSafetensors file = io::read_stored_safetensors(options.input);
  Shapes shapes;
  for (const auto& [name, tensor] : file.tensors) shapes.emplace(name, tensor.shape);
  std::vector<std::string> kept = batch_norms_of(shapes);
  if (kept.empty()) {
    throw Error(fmt::format("[fold] {} holds no BatchNorm: no NAME.running_mean with NAME.running_var",
                            io::input_label(options.input)));
  }
  const std::vector<FoldPair> pairs = find_pairs(shapes, options.pairs);
  if (pairs.empty()) throw Error("[fold] --keep leaves no BatchNorm to fold; the file is what is wanted already");
  check_used(eps, pairs);
  const std::vector<Done> done = fold_pairs(file, pairs, eps, progress);
  for (const FoldPair& pair : pairs) std::erase(kept, pair.batch_norm);
  // Made before the file: once it is the new one, there is nothing left that may fail.
  const std::string told = options.json ? json_of(done, kept, options.output) : table_of(done, kept, options.output);
  progress.stage("writing " + io::output_label(options.output));
  io::write_safetensors(options.output, file);
  progress.stop();
  std::fwrite(told.data(), 1, told.size(), stdout);
}

}  // namespace

void add_fold(CLI::App& app) {
  CLI::App* command = app.add_subcommand("fold", "Fold each BatchNorm of a state dict into the layer before it, for inference");
  const auto options = std::make_shared<FoldOptions>();
  command->add_option("input", options->input, "A .safetensors file with PyTorch's names, or - for standard input")
      ->required()
      ->type_name("IN");
  command->add_option("-o,--output", options->output, "The .safetensors file to write")->required()->type_name("OUT");
  command
      ->add_option("--pair", options->pairs.pairs,
                   "Which layer goes before a BatchNorm, where names and places do not say: conv_stem=bn1, "
                   "'blocks.*.conv_dw=blocks.*.bn1'; repeat it for several")
      ->allow_extra_args(false)
      ->type_name("LAYER=BATCHNORM");
  command->add_option("--keep", options->pairs.keep, "A BatchNorm to leave as it is; a * stands for any text, also below")
      ->allow_extra_args(false)
      ->type_name("BATCHNORM");
  command
      ->add_option("--transposed", options->pairs.transposed,
                   "A transposed convolution, whose weight is (in, out, ...): neither its name nor a square shape shows it")
      ->allow_extra_args(false)
      ->type_name("LAYER");
  command->add_option("--eps", options->eps, "The eps of the BatchNorms, which files do not hold, or of some: bn1=1e-3 [1e-5]")
      ->allow_extra_args(false)
      ->type_name("[BATCHNORM=]E");
  command->add_flag("--json", options->json, "Say what was folded for machines");
  command->callback([options] { fold(*options); });
}

}  // namespace norma::cli
