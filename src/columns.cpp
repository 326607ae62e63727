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

/// The sums of a chunk, column by column. They are taken about the mean of a few of its rows, in float; where that was not good for
/// every column, also about the chunk's first row, in double, for those alone.
class Sums {
 public:
  Sums(const Call& call, Scratch::Frame& frame, std::int64_t width)
      : call_(call),
        member_(frame.take<double>(width)),
        pivot_(frame.take<double>(width)),
        short_pivot_(frame.take<float>(width)),
        short_{frame.take<double>(width), frame.take<double>(width)},
        wide_{frame.take<double>(width), frame.take<double>(width)} {}

  /// sweep(body) calls body(x, rows, row stride, width) for the chunk's rows, always the same ones; every column has the
  /// same number of them or, beyond `fewer`, one less. sampled(sum) adds some rows, a power of two, onto sum and returns how many.
  template <class Sampled, class Sweep>
  void take(std::int64_t count, std::int64_t width, std::int64_t fewer, const std::byte* first_row, const Sampled& sampled,
            const Sweep& sweep) {
    count_ = count;
    fewer_ = fewer;
    const simd::TypedKernels& kernels = call_.kernels;
    bool all_good = !call_.in_double();
    if (all_good) {
      std::fill(pivot_, pivot_ + width, 0.0);
      const double part = call_.centered ? 1 / static_cast<double>(sampled(pivot_)) : 0;
      for (std::int64_t c = 0; c < width; ++c) pivot_[c] = short_pivot_[c] = static_cast<float>(pivot_[c] * part);
      run(call_.centered ? kernels.measure_columns : kernels.measure_squares_columns, short_pivot_, short_, width, sweep);
      for (std::int64_t c = 0; c < width; ++c) all_good = all_good && is_good(c);
    }
    taken_wide_ = !all_good;
    if (all_good) return;
    for (std::int64_t c = 0; c < width; ++c) {
      member_[c] = call_.centered ? element_at(call_.plan.dtype, first_row + c * call_.element_size()) : 0;
    }
    run(call_.centered ? kernels.measure_columns_wide : kernels.measure_squares_columns_wide, member_, wide_, width, sweep);
  }

  Moments moments(std::int64_t c) const {
    const std::int64_t n = count(c);
    if (n == 0) return {};
    const bool wide = taken_wide_ && (call_.in_double() || !is_good(c));
    const Arrays& of = wide ? wide_ : short_;
    if (!call_.centered) return {n, 0, 0, of.second[c]};
    return simd::moments_of(n, wide ? member_[c] : pivot_[c], of.first[c], of.second[c]);
  }

 private:
  struct Arrays {
    double *first, *second;
  };

  std::int64_t count(std::int64_t c) const { return c < fewer_ ? count_ : count_ - 1; }
  bool is_good(std::int64_t c) const { return count(c) == 0 || simd::good(count(c), {short_.first[c], short_.second[c]}); }

  template <class Kernel, class Sweep>
  static void run(Kernel kernel, const void* pivot, const Arrays& into, std::int64_t width, const Sweep& sweep) {
    std::fill(into.first, into.first + width, 0.0);
    std::fill(into.second, into.second + width, 0.0);
    sweep([&](const std::byte* x, std::int64_t rows, std::int64_t row_stride, std::int64_t columns) {
      kernel({x, rows, row_stride, columns, pivot, into.first, into.second});
    });
  }

  const Call& call_;
  double *member_, *pivot_;
  float* short_pivot_;
  Arrays short_, wide_;
  std::int64_t count_ = 0, fewer_ = 0;
  bool taken_wide_ = false;
};

/// A pivot is the mean of one row of so many, at most kSampled.
constexpr std::int64_t kSampleStep = 32, kSampled = 8;

void measure_chunk(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                   std::int64_t column, std::int64_t width, Sums& sums, Moments* into) {
  const std::int64_t size = call.element_size();
  const std::byte* first_row = nullptr;
  std::array<const std::byte*, kSampled> samples;
  std::int64_t count = 0, sampled = 0, next_sample = first;
  const auto sweep = [&](const auto& body) {
    columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
      if (counts) body(call.x + (at.operand[0] + column) * size, n, columns.row_step(0), width);
    });
  };
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
  if (count == 0) return;
  if (sampled == 0) samples[static_cast<std::size_t>(sampled++)] = first_row;
  const auto add_samples = [&](double* sum) {
    const auto n = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(sampled)));
    for (const std::byte* sample : std::span(samples).first(static_cast<std::size_t>(n))) {
      call.kernels.sum_columns({sample, 1, 0, width, sum});
    }
    return n;
  };
  sums.take(count, width, width, first_row, add_samples, sweep);
  for (std::int64_t c = 0; c < width; ++c) into[c] = merge(into[c], sums.moments(c));
}

