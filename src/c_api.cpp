// SPDX-License-Identifier: Apache-2.0
// The C interface: translates structs, catches everything.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "norma/fold.hpp"
#include "norma/layers.hpp"
#include "norma/norma.h"

struct norma_plan {
  norma::Plan plan;
};

struct norma_layer {
  std::unique_ptr<norma::RunningLayer> layer;
};

namespace norma {

namespace {

static_assert(sizeof(norma_moments) == sizeof(Moments) && alignof(norma_moments) == alignof(Moments));
static_assert(offsetof(norma_moments, count) == offsetof(Moments, count));
static_assert(offsetof(norma_moments, mean) == offsetof(Moments, mean));
static_assert(offsetof(norma_moments, mean_low) == offsetof(Moments, mean_low));
static_assert(offsetof(norma_moments, m2) == offsetof(Moments, m2));
static_assert(NORMA_MAX_RANK == kMaxRank);
static_assert(static_cast<int>(DType::f32) == NORMA_F32 && static_cast<int>(DType::f64) == NORMA_F64 &&
              static_cast<int>(DType::f16) == NORMA_F16 && static_cast<int>(DType::bf16) == NORMA_BF16 &&
              static_cast<int>(DType::u8) == NORMA_U8 && static_cast<int>(DType::i8) == NORMA_I8);
static_assert(static_cast<int>(Convention::torch) == NORMA_TORCH && static_cast<int>(Convention::keras) == NORMA_KERAS &&
              static_cast<int>(Convention::flax) == NORMA_FLAX && static_cast<int>(Convention::onnx) == NORMA_ONNX);
static_assert(static_cast<int>(OnNonfinite::skip) == NORMA_SKIP && static_cast<int>(OnNonfinite::poison) == NORMA_POISON &&
              static_cast<int>(OnNonfinite::refuse) == NORMA_REFUSE);

/// The sentence of this thread, cut where it is longer than any of ours: memory of a thread's own, as a destructor would need memory to be
/// registered (see Scratch).
thread_local char last_error[2048] = "";

norma_status fail(norma_status status, const char* sentence) noexcept {
  std::snprintf(last_error, sizeof last_error, "%s", sentence);
  return status;
}

template <class Body>
norma_status guarded(const Body& body) noexcept {
  try {
    body();
    return NORMA_OK;
  } catch (const Error& error) {
    return fail(NORMA_REFUSED, error.what());
  } catch (const std::bad_alloc&) {
    return fail(NORMA_OUT_OF_MEMORY, "out of memory");
  } catch (const std::length_error&) {
    return fail(NORMA_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return fail(NORMA_INTERNAL, error.what());
  } catch (...) {
    return fail(NORMA_INTERNAL, "an exception of unknown type");
  }
}

[[noreturn]] void refuse(const std::string& sentence) { throw Error("[norma.h] " + sentence); }

template <class T>
T& required(T* pointer, const char* name) {
  if (pointer == nullptr) refuse(std::string(name) + " is NULL; give it a value");
  return *pointer;
}

/// What the caller knows of a struct, over the defaults of what it does not.
template <class T>
T known(const T* given, const char* name, T defaults) {
  if (given == nullptr) return defaults;
  // Far beyond any struct to come, a size was never set.
  if (given->size < sizeof(given->size) || given->size > 64 * sizeof(T)) {
    refuse(std::string(name) + "->size = " + std::to_string(given->size) +
           " is not the size of the struct; set it to the struct's sizeof");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(T); i < given->size; ++i) {
    if (bytes[i] == 0) continue;
    refuse(std::string(name) + " has members that version " NORMA_VERSION " of the library does not know; use a newer library");
  }
  std::memcpy(&defaults, given, std::min(given->size, sizeof(T)));
  return defaults;
}

Dims dims_of(const int64_t* values, std::int32_t rank, const char* name) {
  if (rank < 0 || rank > kMaxRank) {
    refuse(std::string(name) + " = " + std::to_string(rank) + " is not a number of axes; give 0 to 8");
  }
  if (rank > 0) required(values, name);
  return Dims(std::span(values, static_cast<std::size_t>(rank)));
}

struct Described {
  DType dtype;
  Dims shape, strides;
};

Described describe(const norma_view& v, const char* name) {
  if (v.dtype < NORMA_F32 || v.dtype > NORMA_I8 || v.dtype == NORMA_I64) {
    refuse(std::string(name) + "->dtype = " + std::to_string(v.dtype) +
           " is no dtype of a tensor; give NORMA_F32, NORMA_F64, " +
           "NORMA_F16 or NORMA_BF16, for masks NORMA_U8, for quantized results NORMA_I8");
  }
  const std::string rank = std::string(name) + "->rank";
  return {static_cast<DType>(v.dtype), dims_of(v.shape, v.rank, rank.c_str()), dims_of(v.strides, v.rank, rank.c_str())};
}

ConstView input(const norma_view* v, const char* name) {
  const Described d = describe(required(v, name), name);
  return {v->data, d.dtype, d.shape, d.strides};
}
ConstView input_or_none(const norma_view* v, const char* name) { return v == nullptr ? ConstView() : input(v, name); }

View output(const norma_view* v, const char* name) {
  const Described d = describe(required(v, name), name);
  return {v->data, d.dtype, d.shape, d.strides};
}
View output_or_none(const norma_view* v, const char* name) { return v == nullptr ? View() : output(v, name); }

std::span<const std::int64_t> values_of(const int64_t* values, int64_t count, const char* name) {
  if (count < 0 || (values == nullptr && count != 0)) {
    refuse(std::string(name) + " of " + std::to_string(count) + " values " + (count < 0 ? "are" : "is NULL, which is") +
           " impossible; give a pointer and how many");
  }
  return {values, static_cast<std::size_t>(count)};
}

template <class To, class From>
std::span<To> moments_of(From* moments, int64_t count, const char* name) {
  if (count < 0 || (moments == nullptr && count != 0)) {
    refuse(std::string(name) + " of " + std::to_string(count) + " distributions " + (count < 0 ? "is" : "is NULL, which is") +
           " impossible; give a pointer and how many");
  }
  // One struct under two names; the layout is asserted above.
  return {reinterpret_cast<To*>(moments), static_cast<std::size_t>(count)};
}
std::span<Moments> writable(norma_moments* m, int64_t count, const char* name) { return moments_of<Moments>(m, count, name); }
std::span<const Moments> readable(const norma_moments* m, int64_t count, const char* name) {
  return moments_of<const Moments>(m, count, name);
}

Grouping grouping_of(const norma_grouping* given) {
  const norma_grouping g = known(&required(given, "grouping"), "grouping", norma_grouping{});
  const auto make = [&] {
    switch (g.kind) {
      case NORMA_OVER: return Grouping::over(dims_of(g.dims, g.rank, "grouping->rank"));
      case NORMA_BATCH: return Grouping::batch(g.axis);
      case NORMA_GHOST_BATCH: return Grouping::ghost_batch(g.number, g.axis);
      case NORMA_LAYER: return Grouping::layer(dims_of(g.dims, g.rank, "grouping->rank"));
      case NORMA_SAMPLE: return Grouping::sample();
      case NORMA_INSTANCE: return Grouping::instance(g.axis);
      case NORMA_GROUP: return Grouping::group(g.number, g.axis);
      case NORMA_LABELS: return Grouping::labels(values_of(g.keys, g.key_count, "grouping->keys"), g.axis);
      default: break;
    }
    refuse("grouping->kind = " + std::to_string(g.kind) + " is no kind of grouping; NORMA_OVER to NORMA_LABELS are");
  };
  Grouping grouping = make();
  if (g.mask != nullptr) grouping = grouping.masked(input(g.mask, "mask"));
  if (g.lengths != nullptr) {
    grouping = grouping.with_lengths(values_of(g.lengths, g.length_count, "grouping->lengths"), g.lengths_axis);
  }
  if (g.has_parameter_axes != 0) {
    grouping = grouping.parameters_along(dims_of(g.parameter_axes, g.parameter_rank, "grouping->parameter_rank"));
  }
  return grouping;
}

/// The caller's executor as a Runner.
class Executor final : public Runner {
 public:
  Executor() = default;
  Executor(norma_run run, void* executor, int concurrency) : run_(run), executor_(executor), concurrency_(concurrency) {}
  void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
    run_(executor_, tasks, task, context);
  }
  int concurrency() const override { return concurrency_; }

 private:
  norma_run run_ = nullptr;
  void* executor_ = nullptr;
  int concurrency_ = 1;
};

/// Options, and the executor that they point to.
struct CallOptions {
  explicit CallOptions(const norma_options* given) {
    const norma_options o = known(given, "options", norma_options NORMA_OPTIONS_INIT);
    options = {.weight = input_or_none(o.weight, "weight"),
               .bias = input_or_none(o.bias, "bias"),
               .weight_plus_one = o.weight_plus_one != 0,
               .eps = o.eps,
               .centered = o.centered != 0,
               .fusion = {.residual = input_or_none(o.residual, "residual"),
                          .sum = output_or_none(o.sum, "sum"),
                          .add = input_or_none(o.add, "add"),
                          .activation = static_cast<Activation>(o.activation),
                          .quantization = {.scale = o.scale, .zero_point = o.zero_point}}};
    if (o.activation != NORMA_NO_ACTIVATION && o.activation != NORMA_RELU) {
      refuse("options->activation = " + std::to_string(o.activation) + " is none; NORMA_NO_ACTIVATION and NORMA_RELU are");
    }
    if (o.run == nullptr) return;
    if (o.concurrency < 1) {
      refuse("options->concurrency = " + std::to_string(o.concurrency) + " is not a number of tasks; give 1 or more");
    }
    executor = Executor(o.run, o.executor, o.concurrency);
    options.runner = &executor;
  }
  CallOptions(const CallOptions&) = delete;
  CallOptions& operator=(const CallOptions&) = delete;

