// SPDX-License-Identifier: Apache-2.0
// The public functions: every check of a call's arguments, then the family that the plan chose.
#include "norma/normalize.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <type_traits>

#include "call.hpp"
#include "element.hpp"

namespace norma {

namespace {

[[noreturn]] void refuse(const PlanData& plan, const std::string& sentence) {
  throw Error("[" + std::string(plan.grouping.name()) + "] " + sentence);
}

/// Everything that a call brings beside its layout.
struct Arguments {
  const PlanData& plan;
  const Options& options;

  void check_options() const {
    if (!(options.eps >= 0) || std::isinf(options.eps)) {
      refuse(plan, "eps = " + std::to_string(options.eps) + " is not a number of 0 or more; 1e-5 is usual");
    }
    check_parameter(options.weight, "weight");
    check_parameter(options.bias, "bias");
  }

  /// As many values as there are parameters, side by side, of a float dtype.
  void check_parameter(const ConstView& v, const char* name) const {
    if (v.empty()) return;
    const std::int64_t expected = plan.boxes.parameters();
    if (v.size() != expected) {
      refuse(plan, std::string(name) + " of shape " + to_string(v.shape()) + " has " + std::to_string(v.size()) +
                       " values, but the input of shape " + to_string(plan.boxes.shape) + " has " + std::to_string(expected) +
                       " parameters; give one value for each");
    }
    if (!is_float(v.dtype())) refuse(plan, std::string(name) + " is " + name_of(v.dtype()) + "; give f32, f64, f16 or bf16");
    if (!v.contiguous()) {
      refuse(plan, std::string(name) + " with strides " + to_string(v.strides()) + " is not contiguous; copy it first");
    }
  }

  void check_count(std::size_t count, const char* name) const {
    const std::int64_t expected = plan.boxes.distributions();
    if (static_cast<std::int64_t>(count) != expected) {
      refuse(plan, std::string(name) + " has room for " + std::to_string(count) + " distributions, but there are " +
                       std::to_string(expected) + "; give one Moments for each");
    }
  }

  /// A lone value is its own mean: its result would be the bias whatever it is.
  void check_training() const {
    if (!plan.grouping.needs_two(plan.boxes.shape) || plan.masked || count_of(plan.boxes.shape) != plan.boxes.distributions())
      return;
    if (plan.boxes.distributions() == 0) return;
    refuse(plan, "shape " + to_string(plan.boxes.shape) +
                     " gives each distribution a single value, which has no deviation to train on; use a larger batch, or "
                     "given statistics as in inference (normalize_with)");
  }

  void check_output(const ConstView& out, const ConstView& in, const char* out_name, const char* in_name) const {
    if (out.dtype() == DType::i8 && overlap(out, in)) {
      refuse(plan, std::string(out_name) + " of i8 overlaps " + in_name + "; give it memory of its own");
    }
    if (!same(out, in) && overlap(out, in)) {
      refuse(plan,
             std::string(out_name) + " overlaps " + in_name + " in part; let it be the very same view, or memory of its own");
    }
  }

  /// What is fused into a pass lies in memory as the operand does that it goes with.
  void check_beside(const ConstView& v, const ConstView& like, const char* name, const char* like_name) const {
    // i8 is y alone: what is added to it before it is quantized has x's dtype.
    const DType dtype = is_float(like.dtype()) ? like.dtype() : plan.dtype;
    if (v.shape() == like.shape() && v.dtype() == dtype && v.strides() == like.strides()) return;
    refuse(plan, std::string(name) + " of shape " + to_string(v.shape()) + ", dtype " + name_of(v.dtype()) + " and strides " +
                     to_string(v.strides()) + " does not lie as " + like_name + " does, with shape " + to_string(like.shape()) +
                     ", dtype " + name_of(dtype) + " and strides " + to_string(like.strides()) +
                     "; copy it into memory that does");
  }

  /// The forward pass' fusion. `written` is y.
  void check_fusion(const ConstView& x, const ConstView& y) const {
    check_quantization();
    const Fusion& f = options.fusion;
    if (f.residual.empty() != f.sum.empty()) {
      refuse(plan, f.sum.empty()
                       ? "a residual is given without a sum to write; let sum be the residual's own view, or memory of its own"
                       : "a sum is given without a residual to add; give both or neither");
    }
    if (!f.residual.empty()) {
      check_beside(f.residual, x, "residual", "x");
      check_beside(f.sum, x, "sum", "x");
      check_output(f.sum, x, "sum", "x");
      check_output(f.sum, f.residual, "sum", "residual");
      check_apart(f.sum, "sum");
      if (overlap(y, f.sum)) refuse(plan, "y overlaps sum; give it memory of its own");
      if (!same(y, x) && overlap(y, f.residual)) check_output(y, f.residual, "y", "residual");
    }
    if (!f.add.empty()) {
      check_beside(f.add, y, "add", "y");
      check_output(y, f.add, "y", "add");
      if (overlap(f.sum, f.add)) refuse(plan, "sum overlaps add; give it memory of its own");
    }
  }