/// Folded rows: `fold` partial results a column, each of its own rows.
void measure_folded_chunk(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first,
                          std::int64_t last, Sums& sums, Moments* into) {
  const std::int64_t wide = columns.folded_width(), whole = (last - first) / columns.fold, rest = (last - first) % columns.fold;
  const std::int64_t size = call.element_size(), beyond = rest * columns.width;
  const std::byte* x = call.x + columns.plan.run_offsets(kept_index, first).operand[0] * size;
  const auto sweep = [&](const auto& body) {
    for (std::int64_t row = 0; row < whole; row += columns.together) {
      body(x + row * wide * size, std::min(columns.together, whole - row), wide, wide);
    }
    if (rest) body(x + whole * wide * size, std::int64_t{1}, wide, beyond);
  };
  const auto add_samples = [&](double* sum) {
    if (whole == 0) {
      call.kernels.sum_columns({x, 1, 0, beyond, sum});
      return std::int64_t{1};
    }
    const std::int64_t samples = std::min(kSampled, (whole + kSampleStep - 1) / kSampleStep);
    const auto n = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(samples)));
    call.kernels.sum_columns({x, n, kSampleStep * wide, wide, sum});
    return n;
  };
  sums.take(rest ? whole + 1 : whole, whole ? wide : beyond, rest ? beyond : wide, x, add_samples, sweep);
  for (std::int64_t c = 0; c < columns.width; ++c) {
    Moments m;
    for (std::int64_t phase = 0; phase < columns.fold; ++phase) {
      if (whole || phase < rest) m = merge(m, sums.moments(phase * columns.width + c));
    }
    into[c] = merge(into[c], m);
  }
}

/// Measures columns [column, column + width) of one block of rows.
void measure_block(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t block, std::int64_t column,
                   std::int64_t width, Moments* into) {
  Scratch::Frame frame;
  Sums sums(call, frame, width * columns.fold);
  std::fill(into, into + width, Moments());
  const std::int64_t end = std::min(columns.rows, (block + 1) * columns.block_rows);
  for (std::int64_t first = block * columns.block_rows; first < end; first += columns.chunk_rows) {
    const std::int64_t last = std::min(end, first + columns.chunk_rows);
    if (columns.fold > 1) {
      measure_folded_chunk(call, columns, kept_index, first, last, sums, into);
    } else {
      measure_chunk(call, columns, kept_index, first, last, column, width, sums, into);
    }
  }
}

void merge_columns(const Columns& columns, const Moments* part, Moments* into) {
  for (std::int64_t c = 0; c < columns.width; ++c) into[c] = merge(into[c], part[c]);
}

/// Measures the columns under one kept index on this thread.
void measure_all(const Call& call, const Columns& columns, std::int64_t kept_index, Moments* part, Moments* into) {
  std::fill(into, into + columns.width, Moments());
  for (std::int64_t block = 0; block < columns.blocks; ++block) {
    for (std::int64_t strip = 0; strip < columns.strips(); ++strip) {
      const std::int64_t column = strip * Columns::kStrip;
      const std::int64_t width = columns.fold > 1 ? columns.width : std::min(Columns::kStrip, columns.width - column);
      measure_block(call, columns, kept_index, block, column, width, part + column);
    }
    merge_columns(columns, part, into);
  }
}

/// One distribution's moments from those of its columns.
Moments distribution_moments(const Columns& columns, const Moments* of_columns, std::int64_t distribution) {
  Moments m;
  for (std::int64_t j = 0; j < columns.plan.merged; ++j) {
    m = merge(m, of_columns[distribution * columns.plan.merged + j]);
  }
  return m;
}

/// The arrays that ApplyColumns reads.
struct Constants {
  void *prescale, *high, *low, *scale, *shift;
  bool prescaled = false, paired = false;  // whether any prescale is not 1, and any low is not 0
  Constants(Scratch::Frame& frame, std::int64_t width) {
    for (void** v : {&prescale, &high, &low, &scale, &shift}) *v = frame.take<double>(width);
  }
};

/// Settles the statistics of the distributions under one kept index, and from them the constants of each column.
void settle(const Call& call, const Columns& columns, std::int64_t kept_index, const Moments* of_columns,
            Constants& constants) {
  const PlanData& plan = call.plan;
  const Offsets at = plan.kept_offsets(kept_index);
  constants.prescaled = constants.paired = false;
  const bool in_double = call.in_double(), by_row = plan.pooled.back().step.parameter != 0;
  for (std::int64_t g = 0; g < columns.distributions(); ++g) {
    const auto number = static_cast<std::size_t>(at.distribution + columns.number(g));
    const Moments m = call.given.empty() ? distribution_moments(columns, of_columns, g) : call.given[number];
    if (!call.saved.empty()) call.saved[number] = m;
    if (call.out == nullptr) continue;
    const simd::Standard s = call.standard(m);
    constants.prescaled |= s.prescale != 1;
    constants.paired |= s.low != 0;
    for (std::int64_t c = g * plan.merged; c < (g + 1) * plan.merged; ++c) {
      const std::int64_t p = at.parameter + columns.parameter(c);
      const double weight = by_row ? 1 : call.parameter_value(call.weight, p, 1);
      const double bias = by_row ? 0 : call.parameter_value(call.bias, p, 0);
      for (std::int64_t phase = 0; phase < columns.fold; ++phase) {
        const std::int64_t i = phase * columns.width + c;
        store_compute(constants.prescale, i, s.prescale, in_double);
        store_compute(constants.high, i, s.high, in_double);
        store_compute(constants.low, i, s.low, in_double);
        store_compute(constants.scale, i, s.rstd * weight, in_double);
        store_compute(constants.shift, i, bias, in_double);
      }
    }
  }
}

