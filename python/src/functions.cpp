// SPDX-License-Identifier: Apache-2.0
// The functions of the package: each named one fills a Request and a Spec; calls.hpp does the rest.
#include "functions.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "calls.hpp"

namespace norma::python {

using namespace nb::literals;
using Kind = Spec::Kind;

namespace {

/// To backward(), None says that the gradient of a parameter is not wanted.
nb::handle given_or_unwanted(nb::handle gradient) { return gradient.is_none() ? nb::handle(Py_False) : gradient; }

/// A key of norma.torch's, or a Grouping.
Spec spec_of_either(nb::handle grouping) {
  return PyTuple_Check(grouping.ptr()) ? spec_of_key(nb::borrow<nb::tuple>(grouping)) : nb::cast<const Spec&>(grouping);
}

}  // namespace

Spec spec_of(nb::handle over, nb::handle grouping) {
  if (over.is_none() == grouping.is_none()) {
    throw nb::type_error("give either over=axes or grouping=norma.Grouping…: it says which elements form one distribution");
  }
  if (!over.is_none()) return {.kind = Kind::over, .dims = dims(over, "over")};
  const Spec* given = nullptr;
  if (!nb::try_cast(grouping, given, false)) throw nb::type_error("grouping is no norma.Grouping; give one, or over=axes");
  return *given;
}

void bind_functions(nb::module_& m) {
  const nb::none none;

  m.def(
      "layer_norm",
      [](nb::handle x, nb::handle normalized_shape, nb::handle weight, nb::handle bias, double eps, nb::handle residual,
         nb::handle sum_out, nb::handle out, nb::handle mask, nb::handle lengths) {
        return forward({.kind = Kind::layer, .dims = dims(normalized_shape, "normalized_shape")}, {.name = "layer_norm",
                                                                                                   .x = x,
                                                                                                   .weight = weight,
                                                                                                   .bias = bias,
                                                                                                   .out = out,
                                                                                                   .mask = mask,
                                                                                                   .lengths = lengths,
                                                                                                   .eps = eps,
                                                                                                   .residual = residual,
                                                                                                   .sum_out = sum_out});
      },
      "x"_a, "normalized_shape"_a, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5, nb::kw_only(), "residual"_a = none,
      "sum_out"_a = none, "out"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def layer_norm(x: Array, normalized_shape: int | Sequence[int], weight: Any | None = None, bias: Any | None = "
              "None, eps: float = 1e-05, *, residual: Any | None = None, sum_out: Any | None = None, out: Any | None = None, "
              "mask: Any | None = None, lengths: Any | None = None) -> Array"),
      R"(Normalizes over the trailing axes, whose sizes normalized_shape gives: (D) each token, (L, D) each sentence.

    y[r, j] = (x[r, j] - mean[r]) / sqrt(variance[r] + eps) * weight[j] + bias[j]

weight, bias  one value for each element of normalized_shape.
residual      of x's layout, added to x first, in the same pass; sum_out, where given, takes x + residual.
Ba, Kiros, Hinton 2016, arXiv:1607.06450, eq. 3-4.)");

  m.def(
      "rms_norm",
      [](nb::handle x, nb::handle normalized_shape, nb::handle weight, std::optional<double> eps, bool weight_plus_one,
         nb::handle residual, nb::handle sum_out, nb::handle out, nb::handle mask, nb::handle lengths) {
        return forward({.kind = Kind::layer, .dims = dims(normalized_shape, "normalized_shape")},
                       {.name = "rms_norm",
                        .x = x,
                        .weight = weight,
                        .out = out,
                        .mask = mask,
                        .lengths = lengths,
                        .eps = eps,
                        .centered = false,
                        .weight_plus_one = weight_plus_one,
                        .residual = residual,
                        .sum_out = sum_out});
      },
      "x"_a, "normalized_shape"_a, "weight"_a = none, "eps"_a = none, nb::kw_only(), "weight_plus_one"_a = false,
      "residual"_a = none, "sum_out"_a = none, "out"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def rms_norm(x: Array, normalized_shape: int | Sequence[int], weight: Any | None = None, eps: float | None = "
              "None, *, "
              "weight_plus_one: bool = False, residual: Any | None = None, sum_out: Any | None = None, out: Any | None = None, "
              "mask: Any | None = None, lengths: Any | None = None) -> "
              "Array"),
      R"(Divides by the root mean square over the trailing axes; subtracts nothing.

    y[r, j] = x[r, j] / sqrt(mean_j(x[r, j]^2) + eps) * weight[j]

eps              None: 2^-52 for float64 data, else 2^-23, as PyTorch's.
weight_plus_one  the weight is stored around zero and applied as 1 + weight (Gemma's).
residual         of x's layout, added to x first, in the same pass; sum_out, where given, takes x + residual.
Zhang, Sennrich 2019, arXiv:1910.07467, eq. 4.)");

  m.def(
      "group_norm",
      [](nb::handle x, std::int64_t num_groups, nb::handle weight, nb::handle bias, double eps, int channel_axis,
         nb::handle add, nb::handle activation, nb::handle out, nb::handle mask, nb::handle lengths) {
        return forward({.kind = Kind::group, .axis = channel_axis, .number = num_groups}, {.name = "group_norm",
                                                                                           .x = x,
                                                                                           .weight = weight,
                                                                                           .bias = bias,
                                                                                           .out = out,
                                                                                           .mask = mask,
                                                                                           .lengths = lengths,
                                                                                           .eps = eps,
                                                                                           .add = add,
                                                                                           .relu = is_relu(activation)});
      },
      "x"_a, "num_groups"_a, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5, nb::kw_only(), "channel_axis"_a = 1,
      "add"_a = none, "activation"_a = none, "out"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def group_norm(x: Array, num_groups: int, weight: Any | None = None, bias: Any | None = None, eps: float = "
              "1e-05, *, "
              "channel_axis: int = 1, add: Any | None = None, activation: str | None = None, out: Any | None = None, mask: Any "
              "| None = None, lengths: Any | None = None) -> Array"),
      R"(Normalizes num_groups runs of neighbouring channels, each of each sample.

    y = (x - mean[n, g]) / sqrt(variance[n, g] + eps) * weight[c] + bias[c]

weight, bias     one value a channel. num_groups divides the channels.
add, activation  as of normalize().
Wu, He 2018, arXiv:1803.08494, eq. 7.)");

  // BatchNorm and InstanceNorm differ in their grouping, and in the word for "by the data's own statistics".
  const auto running = [](const char* name, Kind kind, nb::handle x, nb::handle mean, nb::handle var, nb::handle weight,
                          nb::handle bias, std::optional<bool> training, double momentum, double eps, int channel_axis,
                          nb::handle add, nb::handle activation, nb::handle out, nb::handle mask, nb::handle lengths,
                          nb::handle saved) {
    return forward({.kind = kind, .axis = channel_axis}, {.name = name,
                                                          .x = x,
                                                          .weight = weight,
                                                          .bias = bias,
                                                          .out = out,
                                                          .mask = mask,
                                                          .lengths = lengths,
                                                          .eps = eps,
                                                          .running_mean = mean,
                                                          .running_var = var,
                                                          .training = training.value_or(mean.is_none()),
                                                          .needs_running = training.has_value() && !*training,
                                                          .momentum = momentum,
                                                          .saved = saved,
                                                          .add = add,
                                                          .relu = is_relu(activation)});
  };

  m.def(
      "batch_norm",
      [running](nb::handle x, nb::handle mean, nb::handle var, nb::handle weight, nb::handle bias, std::optional<bool> training,
                double momentum, double eps, int channel_axis, nb::handle add, nb::handle activation, nb::handle out,
                nb::handle mask, nb::handle lengths, nb::handle saved) {
        return running("batch_norm", Kind::batch, x, mean, var, weight, bias, training, momentum, eps, channel_axis, add,
                       activation, out, mask, lengths, saved);
      },
      "x"_a, "running_mean"_a = none, "running_var"_a = none, "weight"_a = none, "bias"_a = none, "training"_a = none,
      "momentum"_a = 0.1, "eps"_a = 1e-5, nb::kw_only(), "channel_axis"_a = 1, "add"_a = none, "activation"_a = none,
      "out"_a = none, "mask"_a = none, "lengths"_a = none, "saved"_a = none,
      nb::sig("def batch_norm(x: Array, running_mean: Any | None = None, running_var: Any | None = None, weight: Any | None = "
              "None, bias: "
              "Any | None = None, training: bool | None = None, momentum: float = 0.1, eps: float = 1e-05, *, channel_axis: "
              "int = 1, add: Any | None = None, activation: str | None = None, out: "
              "Any | None = None, mask: Any | None = None, lengths: Any | None = None, saved: Any | None = None) -> Array"),
      R"(Normalizes each channel over all samples and positions.

    y = (x - mean[c]) / sqrt(variance[c] + eps) * weight[c] + bias[c]

training  True: by the batch's own statistics, which running_mean and running_var (written in place) take up:
          running = (1 - momentum) * running + momentum * batch, where the variance is the unbiased one, and a channel with
          Inf or NaN keeps its own. False: by the running ones. None: True where no running ones are given.
saved     where given, norma.Moments to fill with the statistics used, for backward().
add, activation  as of normalize(): relu(batch_norm(x) + add), the end of a ResNet's block, in one pass.
Ioffe, Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.)");

  m.def(
      "instance_norm",
      [running](nb::handle x, nb::handle mean, nb::handle var, nb::handle weight, nb::handle bias, bool use_input_stats,
                double momentum, double eps, int channel_axis, nb::handle add, nb::handle activation, nb::handle out,
                nb::handle mask, nb::handle lengths, nb::handle saved) {
        return running("instance_norm", Kind::instance, x, mean, var, weight, bias, use_input_stats, momentum, eps,
                       channel_axis, add, activation, out, mask, lengths, saved);
      },
      "x"_a, "running_mean"_a = none, "running_var"_a = none, "weight"_a = none, "bias"_a = none, "use_input_stats"_a = true,
      "momentum"_a = 0.1, "eps"_a = 1e-5, nb::kw_only(), "channel_axis"_a = 1, "add"_a = none, "activation"_a = none,
      "out"_a = none, "mask"_a = none, "lengths"_a = none, "saved"_a = none,
      nb::sig(
          "def instance_norm(x: Array, running_mean: Any | None = None, running_var: Any | None = None, weight: Any | None = "
          "None, "
          "bias: Any | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05, *, channel_axis: "
          "int = 1, add: Any | None = None, activation: str | None = None, "
          "out: Any | None = None, mask: Any | None = None, lengths: Any | None = None, saved: Any | None = None) -> Array"),
      R"(Normalizes each channel of each sample. As batch_norm, whose `training` is use_input_stats here; running statistics take
the average of the samples'.

Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022, eq. 3.)");

  m.def(
      "normalize",
      [](nb::handle x, nb::handle over, nb::handle grouping, nb::handle weight, nb::handle bias, std::optional<double> eps,
         bool centered, bool weight_plus_one, nb::handle given, nb::handle saved, nb::handle residual, nb::handle sum_out,
         nb::handle add, nb::handle activation, nb::handle out, nb::handle mask, nb::handle lengths) {
        return forward(spec_of(over, grouping), {.name = "normalize",
                                                 .x = x,
                                                 .weight = weight,
                                                 .bias = bias,
                                                 .out = out,
                                                 .mask = mask,
                                                 .lengths = lengths,
                                                 .eps = eps,
                                                 .centered = centered,
                                                 .weight_plus_one = weight_plus_one,
                                                 .given = given,
                                                 .saved = saved,
                                                 .residual = residual,
                                                 .sum_out = sum_out,
                                                 .add = add,
                                                 .relu = is_relu(activation)});
      },
      "x"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5,
      "centered"_a = true, "weight_plus_one"_a = false, "given"_a = none, "saved"_a = none, "residual"_a = none,
      "sum_out"_a = none, "add"_a = none, "activation"_a = none, "out"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def normalize(x: Array, over: int | Sequence[int] | None = None, *, grouping: Grouping | None = None, weight: "
              "Any | None = "
              "None, bias: Any | None = None, eps: float | None = 1e-05, centered: bool = True, weight_plus_one: bool = False, "
              "given: "
              "Moments | None = None, saved: Any | None = None, residual: Any | None = None, sum_out: Any | None = None, add: "
              "Any | None = "
              "None, activation: str | None = None, out: Any | None = None, mask: Any | None = None, lengths: Any "
              "| None = "
              "None) -> Array"),
      R"(Normalizes each distribution of x, which over (the axes pooled) or grouping names.

    y = (x - mean) / sqrt(variance + eps) * weight + bias

centered  False measures about zero and subtracts nothing: RMSNorm.
given     Moments to use in place of x's own, as in inference.
saved     Moments to fill with what was used, for backward(): an empty norma.Moments() makes room.
residual  added to x first, in the same pass: x + residual is normalized; sum_out, where given, takes it.
add       added after weight and bias, and before the activation ("relu"), in the same pass. Arrays of x's layout.
mask      bool or uint8, broadcasts to x: where it is false an element belongs to no distribution, and comes out as 0.
lengths   of sample i the positions (axis 1) from lengths[i] on are padding; likewise.
out       where to write: memory of x's shape and dtype, x itself too. Returned.)");

  m.def(
      "backward",
      [](nb::handle dy, nb::handle x, nb::handle moments, nb::handle over, nb::handle grouping, nb::handle weight,
         std::optional<double> eps, bool centered, bool weight_plus_one, bool constant, nb::handle dx, nb::handle dweight,
         nb::handle dbias, nb::handle activation, nb::handle y, nb::handle dadd, nb::handle dsum, nb::handle mask,
         nb::handle lengths) {
        return backward(dy, moments, spec_of(over, grouping),
                        {.name = "backward",
                         .x = x,
                         .weight = weight,
                         .mask = mask,
                         .lengths = lengths,
                         .eps = eps,
                         .centered = centered,
                         .weight_plus_one = weight_plus_one,
                         .relu = is_relu(activation)},
                        constant, {dx, given_or_unwanted(dweight), given_or_unwanted(dbias), y, dadd, dsum})[0];
      },
      "dy"_a, "x"_a, "moments"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "weight"_a = none, "eps"_a = 1e-5,
      "centered"_a = true, "weight_plus_one"_a = false, "constant"_a = false, "dx"_a = none, "dweight"_a = none,
      "dbias"_a = none, "activation"_a = none, "y"_a = none, "dadd"_a = none, "dsum"_a = none, "mask"_a = none,
      "lengths"_a = none,
      nb::sig("def backward(dy: Any, x: Array, moments: Any, over: int | Sequence[int] | None = None, *, grouping: Grouping | "
              "None = None, "
              "weight: Any | None = None, eps: float | None = 1e-05, centered: bool = True, weight_plus_one: bool = False, "
              "constant: bool "
              "= False, dx: Any | None = None, dweight: Any | None = None, dbias: Any | None = None, activation: str | None = "
              "None, "
              "y: Any | None = None, dadd: Any | None = None, dsum: Any | None = None, mask: Any | None = None, lengths: Any "
              "| None = None) -> Array"),
      R"(The gradients of a loss through normalize(), from dy = dloss/dy and the Moments that it saved. Returns dx.

    g = dy * weight              xhat = (x - mean) * rstd
    dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd        dweight = sum(dy * xhat)        dbias = sum(dy)

constant        the moments were given, and are constants: dx = dy * weight * rstd.
dx              where to write, dy itself too; False: not wanted.
dweight, dbias  arrays to write, of any float dtype; None: not wanted.
activation, y   what forward had, and gave: dy counts where y > 0.
dadd            an array to write: dy as it counts, the gradient of add.
dsum            the gradient that reaches x + residual by other ways; dx is that of both. x is the sum then.
Ioffe, Szegedy 2015, section 3.)");

  // What norma.torch calls: everything by position, and a key or a Grouping for which elements form one distribution.
  m.def(
      "_forward",
      [](nb::handle x, nb::handle grouping, nb::handle weight, nb::handle bias, std::optional<double> eps, bool centered,
         nb::handle mean, nb::handle var, bool training, double momentum, nb::handle saved, nb::handle residual,
         nb::handle sum_out, nb::handle add, bool relu) {
        return forward(spec_of_either(grouping), {.name = "norma.torch",
                                                  .x = x,
                                                  .weight = weight,
                                                  .bias = bias,
                                                  .eps = eps,
                                                  .centered = centered,
                                                  .running_mean = mean,
                                                  .running_var = var,
                                                  .training = training,
                                                  .momentum = momentum,
                                                  .saved = saved,
                                                  .residual = residual,
                                                  .sum_out = sum_out,
                                                  .add = add,
                                                  .relu = relu,
                                                  .recorded = true});
      },
      nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none(), nb::arg().none(), nb::arg(), nb::arg().none(), nb::arg().none(),
      nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none() = none, nb::arg().none() = none, nb::arg().none() = none,
      nb::arg() = false);

  m.def(
      "_backward",
      [](nb::handle dy, nb::handle x, nb::handle moments, nb::handle grouping, nb::handle weight, std::optional<double> eps,
         bool centered, bool constant, nb::handle dx, nb::handle dweight, nb::handle dbias, bool relu, nb::handle y,
         nb::handle dadd, nb::handle dsum) {
        const auto found = backward(
            dy, moments, spec_of_either(grouping),
            {.name = "norma.torch", .x = x, .weight = weight, .eps = eps, .centered = centered, .relu = relu, .recorded = true},
            constant, {dx, dweight, dbias, y, dadd, dsum});
        return nb::make_tuple(found[0], found[1], found[2]);
      },
      nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none(), nb::arg(), nb::arg(), nb::arg().none(),
      nb::arg().none(), nb::arg().none(), nb::arg() = false, nb::arg().none() = none, nb::arg().none() = none,
      nb::arg().none() = none);

  m.def(
      "moments",
      [](nb::handle x, nb::handle over, nb::handle grouping, bool centered, nb::handle mask, nb::handle lengths) {
        return measure(spec_of(over, grouping),
                       {.name = "moments", .x = x, .mask = mask, .lengths = lengths, .centered = centered});
      },
      "x"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "centered"_a = true, "mask"_a = none, "lengths"_a = none,
      nb::sig("def moments(x: Any, over: int | Sequence[int] | None = None, *, grouping: Grouping | None = None, centered: "
              "bool = True, "
              "mask: Any | None = None, lengths: Any | None = None) -> Moments"),
      "Measures each distribution of x; arguments as for normalize().");
}

}  // namespace norma::python
