// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"

#include <cstdio>
#include <utility>

#include "norma/norma.hpp"
#include "tensor.hpp"

namespace norma::golden {
namespace {

/// A hash being made of several results.
class Mark {
 public:
  Mark& operator<<(const Tensor& t) {
    if (!t.empty()) t.add_to(hash_, nan_);
    return *this;
  }
  Mark& operator<<(double v) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &v, sizeof(v));
    hash_.add(bits);
    nan_ = nan_ || v != v;
    return *this;
  }
  Mark& operator<<(std::int64_t v) { return hash_.add(static_cast<std::uint64_t>(v)), *this; }
  Mark& operator<<(const Moments& m) { return *this << m.count << m.mean << m.mean_low << m.m2; }
  template <class T>
  Mark& operator<<(const std::vector<T>& values) {
    for (const T& v : values) *this << v;
    return *this;
  }
  std::string text() const {
    if (nan_) return " NaN";
    char out[16];
    std::snprintf(out, sizeof(out), " %08x", static_cast<unsigned>(hash_.value() ^ (hash_.value() >> 32)));
    return out;
  }

 private:
  Hash hash_;
  bool nan_ = false;
};

std::string text_of(const Dims& shape) {
  std::string text;
  for (std::int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::int64_t least_divisor(std::int64_t n) {
  for (std::int64_t d = 2; d < n; ++d) {
    if (n % d == 0) return d;
  }
  return n;
}

struct Shaped {
  Dims shape;
  Data data;
};

/// One grouping on one shape, with the memory that it refers to.
struct Grouped {
  Grouping grouping = Grouping::sample();
  bool centered = true;
  bool weight_plus_one = false;
  std::vector<std::int64_t> numbers{};
  Tensor mask{};

  Grouped() = default;
  Grouped(Grouping g) : grouping(std::move(g)) {}
};

enum class Narrow : std::uint8_t { no, mask, lengths };

struct Kind {
  const char* name;
  Grouping (*make)(const Dims& shape);
  Narrow narrow = Narrow::no;
  bool centered = true;
};

const Kind kKinds[] = {
    {"batch", [](const Dims&) { return Grouping::batch(); }},
    {"batch-masked", [](const Dims&) { return Grouping::batch(); }, Narrow::mask},
    {"batch-lengths", [](const Dims&) { return Grouping::batch(); }, Narrow::lengths},
    {"ghost", [](const Dims& s) { return Grouping::ghost_batch(least_divisor(s[0])); }},
    {"instance", [](const Dims&) { return Grouping::instance(); }},
    {"instance-lengths", [](const Dims&) { return Grouping::instance(); }, Narrow::lengths},
    {"group", [](const Dims& s) { return Grouping::group(least_divisor(s[1])); }},
    {"group-masked", [](const Dims& s) { return Grouping::group(least_divisor(s[1])); }, Narrow::mask},
    {"layer", [](const Dims& s) { return Grouping::layer({s[3]}); }},
    {"layer-masked", [](const Dims& s) { return Grouping::layer({s[3]}); }, Narrow::mask},
    {"layer2", [](const Dims& s) { return Grouping::layer({s[2], s[3]}); }},
    {"sample", [](const Dims&) { return Grouping::sample(); }},
    {"sample-lengths", [](const Dims&) { return Grouping::sample(); }, Narrow::lengths},
    {"channels", [](const Dims&) { return Grouping::over({1}); }},
    {"outer", [](const Dims&) { return Grouping::over({0, 2}).parameters_along({3}); }},
    {"rms", [](const Dims& s) { return Grouping::layer({s[3]}); }, Narrow::no, false},
    {"rms-columns", [](const Dims&) { return Grouping::over({0}); }, Narrow::no, false},
    {"labels", nullptr},
    {"labels-masked", nullptr, Narrow::mask},
};

Grouped grouped(const Kind& kind, const Dims& shape, Numbers& numbers) {
  Grouped g;
  if (kind.make) {
    g.grouping = kind.make(shape);
  } else {
    for (std::int64_t i = 0; i < shape[2]; ++i) g.numbers.push_back(numbers.integer(-2, 2) * 1000003);
    g.grouping = Grouping::labels(g.numbers, 2);
  }
  if (kind.narrow == Narrow::mask) {
    g.mask = Tensor(DType::u8, {shape[2], shape[3]});
    g.mask.fill([&](std::int64_t) { return static_cast<double>(numbers.integer(0, 3) != 0); });
    g.grouping = g.grouping.masked(std::as_const(g.mask).in());
  }
  if (kind.narrow == Narrow::lengths) {
    for (std::int64_t n = 0; n < shape[0]; ++n) g.numbers.push_back(numbers.integer(0, shape[2]));
    g.grouping = g.grouping.with_lengths(g.numbers, 2);
  }
  g.centered = kind.centered;
  g.weight_plus_one = !kind.centered && numbers.integer(0, 1) == 1;
  return g;
}

/// Weights and bias, and whatever else is asked of a call: some of each.
struct Asked {
  Tensor weight, bias;
  Options options;

  Asked(const Grouped& g, const Shaped& shaped, DType dtype, Numbers& numbers) {
    const Dims& shape = shaped.shape;
    const Dims size{g.grouping.boxes(shape).parameters()};
    const DType of = numbers.integer(0, 1) ? dtype : dtype == DType::f64 ? DType::f64 : DType::f32;
    if (numbers.integer(0, 3)) weight = Tensor(of, size);
    if (numbers.integer(0, 3)) bias = Tensor(of, size);
    weight.fill([&](std::int64_t) { return numbers.bell() + (g.weight_plus_one ? 0 : 1); });
    bias.fill([&](std::int64_t) { return numbers.bell(); });
    constexpr std::array kEps = {1e-5, 1e-5, 1e-3, 0.0};
    options = {.weight = std::as_const(weight).in(),
               .bias = std::as_const(bias).in(),
               .weight_plus_one = g.weight_plus_one,
               // Denormals without eps have gradients beyond float's range.
               .eps = kEps[static_cast<std::size_t>(numbers.integer(0, shaped.data == Data::tiny ? 2 : 3))],
               .centered = g.centered};
  }
};

std::string hashes_of(const Grouped& g, const Asked& asked, const Tensor& x, const Tensor& dy, Layout layout,
                      Layout out) {
  const DType dtype = x.dtype();
  const auto boxes = g.grouping.boxes(x.shape());
  std::vector<Moments> measured(static_cast<std::size_t>(boxes.distributions())), saved = measured, given = measured;
  Tensor y(dtype, x.shape(), out), y_given = y, dx = y, dx_given = y;
  Tensor dweight(DType::f32, {boxes.parameters()}), dbias = dweight, dweight_given = dweight, dbias_given = dweight;
  measure(x.in(), g.grouping, measured, asked.options);
  normalize(x.in(), y.out(), g.grouping, asked.options, saved);
  // Statistics of another origin, near enough: the mean as one number, the variance doubled.
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (measured[k].count > 0) given[k] = Moments::of(measured[k].mean, 2 * measured[k].variance() + 0x1p-20);
  }
  normalize_with(x.in(), y_given.out(), g.grouping, given, asked.options);
  backward(x.in(), dy.in(), g.grouping, saved, {dx.out(), dweight.out(), dbias.out()}, asked.options);
  backward_with(x.in(), dy.in(), g.grouping, given, {dx_given.out(), dweight_given.out(), dbias_given.out()},
                asked.options);
  // A residual before, a shortcut and a ReLU behind; and the way back, where y and dy lie alike.
  Tensor sum = x, y_fused = y, dadd = y;
  std::vector<Moments> saved_fused = saved;
  Options fused = asked.options;
  fused.fusion = {.residual = dy.in(), .sum = sum.out(), .add = std::as_const(y).in(), .activation = Activation::relu};
  normalize(x.in(), y_fused.out(), g.grouping, fused, saved_fused);
  Tensor dx_fused = y, dweight_fused = dweight;
  if (out == layout) {
    const FusionGradients way_back{.y = std::as_const(y_fused).in(), .dadd = dadd.out(), .dsum = std::as_const(dx).in()};
    backward(std::as_const(sum).in(), dy.in(), g.grouping, saved_fused,
             {.dx = dx_fused.out(), .dweight = dweight_fused.out(), .fusion = way_back}, fused);
  }
  return (Mark() << measured).text() + (Mark() << y << saved).text() + (Mark() << y_given).text() +
         (Mark() << dx << dweight << dbias).text() + (Mark() << dx_given << dweight_given << dbias_given).text() +
         (Mark() << sum << y_fused << saved_fused << dx_fused << dadd << dweight_fused).text();
}

const Shaped kShapes[] = {
    {{1, 2, 1, 3}, Data::ties},      {{2, 3, 5, 7}, Data::bell},       {{3, 17, 1, 33}, Data::far},
    {{4, 6, 9, 16}, Data::tiny},     {{2, 65, 3, 5}, Data::huge},      {{1, 2, 70, 129}, Data::far},
    {{7, 4, 37, 41}, Data::outlier}, {{1, 1, 3, 9001}, Data::ties},    {{2, 131, 7, 19}, Data::bell},
};

}  // namespace