  Options options;
  Executor executor;
};

Gradients gradients_of(const norma_gradients* given) {
  const norma_gradients g = known(&required(given, "gradients"), "gradients", norma_gradients{});
  return {output_or_none(g.dx, "dx"),
          output_or_none(g.dweight, "dweight"),
          output_or_none(g.dbias, "dbias"),
          {input_or_none(g.y, "y"), output_or_none(g.dadd, "dadd"), input_or_none(g.dsum, "dsum")}};
}

Convention convention_of(std::int32_t convention) {
  if (convention < NORMA_TORCH || convention > NORMA_ONNX) {
    refuse("convention = " + std::to_string(convention) + " is none; NORMA_TORCH to NORMA_ONNX are");
  }
  return static_cast<Convention>(convention);
}

template <class T>
norma_layer_options to_c(const T& o) {
  norma_layer_options c{};
  c.size = sizeof(c);
  c.eps = o.eps;
  c.momentum = o.momentum.value_or(0);
  c.cumulative = o.momentum ? 0 : 1;
  c.affine = o.affine;
  c.bias = o.bias;
  c.track_running_stats = o.track_running_stats;
  c.channel_axis = o.channel_axis;
  c.momentum_is_decay = o.momentum_is_decay;
  c.unbiased_running_var = o.unbiased_running_var;
  c.on_nonfinite = static_cast<std::int32_t>(o.on_nonfinite);
  return c;
}

template <class T>
T from_c(const norma_layer_options* given) {
  const norma_layer_options c = known(given, "options", to_c(T{}));
  if (c.on_nonfinite < NORMA_SKIP || c.on_nonfinite > NORMA_REFUSE) {
    refuse("options->on_nonfinite = " + std::to_string(c.on_nonfinite) + " is none; NORMA_SKIP to NORMA_REFUSE are");
  }
  T o;
  o.eps = c.eps;
  o.momentum = c.cumulative != 0 ? std::nullopt : std::optional(c.momentum);
  o.affine = c.affine != 0;
  o.bias = c.bias != 0;
  o.track_running_stats = c.track_running_stats != 0;
  o.channel_axis = c.channel_axis;
  o.momentum_is_decay = c.momentum_is_decay != 0;
  o.unbiased_running_var = c.unbiased_running_var != 0;
  o.on_nonfinite = static_cast<OnNonfinite>(c.on_nonfinite);
  return o;
}

template <class T>
norma_status options_for(std::int32_t convention, norma_layer_options* options) noexcept {
  return guarded([&] {
    const norma_layer_options filled = to_c(T::of(convention_of(convention)));
    known(&required(options, "options"), "options", filled);  // refuses a size that is none
    const std::size_t size = options->size;
    // A caller that knows less gets less; one that knows more keeps what it has there.
    std::memcpy(options, &filled, std::min(size, sizeof(filled)));
    options->size = size;
  });
}

template <class Make>
norma_status make_plan(norma_plan** plan, const Make& make) noexcept {
  return guarded([&] {
    required(plan, "plan");
    *plan = new norma_plan{make()};
  });
}

template <class T, class LayerOptions>
norma_status create(std::int64_t num_features, const norma_layer_options* options, norma_layer** layer) noexcept {
  return guarded([&] {
    required(layer, "layer");
    *layer = new norma_layer{std::make_unique<T>(num_features, from_c<LayerOptions>(options))};
  });
}

Narrowing narrowing_of(const norma_narrowing* given) {
  const norma_narrowing n = known(given, "narrowing", norma_narrowing{});
  Narrowing narrowing;
  narrowing.mask = input_or_none(n.mask, "mask");
  if (n.lengths != nullptr) narrowing.lengths = values_of(n.lengths, n.length_count, "narrowing->lengths");
  narrowing.lengths_axis = n.lengths_axis;
  return narrowing;
}

norma_view view_of(std::span<const float> values, const Dims& shape) {
  return norma_contiguous(const_cast<float*>(values.data()), NORMA_F32, shape.rank(), shape.begin());
}
norma_view view_of(std::span<const double> values, const Dims& shape) {
  return norma_contiguous(const_cast<double*>(values.data()), NORMA_F64, shape.rank(), shape.begin());
}
norma_view view_of(std::span<const std::int64_t> values, const Dims& shape) {
  return norma_contiguous(const_cast<std::int64_t*>(values.data()), NORMA_I64, shape.rank(), shape.begin());
}
template <class T>
norma_view view_of(std::span<const T>, const Dims&) {
  refuse("a layer's state is never of 16 bits");
}

/// The names that outlive every layer.
constexpr const char* kStateNames[] = {
    "weight", "bias", "running_mean", "running_var", "num_batches_tracked", "num_elements_tracked"};

}  // namespace

}  // namespace norma

