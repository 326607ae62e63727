// SPDX-License-Identifier: Apache-2.0
// Backward, rows.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "rows.hpp"

namespace norma {

namespace {

/// sum(g) and sum(g * xhat), where g = dy * weight.
struct GradSums {
  double g = 0, gx = 0;
  void add(const GradSums& other, double factor = 1) {
    g += other.g * factor;
    gx += other.gx * factor;
  }
};

/// How a distribution's weights lie decides how its sums are taken.
enum class Weights : std::uint8_t {
  none,         // one for the whole distribution (or absent, and no gradient wanted)
  per_run,      // one for each run: each run is summed by itself
  per_element,  // one for each element of a run
};

Weights weights_of(const PlanData& plan) {
  if (plan.inner.step.parameter != 0) return Weights::per_element;
  bool by_run = plan.label_step.parameter != 0;
  for (const Loop& loop : plan.pooled) by_run |= loop.step.parameter != 0;
  return by_run ? Weights::per_run : Weights::none;
}

/// The operands of one run of a chunk, in memory or staged. All but x and dy may be null.
struct RunPointers {
  const std::byte *x, *dy, *y, *dsum;
  std::byte *dx, *dadd;
};

/// The buffers that operands are staged in.
enum Buffer : int { kX, kDy, kDx, kY, kDsum, kDadd };

const Moments& statistics(const Call& call, const Distribution& d) { return call.given[static_cast<std::size_t>(d.number())]; }

class Pass {
 public:
  Pass(const Call& call, Staging& staging) : call_(call), plan_(call.plan), staging_(staging) {}

  void stage(const Distribution& d, const Chunk& chunk) {
    if (!plan_.staged) return;
    staging_.gather(d, chunk, 0, call_.x, kX);
    staging_.gather(d, chunk, 1, call_.dy, kDy);
    if (call_.y) staging_.gather(d, chunk, 1, call_.y, kY);
    if (call_.dsum) staging_.gather(d, chunk, 2, call_.dsum, kDsum);
  }
  void unstage(const Distribution& d, const Chunk& chunk) {
    if (!plan_.staged) return;
    if (call_.out) staging_.scatter(d, chunk, 2, call_.out, kDx);
    if (call_.dadd) staging_.scatter(d, chunk, 1, call_.dadd, kDadd);
  }

  /// The runs of a chunk that kernels can take together: all where they are evenly spaced, or side by side in a buffer.
  template <class Body>
  void for_each_stretch(const Distribution& d, const Chunk& chunk, bool one_by_one, const Body& body) const {
    if (!one_by_one && (plan_.staged || plan_.even_runs())) return body(d.at(chunk.run), chunk.runs, std::int64_t{0});
    for (std::int64_t r = 0; r < chunk.runs; ++r) body(d.at(chunk.run + r), std::int64_t{1}, r);
  }
  std::int64_t run_step(const Chunk& chunk, std::size_t operand) const {
    if (plan_.staged) return chunk.length;
    return plan_.pooled.empty() ? 0 : plan_.pooled.back().step.operand[operand];
  }

  RunPointers run(const Chunk& chunk, const Offsets& at, std::int64_t r) {
    const std::int64_t size = call_.element_size();
    if (plan_.staged) {
      const auto from = [&](const std::byte* wanted, Buffer buffer) {
        return wanted ? staging_.buffer(buffer) + r * chunk.length * size : nullptr;
      };
      return {from(call_.x, kX),       from(call_.dy, kDy),  from(call_.y, kY),
              from(call_.dsum, kDsum), from(call_.out, kDx), from(call_.dadd, kDadd)};
    }
    const auto offset = [&](std::size_t operand) { return (at.operand[operand] + chunk.first) * size; };
    return {call_.x + offset(0),          call_.dy + offset(1),        moved(call_.y, offset(1)),
            moved(call_.dsum, offset(2)), moved(call_.out, offset(2)), moved(call_.dadd, offset(1))};
  }