void groupings(const Sink& sink) {
  for (const Kind& kind : kKinds) {
    for (DType dtype : kFloats) {
      for (Layout layout : kLayouts) {
        for (const Shaped& shaped : kShapes) {
          const std::string name = std::string(kind.name) + ' ' + norma::name_of(dtype) + ' ' + name_of(layout) + ' ' +
                                   text_of(shaped.shape) + ' ' + name_of(shaped.data);
          if (!sink.wants(name)) continue;
          Numbers numbers(name);
          const Grouped g = grouped(kind, shaped.shape, numbers);
          const Asked asked(g, shaped, dtype, numbers);
          Tensor x(dtype, shaped.shape, layout), dy = x;
          fill(x, shaped.data, numbers);
          fill(dy, Data::bell, numbers);
          // Padded inputs go to dense results: two layouts at once.
          const Layout out = layout == Layout::padded ? Layout::dense : layout;
          sink(name + ':' + hashes_of(g, asked, x, dy, layout, out));
        }
      }
    }
  }
}

// ---- Layers ---------------------------------------------------------------------------------------------------------

namespace {

template <class L>
void run_layer(const Sink& sink, const char* what, L (*make)(const Dims& shape), bool lengths = false) {
  const Shaped shapes[] = {{{3, 6, 5, 7}, Data::bell}, {{2, 6, 33, 9}, Data::far}, {{5, 12, 30, 31}, Data::outlier}};
  for (DType dtype : kFloats) {
    for (Layout layout : {Layout::dense, Layout::last}) {
      for (const Shaped& shaped : shapes) {
        const std::string name = std::string(what) + ' ' + norma::name_of(dtype) + ' ' + name_of(layout) + ' ' +
                                 text_of(shaped.shape) + ' ' + name_of(shaped.data);
        if (!sink.wants(name)) continue;
        Numbers numbers(name);
        L layer = make(shaped.shape);
        for (float& w : layer.weight) w = static_cast<float>(1 + numbers.bell());
        for (float& b : layer.bias) b = static_cast<float>(numbers.bell());
        std::vector<std::int64_t> counted;
        for (std::int64_t n = 0; n < shaped.shape[0]; ++n) counted.push_back(numbers.integer(2, shaped.shape[2]));
        const Narrowing narrowing{.lengths = lengths ? std::span<const std::int64_t>(counted) : std::span<const std::int64_t>(),
                                  .lengths_axis = 2};
        Tensor x(dtype, shaped.shape, layout), y = x, dy = x, dx = x;
        fill(dy, Data::bell, numbers);
        std::string line = name + ':';
        for (int step = 0; step < 2; ++step) {
          fill(x, shaped.data, numbers);
          layer.forward(std::as_const(x).in(), y.out(), narrowing);
          line += (Mark() << y).text();
        }
        Mark state;
        for (const StateTensor& t : layer.state()) {
          std::visit(
              [&](const auto& values) {
                for (const auto& v : values) {
                  if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(v)>>) {
                    state << static_cast<std::int64_t>(v);
                  } else if constexpr (std::is_floating_point_v<std::remove_cvref_t<decltype(v)>>) {
                    state << static_cast<double>(v);
                  }
                }
              },
              t.values);
        }
        line += state.text();
        layer.backward(std::as_const(x).in(), std::as_const(dy).in(), dx.out(), narrowing);
        Mark gradients;
        gradients << dx;
        for (float v : layer.weight_grad) gradients << static_cast<double>(v);
        for (float v : layer.bias_grad) gradients << static_cast<double>(v);
        line += gradients.text();
        layer.eval();
        layer.forward(std::as_const(x).in(), y.out(), narrowing);
        sink(line + (Mark() << y).text());
      }
    }
  }
}

