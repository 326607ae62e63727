// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "exact.hpp"
#include "norma/normalize.hpp"
#include "reference.hpp"

/// Random shapes, layouts, groupings and data; each case follows from one number, which a failure prints.
///
///     NORMA_SEED=12345 NORMA_CASES=1 core_test --gtest_filter=...      runs that case alone
///     NORMA_SEED=$RANDOM NORMA_CASES=20 core_test                      looks 20 times as far, somewhere else

namespace norma::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15u + 1) {}

  /// Decisions are read off these bytes, two for each, as long as there are any: what a fuzzer changes a little then gives a
  /// case that is a little different. They must outlive this.
  explicit Random(std::span<const std::uint8_t> bytes) : Random(bytes.size()) { bytes_ = bytes; }

  /// From low to high, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(decide() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(double p) { return uniform() < p; }
  double uniform() { return static_cast<double>(decide() >> 11) * 0x1p-53; }
  double normal() { return std::normal_distribution<double>()(engine_); }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return *(values.begin() + integer(0, static_cast<std::int64_t>(values.size()) - 1));
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    if (bytes_.empty()) return std::shuffle(values.begin(), values.end(), engine_);
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(i) - 1))]);
    }
  }

 private:
  std::uint64_t decide() {
    if (bytes_.size() < 2) return engine_();
    const auto two = static_cast<std::uint64_t>(bytes_[0] | bytes_[1] << 8);
    bytes_ = bytes_.subspan(2);
    return two * 0x0001000100010001u;
  }

  std::mt19937_64 engine_;
  std::span<const std::uint8_t> bytes_;
};

/// Calls body(seed) for `cases` seeds, and says which of them failed. NORMA_CASES multiplies the number, which may
/// be by less than 1; a seed that was given is the first.
template <class Body>
void for_random_cases(int cases, const Body& body) {
  const char *given = std::getenv("NORMA_SEED"), *times = std::getenv("NORMA_CASES");
  const std::uint64_t first = given ? std::strtoull(given, nullptr, 10) : 20240601;
  if (times) cases = given && std::atof(times) == 1 ? 1 : std::max(1, static_cast<int>(cases * std::atof(times)));
  for (int i = 0; i < cases; ++i) {
    const std::uint64_t seed = first + static_cast<std::uint64_t>(i);
    SCOPED_TRACE("NORMA_SEED=" + std::to_string(seed) + " NORMA_CASES=1");
    body(seed);
    if (::testing::Test::HasFailure()) return;  // one case is enough to look at
  }
}

/// How a tensor lies in memory: what a caller may come up with.
struct Layout {
  Dims strides;
  std::int64_t first = 0, span = 0;  // where element 0 lies, and how many elements the memory has
};

enum class Place : std::uint8_t { contiguous, permuted, scattered, repeated };

/// permuted: axes in any order. scattered: and with gaps, and backwards. repeated: and with strides of 0, for inputs.
inline Layout make_layout(Random& random, const Dims& shape, Place place) {
  Layout layout{contiguous_strides(shape), 0, 0};
  std::vector<int> order;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) order.push_back(axis);
  if (place != Place::contiguous) {
    if (random.chance(0.75)) random.shuffle(order);
    std::int64_t step = place == Place::permuted || random.chance(0.6) ? 1 : random.integer(2, 3);
    for (int axis : order) {
      const bool gap = place != Place::permuted && random.chance(0.3);
      const bool back = place != Place::permuted && random.chance(0.25);
      const bool repeat = place == Place::repeated && random.chance(0.4);
      if (gap) step += random.integer(1, 20);
      layout.strides[axis] = repeat ? 0 : back ? -step : step;
      if (!repeat) step *= std::max<std::int64_t>(shape[axis], 1);
    }
  }
  std::int64_t last = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t reach = layout.strides[axis] * std::max<std::int64_t>(shape[axis] - 1, 0);
    (reach < 0 ? layout.first : last) += reach < 0 ? -reach : reach;
  }
  layout.span = layout.first + last + 1;
  return layout;
}

