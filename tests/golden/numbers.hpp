// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

/// Numbers that are the same on every machine: integers, and their products with powers of two. Nothing here rounds, and
/// nothing comes from a mathematical library.

namespace norma::golden {

inline std::uint64_t fnv1a(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

/// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": splitmix64. The seed is a name.
class Numbers {
 public:
  explicit Numbers(std::string_view name) : state_(fnv1a(name)) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// From low to high, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  /// A bell about 0 of deviation 0.58: the sum of four 16-bit integers, in units of 2^-16.
  double bell() {
    const std::uint64_t z = next();
    const std::uint64_t sum = (z & 0xFFFF) + ((z >> 16) & 0xFFFF) + ((z >> 32) & 0xFFFF) + (z >> 48);
    return static_cast<double>(static_cast<std::int64_t>(sum) - 2 * 0xFFFF) * 0x1p-16;
  }

 private:
  std::uint64_t state_;
};

/// What many numbers are, in 64 bits: the same on machines of either byte order.
class Hash {
 public:
  void add(std::uint64_t word) {
    value_ = (value_ ^ word) * 0x9E3779B97F4A7C15u;
    value_ ^= value_ >> 29;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace norma::golden
