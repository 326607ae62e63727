// SPDX-License-Identifier: Apache-2.0
// Random shapes, strides, groupings, masks and options, drawn as tests/random_case.hpp draws them but by the fuzzer's bytes:
// every operation against the exact reference.
#include "expect.hpp"
#include "fuzzing.hpp"
#include "outcome.hpp"

using namespace norma;
using namespace norma::test;

namespace {

constexpr std::int64_t kMostElements = 400;

bool trains(const Case& c) { return !c.g.refused_in_training(c.shape); }

void check(Case& c, std::uint64_t seed) {
  const std::vector<std::byte> x = c.x.memory();
  std::vector<Moments> saved = c.room();
  measure(c.x.in(), c.g.grouping, saved, c.options);
  const std::vector<Statistics> statistics = statistics_of(c.problem());
  expect_moments(saved, statistics, c.options.centered, c.dtype);
  const bool trained = fuzz::done_or_refused([&] { normalize(c.x.in(), c.y.out(), c.g.grouping, c.options, saved); });
  fuzz::demand(trained == trains(c), "training is refused where there is one value a distribution, and there alone");
  if (trained) expect_forward(c, statistics, false);
  normalize_with(c.x.in(), c.y.out(), c.g.grouping, saved, c.options);
  expect_forward(c, statistics_from(saved, c.options.eps), true);
  backward_with(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
  expect_gradients(c, statistics_from(saved, c.options.eps), true);
  backward(c.x.in(), c.dy.in(), c.g.grouping, saved, c.gradients(), c.options);
  expect_gradients(c, statistics, false);
  fuzz::demand(x == c.x.memory(), "the input is as it was");
  fuzz::demand(c.y.gaps_untouched() && c.dx.gaps_untouched(), "nothing between the elements is written");

  DisorderlyRunner disorderly(seed, 1 + static_cast<int>(seed % 7));
  const Outcome in_order = outcome_of(c, serial_runner());
  fuzz::demand(outcome_of(c, disorderly) == in_order, "the order of the tasks changes no bit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = [] {
    set_num_threads(1);
    GTEST_FLAG_SET(break_on_failure, true);  // what the comparison says is printed, and the fuzzer keeps the input
    return true;
  }();
  fuzz::demand(ready, "GoogleTest ends the process");
  Random random(fuzz::Bytes{data, size});
  Case c = random_case(random, kMostElements);
  check(c, size);
  return 0;
}
