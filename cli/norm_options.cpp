// SPDX-License-Identifier: Apache-2.0
#include "cli/norm_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::cli {
namespace {

constexpr std::array<std::string_view, 6> kNormNames = {"batch", "layer", "sample", "instance", "group", "rms"};
constexpr std::string_view kNorms = "batch, layer, sample, instance, group and rms";
constexpr std::string_view kLetters = "NCLTDHW";

bool is_layer(const NormOptions& options) { return options.norm == "layer" || options.norm == "rms"; }

std::string default_layout(const NormOptions& options, int rank) {
  if (rank == 2) return "NC";
  if (rank == 3) return is_layer(options) || options.norm == "sample" ? "NLD" : "NCL";
  if (rank == 4) return "NCHW";
  if (rank == 5) return "NCDHW";
  throw Error(fmt::format("[layout] a tensor of {} {} has no usual layout; name its axes with --layout, such as NTCHW, or "
                          "say with --axes which of them form one distribution",
                          rank, rank == 1 ? "axis" : "axes"));
}

void check_layout(const std::string& layout, int rank) {
  const auto refuse = [&](const std::string& why) { throw Error(fmt::format("[layout] {} {}", io::in_quotes(layout), why)); };
  for (std::size_t i = 0; i < layout.size(); ++i) {
    if (kLetters.find(layout[i]) == std::string_view::npos) {
      refuse("has other letters than N (samples), C (channels) and L, T, D, H, W (positions); NCHW and NLD are usual");
    }
    if (layout.find(layout[i], i + 1) != std::string::npos) refuse(fmt::format("names {} twice; name each axis once", layout[i]));
  }
  if (layout.empty() || layout[0] != 'N') refuse("does not begin with N, the samples; NCHW does, and --axes needs no layout");
  if (layout.find('C') == std::string::npos && layout.back() != 'D') {
    refuse("has neither C for channels nor D at its end for features; NCHW and NLD have");
  }
  if (static_cast<int>(layout.size()) != rank) {
    refuse(fmt::format("names {} axes, but the input has {}; give one letter an axis", layout.size(), rank));
  }
}

void check_norm(const NormOptions& options) {
  const std::string& norm = options.norm;
  if (norm.empty() && options.axes.empty()) {
    throw Error(fmt::format("[norm] nothing says what forms one distribution; give --norm ({}) or --axes", kNorms));
  }
  if (!norm.empty() && std::find(kNormNames.begin(), kNormNames.end(), norm) == kNormNames.end()) {
    throw Error(fmt::format("[norm] {} is none of {}", io::in_quotes(norm), kNorms));
  }
  if (!options.axes.empty() && !norm.empty() && !is_layer(options)) {
    throw Error(fmt::format("[axes] --axes do not go with --norm {}, which says itself what forms one distribution; leave "
                            "one of them out",
                            norm));
  }
  if (norm == "group" && options.groups == 0) throw Error("[group_norm] --norm group needs --groups; 32 is usual");
  if (norm != "group" && options.groups != 0) throw Error("[groups] --groups belong to --norm group alone; leave them out");
  if (norm != "batch" && options.ghost != 0) throw Error("[ghost] --ghost belongs to --norm batch alone; leave it out");
}

/// The axis along which samples differ in length.
int lengths_axis(const std::string& layout) {
  if (layout.empty()) return 1;
  for (const char letter : std::string_view("LTHW")) {
    const std::size_t axis = layout.find(letter);
    if (axis != std::string::npos) return static_cast<int>(axis);
  }
  throw Error(fmt::format("[lengths] layout {} has no positions that could be padding; NLD has", layout));
}

std::vector<std::int64_t> read_lengths(const std::string& text) {
  if (text.find_first_not_of("0123456789,") == std::string::npos) return parse_integers(text, "lengths");
  const io::Array array = read_tensor_at(text);
  std::vector<std::int64_t> lengths;
  for (const double value : to_doubles(array.view())) {
    if (!(std::abs(value) < 9e15) || value != std::floor(value)) {
      throw Error(fmt::format("[lengths] {} holds {}, which is no whole number", io::in_quotes(text), value));
    }
    lengths.push_back(static_cast<std::int64_t>(value));
  }
  return lengths;
}

}  // namespace