BatchNorm batch_of(const Dims& s, Convention convention) {
  BatchNormOptions options = BatchNormOptions::of(convention);
  options.channel_axis = 1;
  return BatchNorm(s[1], options);
}

/// The convolution's weights and bias that a trained BatchNorm was folded into.
void folding(const Sink& sink) {
  for (DType dtype : kFloats) {
    const std::string name = std::string("fold ") + norma::name_of(dtype) + " dense 6x5x3x3 bell";
    if (!sink.wants(name)) continue;
    Numbers numbers(name);
    BatchNorm bn(6);
    for (std::size_t c = 0; c < 6; ++c) {
      bn.weight[c] = static_cast<float>(1 + numbers.bell()), bn.bias[c] = static_cast<float>(numbers.bell());
      bn.running_mean[c] = 1000 * numbers.bell(), bn.running_var[c] = static_cast<double>(numbers.integer(1, 99)) * 0x1p-5;
    }
    Tensor weight(dtype, {6, 5, 3, 3}), bias(dtype, {6}), folded = weight, folded_bias = bias;
    fill(weight, Data::bell, numbers);
    fill(bias, Data::bell, numbers);
    fold_batch_norm(bn, std::as_const(weight).in(), std::as_const(bias).in(), folded.out(), folded_bias.out());
    sink(name + ':' + (Mark() << folded << folded_bias).text());
  }
}

}  // namespace