void apply_range(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                 const Constants& constants) {
  const PlanData& plan = call.plan;
  const std::int64_t size = call.element_size();
  simd::ApplyColumns args{};
  args.stream = call.stream;
  args.relu = call.relu;
  args.prescale = constants.prescaled ? constants.prescale : nullptr;
  args.high = constants.high;
  args.low = constants.paired || constants.prescaled ? constants.low : nullptr;
  args.scale = constants.scale;
  args.shift = constants.shift;
  if (columns.fold > 1) {
    const Offsets at = plan.run_offsets(kept_index, first);
    args.x = call.x + at.operand[0] * size;
    args.y = call.out + at.operand[1] * size;
    args.add = moved(call.add, at.operand[1] * size);
    args.x_row = args.y_row = args.width = columns.folded_width();
    for (std::int64_t left = (last - first) / columns.fold; left > 0; left -= args.rows) {
      args.rows = std::min(left, columns.together);
      call.kernels.apply_columns(args);
      const std::int64_t step = args.rows * args.width * size;
      args.x = static_cast<const std::byte*>(args.x) + step;
      args.y = static_cast<std::byte*>(args.y) + step;
      args.add = moved(static_cast<const std::byte*>(args.add), step);
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
    std::byte* y = call.out + at.operand[1] * size;
    if (!counts) {
      for (std::int64_t r = 0; r < n; ++r)
        std::memset(y + r * args.y_row * size, 0, static_cast<std::size_t>(args.width * size));
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

/// Measures all columns under all kept indices, sharing blocks and strips between threads.
void measure_by_blocks(const Call& call, const Columns& columns, Moments* moments) {
  const std::int64_t kept = call.plan.kept_count, strips = columns.strips(), width = columns.width;
  Scratch::Frame frame;
  auto* parts = frame.take<Moments>(kept * columns.blocks * width);
  for_each_task(call.runner, true, kept * columns.blocks * strips, [&](std::int64_t t) {
    const std::int64_t column = t % strips * Columns::kStrip, block = t / strips % columns.blocks,
                       i = t / strips / columns.blocks;
    measure_block(call, columns, i, block, column, columns.fold > 1 ? width : std::min(Columns::kStrip, width - column),
                  parts + (i * columns.blocks + block) * width + column);
  });
  std::fill(moments, moments + kept * width, Moments());
  for (std::int64_t t = 0; t < kept * columns.blocks; ++t) {
    merge_columns(columns, parts + t * width, moments + t / columns.blocks * width);
  }
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

bool one_by_one(const Call& call, bool shared) {
  return !shared || call.plan.kept_count >= std::int64_t{4} * call.runner.concurrency();
}

void forward_by_blocks(const Call& call, const Columns& columns) {
  const std::int64_t kept = call.plan.kept_count;
  Scratch::Frame frame;
  auto* moments = frame.take<Moments>(kept * columns.width);
  if (call.given.empty()) measure_by_blocks(call, columns, moments);
  auto** constants = frame.take<Constants*>(kept);
  for (std::int64_t i = 0; i < kept; ++i) {
    constants[i] = new (frame.take<Constants>(1)) Constants(frame, columns.folded_width());
    settle(call, columns, i, moments + i * columns.width, *constants[i]);
  }
  if (call.out == nullptr) return;
  const std::int64_t pieces = std::min(columns.rows, std::int64_t{8} * call.runner.concurrency());
  for_each_task(call.runner, true, kept * pieces, [&](std::int64_t t) {
    const std::int64_t i = t / pieces, piece = t % pieces;
    apply_range(call, columns, i, columns.rows * piece / pieces, columns.rows * (piece + 1) / pieces, *constants[i]);
  });
}

}  // namespace

Columns::Columns(const PlanData& p)
    : plan(p),
      fold(can_fold(p, p.inner.size) ? kFold : 1),
      rows(p.pooled_count),
      width(p.inner.size),
      chunk_rows(kChunkRows * fold),
      block_rows(chunk_rows * kBlockChunks),
      blocks((rows + block_rows - 1) / block_rows),
      together(std::max<std::int64_t>(1, kTogetherBytes / (std::max<std::int64_t>(width, 1) * fold *
                                                           static_cast<std::int64_t>(size_of(p.dtype)) * kFewest)) *
               kFewest) {}

void forward_columns(const Call& given) {
  const Columns columns(given.plan);
  const bool shared = share(given);
  Call call = given;
  if (given.residual) {
    add_residual(given, columns, shared);
    call.x = given.sum;
  }
  if (!one_by_one(call, shared)) return forward_by_blocks(call, columns);
  for_each_range(call.runner, shared, call.plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    Scratch::Frame frame;
    auto *moments = frame.take<Moments>(columns.width), *part = frame.take<Moments>(columns.width);
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
