// SPDX-License-Identifier: Apache-2.0
// f16 and bf16: the scalar conversions against the formats' definitions, and every target's vectors against the
// scalars.
#include "half.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "norma/normalize.hpp"
#include "random_case.hpp"

namespace norma::test {
namespace {

/// (-1)^sign * 2^(exponent - bias) * 1.fraction, by the format's definition.
double decoded(unsigned bits, int exponent_bits, int fraction_bits) {
  const unsigned fraction = bits & ((1u << fraction_bits) - 1),
                 exponent = (bits >> fraction_bits) & ((1u << exponent_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (bits >> (exponent_bits + fraction_bits)) & 1 ? -1 : 1;
  const double part = static_cast<double>(fraction) / static_cast<double>(1u << fraction_bits);
  if (exponent == (1u << exponent_bits) - 1) return fraction ? std::nan("") : sign * HUGE_VAL;
  return exponent == 0 ? sign * part * std::exp2(1 - bias)
                       : sign * (1 + part) * std::exp2(static_cast<int>(exponent) - bias);
}

template <class T>
struct Format;
template <>
struct Format<Half> {
  static constexpr int exponent = 5, fraction = 10;
};
template <>
struct Format<BFloat16> {
  static constexpr int exponent = 8, fraction = 7;
};

template <class T>
class HalfTest : public ::testing::Test {
 protected:
  void TearDown() override { set_target(target_); }
  std::string target_ = target();
  static double decode(unsigned bits) { return decoded(bits, Format<T>::exponent, Format<T>::fraction); }
  static constexpr unsigned kInfinity = ((1u << Format<T>::exponent) - 1) << Format<T>::fraction;
};
using Halves = ::testing::Types<Half, BFloat16>;
TYPED_TEST_SUITE(HalfTest, Halves);

TYPED_TEST(HalfTest, EveryOneIsRead) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const double got = to_double(TypeParam{static_cast<std::uint16_t>(bits)}), exact = this->decode(bits);
    if (std::isnan(exact)) {
      ASSERT_TRUE(std::isnan(got)) << bits;
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got), std::bit_cast<std::uint64_t>(exact)) << bits;
    ASSERT_EQ(from_double<TypeParam>(got).bits, bits);
  }
  EXPECT_TRUE(std::isnan(this->decode(from_double<TypeParam>(std::nan("")).bits)));
}

/// Between each two neighbours: the point in the middle goes to the even one, the floats beside it to the nearer one.
/// The last neighbour is what infinity would be if the exponents went on.
TYPED_TEST(HalfTest, RoundsToNearestEven) {
  for (unsigned low = 0; low < this->kInfinity; ++low) {
    const double below = this->decode(low);
    const double above = low + 1 == this->kInfinity ? below + (below - this->decode(low - 1)) : this->decode(low + 1);
    const auto middle = static_cast<float>((below + above) / 2);
    ASSERT_EQ(static_cast<double>(middle), (below + above) / 2);
    const unsigned even = low % 2 == 0 ? low : low + 1;
    for (unsigned sign : {0u, 0x8000u}) {
      const auto rounded = [&](float v) { return from_double<TypeParam>(static_cast<double>(sign ? -v : v)).bits; };
      ASSERT_EQ(rounded(middle), even | sign) << middle;
      ASSERT_EQ(rounded(std::nextafterf(middle, 0)), low | sign) << middle;
      ASSERT_EQ(rounded(std::nextafterf(middle, HUGE_VALF)), (low + 1) | sign) << middle;
    }
  }
}

/// Values that vectors may stumble over: all halves, the ties between them and what lies beside, denormals, both ends,
/// NaN.
template <class T>
std::vector<float> hard_values() {
  std::vector<float> values;
  for (unsigned bits = 0; bits < 65536; bits += 3) {
    const auto v = static_cast<float>(to_double(T{static_cast<std::uint16_t>(bits)}));
    const auto next = static_cast<float>(to_double(T{static_cast<std::uint16_t>(bits + 1)}));
    const float middle = v + (next - v) / 2;
    for (float f : {v, middle, std::nextafterf(middle, -HUGE_VALF), std::nextafterf(middle, HUGE_VALF)})
      values.push_back(f);
  }
  for (float f : {65504.0f, 65519.996f, 65520.0f, 65535.0f, 65536.0f, 1e30f, 3.4028235e38f, 3.39e38f, 6.1035156e-5f,
                  6.0975552e-5f, 5.9604645e-8f, 2.9802322e-8f, 2.9802326e-8f, 1e-10f, 1e-40f, 1e-45f, 0.0f, HUGE_VALF,
                  std::nanf("")}) {
    values.push_back(f);
    values.push_back(-f);
  }
  return values;
}

std::uint16_t same_nan(std::uint16_t bits, double value) { return std::isnan(value) ? 0xFFFF : bits; }

/// y = 1 * weight: the weight, rounded to y's type by the vectors' store. At each length, so that tails are looked at
/// too.
TYPED_TEST(HalfTest, EveryTargetRoundsAsTheScalars) {
  using T = TypeParam;
  const std::vector<float> values = hard_values<T>();
  const auto n = static_cast<std::int64_t>(values.size());
  const T one = from_double<T>(1);
  const Moments identity = Moments::of(0, 1);
  for (const std::string& name : targets()) {
    set_target(name);
    for (std::int64_t length :
         {n, n - 1, n - 2, n - 3, n - 5, n - 7, n - 8, n - 15, std::int64_t{1}, std::int64_t{3}}) {
      std::vector<T> x(static_cast<std::size_t>(length), one), y(x.size());
      normalize_with(view(std::as_const(x).data(), {1, length}), view(y.data(), {1, length}), Grouping::sample(),
                     {&identity, 1}, {.weight = view(values.data() + (n - length), {length}), .eps = 0});
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto value = static_cast<double>(values[static_cast<std::size_t>(n - length) + i]);
        ASSERT_EQ(same_nan(y[i].bits, to_double(y[i])), same_nan(from_double<T>(value).bits, value))
            << name << " of " << value;
      }
    }
  }
}

