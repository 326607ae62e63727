// SPDX-License-Identifier: Apache-2.0
// Views and groupings as no sane caller makes them: sizes and strides anywhere in 64 bits, axes that are not there, overlapping
// outputs. A plan is refused by one sentence or made; one whose elements all lie in memory also runs.
#include <array>
#include <optional>
#include <vector>

#include "fuzzing.hpp"
#include "norma/norma.hpp"

using namespace norma;

namespace {

constexpr std::int64_t kMemory = 1 << 13;  // bytes of each tensor
constexpr std::int64_t kMostRun = 1 << 14;  // elements that a plan may visit: strides of 0 make many of few bytes

class Draw {
 public:
  explicit Draw(fuzz::Bytes bytes) : bytes_(bytes) {}

  std::uint8_t byte() { return fuzz::take<std::uint8_t>(bytes_); }
  /// Mostly small, at times at an edge of 64 bits, at times any.
  std::int64_t number() {
    static constexpr std::array<std::int64_t, 8> kEdges = {INT64_MAX, INT64_MIN, INT64_MAX / 2, INT64_MIN / 2, std::int64_t{1} << 32,
                                                           std::int64_t{1} << 53, -1, -2};
    const std::uint8_t kind = byte();
    if (kind < 224) return kind % 16;
    if (kind < 248) return kEdges[kind % kEdges.size()];
    return fuzz::take<std::int64_t>(bytes_);
  }
  Dims dims(int rank) {
    Dims all;
    for (int i = 0; i < rank; ++i) all.push_back(number());
    return all;
  }
  int small() { return static_cast<std::int8_t>(byte()) % 11; }
  DType dtype() { return static_cast<DType>(byte() % 5); }

 private:
  fuzz::Bytes bytes_;
};

using Buffer = std::vector<std::byte>;

/// A view over a buffer of its own size, wherever its strides may lead; nothing where it is refused.
std::optional<View> draw_view(Draw& draw, Buffer& buffer, const View* like) {
  std::optional<View> view;
  fuzz::done_or_refused([&] {
    const std::uint8_t kind = draw.byte();
    const DType dtype = like != nullptr && kind % 8 != 0 ? like->dtype() : draw.dtype();
    const Dims shape = like != nullptr && kind % 16 != 1 ? like->shape() : draw.dims(kind / 16 % 10);
    std::byte* at = buffer.data() + (kind % 4 == 2 ? kMemory / 2 / 8 * 8 : 0) + draw.byte() % 4 * size_of(dtype);
    if (kind % 32 == 5) at = nullptr;
    if (draw.byte() % 4 != 0) {
      view = View(at, dtype, shape);
    } else {
      view = View(at, dtype, shape, draw.dims(shape.rank()));
    }
  });
  return view;
}

/// Whether all elements lie in the buffer, and are few.
bool inside(const ConstView& x, const Buffer& buffer) {
  if (x.data() == nullptr || x.size() > kMostRun) return x.size() == 0;
  if (x.size() == 0) return true;
  __int128 low = reinterpret_cast<std::intptr_t>(x.data()), high = low;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const __int128 reach = static_cast<__int128>(x.strides()[axis]) * (x.shape()[axis] - 1) * static_cast<__int128>(size_of(x.dtype()));
    (reach < 0 ? low : high) += reach;
  }
  const __int128 begin = reinterpret_cast<std::intptr_t>(buffer.data());
  return low >= begin && high + static_cast<__int128>(size_of(x.dtype())) <= begin + static_cast<__int128>(buffer.size());
}

struct Narrowings {
  std::vector<std::int64_t> keys, lengths;
  std::vector<std::uint8_t> mask;
};

Grouping draw_grouping(Draw& draw, Narrowings& memory) {
  const std::uint8_t kind = draw.byte();
  const auto grouping = [&] {
    switch (kind % 8) {
      case 0: return Grouping::batch(draw.small());
      case 1: return Grouping::ghost_batch(draw.number(), draw.small());
      case 2: return Grouping::layer(draw.dims(draw.byte() % 10));
      case 3: return Grouping::sample();
      case 4: return Grouping::instance(draw.small());
      case 5: return Grouping::group(draw.number(), draw.small());
      case 6:
        for (int i = draw.byte() % 16; i > 0; --i) memory.keys.push_back(draw.number());
        return Grouping::labels(memory.keys, draw.small());
      default: return Grouping::over(draw.dims(draw.byte() % 10));
    }
  };
  Grouping g = grouping();
  if (kind & 16) {
    for (int i = draw.byte() % 16; i > 0; --i) memory.lengths.push_back(draw.number());
    g = g.with_lengths(memory.lengths, draw.small());
  }
  if (kind & 32) {
    Dims shape;
    for (int i = draw.byte() % 5; i > 0; --i) shape.push_back(draw.byte() % 8);
    memory.mask.resize(static_cast<std::size_t>(count_of(shape)) + 1);
    for (std::uint8_t& counts : memory.mask) counts = draw.byte();
    g = g.masked(view(static_cast<const std::uint8_t*>(memory.mask.data()), shape));
  }
  if (kind & 64) g = g.parameters_along(draw.dims(draw.byte() % 10));
  return g;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_num_threads(1);
  Draw draw({data, size});
  // One memory for all at times, so that they overlap.
  Buffer first(kMemory, std::byte{0x3c}), second(kMemory), third(kMemory, std::byte{0x3c});
  const std::uint8_t shared = draw.byte();
  Buffer& of_y = shared % 4 == 1 ? first : second;
  Buffer& of_dy = shared % 8 == 2 ? first : third;
  const std::optional<View> x = draw_view(draw, first, nullptr);
  if (!x) return 0;
  const std::optional<View> y = draw_view(draw, of_y, &*x), dy = draw_view(draw, of_dy, &*x);
  Narrowings memory;
  std::optional<Grouping> grouping;
  if (!fuzz::done_or_refused([&] { grouping = draw_grouping(draw, memory); })) return 0;
  Options options;
  options.eps = shared % 16 == 3 ? -1 : 1e-5;
  options.centered = shared % 2 == 0;
  const std::uint8_t rooms = draw.byte();

  fuzz::done_or_refused([&] {
    const Plan plan(*x, *grouping);
    plan.describe();
    if (!inside(*x, first)) return;
    fuzz::demand(plan.distributions() <= kMostRun || plan.distributions() > x->size(), "distributions are counted");
    if (plan.distributions() > kMostRun) return;
    std::vector<Moments> moments(static_cast<std::size_t>(plan.distributions()) + (rooms % 8 == 1));
    plan.measure(*x, moments, options);
  });
  if (!y) return 0;
  fuzz::done_or_refused([&] {
    const Plan plan(*x, *y, *grouping);
    plan.describe();
    if (!inside(*x, first) || !inside(*y, of_y) || plan.distributions() > kMostRun) return;
    std::vector<Moments> moments(static_cast<std::size_t>(plan.distributions()) + (rooms % 8 == 2));
    fuzz::done_or_refused([&] { plan.normalize(*x, *y, options, moments); });
    plan.normalize_with(*x, *y, moments, options);
  });
  if (!dy) return 0;
  fuzz::done_or_refused([&] {
    const Plan plan(*x, *dy, *y, *grouping);
    plan.describe();
    if (!inside(*x, first) || !inside(*y, of_y) || !inside(*dy, of_dy) || plan.distributions() > kMostRun) return;
    std::vector<Moments> moments(static_cast<std::size_t>(plan.distributions()));
    plan.measure(*x, moments, options);
    plan.backward(*x, *dy, moments, {.dx = *y}, options);
  });
  return 0;
}
