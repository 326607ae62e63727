// SPDX-License-Identifier: Apache-2.0
// Backward, rows.
#include <algorithm>

#include "rows.hpp"

namespace norma {

namespace {

/// sum(g) and sum(g * (x - mean)), where g = dy * weight.
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

/// The operands of one run of a chunk, in memory or staged.
struct RunPointers {
  const std::byte *x, *dy;
  std::byte* dx;
};

class Pass {
 public:
  Pass(const Call& call, Staging& staging) : call_(call), plan_(call.plan), staging_(staging) {}

  void stage(const Distribution& d, const Chunk& chunk) {
    if (!plan_.staged) return;
    staging_.gather(d, chunk, 0, call_.x, Staging::Fill::zero);
    staging_.gather(d, chunk, 1, call_.dy, Staging::Fill::zero);
  }

  RunPointers run(const Chunk& chunk, const Offsets& at, std::int64_t r) const {
    const std::int64_t size = call_.element_size();
    if (plan_.staged) {
      const std::int64_t from = r * chunk.length * size;
      return {staging_.buffer(0) + from, staging_.buffer(1) + from, call_.out ? staging_.buffer(2) + from : nullptr};
    }
    return {call_.x + (at.operand[0] + chunk.first) * size, call_.dy + (at.operand[1] + chunk.first) * size,
            call_.out ? call_.out + (at.operand[2] + chunk.first) * size : nullptr};
  }

  /// The sums of a chunk. per_run: without the weight, each run's own, into `each` if given; the returned ones have it.
  GradSums sums(const Distribution& d, const Chunk& chunk, const simd::Standard& s, Weights weights, GradSums* each) {
    stage(d, chunk);
    GradSums total;
    simd::LaneSums lanes;
    simd::GradSumsRows args{nullptr, nullptr, 1, 0, 0, chunk.length, s, nullptr, 0, &lanes};
    for (std::int64_t r = 0; r < chunk.runs; ++r) {
      const Offsets at = d.at(chunk.run + r);
      const RunPointers p = run(chunk, at, r);
      args.x = p.x;
      args.dy = p.dy;
      if (weights == Weights::per_element) args.weight = call_.parameter(call_.weight, at.parameter + chunk.first);
      call_.kernels.grad_sums_rows(args);
      if (weights != Weights::per_run) continue;
      const GradSums own{simd::sum_of(lanes.first), simd::sum_of(lanes.second)};
      lanes = {};
      total.add(own, call_.parameter_value(call_.weight, at.parameter, 1));
      if (each) each[chunk.run + r].add(own);
    }
    if (weights != Weights::per_run) total = {simd::sum_of(lanes.first), simd::sum_of(lanes.second)};
    return total;
  }

  /// dx of a chunk, and with weights per element what it adds to dweight and dbias.
  void gradients(const Distribution& d, const Chunk& chunk, const simd::Standard& s, const GradSums& mean, double* dweight,
                 double* dbias) {
    if (call_.out == nullptr && dweight == nullptr && dbias == nullptr) return;
    stage(d, chunk);
    simd::GradRows args{};
    args.runs = 1;
    args.length = chunk.length;
    args.standard = s;
    args.mean_g = mean.g;
    args.mean_gx = mean.gx;
    args.constant_statistics = call_.constant_statistics;
    args.param_element = plan_.inner.step.parameter != 0;
    for (std::int64_t r = 0; r < chunk.runs; ++r) {
      const Offsets at = d.at(chunk.run + r);
      const RunPointers p = run(chunk, at, r);
      const std::int64_t parameter = at.parameter + (args.param_element ? chunk.first : 0);
      args.x = p.x;
      args.dy = p.dy;
      args.dx = p.dx;
      args.weight = call_.parameter(call_.weight, parameter);
      args.dweight = dweight ? dweight + parameter : nullptr;
      args.dbias = dbias ? dbias + parameter : nullptr;
      call_.kernels.grad_rows(args);
    }
    if (plan_.staged && call_.out) staging_.scatter(d, chunk, 2, call_.out);
  }

  /// The distribution's sums, chunk after chunk within a block and block after block.
  GradSums block_sums(const Distribution& d, std::int64_t block, const simd::Standard& s, Weights weights, GradSums* each) {
    GradSums total;
    const std::int64_t end = std::min(d.chunks(), (block + 1) * Distribution::kBlock);
    for (std::int64_t k = block * Distribution::kBlock; k < end; ++k) total.add(sums(d, d.chunk(k), s, weights, each));
    return total;
  }

  /// mean(g) and mean(g * xhat) from the sums.
  GradSums means(const GradSums& total, const Moments& m, const simd::Standard& s) const {
    if (m.count == 0 || call_.constant_statistics) return {};
    const double n = static_cast<double>(m.count);
    return {call_.centered ? total.g / n : 0, total.gx * s.rstd / n};
  }