using namespace norma;  // NOLINT: what follows is the interface of this namespace

const char* norma_last_error(void) { return last_error; }
const char* norma_version(void) { return NORMA_VERSION; }
int32_t norma_abi_version(void) { return NORMA_ABI_VERSION; }

norma_status norma_target(const char** name) {
  return guarded([&] { required(name, "name") = target(); });
}

norma_status norma_set_num_threads(int32_t threads) {
  return guarded([&] { set_num_threads(threads); });
}

norma_status norma_num_threads(int32_t* threads) {
  return guarded([&] { required(threads, "threads") = num_threads(); });
}

norma_status norma_count(const norma_grouping* grouping, int32_t rank, const int64_t* shape, int64_t* distributions,
                         int64_t* parameters) {
  return guarded([&] {
    const Dims dims = dims_of(shape, rank, "rank");
    // A view of no memory checks the sizes: none negative, and their product can be counted.
    static float none;
    const ConstView sizes(&none, DType::f32, dims);
    const Grouping::Boxes boxes = grouping_of(grouping).boxes(sizes.shape());
    if (distributions != nullptr) *distributions = boxes.distributions();
    if (parameters != nullptr) *parameters = boxes.parameters();
  });
}

norma_status norma_merge(const norma_moments* a, const norma_moments* b, norma_moments* merged) {
  return guarded([&] {
    const auto of = [](const norma_moments& m) { return Moments{m.count, m.mean, m.mean_low, m.m2}; };
    const Moments m = merge(of(required(a, "a")), of(required(b, "b")));
    required(merged, "merged") = {m.count, m.mean, m.mean_low, m.m2};
  });
}