void layers(const Sink& sink) {
  run_layer<BatchNorm>(sink, "batch_norm", [](const Dims& s) { return batch_of(s, Convention::torch); });
  run_layer<BatchNorm>(sink, "batch_norm-keras", [](const Dims& s) { return batch_of(s, Convention::keras); });
  run_layer<BatchNorm>(sink, "batch_norm-lengths", [](const Dims& s) { return batch_of(s, Convention::torch); }, true);
  run_layer<BatchNorm>(sink, "batch_norm-cumulative", [](const Dims& s) {
    return BatchNorm(s[1], {.momentum = std::nullopt});
  });
  run_layer<InstanceNorm>(sink, "instance_norm", [](const Dims& s) {
    return InstanceNorm(s[1], {.affine = true, .track_running_stats = true});
  });
  run_layer<GroupNorm>(sink, "group_norm", [](const Dims& s) { return GroupNorm(3, s[1]); });
  run_layer<LayerNorm>(sink, "layer_norm", [](const Dims& s) { return LayerNorm({s[3]}); });
  run_layer<LayerNorm>(sink, "layer_norm-sample", [](const Dims& s) { return LayerNorm({s[1], s[2], s[3]}); });
  run_layer<LayerNorm>(sink, "layer_norm-flax", [](const Dims& s) {
    return LayerNorm({s[3]}, LayerNormOptions::of(Convention::flax));
  });
  run_layer<RMSNorm>(sink, "rms_norm", [](const Dims& s) { return RMSNorm({s[3]}); });
  run_layer<RMSNorm>(sink, "rms_norm-gemma", [](const Dims& s) {
    return RMSNorm({s[2], s[3]}, {.eps = 1e-6, .weight_plus_one = true});
  });
  folding(sink);
}

// ---- Batches --------------------------------------------------------------------------------------------------------

namespace {

constexpr std::int64_t kSamples = 64;

/// The same samples, once around and a half, so that a batch can begin at any of them.
struct Ring {
  Tensor x, dy;

  Ring(DType dtype, const Dims& sample, Layout layout, Numbers& numbers) {
    Dims shape = sample;
    shape[0] = 2 * kSamples;
    x = Tensor(dtype, shape, layout), dy = x;
    // Even samples are of one kind and odd ones of another, which would show if one leaked into the next.
    Tensor one(dtype, sample, Layout::dense), two = one;
    std::vector<Tensor> values;
    for (std::int64_t n = 0; n < kSamples; ++n) {
      Tensor t = one;
      golden::fill(t, n % 2 ? Data::far : Data::bell, numbers);
      values.push_back(t);
      golden::fill(two, Data::bell, numbers);
      values.push_back(two);
    }
    const std::int64_t each = count_of(sample);
    const auto at = [&](std::int64_t n, std::int64_t which, std::int64_t i) {
      const ConstView v = std::as_const(values[static_cast<std::size_t>(2 * (n % kSamples) + which)]).in();
      return test::read_element(v.data(), v.dtype(), i);
    };
    x.fill([&](std::int64_t i) { return at(i / each, 0, i % each); });
    dy.fill([&](std::int64_t i) { return at(i / each, 1, i % each); });
  }
};

struct SampleMarks {
  std::vector<std::string> trained, given;
  friend bool operator==(const SampleMarks&, const SampleMarks&) = default;
};

std::string mark_of(const ConstView& y, const ConstView& dx, std::span<const Moments> moments) {
  Mark mark;
  for (const ConstView& v : {y, dx}) {
    if (v.empty()) continue;
    for (std::int64_t at : test::offsets_of(v.shape(), v.strides())) {
      mark << test::read_element(v.data(), v.dtype(), at);
    }
  }
  for (const Moments& m : moments) mark << m;
  return mark.text();
}

/// What a batch of `count` samples from `first` on makes of each of them.
void run_batch(const Ring& ring, const Grouping& grouping, const Grouping& channels, std::span<const Moments> running,
               bool centered, std::int64_t first, std::int64_t count, Tensor& y, Tensor& dx, SampleMarks& marks) {
  const ConstView x = ring.x.samples(first, count), dy = ring.dy.samples(first, count);
  const std::int64_t per = grouping.boxes(x.shape()).distributions() / count;
  std::vector<Moments> saved(static_cast<std::size_t>(per * count));
  const Options options{.centered = centered};
  normalize(x, y.samples(0, count), grouping, options, saved);
  backward(x, dy, grouping, saved, {.dx = dx.samples(0, count)}, options);
  for (std::int64_t n = 0; n < count; ++n) {
    marks.trained.push_back(mark_of(std::as_const(y).samples(n, 1), std::as_const(dx).samples(n, 1),
                                    {saved.data() + n * per, static_cast<std::size_t>(per)}));
  }
  normalize_with(x, y.samples(0, count), channels, running, options);
  for (std::int64_t n = 0; n < count; ++n) marks.given.push_back(mark_of(std::as_const(y).samples(n, 1), {}, {}));
}

struct WithinSample {
  const char* name;
  Grouping (*make)(const Dims& shape);
  bool centered = true;
};

const WithinSample kWithinSample[] = {
    {"sample", [](const Dims&) { return Grouping::sample(); }},
    {"layer", [](const Dims& s) { return Grouping::layer({s[3]}); }},
    {"instance", [](const Dims&) { return Grouping::instance(); }},
    {"group", [](const Dims& s) { return Grouping::group(s[1] / 2); }},
    {"channels", [](const Dims&) { return Grouping::over({1}); }},
    {"rms", [](const Dims& s) { return Grouping::layer({s[3]}); }, false},
};

}  // namespace

