// SPDX-License-Identifier: Apache-2.0
// Forward, columns: neighbouring distributions lie side by side.
#include "columns.hpp"

#include <cstring>

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

/// The sums of a chunk, column by column, and their merging into the columns' moments.
struct Sums {
  double *pivot, *first, *second;
  Sums(Scratch::Frame& frame, std::int64_t width)
      : pivot(frame.take<double>(width)), first(frame.take<double>(width)), second(frame.take<double>(width)) {}

  void begin(const Call& call, const std::byte* x, std::int64_t width) const {
    for (std::int64_t c = 0; c < width; ++c) {
      pivot[c] = call.centered ? element_at(call.plan.dtype, x + c * call.element_size()) : 0;
    }
    std::fill(first, first + width, 0.0);
    std::fill(second, second + width, 0.0);
  }
  Moments moments(const Call& call, std::int64_t count, std::int64_t c) const {
    if (count == 0) return {};
    return call.centered ? simd::moments_of(count, pivot[c], first[c], second[c]) : Moments{count, 0, 0, second[c]};
  }
};

void measure_chunk(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                   std::int64_t column, std::int64_t width, const Sums& sums, Moments* into) {
  const auto kernel = call.centered ? call.kernels.measure_columns : call.kernels.measure_squares_columns;
  const std::int64_t size = call.element_size();
  std::int64_t count = 0;
  columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
    if (!counts) return;
    const std::byte* x = call.x + (at.operand[0] + column) * size;
    if (count == 0) sums.begin(call, x, width);
    kernel({x, n, columns.row_step(0), width, sums.pivot, sums.first, sums.second});
    count += n;
  });
  for (std::int64_t c = 0; c < width; ++c) into[c] = merge(into[c], sums.moments(call, count, c));
}

void measure_folded_chunk(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first,
                          std::int64_t last, const Sums& sums, Moments* into) {
  const auto kernel = call.centered ? call.kernels.measure_columns : call.kernels.measure_squares_columns;
  const std::int64_t wide = columns.folded_width(), whole = (last - first) / columns.fold, rest = (last - first) % columns.fold;
  const std::byte* x = call.x + columns.plan.run_offsets(kept_index, first).operand[0] * call.element_size();
  sums.begin(call, x, whole ? wide : rest * columns.width);
  if (whole) kernel({x, whole, wide, wide, sums.pivot, sums.first, sums.second});
  if (rest)
    kernel({x + whole * wide * call.element_size(), 1, wide, rest * columns.width, sums.pivot, sums.first, sums.second});
  for (std::int64_t c = 0; c < columns.width; ++c) {
    Moments m;
    for (std::int64_t phase = 0; phase < columns.fold; ++phase) {
      m = merge(m, sums.moments(call, whole + (phase < rest ? 1 : 0), phase * columns.width + c));
    }
    into[c] = merge(into[c], m);
  }
}

/// Measures columns [column, column + width) of one block of rows.
void measure_block(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t block, std::int64_t column,
                   std::int64_t width, Moments* into) {
  Scratch::Frame frame;
  const Sums sums(frame, width * columns.fold);
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
  bool prescaled = false;  // whether any prescale is not 1
  Constants(Scratch::Frame& frame, std::int64_t width) {
    for (void** v : {&prescale, &high, &low, &scale, &shift}) *v = frame.take<double>(width);
  }
};

/// Settles the statistics of the distributions under one kept index, and from them the constants of each column.
void settle(const Call& call, const Columns& columns, std::int64_t kept_index, const Moments* of_columns,
            Constants& constants) {
  const PlanData& plan = call.plan;
  const Offsets at = plan.kept_offsets(kept_index);
  constants.prescaled = false;
  const bool in_double = call.in_double(), by_row = plan.pooled.back().step.parameter != 0;
  for (std::int64_t g = 0; g < columns.distributions(); ++g) {
    const auto number = static_cast<std::size_t>(at.distribution + columns.number(g));
    const Moments m = call.given.empty() ? distribution_moments(columns, of_columns, g) : call.given[number];
    if (!call.saved.empty()) call.saved[number] = m;
    if (call.out == nullptr) continue;
    const simd::Standard s = call.standard(m);
    constants.prescaled |= s.prescale != 1;
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
  args.prescale = constants.prescaled ? constants.prescale : nullptr;
  args.high = constants.high;
  args.low = constants.low;
  args.scale = constants.scale;
  args.shift = constants.shift;
  if (columns.fold > 1) {
    const Offsets at = plan.run_offsets(kept_index, first);
    args.x = call.x + at.operand[0] * size;
    args.y = call.out + at.operand[1] * size;
    args.x_row = args.y_row = args.width = columns.folded_width();
    for (std::int64_t left = (last - first) / columns.fold; left > 0; left -= args.rows) {
      args.rows = std::min(left, columns.together);
      call.kernels.apply_columns(args);
      args.x = static_cast<const std::byte*>(args.x) + args.rows * args.width * size;
      args.y = static_cast<std::byte*>(args.y) + args.rows * args.width * size;
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
      together(std::max(
          kFewest, kTogetherBytes / (std::max<std::int64_t>(width, 1) * fold * static_cast<std::int64_t>(size_of(p.dtype))))) {}

void forward_columns(const Call& call) {
  const Columns columns(call.plan);
  const bool shared = share(call);
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
