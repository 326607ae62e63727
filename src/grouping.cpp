// SPDX-License-Identifier: Apache-2.0
#include "norma/grouping.hpp"

#include <algorithm>
#include <string>

namespace norma {

namespace {

std::string divisors(std::int64_t n) {
  std::vector<std::int64_t> found;
  for (std::int64_t d = 1; d <= n / d; ++d) {
    if (n % d == 0) {
      found.push_back(d);
      if (d != n / d) found.push_back(n / d);
    }
  }
  std::sort(found.begin(), found.end());
  std::string s;
  for (std::size_t i = 0; i < found.size(); ++i) {
    s += (i == 0 ? "" : i + 1 == found.size() ? " and " : ", ") + std::to_string(found[i]);
  }
  return s + (found.size() == 1 ? " does" : " do");
}

/// The axis counted from the front; throws when there is none such.
int from_front(std::int64_t axis, const Dims& shape, const char* name, const char* what) {
  const std::int64_t front = axis < 0 ? axis + shape.rank() : axis;
  if (front >= 0 && front < shape.rank()) return static_cast<int>(front);
  throw Error("[" + std::string(name) + "] " + what + " " + std::to_string(axis) + " is not an axis of shape " +
              to_string(shape) +
              (shape.rank() == 0 ? "; give it at least one axis"
                                 : "; " + std::to_string(-shape.rank()) + " to " + std::to_string(shape.rank() - 1) + " are"));
}

Dims sorted_axes(const Dims& axes, const Dims& shape, const char* name, const char* what) {
  bool chosen[kMaxRank] = {};
  for (std::int64_t given : axes) {
    const int axis = from_front(given, shape, name, what);
    if (chosen[axis]) {
      throw Error("[" + std::string(name) + "] " + what + " list " + to_string(axes) + " names axis " + std::to_string(axis) +
                  " twice; name it once");
    }
    chosen[axis] = true;
  }
  Dims sorted;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (chosen[axis]) sorted.push_back(axis);
  }
  return sorted;
}

}  // namespace

Grouping Grouping::over(const Dims& axes) {
  Grouping g(Kind::over);
  g.dims_ = axes;
  return g;
}

Grouping Grouping::batch(int channel_axis) {
  Grouping g(Kind::batch);
  g.axis_ = channel_axis;
  return g;
}

Grouping Grouping::ghost_batch(std::int64_t samples, int channel_axis) {
  Grouping g(Kind::ghost_batch);
  g.axis_ = channel_axis;
  g.number_ = samples;
  return g;
}

Grouping Grouping::layer(const Dims& normalized_shape) {
  Grouping g(Kind::layer);
  g.dims_ = normalized_shape;
  return g;
}

Grouping Grouping::sample() { return Grouping(Kind::sample); }

Grouping Grouping::instance(int channel_axis) {
  Grouping g(Kind::instance);
  g.axis_ = channel_axis;
  return g;
}

Grouping Grouping::group(std::int64_t num_groups, int channel_axis) {
  Grouping g(Kind::group);
  g.axis_ = channel_axis;
  g.number_ = num_groups;
  return g;
}

Grouping Grouping::labels(std::span<const std::int64_t> keys, int axis) {
  Grouping g(Kind::labels);
  g.axis_ = axis;
  g.keys_ = keys;
  return g;
}

Grouping Grouping::masked(const ConstView& mask) const {
  Grouping g = *this;
  g.mask_ = mask;
  return g;
}

Grouping Grouping::with_lengths(std::span<const std::int64_t> lengths, int axis) const {
  Grouping g = *this;
  g.lengths_ = lengths;
  g.lengths_axis_ = axis;
  g.has_lengths_ = true;
  return g;
}

Grouping Grouping::parameters_along(const Dims& axes) const {
  Grouping g = *this;
  g.parameters_ = axes;
  return g;
}

const char* Grouping::name() const {
  switch (kind_) {
    case Kind::batch:
    case Kind::ghost_batch: return "batch_norm";
    case Kind::layer:
    case Kind::sample: return "layer_norm";
    case Kind::instance: return "instance_norm";
    case Kind::group: return "group_norm";
    case Kind::labels: return "labels";
    case Kind::over: break;
  }
  return "normalize";
}

bool Grouping::has_channels() const {
  return kind_ == Kind::batch || kind_ == Kind::ghost_batch || kind_ == Kind::instance || kind_ == Kind::group;
}

bool Grouping::needs_two(const Dims& shape) const { return has_channels() && (kind_ != Kind::group || shape[0] == 1); }

