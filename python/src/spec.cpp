// SPDX-License-Identifier: Apache-2.0
#include "spec.hpp"

#include <array>
#include <string>

#include "tensor.hpp"

namespace norma::python {

norma::Grouping Spec::core(const ConstView& mask_view) const {
  using Core = norma::Grouping;
  const auto made = [this] {
    switch (kind) {
      case Kind::over: return Core::over(dims);
      case Kind::batch: return Core::batch(axis);
      case Kind::ghost_batch: return Core::ghost_batch(number, axis);
      case Kind::layer: return Core::layer(dims);
      case Kind::sample: return Core::sample();
      case Kind::instance: return Core::instance(axis);
      case Kind::group: return Core::group(number, axis);
      default: return Core::labels(*keys, axis);
    }
  };
  Core core = made();
  if (parameters) core = core.parameters_along(*parameters);
  if (!mask_view.empty()) core = core.masked(mask_view);
  if (lengths) core = core.with_lengths(*lengths, lengths_axis);
  return core;
}

Spec spec_of_key(const nb::tuple& key) {
  using Kind = Spec::Kind;
  const std::size_t numbers = key.size() > 0 ? key.size() - 1 : 0;
  const auto named = [&](const char* name) {
    return key.size() > 0 && PyUnicode_Check(nb::handle(key[0]).ptr()) &&
           PyUnicode_CompareWithASCIIString(nb::handle(key[0]).ptr(), name) == 0;
  };
  const auto refuse = [&]() {
    const std::string text = std::string("key ") + nb::repr(key).c_str() +
                             " names no grouping; give ('batch', 1), ('layer', 768), ('over', 1, 2) or the like";
    return nb::value_error(text.c_str());
  };
  const auto number = [&](std::size_t i) {
    std::int64_t value = 0;
    if (!nb::try_cast(nb::handle(key[1 + i]), value)) throw refuse();
    return value;
  };
  const auto all = [&] {
    Dims dims;
    for (std::size_t i = 0; i < numbers; ++i) dims.push_back(number(i));
    return dims;
  };
  if (named("layer")) return {.kind = Kind::layer, .dims = all()};
  if (named("batch") && numbers == 1) return {.kind = Kind::batch, .axis = static_cast<int>(number(0))};
  if (named("instance") && numbers == 1) return {.kind = Kind::instance, .axis = static_cast<int>(number(0))};
  if (named("group") && numbers == 2) return {.kind = Kind::group, .axis = static_cast<int>(number(1)), .number = number(0)};
  if (named("over")) return {.kind = Kind::over, .dims = all()};
  if (named("sample")) return {.kind = Kind::sample, .parameters = all()};
  throw refuse();
}

// --------------------------------------------------------------------------------------------------------------- plans

namespace {

/// All that a plan without keys and lengths depends on.
struct Layout {
  std::int64_t kind, number;
  int axis, views;
  bool has_parameters;
  Dims dims, parameters;
  DType dtype;
  Dims shape;
  std::array<Dims, 3> strides;
  const void* mask;
  Dims mask_shape, mask_strides;

  friend bool operator==(const Layout&, const Layout&) = default;

