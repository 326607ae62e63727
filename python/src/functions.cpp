// SPDX-License-Identifier: Apache-2.0
// The functions of the package: each named one fills a Request and a Spec; forward() and backward() do the rest.
#include "functions.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "half.hpp"
#include "norma/normalize.hpp"
#include "work.hpp"

namespace norma::python {

namespace {

using namespace nb::literals;
using Kind = Spec::Kind;

/// Moments from Python: an object of ours, or int64 of shape (n, 4) that somebody else keeps.
struct MomentsArgument {
  MomentsArgument(nb::handle object, const char* name, Access access) {
    if (!object.is_valid() || object.is_none()) return;
    if (nb::try_cast(object, ours, false)) {
      span = ours->values;
      return;
    }
    tensor.emplace(object, name, access);
    std::int64_t count = 0;
    Moments* first = tensor->moments(count);
    span = {first, static_cast<std::size_t>(count)};
  }
  /// Room for what a plan measures, where an empty Moments() was given.
  void make_room(const Spec& spec, const ConstView& mask, const Dims& shape, std::size_t distributions) {
    if (ours == nullptr || !ours->values.empty()) return;
    ours->shape = shape_of(spec.core(mask).boxes(shape));
    ours->values.resize(distributions);
    span = ours->values;
  }
  static Dims shape_of(const norma::Grouping::Boxes& boxes) {
    Dims shape;
    for (int axis = 0; axis < boxes.shape.rank(); ++axis) shape.push_back(boxes.along(axis));
    return shape;
  }

  MomentsArray* ours = nullptr;
  std::optional<Tensor> tensor;
  std::span<Moments> span;
};

double value_at(const ConstView& v, std::int64_t i) {
  const auto at = i * (v.rank() == 1 ? v.strides()[0] : 0);
  switch (v.dtype()) {
    case DType::f64: return static_cast<const double*>(v.data())[at];
    case DType::f16: return to_double(static_cast<const Half*>(v.data())[at]);
    case DType::bf16: return to_double(static_cast<const BFloat16*>(v.data())[at]);
    default: return static_cast<const float*>(v.data())[at];
  }
}

void set_value(const View& v, std::int64_t i, double value) {
  const auto at = i * (v.rank() == 1 ? v.strides()[0] : 0);
  switch (v.dtype()) {
    case DType::f64: static_cast<double*>(v.data())[at] = value; break;
    case DType::f16: static_cast<Half*>(v.data())[at] = from_double<Half>(value); break;
    case DType::bf16: static_cast<BFloat16*>(v.data())[at] = from_double<BFloat16>(value); break;
    default: static_cast<float*>(v.data())[at] = static_cast<float>(value); break;
  }
}

/// running_mean and running_var as PyTorch keeps them: any float dtype, one value a channel.
struct Running {
  Running(const Request& r, const char* function)
      : mean_(r.running_mean, "running_mean", r.training.value_or(false) ? Access::write : Access::read),
        variance_(r.running_var, "running_var", r.training.value_or(false) ? Access::write : Access::read) {
    if (mean_.empty() != variance_.empty()) {
      throw Error("[" + std::string(function) + "] running_mean and running_var go together; give both or none");
    }
  }

  bool absent() const { return mean_.empty(); }

  void check(std::int64_t channels, const char* function) const {
    for (const auto& [tensor, name] : {std::pair{&mean_, "running_mean"}, std::pair{&variance_, "running_var"}}) {
      if (tensor->shape() == Dims{channels}) continue;
      throw Error("[" + std::string(function) + "] " + name + " of shape " + to_string(tensor->shape()) +
                  " does not fit; give one value for each of the " + std::to_string(channels) + " channels");
    }
  }

  void fill(std::span<Moments> given) const {
    const ConstView mean = mean_.floats(), variance = variance_.floats();
    const std::int64_t channels = mean.size();
    for (std::size_t i = 0; i < given.size(); ++i) {
      const std::int64_t c = static_cast<std::int64_t>(i) % channels;
      given[i] = Moments::of(value_at(mean, c), value_at(variance, c));
    }
  }