void add_norm_options(CLI::App& app, NormOptions& options) {
  app.add_option("--norm", options.norm, "What forms one distribution")->type_name(fmt::format("{}", fmt::join(kNormNames, "|")));
  app.add_option("--layout", options.layout,
                 "A letter for each axis: N samples, C channels, L T D H W positions; without a C, a D at the end is "
                 "features. By default NC, NLD (layer, sample, rms) or NCL, NCHW, NCDHW");
  app.add_option_function<std::string>(
         "--axes", [&options](const std::string& text) { options.axes = parse_integers(text, "axes"); },
         "The axes that are pooled to one distribution, such as 1,2 or -1; alone, or with layer or rms")
      ->type_name("AXIS,...");
  app.add_option("--groups", options.groups, "How many groups of channels, for group");
  app.add_option("--ghost", options.ghost, "Samples of a ghost batch, for batch");
  app.add_option("--eps", options.eps, "Added to the variance [1e-5; for rms 2^-23, and 2^-52 for f64]");
  app.add_option("--lengths", options.lengths, "The true length of each sample, as 7,5,6 or in a file; the rest is padding")
      ->type_name("FILE");
  app.add_option("--mask", options.mask, "A file of booleans or bytes, 0 for what belongs to no distribution")->type_name("FILE");
}

std::string layout_of(const NormOptions& options, int rank) {
  check_norm(options);
  if (!options.layout.empty()) {
    check_layout(options.layout, rank);
    return options.layout;
  }
  return options.axes.empty() ? default_layout(options, rank) : std::string();
}

int channel_axis(const std::string& layout) {
  const std::size_t axis = layout.find('C');
  return axis != std::string::npos ? static_cast<int>(axis) : static_cast<int>(layout.size()) - 1;
}

Grouping make_grouping(const NormOptions& options, const Dims& shape) {
  const std::string layout = layout_of(options, shape.rank());
  if (!options.axes.empty()) return Grouping::over(Dims(options.axes));
  const int channel = channel_axis(layout);
  if (options.norm == "batch") {
    return options.ghost != 0 ? Grouping::ghost_batch(options.ghost, channel) : Grouping::batch(channel);
  }
  if (options.norm == "instance") return Grouping::instance(channel);
  if (options.norm == "group") return Grouping::group(options.groups, channel);
  if (options.norm == "sample") return Grouping::sample();
  const bool whole_sample = layout.find('C') != std::string::npos;  // in NC that is the vector of features, too
  Dims normalized;
  for (int axis = whole_sample ? 1 : channel; axis < shape.rank(); ++axis) normalized.push_back(shape[axis]);
  return Grouping::layer(normalized);
}

bool centered(const NormOptions& options) { return options.norm != "rms"; }

double eps_of(const NormOptions& options, DType dtype) {
  if (options.eps) return *options.eps;
  if (options.norm != "rms") return 1e-5;
  return dtype == DType::f64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
}

Norm make_norm(const NormOptions& options, const ConstView& x) {
  Norm norm{make_grouping(options, x.shape()), {.eps = eps_of(options, x.dtype()), .centered = centered(options)}, {}, {}};
  if (!options.lengths.empty()) {
    const int axis = lengths_axis(layout_of(options, x.rank()));
    norm.lengths = read_lengths(options.lengths);
    norm.grouping = norm.grouping.with_lengths(norm.lengths, axis);
  }
  if (!options.mask.empty()) {
    norm.mask = read_tensor_at(options.mask, true);
    norm.grouping = norm.grouping.masked(norm.mask.view());
  }
  return norm;
}

}  // namespace norma::cli
