// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "exact.hpp"
#include "norma/normalize.hpp"
#include "numbers.hpp"

/// Tensors of samples, channels, rows and columns, in the layouts that callers come with, filled and hashed exactly.

namespace norma::golden {

enum class Layout : std::uint8_t { dense, last, transposed, padded, reversed };
inline constexpr std::array kLayouts = {Layout::dense, Layout::last, Layout::transposed, Layout::padded,
                                        Layout::reversed};
inline const char* name_of(Layout layout) {
  return std::array{"dense", "last", "transposed", "padded", "reversed"}[static_cast<std::size_t>(layout)];
}

inline constexpr std::array kFloats = {DType::f32, DType::f64, DType::f16, DType::bf16};

class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, const Dims& shape, Layout layout = Layout::dense) : dtype_(dtype), shape_(shape) {
    strides_ = contiguous_strides(shape);
    if (shape.rank() == 4) {
      const auto order = layout == Layout::last         ? std::array{0, 2, 3, 1}
                         : layout == Layout::transposed ? std::array{3, 1, 0, 2}
                                                        : std::array{0, 1, 2, 3};
      // Padded: three elements behind each row. Reversed: every second element, from the end.
      std::int64_t stride = layout == Layout::reversed ? -2 : 1;
      for (int k = 3; k >= 0; --k) {
        const int axis = order[static_cast<std::size_t>(k)];
        strides_[axis] = stride;
        stride *= shape[axis] + (layout == Layout::padded && k == 3 ? 3 : 0);
      }
    }
    std::int64_t low = 0, high = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const std::int64_t reach = strides_[axis] * (shape[axis] - 1);
      (reach < 0 ? low : high) += reach;
    }
    first_ = -low + (layout == Layout::padded ? 1 : 0);  // off the cache line, too
    memory_.resize((static_cast<std::size_t>(first_ + high + 1) * size_of(dtype) + 7) / 8);
  }

  DType dtype() const { return dtype_; }
  const Dims& shape() const { return shape_; }
  bool empty() const { return memory_.empty(); }
  View out() { return empty() ? View() : View(data(), dtype_, shape_, strides_); }
  ConstView in() const { return empty() ? ConstView() : ConstView(data(), dtype_, shape_, strides_); }

  /// Samples [from, from + count) as they lie in this tensor.
  ConstView samples(std::int64_t from, std::int64_t count) const {
    return {data() + from * strides_[0] * width(), dtype_, sized(count), strides_};
  }
  View samples(std::int64_t from, std::int64_t count) {
    return {data() + from * strides_[0] * width(), dtype_, sized(count), strides_};
  }

  /// Calls body(offset, i) for each element in C order.
  template <class Body>
  void each(const Body& body) const {
    if (empty()) return;
    std::int64_t i = 0;
    for (std::int64_t at : test::offsets_of(shape_, strides_)) body(first_ + at, i++);
  }
  template <class Value>
  void fill(const Value& value) {
    each([&](std::int64_t at, std::int64_t i) { test::write_element(memory_.data(), dtype_, at, value(i)); });
  }
  /// The bits of one element; `nan` is set where it is one.
  std::uint64_t bits(std::int64_t at, bool& nan) const {
    std::uint64_t word = 0;
    const char* from = reinterpret_cast<const char*>(memory_.data()) + at * width();
    switch (width()) {
      case 2: word = load<std::uint16_t>(from); break;
      case 4: word = load<std::uint32_t>(from); break;
      default: word = load<std::uint64_t>(from);
    }
    const double value = test::read_element(memory_.data(), dtype_, at);
    if (value != value) nan = true;
    return word;
  }
  void add_to(Hash& hash, bool& nan) const {
    each([&](std::int64_t at, std::int64_t) { hash.add(bits(at, nan)); });
  }

 private:
  std::int64_t width() const { return static_cast<std::int64_t>(size_of(dtype_)); }
  char* data() { return reinterpret_cast<char*>(memory_.data()) + first_ * width(); }
  const char* data() const { return reinterpret_cast<const char*>(memory_.data()) + first_ * width(); }
  Dims sized(std::int64_t samples) const {
    Dims shape = shape_;
    shape[0] = samples;
    return shape;
  }
  template <class Word>
  static std::uint64_t load(const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof(word));
    return word;
  }

  DType dtype_ = DType::f32;
  Dims shape_, strides_;
  std::int64_t first_ = 0;
  std::vector<std::uint64_t> memory_;
};

/// What the numbers of a tensor are like.
enum class Data : std::uint8_t { bell, far, tiny, huge, ties, outlier };
inline const char* name_of(Data data) {
  return std::array{"bell", "far", "tiny", "huge", "ties", "outlier"}[static_cast<std::size_t>(data)];
}

/// far: a mean of up to a million deviations, as the type can hold. tiny: denormals. huge: the last powers of two. ties: few
/// whole numbers and zeros of both signs, and a constant now and then.
inline void fill(Tensor& t, Data data, Numbers& numbers) {
  const DType type = t.dtype();
  const auto of = [&](double f32, double f64, double f16, double bf16) {
    return type == DType::f32 ? f32 : type == DType::f64 ? f64 : type == DType::f16 ? f16 : bf16;
  };
  const double mean = of(0x1p20, 0x1p24, 1024, 128), least = of(0x1p-149, 0x1p-500, 0x1p-24, 0x1p-133);
  const double most = of(0x1p126, 0x1p500, 0x1p14, 0x1p126);
  std::int64_t run = 0;
  double constant = 0;
  t.fill([&](std::int64_t i) -> double {
    switch (data) {
      case Data::bell: return numbers.bell();
      case Data::far: return mean + 8 * numbers.bell();
      case Data::tiny: return least * static_cast<double>(numbers.integer(-900, 1000));
      case Data::huge: return most * numbers.bell();
      case Data::outlier: {
        const double near = numbers.bell();
        return near * (numbers.integer(0, 400) == 7 ? 512 : 1);
      }
      case Data::ties: break;
    }
    if (run == 0) run = numbers.integer(1, 40), constant = static_cast<double>(numbers.integer(-3, 3));
    --run;
    return i % 5 == 0 ? -0.0 : constant;
  });
}

}  // namespace norma::golden
