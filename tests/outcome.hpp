// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "norma/parallel.hpp"
#include "random_case.hpp"

/// Everything that a case's calls give, as bits to be compared.

namespace norma::test {

/// Moments as bits; every NaN is one NaN.
inline std::string bits_of(const std::vector<Moments>& moments) {
  std::string bits;
  const auto add = [&](auto value) {
    if (value != value) value = 0, bits += "NaN";
    char bytes[sizeof(value)];
    std::memcpy(bytes, &value, sizeof(value));
    bits.append(bytes, sizeof(value));
  };
  for (const Moments& m : moments) add(m.count), add(m.mean), add(m.mean_low), add(m.m2);
  return bits;
}

struct Outcome {
  std::string y, moments, measured, y_given, dx, dweight, dbias, dx_given, dweight_given;
  friend bool operator==(const Outcome&, const Outcome&) = default;
  /// Says which parts there are, not their bytes.
  friend void PrintTo(const Outcome& o, std::ostream* out) {
    const std::hash<std::string> hash;
    *out << std::hex << "y " << hash(o.y) << " moments " << hash(o.moments) << " measured " << hash(o.measured) << " y given "
         << hash(o.y_given) << " dx " << hash(o.dx) << " dweight " << hash(o.dweight) << " dbias " << hash(o.dbias)
         << " dx given " << hash(o.dx_given) << " dweight given " << hash(o.dweight_given) << std::dec;
  }
};

inline Outcome outcome_of(Case& c, Runner& runner) {
  Options options = c.options;
  options.runner = &runner;
  Outcome o;
  std::vector<Moments> saved = c.room();
  measure(c.x.in(), c.g.grouping, saved, options);
  o.measured = bits_of(saved);
  if (!c.g.refused_in_training(c.shape)) {
    normalize(c.x.in(), c.y.out(), c.g.grouping, options, saved);
    o.moments = bits_of(saved);
    o.y = c.y.bits();
  }
  normalize_with(c.x.in(), c.y.out(), c.g.grouping, saved, options);
  o.y_given = c.y.bits();
  backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), options);
  o.dx = c.dx.bits();
  o.dweight = c.dweight.bits();
  o.dbias = c.dbias.bits();
  backward_with(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), options);
  o.dx_given = c.dx.bits();
  o.dweight_given = c.dweight.bits();
  return o;
}

/// Runs tasks on the calling thread in an order of its own, and claims to run many at once.
class DisorderlyRunner final : public Runner {
 public:
  DisorderlyRunner(std::uint64_t seed, int concurrency) : random_(seed), concurrency_(concurrency) {}
  void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
    std::vector<std::int64_t> order;
    for (std::int64_t i = tasks; i-- > 0;) order.push_back(i);
    if (concurrency_ % 2 == 1) random_.shuffle(order);  // else: backwards
    for (std::int64_t i : order) task(context, i);
    ++runs_;
  }
  int concurrency() const override { return concurrency_; }
  int runs() const { return runs_; }

 private:
  Random random_;
  int concurrency_, runs_ = 0;
};

/// How many elements a large case has. Shared between threads are 32768 and more; more than 2^19 are 1 MiB in any dtype.
struct Elements {
  std::int64_t least = 33000, most = 160000;
};

/// A shape of so many elements, of any proportions.
inline Dims random_large_shape(Random& random, Elements elements = {}) {
  for (;;) {
    Dims shape;
    const std::int64_t rank = random.integer(1, 4);
    for (std::int64_t k = 0; k < rank; ++k) {
      shape.push_back(random.chance(0.3)   ? random.integer(1, 5)
                      : random.chance(0.5) ? random.integer(6, 90)
                                           : random.integer(90, 3000));
    }
    if (random.chance(0.15)) shape[static_cast<int>(random.integer(0, rank - 1))] = random.integer(33000, 150000);
    if (count_of(shape) >= elements.least && count_of(shape) <= elements.most) return shape;
  }
}

inline Case random_large_case(Random& random, Elements elements = {}) {
  Case c;
  c.shape = random_large_shape(random, elements);
  // Sums of floats are often exact in double, whatever their order; those of doubles never are.
  c.dtype = random.chance(0.4) ? DType::f64 : random.one_of(kFloats);
  c.g = random_grouping(random, c.shape);
  if (random.chance(0.2)) narrow(random, c.shape, c.g);
  complete(random, c, false);
  c.dweight = c.dbias = Tensor(DType::f64, {c.g.parameters});
  return c;
}

}  // namespace norma::test
