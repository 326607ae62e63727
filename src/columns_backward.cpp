// SPDX-License-Identifier: Apache-2.0
// Backward, columns.
#include <array>
#include <cmath>
#include <cstring>

#include "columns.hpp"

namespace norma {

namespace {

/// sum(dy) and sum(dy * xhat) of each column.
struct ColumnSums {
  double *first, *second;
};

/// How the distributions under one kept index are standardized, or those of a strip of its columns, and what sums in float read of it,
/// lane by lane: lanes are the columns, of each of the `fold` rows that go by together.
struct Standards {
  std::int64_t merged, width, lanes;
  simd::Standard* of;
  float *high, *rstd;
  Standards(Scratch::Frame& frame, const Call& call, const Columns& columns, std::int64_t kept_index)
      : merged(call.plan.merged),
        width(columns.width),
        lanes(columns.folded_width()),
        of(frame.take<simd::Standard>(columns.distributions())),
        high(frame.take<float>(lanes)),
        rstd(frame.take<float>(lanes)) {
    const Moments* given = call.given.data() + call.plan.kept_offsets(kept_index).distribution;
    call.standardize(columns.distributions(), given, columns.number(1), of);
    if (call.in_double()) return;
    for_each_lane([&](std::int64_t lane, const simd::Standard& s) {
      high[lane] = static_cast<float>(s.high);
      rstd[lane] = static_cast<float>(s.rstd);
    });
  }
  /// Where there is but one strip, folded rows and all.
  Standards part(const Strip& strip) const {
    Standards s = *this;
    if (strip.width == width) return s;
    s.of += strip.column / merged;
    s.high += strip.column, s.rstd += strip.column;
    s.lanes = s.width = strip.width;
    return s;
  }
  template <class Body>
  void for_each_lane(const Body& body) const {
    for (std::int64_t phase = 0; phase < lanes; phase += width) {
      for (std::int64_t g = 0, lane = phase; g < width / merged; ++g) {
        for (std::int64_t j = 0; j < merged; ++j, ++lane) body(lane, of[g]);
      }
    }
  }
};

/// Fills `sums`, lane by lane: in float and, where that leaves float's range, in double. sweep(body) calls body(x, dy, y, rows, row
/// strides of x and of dy, lanes) for the rows, always the same ones.
template <class Sweep>
void take_sums(const Call& call, const Standards& s, const ColumnSums& sums, const Sweep& sweep) {
  const std::int64_t lanes = s.lanes;
  const auto run = [&](auto kernel, const ColumnSums& into, const void* prescale, const void* high, const void* low,
                       const void* rstd) {
    std::fill(into.first, into.first + lanes, 0.0);
    std::fill(into.second, into.second + lanes, 0.0);
    sweep([&](const std::byte* x, const std::byte* dy, const std::byte* y, std::int64_t rows, std::int64_t x_row,
              std::int64_t dy_row, std::int64_t width) {
      kernel({x, dy, rows, x_row, dy_row, width, prescale, high, low, rstd, into.first, into.second, y, call.cached});
    });
  };
  const auto wide = [&](const ColumnSums& into) {
    Scratch::Frame frame;
    double* of[4];
    for (double*& v : of) v = frame.take<double>(lanes);
    s.for_each_lane([&](std::int64_t lane, const simd::Standard& standard) {
      of[0][lane] = standard.prescale;
      of[1][lane] = standard.high;
      of[2][lane] = standard.low;
      of[3][lane] = standard.rstd;
    });
    run(call.kernels.grad_sums_columns_wide, into, of[0], of[1], of[2], of[3]);
  };
  if (call.in_double()) return wide(sums);
  run(call.kernels.grad_sums_columns, sums, nullptr, s.high, nullptr, s.rstd);
  // What x holds must not change what is known of dy alone: each sum by itself.
  const auto good = [&](std::int64_t lane, const simd::Standard& standard) {
    return standard.prescale == 1 && std::isfinite(sums.first[lane]) && std::isfinite(sums.second[lane]);
  };
  bool all_good = true;
  s.for_each_lane([&](std::int64_t lane, const simd::Standard& standard) {
    all_good = all_good && good(lane, standard);
    sums.second[lane] -= standard.low * standard.rstd * sums.first[lane];
  });
  if (all_good) return;
  Scratch::Frame frame;
  const ColumnSums exact{frame.take<double>(lanes), frame.take<double>(lanes)};
  wide(exact);
  s.for_each_lane([&](std::int64_t lane, const simd::Standard& standard) {
    if (!good(lane, standard)) sums.second[lane] = exact.second[lane];
    if (!std::isfinite(sums.first[lane])) sums.first[lane] = exact.first[lane];
  });
}

void sum_folded(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                const Standards& s, const ColumnSums& into) {
  const std::int64_t wide = columns.folded_width(), size = call.element_size();
  const std::int64_t whole = (last - first) / columns.fold, rest = (last - first) % columns.fold;
  Scratch::Frame frame;
  const ColumnSums sums{frame.take<double>(wide), frame.take<double>(wide)};
  const Offsets at = call.plan.run_offsets(kept_index, first);
  take_sums(call, s, sums, [&](const auto& body) {
    const auto part = [&](std::int64_t row, std::int64_t rows, std::int64_t width) {
      const std::int64_t from = row * wide * size, of_dy = at.operand[1] * size + from;
      body(call.x + at.operand[0] * size + from, call.dy + of_dy, moved(call.y, of_dy), rows, wide, wide, width);
    };
    for (std::int64_t row = 0; row < whole; row += columns.together) part(row, std::min(columns.together, whole - row), wide);
    if (rest) part(whole, 1, rest * columns.width);
  });
  for (std::int64_t i = 0; i < wide; ++i) {
    into.first[i % columns.width] += sums.first[i];
    into.second[i % columns.width] += sums.second[i];
  }
}

/// The sums of a strip's columns over one block of rows.
void sum_block(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t block, const Strip& strip,
               const Standards& s, const ColumnSums& into) {
  const std::int64_t first = block * columns.block_rows, last = std::min(columns.rows, first + columns.block_rows);
  if (columns.fold > 1) {
    std::fill(into.first, into.first + strip.width, 0.0);
    std::fill(into.second, into.second + strip.width, 0.0);
    return sum_folded(call, columns, kept_index, first, last, s, into);
  }
  const std::int64_t size = call.element_size();
  take_sums(call, s, into, [&](const auto& body) {
    columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
      const std::int64_t of_dy = (at.operand[1] + strip.column) * size;
      if (counts) {
        body(call.x + (at.operand[0] + strip.column) * size, call.dy + of_dy, moved(call.y, of_dy), n, columns.row_step(0),
             columns.row_step(1), strip.width);
      }
    });
  });
}

