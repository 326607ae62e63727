// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/tensors.hpp"
#include "io/array.hpp"
#include "norma/normalize.hpp"

namespace CLI {
class App;
}

namespace norma::cli {

/// What a command line says about a normalization: the options that `apply` and `explain` share.
struct NormOptions {
  std::string norm;                ///< batch, layer, sample, instance, group, rms, or empty where axes say it
  std::string layout;              ///< "NCHW"; empty: by the rank, see layout_of()
  std::vector<std::int64_t> axes;  ///< for Grouping::over; empty: as the norm says
  std::int64_t groups = 0;         ///< of channels, for group
  std::int64_t ghost = 0;          ///< samples of a ghost batch, for batch; 0: the whole batch
  std::optional<double> eps;       ///< absent: PyTorch's default, see eps_of()
  std::string lengths;             ///< a file, or "3,7,5"; empty: no padding
  std::string mask;                ///< a file; empty: none
};

/// Adds --norm, --layout, --axes, --groups, --ghost, --eps, --lengths and --mask to a subcommand.
/// options must live as long as app.
void add_norm_options(CLI::App& app, NormOptions& options);

/// The layout that options name for a tensor of this rank, checked: N (samples) first, C (channels) anywhere after it or,
/// without a C, D (features) at the end, and the rest of L, T, D, H, W for positions. By default NC; NLD for layer, sample
/// and rms, NCL for batch, instance and group; NCHW; NCDHW. Empty where --axes alone say it. Throws Error.
std::string layout_of(const NormOptions& options, int rank);

/// The grouping that options name on a tensor of this shape, without lengths and mask. Throws Error.
///
///     batch      each channel                  instance   each channel of each sample
///     sample     each sample                   group      each of --groups runs of channels of each sample
///     layer, rms each vector of features (NLD, NC); each sample where there are channels and positions (NCHW), as the
///                names are used for images; whatever --axes say, if they are given
Grouping make_grouping(const NormOptions& options, const Dims& shape);

/// The axis of the channels (or features) in a layout; -1 for an empty layout.
int channel_axis(const std::string& layout);

/// Whether the mean is subtracted: not for rms.
bool centered(const NormOptions& options);

/// --eps, or PyTorch's default: 1e-5, and for rms the machine epsilon of what is computed in, see RMSNormOptions.
double eps_of(const NormOptions& options, DType dtype);

/// A grouping with the memory that it looks at. Moves, does not copy; the views in it stay valid when it moves.
struct Norm {
  Grouping grouping;                  ///< narrowed by lengths and mask
  Options options;                    ///< eps and centered
  std::vector<std::int64_t> lengths;  ///< what grouping looks at, as is the mask
  io::Array mask;
};

/// All that options say about x: reads the files of lengths and mask. Throws Error.
Norm make_norm(const NormOptions& options, const ConstView& x);

}  // namespace norma::cli
