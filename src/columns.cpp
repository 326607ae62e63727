// SPDX-License-Identifier: Apache-2.0
// Forward, columns: neighbouring distributions lie side by side.
#include "columns.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "rows.hpp"

namespace norma {

namespace {

bool can_fold(const PlanData& plan, std::int64_t width) {
  if (width >= 64 || plan.masked || plan.pooled.size() != 1 || plan.pooled.front().step.parameter != 0) return false;
  for (int k = 0; k < plan.operands; ++k) {
    if (plan.pooled.front().step.operand[static_cast<std::size_t>(k)] != width) return false;
  }
  return true;
}

/// The sums of a block of rows, and the moments that come of them. Columns have lanes of their own, which are summed about the mean of a
/// few of the block's rows, in float; of distributions where that was not good also about a member, in double. A distribution's lanes are
/// its `merged` columns, of each of the `fold` rows that go by together; one pivot serves them all, so that their sums add up.
class Sums {
 public:
  /// Of a strip of the columns.
  Sums(const Call& call, const Columns& columns, Scratch::Frame& frame, std::int64_t strip)
      : call_(call),
        merged_(columns.plan.merged),
        strip_(strip),
        lanes_(strip * columns.fold),
        distributions_(strip / merged_),
        pivot_(frame.take<double>(lanes_)),
        first_(frame.take<double>(lanes_)),
        second_(frame.take<double>(lanes_)),
        short_pivot_(frame.take<float>(lanes_)) {}

  /// sweep(body) calls body(x, rows, row stride, lanes) for the block's `rows` rows, always the same ones; lanes beyond `used` have none.
  /// sampled(sum) adds some rows onto sum.
  template <class Sampled, class Sweep>
  void measure(std::int64_t rows, std::int64_t used, const std::byte* first_row, const Sampled& sampled, const Sweep& sweep,
               Moments* into) {
    count_ = rows * merged_;
    used_ = used;
    if (rows == 0 || call_.in_double()) {
      std::fill(into, into + distributions_, Moments());
      if (rows > 0) measure_wide(0, distributions_, first_row, sweep, into);
      return;
    }
    if (measure_short(sampled, sweep, into)) return;
    // Those alone that need it; folded, a distribution's lanes lie apart, and all are summed.
    if (lanes_ != strip_) return measure_wide(0, distributions_, first_row, sweep, into);
    for (std::int64_t first = 0, last; first < distributions_; first = last) {
      const auto is_bad = [&](std::int64_t g) { return into[g].count == 0; };
      for (last = first + 1; last < distributions_ && is_bad(last) == is_bad(first);) ++last;
      if (is_bad(first)) measure_wide(first, last, first_row, sweep, into);
    }
  }

 private:
  template <class Body>
  void for_each_lane(std::int64_t g, const Body& body) const {
    for (std::int64_t first = g * merged_; first < used_; first += strip_) {
      for (std::int64_t lane = first; lane < first + merged_; ++lane) body(lane);
    }
  }
  double sum_of(const double* lanes, std::int64_t g) const {
    if (lanes_ == distributions_) return lanes[g];
    double sum = 0;
    for_each_lane(g, [&](std::int64_t lane) { sum += lanes[lane]; });
    return sum;
  }
  Moments moments(double pivot, const simd::Sums& sums) const {
    if (!call_.centered) return {count_, 0, 0, sums.second};
    return simd::moments_of(count_, pivot, sums.first, sums.second);
  }

  /// Whether all were good; the others get a count of 0.
  template <class Sampled, class Sweep>
  bool measure_short(const Sampled& sampled, const Sweep& sweep, Moments* into) {
    settle_pivots(sampled);
    std::fill(first_, first_ + lanes_, 0.0);
    std::fill(second_, second_ + lanes_, 0.0);
    const simd::TypedKernels& kernels = call_.kernels;
    run(call_.centered ? kernels.measure_columns : kernels.measure_squares_columns, short_pivot_, 0, lanes_, sweep);
    bool all_good = true;
    for (std::int64_t g = 0; g < distributions_; ++g) {
      const simd::Sums sums{sum_of(first_, g), sum_of(second_, g)};
      const bool good = simd::good(count_, sums);
      into[g] = moments(static_cast<double>(short_pivot_[g * merged_]), sums);
      if (!good) into[g].count = 0;
      all_good &= good;
    }
    return all_good;
  }