  /// The sums of a chunk; where `each` is given, which is with per_run alone, each run's own too, without its weight.
  GradSums sums(const Distribution& d, const Chunk& chunk, const simd::Standard& s, Weights weights, GradSums* each) {
    stage(d, chunk);
    GradSums total;
    simd::GradRow row{};
    simd::Sums sums;
    simd::GradSumsRows args{&row, 1, 1, run_step(chunk, 0), run_step(chunk, 1), chunk.length, nullptr, 0, &sums};
    args.param_run = plan_.pooled.empty() ? 0 : plan_.pooled.back().step.parameter;
    row.standard = s;
    // A buffer's runs lie evenly whatever the layout, but their weights do not.
    const bool one_by_one = weights == Weights::per_run || (weights == Weights::per_element && !plan_.even_runs());
    for_each_stretch(d, chunk, one_by_one, [&](const Offsets& at, std::int64_t runs, std::int64_t r) {
      const RunPointers p = run(chunk, at, r);
      row.x = p.x;
      row.dy = p.dy;
      row.y = p.y;
      args.runs = runs;
      if (weights == Weights::per_element) args.weight = call_.parameter(call_.weight, at.parameter + chunk.first);
      call_.kernels.grad_sums_rows(args);
      const GradSums own{sums.first, sums.second};
      total.add(own, weights == Weights::per_run ? call_.parameter_value(call_.weight, at.parameter, 1) : 1);
      if (each) each[chunk.run + r].add(own);
    });
    return total;
  }

  /// dx of a chunk whose runs have one weight each.
  void gradients(const Distribution& d, const Chunk& chunk, const simd::Standard& s, const GradSums& mean, bool per_run) {
    if (call_.out == nullptr) return;  // then nothing goes with it either
    stage(d, chunk);
    for_each_stretch(d, chunk, per_run, [&](const Offsets& at, std::int64_t runs, std::int64_t r) {
      const RunPointers p = run(chunk, at, r);
      const simd::GradRow row{p.x, p.dy, p.dx, s, mean.g, mean.gx, p.y, p.dsum, p.dadd};
      call_.kernels.grad_rows({&row, 1, runs, run_step(chunk, 0), run_step(chunk, 1), run_step(chunk, 2), chunk.length,
                               call_.constant_statistics, call_.parameter(call_.weight, at.parameter), 0,
                               call_.stream && !plan_.staged});
    });
    unstage(d, chunk);
  }

  /// dx of chunk k of the distributions [first, last), whose elements have a weight each, and what they add to dweight and dbias.
  /// Runs with the same weights are taken together, so that their terms meet before they are added to the sums.
  void element_gradients(std::int64_t first, std::int64_t last, std::int64_t k, const GradSums* means, double* dweight,
                         double* dbias) {
    if (call_.out == nullptr && dweight == nullptr && dbias == nullptr) return;
    std::array<simd::GradRow, simd::kShortSteps> rows;
    std::size_t count = 0;
    std::int64_t parameter = 0;
    const Chunk chunk = Distribution(plan_, first).chunk(k);
    const auto flush = [&] {
      if (count == 0) return;
      call_.kernels.grad_elements({rows.data(), static_cast<std::int64_t>(count), chunk.length, call_.constant_statistics,
                                   call_.parameter(call_.weight, parameter), dweight ? dweight + parameter : nullptr,
                                   dbias ? dbias + parameter : nullptr, call_.stream && !plan_.staged});
      count = 0;
    };
    if (plan_.staged) stage(Distribution(plan_, first), chunk);  // one distribution then
    for (std::int64_t r = 0; r < chunk.runs; ++r) {
      for (std::int64_t i = first; i < last; ++i) {
        const Distribution d(plan_, i);
        const Offsets at = d.at(chunk.run + r);
        if (at.parameter + chunk.first != parameter || count == rows.size()) flush();
        parameter = at.parameter + chunk.first;
        const RunPointers p = run(chunk, at, r);
        rows[count++] = {p.x, p.dy, p.dx, call_.standard(statistics(call_, d)), means[i].g, means[i].gx, p.y, p.dsum, p.dadd};
      }
    }
    flush();
    if (plan_.staged) unstage(Distribution(plan_, first), chunk);
  }