  /// y is of i8 where there is a scale, and there alone.
  void check_quantization() const {
    const auto& [scale, zero_point] = options.fusion.quantization;
    if (scale == 0 && zero_point == 0) {
      if (plan.quantized)
        refuse(plan, "y is i8, but no scale is given to quantize by; give quantization = {scale, zero_point}");
      return;
    }
    // As a float it must not have become 0 or infinite.
    const double applied = plan.dtype == DType::f64 ? scale : static_cast<double>(static_cast<float>(scale));
    if (!(applied > 0) || std::isinf(applied)) {
      std::array<char, 32> number{};  // std::to_string gives six places; a stream would add 75 KB to the explorer
      std::snprintf(number.data(), number.size(), "%g", scale);
      refuse(plan, "the scale " + std::string(number.data()) + " to quantize by is not a number above 0 that " +
                       (plan.dtype == DType::f64 ? "f64" : "f32") + " holds; the largest |y| / 127 is usual");
    }
    if (zero_point < -128 || zero_point > 127) {
      refuse(plan, "the zero_point " + std::to_string(zero_point) + " is not one of i8; give -128 to 127");
    }
    if (!plan.quantized) {
      refuse(plan, "a scale is given to quantize by, but y is " + std::string(name_of(plan.dtype)) + "; give a y of i8");
    }
  }

  /// The backward pass' part.
  void check_fusion(const ConstView& x, const ConstView& dy, const Gradients& g) const {
    const auto& [y, dadd, dsum] = g.fusion;
    if (options.fusion.activation != Activation::none) {
      if (y.empty()) refuse(plan, "the forward pass had an activation, but its result y is not given; give what it wrote");
      check_beside(y, dy, "y", "dy");
      check_written(g, y, "y");
    }
    if ((!dadd.empty() || !dsum.empty()) && g.dx.empty()) {
      refuse(plan, std::string(dadd.empty() ? "dsum" : "dadd") + " is given without dx; give dx as well");
    }
    if (!dadd.empty()) {
      check_beside(dadd, dy, "dadd", "dy");
      check_output(dadd, dy, "dadd", "dy");
      check_apart(dadd, "dadd");
      if (overlap(dadd, x)) refuse(plan, "dadd overlaps x; give it memory of its own");
      if (overlap(dadd, g.dx)) refuse(plan, "dadd overlaps dx; give it memory of its own");
    }
    if (!dsum.empty()) {
      check_beside(dsum, g.dx, "dsum", "dx");
      check_output(g.dx, dsum, "dx", "dsum");
      if (overlap(dadd, dsum)) refuse(plan, "dadd overlaps dsum; give it memory of its own");
    }
  }

  /// An operand that backward reads to the end must not be written meanwhile.
  void check_written(const Gradients& g, const ConstView& read, const char* name) const {
    for (const auto& [v, written] : {std::pair{&g.dx, "dx"}, std::pair{&g.dweight, "dweight"}, std::pair{&g.dbias, "dbias"},
                                     std::pair{&g.fusion.dadd, "dadd"}}) {
      if (overlap(*v, read)) refuse(plan, std::string(written) + " overlaps " + name + "; give it memory of its own");
    }
  }