/// Of GradColumns.
using Constants = ColumnConstants<6>;

/// dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd, with everything that is constant down a column put together; C is the compute
/// type, and s that of all columns. `merged` is the plan's, as a constant where it is 1: a loop of one turn costs more than its body.
template <class C, class Merged>
void settle_as(const Call& call, const Columns& columns, std::int64_t kept_index, const Standards& s, const ColumnSums& sums,
               Merged merged, Constants& constants) {
  const Offsets at = call.plan.kept_offsets(kept_index);
  const auto of = constants.template as<C>();
  const auto& [prescale, high, low, by_dy, by_one, by_x] = of;
  const auto* weights = static_cast<const C*>(call.weight);
  const Moments* given = call.given.data() + at.distribution;
  constants.prescaled = constants.paired = false;
  for (std::int64_t g = 0; g < columns.distributions(); ++g) {
    const simd::Standard& standard = s.of[g];
    const auto n = static_cast<double>(given[columns.number(g)].count);
    const double rstd = standard.rstd, out = rstd * standard.prescale;
    const auto weight = [&](std::int64_t j) {
      return weights ? static_cast<double>(weights[at.parameter + columns.parameter(g, j)]) : 1;
    };
    constants.prescaled |= standard.prescale != 1;
    constants.paired |= standard.low != 0;
    double mean_g = 0, mean_gx = 0;
    if (n > 0 && !call.constant_statistics) {
      for (std::int64_t j = 0; j < merged; ++j) {
        if (call.centered) mean_g += weight(j) * sums.first[g * merged + j];
        mean_gx += weight(j) * sums.second[g * merged + j];
      }
      mean_g /= n;
      mean_gx /= n;
    }
    for (std::int64_t j = 0; j < merged; ++j) {
      const std::int64_t c = g * merged + j;
      prescale[c] = static_cast<C>(standard.prescale);
      high[c] = static_cast<C>(standard.high);
      low[c] = static_cast<C>(standard.low);
      by_dy[c] = static_cast<C>(weight(j) * out);
      by_one[c] = static_cast<C>(mean_g * out);
      by_x[c] = static_cast<C>(mean_gx * rstd * out);
    }
  }
  for (C* array : of) columns.repeat(array);
}