 private:
  const Call& call_;
  const PlanData& plan_;
  Staging& staging_;
};

const Moments& statistics(const Call& call, const Distribution& d) { return call.given[static_cast<std::size_t>(d.number())]; }

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
  auto* each = want ? frame.make<GradSums>(run_start[plan.kept_count]) : nullptr;
  for_each_range(call.runner, shared, plan.kept_count, [&](std::int64_t first, std::int64_t last) {
    Staging staging(plan);
    Pass pass(call, staging);
    for (std::int64_t i = first; i < last; ++i) {
      const Distribution d(plan, i);
      const Moments& m = statistics(call, d);
      const simd::Standard s = call.standard(m);
      GradSums total;
      GradSums* own = want ? each + run_start[i] : nullptr;
      if (want || !call.constant_statistics) {
        for (std::int64_t b = 0; b < d.blocks(); ++b) total.add(pass.block_sums(d, b, s, weights, own));
      }
      if (own && weights == Weights::none) *own = total;
      if (weights == Weights::none) {
        const double weight = call.parameter_value(call.weight, d.at(0).parameter, 1);
        total = {total.g * weight, total.gx * weight};
      }
      const GradSums mean = pass.means(total, m, s);
      for (std::int64_t k = 0; k < d.chunks(); ++k) pass.gradients(d, d.chunk(k), s, mean, nullptr, nullptr);
    }
  });
  for (std::int64_t i = 0; want && i < plan.kept_count; ++i) {
    const Distribution d(plan, i);
    const double rstd = call.standard(statistics(call, d)).rstd;
    for (std::int64_t r = 0; r < run_start[i + 1] - run_start[i]; ++r) {
      const GradSums& own = each[run_start[i] + r];
      const std::int64_t p = d.runs() > 0 ? d.at(r).parameter : 0;
      if (call.dweight) call.dweight[p] += own.gx * rstd;
      if (call.dbias) call.dbias[p] += own.g;
    }
  }
}

/// Weights along the run: dweight and dbias are sums down the distributions. Distributions are taken in groups, whose number
/// follows from how many there are; each group adds up its own sums, and the groups' sums are added in order.
void backward_element_weights(const Call& call, bool shared) {
  const PlanData& plan = call.plan;
  constexpr std::int64_t kGroups = 32, kLeast = 16;
  const std::int64_t n = plan.kept_count, parameters = plan.boxes.parameters();
  const std::int64_t groups = std::clamp<std::int64_t>(n / kLeast, 1, kGroups);
  Scratch::Frame frame;
  auto* dweight = call.dweight ? frame.make<double>(groups * parameters) : nullptr;
  auto* dbias = call.dbias ? frame.make<double>(groups * parameters) : nullptr;
  auto* means = frame.take<GradSums>(n);
  const auto measure = [&](Pass& pass, std::int64_t i) {
    const Distribution d(plan, i);
    const Moments& m = statistics(call, d);
    const simd::Standard s = call.standard(m);
    GradSums total;
    for (std::int64_t b = 0; b < d.blocks() && !call.constant_statistics; ++b) {
      total.add(pass.block_sums(d, b, s, Weights::per_element, nullptr));
    }
    means[i] = pass.means(total, m, s);
  };
  const auto write = [&](Pass& pass, std::int64_t i, std::int64_t group, std::int64_t piece, std::int64_t pieces) {
    const Distribution d(plan, i);
    const simd::Standard s = call.standard(statistics(call, d));
    for (std::int64_t k = d.chunks() * piece / pieces; k < d.chunks() * (piece + 1) / pieces; ++k) {
      pass.gradients(d, d.chunk(k), s, means[i], dweight ? dweight + group * parameters : nullptr,
                     dbias ? dbias + group * parameters : nullptr);
    }
  };
  if (!shared || groups >= call.runner.concurrency()) {
    for_each_task(call.runner, shared, groups, [&](std::int64_t group) {
      Staging staging(plan);
      Pass pass(call, staging);
      for (std::int64_t i = n * group / groups; i < n * (group + 1) / groups; ++i) {
        measure(pass, i);
        write(pass, i, group, 0, 1);
      }
    });
  } else {
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
      for (std::int64_t i = n * group / groups; i < n * (group + 1) / groups; ++i) write(pass, i, group, t % pieces, pieces);
    });
  }
  for (std::int64_t t = 0; t < groups * parameters; ++t) {
    if (dweight) call.dweight[t % parameters] += dweight[t];
    if (dbias) call.dbias[t % parameters] += dbias[t];
  }
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