norma_status norma_measure(const norma_view* x, const norma_grouping* grouping, norma_moments* moments, int64_t count,
                           const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    measure(input(x, "x"), grouping_of(grouping), writable(moments, count, "moments"), o.options);
  });
}

norma_status norma_normalize(const norma_view* x, const norma_view* y, const norma_grouping* grouping,
                             const norma_options* options, norma_moments* saved, int64_t count) {
  return guarded([&] {
    const CallOptions o(options);
    normalize(input(x, "x"), output(y, "y"), grouping_of(grouping), o.options, writable(saved, count, "saved"));
  });
}

norma_status norma_normalize_with(const norma_view* x, const norma_view* y, const norma_grouping* grouping,
                                  const norma_moments* given, int64_t count, const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    normalize_with(input(x, "x"), output(y, "y"), grouping_of(grouping), readable(given, count, "given"), o.options);
  });
}

norma_status norma_backward(const norma_view* x, const norma_view* dy, const norma_grouping* grouping,
                            const norma_moments* saved, int64_t count, const norma_gradients* gradients,
                            const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    backward(input(x, "x"), input(dy, "dy"), grouping_of(grouping), readable(saved, count, "saved"), gradients_of(gradients),
             o.options);
  });
}

norma_status norma_backward_with(const norma_view* x, const norma_view* dy, const norma_grouping* grouping,
                                 const norma_moments* given, int64_t count, const norma_gradients* gradients,
                                 const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    backward_with(input(x, "x"), input(dy, "dy"), grouping_of(grouping), readable(given, count, "given"),
                  gradients_of(gradients), o.options);
  });
}