/// Memory of just the size that the layout needs (so that AddressSanitizer sees a step beyond it), at an odd place,
/// filled with NaN wherever no element lies.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, const Dims& shape, const Layout& layout, std::int64_t shift = 0)
      : made_(true),
        dtype_(dtype),
        shape_(shape),
        strides_(layout.strides),
        first_(layout.first + shift),
        offsets_(offsets_of(shape, layout.strides)),
        memory_(static_cast<std::size_t>(layout.span + shift) * size_of(dtype), std::byte{0xFF}) {}
  Tensor(DType dtype, const Dims& shape) : Tensor(dtype, shape, {contiguous_strides(shape), 0, count_of(shape)}) {}

  bool empty() const { return !made_; }
  std::int64_t size() const { return static_cast<std::int64_t>(offsets_.size()); }
  DType dtype() const { return dtype_; }
  const Dims& shape() const { return shape_; }
  const Dims& strides() const { return strides_; }

  /// Element i in C order.
  double operator[](std::int64_t i) const { return read_element(memory_.data(), dtype_, at(i)); }
  void set(std::int64_t i, double value) { write_element(memory_.data(), dtype_, at(i), value); }

  ConstView in() const { return empty() ? ConstView() : ConstView(pointer(), dtype_, shape_, strides_); }
  View out() { return empty() ? View() : View(const_cast<std::byte*>(pointer()), dtype_, shape_, strides_); }

  std::vector<double> values() const {
    std::vector<double> all;
    for (std::int64_t i = 0; i < size(); ++i) all.push_back((*this)[i]);
    return all;
  }
  /// The elements' bits in C order, whatever the layout. Every NaN is one NaN: hardware differs in which it makes.
  std::string bits() const {
    std::string all;
    const std::size_t width = size_of(dtype_);
    for (std::int64_t i = 0; i < size(); ++i) {
      if (std::isnan((*this)[i])) {
        all.append(width, 'N');
      } else {
        all.append(reinterpret_cast<const char*>(memory_.data()) + static_cast<std::size_t>(at(i)) * width, width);
      }
    }
    return all;
  }
  /// Whether all memory between and around the elements is as it was made.
  bool gaps_untouched() const {
    std::vector<bool> taken(memory_.size(), false);
    const std::size_t width = size_of(dtype_);
    for (std::int64_t i = 0; i < size(); ++i) {
      for (std::size_t k = 0; k < width; ++k) taken[static_cast<std::size_t>(at(i)) * width + k] = true;
    }
    for (std::size_t k = 0; k < memory_.size(); ++k) {
      if (!taken[k] && memory_[k] != std::byte{0xFF}) return false;
    }
    return true;
  }
  const std::vector<std::byte>& memory() const { return memory_; }

 private:
  std::int64_t at(std::int64_t i) const { return first_ + offsets_[static_cast<std::size_t>(i)]; }
  const std::byte* pointer() const { return memory_.data() + static_cast<std::size_t>(first_) * size_of(dtype_); }

  bool made_ = false;
  DType dtype_ = DType::f32;
  Dims shape_, strides_;
  std::int64_t first_ = 0;
  std::vector<std::int64_t> offsets_;
  std::vector<std::byte> memory_;
};

// ---------------------------------------------------------------------------------------------------------------------
// Groupings, with each element's distribution and parameter by definition.

enum class Norm : std::uint8_t { over, batch, ghost_batch, layer, sample, instance, group, labels };
inline constexpr int kNorms = 8;

/// A grouping and what it must mean. ids and parameter have a value for each element.
struct GroupingCase {
  Norm norm = Norm::sample;
  std::string text;
  Grouping grouping = Grouping::sample();
  Dims parameter_axes;
  std::vector<std::int64_t> ids, parameter;
  std::int64_t distributions = 0, parameters = 1;

  // What the definition speaks of.
  Dims axes;                // over: pooled ones; layer: how many trailing ones, as rank()
  int channel = -1;         // batch, instance, group
  std::int64_t number = 0;  // of groups, or of samples in a ghost batch
  int labelled = -1;
  std::shared_ptr<std::vector<std::int64_t>> keys, lengths;
  int lengths_axis = -1;
  std::shared_ptr<Tensor> mask;

  bool narrowed() const { return lengths || mask; }
  bool has_channels() const {
    return norm == Norm::batch || norm == Norm::ghost_batch || norm == Norm::instance || norm == Norm::group;
  }
  /// As PyTorch: GroupNorm takes single values where there are several samples.
  bool needs_two(const Dims& shape) const { return has_channels() && (norm != Norm::group || shape[0] == 1); }

