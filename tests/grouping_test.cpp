// SPDX-License-Identifier: Apache-2.0
#include "norma/grouping.hpp"

#include <gtest/gtest.h>

#include "random_case.hpp"

namespace norma::test {
namespace {

std::vector<std::int64_t> assigned(const Grouping& grouping, const Dims& shape) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count_of(shape)), -7);
  grouping.assign(shape, ids);
  return ids;
}
using Ids = std::vector<std::int64_t>;

TEST(Grouping, AssignsAsTheDefinitionsSay) {
  for_random_cases(3000, [](std::uint64_t seed) {
    Random random(seed);
    const Dims shape = random_shape(random, 500, true);
    GroupingCase g = random_grouping(random, shape);
    if (random.chance(0.4)) narrow(random, shape, g);
    SCOPED_TRACE(to_string(shape) + " " + g.text);
    g.resolve(shape);
    EXPECT_EQ(assigned(g.grouping, shape), g.ids);
    const Grouping::Boxes boxes = g.grouping.boxes(shape);
    EXPECT_EQ(boxes.distributions(), g.distributions);
    EXPECT_EQ(boxes.parameters(), g.parameters);
    EXPECT_EQ(boxes.parameter_axes, g.parameter_axes);
    EXPECT_EQ(g.grouping.needs_two(shape), g.needs_two(shape));
  });
}

TEST(Grouping, NamesAsEverybodyKnowsThem) {
  const Dims image{2, 4, 3};  // N, C, S
  EXPECT_EQ(assigned(Grouping::batch(), image),
            (Ids{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}));
  EXPECT_EQ(assigned(Grouping::instance(), image),
            (Ids{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7}));
  EXPECT_EQ(assigned(Grouping::group(2), image),
            (Ids{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3}));
  EXPECT_EQ(assigned(Grouping::sample(), {2, 3}), (Ids{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(assigned(Grouping::layer({2}), {2, 2, 2}), (Ids{0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(assigned(Grouping::layer({2, 2}), {2, 2, 2}), (Ids{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(assigned(Grouping::ghost_batch(2), {4, 2}), (Ids{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(assigned(Grouping::over({0}), {2, 2}), (Ids{0, 1, 0, 1}));
  EXPECT_EQ(assigned(Grouping::over({-1}), {2, 2}), (Ids{0, 0, 1, 1}));
  EXPECT_EQ(assigned(Grouping::over({}), {2, 2}), (Ids{0, 1, 2, 3}));
  const Ids keys = {70, -5, 70, 8};
  EXPECT_EQ(assigned(Grouping::labels(keys), {4}), (Ids{2, 0, 2, 1}));
  EXPECT_EQ(assigned(Grouping::labels(keys), {4, 2}), (Ids{4, 5, 0, 1, 4, 5, 2, 3}));
  const Ids lengths = {1, 3};
  EXPECT_EQ(assigned(Grouping::sample().with_lengths(lengths), {2, 3}), (Ids{0, -1, -1, 1, 1, 1}));
  const std::uint8_t mask[] = {0, 1, 1};
  EXPECT_EQ(assigned(Grouping::sample().masked(view(mask, {3})), {2, 3}), (Ids{-1, 0, 0, -1, 1, 1}));
}

TEST(Grouping, WeightsBelongWhereTheLayersHaveThem) {
  const Dims image{2, 4, 3, 5};
  EXPECT_EQ(Grouping::batch().boxes(image).parameters(), 4);
  EXPECT_EQ(Grouping::batch(-1).boxes(image).parameters(), 5);
  EXPECT_EQ(Grouping::ghost_batch(1).boxes(image).parameters(), 4);
  EXPECT_EQ(Grouping::instance(2).boxes(image).parameters(), 3);
  EXPECT_EQ(Grouping::group(2).boxes(image).parameters(), 4);
  EXPECT_EQ(Grouping::sample().boxes(image).parameters(), 60);
  EXPECT_EQ(Grouping::layer({3, 5}).boxes(image).parameters(), 15);
  EXPECT_EQ(Grouping::over({1}).boxes(image).parameters(), 4);
  EXPECT_EQ(Grouping::over({1}).parameters_along({}).boxes(image).parameters(), 1);
  EXPECT_EQ(Grouping::over({1}).parameters_along({-1, 0}).boxes(image).parameters(), 10);
}

TEST(Grouping, CountsBoxesThatHaveNoMembers) {
  EXPECT_EQ(Grouping::batch().boxes({0, 4, 3}).distributions(), 4);
  EXPECT_EQ(Grouping::batch().boxes({2, 0, 3}).distributions(), 0);
  EXPECT_EQ(Grouping::sample().boxes({3, 0}).distributions(), 3);
  EXPECT_EQ(Grouping::sample().boxes({0, 3}).distributions(), 0);
  EXPECT_EQ(Grouping::instance().boxes({2, 3, 0}).distributions(), 6);
  EXPECT_EQ(Grouping::group(3).boxes({2, 6, 0}).distributions(), 6);
  EXPECT_EQ(Grouping::over({}).boxes({}).distributions(), 1);
  EXPECT_EQ(Grouping::labels({}).boxes({0, 3}).distributions(), 0);
}

}  // namespace
}  // namespace norma::test