void settle(const Call& call, const Columns& columns, std::int64_t kept_index, const Standards& s, const ColumnSums& sums,
            Constants& constants) {
  const auto by_merged = [&](auto merged) {
    if (call.in_double()) return settle_as<double>(call, columns, kept_index, s, sums, merged, constants);
    settle_as<float>(call, columns, kept_index, s, sums, merged, constants);
  };
  if (call.plan.merged == 1) return by_merged(std::integral_constant<std::int64_t, 1>());
  by_merged(call.plan.merged);
}

void grad_range(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                const Constants& constants) {
  const std::int64_t size = call.element_size();
  simd::GradColumns args{};
  args.stream = call.stream;
  const auto& [prescale, high, low, by_dy, by_one, by_x] = constants.all;
  args.prescale = constants.prescaled ? prescale : nullptr;
  args.high = high;
  args.low = constants.paired || constants.prescaled ? low : nullptr;
  args.by_dy = by_dy;
  args.by_one = by_one;
  args.by_x = call.constant_statistics ? nullptr : by_x;
  const auto run = [&](const Offsets& at, std::int64_t rows) {
    args.x = call.x + at.operand[0] * size;
    args.dy = call.dy + at.operand[1] * size;
    args.dx = call.out + at.operand[2] * size;
    args.y = moved(call.y, at.operand[1] * size);
    args.dadd = moved(call.dadd, at.operand[1] * size);
    args.dsum = moved(call.dsum, at.operand[2] * size);
    args.rows = rows;
    call.kernels.grad_columns(args);
  };
  if (columns.fold > 1) {
    args.x_row = args.dy_row = args.dx_row = args.width = columns.folded_width();
    const std::int64_t whole = (last - first) / columns.fold * columns.fold, step = columns.fold * columns.together;
    for (std::int64_t row = 0; row < whole; row += step) {
      run(call.plan.run_offsets(kept_index, first + row), std::min(whole - row, step) / columns.fold);
    }
    args.width = (last - first - whole) * columns.width;
    if (args.width) run(call.plan.run_offsets(kept_index, first + whole), 1);
    return;
  }
  args.width = columns.width;
  args.x_row = columns.row_step(0);
  args.dy_row = columns.row_step(1);
  args.dx_row = columns.row_step(2);
  columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
    if (counts) return run(at, n);
    for (std::int64_t r = 0; r < n; ++r) {
      const auto bytes = static_cast<std::size_t>(args.width * size);
      std::memset(call.out + (at.operand[2] + r * args.dx_row) * size, 0, bytes);
      if (call.dadd) std::memset(call.dadd + (at.operand[1] + r * args.dy_row) * size, 0, bytes);
    }
  });
}

bool needs_sums(const Call& call) { return !call.constant_statistics || call.dweight || call.dbias; }

void add(const ColumnSums& part, std::int64_t width, const ColumnSums& into) {
  for (std::int64_t c = 0; c < width; ++c) {
    into.first[c] += part.first[c];
    into.second[c] += part.second[c];
  }
}