  /// By the name's definition, what the elements of one distribution have in common.
  std::vector<std::int64_t> in_common(const Dims& shape, const Dims& index) const {
    const auto all_but = [&](const auto& pooled) {
      std::vector<std::int64_t> rest;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (!pooled(axis)) rest.push_back(index[axis]);
      }
      return rest;
    };
    switch (norm) {
      case Norm::over: return all_but([&](int a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); });
      case Norm::batch: return {index[channel]};
      case Norm::ghost_batch: return {index[0] / number, index[channel]};
      case Norm::layer: return all_but([&](int a) { return a >= shape.rank() - axes.rank(); });
      case Norm::sample: return {index[0]};
      case Norm::instance: return {index[0], index[channel]};
      case Norm::group: return {index[0], index[channel] / (shape[channel] / number)};
      case Norm::labels: {
        std::vector<std::int64_t> same = all_but([](int) { return false; });
        same[static_cast<std::size_t>(labelled)] = (*keys)[static_cast<std::size_t>(index[labelled])];
        return same;
      }
    }
    return {};
  }

  bool counts(const Dims& shape, const Dims& index) const {
    if (lengths && index[lengths_axis] >= (*lengths)[static_cast<std::size_t>(index[0])]) return false;
    if (!mask) return true;
    std::int64_t at = 0;  // NumPy's rule: aligned at the last axis, a size of 1 repeats
    for (int axis = 0; axis < mask->shape().rank(); ++axis) {
      const std::int64_t size = mask->shape()[axis];
      at = at * size + (size == 1 ? 0 : index[shape.rank() - mask->shape().rank() + axis]);
    }
    return (*mask)[at] != 0;
  }

  /// Numbers the distributions by the order of what they have in common, and the parameters by C order of their axes.
  void resolve(const Dims& shape) {
    const std::vector<Dims> indices = indices_of(shape);
    std::map<std::vector<std::int64_t>, std::int64_t> numbers;
    for (const Dims& index : indices) numbers.emplace(in_common(shape, index), 0);
    std::int64_t next = 0;
    for (auto& [common, number_of] : numbers) number_of = next++;
    ids.clear();
    parameter.clear();
    parameters = 1;
    for (std::int64_t axis : parameter_axes) parameters *= shape[static_cast<int>(axis)];
    for (const Dims& index : indices) {
      ids.push_back(counts(shape, index) ? numbers.at(in_common(shape, index)) : -1);
      std::int64_t at = 0;
      for (std::int64_t axis : parameter_axes) {
        at = at * shape[static_cast<int>(axis)] + index[static_cast<int>(axis)];
      }
      parameter.push_back(at);
    }
    // Where there are no elements there is nothing to count by: these are boxes without members.
    distributions = indices.empty() ? grouping.boxes(shape).distributions() : next;
  }

  /// Whether training refuses: one value in each distribution has no deviation.
  bool refused_in_training(const Dims& shape) const {
    return needs_two(shape) && !narrowed() && count_of(shape) > 0 && distributions == count_of(shape);
  }
};

inline std::int64_t random_divisor(Random& random, std::int64_t n) {
  if (n < 1) return 1;
  std::vector<std::int64_t> divisors;
  for (std::int64_t d = 1; d <= n; ++d) {
    if (n % d == 0) divisors.push_back(d);
  }
  return divisors[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(divisors.size()) - 1))];
}