int Grouping::channel_axis(const Dims& shape) const {
  if (shape.rank() < 2) {
    throw Error("[" + std::string(name()) + "] shape " + to_string(shape) +
                " has no axis for samples beside the one for channels; give it at least two axes, as (N, C)");
  }
  const int axis = from_front(axis_, shape, name(), "channel_axis");
  if (axis == 0) {
    throw Error("[" + std::string(name()) + "] channel_axis " + std::to_string(axis_) + " of shape " + to_string(shape) +
                " is axis 0, which counts the samples; 1 (NCHW) and -1 (NHWC) are usual");
  }
  return axis;
}

/// Axis by axis, how many neighbouring indices belong together.
Dims Grouping::extents(const Dims& shape) const {
  Dims pooled = shape;
  switch (kind_) {
    case Kind::over: {
      const Dims axes = sorted_axes(dims_, shape, name(), "axis");
      for (int axis = 0; axis < shape.rank(); ++axis) pooled[axis] = 1;
      for (std::int64_t axis : axes) pooled[static_cast<int>(axis)] = shape[static_cast<int>(axis)];
      return pooled;
    }
    case Kind::batch: pooled[channel_axis(shape)] = 1; return pooled;
    case Kind::ghost_batch:
      pooled[channel_axis(shape)] = 1;
      if (number_ < 1 || shape[0] % number_ != 0) {
        throw Error("[batch_norm] ghost batches of " + std::to_string(number_) + " samples do not divide the " +
                    std::to_string(shape[0]) + " samples; " + divisors(std::max<std::int64_t>(shape[0], 1)));
      }
      pooled[0] = number_;
      return pooled;
    case Kind::layer: {
      const int first = shape.rank() - dims_.rank();
      bool fits = first >= 0 && dims_.rank() > 0;
      for (int k = 0; fits && k < dims_.rank(); ++k) fits = dims_[k] == shape[first + k];
      if (!fits) {
        throw Error("[layer_norm] normalized_shape " + to_string(dims_) + " does not equal the last sizes of shape " +
                    to_string(shape) +
                    (shape.rank() > 0 ? "; (" + std::to_string(shape[shape.rank() - 1]) + ",) does" : "; give it an axis"));
      }
      for (int axis = 0; axis < first; ++axis) pooled[axis] = 1;
      return pooled;
    }
    case Kind::sample:
      if (shape.rank() == 0) throw Error("[layer_norm] shape () has no axis for samples; give it at least one axis");
      pooled[0] = 1;
      return pooled;
    case Kind::instance:
      pooled[channel_axis(shape)] = 1;
      pooled[0] = 1;
      return pooled;
    case Kind::group: {
      const int axis = channel_axis(shape);
      if (number_ < 1 || shape[axis] % number_ != 0) {
        throw Error("[group_norm] num_groups = " + std::to_string(number_) + " does not divide the " +
                    std::to_string(shape[axis]) + " channels; " + divisors(std::max<std::int64_t>(shape[axis], 1)));
      }
      pooled[axis] = shape[axis] / number_;
      pooled[0] = 1;
      return pooled;
    }
    case Kind::labels: {
      const int axis = from_front(axis_, shape, name(), "axis");
      if (static_cast<std::int64_t>(keys_.size()) != shape[axis]) {
        throw Error("[labels] " + std::to_string(keys_.size()) + " keys were given for the " + std::to_string(shape[axis]) +
                    " rows of axis " + std::to_string(axis) + "; give one key a row");
      }
      for (int other = 0; other < shape.rank(); ++other) pooled[other] = other == axis ? shape[axis] : 1;
      return pooled;
    }
  }
  return pooled;
}

Dims Grouping::parameter_axes(const Dims& shape, const Dims& extent) const {
  if (parameters_) return sorted_axes(*parameters_, shape, name(), "parameter axis");
  Dims axes;
  if (has_channels()) {
    axes.push_back(channel_axis(shape));
  } else if (kind_ == Kind::over) {
    axes = sorted_axes(dims_, shape, name(), "axis");
  } else if (kind_ == Kind::labels) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (axis != from_front(axis_, shape, name(), "axis")) axes.push_back(axis);
    }
  } else {
    const int first = kind_ == Kind::sample ? 1 : shape.rank() - dims_.rank();
    for (int axis = first; axis < shape.rank(); ++axis) axes.push_back(axis);
  }
  (void)extent;
  return axes;
}