  /// What is only read must not be written.
  void check_apart(const ConstView& out, const char* name) const {
    if (overlap(out, options.weight)) refuse(plan, std::string(name) + " overlaps weight; give it memory of its own");
    if (overlap(out, options.bias)) refuse(plan, std::string(name) + " overlaps bias; give it memory of its own");
    if (overlap(out, plan.grouping.mask())) refuse(plan, std::string(name) + " overlaps mask; give it memory of its own");
  }
};

/// Weight or bias in the compute type and in the plan's order: the caller's own memory where that is what it holds.
const void* prepare(const PlanData& plan, const ConstView& v, double plus, Scratch::Frame& frame) {
  if (v.empty()) return nullptr;
  const bool in_double = plan.dtype == DType::f64;
  if (plan.parameter_order.empty() && plus == 0 && v.dtype() == (in_double ? DType::f64 : DType::f32)) return v.data();
  const std::int64_t n = v.size();
  void* values = frame.take<double>(n);
  for (std::int64_t k = 0; k < n; ++k) {
    const double value =
        plus + value_at(v, plan.parameter_order.empty() ? k : plan.parameter_order[static_cast<std::size_t>(k)]);
    if (in_double) {
      static_cast<double*>(values)[k] = value;
    } else {
      static_cast<float*>(values)[k] = static_cast<float>(value);
    }
  }
  return values;
}

template <class T>
T rounded(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    return from_double<T>(value);
  }
}

/// The sums in the caller's dtype and order.
void write_parameters(const PlanData& plan, const double* sums, const View& to) {
  const auto write = [&]<class T>(T* out) {
    const std::int64_t n = to.size();
    if (plan.parameter_order.empty()) {
      for (std::int64_t k = 0; k < n; ++k) out[k] = rounded<T>(sums[k]);
    } else {
      for (std::int64_t k = 0; k < n; ++k) out[plan.parameter_order[static_cast<std::size_t>(k)]] = rounded<T>(sums[k]);
    }
  };
  switch (to.dtype()) {
    case DType::f64: return write(static_cast<double*>(to.data()));
    case DType::f16: return write(static_cast<Half*>(to.data()));
    case DType::bf16: return write(static_cast<BFloat16*>(to.data()));
    default: return write(static_cast<float*>(to.data()));
  }
}

/// Outputs of this size or more go past the caches: a quarter of the last level, and 8 MB at most, as what the system calls the
/// last level may be the sum of several. Measured with 32 MB of L3: from 8 MB on it saves 10 to 40 % of a forward pass, below
/// 5 MB nothing.
std::int64_t stream_from() {
  static const std::int64_t bytes = [] {
    constexpr std::int64_t kMost = std::int64_t{8} << 20;
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long last_level = sysconf(_SC_LEVEL3_CACHE_SIZE);
#else
    const long last_level = 0;
#endif
    return last_level > 0 ? std::min(std::int64_t{last_level} / 4, kMost) : kMost;
  }();
  return bytes;
}

/// The same of memory that no cache holds (Options::new_output): from 1.5 MB on it saves 2 to 20 % of forward, what then reads the
/// output included, and 0 to 10 % of backward; at 0.75 MB nothing.
std::int64_t stream_new_from() { return std::min(std::int64_t{1} << 20, stream_from()); }

Call make_call(const PlanData& plan, const Options& options) {
  Call call{plan, simd::kernels()[plan.dtype], options.runner ? *options.runner : default_runner(), options.eps,
            options.centered};
  call.cached = count_of(plan.boxes.shape) * call.element_size() < stream_from();
  return call;
}

void set_fusion(Call& call, const Fusion& f) {
  call.residual = static_cast<const std::byte*>(f.residual.data());
  call.sum = static_cast<std::byte*>(f.sum.data());
  call.add = static_cast<const std::byte*>(f.add.data());
  call.relu = f.activation == Activation::relu;
  call.steps = {f.quantization.scale, f.quantization.zero_point};
}

void set_output(Call& call, const View& out, const Options& options) {
  call.out = static_cast<std::byte*>(out.data());
  const std::int64_t from = options.new_output ? stream_new_from() : stream_from();
  call.stream = !call.plan.quantized && out.size() * call.element_size() >= from;
}

void check_dtype(const ConstView& v, const char* name) {
  if (v.empty()) throw Error("[normalize] " + std::string(name) + " is absent; give a view of it");
  if (is_float(v.dtype())) return;
  throw Error("[normalize] " + std::string(name) + " is " + name_of(v.dtype()) + "; convert it to f32, f64, f16 or bf16");
}

void check_alike(const ConstView& v, const ConstView& x, const char* name) {
  check_dtype(v, name);
  if (v.shape() == x.shape() && v.dtype() == x.dtype()) return;
  throw Error("[normalize] " + std::string(name) + " of shape " + to_string(v.shape()) + " and dtype " + name_of(v.dtype()) +
              " is not like x of shape " + to_string(x.shape()) + " and dtype " + name_of(x.dtype()) +
              "; give it the same shape and dtype");
}

/// y may be of i8, into which it is quantized then.
void check_result(const ConstView& y, const ConstView& x) {
  if (y.dtype() != DType::i8) return check_alike(y, x, "y");
  if (y.shape() == x.shape()) return;
  throw Error("[normalize] y of shape " + to_string(y.shape()) + " is not like x of shape " + to_string(x.shape()) +
              "; give it the same shape");
}

void check_fits(bool fits) {
  if (!fits) {
    throw Error("[plan] the views do not have the shapes, strides and dtypes that the plan was made for; make a new plan");
  }
}

void run_forward(const Call& call) {
  if (count_of(call.plan.boxes.shape) == 0) {
    for (Moments& m : call.saved) m = {};
    return;
  }
  call.plan.family == Family::rows ? forward_rows(call) : forward_columns(call);
}

void run_backward(const PlanData& plan, const ConstView& x, const ConstView& dy, std::span<const Moments> statistics,
                  const Gradients& gradients, const Options& options, bool constant) {
  const Arguments arguments{plan, options};
  arguments.check_options();
  arguments.check_count(statistics.size(), constant ? "given" : "saved");
  arguments.check_parameter(gradients.dweight, "dweight");
  arguments.check_parameter(gradients.dbias, "dbias");
  if (!gradients.dx.empty()) {
    arguments.check_output(gradients.dx, x, "dx", "x");
    arguments.check_output(gradients.dx, dy, "dx", "dy");
    arguments.check_apart(gradients.dx, "dx");
  }
  for (const auto& [v, name] : {std::pair{&gradients.dweight, "dweight"}, std::pair{&gradients.dbias, "dbias"}}) {
    if (v->empty()) continue;
    const FusionGradients& f = gradients.fusion;
    if (overlap(*v, x) || overlap(*v, dy) || overlap(*v, gradients.dx) || overlap(*v, f.dadd) || overlap(*v, f.dsum)) {
      refuse(plan, std::string(name) + " overlaps x, dy, dx, dadd or dsum; give it memory of its own");
    }
    arguments.check_apart(*v, name);
  }
  if (overlap(gradients.dweight, gradients.dbias)) refuse(plan, "dweight overlaps dbias; give each memory of its own");
  arguments.check_fusion(x, dy, gradients);

  Scratch::Frame frame;
  Call call = make_call(plan, options);
  call.x = static_cast<const std::byte*>(x.data());
  call.dy = static_cast<const std::byte*>(dy.data());
  set_output(call, gradients.dx, options);
  if (options.fusion.activation != Activation::none) call.y = static_cast<const std::byte*>(gradients.fusion.y.data());
  call.dadd = static_cast<std::byte*>(gradients.fusion.dadd.data());
  call.dsum = static_cast<const std::byte*>(gradients.fusion.dsum.data());
  call.given = statistics;
  call.constant_statistics = constant;
  call.weight = prepare(plan, options.weight, options.weight_plus_one ? 1 : 0, frame);
  const std::int64_t parameters = plan.boxes.parameters();
  if (!gradients.dweight.empty()) call.dweight = frame.make<double>(parameters);
  if (!gradients.dbias.empty()) call.dbias = frame.make<double>(parameters);
  if (count_of(plan.boxes.shape) > 0) plan.family == Family::rows ? backward_rows(call) : backward_columns(call);
  if (call.dweight) write_parameters(plan, call.dweight, gradients.dweight);
  if (call.dbias) write_parameters(plan, call.dbias, gradients.dbias);
}

}  // namespace