/// A norm that the shape allows, not narrowed.
inline GroupingCase random_grouping(Random& random, const Dims& shape) {
  GroupingCase g;
  const int rank = shape.rank();
  const auto sign = [&](std::int64_t axis) { return random.chance(0.3) ? axis - rank : axis; };
  do {
    g.norm = static_cast<Norm>(random.integer(0, kNorms - 1));
  } while (g.norm != Norm::over && (rank == 0 || (rank == 1 && g.norm != Norm::labels && g.norm != Norm::sample)));
  if (rank >= 2) g.channel = static_cast<int>(random.integer(1, rank - 1));
  const int given_channel = g.channel > 0 ? static_cast<int>(sign(g.channel)) : 1;
  const auto channel_parameters = [&] { g.parameter_axes = Dims{g.channel}; };
  switch (g.norm) {
    case Norm::over: {
      Dims given;
      for (int axis = 0; axis < rank; ++axis) {
        if (random.chance(0.5)) g.axes.push_back(axis), given.push_back(sign(axis));
      }
      g.grouping = Grouping::over(given);
      g.parameter_axes = g.axes;
      g.text = "over" + to_string(given);
      break;
    }
    case Norm::batch:
      g.grouping = Grouping::batch(given_channel);
      channel_parameters();
      g.text = "batch";
      break;
    case Norm::ghost_batch:
      g.number = random_divisor(random, shape[0]);
      g.grouping = Grouping::ghost_batch(g.number, given_channel);
      channel_parameters();
      g.text = "ghost_batch of " + std::to_string(g.number);
      break;
    case Norm::layer: {
      const std::int64_t trailing = random.integer(1, rank);
      for (std::int64_t axis = rank - trailing; axis < rank; ++axis) {
        g.axes.push_back(shape[static_cast<int>(axis)]);
        g.parameter_axes.push_back(axis);
      }
      g.grouping = Grouping::layer(g.axes);
      g.text = "layer" + to_string(g.axes);
      break;
    }
    case Norm::sample:
      g.grouping = Grouping::sample();
      for (int axis = 1; axis < rank; ++axis) g.parameter_axes.push_back(axis);
      g.text = "sample";
      break;
    case Norm::instance:
      g.grouping = Grouping::instance(given_channel);
      channel_parameters();
      g.text = "instance";
      break;
    case Norm::group:
      g.number = random_divisor(random, shape[g.channel]);
      g.grouping = Grouping::group(g.number, given_channel);
      channel_parameters();
      g.text = "group of " + std::to_string(g.number);
      break;
    case Norm::labels: {
      g.labelled = static_cast<int>(random.integer(0, rank - 1));
      g.keys = std::make_shared<std::vector<std::int64_t>>();
      const std::int64_t different = random.one_of<std::int64_t>({1, 2, 3, 10, 1000});
      for (std::int64_t i = 0; i < shape[g.labelled]; ++i) {
        g.keys->push_back((random.integer(0, different - 1) - different / 2) * 1000003);
      }
      g.grouping = Grouping::labels(*g.keys, static_cast<int>(sign(g.labelled)));
      for (int axis = 0; axis < rank; ++axis) {
        if (axis != g.labelled) g.parameter_axes.push_back(axis);
      }
      g.text = "labels along " + std::to_string(g.labelled);
      break;
    }
  }
  if (g.channel > 0 && g.has_channels()) g.text += " channel " + std::to_string(given_channel);
  if (random.chance(0.15)) {
    Dims given;
    g.parameter_axes = Dims();
    for (int axis = 0; axis < rank; ++axis) {
      if (random.chance(0.4)) g.parameter_axes.push_back(axis), given.push_back(sign(axis));
    }
    g.grouping = g.grouping.parameters_along(given);
    g.text += " parameters" + to_string(given);
  }
  return g;
}

/// Takes some elements out, by lengths or by a mask of some shape that broadcasts.
inline void narrow(Random& random, const Dims& shape, GroupingCase& g) {
  const int rank = shape.rank();
  if (rank >= 2 && random.chance(0.4)) {
    g.lengths_axis = static_cast<int>(random.integer(1, rank - 1));
    g.lengths = std::make_shared<std::vector<std::int64_t>>();
    for (std::int64_t i = 0; i < shape[0]; ++i) g.lengths->push_back(random.integer(0, shape[g.lengths_axis]));
    g.grouping = g.grouping.with_lengths(*g.lengths, random.chance(0.3) ? g.lengths_axis - rank : g.lengths_axis);
    g.text += " lengths along " + std::to_string(g.lengths_axis);
    return;
  }
  Dims mask_shape;
  for (int axis = static_cast<int>(random.integer(0, rank)); axis < rank; ++axis) {
    mask_shape.push_back(random.chance(0.4) ? 1 : shape[axis]);
  }
  const Place place = random.one_of({Place::contiguous, Place::permuted, Place::scattered});
  g.mask =
      std::make_shared<Tensor>(DType::u8, mask_shape, make_layout(random, mask_shape, place), random.integer(0, 3));
  const double kept = random.one_of({0.0, 0.1, 0.5, 0.9, 1.0});
  for (std::int64_t i = 0; i < g.mask->size(); ++i)
    g.mask->set(i, random.chance(kept) ? random.one_of({1.0, 255.0}) : 0);
  g.grouping = g.grouping.masked(g.mask->in());
  g.text += " mask" + to_string(mask_shape) + " strides" + to_string(g.mask->strides());
}