  /// The distribution's sums, chunk after chunk within a block and block after block.
  GradSums block_sums(const Distribution& d, std::int64_t block, const simd::Standard& s, Weights weights, GradSums* each) {
    GradSums total;
    const std::int64_t end = std::min(d.chunks(), (block + 1) * Distribution::kBlock);
    for (std::int64_t k = block * Distribution::kBlock; k < end; ++k) total.add(sums(d, d.chunk(k), s, weights, each));
    return total;
  }

  /// mean(g) and mean(g * xhat) from the sums.
  GradSums means(const GradSums& total, const Moments& m) const {
    if (m.count == 0 || call_.constant_statistics) return {};
    const double n = static_cast<double>(m.count);
    return {call_.centered ? total.g / n : 0, total.gx / n};
  }

 private:
  const Call& call_;
  const PlanData& plan_;
  Staging& staging_;
};

/// The operands and standardizations of `count` distributions, the first of which begins at `at` and is the first-th of its loop.
void describe(const Call& call, const Offsets& at, const Loop& loop, std::int64_t first, std::int64_t count,
              simd::GradRow* rows) {
  std::array<simd::Standard, simd::kMostRows> standards;
  const std::int64_t size = call.element_size();
  call.standardize(count, call.given.data() + at.distribution + first, 1, standards.data());
  for (std::int64_t k = 0; k < count; ++k) {
    const auto from = [&](std::size_t operand) {
      return (at.operand[operand] + (first + k) * loop.step.operand[operand]) * size;
    };
    rows[k] = {call.x + from(0),
               call.dy + from(1),
               moved(call.out, from(2)),
               standards[static_cast<std::size_t>(k)],
               0,
               0,
               moved(call.y, from(1)),
               moved(call.dsum, from(2)),
               moved(call.dadd, from(1))};
  }
}

/// The sums of distributions that go together, `count` from kept index `first` on.
void sums_together(const Call& call, Pass& pass, std::int64_t first, std::int64_t count, const simd::GradRow* rows,
                   GradSums* sums) {
  const PlanData& plan = call.plan;
  if (plan.longest <= simd::kChunk) {
    const Loop runs = plan.even_run_loop();
    std::array<simd::Sums, simd::kMostRows> of;
    call.kernels.grad_sums_rows(
        {rows, count, runs.size, runs.step.operand[0], runs.step.operand[1], plan.inner.size, nullptr, 0, of.data()});
    for (std::int64_t i = 0; i < count; ++i) {
      sums[i] = {of[static_cast<std::size_t>(i)].first, of[static_cast<std::size_t>(i)].second};
    }
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const Distribution d(plan, first + i);
    sums[i] = {};
    for (std::int64_t b = 0; b < d.blocks(); ++b) {
      sums[i].add(pass.block_sums(d, b, rows[i].standard, Weights::none, nullptr));
    }
  }
}

/// Distributions [first, last) with one weight each: what L2 holds of x and dy is taken together, and written in the order of memory.
/// each: where their sums go, or null where none are needed.
void backward_together(const Call& call, std::int64_t first, std::int64_t last, GradSums* each) {
  const PlanData& plan = call.plan;
  const Loop &kept = plan.kept.back(), runs = plan.even_run_loop();
  constexpr std::int64_t kKept = 256 * 1024;
  const std::int64_t most = std::clamp<std::int64_t>(kKept / (2 * plan.longest * call.element_size()), 1, simd::kMostRows);
  Staging staging(plan);
  Pass pass(call, staging);
  std::array<simd::GradRow, simd::kMostRows> rows;
  for (std::int64_t count = 0; first < last; first += count) {
    count = std::min({most, last - first, kept.size - first % kept.size});
    const Offsets at = plan.kept_offsets(first);
    describe(call, at, kept, 0, count, rows.data());
    if (each) sums_together(call, pass, first, count, rows.data(), each + first);
    for (std::int64_t i = 0; each && i < count; ++i) {
      const GradSums& total = each[first + i];
      const double weight = call.parameter_value(call.weight, at.parameter + i * kept.step.parameter, 1);
      const GradSums mean =
          pass.means({total.g * weight, total.gx * weight}, call.given[static_cast<std::size_t>(at.distribution + i)]);
      rows[static_cast<std::size_t>(i)].mean_g = mean.g;
      rows[static_cast<std::size_t>(i)].mean_gx = mean.gx;
    }
    if (call.out == nullptr) continue;
    call.kernels.grad_rows({rows.data(), count, runs.size, runs.step.operand[0], runs.step.operand[1], runs.step.operand[2],
                            plan.inner.size, call.constant_statistics, call.parameter(call.weight, at.parameter),
                            kept.step.parameter, call.stream});
  }
}

/// Weights that are constant along a run. dweight and dbias follow from the very sums that dx needs.
void backward_constant_weights(const Call& call, Weights weights, bool shared) {
  const PlanData& plan = call.plan;
  const bool want = call.dweight || call.dbias;
  // Labels: the distributions differ in their number of runs, and each has its place.
  Scratch::Frame frame;
  auto* run_start = frame.take<std::int64_t>(plan.kept_count + 1);
  run_start[0] = 0;
  for (std::int64_t i = 0; i < plan.kept_count; ++i) {
    run_start[i + 1] = run_start[i] + (weights == Weights::per_run ? plan.runs(i) : 1);
  }
  const bool together = weights == Weights::none && can_go_together(plan) && short_runs(plan);
  auto* each = want || (together && !call.constant_statistics) ? frame.make<GradSums>(run_start[plan.kept_count]) : nullptr;
  for_each_range(call.runner, shared, plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    if (together) return backward_together(call, first, last, each);
    Staging staging(plan);
    Pass pass(call, staging);
    for (std::int64_t i = first; i < last; ++i) {
      const Distribution d(plan, i);
      const Moments& m = statistics(call, d);
      const simd::Standard s = call.standard(m);
      GradSums total;
      GradSums* own = want ? each + run_start[i] : nullptr;
      if (want || !call.constant_statistics) {
        for (std::int64_t b = 0; b < d.blocks(); ++b)
          total.add(pass.block_sums(d, b, s, weights, weights == Weights::per_run ? own : nullptr));
      }
      if (own && weights == Weights::none) *own = total;
      if (weights == Weights::none) {
        const double weight = call.parameter_value(call.weight, d.at(0).parameter, 1);
        total = {total.g * weight, total.gx * weight};
      }
      const GradSums mean = pass.means(total, m);
      for (std::int64_t k = 0; k < d.chunks(); ++k) {
        pass.gradients(d, d.chunk(k), s, mean, weights == Weights::per_run);
      }
    }
  });
  if (!want) return;
  const auto add = [&](std::int64_t p, const GradSums& own) {
    if (call.dweight) call.dweight[p] += own.gx;
    if (call.dbias) call.dbias[p] += own.g;
  };
  if (together) {
    const Loop& kept = plan.kept.back();
    for (std::int64_t i = 0; i < plan.kept_count; i += kept.size) {
      const std::int64_t parameter = plan.kept_offsets(i).parameter;
      for (std::int64_t k = 0; k < kept.size; ++k) add(parameter + k * kept.step.parameter, each[i + k]);
    }
    return;
  }
  for (std::int64_t i = 0; i < plan.kept_count; ++i) {
    const Distribution d(plan, i);
    for (std::int64_t r = 0; r < run_start[i + 1] - run_start[i]; ++r) {
      add(d.runs() > 0 ? d.at(r).parameter : 0, each[run_start[i] + r]);
    }
  }
}

/// What backward_rows_of takes: distributions of one run each, evenly spaced, that share their weights and are still in L2 when
/// their sums are known.
bool alike(const PlanData& plan) {
  if (plan.staged || !plan.pooled.empty() || !plan.label_start.empty() || plan.inner.size == 0) return false;
  if (plan.inner.size * static_cast<std::int64_t>(size_of(plan.dtype)) > 64 * 1024) return false;
  if (!plan.kept.empty() && plan.kept.back().step.distribution != 1) return false;
  return std::all_of(plan.kept.begin(), plan.kept.end(), [](const Loop& loop) { return loop.step.parameter == 0; });
}

/// How many distributions are written together, so that their terms of dweight and dbias are added up before they reach the sums:
/// of short ones as many as L2 keeps well until they are walked again, of long ones as many as sums in float may have.
std::int64_t together(const PlanData& plan) {
  constexpr std::int64_t kKept = 128 * 1024;
  if (plan.staged) return 1;
  const std::int64_t bytes = plan.longest * static_cast<std::int64_t>(size_of(plan.dtype));
  return bytes > kKept / 2 ? simd::kShortSteps : std::clamp<std::int64_t>(kKept / (2 * bytes), 1, simd::kShortSteps);
}

/// Such distributions.
void backward_rows_of(const Call& call, std::int64_t first, std::int64_t last, double* dweight, double* dbias) {
  static_assert(64 * 1024 <= 2 * Distribution::kBlock * simd::kChunk, "a run of f16 is one block of chunks");
  const PlanData& plan = call.plan;
  const Loop one, &loop = plan.kept.empty() ? one : plan.kept.back();
  const std::int64_t size = call.element_size(), length = plan.inner.size;
  const std::int64_t step_rows = together(plan);
  const auto n = static_cast<double>(length);
  std::array<simd::GradRow, simd::kShortSteps> rows;
  std::array<simd::Sums, simd::kShortSteps> sums, part;
  // Chunk after chunk of `count` rows.
  const auto for_each_chunk = [&](std::int64_t count, const auto& body) {
    const auto move = [&](std::int64_t bytes) {
      for (simd::GradRow& row : std::span(rows).first(static_cast<std::size_t>(count))) {
        for (const void** p : {&row.x, &row.dy, &row.y, &row.dsum}) *p = moved(static_cast<const std::byte*>(*p), bytes);
        for (void** p : {&row.dx, &row.dadd}) *p = moved(static_cast<std::byte*>(*p), bytes);
      }
    };
    for (std::int64_t from = 0; from < length; from += simd::kChunk) {
      body(from, std::min(simd::kChunk, length - from));
      if (length > simd::kChunk) move(simd::kChunk * size);
    }
    if (length > simd::kChunk) move(-(length + simd::kChunk - 1) / simd::kChunk * simd::kChunk * size);
  };
  const auto measure = [&](std::int64_t count) {
    for_each_chunk(count, [&](std::int64_t from, std::int64_t chunk) {
      call.kernels.grad_sums_rows(
          {rows.data(), count, 1, 0, 0, chunk, call.parameter(call.weight, from), 0, from == 0 ? sums.data() : part.data()});
      for (std::size_t k = 0; from > 0 && k < static_cast<std::size_t>(count); ++k) {
        sums[k].first += part[k].first;
        sums[k].second += part[k].second;
      }
    });
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      rows[k].mean_g = call.centered ? sums[k].first / n : 0;
      rows[k].mean_gx = sums[k].second / n;
    }
  };
  while (first < last) {
    const Offsets at = plan.kept_offsets(first);
    const std::int64_t stretch = std::min(last - first, loop.size - first % loop.size);
    for (std::int64_t i = 0; i < stretch; i += step_rows) {
      const std::int64_t count = std::min(step_rows, stretch - i);
      describe(call, at, loop, i, count, rows.data());
      if (!call.constant_statistics) measure(count);
      for_each_chunk(count, [&](std::int64_t from, std::int64_t chunk) {
        call.kernels.grad_elements({rows.data(), count, chunk, call.constant_statistics, call.parameter(call.weight, from),
                                    dweight ? dweight + from : nullptr, dbias ? dbias + from : nullptr, call.stream});
      });
    }
    first += stretch;
  }
}