/// The sums of each column under each kept index: blocks shared between threads, put together in order.
void sum_by_blocks(const Call& call, const Columns& columns, const Standards* const* standards, const ColumnSums& sums) {
  const std::int64_t kept = call.plan.kept_count, width = columns.width, strips = columns.strips(), blocks = columns.blocks;
  Scratch::Frame frame;
  const ColumnSums parts{frame.take<double>(kept * blocks * width), frame.take<double>(kept * blocks * width)};
  for_each_task(call.runner, true, kept * blocks * strips, [&](std::int64_t t) {
    const Strip strip(columns, t % strips);
    const std::int64_t i = t / strips / blocks, at = t / strips * width + strip.column;
    sum_block(call, columns, i, t / strips % blocks, strip, standards[i]->part(strip), {parts.first + at, parts.second + at});
  });
  for (std::int64_t t = 0; t < kept * blocks; ++t) {
    const std::int64_t to = t / blocks * width;
    add({parts.first + t * width, parts.second + t * width}, width, {sums.first + to, sums.second + to});
  }
}

/// Those under one kept index on this thread.
void sum_all(const Call& call, const Columns& columns, std::int64_t kept_index, const Standards& s, const ColumnSums& into) {
  Scratch::Frame frame;
  const ColumnSums part{frame.take<double>(columns.strip_width), frame.take<double>(columns.strip_width)};
  for (std::int64_t k = 0; k < columns.strips(); ++k) {
    const Strip strip(columns, k);
    for (std::int64_t block = 0; block < columns.blocks; ++block) {
      sum_block(call, columns, kept_index, block, strip, s.part(strip), part);
      add(part, strip.width, {into.first + strip.column, into.second + strip.column});
    }
  }
}

/// dweight += sum(dy * xhat), dbias += sum(dy), in the order of the kept loops.
void add_parameters(const Call& call, const Columns& columns, const ColumnSums& sums) {
  const auto add_to = [&](double* parameters, const double* of) {
    for (std::int64_t i = 0, from = 0; i < call.plan.kept_count; ++i) {
      double* to = parameters + call.plan.kept_offsets(i).parameter;
      for (std::int64_t g = 0; g < columns.distributions(); ++g) {
        for (std::int64_t j = 0; j < call.plan.merged; ++j, ++from) to[columns.parameter(g, j)] += of[from];
      }
    }
  };
  if (call.dweight) add_to(call.dweight, sums.second);
  if (call.dbias) add_to(call.dbias, sums.first);
}

}  // namespace

void backward_columns(const Call& call) {
  const bool shared = share(call);
  const Columns columns(call.plan, tasks_of(call, shared));
  const std::int64_t kept = call.plan.kept_count, width = columns.width;
  Scratch::Frame frame;
  const ColumnSums sums{frame.make<double>(kept * width), frame.make<double>(kept * width)};
  const auto sums_of = [&](std::int64_t i) { return ColumnSums{sums.first + i * width, sums.second + i * width}; };
  if (kept >= tasks_of(call, shared)) {
    // One kept index after another, so that the second sweep finds the first one's memory in cache.
    for_each_range(call.runner, shared, kept, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        Scratch::Frame task;
        const Standards standards(task, call, columns, i);
        if (needs_sums(call)) sum_all(call, columns, i, standards, sums_of(i));
        if (call.out == nullptr) continue;
        Constants constants(task, columns.folded_width());
        settle(call, columns, i, standards, sums_of(i), constants);
        grad_range(call, columns, i, 0, columns.rows, constants);
      }
    });
  } else {
    auto** standards = frame.take<Standards*>(kept);
    for (std::int64_t i = 0; i < kept; ++i) standards[i] = new (frame.take<Standards>(1)) Standards(frame, call, columns, i);
    if (needs_sums(call)) sum_by_blocks(call, columns, standards, sums);
    if (call.out) {
      auto** constants = frame.take<Constants*>(kept);
      for (std::int64_t i = 0; i < kept; ++i) {
        constants[i] = new (frame.take<Constants>(1)) Constants(frame, columns.folded_width());
        settle(call, columns, i, *standards[i], sums_of(i), *constants[i]);
      }
      const std::int64_t pieces = std::min(columns.rows, std::int64_t{8} * call.runner.concurrency());
      for_each_task(call.runner, true, kept * pieces, [&](std::int64_t t) {
        const std::int64_t i = t / pieces, piece = t % pieces;
        grad_range(call, columns, i, columns.rows * piece / pieces, columns.rows * (piece + 1) / pieces, *constants[i]);
      });
    }
  }
  if (call.dweight || call.dbias) add_parameters(call, columns, sums);
}

}  // namespace norma