Plan::Plan(const ConstView& x, const Grouping& grouping) {
  check_dtype(x, "x");
  const ConstView* views[] = {&x};
  data_ = std::make_shared<const PlanData>(grouping, views, 1);
}

Plan::Plan(const ConstView& x, const View& y, const Grouping& grouping) {
  check_dtype(x, "x");
  check_result(y, x);
  const ConstView* views[] = {&x, &y};
  data_ = std::make_shared<const PlanData>(grouping, views, 2);
}

Plan::Plan(const ConstView& x, const ConstView& dy, const ConstView& dx, const Grouping& grouping) {
  check_dtype(x, "x");
  check_alike(dy, x, "dy");
  check_alike(dx, x, "dx");
  const ConstView* views[] = {&x, &dy, &dx};
  data_ = std::make_shared<const PlanData>(grouping, views, 3);
}

std::int64_t Plan::distributions() const { return data_->boxes.distributions(); }
std::int64_t Plan::parameters() const { return data_->boxes.parameters(); }
std::string Plan::describe() const { return data_->describe(); }

bool Plan::fits(const ConstView& x, const ConstView& y) const {
  const ConstView* views[] = {&x, &y};
  return data_->fits(views, y.empty() ? 1 : 2);
}

bool Plan::fits(const ConstView& x, const ConstView& dy, const ConstView& dx) const {
  const ConstView* views[] = {&x, &dy, &dx};
  return data_->fits(views, 3);
}