// ---------------------------------------------------------------------------------------------------------------------
// Shapes and data.

inline constexpr std::initializer_list<DType> kFloats = {DType::f32, DType::f64, DType::f16, DType::bf16};

/// Rank 0 to 5, mostly short axes and at times a long one, at times of size 0; at most `most` elements.
inline Dims random_shape(Random& random, std::int64_t most, bool zeros) {
  for (;;) {
    Dims shape;
    const std::int64_t rank = random.chance(0.02) ? 0 : random.integer(1, 5);
    for (std::int64_t k = 0; k < rank; ++k) {
      shape.push_back(random.chance(0.2) ? 1
                      : random.chance(0.15)
                          ? random.integer(8, std::min<std::int64_t>(80, std::max<std::int64_t>(8, most)))
                      : random.chance(0.05) ? random.integer(most / 2, most)
                                            : random.integer(2, 7));
    }
    if (zeros && rank > 0 && random.chance(0.03)) shape[static_cast<int>(random.integer(0, rank - 1))] = 0;
    if (count_of(shape) <= most) return shape;
  }
}

/// What the numbers are like: a mean, a spread, and at times ties, a constant, an outlier.
struct Data {
  double mean = 0, spread = 1;
  bool integers = false, outlier = false;
  double far = 1000;  // how many times as large an outlier is; less in f16, which ends at 65504

  static Data any(Random& random, DType dtype) {
    const bool narrow = dtype == DType::f16 || dtype == DType::bf16;
    Data d;
    d.spread = random.one_of({1.0, 1.0, 1e-3, 30.0});
    d.mean = random.one_of({0.0, 0.5, 3.0, narrow ? 10.0 : 1e4, narrow ? -20.0 : -1e5}) * d.spread;
    if (random.chance(0.05)) d.spread = 0;
    d.integers = random.chance(0.15);
    d.outlier = random.chance(0.05);
    if (narrow) d.far = 50;
    return d;
  }
  double operator()(Random& random) const {
    const double v = mean + spread * random.normal();
    return outlier && random.chance(0.02) ? v * far : integers ? std::round(v) : v;
  }
};

inline void fill(Random& random, Tensor& t, const Data& data) {
  for (std::int64_t i = 0; i < t.size(); ++i) t.set(i, data(random));
}

/// A tensor of the given shape, laid out somehow, filled.
inline Tensor random_tensor(Random& random, DType dtype, const Dims& shape, bool input, const Data& data) {
  const Place place = random.chance(0.35)            ? Place::contiguous
                      : random.chance(0.4)           ? Place::permuted
                      : input && random.chance(0.15) ? Place::repeated
                                                     : Place::scattered;
  Tensor t(dtype, shape, make_layout(random, shape, place), random.integer(0, 3));
  fill(random, t, data);
  return t;
}

/// The same layout for another dtype or purpose, at the same place or at another.
inline Tensor like(const Tensor& t, DType dtype) {
  Layout layout{t.strides(), 0, 0};
  std::int64_t last = 0;
  for (int axis = 0; axis < t.shape().rank(); ++axis) {
    const std::int64_t reach = t.strides()[axis] * std::max<std::int64_t>(t.shape()[axis] - 1, 0);
    (reach < 0 ? layout.first : last) += reach < 0 ? -reach : reach;
  }
  layout.span = layout.first + last + 1;
  return Tensor(dtype, t.shape(), layout);
}

/// A whole call: what goes in, where the results go, and what the definition says of it.
struct Case {
  Dims shape;
  DType dtype = DType::f32;
  GroupingCase g;
  Tensor x, y, dy, dx, weight, bias, dweight, dbias;
  Options options;