void Grouping::check_narrowing(const Dims& shape) const {
  if (!mask_.empty()) {
    const auto refuse = [&](const std::string& why) {
      throw Error("[" + std::string(name()) + "] mask of shape " + to_string(mask_.shape()) + " and dtype " +
                  name_of(mask_.dtype()) + " " + why);
    };
    if (mask_.dtype() != DType::u8) refuse("is not u8; give 1 for what counts and 0 for what does not");
    if (mask_.rank() > shape.rank()) refuse("has more axes than the input of shape " + to_string(shape));
    for (int k = 1; k <= mask_.rank(); ++k) {
      const std::int64_t size = mask_.shape()[mask_.rank() - k], full = shape[shape.rank() - k];
      if (size != 1 && size != full) {
        refuse("does not broadcast to the input's shape " + to_string(shape) + "; each size must be 1 or equal");
      }
    }
    if (has_lengths_) refuse("comes together with lengths; give one of the two");
  }
  if (!has_lengths_) return;
  const int axis = from_front(lengths_axis_, shape, name(), "lengths axis");
  if (axis == 0) {
    throw Error("[" + std::string(name()) + "] lengths along axis 0 are refused: axis 0 counts the samples; 1 is usual");
  }
  if (static_cast<std::int64_t>(lengths_.size()) != shape[0]) {
    throw Error("[" + std::string(name()) + "] " + std::to_string(lengths_.size()) + " lengths were given for " +
                std::to_string(shape[0]) + " samples; give one a sample");
  }
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    if (lengths_[i] < 0 || lengths_[i] > shape[axis]) {
      throw Error("[" + std::string(name()) + "] lengths[" + std::to_string(i) + "] = " + std::to_string(lengths_[i]) +
                  " is not between 0 and the " + std::to_string(shape[axis]) + " positions of axis " + std::to_string(axis));
    }
  }
}

Grouping::Boxes Grouping::boxes(const Dims& shape) const {
  Boxes boxes;
  boxes.shape = shape;
  boxes.extent = extents(shape);
  boxes.parameter_axes = parameter_axes(shape, boxes.extent);
  check_narrowing(shape);
  if (kind_ == Kind::labels) {
    boxes.labelled_axis = from_front(axis_, shape, name(), "axis");
    const std::vector<std::int64_t> ranks = label_ranks();
    for (std::int64_t rank : ranks) boxes.keys = std::max(boxes.keys, rank + 1);
  }
  return boxes;
}

std::int64_t Grouping::Boxes::along(int axis) const {
  if (axis == labelled_axis) return keys;
  return extent[axis] == 0 ? 1 : shape[axis] / extent[axis];
}

std::int64_t Grouping::Boxes::distributions() const {
  std::int64_t n = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) n *= along(axis);
  return n;
}

std::int64_t Grouping::Boxes::parameters() const {
  std::int64_t n = 1;
  for (std::int64_t axis : parameter_axes) n *= shape[static_cast<int>(axis)];
  return n;
}

std::vector<std::int64_t> Grouping::label_ranks() const {
  std::vector<std::int64_t> keys(keys_.begin(), keys_.end());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<std::int64_t> ranks;
  ranks.reserve(keys_.size());
  for (std::int64_t key : keys_) ranks.push_back(std::lower_bound(keys.begin(), keys.end(), key) - keys.begin());
  return ranks;
}

void Grouping::assign(const Dims& shape, std::span<std::int64_t> out) const {
  const Boxes grid = boxes(shape);
  if (static_cast<std::int64_t>(out.size()) != count_of(shape)) {
    throw Error("[assign] out has " + std::to_string(out.size()) + " values, but shape " + to_string(shape) + " has " +
                std::to_string(count_of(shape)) + " elements; give one a value");
  }
  const std::vector<std::int64_t> ranks = label_ranks();
  const int lengths_axis = has_lengths_ ? from_front(lengths_axis_, shape, name(), "lengths axis") : -1;
  const auto* mask = static_cast<const std::uint8_t*>(mask_.data());
  Dims index = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) index[axis] = 0;
  for (std::int64_t& number : out) {
    number = 0;
    bool counts = lengths_axis < 0 || index[lengths_axis] < lengths_[static_cast<std::size_t>(index[0])];
    std::int64_t mask_at = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const std::int64_t box =
          axis == grid.labelled_axis ? ranks[static_cast<std::size_t>(index[axis])] : index[axis] / grid.extent[axis];
      number = number * grid.along(axis) + box;
      const int in_mask = axis - (shape.rank() - mask_.rank());
      if (in_mask >= 0 && mask_.shape()[in_mask] != 1) mask_at += index[axis] * mask_.strides()[in_mask];
    }
    if (!mask_.empty()) counts = counts && mask[mask_at] != 0;
    if (!counts) number = -1;
    for (int axis = shape.rank() - 1; axis >= 0 && ++index[axis] == shape[axis]; --axis) index[axis] = 0;
  }
}

}  // namespace norma
