// SPDX-License-Identifier: Apache-2.0
#include "calls.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "norma/normalize.hpp"
#include "running.hpp"
#include "work.hpp"

namespace norma::python {

namespace {

/// Where the positions are that lengths count: beside channels on axis 1 they are axis 2, else axis 1.
int positions(const Spec& spec, int rank) {
  using Kind = Spec::Kind;
  const bool has_channels =
      spec.kind == Kind::batch || spec.kind == Kind::ghost_batch || spec.kind == Kind::instance || spec.kind == Kind::group;
  return has_channels && spec.axis_of(rank) == 1 ? 2 : 1;
}

void narrow(Spec& spec, const Request& r, int rank) {
  if (!r.mask.is_none()) spec.mask = nb::borrow(r.mask);
  if (!r.lengths.is_none()) {
    spec.lengths = std::make_shared<const std::vector<std::int64_t>>(integers(r.lengths, "lengths"));
    spec.lengths_axis = positions(spec, rank);
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

}  // namespace

bool is_relu(nb::handle activation) {
  if (activation.is_none()) return false;
  if (nb::isinstance<nb::str>(activation) && nb::cast<std::string>(activation) == "relu") return true;
  const std::string text = std::string("activation = ") + nb::repr(activation).c_str() + " is not known; give 'relu' or None";
  throw nb::value_error(text.c_str());
}

nb::object forward(Spec spec, const Request& r) {
  const bool recorded = r.recorded;
  const Tensor x(r.x, "x", Access::read, recorded), weight(r.weight, "weight", Access::read, recorded),
      bias(r.bias, "bias", Access::read, recorded);
  if (x.empty()) throw nb::type_error("x is None; give an array");
  const ConstView xv = x.floats();
  narrow(spec, r, xv.rank());
  const Tensor mask(spec.mask, "mask");
  const ConstView mask_view = mask.mask();
  std::optional<Result> result;
  const Tensor out(r.out, "out", Access::write);
  if (out.empty()) result.emplace(x);
  const View y = result ? result->view() : out.written();
  const Tensor residual(r.residual, "residual", Access::read, recorded), sum(r.sum_out, "sum_out", Access::write, recorded),
      add(r.add, "add", Access::read, recorded);
  std::optional<Result> sum_made;  // the kernels need it, whoever else does not
  if (!residual.empty() && sum.empty()) sum_made.emplace(x);
  const ConstView views[] = {xv, y};
  const Plan plan = plan_for(spec, mask_view, views);
  Options options = options_of(r, weight, bias, xv.dtype());
  options.fusion = {.residual = residual.floats(),
                    .sum = sum_made ? sum_made->view() : sum.written(),
                    .add = add.floats(),
                    .activation = r.relu ? Activation::relu : Activation::none};
  options.new_output = result.has_value();
  MomentsArgument given(r.given, "given", Access::read), saved(r.saved, "saved", Access::write);
  const Running running(r.running_mean, r.running_var, r.training, r.name);
  const auto distributions = static_cast<std::size_t>(plan.distributions());
  saved.make_room(spec, mask_view, xv.shape(), distributions);
  if (!saved.span.empty() && saved.span.size() != distributions) {
    throw Error("[" + std::string(r.name) + "] saved has room for " + std::to_string(saved.span.size()) +
                " distributions, but x has " + std::to_string(distributions) + "; give an empty norma.Moments()");
  }
  if (running.absent() && r.needs_running) {
    throw Error("[" + std::string(r.name) +
                "] without the batch's own statistics running_mean and running_var are needed; give both");
  }
  if (!running.absent() && r.training && !(r.momentum >= 0 && r.momentum <= 1)) {
    throw Error("[" + std::string(r.name) + "] momentum = " + std::to_string(r.momentum) +
                " is not between 0 and 1; 0.1 is usual");
  }
  const bool measures = given.span.empty() && (running.absent() || r.training);
  if (!running.absent()) {
    const int axis = spec.axis_of(xv.rank());
    running.check(axis >= 0 && axis < xv.rank() ? xv.shape()[axis] : 0);
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
    if (!saved.span.empty()) std::copy(given.span.begin(), given.span.end(), saved.span.begin());
  }
  out.tell_autograd();
  sum.tell_autograd();
  return result ? result->object() : nb::borrow(r.out);
}

namespace {

/// One gradient: not wanted, written into memory that was given, or into memory made here.
class Gradient {
 public:
  Gradient(nb::handle wanted, const Tensor& like, const char* name, bool recorded) : wanted_(wanted.ptr() != Py_False) {
    if (!wanted_) return;
    if (!wanted.is_none()) {
      given_.emplace(wanted, name, Access::write, recorded);
    } else if (!like.empty()) {
      made_.emplace(like);
    } else {
      throw Error(std::string("[backward] ") + name + " has nothing to be like, as there is no weight; give memory for it");
    }
  }
  bool wanted() const { return wanted_; }
  bool made() const { return made_.has_value(); }
  View view() const { return made_ ? made_->view() : given_ ? given_->written() : View(); }
  nb::object object() { return made_ ? made_->object() : given_ ? nb::borrow(given_->object()) : nb::none(); }
  void tell_autograd() const {
    if (given_) given_->tell_autograd();
  }

 private:
  bool wanted_;
  std::optional<Tensor> given_;
  std::optional<Result> made_;
};

}  // namespace

std::array<nb::object, 3> backward(nb::handle dy_object, nb::handle moments, Spec spec, const Request& r, bool constant,
                                   const GradientRequest& g) {
  const bool recorded = r.recorded;
  const Tensor x(r.x, "x", Access::read, recorded), dy(dy_object, "dy", Access::read, recorded),
      weight(r.weight, "weight", Access::read, recorded), y(g.y, "y", Access::read, recorded),
      dsum(g.dsum, "dsum", Access::read, recorded), dadd(g.dadd, "dadd", Access::write, recorded);
  if (x.empty() || dy.empty()) throw nb::type_error("x or dy is None; give arrays");
  narrow(spec, r, x.shape().rank());
  const Tensor mask(spec.mask, "mask");
  Gradient dx(g.dx, x, "dx", recorded), dweight(g.dweight, weight, "dweight", recorded),
      dbias(g.dbias, weight, "dbias", recorded);
  const Gradients gradients{.dx = dx.view(),
                            .dweight = dweight.view(),
                            .dbias = dbias.view(),
                            .fusion = {.y = y.floats(), .dadd = dadd.written(), .dsum = dsum.floats()}};
  const ConstView xv = x.floats(), dyv = dy.floats();
  const ConstView views[] = {xv, dyv, dx.wanted() ? static_cast<const ConstView&>(gradients.dx) : dyv};
  const Plan plan = plan_for(spec, mask.mask(), views);
  const MomentsArgument saved(moments, "moments", Access::read);
  Options options = options_of(r, weight, Tensor(), xv.dtype());
  if (r.relu) options.fusion.activation = Activation::relu;
  options.new_output = dx.made();
  run_work(xv.size(), [&](Runner& runner) {
    options.runner = &runner;
    if (constant) {
      plan.backward_with(xv, dyv, saved.span, gradients, options);
    } else {
      plan.backward(xv, dyv, saved.span, gradients, options);
    }
  });
  for (const Gradient* written : {&dx, &dweight, &dbias}) written->tell_autograd();
  dadd.tell_autograd();
  return {dx.object(), dweight.object(), dbias.object()};
}

MomentsArray measure(Spec spec, const Request& r) {
  const Tensor x(r.x, "x");
  if (x.empty()) throw nb::type_error("x is None; give an array");
  narrow(spec, r, x.shape().rank());
  const Tensor mask(spec.mask, "mask");
  const ConstView views[] = {x.floats()};
  const ConstView mask_view = mask.mask();
  const Plan plan = plan_for(spec, mask_view, views);
  MomentsArray result;
  result.shape = shape_of(spec.core(mask_view).boxes(x.shape()));
  result.values.resize(static_cast<std::size_t>(plan.distributions()));
  Options options;
  options.centered = r.centered;
  run_work(views[0].size(), [&](Runner& runner) {
    options.runner = &runner;
    plan.measure(views[0], result.values, options);
  });
  return result;
}

}  // namespace norma::python