/// The identity: mean 0, variance 1, eps 0. All 65536 are read and written.
TYPED_TEST(HalfTest, EveryTargetReadsAsTheScalars) {
  using T = TypeParam;
  std::vector<T> x, y(65536);
  for (unsigned bits = 0; bits < 65536; ++bits) x.push_back({static_cast<std::uint16_t>(bits)});
  const Moments identity = Moments::of(0, 1);
  const std::vector<Moments> columns(4, identity);
  for (const std::string& name : targets()) {
    set_target(name);
    for (bool by_columns : {false, true}) {
      const Dims shape = by_columns ? Dims{16384, 4} : Dims{1, 65536};
      normalize_with(view(std::as_const(x).data(), shape), view(y.data(), shape),
                     by_columns ? Grouping::over({0}) : Grouping::sample(),
                     by_columns ? std::span<const Moments>(columns) : std::span<const Moments>(&identity, 1),
                     {.eps = 0});
      for (unsigned bits = 0; bits < 65536; ++bits) {
        const double value = to_double(x[bits]);
        if (value == 0) {
          ASSERT_EQ(to_double(y[bits]), 0) << "of either sign";
        } else {
          ASSERT_EQ(same_nan(y[bits].bits, to_double(y[bits])), same_nan(x[bits].bits, value))
              << name << " of " << value;
        }
      }
    }
    // Summing reads through other vectors: the mean of a value and itself.
    for (unsigned bits = 0; bits < 65536; bits += 7) {
      const T pair[] = {{static_cast<std::uint16_t>(bits)}, {static_cast<std::uint16_t>(bits)}};
      const double value = to_double(pair[0]);
      if (!std::isfinite(value)) continue;
      Moments m;
      measure(view(pair, {1, 2}), Grouping::sample(), {&m, 1});
      ASSERT_EQ(m.mean, value) << name;
      ASSERT_EQ(m.m2, 0) << name;
    }
  }
}

}  // namespace
}  // namespace norma::test