/// Weights along the run: dweight and dbias are sums down the distributions. Distributions are taken in groups, whose number
/// follows from how many there are; each group adds up its own sums, and the groups' sums are added in order.
void backward_element_weights(const Call& call, bool shared) {
  const PlanData& plan = call.plan;
  constexpr std::int64_t kGroups = 32, kLeast = 16, kFew = 8, kFewGroups = 4;
  const std::int64_t n = plan.kept_count, parameters = plan.boxes.parameters();
  const std::int64_t groups = std::clamp<std::int64_t>(std::max(n / kLeast, std::min(n / kFew, kFewGroups)), 1, kGroups);
  Scratch::Frame frame;
  // One group adds up in place.
  auto* dweight = call.dweight && groups > 1 ? frame.take<double>(groups * parameters) : call.dweight;
  auto* dbias = call.dbias && groups > 1 ? frame.take<double>(groups * parameters) : call.dbias;
  const auto of_group = [&](double* sums, std::int64_t group) { return sums ? sums + group * parameters : nullptr; };
  const auto clear = [&](std::int64_t group) {
    for (double* sums : {dweight, dbias}) {
      if (sums && groups > 1) std::fill_n(of_group(sums, group), parameters, 0.0);
    }
  };
  auto* means = frame.take<GradSums>(n);
  const auto measure = [&](Pass& pass, std::int64_t i) {
    const Distribution d(plan, i);
    const Moments& m = statistics(call, d);
    const simd::Standard s = call.standard(m);
    GradSums total;
    for (std::int64_t b = 0; b < d.blocks() && !call.constant_statistics; ++b) {
      total.add(pass.block_sums(d, b, s, Weights::per_element, nullptr));
    }
    means[i] = pass.means(total, m);
  };
  const std::int64_t batch = together(plan);
  // Part `piece` of `pieces` of each distribution of a batch.
  const auto write = [&](Pass& pass, std::int64_t first, std::int64_t last, std::int64_t group, std::int64_t piece,
                         std::int64_t pieces) {
    const std::int64_t chunks = Distribution(plan, first).chunks();
    for (std::int64_t k = chunks * piece / pieces; k < chunks * (piece + 1) / pieces; ++k) {
      pass.element_gradients(first, last, k, means, of_group(dweight, group), of_group(dbias, group));
    }
  };
  const auto for_each_batch = [&](std::int64_t group, const auto& body) {
    const std::int64_t end = n * (group + 1) / groups;
    for (std::int64_t i = n * group / groups; i < end; i += batch) body(i, std::min(end, i + batch));
  };
  if (alike(plan)) {
    for_each_task(call.runner, shared, groups, [&](std::int64_t group) {
      clear(group);
      backward_rows_of(call, n * group / groups, n * (group + 1) / groups, of_group(dweight, group), of_group(dbias, group));
    });
  } else if (!shared || groups >= call.runner.concurrency()) {
    for_each_task(call.runner, shared, groups, [&](std::int64_t group) {
      clear(group);
      Staging staging(plan);
      Pass pass(call, staging);
      for_each_batch(group, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) measure(pass, i);
        write(pass, first, last, group, 0, 1);
      });
    });
  } else {
    for (std::int64_t group = 0; group < groups; ++group) clear(group);
    // Few and long: first every distribution's sums, then pieces of all of them, which write to different parameters.
    for_each_task(call.runner, true, n, [&](std::int64_t i) {
      Staging staging(plan);
      Pass pass(call, staging);
      measure(pass, i);
    });
    // Runs that share parameters must stay with one task; only where each has its own can a distribution be cut.
    bool own = plan.label_start.empty();
    for (const Loop& loop : plan.pooled) own = own && loop.step.parameter != 0;
    const std::int64_t pieces = own ? std::int64_t{8} * call.runner.concurrency() : 1;
    for_each_task(call.runner, true, groups * pieces, [&](std::int64_t t) {
      Staging staging(plan);
      Pass pass(call, staging);
      const std::int64_t group = t / pieces;
      for_each_batch(group,
                     [&](std::int64_t first, std::int64_t last) { write(pass, first, last, group, t % pieces, pieces); });
    });
  }
  if (groups == 1) return;
  // The groups' sums are as many numbers as a few hundred rows: worth sharing too.
  for_each_range(call.runner, shared, parameters, [&](std::int64_t first, std::int64_t last) {
    for (const auto& [to, from] : {std::pair{call.dweight, dweight}, std::pair{call.dbias, dbias}}) {
      for (std::int64_t group = 0; to && group < groups; ++group) {
        const double* part = from + group * parameters;
        for (std::int64_t p = first; p < last; ++p) to[p] += part[p];
      }
    }
  });
}

}  // namespace

void backward_rows(const Call& call) {
  const bool shared = share(call);
  const bool wants_parameters = call.weight || call.dweight || call.dbias;
  const Weights weights = wants_parameters ? weights_of(call.plan) : Weights::none;
  if (weights == Weights::per_element) return backward_element_weights(call, shared);
  backward_constant_weights(call, weights, shared);
}

}  // namespace norma
