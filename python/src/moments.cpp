// SPDX-License-Identifier: Apache-2.0
#include "moments.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <string>
#include <utility>

#include "element.hpp"

namespace norma::python {

using namespace nb::literals;

Dims shape_of(const norma::Grouping::Boxes& boxes) {
  Dims shape;
  for (int axis = 0; axis < boxes.shape.rank(); ++axis) shape.push_back(boxes.along(axis));
  return shape;
}

MomentsArgument::MomentsArgument(nb::handle object, const char* name, Access access) {
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

void MomentsArgument::make_room(const Spec& spec, const ConstView& mask, const Dims& shape, std::size_t distributions) {
  if (ours == nullptr || !ours->values.empty()) return;
  ours->shape = shape_of(spec.core(mask).boxes(shape));
  ours->values.resize(distributions);
  span = ours->values;
}

namespace {

template <class T, class Value>
nb::object array_of(const MomentsArray& m, const Value& value) {
  auto* values = new T[std::max<std::size_t>(1, m.values.size())];
  nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  for (std::size_t i = 0; i < m.values.size(); ++i) values[i] = value(m.values[i]);
  std::vector<std::size_t> shape(m.shape.begin(), m.shape.end());
  return nb::cast(nb::ndarray<nb::numpy, T>(values, shape.size(), shape.data(), owner));
}

}  // namespace

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
            for (std::int64_t i = 0; i < a.size(); ++i) {
              made.values.push_back(Moments::of(value_at(a, i), value_at(b, i)));
            }
            return made;
          },
          "mean"_a, "variance"_a, nb::sig("def of(mean: Any, variance: Any) -> Moments"),
          "Distributions known by their statistics alone, as running ones are.")
      .def_prop_ro(
          "shape", [](const MomentsArray& a) { return tuple_of(a.shape); }, nb::sig("def shape(self) -> tuple[int, ...]"))
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
            if (a.values.empty() && a.shape == Dims{0}) return b;  // Moments(), before the first part
            if (b.values.empty() && b.shape == Dims{0}) return a;
            if (!(a.shape == b.shape)) {
              throw Error("[merge] moments of shape " + to_string(a.shape) + " and " + to_string(b.shape) +
                          " are of different distributions; merge those of equal shape");
            }
            MomentsArray merged = a;
            for (std::size_t i = 0; i < merged.values.size(); ++i) merged.values[i] = norma::merge(a.values[i], b.values[i]);
            return merged;
          },
          "other"_a,
          "The moments of two disjoint parts taken together; an empty Moments() takes the other's shape. Chan, Golub, LeVeque "
          "1979, eq. 2.1.")
      .def(
          "take",
          [](const MomentsArray& a, nb::handle rows) {
            const std::vector<std::int64_t> wanted = integers(rows, "rows");
            const std::int64_t n = a.shape.empty() ? 0 : a.shape[0];
            std::size_t row = 1;  // values in one, however many rows there are
            for (int axis = 1; axis < a.shape.rank(); ++axis) row *= static_cast<std::size_t>(a.shape[axis]);
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
             return nb::make_tuple(tuple_of(a.shape), nb::bytes(a.values.data(), a.values.size() * sizeof(Moments)));
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

}  // namespace norma::python