  template <class Sampled>
  void settle_pivots(const Sampled& sampled) {
    if (!call_.centered) return std::fill(short_pivot_, short_pivot_ + lanes_, 0.0F);
    std::fill(pivot_, pivot_ + lanes_, 0.0);
    const auto terms = static_cast<double>(sampled(pivot_) * merged_ * (used_ / strip_));
    for (std::int64_t g = 0; g < distributions_; ++g) {
      const auto pivot = static_cast<float>(sum_of(pivot_, g) / terms);
      std::fill_n(short_pivot_ + g * merged_, merged_, pivot);
    }
    for (std::int64_t phase = strip_; phase < lanes_; phase += strip_) std::copy_n(short_pivot_, strip_, short_pivot_ + phase);
  }

  /// Those of distributions [first, last) that have a count of 0.
  template <class Sweep>
  void measure_wide(std::int64_t first, std::int64_t last, const std::byte* first_row, const Sweep& sweep, Moments* into) {
    for (std::int64_t g = first; g < last; ++g) {
      const double member = call_.centered ? element_at(call_.plan.dtype, first_row + g * merged_ * call_.element_size()) : 0;
      for_each_lane(g, [&](std::int64_t lane) {
        pivot_[lane] = member;
        first_[lane] = second_[lane] = 0;
      });
    }
    const simd::TypedKernels& kernels = call_.kernels;
    run(call_.centered ? kernels.measure_columns_wide : kernels.measure_squares_columns_wide, pivot_, first * merged_,
        lanes_ == strip_ ? last * merged_ : lanes_, sweep);
    for (std::int64_t g = first; g < last; ++g) {
      if (into[g].count == 0) into[g] = moments(pivot_[g * merged_], {sum_of(first_, g), sum_of(second_, g)});
    }
  }

  /// Lanes [first, last).
  template <class Kernel, class Pivot, class Sweep>
  void run(Kernel kernel, const Pivot* pivot, std::int64_t first, std::int64_t last, const Sweep& sweep) const {
    sweep([&](const std::byte* x, std::int64_t rows, std::int64_t row_stride, std::int64_t lanes) {
      lanes = std::min(lanes, last) - first;
      if (lanes > 0) {
        kernel({x + first * call_.element_size(), rows, row_stride, lanes, pivot + first, first_ + first, second_ + first,
                call_.cached});
      }
    });
  }

  const Call& call_;
  std::int64_t merged_, strip_, lanes_, distributions_;
  double *pivot_, *first_, *second_;  // of each lane
  float* short_pivot_;
  std::int64_t count_ = 0, used_ = 0;
};

/// A pivot is the mean of one row of so many, at most kSampled.
constexpr std::int64_t kSampleStep = 32, kSampled = 8;

/// Measures a strip of rows [first, last).
void measure_rows_of(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                     const Strip& strip, Sums& sums, Moments* into) {
  const std::int64_t size = call.element_size(), column = strip.column, width = strip.width;
  const std::byte* first_row = nullptr;
  std::array<const std::byte*, kSampled> samples;
  std::int64_t count = 0, sampled = 0, next_sample = first;
  std::int64_t row = first;
  columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
    const std::byte* x = call.x + (at.operand[0] + column) * size;
    if (counts && count == 0) first_row = x;
    for (; next_sample < row + n; next_sample += kSampleStep) {
      if (counts) samples[static_cast<std::size_t>(sampled++)] = x + (next_sample - row) * columns.row_step(0) * size;
    }
    count += counts ? n : 0;
    row += n;
  });
  if (count > 0 && sampled == 0) samples[static_cast<std::size_t>(sampled++)] = first_row;
  sums.measure(
      count, width, first_row,
      [&](double* sum) {
        for (const std::byte* sample : std::span(samples).first(static_cast<std::size_t>(sampled))) {
          call.kernels.sum_columns({sample, 1, 0, width, sum});
        }
        return sampled;
      },
      [&](const auto& body) {
        columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
          if (counts) body(call.x + (at.operand[0] + column) * size, n, columns.row_step(0), width);
        });
      },
      into);
}

