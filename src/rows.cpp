// SPDX-License-Identifier: Apache-2.0
// Forward, rows: the elements of one distribution lie side by side, or are gathered so.
#include "rows.hpp"

#include <algorithm>

namespace norma {

namespace {

/// The runs of a chunk that kernels can take together: all of them where they are evenly spaced, else one by one.
template <class Body>
void for_each_stretch(const Distribution& d, const Chunk& chunk, const Body& body) {
  if (d.plan().even_runs()) {
    body(d.at(chunk.run), chunk.runs, std::int64_t{0});
    return;
  }
  for (std::int64_t r = 0; r < chunk.runs; ++r) body(d.at(chunk.run + r), std::int64_t{1}, r);
}

std::int64_t run_step(const PlanData& plan, std::size_t operand) {
  return plan.pooled.empty() ? 0 : plan.pooled.back().step.operand[operand];
}

/// sum = x + residual, zero where the mask leaves out.
void add_residual(const Call& call, const Distribution& d, const Chunk& chunk, Staging& staging) {
  const PlanData& plan = call.plan;
  const std::int64_t size = call.element_size();
  if (plan.staged) {
    constexpr int kResidual = 3;  // its buffer
    staging.gather(d, chunk, 0, call.x, Staging::Fill::zero);
    staging.gather(d, chunk, 0, call.residual, kResidual);
    call.kernels.add_rows(
        {staging.buffer(0), staging.buffer(kResidual), staging.buffer(0), 1, 0, 0, 0, chunk.runs * chunk.length});
    return staging.scatter(d, chunk, 0, call.sum, 0);
  }
  const std::int64_t step = run_step(plan, 0);
  for_each_stretch(d, chunk, [&](const Offsets& at, std::int64_t runs, std::int64_t) {
    const std::int64_t from = (at.operand[0] + chunk.first) * size;
    call.kernels.add_rows({call.x + from, call.residual + from, call.sum + from, runs, step, step, step, chunk.length});
  });
}

/// The sums of a chunk about a pivot, which lies in memory or, gathered, in buffer 0.
simd::Sums sums_of_chunk(const Call& call, const Distribution& d, const Chunk& chunk, Staging& staging, double pivot,
                         bool wide) {
  const PlanData& plan = call.plan;
  const simd::TypedKernels& kernels = call.kernels;
  const auto kernel = wide ? (call.centered ? kernels.measure_rows_wide : kernels.measure_squares_rows_wide)
                           : (call.centered ? kernels.measure_rows : kernels.measure_squares_rows);
  simd::LaneSums sums;
  simd::MeasureRows args{nullptr, chunk.runs, chunk.length, chunk.length, pivot, &sums};
  if (plan.staged) {
    args.x = staging.buffer(0);
    // A run that fills a vector keeps lanes of its own, as it has where nothing is gathered; shorter ones are packed.
    if (plan.inner.size < simd::kLanes) {
      args.runs = 1;
      args.length = chunk.runs * chunk.length;
    }
    kernel(args);
  } else {
    args.run_stride = run_step(plan, 0);
    for_each_stretch(d, chunk, [&](const Offsets& at, std::int64_t runs, std::int64_t) {
      args.x = call.input() + (at.operand[0] + chunk.first) * call.element_size();
      args.runs = runs;
      kernel(args);
    });
  }
  return {simd::sum_of(sums.first), simd::sum_of(sums.second)};
}

Moments measure_chunk(const Call& call, const Distribution& d, const Chunk& chunk, Staging& staging) {
  const PlanData& plan = call.plan;
  std::int64_t count = chunk.runs * chunk.length;
  if (call.residual) add_residual(call, d, chunk, staging);
  if (plan.staged) {
    count = staging.gather(d, chunk, 0, call.input(), call.centered ? Staging::Fill::member : Staging::Fill::zero);
    if (count == 0) return {};
  }
  double member = 0;
  if (call.centered) {
    const std::byte* x = call.input() + (d.at(chunk.run).operand[0] + chunk.first) * call.element_size();
    member = element_at(plan.dtype, plan.staged ? staging.buffer(0) : x);
  }
  double filled = member;
  return simd::measure_chunk(
      count, call.centered, call.in_double(), member, [&](double value) { return rounded_to(plan.dtype, value); },
      [&](double pivot, bool wide) {
        // What the mask leaves out stands at the pivot, and so adds nothing.
        if (pivot != filled) staging.refill(d, chunk, filled = pivot);
        return sums_of_chunk(call, d, chunk, staging, pivot, wide);
      });
}

Moments measure_block(const Call& call, const Distribution& d, std::int64_t block, Staging& staging) {
  Moments m;
  const std::int64_t end = std::min(d.chunks(), (block + 1) * Distribution::kBlock);
  for (std::int64_t k = block * Distribution::kBlock; k < end; ++k) {
    m = merge(m, measure_chunk(call, d, d.chunk(k), staging));
  }
  return m;
}

Moments measure_distribution(const Call& call, const Distribution& d, Staging& staging) {
  Moments m;
  for (std::int64_t block = 0; block < d.blocks(); ++block) m = merge(m, measure_block(call, d, block, staging));
  return m;
}

void apply_chunk(const Call& call, const Distribution& d, const Chunk& chunk, const simd::Standard& standard,
                 Staging& staging) {
  const PlanData& plan = call.plan;
  if (call.residual && !call.given.empty()) add_residual(call, d, chunk, staging);  // else measuring did
  const std::int64_t element_step = plan.inner.step.parameter;
  simd::ApplyRows args{};
  args.length = chunk.length;
  args.standard = standard;
  // Without weight and bias as the fused path does it: adding a bias of 0 would turn -0 into 0.
  args.param_element = element_step != 0 || (call.weight == nullptr && call.bias == nullptr);
  args.stream = call.stream && !plan.staged;
  args.relu = call.relu;
  args.steps = call.steps;
  const auto run = [&](const Offsets& at, std::int64_t runs, const std::byte* x, std::byte* y, const std::byte* add) {
    args.x = x;
    args.y = y;
    args.add = add;
    args.runs = runs;
    args.weight = call.parameter(call.weight, at.parameter + chunk.first * element_step);
    args.bias = call.parameter(call.bias, at.parameter + chunk.first * element_step);
    call.kernels.apply_rows(args);
  };
  const std::int64_t size = call.element_size(), out_size = call.out_size();
  if (!plan.staged) {
    args.x_run = run_step(plan, 0);
    args.y_run = run_step(plan, 1);
    args.param_run = plan.pooled.empty() ? 0 : plan.pooled.back().step.parameter;
    for_each_stretch(d, chunk, [&](const Offsets& at, std::int64_t runs, std::int64_t) {
      const std::int64_t to = at.operand[1] + chunk.first;
      run(at, runs, call.input() + (at.operand[0] + chunk.first) * size, call.out + to * out_size, moved(call.add, to * size));
    });
    return;
  }
  constexpr int kAdd = 2;  // its buffer
  staging.gather(d, chunk, 0, call.input(), Staging::Fill::zero);
  if (call.add) staging.gather(d, chunk, 1, call.add, kAdd);
  const std::byte* add = call.add ? staging.buffer(kAdd) : nullptr;
  if (call.weight == nullptr && call.bias == nullptr) {
    args.length = chunk.runs * chunk.length;
    run(Offsets(), 1, staging.buffer(0), staging.buffer(1), add);
  } else {
    for (std::int64_t r = 0; r < chunk.runs; ++r) {
      const std::int64_t at = r * chunk.length;
      run(d.at(chunk.run + r), 1, staging.buffer(0) + at * size, staging.buffer(1) + at * out_size, moved(add, at * size));
    }
  }
  if (plan.quantized) {
    staging.scatter_quantized(d, chunk, call.out, 1, call.steps.zero_point);
  } else {
    staging.scatter(d, chunk, 1, call.out, 1);
  }
}

void apply_block(const Call& call, const Distribution& d, std::int64_t block, const simd::Standard& standard,
                 Staging& staging) {
  const std::int64_t end = std::min(d.chunks(), (block + 1) * Distribution::kBlock);
  for (std::int64_t k = block * Distribution::kBlock; k < end; ++k) apply_chunk(call, d, d.chunk(k), standard, staging);
}

/// Few and long distributions are shared between threads block by block, others one by one. The bits are the same.
bool split_blocks(const Call& call, bool shared) {
  return shared && call.plan.kept_count < std::int64_t{4} * call.runner.concurrency() &&
         call.plan.longest > Distribution::kBlock * simd::kChunk;
}

/// Numbers all blocks of all distributions in one row; block_start has kept_count + 1 values.
void number_blocks(const PlanData& plan, std::int64_t* block_start) {
  block_start[0] = 0;
  for (std::int64_t i = 0; i < plan.kept_count; ++i) block_start[i + 1] = block_start[i] + Distribution(plan, i).blocks();
}

std::int64_t owner(const std::int64_t* block_start, std::int64_t count, std::int64_t block) {
  return std::upper_bound(block_start, block_start + count + 1, block) - block_start - 1;
}

/// Measures every distribution, sharing blocks, into moments in the order of the kept loops.
void measure_by_blocks(const Call& call, const std::int64_t* block_start, Moments* moments) {
  const std::int64_t count = call.plan.kept_count;
  Scratch::Frame frame;
  auto* parts = frame.make<Moments>(block_start[count]);
  for_each_task(call.runner, true, block_start[count], [&](std::int64_t t) {
    const std::int64_t i = owner(block_start, count, t);
    Staging staging(call.plan);
    parts[t] = measure_block(call, Distribution(call.plan, i), t - block_start[i], staging);
  });
  for (std::int64_t i = 0; i < count; ++i) {
    Moments m;
    for (std::int64_t t = block_start[i]; t < block_start[i + 1]; ++t) m = merge(m, parts[t]);
    moments[i] = m;
  }
}

/// What the hot kernel takes: one run a distribution, in one chunk; a weight for each element of it, or one number. Not what is quantized:
/// the branch alone made LayerNorm of 4096 x 768 half as slow again.
bool fused(const Call& call) {
  const PlanData& plan = call.plan;
  if (plan.staged || plan.quantized || !plan.pooled.empty() || plan.inner.size > simd::kChunk || plan.inner.size == 0 ||
      !call.given.empty() || (!plan.kept.empty() && plan.kept.back().step.distribution != 1)) {
    return false;
  }
  if (call.weight == nullptr && call.bias == nullptr) return true;
  if (plan.inner.step.parameter == 0) return !plan.kept.empty() && plan.kept.back().step.parameter != 0;
  if (plan.inner.step.parameter != 1) return false;
  for (const Loop& loop : plan.kept) {
    if (loop.step.parameter != 0) return false;
  }
  return true;
}

void forward_fused(const Call& call, bool shared) {
  const PlanData& plan = call.plan;
  const Loop one, &rows = plan.kept.empty() ? one : plan.kept.back();
  const std::int64_t size = call.element_size(),
                     step = (call.weight || call.bias) && plan.inner.step.parameter == 0 ? rows.step.parameter : 0;
  for_each_range(call.runner, shared, plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    while (first < last) {
      const Offsets at = plan.kept_offsets(first);
      const std::int64_t count = std::min(last - first, rows.size - first % rows.size);
      call.kernels.normalize_rows({call.x + at.operand[0] * size, call.out + at.operand[1] * size, count, rows.step.operand[0],
                                   rows.step.operand[1], plan.inner.size, call.eps, call.centered,
                                   call.parameter(call.weight, at.parameter), call.parameter(call.bias, at.parameter), step,
                                   call.saved.empty() ? nullptr : call.saved.data() + at.distribution, call.stream,
                                   moved(call.add, at.operand[1] * size), call.relu, moved(call.residual, at.operand[0] * size),
                                   moved(call.sum, at.operand[0] * size)});
      first += count;
    }
  });
}

/// Short runs, of distributions whose weight and bias are one number each. Where nothing is measured, memory's order is the better one
/// for runs of any length.
bool goes_together(const Call& call) {
  const PlanData& plan = call.plan;
  return can_go_together(plan) && (short_runs(plan) || !call.given.empty()) && plan.inner.step.parameter == 0 &&
         plan.even_run_loop().step.parameter == 0 && !call.residual && call.out;
}

/// Distributions [first, first + count) of the innermost kept loop, written in the order of memory: run after run, and in each all
/// of them.
void apply_together(const Call& call, std::int64_t first, std::int64_t count, const simd::Standard* standards) {
  const PlanData& plan = call.plan;
  const Loop &kept = plan.kept.back(), runs = plan.even_run_loop();
  const std::int64_t size = call.element_size();
  const Offsets at = plan.kept_offsets(first);
  simd::ApplyRows args{};
  args.runs = count;
  args.x_run = kept.step.operand[0];
  args.y_run = kept.step.operand[1];
  args.length = plan.inner.size;
  args.weight = call.parameter(call.weight, at.parameter);
  args.bias = call.parameter(call.bias, at.parameter);
  args.param_run = kept.step.parameter;
  args.param_element = call.weight == nullptr && call.bias == nullptr;  // as in apply_chunk()
  args.stream = call.stream;
  args.relu = call.relu;
  args.steps = call.steps;
  args.standards = standards;
  for (std::int64_t r = 0; r < runs.size; ++r) {
    const std::int64_t to = at.operand[1] + r * runs.step.operand[1];
    args.x = call.x + (at.operand[0] + r * runs.step.operand[0]) * size;
    args.y = call.out + to * call.out_size();
    args.add = moved(call.add, to * size);
    call.kernels.apply_rows(args);
  }
}

/// Asks for the elements of distributions [first, first + count) in the order of memory: measuring goes from sample to sample.
void ask_for(const Call& call, std::int64_t first, std::int64_t count) {
  const PlanData& plan = call.plan;
  const Loop runs = plan.even_run_loop();
  const std::int64_t size = call.element_size(),
                     bytes = (plan.kept.back().step.operand[0] * (count - 1) + plan.inner.size) * size;
  const std::byte* x = call.x + plan.kept_offsets(first).operand[0] * size;
  constexpr std::int64_t kLine = 64;
  for (std::int64_t r = 0; r < runs.size; ++r) {
    for (std::int64_t at = 0; at < bytes; at += kLine) __builtin_prefetch(x + r * runs.step.operand[0] * size + at, 0, 2);
  }
}

/// As many distributions at once as L2 holds until they are written; any number where nothing is measured.
void forward_together(const Call& call, bool shared) {
  const PlanData& plan = call.plan;
  constexpr std::int64_t kKept = 256 * 1024, kMost = 512;
  const std::int64_t most =
      call.given.empty() ? std::clamp<std::int64_t>(kKept / (plan.longest * call.element_size()), 1, kMost) : kMost;
  for_each_range(call.runner, shared, plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    Staging staging(plan);
    Scratch::Frame frame;
    auto* standards = frame.take<simd::Standard>(most);
    auto* unsaved = frame.take<Moments>(most);
    while (first < last) {
      const std::int64_t inner = plan.kept.back().size, count = std::min({most, last - first, inner - first % inner});
      if (call.given.empty()) ask_for(call, first, count);
      const std::int64_t number = plan.kept_offsets(first).distribution;
      const Moments* moments = nullptr;
      if (call.given.empty()) {
        Moments* measured = call.saved.empty() ? unsaved : call.saved.data() + number;
        for (std::int64_t i = 0; i < count; ++i) {
          measured[i] = measure_distribution(call, Distribution(plan, first + i), staging);
        }
        moments = measured;
      } else {
        moments = call.given.data() + number;
      }
      call.standardize(count, moments, 1, standards);
      apply_together(call, first, count, standards);
      first += count;
    }
  });
}

}  // namespace

