// SPDX-License-Identifier: Apache-2.0
#include "norma/view.hpp"

#include <algorithm>
#include <numeric>

namespace norma {

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::u8: return "u8";
    case DType::i8: return "i8";
  }
  return "unknown";
}

void Dims::refuse_rank(std::size_t rank) {
  throw Error("[dims] " + std::to_string(rank) + " axes are more than the " + std::to_string(kMaxRank) +
              " that Norma takes; merge axes that belong together, for instance height and width");
}

std::string to_string(const Dims& dims) {
  std::string s = "(";
  for (int i = 0; i < dims.rank(); ++i) s += (i ? ", " : "") + std::to_string(dims[i]);
  return s + (dims.rank() == 1 ? ",)" : ")");
}

Dims contiguous_strides(const Dims& shape) {
  Dims strides = shape;
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = step;
    // Saturates where a shape has more elements than can be counted: the view made of it is refused.
    if (__builtin_mul_overflow(step, std::max<std::int64_t>(shape[axis], 1), &step)) step = INT64_MAX;
  }
  return strides;
}

namespace {

struct Range {
  std::int64_t first = 0, last = 0;  // in elements, relative to the data pointer
};

/// Where the elements of a view lie; refuses extents beyond 62 bits of bytes, so that no later sum of offsets can wrap.
Range range_of(const Dims& shape, const Dims& strides, DType dtype) {
  Range range;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    std::int64_t reach = 0, *end = strides[axis] < 0 ? &range.first : &range.last;
    if (__builtin_mul_overflow(std::max<std::int64_t>(shape[axis] - 1, 0), strides[axis], &reach) ||
        __builtin_add_overflow(*end, reach, end) || *end > (INT64_MAX >> 5) || *end < -(INT64_MAX >> 5)) {
      throw Error("[view] shape " + to_string(shape) + " with strides " + to_string(strides) + " of " + name_of(dtype) +
                  " reaches beyond 63-bit addresses; check the sizes");
    }
  }
  return range;
}

void check(const void* data, const Dims& shape, const Dims& strides, DType dtype) {
  if (shape.rank() != strides.rank()) {
    throw Error("[view] strides " + to_string(strides) + " do not have one value for each axis of shape " + to_string(shape));
  }
  bool none = false;
  std::int64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0) throw Error("[view] shape " + to_string(shape) + " has a negative size; sizes are 0 or more");
    if (size == 0) none = true;
  }
  // Axes of size 0 count as 1, as in NumPy: so that the product over any of the axes fits, in whatever order it is taken.
  for (std::int64_t size : shape) {
    if (__builtin_mul_overflow(count, std::max<std::int64_t>(size, 1), &count)) {
      throw Error("[view] shape " + to_string(shape) + " has more elements than 63 bits can count");
    }
  }
  range_of(shape, strides, dtype);
  if (data == nullptr && !none) {
    throw Error("[view] data is null, but shape " + to_string(shape) + " has " + std::to_string(count) + " elements");
  }
}

/// The axes that have more than one index, from the largest stride to the smallest.
int ordered_axes(const Dims& shape, const Dims& strides, int (&axes)[kMaxRank]) {
  int n = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] > 1) axes[n++] = axis;
  }
  std::sort(axes, axes + n, [&](int a, int b) { return std::abs(strides[a]) > std::abs(strides[b]); });
  return n;
}

/// Whether each stride steps over all that the smaller ones reach: then no two indices name the same element.
bool nested(const Dims& shape, const Dims& strides) {
  int axes[kMaxRank];
  const int n = ordered_axes(shape, strides, axes);
  std::int64_t reach = 0;
  for (int k = n - 1; k >= 0; --k) {
    const std::int64_t stride = std::abs(strides[axes[k]]);
    if (stride <= reach) return false;
    reach += stride * (shape[axes[k]] - 1);
  }
  return true;
}

/// Whether `distance` is a sum of k[i]·stride[i] with |k[i]| < size[i], for nested strides: the nearest two multiples of the
/// largest stride are all that can be completed by the smaller ones.
bool reachable(std::int64_t distance, const std::int64_t* strides, const std::int64_t* sizes, int n) {
  if (n == 0) return distance == 0;
  const std::int64_t low = distance / strides[0] - (distance % strides[0] < 0 ? 1 : 0);
  for (std::int64_t k = low; k <= low + 1; ++k) {
    if (std::abs(k) < sizes[0] && reachable(distance - k * strides[0], strides + 1, sizes + 1, n - 1)) return true;
  }
  return false;
}

}  // namespace

ConstView::ConstView(const void* data, DType dtype, const Dims& shape)
    : ConstView(data, dtype, shape, contiguous_strides(shape)) {}

ConstView::ConstView(const void* data, DType dtype, const Dims& shape, const Dims& strides)
    : data_(data), dtype_(dtype), present_(true), shape_(shape), strides_(strides) {
  check(data, shape, strides, dtype);
}

bool ConstView::contiguous() const {
  std::int64_t step = 1;
  for (int axis = rank() - 1; axis >= 0; --axis) {
    if (shape_[axis] != 1 && strides_[axis] != step) return size() == 0;
    step *= shape_[axis];
  }
  return true;
}

View::View(void* data, DType dtype, const Dims& shape) : ConstView(data, dtype, shape) {}

View::View(void* data, DType dtype, const Dims& shape, const Dims& strides) : ConstView(data, dtype, shape, strides) {
  if (size() > 0 && !nested(shape, strides)) {
    throw Error("[view] strides " + to_string(strides) + " of the output of shape " + to_string(shape) +
                " let elements overlap; give each element memory of its own");
  }
}

bool same(const ConstView& a, const ConstView& b) {
  return a.data() == b.data() && a.dtype() == b.dtype() && a.shape() == b.shape() && a.strides() == b.strides();
}

bool overlap(const ConstView& a, const ConstView& b) {
  if (a.size() == 0 || b.size() == 0) return false;
  const auto bytes = [](const ConstView& v) {
    const Range range = range_of(v.shape(), v.strides(), v.dtype());
    const auto size = static_cast<std::int64_t>(size_of(v.dtype()));
    const auto at = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(v.data()));
    return Range{at + range.first * size, at + (range.last + 1) * size};
  };
  const Range ra = bytes(a), rb = bytes(b);
  if (ra.last <= rb.first || rb.last <= ra.first) return false;
  const auto size = static_cast<std::int64_t>(size_of(a.dtype()));
  const std::int64_t distance = reinterpret_cast<std::intptr_t>(b.data()) - reinterpret_cast<std::intptr_t>(a.data());
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape()) || !(a.strides() == b.strides()) || distance % size != 0 ||
      !nested(a.shape(), a.strides())) {
    return true;
  }
  int axes[kMaxRank];
  std::int64_t strides[kMaxRank], sizes[kMaxRank];
  const int n = ordered_axes(a.shape(), a.strides(), axes);
  for (int k = 0; k < n; ++k) strides[k] = std::abs(a.strides()[axes[k]]), sizes[k] = a.shape()[axes[k]];
  return reachable(distance / size, strides, sizes, n);
}

}  // namespace norma
