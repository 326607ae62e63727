// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <algorithm>
#include <cstdlib>

namespace norma {

namespace {

/// Columns pay off where a row of them fills vectors; a distribution whose own elements lie side by side is walked as rows
/// from this length on.
constexpr std::int64_t kShortRun = 32;

/// Runs shorter than a vector of lanes are packed together before they are measured.
constexpr std::int64_t kTinyRun = 16;

Offsets times(const Offsets& step, std::int64_t n) {
  Offsets o;
  for (std::size_t k = 0; k < kMostOperands; ++k) o.operand[k] = step.operand[k] * n;
  o.parameter = step.parameter * n;
  o.mask = step.mask * n;
  o.distribution = step.distribution * n;
  return o;
}

void add(Offsets& to, const Offsets& step, std::int64_t n) {
  for (std::size_t k = 0; k < kMostOperands; ++k) to.operand[k] += step.operand[k] * n;
  to.parameter += step.parameter * n;
  to.mask += step.mask * n;
  to.distribution += step.distribution * n;
}

bool equal(const Offsets& a, const Offsets& b) {
  return a.operand == b.operand && a.parameter == b.parameter && a.mask == b.mask && a.distribution == b.distribution;
}

Offsets decode(const std::vector<Loop>& loops, std::int64_t index) {
  Offsets at;
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    add(at, loop->step, index % loop->size);
    index /= loop->size;
  }
  return at;
}

std::int64_t turns(const std::vector<Loop>& loops) {
  std::int64_t n = 1;
  for (const Loop& loop : loops) n *= loop.size;
  return n;
}

void merge_neighbours(std::vector<Loop>& loops) {
  std::vector<Loop> merged;
  for (const Loop& loop : loops) {
    Loop* outer = merged.empty() ? nullptr : &merged.back();
    if (outer && outer->pooled == loop.pooled && equal(outer->step, times(loop.step, loop.size))) {
      outer->size *= loop.size;
      outer->step = loop.step;
    } else {
      merged.push_back(loop);
    }
  }
  loops = std::move(merged);
}

std::vector<Loop*> pointers(std::vector<Loop>& loops) {
  std::vector<Loop*> all;
  all.reserve(loops.size());
  for (Loop& loop : loops) all.push_back(&loop);
  return all;
}

bool unit_steps(const Loop& loop, int operands) {
  for (int k = 0; k < operands; ++k) {
    if (loop.step.operand[static_cast<std::size_t>(k)] != 1) return false;
  }
  return true;
}

}  // namespace

PlanData::PlanData(const Grouping& g, const ConstView* const* views, int count)
    : grouping(g), boxes(g.boxes(views[0]->shape())), operands(count), dtype(views[0]->dtype()) {
  for (int k = 0; k < count; ++k) strides[static_cast<std::size_t>(k)] = views[k]->strides();
  quantized = views[count - 1]->dtype() == DType::i8;
  masked = !g.mask().empty();
  if (!g.lengths().empty()) {
    const int axis = g.lengths_axis() < 0 ? g.lengths_axis() + boxes.shape.rank() : g.lengths_axis();
    for (std::int64_t length : g.lengths()) {
      for (std::int64_t i = 0; i < boxes.shape[axis]; ++i) lengths_mask.push_back(i < length ? 1 : 0);
    }
    masked = !lengths_mask.empty();
  }
  lay_out(views);
}

/// How far each operand, the mask and the parameters step along an axis.
Offsets PlanData::axis_step(const ConstView* const* views, int axis) const {
  Offsets step;
  for (int k = 0; k < operands; ++k) step.operand[static_cast<std::size_t>(k)] = views[k]->strides()[axis];
  if (std::find(boxes.parameter_axes.begin(), boxes.parameter_axes.end(), axis) != boxes.parameter_axes.end()) {
    step.parameter = 1;
    for (std::int64_t later : boxes.parameter_axes) {
      if (later > axis) step.parameter *= boxes.shape[static_cast<int>(later)];
    }
  }
  if (!lengths_mask.empty()) {
    const int along = grouping.lengths_axis() < 0 ? grouping.lengths_axis() + boxes.shape.rank() : grouping.lengths_axis();
    step.mask = axis == 0 ? boxes.shape[along] : axis == along ? 1 : 0;
  } else if (masked) {
    const ConstView& mask = grouping.mask();
    const int in_mask = axis - (boxes.shape.rank() - mask.rank());
    if (in_mask >= 0 && mask.shape()[in_mask] != 1) step.mask = mask.strides()[in_mask];
  }
  return step;
}

