// SPDX-License-Identifier: Apache-2.0
#include "norma/view.hpp"

#include <gtest/gtest.h>

#include <set>

#include "random_case.hpp"
#include "refusal.hpp"

namespace norma::test {
namespace {

TEST(Dims, HoldsUpToEight) {
  Dims dims{1, 2, 3};
  EXPECT_EQ(dims.rank(), 3);
  EXPECT_EQ(to_string(dims), "(1, 2, 3)");
  EXPECT_EQ(to_string(Dims{5}), "(5,)");
  EXPECT_EQ(to_string(Dims{}), "()");
  EXPECT_EQ(count_of(Dims{}), 1);
  EXPECT_EQ(count_of(Dims{4, 0, 3}), 0);
  while (dims.rank() < 8) dims.push_back(1);
  expect_refusal([&] { dims.push_back(1); }, {"9 axes", "8"});
  const std::vector<std::int64_t> nine(9, 1);
  expect_refusal([&] { Dims{std::span(nine)}; }, {"9 axes", "8"});
}

TEST(View, StridesOfCOrder) {
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Dims{12, 4, 1}));
  EXPECT_EQ(contiguous_strides({}), Dims{});
  EXPECT_EQ(contiguous_strides({2, 0, 4}), (Dims{4, 4, 1}));
}

TEST(View, KnowsWhatItWasMadeOf) {
  float x[24] = {};
  const ConstView v = view(static_cast<const float*>(x), {2, 3, 4});
  EXPECT_EQ(v.dtype(), DType::f32);
  EXPECT_EQ(v.size(), 24);
  EXPECT_TRUE(v.contiguous());
  EXPECT_FALSE(v.empty());
  EXPECT_TRUE(ConstView().empty());
  EXPECT_EQ(ConstView().size(), 0);
  EXPECT_FALSE(view(x, {3, 2}, {1, 3}).contiguous());
  EXPECT_TRUE(view(x, {1, 4}, {77, 1}).contiguous()) << "the stride of an axis of size 1 says nothing";
  EXPECT_TRUE(view(static_cast<float*>(nullptr), {0, 3}).contiguous());
  EXPECT_EQ(view(x, {}).size(), 1);
  EXPECT_TRUE(same(view(x, {2, 3}), view(x, {2, 3})));
  EXPECT_FALSE(same(view(x, {2, 3}), view(x, {3, 2})));
  EXPECT_STREQ(name_of(DType::bf16), "bf16");
  EXPECT_EQ(size_of(DType::f64), 8u);
}

TEST(View, RefusesWhatCannotBe) {
  float x[4] = {};
  expect_refusal([&] { view(static_cast<float*>(nullptr), {2, 2}); }, {"data is null", "(2, 2)", "4 elements"});
  expect_refusal([&] { view(x, {2, -1}); }, {"(2, -1)", "negative"});
  expect_refusal([&] { view(x, {2, 2}, {1}); }, {"(1,)", "(2, 2)"});
  const std::int64_t huge = std::int64_t{1} << 62;
  expect_refusal([&] { view(x, {huge, huge}); }, {"63"});
  // Empty, and yet the product of the other sizes does not fit, in whatever order it is taken.
  expect_refusal([&] { view(x, {huge, huge, 0}); }, {"63"});
  expect_refusal([&] { view(x, {0, huge, huge}, {0, 0, 0}); }, {"63"});
  expect_refusal([&] { view(static_cast<const float*>(x), {2, 2}, {huge, huge}); }, {"63"});
  expect_refusal([&] { view(static_cast<const float*>(x), {huge, 4}, {0, 0}); }, {"63"});
  expect_refusal([&] { view(static_cast<const float*>(x), {3}, {INT64_MIN}); }, {"63"});
  expect_refusal([&] { view(x, {4}, {0}); }, {"strides (0,)", "overlap"});
  expect_refusal([&] { view(x, {2, 3}, {1, 1}); }, {"overlap"});
  EXPECT_NO_THROW(view(static_cast<const float*>(x), {4}, {0})) << "for reading, one element may serve for all";
  EXPECT_NO_THROW(view(x, {1, 4}, {0, 1})) << "an axis of size 1 does not step";
}

