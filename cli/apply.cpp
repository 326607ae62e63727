// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/norm_options.hpp"
#include "cli/progress.hpp"
#include "cli/tensors.hpp"
#include "io/layer_state.hpp"
#include "io/safetensors.hpp"
#include "io/tensor_file.hpp"
#include "io/text.hpp"
#include "norma/error.hpp"
#include "norma/layers.hpp"
#include "norma/normalize.hpp"

namespace norma::cli {
namespace {

struct ApplyOptions {
  NormOptions norm;
  std::vector<std::string> inputs;
  std::string output, name, weight, bias, dtype;
  bool weight_plus_one = false;
  std::string state;
  bool eval = false;
  std::optional<double> momentum;
};

/// Everything that can be refused without reading a tensor.
void check(const ApplyOptions& options) {
  if (options.output == "-" && ::isatty(STDOUT_FILENO) == 1) {
    throw Error("[apply] standard output is a terminal, and a tensor is no text; name a file with -o, or use a pipe");
  }
  io::output_format(options.output);
  if (!options.dtype.empty()) parse_dtype(options.dtype);
  if (options.state.empty()) {
    if (options.eval) throw Error("[apply] --eval uses running statistics; say with --state which file holds them");
    if (options.momentum) throw Error("[apply] --momentum is that of running statistics; say with --state where they are");
    return;
  }
  if (options.norm.norm != "batch" || options.norm.ghost != 0) {
    throw Error("[apply] --state holds the running statistics of BatchNorm; it goes with --norm batch alone, without --ghost");
  }
  if (options.state == "-") throw Error("[apply] --state is read and written; name a file, as it cannot be a pipe");
  if (options.weight_plus_one) throw Error("[apply] --weight-plus-one does not go with --state; add 1 to the weight there");
  if (options.eval && (!options.weight.empty() || !options.bias.empty())) {
    throw Error("[apply] with --eval, weight and bias are those of --state; leave --weight and --bias out");
  }
}

io::Array read_input(const ApplyOptions& options) {
  if (options.inputs.size() > 1) {
    if (!options.name.empty()) throw Error("[apply] --name chooses among the tensors of one file; several files are images");
    return io::read_tensors(options.inputs);
  }
  TensorPath at = parse_tensor_path(options.inputs.front());
  if (!options.name.empty()) at = {options.inputs.front(), options.name};
  return io::read_tensor(at.path, {.name = at.name});
}

/// Weight or bias, side by side as the library wants them; absent where there is no file.
io::Array read_parameter(const std::string& text) {
  if (text.empty()) return {};
  io::Array values = read_tensor_at(text);
  return values.view().contiguous() ? std::move(values) : io::contiguous_copy(values.view());
}

/// A parameter of the layer, where a file gives one.
void set_parameter(std::vector<float>& parameter, const io::Array& values, const char* name) {
  if (values.view().empty()) return;
  const std::vector<double> numbers = to_doubles(values.view());
  if (numbers.size() != parameter.size()) {
    throw Error(fmt::format("[apply] --{} has {} values, but the layer of --state has {}; give one a channel", name,
                            numbers.size(), parameter.size()));
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) parameter[i] = static_cast<float>(numbers[i]);
}

/// The layer whose state is in --state; a new one where there is no such file yet and it shall be trained.
BatchNorm layer_of(const ApplyOptions& options, const io::Array& x, double eps) {
  const int channel = channel_axis(layout_of(options.norm, x.shape().rank()));
  BatchNormOptions settings{.eps = eps, .channel_axis = channel};
  if (options.momentum) settings.momentum = options.momentum;
  std::error_code ignored;
  const bool exists = std::filesystem::exists(options.state, ignored);
  if (!exists && options.eval) {
    throw Error(fmt::format("[apply] {} is not there, and --eval needs its statistics; train first, without --eval",
                            io::in_quotes(options.state)));
  }
  if (exists) {
    const io::Safetensors file = io::read_safetensors(options.state);
    settings.affine = file.tensors.contains("weight");
    settings.bias = file.tensors.contains("bias");
    if (!options.momentum && file.tensors.contains("num_elements_tracked")) settings.momentum.reset();
  }
  BatchNorm layer(x.shape()[channel], settings);
  if (exists) io::load_state(options.state, layer);
  layer.train(!options.eval);
  return layer;
}

void apply(const ApplyOptions& options) {
  check(options);
  Progress progress;
  progress.stage("reading " + io::input_label(options.inputs.front()));
  io::Array x = read_input(options);
  if (!options.dtype.empty()) x = convert(std::move(x), parse_dtype(options.dtype));
  const io::Array weight = read_parameter(options.weight), bias = read_parameter(options.bias);
  CountingRunner runner(default_runner(), progress, "normalizing");

  // In place: the input is not needed afterwards, and may be as large as memory allows.
  Norm norm = make_norm(options.norm, x.view());
  std::optional<BatchNorm> layer;
  if (options.state.empty()) {
    norm.options.weight = weight.view();
    norm.options.bias = bias.view();
    norm.options.weight_plus_one = options.weight_plus_one;
    norm.options.runner = &runner;
    normalize(x.view(), x.mutable_view(), norm.grouping, norm.options);
  } else {
    layer.emplace(layer_of(options, x, norm.options.eps));
    set_parameter(layer->weight, weight, "weight");
    set_parameter(layer->bias, bias, "bias");
    layer->runner = &runner;
    layer->forward(x.view(), x.mutable_view(),
                   {.mask = norm.mask.view(), .lengths = norm.lengths, .lengths_axis = norm.grouping.lengths_axis()});
  }
  const std::string name = options.name.empty() ? x.name() : options.name;
  progress.stage("writing " + io::output_label(options.output));
  io::write_tensor(options.output, x.view(), name);
  // The statistics follow what was written: a result that could not be has trained nothing.
  if (layer && !options.eval) io::save_state(options.state, *layer);
}

}  // namespace

void add_apply(CLI::App& app) {
  CLI::App* command = app.add_subcommand("apply", "Normalize a tensor");
  const auto options = std::make_shared<ApplyOptions>();
  command
      ->add_option("input", options->inputs,
                   "A .npy, .npz or .safetensors file, a PNG or JPEG, several of them for a batch, or - for standard input; "
                   "x.npz:name is a tensor in a file")
      ->required()
      ->type_name("IN");
  command->add_option("-o,--output", options->output, "The file to write: .npy, .npz, .safetensors, or - for .npy in a pipe")
      ->required()
      ->type_name("OUT");
  add_norm_options(*command, options->norm);
  command->add_option("--weight", options->weight, "A file of what the result is multiplied by")->type_name("FILE");
  command->add_option("--bias", options->bias, "A file of what is added to the result")->type_name("FILE");
  command->add_flag("--weight-plus-one", options->weight_plus_one, "Multiply by 1 + weight");
  command->add_option("--dtype", options->dtype, "Convert to this first, and compute and write in it")->type_name("f32|f64|f16|bf16");
  command->add_option("--name", options->name, "Which tensor of a file that holds several, and what OUT calls it");
  command
      ->add_option("--state", options->state,
                   "BatchNorm's running statistics, under PyTorch's names in a .safetensors file; updated, and made if missing")
      ->type_name("FILE");
  command->add_flag("--eval", options->eval, "Normalize by the statistics in --state, and leave them as they are");
  command->add_option("--momentum", options->momentum, "The share of a new batch in the running statistics [0.1]");
  command->callback([options] { apply(*options); });
}

}  // namespace norma::cli