  std::string text() const {
    const auto tensor = [](const char* name, const Tensor& t) {
      return t.empty() ? std::string() : std::string(" ") + name + to_string(t.strides());
    };
    return std::string(name_of(dtype)) + to_string(shape) + " " + g.text + tensor("x", x) + tensor("y", y) +
           tensor("dy", dy) + tensor("dx", dx) +
           (weight.empty() ? "" : std::string(" weight ") + name_of(weight.dtype())) +
           (bias.empty() ? "" : std::string(" bias ") + name_of(bias.dtype())) +
           (options.weight_plus_one ? " 1+w" : "") + (options.centered ? "" : " uncentered") + " eps " +
           std::to_string(options.eps);
  }

  Problem problem() const {
    Problem p;
    p.x = x.values();
    p.dy = dy.empty() ? std::vector<double>() : dy.values();
    p.ids = g.ids;
    p.parameter = g.parameter;
    if (!weight.empty()) p.weight = weight.values();
    if (!bias.empty()) p.bias = bias.values();
    p.weight_plus_one = options.weight_plus_one && !weight.empty();
    p.eps = options.eps;
    p.centered = options.centered;
    p.distributions = g.distributions;
    p.parameters = g.parameters;
    return p;
  }

  std::vector<Moments> room() const { return std::vector<Moments>(static_cast<std::size_t>(g.distributions)); }
  Gradients gradients() { return {dx.out(), dweight.out(), dbias.out()}; }
};

/// Fills in x, y, dy, dx, parameters and options for a shape, a dtype and a grouping. Large tensors take the library's
/// word for who belongs to whom; grouping_test looks at that.
inline void complete(Random& random, Case& c, bool by_definition = true) {
  if (by_definition) {
    c.g.resolve(c.shape);
  } else {
    c.g.ids.resize(static_cast<std::size_t>(count_of(c.shape)));
    c.g.grouping.assign(c.shape, c.g.ids);
    c.g.distributions = c.g.grouping.boxes(c.shape).distributions();
    c.g.parameters = c.g.grouping.boxes(c.shape).parameters();
  }
  const Data data = Data::any(random, c.dtype);
  c.x = random_tensor(random, c.dtype, c.shape, true, data);
  c.dy = random_tensor(random, c.dtype, c.shape, true, Data());
  c.y = random.chance(0.5) &&
                std::none_of(c.x.strides().begin(), c.x.strides().end(), [](std::int64_t s) { return s == 0; })
            ? like(c.x, c.dtype)
            : random_tensor(random, c.dtype, c.shape, false, Data());
  c.dx = random.chance(0.5) ? like(c.y, c.dtype) : random_tensor(random, c.dtype, c.shape, false, Data());
  // NaN in what is left out, unless one memory holds it and something that counts.
  if (c.g.narrowed()) {
    for (Tensor* t : {&c.x, &c.dy}) {
      if (std::any_of(t->strides().begin(), t->strides().end(), [](std::int64_t s) { return s == 0; })) continue;
      for (std::int64_t i = 0; i < t->size(); ++i) {
        if (c.g.ids[static_cast<std::size_t>(i)] < 0) t->set(i, std::nan(""));
      }
    }
  }
  const auto parameter = [&](double mean) {
    Tensor t(random.chance(0.5) ? c.dtype == DType::f64 ? DType::f64 : DType::f32 : random.one_of(kFloats),
             {c.g.parameters});
    fill(random, t, {mean, 0.5});
    return t;
  };
  c.options.weight_plus_one = random.chance(0.2);
  if (random.chance(0.6)) c.weight = parameter(c.options.weight_plus_one ? 0 : 1);
  if (random.chance(0.6)) c.bias = parameter(0);
  c.dweight = Tensor(random.one_of(kFloats), {c.g.parameters});
  c.dbias = Tensor(random.one_of(kFloats), {c.g.parameters});
  c.options.weight = c.weight.in();
  c.options.bias = c.bias.in();
  c.options.eps = random.one_of({1e-5, 1e-5, 1e-3, 1e-12, 0.0});
  c.options.centered = random.chance(0.75);
}

inline Case random_case(Random& random, std::int64_t most = 700, bool zeros = true) {
  Case c;
  c.shape = random_shape(random, most, zeros);
  c.dtype = random.one_of(kFloats);
  c.g = random_grouping(random, c.shape);
  if (random.chance(0.3)) narrow(random, c.shape, c.g);
  complete(random, c);
  return c;
}

}  // namespace norma::test