/// Folded rows: `fold` of them are one row of kernels.
void measure_folded(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                    Sums& sums, Moments* into) {
  const std::int64_t wide = columns.folded_width(), whole = (last - first) / columns.fold, rest = (last - first) % columns.fold;
  const std::int64_t size = call.element_size(), beyond = rest * columns.width;
  const std::byte* x = call.x + columns.plan.run_offsets(kept_index, first).operand[0] * size;
  sums.measure(
      last - first, whole ? wide : beyond, x,
      [&](double* sum) {
        if (whole == 0) {
          call.kernels.sum_columns({x, 1, 0, beyond, sum});
          return std::int64_t{1};
        }
        const std::int64_t samples = std::min(kSampled, (whole + kSampleStep - 1) / kSampleStep);
        call.kernels.sum_columns({x, samples, kSampleStep * wide, wide, sum});
        return samples;
      },
      [&](const auto& body) {
        for (std::int64_t row = 0; row < whole; row += columns.together) {
          body(x + row * wide * size, std::min(columns.together, whole - row), wide, wide);
        }
        if (rest) body(x + whole * wide * size, std::int64_t{1}, wide, beyond);
      },
      into);
}

/// Measures the distributions in a strip of one block of rows.
void measure_block(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t block, const Strip& strip,
                   Moments* into) {
  Scratch::Frame frame;
  Sums sums(call, columns, frame, strip.width);
  const std::int64_t first = block * columns.block_rows, last = std::min(columns.rows, first + columns.block_rows);
  if (columns.fold > 1) {
    measure_folded(call, columns, kept_index, first, last, sums, into);
  } else {
    measure_rows_of(call, columns, kept_index, first, last, strip, sums, into);
  }
}

/// Measures the distributions under one kept index on this thread.
void measure_all(const Call& call, const Columns& columns, std::int64_t kept_index, Moments* part, Moments* into) {
  std::fill(into, into + columns.distributions(), Moments());
  for (std::int64_t block = 0; block < columns.blocks; ++block) {
    for (std::int64_t k = 0; k < columns.strips(); ++k) {
      const Strip strip(columns, k);
      measure_block(call, columns, kept_index, block, strip, part + strip.column / columns.plan.merged);
    }
    call.kernels.merge_moments(part, columns.distributions(), into);
  }
}

/// Of ApplyColumns.
using Constants = ColumnConstants<5>;

/// Settles the statistics of the distributions under one kept index, and from them the constants of each column, in the compute type C.
template <class C>
void settle_as(const Call& call, const Columns& columns, std::int64_t kept_index, const Moments* measured,
               Constants& constants) {
  const PlanData& plan = call.plan;
  const Offsets at = plan.kept_offsets(kept_index);
  const auto of = constants.template as<C>();
  const auto& [prescale, high, low, scale, shift] = of;
  const bool by_row = plan.pooled.back().step.parameter != 0;
  const C* weight = by_row ? nullptr : static_cast<const C*>(call.weight);
  const C* bias = by_row ? nullptr : static_cast<const C*>(call.bias);
  constants.prescaled = constants.paired = false;
  const std::int64_t first = at.distribution, step = columns.number(1), n = columns.distributions();
  if (!call.saved.empty()) {
    for (std::int64_t g = 0; g < n; ++g) call.saved[static_cast<std::size_t>(first + g * step)] = measured[g];
  }
  if (call.out == nullptr) return;
  Scratch::Frame frame;
  auto* standards = frame.take<simd::Standard>(n);
  if (call.given.empty()) {
    call.standardize(n, measured, 1, standards);
  } else {
    call.standardize(n, call.given.data() + first, step, standards);
  }
  for (std::int64_t g = 0, c = 0; g < n; ++g) {
    const simd::Standard& s = standards[g];
    constants.prescaled |= s.prescale != 1;
    constants.paired |= s.low != 0;
    for (std::int64_t j = 0; j < plan.merged; ++j, ++c) {
      const std::int64_t p = at.parameter + columns.parameter(g, j);
      prescale[c] = static_cast<C>(s.prescale);
      high[c] = static_cast<C>(s.high);
      low[c] = static_cast<C>(s.low);
      scale[c] = static_cast<C>(weight ? s.rstd * static_cast<double>(weight[p]) : s.rstd);
      shift[c] = bias ? bias[p] : 0;
    }
  }
  for (C* array : of) columns.repeat(array);
}

