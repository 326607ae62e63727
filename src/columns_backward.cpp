// SPDX-License-Identifier: Apache-2.0
// Backward, columns.
#include <cmath>
#include <cstring>

#include "columns.hpp"

namespace norma {

namespace {

/// sum(dy) and sum(dy * xhat) of each column.
struct ColumnSums {
  double *first, *second;
};

/// What the kernels of the first pass read: the standardization of each column, in double and what sums in float need in float.
struct Standards {
  double *prescale, *high, *low, *rstd;
  float *short_high, *short_rstd;
  /// For columns [column, column + width), at their own places.
  Standards(Scratch::Frame& frame, const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t column,
            std::int64_t width) {
    const std::int64_t wide = columns.folded_width(), merged = call.plan.merged;
    for (double** v : {&prescale, &high, &low, &rstd}) *v = frame.take<double>(wide);
    for (float** v : {&short_high, &short_rstd}) *v = frame.take<float>(wide);
    const Offsets at = call.plan.kept_offsets(kept_index);
    simd::Standard s;
    for (std::int64_t c = column; c < column + width; ++c) {
      if (c == column || c % merged == 0) {
        s = call.standard(call.given[static_cast<std::size_t>(at.distribution + columns.number(c / merged))]);
      }
      for (std::int64_t i = c; i < wide; i += columns.width) {
        prescale[i] = s.prescale;
        high[i] = s.high;
        low[i] = s.low;
        rstd[i] = s.rstd;
        short_high[i] = static_cast<float>(s.high);
        short_rstd[i] = static_cast<float>(s.rstd);
      }
    }
  }
};

/// Fills `sums`, of the columns [column, column + width): in float and, where that leaves float's range, in double. sweep(body) calls
/// body(x, dy, y, rows, row strides of x and of dy, columns) for the rows, always the same ones.
template <class Sweep>
void take_sums(const Call& call, std::int64_t column, std::int64_t width, const Standards& s, const ColumnSums& sums,
               const Sweep& sweep) {
  const auto run = [&](auto kernel, const ColumnSums& into, const void* prescale, const void* high, const void* low,
                       const void* rstd) {
    std::fill(into.first, into.first + width, 0.0);
    std::fill(into.second, into.second + width, 0.0);
    sweep([&](const std::byte* x, const std::byte* dy, const std::byte* y, std::int64_t rows, std::int64_t x_row,
              std::int64_t dy_row, std::int64_t columns) {
      kernel({x, dy, rows, x_row, dy_row, columns, prescale, high, low, rstd, into.first, into.second, y});
    });
  };
  const auto wide = [&](const ColumnSums& into) {
    run(call.kernels.grad_sums_columns_wide, into, s.prescale + column, s.high + column, s.low + column, s.rstd + column);
  };
  if (call.in_double()) return wide(sums);
  run(call.kernels.grad_sums_columns, sums, nullptr, s.short_high + column, nullptr, s.short_rstd + column);
  // What x holds must not change what is known of dy alone: each sum by itself.
  const auto good_first = [&](std::int64_t c) { return std::isfinite(sums.first[c]); };
  const auto good = [&](std::int64_t c) { return s.prescale[column + c] == 1 && std::isfinite(sums.second[c]); };
  bool all_good = true;
  for (std::int64_t c = 0; c < width; ++c) {
    all_good = all_good && good_first(c) && good(c);
    sums.second[c] -= s.low[column + c] * s.rstd[column + c] * sums.first[c];
  }
  if (all_good) return;
  Scratch::Frame frame;
  const ColumnSums exact{frame.take<double>(width), frame.take<double>(width)};
  wide(exact);
  for (std::int64_t c = 0; c < width; ++c) {
    if (!good(c) || !good_first(c)) sums.second[c] = exact.second[c];
    if (!good_first(c)) sums.first[c] = exact.first[c];
  }
}

void sum_folded(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                const Standards& s, const ColumnSums& into) {
  const std::int64_t wide = columns.folded_width(), size = call.element_size();
  const std::int64_t whole = (last - first) / columns.fold, rest = (last - first) % columns.fold;
  Scratch::Frame frame;
  const ColumnSums sums{frame.take<double>(wide), frame.take<double>(wide)};
  const Offsets at = call.plan.run_offsets(kept_index, first);
  take_sums(call, 0, wide, s, sums, [&](const auto& body) {
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

/// The sums of columns [column, column + width) over one block of rows.
void sum_block(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t block, std::int64_t column,
               std::int64_t width, const Standards& s, const ColumnSums& into) {
  const std::int64_t first = block * columns.block_rows, last = std::min(columns.rows, first + columns.block_rows);
  if (columns.fold > 1) {
    std::fill(into.first, into.first + width, 0.0);
    std::fill(into.second, into.second + width, 0.0);
    return sum_folded(call, columns, kept_index, first, last, s, into);
  }
  const std::int64_t size = call.element_size();
  take_sums(call, column, width, s, into, [&](const auto& body) {
    columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
      const std::int64_t of_dy = (at.operand[1] + column) * size;
      if (counts) {
        body(call.x + (at.operand[0] + column) * size, call.dy + of_dy, moved(call.y, of_dy), n, columns.row_step(0),
             columns.row_step(1), width);
      }
    });
  });
}

/// The arrays that GradColumns reads.
struct Constants {
  void *prescale, *high, *low, *by_dy, *by_one, *by_x;
  bool prescaled = false, paired = false;  // whether any prescale is not 1, and any low is not 0
  Constants(Scratch::Frame& frame, std::int64_t width) {
    for (void** v : {&prescale, &high, &low, &by_dy, &by_one, &by_x}) *v = frame.take<double>(width);
  }
};

/// dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd, with everything that is constant down a column put together.
void settle(const Call& call, const Columns& columns, std::int64_t kept_index, const Standards& s, const ColumnSums& sums,
            Constants& constants) {
  const PlanData& plan = call.plan;
  const Offsets at = plan.kept_offsets(kept_index);
  constants.prescaled = constants.paired = false;
  const bool in_double = call.in_double();
  for (std::int64_t g = 0; g < columns.distributions(); ++g) {
    const Moments& m = call.given[static_cast<std::size_t>(at.distribution + columns.number(g))];
    const std::int64_t begin = g * plan.merged, end = begin + plan.merged;
    const double rstd = s.rstd[begin], out = rstd * s.prescale[begin], n = static_cast<double>(m.count);
    const auto weight = [&](std::int64_t c) {
      return call.parameter_value(call.weight, at.parameter + columns.parameter(c), 1);
    };
    constants.prescaled |= s.prescale[begin] != 1;
    constants.paired |= s.low[begin] != 0;
    double mean_g = 0, mean_gx = 0;
    for (std::int64_t c = begin; c < end && m.count > 0 && !call.constant_statistics; ++c) {
      if (call.centered) mean_g += weight(c) * sums.first[c] / n;
      mean_gx += weight(c) * sums.second[c] / n;
    }
    for (std::int64_t c = begin; c < end; ++c) {
      for (std::int64_t i = c; i < columns.folded_width(); i += columns.width) {
        store_compute(constants.prescale, i, s.prescale[c], in_double);
        store_compute(constants.high, i, s.high[c], in_double);
        store_compute(constants.low, i, s.low[c], in_double);
        store_compute(constants.by_dy, i, weight(c) * out, in_double);
        store_compute(constants.by_one, i, mean_g * out, in_double);
        store_compute(constants.by_x, i, mean_gx * rstd * out, in_double);
      }
    }
  }
}

void grad_range(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                const Constants& constants) {
  const std::int64_t size = call.element_size();
  simd::GradColumns args{};
  args.stream = call.stream;
  args.prescale = constants.prescaled ? constants.prescale : nullptr;
  args.high = constants.high;
  args.low = constants.paired || constants.prescaled ? constants.low : nullptr;
  args.by_dy = constants.by_dy;
  args.by_one = constants.by_one;
  args.by_x = call.constant_statistics ? nullptr : constants.by_x;
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

/// Columns [column, column + width) that strip number `strip` takes.
struct Strip {
  std::int64_t column, width;
  Strip(const Columns& columns, std::int64_t strip)
      : column(strip * Columns::kStrip),
        width(columns.fold > 1 ? columns.width : std::min(Columns::kStrip, columns.width - column)) {}
};

void add(const ColumnSums& part, std::int64_t width, const ColumnSums& into) {
  for (std::int64_t c = 0; c < width; ++c) {
    into.first[c] += part.first[c];
    into.second[c] += part.second[c];
  }
}

/// The sums of each column under each kept index: blocks shared between threads, put together in order.
void sum_by_blocks(const Call& call, const Columns& columns, const ColumnSums& sums) {
  const std::int64_t kept = call.plan.kept_count, width = columns.width, strips = columns.strips(), blocks = columns.blocks;
  Scratch::Frame frame;
  const ColumnSums parts{frame.take<double>(kept * blocks * width), frame.take<double>(kept * blocks * width)};
  for_each_task(call.runner, true, kept * blocks * strips, [&](std::int64_t t) {
    const Strip strip(columns, t % strips);
    const std::int64_t i = t / strips / blocks, at = t / strips * width + strip.column;
    Scratch::Frame task;
    sum_block(call, columns, i, t / strips % blocks, strip.column, strip.width,
              Standards(task, call, columns, i, strip.column, strip.width), {parts.first + at, parts.second + at});
  });
  for (std::int64_t t = 0; t < kept * blocks; ++t) {
    const std::int64_t to = t / blocks * width;
    add({parts.first + t * width, parts.second + t * width}, width, {sums.first + to, sums.second + to});
  }
}

/// The sums of the columns under one kept index, on this thread.
void sum_all(const Call& call, const Columns& columns, std::int64_t kept_index, const Standards& s, const ColumnSums& into) {
  Scratch::Frame frame;
  const ColumnSums part{frame.take<double>(columns.width), frame.take<double>(columns.width)};
  for (std::int64_t block = 0; block < columns.blocks; ++block) {
    for (std::int64_t k = 0; k < columns.strips(); ++k) {
      const Strip strip(columns, k);
      sum_block(call, columns, kept_index, block, strip.column, strip.width, s,
                {part.first + strip.column, part.second + strip.column});
    }
    add(part, columns.width, into);
  }
}

/// dweight += sum(dy * xhat), dbias += sum(dy), in the order of the kept loops.
void add_parameters(const Call& call, const Columns& columns, const ColumnSums& sums) {
  for (std::int64_t i = 0; i < call.plan.kept_count; ++i) {
    const Offsets at = call.plan.kept_offsets(i);
    for (std::int64_t c = 0; c < columns.width; ++c) {
      const std::int64_t p = at.parameter + columns.parameter(c), from = i * columns.width + c;
      if (call.dweight) call.dweight[p] += sums.second[from];
      if (call.dbias) call.dbias[p] += sums.first[from];
    }
  }
}

}  // namespace

void backward_columns(const Call& call) {
  const Columns columns(call.plan);
  const bool shared = share(call);
  const std::int64_t kept = call.plan.kept_count, width = columns.width;
  Scratch::Frame frame;
  const ColumnSums sums{frame.make<double>(kept * width), frame.make<double>(kept * width)};
  const auto finish = [&](std::int64_t i, const Standards& s, Constants& constants, std::int64_t first, std::int64_t last) {
    settle(call, columns, i, s, {sums.first + i * width, sums.second + i * width}, constants);
    grad_range(call, columns, i, first, last, constants);
  };
  if (!shared || kept >= std::int64_t{4} * call.runner.concurrency()) {
    // One kept index after another, so that the second sweep finds the first one's memory in cache.
    for_each_range(call.runner, shared, kept, [&](std::int64_t first, std::int64_t last) {
      Scratch::Frame task;
      Constants constants(task, columns.folded_width());
      for (std::int64_t i = first; i < last; ++i) {
        Scratch::Frame each;
        const Standards s(each, call, columns, i, 0, width);
        if (needs_sums(call)) sum_all(call, columns, i, s, {sums.first + i * width, sums.second + i * width});
        if (call.out) finish(i, s, constants, 0, columns.rows);
      }
    });
  } else {
    if (needs_sums(call)) sum_by_blocks(call, columns, sums);
    const std::int64_t pieces = std::min(columns.rows, std::int64_t{8} * call.runner.concurrency());
    for_each_task(call.runner, true, call.out ? kept * pieces : 0, [&](std::int64_t t) {
      const std::int64_t i = t / pieces, piece = t % pieces;
      Scratch::Frame task;
      Constants constants(task, columns.folded_width());
      finish(i, Standards(task, call, columns, i, 0, width), constants, columns.rows * piece / pieces,
             columns.rows * (piece + 1) / pieces);
    });
  }
  if (call.dweight || call.dbias) add_parameters(call, columns, sums);
}

}  // namespace norma
