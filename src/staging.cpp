// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "half.hpp"
#include "rows.hpp"

namespace norma {

Offsets Distribution::at(std::int64_t run) const {
  if (!plan_.even_runs()) return plan_.run_offsets(index_, run);
  Offsets at = start_;
  if (plan_.pooled.empty()) return at;
  const Offsets& step = plan_.pooled.front().step;
  for (std::size_t k = 0; k < kMostOperands; ++k) at.operand[k] += step.operand[k] * run;
  at.parameter += step.parameter * run;
  at.mask += step.mask * run;
  return at;
}

std::int64_t Distribution::chunks() const {
  const std::int64_t length = plan_.inner.size;
  if (length > simd::kChunk) return runs_ * ((length + simd::kChunk - 1) / simd::kChunk);
  const std::int64_t together = simd::kChunk / std::max<std::int64_t>(length, 1);
  return (runs_ + together - 1) / together;
}

Chunk Distribution::chunk(std::int64_t k) const {
  const std::int64_t length = plan_.inner.size;
  if (length > simd::kChunk) {
    const std::int64_t pieces = (length + simd::kChunk - 1) / simd::kChunk, first = k % pieces * simd::kChunk;
    return {k / pieces, 1, first, std::min(simd::kChunk, length - first)};
  }
  const std::int64_t together = simd::kChunk / std::max<std::int64_t>(length, 1), run = k * together;
  return {run, std::min(together, runs_ - run), 0, length};
}

std::byte* Staging::buffer(int k) {
  std::byte*& at = buffers_[static_cast<std::size_t>(k)];
  if (at == nullptr) at = frame_.take<std::byte>(simd::kChunk * static_cast<std::int64_t>(size_of(plan_.dtype)));
  return at;
}

namespace {

/// Calls body(i, offset of element i in operand k, counts) for each element of a chunk, in order.
template <class Body>
void for_each_element(const Distribution& distribution, const Chunk& chunk, int k, const Body& body) {
  const PlanData& plan = distribution.plan();
  const std::uint8_t* mask = plan.masked ? plan.mask_data() : nullptr;
  const std::int64_t step = plan.inner.step.operand[static_cast<std::size_t>(k)];
  std::int64_t i = 0;
  for (std::int64_t r = 0; r < chunk.runs; ++r) {
    const Offsets at = distribution.at(chunk.run + r);
    const std::int64_t from = at.operand[static_cast<std::size_t>(k)] + chunk.first * step;
    if (mask == nullptr) {
      for (std::int64_t j = 0; j < chunk.length; ++j, ++i) body(i, from + j * step, true);
      continue;
    }
    // A stretch for each turn of the mask's innermost loop, or for the part of it that lies in the chunk.
    const PlanData::MaskLoop innermost = plan.run_mask.front();
    for (std::int64_t j = 0; j < chunk.length;) {
      const std::int64_t begin = (chunk.first + j) % innermost.size;
      const std::int64_t end = std::min(innermost.size, begin + chunk.length - j);
      std::int64_t turn = (chunk.first + j) / innermost.size, m = at.mask;
      for (std::size_t level = 1; level < plan.run_mask.size(); ++level) {
        m += turn % plan.run_mask[level].size * plan.run_mask[level].step;
        turn /= plan.run_mask[level].size;
      }
      for (std::int64_t t = begin; t < end; ++t, ++j, ++i) body(i, from + j * step, mask[m + t * innermost.step] != 0);
    }
  }
}

template <class Bits>
std::int64_t gather_bits(const Distribution& distribution, const Chunk& chunk, int k, const std::byte* base, std::byte* to,
                         Staging::Fill fill) {
  const auto* from = reinterpret_cast<const Bits*>(base);
  auto* buffer = reinterpret_cast<Bits*>(to);
  std::int64_t count = 0;
  Bits member = 0;
  for_each_element(distribution, chunk, k, [&](std::int64_t i, std::int64_t at, bool counts) {
    if (counts) {
      buffer[i] = from[at];
      if (count++ == 0 && fill == Staging::Fill::member) {
        member = buffer[i];
        std::fill(buffer, buffer + i, member);
      }
    } else {
      buffer[i] = member;
    }
  });
  return count;
}

template <class Bits>
void scatter_bits(const Distribution& distribution, const Chunk& chunk, int k, const std::byte* from, std::byte* base,
                  Bits left_out = 0) {
  const auto* buffer = reinterpret_cast<const Bits*>(from);
  auto* to = reinterpret_cast<Bits*>(base);
  for_each_element(distribution, chunk, k,
                   [&](std::int64_t i, std::int64_t at, bool counts) { to[at] = counts ? buffer[i] : left_out; });
}

template <class Bits>
void refill_bits(const Distribution& distribution, const Chunk& chunk, std::byte* buffer, Bits value) {
  for_each_element(distribution, chunk, 0, [&](std::int64_t i, std::int64_t, bool counts) {
    if (!counts) reinterpret_cast<Bits*>(buffer)[i] = value;
  });
}

/// body(an unsigned integer of the element type's size).
template <class Body>
auto with_bits(DType dtype, const Body& body) {
  switch (size_of(dtype)) {
    case 2: return body(std::uint16_t());
    case 4: return body(std::uint32_t());
    default: return body(std::uint64_t());
  }
}

}  // namespace

std::int64_t Staging::gather(const Distribution& distribution, const Chunk& chunk, int k, const std::byte* base, Fill fill) {
  return with_bits(plan_.dtype,
                   [&](auto bits) { return gather_bits<decltype(bits)>(distribution, chunk, k, base, buffer(k), fill); });
}

void Staging::gather(const Distribution& distribution, const Chunk& chunk, int k, const std::byte* base, int into) {
  with_bits(plan_.dtype,
            [&](auto bits) { gather_bits<decltype(bits)>(distribution, chunk, k, base, buffer(into), Fill::zero); });
}

void Staging::refill(const Distribution& distribution, const Chunk& chunk, double value) {
  if (!plan_.masked) return;
  switch (plan_.dtype) {
    case DType::f64: return refill_bits(distribution, chunk, buffer(0), std::bit_cast<std::uint64_t>(value));
    case DType::f32:
      return refill_bits(distribution, chunk, buffer(0), std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    case DType::f16: return refill_bits(distribution, chunk, buffer(0), from_double<Half>(value).bits);
    default: return refill_bits(distribution, chunk, buffer(0), from_double<BFloat16>(value).bits);
  }
}

void Staging::scatter(const Distribution& distribution, const Chunk& chunk, int k, std::byte* base, int from) const {
  with_bits(plan_.dtype, [&](auto bits) {
    scatter_bits<decltype(bits)>(distribution, chunk, k, buffers_[static_cast<std::size_t>(from)], base);
  });
}

void Staging::scatter_quantized(const Distribution& distribution, const Chunk& chunk, std::byte* base, int from,
                                int zero_point) const {
  scatter_bits(distribution, chunk, 1, buffers_[static_cast<std::size_t>(from)], base, static_cast<std::int8_t>(zero_point));
}

double element_at(DType dtype, const std::byte* p) {
  switch (dtype) {
    case DType::f32: return to_double(*reinterpret_cast<const float*>(p));
    case DType::f64: return *reinterpret_cast<const double*>(p);
    case DType::f16: return to_double(*reinterpret_cast<const Half*>(p));
    default: return to_double(*reinterpret_cast<const BFloat16*>(p));
  }
}

double rounded_to(DType dtype, double value) {
  switch (dtype) {
    case DType::f32: return to_double(from_double<float>(value));
    case DType::f64: return value;
    case DType::f16: return to_double(from_double<Half>(value));
    default: return to_double(from_double<BFloat16>(value));
  }
}

}  // namespace norma
