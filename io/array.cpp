// SPDX-License-Identifier: Apache-2.0
#include "io/array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "io/text.hpp"

namespace norma::io {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::int64_t kPieceElements = 32 * 1024;
constexpr std::uint64_t kWidestElement = 8;

template <std::size_t kSize>
void gather_run(std::byte* to, const std::byte* from, std::int64_t count, std::int64_t stride) {
  const auto step = static_cast<std::ptrdiff_t>(stride) * static_cast<std::ptrdiff_t>(kSize);
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(to + static_cast<std::size_t>(i) * kSize, from + i * step, kSize);
}

void gather_run(std::byte* to, const std::byte* from, std::int64_t count, std::int64_t stride, std::size_t size) {
  switch (size) {
    case 1: return gather_run<1>(to, from, count, stride);
    case 2: return gather_run<2>(to, from, count, stride);
    case 4: return gather_run<4>(to, from, count, stride);
    default: return gather_run<8>(to, from, count, stride);
  }
}

// Steps index, over all axes but the last, to the next run. False after the last one.
bool next_run(Dims& index, const Dims& shape) {
  for (int axis = shape.rank() - 2; axis >= 0; --axis) {
    if (++index[axis] < shape[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

}  // namespace

void Array::Free::operator()(std::byte* pointer) const { std::free(pointer); }

Array Array::make(std::string name, DType dtype, const Dims& shape) {
  // contiguous_strides multiplies the sizes, so they must have been checked before.
  if (!checked_count(shape)) throw Error(fmt::format("[array] shape {} is too large to be held", to_string(shape)));
  return make(std::move(name), dtype, shape, contiguous_strides(shape));
}

Array Array::make(std::string name, DType dtype, const Dims& shape, const Dims& strides) {
  const auto count = checked_count(shape);
  if (!count) throw Error(fmt::format("[array] shape {} is too large to be held", to_string(shape)));
  const std::uint64_t bytes = std::max<std::uint64_t>(*count * size_of(dtype), 1);
  Array array;
  array.name_ = std::move(name);
  array.dtype_ = dtype;
  array.shape_ = shape;
  array.strides_ = strides;
  const std::uint64_t padded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  array.storage_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, padded)));
  if (!array.storage_) {
    throw Error(fmt::format("[array] no memory for a tensor of shape {}: {} of {}", to_string(shape),
                            human_bytes(bytes), name_of(dtype)));
  }
  return array;
}

ConstView Array::view() const { return storage_ ? ConstView(storage_.get(), dtype_, shape_, strides_) : ConstView(); }

View Array::mutable_view() { return storage_ ? View(storage_.get(), dtype_, shape_, strides_) : View(); }

Dims fortran_strides(const Dims& shape) {
  Dims strides = shape;
  std::int64_t step = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    strides[axis] = step;
    step *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

std::optional<std::uint64_t> checked_count(const Dims& shape) {
  constexpr std::uint64_t kLimit = std::numeric_limits<std::int64_t>::max() / kWidestElement - kAlignment;
  std::uint64_t product = 1;
  bool any_empty = false;
  for (std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    any_empty = any_empty || size == 0;
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 1));
    if (factor > kLimit / product) return std::nullopt;
    product *= factor;
  }
  return any_empty ? 0 : product;
}

void for_each_piece(const ConstView& x, const std::function<void(std::span<const std::byte>)>& take) {
  if (x.size() == 0) return;
  const auto* base = static_cast<const std::byte*>(x.data());
  const std::size_t element = size_of(x.dtype());
  if (x.contiguous()) return take({base, static_cast<std::size_t>(x.size()) * element});

  const int last = x.rank() - 1;  // a view that is not contiguous has an axis
  const std::int64_t run = x.shape()[last];
  const std::int64_t stride = x.strides()[last];
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(kPieceElements, x.size())) * element);
  std::int64_t filled = 0;
  Dims index = x.shape();
  for (int axis = 0; axis <= last; ++axis) index[axis] = 0;
  do {
    std::int64_t offset = 0;
    for (int axis = 0; axis < last; ++axis) offset += index[axis] * x.strides()[axis];
    for (std::int64_t done = 0; done < run;) {
      const auto capacity = static_cast<std::int64_t>(piece.size() / element);
      const std::int64_t count = std::min(run - done, capacity - filled);
      gather_run(piece.data() + static_cast<std::size_t>(filled) * element,
                 base + (offset + done * stride) * static_cast<std::ptrdiff_t>(element), count, stride, element);
      done += count;
      filled += count;
      if (filled == capacity) {
        take(piece);
        filled = 0;
      }
    }
  } while (next_run(index, x.shape()));
  if (filled > 0) take(std::span(piece).first(static_cast<std::size_t>(filled) * element));
}

Array contiguous_copy(const ConstView& x, std::string name) {
  Array copy = Array::make(std::move(name), x.dtype(), x.shape());
  std::byte* to = copy.bytes().data();
  for_each_piece(x, [&](std::span<const std::byte> piece) {
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  });
  return copy;
}

}  // namespace norma::io