void measure_rows(const Call& call) {
  const PlanData& plan = call.plan;
  const bool shared = share(call);
  if (split_blocks(call, shared)) {
    Scratch::Frame frame;
    auto* block_start = frame.take<std::int64_t>(plan.kept_count + 1);
    auto* moments = frame.take<Moments>(plan.kept_count);
    number_blocks(plan, block_start);
    measure_by_blocks(call, block_start, moments);
    for (std::int64_t i = 0; i < plan.kept_count; ++i) {
      call.saved[static_cast<std::size_t>(plan.kept_offsets(i).distribution)] = moments[i];
    }
    return;
  }
  for_each_range(call.runner, shared, plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    Staging staging(plan);
    for (std::int64_t i = first; i < last; ++i) {
      const Distribution d(plan, i);
      call.saved[static_cast<std::size_t>(d.number())] = measure_distribution(call, d, staging);
    }
  });
}

void forward_rows(const Call& call) {
  const PlanData& plan = call.plan;
  const bool shared = share(call);
  if (fused(call)) return forward_fused(call, shared);
  const bool split = split_blocks(call, shared);
  if (!split && goes_together(call)) return forward_together(call, shared);
  if (split) {
    Scratch::Frame frame;
    auto* block_start = frame.take<std::int64_t>(plan.kept_count + 1);
    auto* moments = frame.take<Moments>(plan.kept_count);
    number_blocks(plan, block_start);
    if (call.given.empty()) measure_by_blocks(call, block_start, moments);
    for (std::int64_t i = 0; i < plan.kept_count; ++i) {
      const auto number = static_cast<std::size_t>(plan.kept_offsets(i).distribution);
      if (!call.given.empty()) moments[i] = call.given[number];
      if (!call.saved.empty()) call.saved[number] = moments[i];
    }
    for_each_task(call.runner, true, block_start[plan.kept_count], [&](std::int64_t t) {
      const std::int64_t i = owner(block_start, plan.kept_count, t);
      Staging staging(plan);
      apply_block(call, Distribution(plan, i), t - block_start[i], call.standard(moments[i]), staging);
    });
    return;
  }
  for_each_range(call.runner, shared, plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    Staging staging(plan);
    for (std::int64_t i = first; i < last; ++i) {
      const Distribution d(plan, i);
      const auto number = static_cast<std::size_t>(d.number());
      const Moments m = call.given.empty() ? measure_distribution(call, d, staging) : call.given[number];
      if (!call.saved.empty()) call.saved[number] = m;
      const simd::Standard standard = call.standard(m);
      for (std::int64_t block = 0; block < d.blocks(); ++block) apply_block(call, d, block, standard, staging);
    }
  });
}

}  // namespace norma