  /// As norma::RunningLayer does: channels that came out infinite or NaN, or had fewer than two values, keep theirs;
  /// InstanceNorm's samples are averaged.
  void absorb(std::span<const Moments> measured, double momentum) const {
    const View mean = mean_.written(), variance = variance_.written();
    const auto channels = static_cast<std::size_t>(mean.size());
    for (std::size_t c = 0; c < channels; ++c) {
      double mean_sum = 0, variance_sum = 0;
      int samples = 0;
      for (std::size_t i = c; i < measured.size(); i += channels) {
        const Moments& m = measured[i];
        if (m.count < 2 || !std::isfinite(m.mean) || !std::isfinite(m.m2)) continue;
        mean_sum += m.mean;
        variance_sum += m.variance(1);
        ++samples;
      }
      if (samples == 0) continue;
      const auto at = static_cast<std::int64_t>(c);
      set_value(mean, at, (1 - momentum) * value_at(mean, at) + momentum * mean_sum / samples);
      set_value(variance, at, (1 - momentum) * value_at(variance, at) + momentum * variance_sum / samples);
    }
  }

 private:
  Tensor mean_, variance_;
};

void narrow(Spec& spec, const Request& r) {
  if (!r.mask.is_none()) spec.mask = nb::borrow(r.mask);
  if (!r.lengths.is_none()) {
    spec.lengths = std::make_shared<const std::vector<std::int64_t>>(integers(r.lengths, "lengths"));
    spec.lengths_axis = r.lengths_axis;
  }
}

Options options_of(const Request& r, const Tensor& weight, const Tensor& bias, DType dtype) {
  Options options;
  options.weight = weight.floats();
  options.bias = bias.floats();
  options.weight_plus_one = r.weight_plus_one;
  options.eps = r.eps.value_or(dtype == DType::f64 ? 0x1p-52 : 0x1p-23);
  options.centered = r.centered;
  return options;
}

nb::object forward(Spec spec, const Request& r) {
  narrow(spec, r);
  const Tensor x(r.x, "x"), weight(r.weight, "weight"), bias(r.bias, "bias"), mask(spec.mask, "mask");
  if (x.empty()) throw nb::type_error("x is None; give an array");
  const ConstView xv = x.floats();
  const ConstView mask_view = mask.mask();
  std::optional<Result> result;
  const Tensor out(r.out, "out", Access::write);
  if (out.empty()) result.emplace(x);
  const View y = result ? result->view() : out.written();
  const ConstView views[] = {xv, y};
  const Plan plan = plan_for(spec, mask_view, views);
  Options options = options_of(r, weight, bias, xv.dtype());
  MomentsArgument given(r.given, "given", Access::read), saved(r.saved, "saved", Access::write);
  const Running running(r, r.name);
  const auto distributions = static_cast<std::size_t>(plan.distributions());
  saved.make_room(spec, mask_view, xv.shape(), distributions);
  const bool measures = given.span.empty() && (running.absent() || r.training.value_or(false));
  if (!running.absent()) {
    const int axis = spec.axis < 0 ? spec.axis + xv.rank() : spec.axis;
    running.check(axis >= 0 && axis < xv.rank() ? xv.shape()[axis] : 0, r.name);
  }

  std::vector<Moments> local;
  if (measures) {
    if (saved.span.empty() && !running.absent()) saved.span = local = std::vector<Moments>(distributions);
    run_work(xv.size(), [&](Runner& runner) {
      options.runner = &runner;
      plan.normalize(xv, y, options, saved.span);
    });
    if (!running.absent()) running.absorb(saved.span, r.momentum);
  } else {
    if (given.span.empty()) {
      given.span = local = std::vector<Moments>(distributions);
      running.fill(given.span);
    }
    run_work(xv.size(), [&](Runner& runner) {
      options.runner = &runner;
      plan.normalize_with(xv, y, given.span, options);
    });
    if (!saved.span.empty()) {
      if (saved.span.size() != distributions)
        throw Error("[" + std::string(r.name) + "] saved has room for another number of distributions");
      std::copy(given.span.begin(), given.span.end(), saved.span.begin());
    }
  }
  return result ? result->object() : nb::borrow(r.out);
}

nb::object backward(nb::handle dy_object, nb::handle moments, Spec spec, const Request& r, bool constant, nb::handle dx_object,
                    nb::handle dweight_object, nb::handle dbias_object) {
  narrow(spec, r);
  const Tensor x(r.x, "x"), dy(dy_object, "dy"), weight(r.weight, "weight"), mask(spec.mask, "mask");
  if (x.empty() || dy.empty()) throw nb::type_error("x or dy is None; give arrays");
  const bool wanted = dx_object.ptr() != Py_False;
  const Tensor dx(wanted ? dx_object : nb::handle(Py_None), "dx", Access::write),
      dweight(dweight_object, "dweight", Access::write), dbias(dbias_object, "dbias", Access::write);
  std::optional<Result> result;
  if (wanted && dx.empty()) result.emplace(x);
  const Gradients gradients{result ? result->view() : dx.written(), dweight.written(), dbias.written()};
  const ConstView xv = x.floats(), dyv = dy.floats();
  const ConstView views[] = {xv, dyv, wanted ? static_cast<const ConstView&>(gradients.dx) : dyv};
  const Plan plan = plan_for(spec, mask.mask(), views);
  const MomentsArgument saved(moments, "moments", Access::read);
  Options options = options_of(r, weight, Tensor(), xv.dtype());
  run_work(xv.size(), [&](Runner& runner) {
    options.runner = &runner;
    if (constant) {
      plan.backward_with(xv, dyv, saved.span, gradients, options);
    } else {
      plan.backward(xv, dyv, saved.span, gradients, options);
    }
  });
  return result ? result->object() : wanted ? nb::borrow(dx_object) : nb::none();
}

MomentsArray moments(Spec spec, const Request& r) {
  narrow(spec, r);
  const Tensor x(r.x, "x"), mask(spec.mask, "mask");
  if (x.empty()) throw nb::type_error("x is None; give an array");
  const ConstView views[] = {x.floats()};
  const ConstView mask_view = mask.mask();
  const Plan plan = plan_for(spec, mask_view, views);
  MomentsArray result;
  result.shape = MomentsArgument::shape_of(spec.core(mask_view).boxes(x.shape()));
  result.values.resize(static_cast<std::size_t>(plan.distributions()));
  Options options;
  options.centered = r.centered;
  run_work(views[0].size(), [&](Runner& runner) {
    options.runner = &runner;
    plan.measure(views[0], result.values, options);
  });
  return result;
}

// Where the positions are that lengths count: beside channels on axis 1 they are axis 2, else axis 1.
int positions(int channel_axis) { return channel_axis == 1 ? 2 : 1; }

template <class T, class Value>
nb::object array_of(const MomentsArray& m, const Value& value) {
  auto* values = new T[std::max<std::size_t>(1, m.values.size())];
  nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  for (std::size_t i = 0; i < m.values.size(); ++i) values[i] = value(m.values[i]);
  std::vector<std::size_t> shape(m.shape.begin(), m.shape.end());
  return nb::cast(nb::ndarray<nb::numpy, T>(values, shape.size(), shape.data(), owner));
}

void bind_moments(nb::module_& m) {
  nb::class_<MomentsArray>(m, "Moments", R"(Count, mean and centred second moment of each distribution.

Arrays have x's axes: 1 where an axis was pooled, so that they broadcast with x (except along grouped channels and labels).)")
      .def(nb::init<>(), "Empty: a function that is to fill it as `saved` makes room.")
      .def_static(
          "of",
          [](nb::handle mean, nb::handle variance) {
            const Tensor mean_tensor(mean, "mean"), variance_tensor(variance, "variance");
            const ConstView a = mean_tensor.floats(), b = variance_tensor.floats();
            if (!(a.shape() == b.shape()) || !a.contiguous() || !b.contiguous()) {
              throw Error("[moments] mean and variance differ in shape or are not contiguous; give two alike");
            }
            MomentsArray made{a.shape(), {}};
            const Dims flat{a.size()};
            const ConstView means(a.data(), a.dtype(), flat), variances(b.data(), b.dtype(), flat);
            for (std::int64_t i = 0; i < a.size(); ++i) {
              made.values.push_back(Moments::of(value_at(means, i), value_at(variances, i)));
            }
            return made;
          },
          "mean"_a, "variance"_a, nb::sig("def of(mean: Any, variance: Any) -> Moments"),
          "Distributions known by their statistics alone, as running ones are.")
      .def_prop_ro(
          "shape",
          [](const MomentsArray& a) {
            nb::list list;
            for (const std::int64_t v : a.shape) list.append(v);
            return nb::tuple(list);
          },
          nb::sig("def shape(self) -> tuple[int, ...]"))
      .def_prop_ro(
          "count", [](const MomentsArray& a) { return array_of<std::int64_t>(a, [](const Moments& v) { return v.count; }); },
          nb::sig("def count(self) -> numpy.ndarray"), "How many elements.")
      .def_prop_ro(
          "mean", [](const MomentsArray& a) { return array_of<double>(a, [](const Moments& v) { return v.mean; }); },
          nb::sig("def mean(self) -> numpy.ndarray"), "Their mean, or 0 where measured about zero.")
      .def_prop_ro(
          "m2", [](const MomentsArray& a) { return array_of<double>(a, [](const Moments& v) { return v.m2; }); },
          nb::sig("def m2(self) -> numpy.ndarray"), "sum((x - mean)^2).")
      .def(
          "variance",
          [](const MomentsArray& a, int ddof) {
            return array_of<double>(a, [ddof](const Moments& v) { return v.variance(ddof); });
          },
          "ddof"_a = 0, nb::sig("def variance(self, ddof: int = 0) -> numpy.ndarray"),
          "m2 / (count - ddof): 0 the population's, 1 the unbiased estimate; NaN where count <= ddof.")
      .def(
          "rstd",
          [](const MomentsArray& a, double eps) {
            return array_of<double>(a, [eps](const Moments& v) { return v.rstd(eps); });
          },
          "eps"_a = 1e-5, nb::sig("def rstd(self, eps: float = 1e-05) -> numpy.ndarray"),
          "1 / sqrt(variance + eps); 0 for a constant with eps = 0 or where nothing was counted.")
      .def(
          "merge",
          [](const MomentsArray& a, const MomentsArray& b) {
            if (!(a.shape == b.shape)) {
              throw Error("[merge] moments of shape " + to_string(a.shape) + " and " + to_string(b.shape) +
                          " are of different distributions; merge those of equal shape");
            }
            MomentsArray merged = a;
            for (std::size_t i = 0; i < merged.values.size(); ++i) merged.values[i] = norma::merge(a.values[i], b.values[i]);
            return merged;
          },
          "other"_a, "The moments of two disjoint parts taken together. Chan, Golub, LeVeque 1979, eq. 2.1.")
      .def(
          "take",
          [](const MomentsArray& a, nb::handle rows) {
            const std::vector<std::int64_t> wanted = integers(rows, "rows");
            const std::int64_t n = a.shape.empty() ? 0 : a.shape[0];
            const auto row = n == 0 ? 0 : a.values.size() / static_cast<std::size_t>(n);
            MomentsArray taken{a.shape, {}};
            if (a.shape.rank() > 0) taken.shape[0] = static_cast<std::int64_t>(wanted.size());
            for (const std::int64_t i : wanted) {
              if (i < -1 || i >= n) throw Error("[take] there is no row " + std::to_string(i) + " among " + std::to_string(n));
              for (std::size_t k = 0; k < row; ++k)
                taken.values.push_back(i < 0 ? Moments() : a.values[static_cast<std::size_t>(i) * row + k]);
            }
            return taken;
          },
          "rows"_a, nb::sig("def take(self, rows: Any) -> Moments"),
          "Some of the first axis, in the order asked for; -1 is an empty one.")
      .def("__len__", [](const MomentsArray& a) { return a.values.size(); })
      .def("__getstate__",
           [](const MomentsArray& a) {
             nb::list shape;
             for (const std::int64_t v : a.shape) shape.append(v);
             return nb::make_tuple(nb::tuple(shape), nb::bytes(a.values.data(), a.values.size() * sizeof(Moments)));
           })
      .def("__setstate__",
           [](MomentsArray& a, const nb::tuple& state) {
             MomentsArray made{dims(state[0], "shape"), {}};
             const auto bytes = nb::cast<nb::bytes>(state[1]);
             if (bytes.size() % sizeof(Moments) != 0 ||
                 static_cast<std::int64_t>(bytes.size() / sizeof(Moments)) != count_of(made.shape)) {
               throw Error("[moments] a pickled state does not hold together");
             }
             made.values.resize(bytes.size() / sizeof(Moments));
             std::copy_n(static_cast<const char*>(bytes.data()), bytes.size(), reinterpret_cast<char*>(made.values.data()));
             new (&a) MomentsArray(std::move(made));
           })
      .def("__repr__", [](const MomentsArray& a) { return "<norma.Moments of shape " + to_string(a.shape) + ">"; });
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
  bind_moments(m);
  const nb::none none;

  m.def(
      "layer_norm",
      [](nb::handle x, nb::handle normalized_shape, nb::handle weight, nb::handle bias, double eps, nb::handle out,
         nb::handle mask, nb::handle lengths) {
        return forward({.kind = Kind::layer, .dims = dims(normalized_shape, "normalized_shape")}, {.name = "layer_norm",
                                                                                                   .x = x,
                                                                                                   .weight = weight,
                                                                                                   .bias = bias,
                                                                                                   .out = out,
                                                                                                   .mask = mask,
                                                                                                   .lengths = lengths,
                                                                                                   .eps = eps});
      },
      "x"_a, "normalized_shape"_a, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5, nb::kw_only(), "out"_a = none,
      "mask"_a = none, "lengths"_a = none,
      nb::sig("def layer_norm(x: Array, normalized_shape: int | Sequence[int], weight: Any | None = None, bias: Any | None = "
              "None, eps: "
              "float = 1e-05, *, out: Any | None = None, mask: Any | None = None, lengths: Any | None = None) -> Array"),
      R"(Normalizes over the trailing axes, whose sizes normalized_shape gives: (D) each token, (L, D) each sentence.

    y[r, j] = (x[r, j] - mean[r]) / sqrt(variance[r] + eps) * weight[j] + bias[j]

weight, bias  one value for each element of normalized_shape.
Ba, Kiros, Hinton 2016, arXiv:1607.06450, eq. 3-4.)");

  m.def(
      "rms_norm",
      [](nb::handle x, nb::handle normalized_shape, nb::handle weight, std::optional<double> eps, bool weight_plus_one,
         nb::handle out, nb::handle mask, nb::handle lengths) {
        return forward({.kind = Kind::layer, .dims = dims(normalized_shape, "normalized_shape")},
                       {.name = "rms_norm",
                        .x = x,
                        .weight = weight,
                        .out = out,
                        .mask = mask,
                        .lengths = lengths,
                        .eps = eps,
                        .centered = false,
                        .weight_plus_one = weight_plus_one});
      },
      "x"_a, "normalized_shape"_a, "weight"_a = none, "eps"_a = none, nb::kw_only(), "weight_plus_one"_a = false,
      "out"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def rms_norm(x: Array, normalized_shape: int | Sequence[int], weight: Any | None = None, eps: float | None = "
              "None, *, "
              "weight_plus_one: bool = False, out: Any | None = None, mask: Any | None = None, lengths: Any | None = None) -> "
              "Array"),
      R"(Divides by the root mean square over the trailing axes; subtracts nothing.

    y[r, j] = x[r, j] / sqrt(mean_j(x[r, j]^2) + eps) * weight[j]

eps              None: 2^-52 for float64 data, else 2^-23, as PyTorch's.
weight_plus_one  the weight is stored around zero and applied as 1 + weight (Gemma's).
Zhang, Sennrich 2019, arXiv:1910.07467, eq. 4.)");

  m.def(
      "group_norm",
      [](nb::handle x, std::int64_t num_groups, nb::handle weight, nb::handle bias, double eps, int channel_axis,
         nb::handle out, nb::handle mask, nb::handle lengths) {
        return forward({.kind = Kind::group, .axis = channel_axis, .number = num_groups},
                       {.name = "group_norm",
                        .x = x,
                        .weight = weight,
                        .bias = bias,
                        .out = out,
                        .mask = mask,
                        .lengths = lengths,
                        .lengths_axis = positions(channel_axis),
                        .eps = eps});
      },
      "x"_a, "num_groups"_a, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5, nb::kw_only(), "channel_axis"_a = 1,
      "out"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def group_norm(x: Array, num_groups: int, weight: Any | None = None, bias: Any | None = None, eps: float = "
              "1e-05, *, "
              "channel_axis: int = 1, out: Any | None = None, mask: Any | None = None, lengths: Any | None = None) -> Array"),
      R"(Normalizes num_groups runs of neighbouring channels, each of each sample.

    y = (x - mean[n, g]) / sqrt(variance[n, g] + eps) * weight[c] + bias[c]

weight, bias  one value a channel. num_groups divides the channels.
Wu, He 2018, arXiv:1803.08494, eq. 7.)");

  // BatchNorm and InstanceNorm differ in their grouping, and in the word for "by the data's own statistics".
  const auto running = [](const char* name, Kind kind, nb::handle x, nb::handle mean, nb::handle var, nb::handle weight,
                          nb::handle bias, std::optional<bool> training, double momentum, double eps, int channel_axis,
                          nb::handle out, nb::handle mask, nb::handle lengths, nb::handle saved) {
    return forward({.kind = kind, .axis = channel_axis}, {.name = name,
                                                          .x = x,
                                                          .weight = weight,
                                                          .bias = bias,
                                                          .out = out,
                                                          .mask = mask,
                                                          .lengths = lengths,
                                                          .lengths_axis = positions(channel_axis),
                                                          .eps = eps,
                                                          .running_mean = mean,
                                                          .running_var = var,
                                                          .training = training.value_or(mean.is_none()),
                                                          .momentum = momentum,
                                                          .saved = saved});
  };

  m.def(
      "batch_norm",
      [running](nb::handle x, nb::handle mean, nb::handle var, nb::handle weight, nb::handle bias, std::optional<bool> training,
                double momentum, double eps, int channel_axis, nb::handle out, nb::handle mask, nb::handle lengths,
                nb::handle saved) {
        return running("batch_norm", Kind::batch, x, mean, var, weight, bias, training, momentum, eps, channel_axis, out, mask,
                       lengths, saved);
      },
      "x"_a, "running_mean"_a = none, "running_var"_a = none, "weight"_a = none, "bias"_a = none, "training"_a = none,
      "momentum"_a = 0.1, "eps"_a = 1e-5, nb::kw_only(), "channel_axis"_a = 1, "out"_a = none, "mask"_a = none,
      "lengths"_a = none, "saved"_a = none,
      nb::sig("def batch_norm(x: Array, running_mean: Any | None = None, running_var: Any | None = None, weight: Any | None = "
              "None, bias: "
              "Any | None = None, training: bool | None = None, momentum: float = 0.1, eps: float = 1e-05, *, channel_axis: "
              "int = 1, out: "
              "Any | None = None, mask: Any | None = None, lengths: Any | None = None, saved: Any | None = None) -> Array"),
      R"(Normalizes each channel over all samples and positions.

    y = (x - mean[c]) / sqrt(variance[c] + eps) * weight[c] + bias[c]

training  True: by the batch's own statistics, which running_mean and running_var (written in place) take up:
          running = (1 - momentum) * running + momentum * batch, where the variance is the unbiased one, and a channel with
          Inf or NaN keeps its own. False: by the running ones. None: True where no running ones are given.
saved     where given, norma.Moments to fill with the statistics used, for backward().
Ioffe, Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.)");

  m.def(
      "instance_norm",
      [running](nb::handle x, nb::handle mean, nb::handle var, nb::handle weight, nb::handle bias, bool use_input_stats,
                double momentum, double eps, int channel_axis, nb::handle out, nb::handle mask, nb::handle lengths,
                nb::handle saved) {
        return running("instance_norm", Kind::instance, x, mean, var, weight, bias, use_input_stats, momentum, eps,
                       channel_axis, out, mask, lengths, saved);
      },
      "x"_a, "running_mean"_a = none, "running_var"_a = none, "weight"_a = none, "bias"_a = none, "use_input_stats"_a = true,
      "momentum"_a = 0.1, "eps"_a = 1e-5, nb::kw_only(), "channel_axis"_a = 1, "out"_a = none, "mask"_a = none,
      "lengths"_a = none, "saved"_a = none,
      nb::sig(
          "def instance_norm(x: Array, running_mean: Any | None = None, running_var: Any | None = None, weight: Any | None = "
          "None, "
          "bias: Any | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05, *, channel_axis: "
          "int = 1, "
          "out: Any | None = None, mask: Any | None = None, lengths: Any | None = None, saved: Any | None = None) -> Array"),
      R"(Normalizes each channel of each sample. As batch_norm, whose `training` is use_input_stats here; running statistics take
the average of the samples'.

Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022, eq. 3.)");

  m.def(
      "normalize",
      [](nb::handle x, nb::handle over, nb::handle grouping, nb::handle weight, nb::handle bias, std::optional<double> eps,
         bool centered, bool weight_plus_one, nb::handle given, nb::handle saved, nb::handle out, nb::handle mask,
         nb::handle lengths) {
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
                                                 .saved = saved});
      },
      "x"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5,
      "centered"_a = true, "weight_plus_one"_a = false, "given"_a = none, "saved"_a = none, "out"_a = none, "mask"_a = none,
      "lengths"_a = none,
      nb::sig("def normalize(x: Array, over: int | Sequence[int] | None = None, *, grouping: Grouping | None = None, weight: "
              "Any | None = "
              "None, bias: Any | None = None, eps: float | None = 1e-05, centered: bool = True, weight_plus_one: bool = False, "
              "given: "
              "Moments | None = None, saved: Any | None = None, out: Any | None = None, mask: Any | None = None, lengths: Any "
              "| None = "
              "None) -> Array"),
      R"(Normalizes each distribution of x, which over (the axes pooled) or grouping names.

    y = (x - mean) / sqrt(variance + eps) * weight + bias

centered  False measures about zero and subtracts nothing: RMSNorm.
given     Moments to use in place of x's own, as in inference.
saved     Moments to fill with what was used, for backward(): norma.moments(x, …) makes some of the right shape.
mask      bool or uint8, broadcasts to x: where it is false an element belongs to no distribution, and comes out as 0.
lengths   of sample i the positions (axis 1) from lengths[i] on are padding; likewise.
out       where to write: memory of x's shape and dtype, x itself too. Returned.)");

  m.def(
      "backward",
      [](nb::handle dy, nb::handle x, nb::handle moments, nb::handle over, nb::handle grouping, nb::handle weight,
         std::optional<double> eps, bool centered, bool weight_plus_one, bool constant, nb::handle dx, nb::handle dweight,
         nb::handle dbias, nb::handle mask, nb::handle lengths) {
        return backward(dy, moments, spec_of(over, grouping),
                        {.name = "backward",
                         .x = x,
                         .weight = weight,
                         .mask = mask,
                         .lengths = lengths,
                         .eps = eps,
                         .centered = centered,
                         .weight_plus_one = weight_plus_one},
                        constant, dx, dweight, dbias);
      },
      "dy"_a, "x"_a, "moments"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "weight"_a = none, "eps"_a = 1e-5,
      "centered"_a = true, "weight_plus_one"_a = false, "constant"_a = false, "dx"_a = none, "dweight"_a = none,
      "dbias"_a = none, "mask"_a = none, "lengths"_a = none,
      nb::sig("def backward(dy: Any, x: Array, moments: Any, over: int | Sequence[int] | None = None, *, grouping: Grouping | "
              "None = None, "
              "weight: Any | None = None, eps: float | None = 1e-05, centered: bool = True, weight_plus_one: bool = False, "
              "constant: bool "
              "= False, dx: Any | None = None, dweight: Any | None = None, dbias: Any | None = None, mask: Any | None = None, "
              "lengths: Any "
              "| None = None) -> Array"),
      R"(The gradients of a loss through normalize(), from dy = dloss/dy and the Moments that it saved. Returns dx.

    g = dy * weight              xhat = (x - mean) * rstd
    dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd        dweight = sum(dy * xhat)        dbias = sum(dy)

constant        the moments were given, and are constants: dx = dy * weight * rstd.
dx              where to write, dy itself too; False: not wanted.
dweight, dbias  arrays to write, of any float dtype; None: not wanted.
Ioffe, Szegedy 2015, section 3.)");

  // What norma.torch calls: everything by position, a Grouping for whatever kind.
  m.def(
      "_forward",
      [](nb::handle x, const Spec& grouping, nb::handle weight, nb::handle bias, std::optional<double> eps, bool centered,
         nb::handle mean, nb::handle var, bool training, double momentum, nb::handle saved) {
        return forward(grouping, {.name = "norma.torch",
                                  .x = x,
                                  .weight = weight,
                                  .bias = bias,
                                  .eps = eps,
                                  .centered = centered,
                                  .running_mean = mean,
                                  .running_var = var,
                                  .training = training,
                                  .momentum = momentum,
                                  .saved = saved});
      },
      nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none(), nb::arg().none(), nb::arg(), nb::arg().none(), nb::arg().none(),
      nb::arg(), nb::arg(), nb::arg().none());

  m.def(
      "moments",
      [](nb::handle x, nb::handle over, nb::handle grouping, bool centered, nb::handle mask, nb::handle lengths) {
        return moments(spec_of(over, grouping),
                       {.name = "moments", .x = x, .mask = mask, .lengths = lengths, .centered = centered});
      },
      "x"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "centered"_a = true, "mask"_a = none, "lengths"_a = none,
      nb::sig("def moments(x: Any, over: int | Sequence[int] | None = None, *, grouping: Grouping | None = None, centered: "
              "bool = True, "
              "mask: Any | None = None, lengths: Any | None = None) -> Moments"),
      "Measures each distribution of x; arguments as for normalize().");
}

}  // namespace norma::python