void batches(const Sink& sink) {
  for (const WithinSample& within : kWithinSample) {
    for (DType dtype : kFloats) {
      for (Layout layout : {Layout::dense, Layout::last, Layout::padded}) {
        // Large enough for threads in one layout, odd in the others.
        const Dims sample = layout == Layout::dense ? Dims{1, 8, 9, 16} : Dims{1, 4, 3, 7};
        const std::string name = std::string(within.name) + ' ' + norma::name_of(dtype) + ' ' + name_of(layout) + ' ' +
                                 text_of(sample);
        if (!sink.wants(name)) continue;
        Numbers numbers(name);
        const Ring ring(dtype, sample, layout, numbers);
        const Grouping grouping = within.make(sample), channels = Grouping::batch();
        std::vector<Moments> running;
        for (std::int64_t c = 0; c < sample[1]; ++c) {
          // One after the other: compilers differ in which argument of a call they work out first.
          const auto variance = static_cast<double>(numbers.integer(1, 9));
          running.push_back(Moments::of(numbers.bell(), variance));
        }
        Tensor y(dtype, ring.x.shape(), layout), dx = y;
        SampleMarks alone, twice;
        for (std::int64_t n = 0; n < kSamples; ++n)
          run_batch(ring, grouping, channels, running, within.centered, n, 1, y, dx, alone);
        twice = alone;
        for (auto [from, to] : {std::pair{&alone.trained, &twice.trained}, {&alone.given, &twice.given}})
          to->insert(to->end(), from->begin(), from->end());
        bool same = true;
        const auto check = [&](std::int64_t first, std::int64_t count) {
          SampleMarks marks;
          run_batch(ring, grouping, channels, running, within.centered, first, count, y, dx, marks);
          for (std::int64_t n = 0; n < count; ++n) {
            const auto i = static_cast<std::size_t>(n), of = static_cast<std::size_t>(first + n);
            same = same && marks.trained[i] == twice.trained[of] && marks.given[i] == twice.given[of];
          }
        };
        for (std::int64_t size = 1; size <= kSamples; ++size) check(numbers.integer(0, kSamples - 1), size);
        for (int cut = 0; cut < 8; ++cut) {
          for (std::int64_t at = 0; at < kSamples;) {
            const std::int64_t size = numbers.integer(1, kSamples - at);
            check(at, size);
            at += size;
          }
        }
        Mark trained, given;
        const auto add = [](Mark& mark, const std::vector<std::string>& marks) {
          for (const std::string& text : marks) {
            for (char c : text) mark << static_cast<std::int64_t>(c);
          }
        };
        add(trained, alone.trained);
        add(given, alone.given);
        sink(name + ':' + (same ? trained.text() + given.text() : " differs"));
      }
    }
  }
}

}  // namespace norma::golden