void Plan::measure(const ConstView& x, std::span<Moments> moments, const Options& options) const {
  const ConstView* views[] = {&x};
  check_fits(data_->fits(views, 1));
  const Arguments arguments{*data_, options};
  arguments.check_count(moments.size(), "moments");
  Call call = make_call(*data_, options);
  call.x = static_cast<const std::byte*>(x.data());
  call.saved = moments;
  if (count_of(data_->boxes.shape) == 0) {
    for (Moments& m : moments) m = {};
    return;
  }
  data_->family == Family::rows ? measure_rows(call) : measure_columns(call);
}

void Plan::normalize(const ConstView& x, const View& y, const Options& options, std::span<Moments> saved) const {
  check_fits(fits(x, y));
  const Arguments arguments{*data_, options};
  arguments.check_options();
  arguments.check_training();
  if (!saved.empty()) arguments.check_count(saved.size(), "saved");
  arguments.check_output(y, x, "y", "x");
  arguments.check_apart(y, "y");
  arguments.check_fusion(x, y);
  Scratch::Frame frame;
  Call call = make_call(*data_, options);
  call.x = static_cast<const std::byte*>(x.data());
  set_output(call, y, options);
  set_fusion(call, options.fusion);
  call.saved = saved;
  call.weight = prepare(*data_, options.weight, options.weight_plus_one ? 1 : 0, frame);
  call.bias = prepare(*data_, options.bias, 0, frame);
  run_forward(call);
}

void Plan::normalize_with(const ConstView& x, const View& y, std::span<const Moments> given, const Options& options) const {
  check_fits(fits(x, y));
  const Arguments arguments{*data_, options};
  arguments.check_options();
  arguments.check_count(given.size(), "given");
  arguments.check_output(y, x, "y", "x");
  arguments.check_apart(y, "y");
  arguments.check_fusion(x, y);
  Scratch::Frame frame;
  Call call = make_call(*data_, options);
  call.x = static_cast<const std::byte*>(x.data());
  set_output(call, y, options);
  set_fusion(call, options.fusion);
  call.given = given;
  call.weight = prepare(*data_, options.weight, options.weight_plus_one ? 1 : 0, frame);
  call.bias = prepare(*data_, options.bias, 0, frame);
  run_forward(call);
}

void Plan::backward(const ConstView& x, const ConstView& dy, std::span<const Moments> saved, const Gradients& gradients,
                    const Options& options) const {
  check_fits(fits(x, dy, gradients.dx.empty() ? dy : static_cast<const ConstView&>(gradients.dx)));
  run_backward(*data_, x, dy, saved, gradients, options, false);
}

void Plan::backward_with(const ConstView& x, const ConstView& dy, std::span<const Moments> given, const Gradients& gradients,
                         const Options& options) const {
  check_fits(fits(x, dy, gradients.dx.empty() ? dy : static_cast<const ConstView&>(gradients.dx)));
  run_backward(*data_, x, dy, given, gradients, options, true);
}

void measure(const ConstView& x, const Grouping& grouping, std::span<Moments> moments, const Options& options) {
  Plan(x, grouping).measure(x, moments, options);
}

void normalize(const ConstView& x, const View& y, const Grouping& grouping, const Options& options, std::span<Moments> saved) {
  Plan(x, y, grouping).normalize(x, y, options, saved);
}

void normalize_with(const ConstView& x, const View& y, const Grouping& grouping, std::span<const Moments> given,
                    const Options& options) {
  Plan(x, y, grouping).normalize_with(x, y, given, options);
}

void backward(const ConstView& x, const ConstView& dy, const Grouping& grouping, std::span<const Moments> saved,
              const Gradients& gradients, const Options& options) {
  Plan(x, dy, gradients.dx.empty() ? dy : static_cast<const ConstView&>(gradients.dx), grouping)
      .backward(x, dy, saved, gradients, options);
}

void backward_with(const ConstView& x, const ConstView& dy, const Grouping& grouping, std::span<const Moments> given,
                   const Gradients& gradients, const Options& options) {
  Plan(x, dy, gradients.dx.empty() ? dy : static_cast<const ConstView&>(gradients.dx), grouping)
      .backward_with(x, dy, given, gradients, options);
}

}  // namespace norma