norma_status norma_plan_for_measure(const norma_view* x, const norma_grouping* grouping, norma_plan** plan) {
  return make_plan(plan, [&] { return Plan(input(x, "x"), grouping_of(grouping)); });
}

norma_status norma_plan_for_normalize(const norma_view* x, const norma_view* y, const norma_grouping* grouping,
                                      norma_plan** plan) {
  return make_plan(plan, [&] { return Plan(input(x, "x"), output(y, "y"), grouping_of(grouping)); });
}

norma_status norma_plan_for_backward(const norma_view* x, const norma_view* dy, const norma_view* dx,
                                     const norma_grouping* grouping, norma_plan** plan) {
  return make_plan(plan, [&] {
    const ConstView like_dx = dx == nullptr ? input(dy, "dy") : output(dx, "dx");
    return Plan(input(x, "x"), input(dy, "dy"), like_dx, grouping_of(grouping));
  });
}

void norma_plan_destroy(norma_plan* plan) { delete plan; }

norma_status norma_plan_count(const norma_plan* plan, int64_t* distributions, int64_t* parameters) {
  return guarded([&] {
    const Plan& p = required(plan, "plan").plan;
    if (distributions != nullptr) *distributions = p.distributions();
    if (parameters != nullptr) *parameters = p.parameters();
  });
}

norma_status norma_plan_measure(const norma_plan* plan, const norma_view* x, norma_moments* moments, int64_t count,
                                const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    required(plan, "plan").plan.measure(input(x, "x"), writable(moments, count, "moments"), o.options);
  });
}

norma_status norma_plan_normalize(const norma_plan* plan, const norma_view* x, const norma_view* y,
                                  const norma_options* options, norma_moments* saved, int64_t count) {
  return guarded([&] {
    const CallOptions o(options);
    required(plan, "plan").plan.normalize(input(x, "x"), output(y, "y"), o.options, writable(saved, count, "saved"));
  });
}

norma_status norma_plan_normalize_with(const norma_plan* plan, const norma_view* x, const norma_view* y,
                                       const norma_moments* given, int64_t count, const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    required(plan, "plan").plan.normalize_with(input(x, "x"), output(y, "y"), readable(given, count, "given"), o.options);
  });
}

norma_status norma_plan_backward(const norma_plan* plan, const norma_view* x, const norma_view* dy, const norma_moments* saved,
                                 int64_t count, const norma_gradients* gradients, const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    required(plan, "plan")
        .plan.backward(input(x, "x"), input(dy, "dy"), readable(saved, count, "saved"), gradients_of(gradients), o.options);
  });
}

norma_status norma_plan_backward_with(const norma_plan* plan, const norma_view* x, const norma_view* dy,
                                      const norma_moments* given, int64_t count, const norma_gradients* gradients,
                                      const norma_options* options) {
  return guarded([&] {
    const CallOptions o(options);
    required(plan, "plan")
        .plan.backward_with(input(x, "x"), input(dy, "dy"), readable(given, count, "given"), gradients_of(gradients),
                            o.options);
  });
}

norma_status norma_batch_norm_options(int32_t convention, norma_layer_options* options) {
  return options_for<BatchNormOptions>(convention, options);
}
norma_status norma_instance_norm_options(int32_t convention, norma_layer_options* options) {
  return options_for<InstanceNormOptions>(convention, options);
}