void settle(const Call& call, const Columns& columns, std::int64_t kept_index, const Moments* measured, Constants& constants) {
  if (call.in_double()) return settle_as<double>(call, columns, kept_index, measured, constants);
  settle_as<float>(call, columns, kept_index, measured, constants);
}

void apply_range(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                 const Constants& constants) {
  const PlanData& plan = call.plan;
  const std::int64_t size = call.element_size(), out_size = call.out_size();
  simd::ApplyColumns args{};
  args.stream = call.stream;
  args.relu = call.relu;
  args.steps = call.steps;
  const auto& [prescale, high, low, scale, shift] = constants.all;
  args.prescale = constants.prescaled ? prescale : nullptr;
  args.high = high;
  args.low = constants.paired || constants.prescaled ? low : nullptr;
  args.scale = scale;
  args.shift = shift;
  if (columns.fold > 1) {
    const Offsets at = plan.run_offsets(kept_index, first);
    args.x = call.x + at.operand[0] * size;
    args.y = call.out + at.operand[1] * out_size;
    args.add = moved(call.add, at.operand[1] * size);
    args.x_row = args.y_row = args.width = columns.folded_width();
    for (std::int64_t left = (last - first) / columns.fold; left > 0; left -= args.rows) {
      args.rows = std::min(left, columns.together);
      call.kernels.apply_columns(args);
      const std::int64_t step = args.rows * args.width;
      args.x = static_cast<const std::byte*>(args.x) + step * size;
      args.y = static_cast<std::byte*>(args.y) + step * out_size;
      args.add = moved(static_cast<const std::byte*>(args.add), step * size);
    }
    args.rows = 1;
    args.width = (last - first) % columns.fold * columns.width;
    if (args.width) call.kernels.apply_columns(args);
    return;
  }
  args.width = columns.width;
  args.x_row = columns.row_step(0);
  args.y_row = columns.row_step(1);
  args.row_param = plan.pooled.back().step.parameter;
  columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
    std::byte* y = call.out + at.operand[1] * out_size;
    if (!counts) {
      const int zero = call.steps.zero_point;  // not 0 in int8 alone, whose elements are bytes
      for (std::int64_t r = 0; r < n; ++r)
        std::memset(y + r * args.y_row * out_size, zero, static_cast<std::size_t>(args.width * out_size));
      return;
    }
    args.x = call.x + at.operand[0] * size;
    args.y = y;
    args.add = moved(call.add, at.operand[1] * size);
    args.rows = n;
    if (args.row_param != 0) {
      args.row_weight = call.parameter(call.weight, at.parameter);
      args.row_bias = call.parameter(call.bias, at.parameter);
    }
    call.kernels.apply_columns(args);
  });
}

/// So many merges, of some 3 ns each, take longer than a fork.
constexpr std::int64_t kWorthMerging = 8192;

/// Measures all distributions under all kept indices, sharing blocks and strips between threads.
void measure_by_blocks(const Call& call, const Columns& columns, Moments* moments) {
  const std::int64_t kept = call.plan.kept_count, strips = columns.strips(), n = columns.distributions();
  Scratch::Frame frame;
  auto* parts = frame.take<Moments>(kept * columns.blocks * n);
  for_each_task(call.runner, true, kept * columns.blocks * strips, [&](std::int64_t t) {
    const Strip strip(columns, t % strips);
    const std::int64_t block = t / strips % columns.blocks, i = t / strips / columns.blocks;
    measure_block(call, columns, i, block, strip, parts + (i * columns.blocks + block) * n + strip.column / call.plan.merged);
  });
  std::fill(moments, moments + kept * n, Moments());
  // Many blocks of many distributions are worth sharing too; a range of them is merged block by block.
  const std::int64_t ranges = kept * columns.blocks * n >= kWorthMerging ? tasks_of(call, true) : 1;
  for_each_task(call.runner, true, ranges, [&](std::int64_t t) {
    const std::int64_t first = n * t / ranges, count = n * (t + 1) / ranges - first;
    for (std::int64_t b = 0; b < kept * columns.blocks; ++b) {
      call.kernels.merge_moments(parts + b * n + first, count, moments + b / columns.blocks * n + first);
    }
  });
}