void PlanData::lay_out(const ConstView* const* views) {
  std::vector<Loop> loops;
  std::int64_t number = 1;
  int key_at = -1;
  for (int axis = boxes.shape.rank() - 1; axis >= 0; --axis) {
    const Offsets step = axis_step(views, axis);
    const std::int64_t along = boxes.along(axis);
    if (axis == boxes.labelled_axis) {
      label_step = step;
      Loop key;  // chooses a key: moves nothing but the number of the distribution
      key.size = along;
      key.step.distribution = number;
      key_at = static_cast<int>(loops.size());
      loops.push_back(key);
    } else {
      const std::int64_t extent = boxes.extent[axis];
      if (extent != 1) loops.push_back({extent, true, step});
      if (along != 1) {
        Loop keep{along, false, times(step, extent)};
        keep.step.distribution = number;
        loops.push_back(keep);
      }
    }
    number *= along;
  }
  std::reverse(loops.begin(), loops.end());
  if (boxes.labelled_axis >= 0) {
    const std::vector<std::int64_t> ranks = grouping.label_ranks();
    label_start.assign(static_cast<std::size_t>(boxes.keys) + 1, 0);
    for (std::int64_t rank : ranks) ++label_start[static_cast<std::size_t>(rank) + 1];
    for (std::size_t k = 1; k < label_start.size(); ++k) label_start[k] += label_start[k - 1];
    label_rows.resize(ranks.size());
    std::vector<std::int64_t> at(label_start.begin(), label_start.end() - 1);
    for (std::size_t row = 0; row < ranks.size(); ++row) {
      label_rows[static_cast<std::size_t>(at[static_cast<std::size_t>(ranks[row])]++)] = static_cast<std::int64_t>(row);
    }
    // The key goes first, so that it is never merged with, nor ordered among, the loops over memory.
    const auto key = loops.begin() + (static_cast<int>(loops.size()) - 1 - key_at);
    std::rotate(loops.begin(), key, key + 1);
  }
  const auto memory = loops.begin() + (boxes.labelled_axis >= 0 ? 1 : 0);
  std::stable_sort(memory, loops.end(),
                   [](const Loop& a, const Loop& b) { return std::abs(a.step.operand[0]) > std::abs(b.step.operand[0]); });
  order_parameters(pointers(loops));
  if (boxes.labelled_axis >= 0) {
    std::vector<Loop> rest(loops.begin() + 1, loops.end());
    merge_neighbours(rest);
    label_loop = 0;
    kept.push_back(loops.front());
    choose_family(std::move(rest));
  } else {
    merge_neighbours(loops);
    choose_family(std::move(loops));
  }
  kept_count = turns(kept);
  pooled_count = turns(pooled);
  longest = inner.size * pooled_count;
  if (!label_start.empty()) {
    std::int64_t most = 0;
    for (std::size_t k = 1; k < label_start.size(); ++k) most = std::max(most, label_start[k] - label_start[k - 1]);
    longest *= most;
  }
}

/// Renumbers the parameters so that the innermost loop along which they vary steps by one, and remembers the caller's order.
void PlanData::order_parameters(const std::vector<Loop*>& loops) {
  std::vector<Loop> theirs;
  bool identity = true;
  std::int64_t step = 1;
  const auto renumber = [&](std::int64_t size, Offsets& by) {
    if (by.parameter == 0) return;
    theirs.insert(theirs.begin(), Loop{size, false, by});
    identity = identity && by.parameter == step;
    by.parameter = step;
    step *= size;
  };
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) renumber((*loop)->size, (*loop)->step);
  // The labelled axis is walked by its keys' rows, not by a loop; weights may vary along it all the same.
  if (boxes.labelled_axis >= 0) renumber(boxes.shape[boxes.labelled_axis], label_step);
  if (identity) return;
  std::vector<std::int64_t> order;
  order.reserve(static_cast<std::size_t>(step));
  for (std::int64_t k = 0; k < step; ++k) {
    const std::int64_t before = decode(theirs, k).parameter;
    order.push_back(parameter_order.empty() ? before : parameter_order[static_cast<std::size_t>(before)]);
  }
  parameter_order = std::move(order);
}