norma_status norma_batch_norm_create(int64_t num_features, const norma_layer_options* options, norma_layer** layer) {
  return create<BatchNorm, BatchNormOptions>(num_features, options, layer);
}
norma_status norma_instance_norm_create(int64_t num_features, const norma_layer_options* options, norma_layer** layer) {
  return create<InstanceNorm, InstanceNormOptions>(num_features, options, layer);
}

void norma_layer_destroy(norma_layer* layer) { delete layer; }

norma_status norma_layer_train(norma_layer* layer, int32_t on) {
  return guarded([&] { required(layer, "layer").layer->train(on != 0); });
}

norma_status norma_layer_forward(norma_layer* layer, const norma_view* x, const norma_view* y,
                                 const norma_narrowing* narrowing) {
  return guarded([&] { required(layer, "layer").layer->forward(input(x, "x"), output(y, "y"), narrowing_of(narrowing)); });
}

norma_status norma_layer_infer(const norma_layer* layer, const norma_view* x, const norma_view* y,
                               const norma_narrowing* narrowing) {
  return guarded([&] {
    const RunningLayer& constant = *required(layer, "layer").layer;
    constant.infer(input(x, "x"), output(y, "y"), narrowing_of(narrowing));
  });
}

norma_status norma_layer_backward(norma_layer* layer, const norma_view* x, const norma_view* dy, const norma_view* dx,
                                  const norma_narrowing* narrowing) {
  return guarded([&] {
    required(layer, "layer").layer->backward(input(x, "x"), input(dy, "dy"), output_or_none(dx, "dx"), narrowing_of(narrowing));
  });
}

norma_status norma_layer_tensor(norma_layer* layer, const char* name, norma_view* tensor) {
  return guarded([&] {
    RunningLayer& l = *required(layer, "layer").layer;
    const std::string wanted = &required(name, "name");
    norma_view& out = required(tensor, "tensor");
    std::string there;
    const auto offer = [&](const std::string& offered, auto values, const Dims& shape) {
      there += (there.empty() ? "" : ", ") + offered;
      if (offered == wanted) out = view_of(values, shape);
      return offered == wanted;
    };
    for (const StateTensor& t : l.state()) {
      if (std::visit([&](auto values) { return offer(t.name, values, t.shape); }, t.values)) return;
    }
    const auto grad = [&](const char* offered, const std::vector<float>& values) {
      return !values.empty() && offer(offered, std::span<const float>(values), {static_cast<std::int64_t>(values.size())});
    };
    if (grad("weight_grad", l.weight_grad) || grad("bias_grad", l.bias_grad)) return;
    throw Error("[" + std::string(l.name()) + "] there is no tensor '" + wanted + "' in this layer, which has " +
                (there.empty() ? "none" : there));
  });
}

const char* norma_layer_tensor_name(const norma_layer* layer, int32_t k) {
  const char* found = nullptr;
  (void)guarded([&] {
    const std::vector<StateTensor> state = required(layer, "layer").layer->state();
    if (k < 0 || static_cast<std::size_t>(k) >= state.size()) return;
    for (const char* name : kStateNames) {
      if (state[static_cast<std::size_t>(k)].name == name) found = name;
    }
  });
  return found;
}

norma_status norma_fold_batch_norm(const norma_batch_norm_tensors* bn, const norma_view* weight, const norma_view* bias,
                                   const norma_view* folded_weight, const norma_view* folded_bias, int32_t channel_axis) {
  return guarded([&] {
    const norma_batch_norm_tensors t = known(&required(bn, "bn"), "bn", norma_batch_norm_tensors NORMA_BATCH_NORM_TENSORS_INIT);
    fold_batch_norm({.weight = input_or_none(t.weight, "bn->weight"),
                     .bias = input_or_none(t.bias, "bn->bias"),
                     .running_mean = input(t.running_mean, "bn->running_mean"),
                     .running_var = input(t.running_var, "bn->running_var"),
                     .eps = t.eps},
                    input(weight, "weight"), input_or_none(bias, "bias"), output(folded_weight, "folded_weight"),
                    output(folded_bias, "folded_bias"), channel_axis);
  });
}