  std::size_t hash() const {
    std::uint64_t h = static_cast<std::uint64_t>(kind) * 31 + static_cast<std::uint64_t>(number);
    const auto mix = [&h](std::uint64_t value) { h = (h ^ value) * 0x9E3779B97F4A7C15u, h ^= h >> 29; };
    const auto mix_all = [&mix](const Dims& values) {
      for (const std::int64_t v : values) mix(static_cast<std::uint64_t>(v));
    };
    mix(static_cast<std::uint64_t>(axis) * 16 + static_cast<std::uint64_t>(views) * 4 + static_cast<std::uint64_t>(dtype));
    mix_all(dims);
    mix_all(shape);
    for (int i = 0; i < views; ++i) mix_all(strides[static_cast<std::size_t>(i)]);
    mix(reinterpret_cast<std::uintptr_t>(mask));
    return h;
  }
};

Plan make_plan(const Spec& spec, const ConstView& mask, std::span<const ConstView> views) {
  const norma::Grouping core = spec.core(mask);
  switch (views.size()) {
    case 1: return {views[0], core};
    case 2: {
      const ConstView& y = views[1];
      return {views[0], View(const_cast<void*>(y.data()), y.dtype(), y.shape(), y.strides()), core};
    }
    default: return {views[0], views[1], views[2], core};
  }
}

/// A plan checks that the views are alike; what is looked up by the first one's shape must be so already.
bool alike(std::span<const ConstView> views) {
  for (const ConstView& v : views) {
    if (!(v.shape() == views[0].shape()) || v.dtype() != views[0].dtype() || v.empty()) return false;
  }
  return true;
}

}  // namespace

Plan plan_for(const Spec& spec, const ConstView& mask, std::span<const ConstView> views) {
  if (spec.keys || spec.lengths || !alike(views)) return make_plan(spec, mask, views);

  struct Entry {
    Layout layout;
    Plan plan;
  };
  constexpr std::size_t kPlaces = 512;  // a deep network has some fifty layouts, forward and backward
  static std::array<std::unique_ptr<Entry>, kPlaces> remembered;

  Layout layout{.kind = static_cast<std::int64_t>(spec.kind),
                .number = spec.number,
                .axis = spec.axis,
                .views = static_cast<int>(views.size()),
                .has_parameters = spec.parameters.has_value(),
                .dims = spec.dims,
                .parameters = spec.parameters.value_or(Dims()),
                .dtype = views[0].dtype(),
                .shape = views[0].shape(),
                .strides = {},
                .mask = mask.data(),
                .mask_shape = mask.shape(),
                .mask_strides = mask.strides()};
  for (std::size_t i = 0; i < views.size(); ++i) layout.strides[i] = views[i].strides();
  std::unique_ptr<Entry>& place = remembered[layout.hash() % kPlaces];
  if (!place || !(place->layout == layout)) place = std::make_unique<Entry>(Entry{layout, make_plan(spec, mask, views)});
  return place->plan;
}

// -------------------------------------------------------------------------------------------------------------- Python

namespace {

Spec::Integers keep(std::vector<std::int64_t> values) {
  return std::make_shared<const std::vector<std::int64_t>>(std::move(values));
}

std::string describe(const Spec& s) {
  const auto axis = [&s](const char* name) { return std::string(name) + "=" + std::to_string(s.axis); };
  const auto base = [&]() -> std::string {
    switch (s.kind) {
      case Spec::Kind::over: return "over(" + to_string(s.dims) + ")";
      case Spec::Kind::batch: return "batch(" + axis("channel_axis") + ")";
      case Spec::Kind::ghost_batch: return "ghost_batch(" + std::to_string(s.number) + ", " + axis("channel_axis") + ")";
      case Spec::Kind::layer: return "layer(" + to_string(s.dims) + ")";
      case Spec::Kind::sample: return "sample()";
      case Spec::Kind::instance: return "instance(" + axis("channel_axis") + ")";
      case Spec::Kind::group: return "group(" + std::to_string(s.number) + ", " + axis("channel_axis") + ")";
      default: return "labels(<" + std::to_string(s.keys->size()) + " keys>, " + axis("axis") + ")";
    }
  };
  std::string text = "Grouping." + base();
  if (s.mask.is_valid()) text += ".masked(…)";
  if (s.lengths)
    text += ".with_lengths(<" + std::to_string(s.lengths->size()) + ">, axis=" + std::to_string(s.lengths_axis) + ")";
  if (s.parameters) text += ".parameters_along(" + to_string(*s.parameters) + ")";
  return text;
}

}  // namespace

void bind_grouping(nb::module_& m) {
  using namespace nb::literals;
  using Kind = Spec::Kind;
  nb::class_<Spec>(m, "Grouping", "Which elements form one distribution; the rest is the same for every normalization.")
      .def_static(
          "over", [](nb::handle axes) { return Spec{.kind = Kind::over, .dims = dims(axes, "axes")}; }, "axes"_a,
          nb::sig("def over(axes: int | Sequence[int]) -> Grouping"),
          "The given axes are pooled, the others kept apart; weight and bias lie along the pooled ones.")
      .def_static(
          "batch", [](int channel_axis) { return Spec{.kind = Kind::batch, .axis = channel_axis}; }, "channel_axis"_a = 1,
          "Each channel, over all samples and positions.")
      .def_static(
          "ghost_batch",
          [](std::int64_t samples, int channel_axis) {
            return Spec{.kind = Kind::ghost_batch, .axis = channel_axis, .number = samples};
          },
          "samples"_a, "channel_axis"_a = 1, "Each channel over every `samples` consecutive samples.")
      .def_static(
          "layer", [](nb::handle shape) { return Spec{.kind = Kind::layer, .dims = dims(shape, "normalized_shape")}; },
          "normalized_shape"_a, nb::sig("def layer(normalized_shape: int | Sequence[int]) -> Grouping"),
          "Each index before the trailing axes, whose sizes normalized_shape gives.")
      .def_static(
          "sample", [] { return Spec{.kind = Kind::sample}; }, "Each sample (index of axis 0).")
      .def_static(
          "instance", [](int channel_axis) { return Spec{.kind = Kind::instance, .axis = channel_axis}; }, "channel_axis"_a = 1,
          "Each channel of each sample.")
      .def_static(
          "group",
          [](std::int64_t num_groups, int channel_axis) {
            return Spec{.kind = Kind::group, .axis = channel_axis, .number = num_groups};
          },
          "num_groups"_a, "channel_axis"_a = 1, "num_groups runs of neighbouring channels of each sample.")
      .def_static(
          "labels",
          [](nb::handle keys, int axis) {
            return Spec{.kind = Kind::labels, .axis = axis, .keys = keep(integers(keys, "keys"))};
          },
          "keys"_a, "axis"_a = 0, nb::sig("def labels(keys: Any, axis: int = 0) -> Grouping"),
          "The indices of `axis` that share an integer key; numbered in ascending order of the keys. Copies them.")
      .def(
          "masked",
          [](Spec s, nb::object mask) {
            s.mask = std::move(mask);
            return s;
          },
          "mask"_a, nb::sig("def masked(self, mask: Any) -> Grouping"),
          "This grouping without the elements where mask (bool or uint8; broadcasts) is false.")
      .def(
          "with_lengths",
          [](Spec s, nb::handle lengths, int axis) {
            s.lengths = keep(integers(lengths, "lengths"));
            s.lengths_axis = axis;
            return s;
          },
          "lengths"_a, "axis"_a = 1, nb::sig("def with_lengths(self, lengths: Any, axis: int = 1) -> Grouping"),
          "This grouping without the padding: of sample i the indices of `axis` from lengths[i] on. Copies them.")
      .def(
          "parameters_along",
          [](Spec s, nb::handle axes) {
            s.parameters = dims(axes, "axes");
            return s;
          },
          "axes"_a, nb::sig("def parameters_along(self, axes: int | Sequence[int]) -> Grouping"),
          "This grouping with weight and bias that lie along these axes.")
      .def(
          "distributions",
          [](const Spec& s, nb::handle shape) {
            return s.core(Tensor(s.mask, "mask").mask()).boxes(dims(shape, "shape")).distributions();
          },
          "shape"_a, nb::sig("def distributions(self, shape: int | Sequence[int]) -> int"),
          "How many distributions a tensor of this shape has.")
      .def(
          "assign",
          [](const Spec& s, nb::handle shape) {
            const Tensor mask(s.mask, "mask");
            const Dims sizes = dims(shape, "shape");
            const norma::Grouping core = s.core(mask.mask());
            core.boxes(sizes);  // refuses before memory is taken
            std::vector<std::int64_t> numbers(static_cast<std::size_t>(count_of(sizes)));
            core.assign(sizes, numbers);
            nb::object array = nb::module_::import_("numpy").attr("empty")(tuple_of(sizes), "int64");
            Py_buffer buffer;
            if (PyObject_GetBuffer(array.ptr(), &buffer, PyBUF_WRITABLE) != 0) nb::raise_python_error();
            std::copy(numbers.begin(), numbers.end(), static_cast<std::int64_t*>(buffer.buf));
            PyBuffer_Release(&buffer);
            return array;
          },
          "shape"_a, nb::sig("def assign(self, shape: int | Sequence[int]) -> numpy.ndarray"),
          "For each element the number of its distribution, or -1 where it belongs to none.")
      .def("__repr__", &describe);
  m.def("_grouping", &spec_of_key, nb::arg());
}

}  // namespace norma::python