void PlanData::choose_family(std::vector<Loop> loops) {
  const auto is_columns = [&] {
    if (loops.empty() || !label_start.empty()) return false;
    Loop columns = loops.back();
    std::size_t rest = loops.size() - 1;
    std::int64_t per_distribution = 1, parameter = 0;
    if (columns.pooled) {
      // A few pooled neighbours beside the next distribution's: columns, and their results are merged.
      if (columns.size >= kShortRun || rest == 0 || loops[rest - 1].pooled || columns.step.mask != 0 ||
          loops[rest - 1].step.mask != 0 || !unit_steps(columns, operands)) {
        return false;
      }
      const Loop& groups = loops[rest - 1];
      for (int k = 0; k < operands; ++k) {
        if (groups.step.operand[static_cast<std::size_t>(k)] != columns.size) return false;
      }
      per_distribution = columns.size;
      parameter = columns.step.parameter;
      columns = groups;
      --rest;
    } else if (columns.step.mask != 0 || !unit_steps(columns, operands)) {
      return false;
    }
    bool by_row = false, any_pooled = false;
    for (std::size_t k = 0; k < rest; ++k) {
      any_pooled |= loops[k].pooled;
      by_row |= loops[k].pooled && loops[k].step.parameter != 0;
    }
    // Parameters that vary down the columns: only forward, only along the one loop, and not across the columns too.
    const bool by_column = columns.step.parameter != 0 || parameter != 0;
    int pooled_loops = 0;
    for (std::size_t k = 0; k < rest; ++k) pooled_loops += loops[k].pooled ? 1 : 0;
    if (by_row && (by_column || operands == 3 || pooled_loops != 1 || per_distribution != 1)) return false;
    if (!any_pooled) return false;
    merged = per_distribution;
    column_parameter = parameter;
    inner = columns;
    inner.size *= merged;
    loops.resize(rest);
    return true;
  };
  if (is_columns()) {
    family = Family::columns;
    for (const Loop& loop : loops) (loop.pooled ? pooled : kept).push_back(loop);
    return;
  }
  inner.pooled = true;
  for (std::size_t k = 0; k < kMostOperands; ++k) inner.step.operand[k] = 1;
  for (const Loop& loop : loops) (loop.pooled ? pooled : kept).push_back(loop);
  if (!pooled.empty()) {
    inner = pooled.back();
    pooled.pop_back();
  }
  if (masked) join_runs();
  if (inner.step.parameter > 1) {
    // Weights vary along a kept loop of smaller stride too: within a run they must lie side by side.
    std::vector<Loop*> order = pointers(kept), outer = pointers(pooled);
    order.insert(order.end(), outer.begin(), outer.end());
    order.push_back(&inner);
    order_parameters(order);
  }
  staged = masked || !label_start.empty() || !unit_steps(inner, operands) || (inner.size < kTinyRun && !pooled.empty());
}

/// A mask must not change where runs begin and, by that, bits: padded or not, a sample is summed in the same order.
void PlanData::join_runs() {
  run_mask.push_back({inner.size, inner.step.mask});
  while (!pooled.empty()) {
    const Loop& outer = pooled.back();
    Offsets joined = times(inner.step, inner.size);
    joined.mask = outer.step.mask;
    if (!equal(outer.step, joined)) return;
    run_mask.push_back({outer.size, outer.step.mask});
    inner.size *= outer.size;
    pooled.pop_back();
  }
}

std::int64_t PlanData::runs(std::int64_t kept_index) const {
  if (label_start.empty()) return pooled_count;
  const auto key = static_cast<std::size_t>(kept_index / (kept_count / kept.front().size));
  return (label_start[key + 1] - label_start[key]) * pooled_count;
}

Offsets PlanData::kept_offsets(std::int64_t index) const { return decode(kept, index); }

Offsets PlanData::run_offsets(std::int64_t kept_index, std::int64_t run) const {
  Offsets at = decode(kept, kept_index);
  add(at, decode(pooled, run % pooled_count), 1);
  if (!label_start.empty()) {
    const auto key = static_cast<std::size_t>(kept_index / (kept_count / kept.front().size));
    add(at, label_step, label_rows[static_cast<std::size_t>(label_start[key] + run / pooled_count)]);
  }
  return at;
}

bool PlanData::fits(const ConstView* const* views, int count) const {
  if (count != operands) return false;
  for (int k = 0; k < count; ++k) {
    if (views[k]->dtype() != (quantized && k == count - 1 ? DType::i8 : dtype) || !(views[k]->shape() == boxes.shape) ||
        !(views[k]->strides() == strides[static_cast<std::size_t>(k)])) {
      return false;
    }
  }
  return true;
}

std::string PlanData::describe() const {
  const auto line = [&](const char* part, const Loop& loop) {
    std::string s = std::string(part) + " " + std::to_string(loop.size) + " steps";
    for (int k = 0; k < operands; ++k) s += " " + std::to_string(loop.step.operand[static_cast<std::size_t>(k)]);
    return s + " parameter " + std::to_string(loop.step.parameter) + " mask " + std::to_string(loop.step.mask) + "\n";
  };
  std::string s = family == Family::rows ? (staged ? "rows, gathered\n" : "rows\n") : "columns\n";
  for (const Loop& loop : kept) s += line("kept  ", loop);
  if (!label_start.empty()) s += "pooled rows of a key\n";
  for (const Loop& loop : pooled) s += line("pooled", loop);
  s += line(family == Family::rows ? "run   " : "width ", inner);
  if (merged != 1) s += "every " + std::to_string(merged) + " columns are one distribution\n";
  return s;
}

}  // namespace norma
