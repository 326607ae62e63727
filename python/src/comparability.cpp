// SPDX-License-Identifier: Apache-2.0
#include "norma/comparability.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "functions.hpp"
#include "tensor.hpp"
#include "work.hpp"

namespace norma::python {

namespace {

using namespace nb::literals;

const char* name_of(Order order) {
  switch (order) {
    case Order::kept: return "kept";
    case Order::reversed: return "reversed";
    case Order::tied: return "tied";
    case Order::by_distribution: return "by_distribution";
    case Order::none: return "none";
    default: return "no_pairs";
  }
}

/// compare(x, grouping, options), without the GIL.
template <class Compare>
auto compared(nb::handle x_object, Spec spec, nb::handle weight_object, nb::handle bias_object, double eps, bool centered,
              const Compare& compare) {
  const Tensor x(x_object, "x"), weight(weight_object, "weight"), bias(bias_object, "bias"), mask(spec.mask, "mask");
  if (x.empty()) throw nb::type_error("x is None; give an array");
  const ConstView xv = x.floats();
  const norma::Grouping grouping = spec.core(mask.mask());
  const Options options{.weight = weight.floats(), .bias = bias.floats(), .eps = eps, .centered = centered};
  const nb::gil_scoped_release others_may_run;
  return compare(xv, grouping, options);
}

}  // namespace

void bind_comparability(nb::module_& m) {
  nb::class_<PairCounts>(m, "PairCounts", "Unordered pairs by how they are ordered before and after; exact.")
      .def_ro("kept", &PairCounts::kept)
      .def_ro("reversed", &PairCounts::reversed)
      .def_ro("tied_before", &PairCounts::tied_before)
      .def_ro("tied_after", &PairCounts::tied_after)
      .def_ro("tied_both", &PairCounts::tied_both)
      .def_prop_ro("ties", &PairCounts::ties)
      .def_prop_ro("total", &PairCounts::total)
      .def_prop_ro("kept_share", &PairCounts::kept_share)
      .def_prop_ro("reversed_share", &PairCounts::reversed_share)
      .def_prop_ro("tied_share", &PairCounts::tied_share)
      .def("__repr__", [](const PairCounts& p) {
        return "<norma.PairCounts: " + std::to_string(p.kept) + " kept, " + std::to_string(p.reversed) + " reversed, " +
               std::to_string(p.ties()) + " tied>";
      });
  nb::class_<OrderComparison>(m, "OrderComparison", "Pairs within distributions, and across them.")
      .def_ro("within", &OrderComparison::within)
      .def_ro("across", &OrderComparison::across)
      .def_ro("elements", &OrderComparison::elements)
      .def_ro("left_out", &OrderComparison::left_out)
      .def_ro("not_a_number", &OrderComparison::not_a_number);
  nb::class_<OrderPromise>(m, "OrderPromise", "How many distributions have each promise.")
      .def_ro("kept", &OrderPromise::kept)
      .def_ro("reversed", &OrderPromise::reversed)
      .def_ro("tied", &OrderPromise::tied)
      .def_ro("none", &OrderPromise::none)
      .def_prop_ro("order", [](const OrderPromise& p) { return name_of(p.order()); })
      .def_prop_ro("ratios", &OrderPromise::ratios);
  nb::class_<MapOrder>(m, "MapOrder", "The order of pairs: as promised within and across distributions, and as seen.")
      .def_ro("within", &MapOrder::within)
      .def_prop_ro("across", [](const MapOrder& map) { return name_of(map.across); })
      .def_ro("seen", &MapOrder::seen);
  nb::class_<Comparability>(m, "Comparability", "Without weight and bias, and with them.")
      .def_ro("has_affine", &Comparability::has_affine)
      .def_ro("plain", &Comparability::plain)
      .def_ro("affine", &Comparability::affine);

  nb::class_<AngleChange>(m, "AngleChange", "Two vectors, and the angle between them in degrees.")
      .def_ro("first", &AngleChange::first)
      .def_ro("second", &AngleChange::second)
      .def_ro("before", &AngleChange::before)
      .def_ro("after", &AngleChange::after);
  nb::class_<VectorComparison>(m, "VectorComparison", "How the vectors along the last axis turned.")
      .def_prop_ro("degrees",
                   [](const VectorComparison& v) {
                     std::vector<double> degrees;
                     for (const Turn& turn : v.turns) degrees.push_back(turn.degrees);
                     return degrees;
                   })
      .def_ro("compared", &VectorComparison::compared)
      .def_ro("left_out", &VectorComparison::left_out)
      .def_ro("zero", &VectorComparison::zero)
      .def_ro("not_finite", &VectorComparison::not_finite)
      .def_ro("min_cosine", &VectorComparison::min_cosine)
      .def_ro("mean_cosine", &VectorComparison::mean_cosine)
      .def_ro("mean_degrees", &VectorComparison::mean_degrees)
      .def_ro("max_degrees", &VectorComparison::max_degrees)
      .def_ro("most_turned", &VectorComparison::most_turned);
  nb::class_<VectorPromise>(m, "VectorPromise", "What may turn the vectors along the last axis.")
      .def_ro("subtracts_mean", &VectorPromise::subtracts_mean)
      .def_ro("several_distributions", &VectorPromise::several_distributions)
      .def_ro("weights_differ", &VectorPromise::weights_differ)
      .def_ro("adds_bias", &VectorPromise::adds_bias)
      .def_ro("flips", &VectorPromise::flips)
      .def_ro("differences_kept", &VectorPromise::differences_kept)
      .def_prop_ro("direction_kept", &VectorPromise::direction_kept);
  nb::class_<MapVectors>(m, "MapVectors")
      .def_ro("promised", &MapVectors::promised)
      .def_ro("seen", &MapVectors::seen)
      .def_ro("largest_change", &MapVectors::largest_change);
  nb::class_<VectorComparability>(m, "VectorComparability", "Without weight and bias, and with them.")
      .def_ro("has_affine", &VectorComparability::has_affine)
      .def_ro("plain", &VectorComparability::plain)
      .def_ro("affine", &VectorComparability::affine);

  const nb::none none;
  m.def(
      "comparability",
      [](nb::handle x, nb::handle over, nb::handle grouping, nb::handle weight, nb::handle bias, double eps, bool centered) {
        return compared(x, spec_of(over, grouping), weight, bias, eps, centered,
                        [](const auto& v, const auto& g, const auto& o) { return norma::comparability(v, g, o); });
      },
      "x"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5,
      "centered"_a = true,
      nb::sig("def comparability(x: Any, over: int | Sequence[int] | None = None, *, grouping: Grouping | None = None, weight: "
              "Any | None = "
              "None, bias: Any | None = None, eps: float = 1e-05, centered: bool = True) -> Comparability"),
      "What stays comparable: which order of pairs normalize() promises to keep, and what became of it. O(n log n).");
  m.def(
      "vector_comparability",
      [](nb::handle x, nb::handle over, nb::handle grouping, nb::handle weight, nb::handle bias, double eps, bool centered) {
        return compared(x, spec_of(over, grouping), weight, bias, eps, centered,
                        [](const auto& v, const auto& g, const auto& o) { return norma::vector_comparability(v, g, o); });
      },
      "x"_a, "over"_a = none, nb::kw_only(), "grouping"_a = none, "weight"_a = none, "bias"_a = none, "eps"_a = 1e-5,
      "centered"_a = true,
      nb::sig("def vector_comparability(x: Any, over: int | Sequence[int] | None = None, *, grouping: Grouping | None = None, "
              "weight: Any | "
              "None = None, bias: Any | None = None, eps: float = 1e-05, centered: bool = True) -> VectorComparability"),
      "What stays comparable of the vectors along the last axis: which may turn, and how they did.");
}

}  // namespace norma::python