/// sum = x + residual, zero where the mask leaves out: a sweep of its own, as what it needs to measure lies in every row.
void add_residual(const Call& call, const Columns& columns, bool shared) {
  const std::int64_t kept = call.plan.kept_count, pieces = std::min(columns.rows, std::int64_t{8} * call.runner.concurrency());
  const std::int64_t size = call.element_size(), step = columns.row_step(0), width = columns.width;
  for_each_task(call.runner, shared, kept * pieces, [&](std::int64_t t) {
    const std::int64_t piece = t % pieces;
    columns.for_each_stretch(
        t / pieces, columns.rows * piece / pieces, columns.rows * (piece + 1) / pieces,
        [&](const Offsets& at, std::int64_t n, bool counts) {
          const std::int64_t from = at.operand[0] * size;
          if (counts) {
            return call.kernels.add_rows({call.x + from, call.residual + from, call.sum + from, n, step, step, step, width});
          }
          for (std::int64_t r = 0; r < n; ++r) {
            std::memset(call.sum + from + r * step * size, 0, static_cast<std::size_t>(width * size));
          }
        });
  });
}

bool one_by_one(const Call& call, bool shared) { return call.plan.kept_count >= tasks_of(call, shared); }

void forward_by_blocks(const Call& call, const Columns& columns) {
  const std::int64_t kept = call.plan.kept_count;
  Scratch::Frame frame;
  auto* moments = frame.take<Moments>(kept * columns.distributions());
  if (call.given.empty()) measure_by_blocks(call, columns, moments);
  auto** constants = frame.take<Constants*>(kept);
  for (std::int64_t i = 0; i < kept; ++i) {
    constants[i] = new (frame.take<Constants>(1)) Constants(frame, columns.folded_width());
    settle(call, columns, i, moments + i * columns.distributions(), *constants[i]);
  }
  if (call.out == nullptr) return;
  const std::int64_t pieces = std::min(columns.rows, std::int64_t{8} * call.runner.concurrency());
  for_each_task(call.runner, true, kept * pieces, [&](std::int64_t t) {
    const std::int64_t i = t / pieces, piece = t % pieces;
    apply_range(call, columns, i, columns.rows * piece / pieces, columns.rows * (piece + 1) / pieces, *constants[i]);
  });
}

}  // namespace

Columns::Columns(const PlanData& p, std::int64_t tasks)
    : plan(p),
      fold(can_fold(p, p.inner.size) ? kFold : 1),
      rows(p.pooled_count),
      width(p.inner.size),
      block_rows(kBlockRows * fold),
      blocks((rows + block_rows - 1) / block_rows),
      together(std::max<std::int64_t>(1, kTogetherBytes / (std::max<std::int64_t>(width, 1) * fold *
                                                           static_cast<std::int64_t>(size_of(p.dtype)) * kFewest)) *
               kFewest),
      strip_width(width) {
  const std::int64_t parts = std::max<std::int64_t>(p.kept_count * blocks, 1), wanted = (tasks + parts - 1) / parts;
  if (fold == 1 && wanted > 1) {
    strip_width = std::min(width, std::max(kLeastStrip, (width + wanted - 1) / wanted) / p.merged * p.merged);
  }
}

void forward_columns(const Call& given) {
  const bool shared = share(given);
  const Columns columns(given.plan, tasks_of(given, shared));
  Call call = given;
  if (given.residual) {
    add_residual(given, columns, shared);
    call.x = given.sum;
  }
  if (!one_by_one(call, shared)) return forward_by_blocks(call, columns);
  for_each_range(call.runner, shared, call.plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    Scratch::Frame frame;
    auto *moments = frame.take<Moments>(columns.distributions()), *part = frame.take<Moments>(columns.distributions());
    Constants constants(frame, columns.folded_width());
    for (std::int64_t i = first; i < last; ++i) {
      if (call.given.empty()) measure_all(call, columns, i, part, moments);
      settle(call, columns, i, moments, constants);
      if (call.out) apply_range(call, columns, i, 0, columns.rows, constants);
    }
  });
}

void measure_columns(const Call& call) { forward_columns(call); }

}  // namespace norma
