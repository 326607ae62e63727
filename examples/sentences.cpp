// SPDX-License-Identifier: Apache-2.0
// Sentences of different lengths in one tensor: padding belongs to no distribution.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <norma/norma.hpp>
#include <random>
#include <vector>

int main() {
  std::vector<float> words(3 * 12 * 64, std::nanf("")), result(words.size());  // whatever the padding holds
  std::mt19937 random(1);
  std::normal_distribution<float> number(0.5f, 2);

  // [sentences]
  const norma::Dims shape{3, 12, 64};                    // 3 sentences, padded to 12 words of 64 numbers
  const std::vector<std::int64_t> lengths = {9, 12, 5};  // how many words are real
  for (std::size_t n = 0; n < 3; ++n) {
    const auto real = static_cast<std::size_t>(lengths[n]) * 64;
    for (std::size_t i = 0; i < real; ++i) words[n * 12 * 64 + i] = number(random);
  }
  const norma::View x = norma::view(words.data(), shape), y = norma::view(result.data(), shape);

  std::vector<norma::Moments> of_sentence(3);
  norma::normalize(x, y, norma::Grouping::sample().with_lengths(lengths), {}, of_sentence);
  // [/sentences]

  for (std::size_t n = 0; n < 3; ++n) {
    std::printf("sentence %zu: %lld numbers, mean %.3f, deviation %.3f\n", n,
                static_cast<long long>(of_sentence[n].count), of_sentence[n].mean,
                std::sqrt(of_sentence[n].variance()));
    if (of_sentence[n].count != lengths[n] * 64 || !(std::abs(of_sentence[n].mean - 0.5) < 0.5)) return 1;
  }
  for (std::size_t i = 9 * 64; i < 12 * 64; ++i) {
    if (result[i] != 0) return 1;  // padding comes out as zero, though it was NaN
  }
  return 0;
}