std::set<std::int64_t> bytes_of(const ConstView& v) {
  std::set<std::int64_t> bytes;
  for (std::int64_t at : offsets_of(v.shape(), v.strides())) {
    const auto address = reinterpret_cast<std::intptr_t>(v.data()) + at * static_cast<std::int64_t>(size_of(v.dtype()));
    for (std::size_t k = 0; k < size_of(v.dtype()); ++k) bytes.insert(address + static_cast<std::int64_t>(k));
  }
  return bytes;
}

TEST(View, OverlapAgreesWithTheSetsOfBytes) {
  alignas(64) static char memory[1 << 16];
  int exact = 0;
  for_random_cases(4000, [&](std::uint64_t seed) {
    Random random(seed);
    const Dims shape = random_shape(random, 60, true);
    const Layout layout =
        make_layout(random, shape, random.one_of({Place::contiguous, Place::permuted, Place::scattered}));
    const DType dtype = random.one_of(kFloats);
    char* middle = memory + sizeof(memory) / 2;
    const ConstView a(middle, dtype, shape, layout.strides);
    const bool alike = random.chance(0.6);
    const Dims other = alike ? shape : random_shape(random, 60, true);
    const Dims strides = alike ? layout.strides : make_layout(random, other, Place::scattered).strides;
    const auto shift =
        static_cast<std::int64_t>(size_of(dtype)) * random.integer(-30, 30) + (random.chance(0.1) ? 1 : 0);
    const ConstView b(middle + shift, alike || random.chance(0.5) ? dtype : DType::u8, other, strides);
    std::set<std::int64_t> of_a = bytes_of(a), of_b = bytes_of(b);
    const bool truth = std::any_of(of_a.begin(), of_a.end(), [&](std::int64_t byte) { return of_b.count(byte) > 0; });
    SCOPED_TRACE(to_string(a.shape()) + to_string(a.strides()) + " and " + to_string(b.shape()) +
                 to_string(b.strides()) + " shifted by " + std::to_string(shift));
    if (truth) {
      EXPECT_TRUE(overlap(a, b));
    }
    if (alike && shift % static_cast<std::int64_t>(size_of(dtype)) == 0) {
      EXPECT_EQ(overlap(a, b), truth);
      ++exact;
    }
    EXPECT_EQ(overlap(a, b), overlap(b, a));
  });
  EXPECT_GT(exact, 0);
}

TEST(View, OutputsNeverNameAnElementTwice) {
  for_random_cases(4000, [&](std::uint64_t seed) {
    Random random(seed);
    static char memory[1 << 20];
    const Dims shape = random_shape(random, 60, false);
    Dims strides =
        make_layout(random, shape, random.one_of({Place::contiguous, Place::permuted, Place::scattered})).strides;
    const bool changed = shape.rank() > 0 && random.chance(0.5);
    if (changed) strides[static_cast<int>(random.integer(0, shape.rank() - 1))] += random.integer(-6, 6);
    std::vector<std::int64_t> offsets = offsets_of(shape, strides);
    std::sort(offsets.begin(), offsets.end());
    const bool twice = std::adjacent_find(offsets.begin(), offsets.end()) != offsets.end();
    SCOPED_TRACE(to_string(shape) + to_string(strides));
    if (twice) {
      EXPECT_THROW(View(memory + sizeof(memory) / 2, DType::u8, shape, strides), Error);
    } else if (!changed) {
      EXPECT_NO_THROW(View(memory + sizeof(memory) / 2, DType::u8, shape, strides));
    }
  });
}

}  // namespace
}  // namespace norma::test
