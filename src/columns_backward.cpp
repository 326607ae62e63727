// SPDX-License-Identifier: Apache-2.0
// Backward, columns.
#include "columns.hpp"

namespace norma {

namespace {

/// sum(dy) and sum(dy * (x - mean)) of each column.
struct ColumnSums {
  double *first, *second;
};

/// What the kernels of the first pass read: the standardization of each column, in double.
struct Standards {
  double *prescale, *high, *low, *rstd;
  Standards(Scratch::Frame& frame, const Call& call, const Columns& columns, std::int64_t kept_index) {
    const std::int64_t wide = columns.folded_width();
    for (double** v : {&prescale, &high, &low, &rstd}) *v = frame.take<double>(wide);
    const Offsets at = call.plan.kept_offsets(kept_index);
    for (std::int64_t i = 0; i < wide; ++i) {
      const std::int64_t g = i % columns.width / call.plan.merged;
      const simd::Standard s = call.standard(call.given[static_cast<std::size_t>(at.distribution + columns.number(g))]);
      prescale[i] = s.prescale;
      high[i] = s.high;
      low[i] = s.low;
      rstd[i] = s.rstd;
    }
  }
};

void sum_folded(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t first, std::int64_t last,
                const Standards& s, const ColumnSums& into) {
  const std::int64_t wide = columns.folded_width(), size = call.element_size();
  const std::int64_t whole = (last - first) / columns.fold, rest = (last - first) % columns.fold;
  Scratch::Frame frame;
  auto *sum = frame.make<double>(wide), *product = frame.make<double>(wide);
  const Offsets at = call.plan.run_offsets(kept_index, first);
  const std::byte *x = call.x + at.operand[0] * size, *dy = call.dy + at.operand[1] * size;
  call.kernels.grad_sums_columns({x, dy, whole, wide, wide, wide, s.prescale, s.high, s.low, sum, product});
  const std::int64_t done = whole * wide * size;
  call.kernels.grad_sums_columns(
      {x + done, dy + done, rest ? 1 : 0, wide, wide, rest * columns.width, s.prescale, s.high, s.low, sum, product});
  for (std::int64_t i = 0; i < wide; ++i) {
    into.first[i % columns.width] += sum[i];
    into.second[i % columns.width] += product[i];
  }
}

/// The sums of columns [column, column + width) over one block of rows.
void sum_block(const Call& call, const Columns& columns, std::int64_t kept_index, std::int64_t block, std::int64_t column,
               std::int64_t width, const Standards& s, const ColumnSums& into) {
  std::fill(into.first, into.first + width, 0.0);
  std::fill(into.second, into.second + width, 0.0);
  const std::int64_t first = block * columns.block_rows, last = std::min(columns.rows, first + columns.block_rows);
  if (columns.fold > 1) return sum_folded(call, columns, kept_index, first, last, s, into);
  const std::int64_t size = call.element_size();
  columns.for_each_stretch(kept_index, first, last, [&](const Offsets& at, std::int64_t n, bool counts) {
    if (!counts) return;
    call.kernels.grad_sums_columns({call.x + (at.operand[0] + column) * size, call.dy + (at.operand[1] + column) * size, n,
                                    columns.row_step(0), columns.row_step(1), width, s.prescale + column, s.high + column,
                                    s.low + column, into.first, into.second});
  });
}

/// The arrays that GradColumns reads.
struct Constants {
  void *prescale, *high, *low, *by_dy, *by_one, *by_x;
  Constants(Scratch::Frame& frame, std::int64_t width) {
    for (void** v : {&prescale, &high, &low, &by_dy, &by_one, &by_x}) *v = frame.take<double>(width);
  }
};

/// dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd, with everything that is constant down a column put together.
void settle(const Call& call, const Columns& columns, std::int64_t kept_index, const Standards& s, const ColumnSums& sums,
            const Constants& constants) {
  const PlanData& plan = call.plan;
  const Offsets at = plan.kept_offsets(kept_index);
  const bool in_double = call.in_double();
  for (std::int64_t g = 0; g < columns.distributions(); ++g) {
    const Moments& m = call.given[static_cast<std::size_t>(at.distribution + columns.number(g))];
    const std::int64_t begin = g * plan.merged, end = begin + plan.merged;
    const double rstd = s.rstd[begin], out = rstd * s.prescale[begin], n = static_cast<double>(m.count);
    const auto weight = [&](std::int64_t c) {
      return call.parameter_value(call.weight, at.parameter + columns.parameter(c), 1);
    };
    double mean_g = 0, mean_gx = 0;
    for (std::int64_t c = begin; c < end && m.count > 0 && !call.constant_statistics; ++c) {
      if (call.centered) mean_g += weight(c) * sums.first[c] / n;
      mean_gx += weight(c) * sums.second[c] * rstd / n;
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
  args.prescale = constants.prescale;
  args.high = constants.high;
  args.low = constants.low;
  args.by_dy = constants.by_dy;
  args.by_one = constants.by_one;
  args.by_x = call.constant_statistics ? nullptr : constants.by_x;
  const auto run = [&](const Offsets& at, std::int64_t rows) {
    args.x = call.x + at.operand[0] * size;
    args.dy = call.dy + at.operand[1] * size;
    args.dx = call.out + at.operand[2] * size;
    args.rows = rows;
    call.kernels.grad_columns(args);
  };
  if (columns.fold > 1) {
    args.x_row = args.dy_row = args.dx_row = args.width = columns.folded_width();
    const std::int64_t whole = (last - first) / columns.fold * columns.fold, step = columns.fold * Columns::kTogether;
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
      std::byte* dx = call.out + (at.operand[2] + r * args.dx_row) * size;
      std::fill(dx, dx + args.width * size, std::byte(0));
    }
  });
}

bool needs_sums(const Call& call) { return !call.constant_statistics || call.dweight || call.dbias; }

/// The sums of each column under each kept index: blocks shared between threads, put together in order.
void sum_all(const Call& call, const Columns& columns, bool shared, const ColumnSums& sums) {
  const std::int64_t kept = call.plan.kept_count, width = columns.width, strips = columns.strips(), blocks = columns.blocks;
  std::fill(sums.first, sums.first + kept * width, 0.0);
  std::fill(sums.second, sums.second + kept * width, 0.0);
  if (!needs_sums(call)) return;
  Scratch::Frame frame;
  const ColumnSums parts{frame.take<double>(kept * blocks * width), frame.take<double>(kept * blocks * width)};
  for_each_task(call.runner, shared, kept * blocks * strips, [&](std::int64_t t) {
    const std::int64_t column = t % strips * Columns::kStrip, i = t / strips / blocks, at = t / strips * width + column;
    Scratch::Frame task;
    sum_block(call, columns, i, t / strips % blocks, column,
              columns.fold > 1 ? width : std::min(Columns::kStrip, width - column), Standards(task, call, columns, i),
              {parts.first + at, parts.second + at});
  });
  for (std::int64_t t = 0; t < kept * blocks; ++t) {
    for (std::int64_t c = 0; c < width; ++c) {
      sums.first[t / blocks * width + c] += parts.first[t * width + c];
      sums.second[t / blocks * width + c] += parts.second[t * width + c];
    }
  }
}

/// dweight += sum(dy * xhat), dbias += sum(dy), in the order of the kept loops.
void add_parameters(const Call& call, const Columns& columns, const ColumnSums& sums) {
  for (std::int64_t i = 0; i < call.plan.kept_count; ++i) {
    const Offsets at = call.plan.kept_offsets(i);
    for (std::int64_t c = 0; c < columns.width; ++c) {
      const std::int64_t p = at.parameter + columns.parameter(c), from = i * columns.width + c;
      const auto number = static_cast<std::size_t>(at.distribution + columns.number(c / call.plan.merged));
      if (call.dweight) call.dweight[p] += sums.second[from] * call.standard(call.given[number]).rstd;
      if (call.dbias) call.dbias[p] += sums.first[from];
    }
  }
}

}  // namespace

void backward_columns(const Call& call) {
  const Columns columns(call.plan);
  const bool shared = share(call);
  const std::int64_t kept = call.plan.kept_count;
  Scratch::Frame frame;
  const ColumnSums sums{frame.take<double>(kept * columns.width), frame.take<double>(kept * columns.width)};
  sum_all(call, columns, shared, sums);
  if (call.dweight || call.dbias) add_parameters(call, columns, sums);
  if (call.out == nullptr) return;
  const std::int64_t threads = std::int64_t{8} * call.runner.concurrency();
  const std::int64_t pieces = !shared || kept >= threads ? 1 : std::min(columns.rows, threads);
  for_each_task(call.runner, shared, kept * pieces, [&](std::int64_t t) {
    const std::int64_t i = t / pieces, piece = t % pieces, from = i * columns.width;
    Scratch::Frame task;
    const Standards s(task, call, columns, i);
    const Constants constants(task, columns.folded_width());
    settle(call, columns, i, s, {sums.first + from, sums.second + from}, constants);
    grad_range(call, columns, i, columns.rows * piece / pieces, columns.rows * (piece + 1) / pieces, constants);
  });
}

}  // namespace norma
