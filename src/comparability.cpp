// SPDX-License-Identifier: Apache-2.0
#include "norma/comparability.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "half.hpp"

namespace norma {

namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error("[comparability] " + sentence); }

// ---------------------------------------------------------------------------------------------------- reading

void check_view(const ConstView& v, const char* name) {
  if (v.empty()) refuse(std::string(name) + " is absent; give a view of it");
  if (!is_float(v.dtype())) refuse(std::string(name) + " is " + name_of(v.dtype()) + "; convert it to f32, f64, f16 or bf16");
}

void check_pair(const ConstView& x, const ConstView& y) {
  check_view(x, "x");
  check_view(y, "y");
  if (!(x.shape() == y.shape())) {
    refuse("y of shape " + to_string(y.shape()) + " does not have x's shape " + to_string(x.shape()) +
           "; give the input and the output of one map");
  }
}

template <class T, class Visit>
void visit_rows(const ConstView& v, const Visit& visit) {
  const int inner = v.rank() - 1;
  const std::int64_t n = v.size(), length = inner < 0 ? 1 : v.shape()[inner], step = inner < 0 ? 0 : v.strides()[inner];
  Dims index = v.shape();
  for (int axis = 0; axis < v.rank(); ++axis) index[axis] = 0;
  for (std::int64_t done = 0; done < n;) {
    const T* row = static_cast<const T*>(v.data());
    for (int axis = 0; axis < inner; ++axis) row += index[axis] * v.strides()[axis];
    for (std::int64_t i = 0; i < length; ++i) visit(done++, to_double(row[i * step]));
    for (int axis = inner - 1; axis >= 0 && ++index[axis] == v.shape()[axis]; --axis) index[axis] = 0;
  }
}

/// Calls visit(i, value) for each element, numbered in C order.
template <class Visit>
void for_each_value(const ConstView& v, const Visit& visit) {
  switch (v.dtype()) {
    case DType::f64: return visit_rows<double>(v, visit);
    case DType::f16: return visit_rows<Half>(v, visit);
    case DType::bf16: return visit_rows<BFloat16>(v, visit);
    default: return visit_rows<float>(v, visit);
  }
}

std::vector<double> values_of(const ConstView& v) {
  std::vector<double> values(static_cast<std::size_t>(v.size()));
  for_each_value(v, [&](std::int64_t i, double value) { values[static_cast<std::size_t>(i)] = value; });
  return values;
}

/// For each element the number of its distribution, or -1.
std::vector<std::int64_t> numbers_of(const ConstView& x, const Grouping& grouping) {
  check_view(x, "x");
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(x.size()));
  grouping.assign(x.shape(), numbers);
  return numbers;
}

// ---------------------------------------------------------------------------------------------------- pairs of
// elements

constexpr std::int64_t kMostElements = std::int64_t{1} << 32;  // n * (n - 1) / 2 < 2^63, and a number fits in 32 bits

void check_count(const ConstView& x) {
  if (x.size() <= kMostElements) return;
  refuse("x of shape " + to_string(x.shape()) + " has " + std::to_string(x.size()) +
         " elements, but pairs are counted among 4294967296 at most; take a sample");
}

struct Element {
  double x, y;
  std::uint32_t same, different;
};

/// Numbers below `count`, equal where the given ones are; what they are where the given one is negative does not
/// matter.
struct Classes {
  std::vector<std::uint32_t> of;
  std::uint64_t count = 1;
};

Classes classes_of(std::span<const std::int64_t> numbers) {
  Classes classes;
  classes.of.resize(numbers.size());
  std::int64_t largest = -1;
  for (std::int64_t number : numbers) largest = std::max(largest, number);
  if (largest < static_cast<std::int64_t>(numbers.size())) {  // as Grouping::assign's always are
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      classes.of[i] = static_cast<std::uint32_t>(std::max<std::int64_t>(numbers[i], 0));
    }
    classes.count = static_cast<std::uint64_t>(std::max<std::int64_t>(largest, 0)) + 1;
    return classes;
  }
  std::vector<std::int64_t> known(numbers.begin(), numbers.end());
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    classes.of[i] = static_cast<std::uint32_t>(std::lower_bound(known.begin(), known.end(), numbers[i]) - known.begin());
  }
  classes.count = known.size();
  return classes;
}

struct Elements {
  std::vector<Element> list, buffer;
  std::vector<double> merged, ping;  // of tally()
  std::int64_t left_out = 0, not_a_number = 0;

  Elements(const ConstView& x, const ConstView& y, const PairKind& kind) {
    const std::size_t n = static_cast<std::size_t>(x.size());
    list.resize(n);
    for_each_value(x, [&](std::int64_t i, double value) { list[static_cast<std::size_t>(i)] = {value, 0, 0, 0}; });
    for_each_value(y, [&](std::int64_t i, double value) { list[static_cast<std::size_t>(i)].y = value; });
    if (kind.same) number(*kind.same, &Element::same, same_count);
    if (kind.different) number(*kind.different, &Element::different, different_count);
    std::size_t used = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if ((kind.same && (*kind.same)[i] < 0) || (kind.different && (*kind.different)[i] < 0)) {
        ++left_out;
      } else if (std::isnan(list[i].x) || std::isnan(list[i].y)) {
        ++not_a_number;
      } else {
        list[used++] = list[i];
      }
    }
    list.resize(used);
    std::sort(list.begin(), list.end(),
              [](const Element& a, const Element& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
    buffer.resize(used);
    merged.resize(used);
    ping.resize(used);
  }

  /// Brings elements of one class together and leaves the order within each class as it was.
  void gather(std::uint32_t Element::*member, std::uint64_t count) {
    if (count == 1) return;
    std::vector<std::size_t> place(count + 1);
    for (const Element& e : list) ++place[std::size_t{e.*member} + 1];
    for (std::size_t c = 1; c <= count; ++c) place[c] += place[c - 1];
    for (const Element& e : list) buffer[place[e.*member]++] = e;
    list.swap(buffer);
  }

  /// The pairs within each run of neighbours that are alike. The runs must be sorted by (x, y).
  template <class Alike>
  PairCounts tally_runs(const Alike& alike) {
    PairCounts counts;
    for (std::size_t first = 0, last = 0; first < list.size(); first = last) {
      while (last < list.size() && alike(list[first], list[last])) ++last;
      counts = counts + tally(first, last);
    }
    return counts;
  }

  std::uint64_t same_count = 1, different_count = 1;

 private:
  void number(std::span<const std::int64_t> numbers, std::uint32_t Element::*member, std::uint64_t& count) {
    const Classes classes = classes_of(numbers);
    for (std::size_t i = 0; i < list.size(); ++i) list[i].*member = classes.of[i];
    count = classes.count;
  }

  // In 64 bits, as std::size_t is of 32 in WebAssembly, and 92,683 elements have more pairs than that.
  static std::uint64_t pairs(std::uint64_t n) { return n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n; }

  /// The pairs of n neighbours in runs of equals.
  template <class Equal>
  static std::uint64_t pairs_of_equals(std::size_t n, const Equal& equal) {
    std::uint64_t count = 0;
    for (std::size_t first = 0, last = 0; first < n; first = last) {
      while (last < n && equal(first, last)) ++last;
      count += pairs(last - first);
    }
    return count;
  }

  /// Knight's count: what is sorted by x, ties of x by y, has as many reversed pairs as y has inversions.
  PairCounts tally(std::size_t first, std::size_t last) {
    const std::size_t n = last - first;
    const Element* e = list.data() + first;
    for (std::size_t i = 0; i < n; ++i) merged[i] = e[i].y;
    const std::uint64_t same_x = pairs_of_equals(n, [&](std::size_t i, std::size_t j) { return e[i].x == e[j].x; });
    const std::uint64_t same_both =
        pairs_of_equals(n, [&](std::size_t i, std::size_t j) { return e[i].x == e[j].x && e[i].y == e[j].y; });
    PairCounts counts;
    counts.reversed = sort_counting_inversions(n);
    const std::uint64_t same_y = pairs_of_equals(n, [&](std::size_t i, std::size_t j) { return merged[i] == merged[j]; });
    counts.tied_both = same_both;
    counts.tied_before = same_x - same_both;
    counts.tied_after = same_y - same_both;
    counts.kept = pairs(n) - counts.reversed - counts.ties();
    return counts;
  }

  /// Sorts the first n of `merged`; returns how many pairs i < j had the larger value at i.
  std::uint64_t sort_counting_inversions(std::size_t n) {
    constexpr std::size_t kBlock = 16;  // by insertion
    std::uint64_t inversions = 0;
    for (std::size_t block = 0; block < n; block += kBlock) {
      for (std::size_t i = block + 1; i < std::min(block + kBlock, n); ++i) {
        const double value = merged[i];
        std::size_t j = i;
        for (; j > block && merged[j - 1] > value; --j) merged[j] = merged[j - 1];
        merged[j] = value;
        inversions += i - j;
      }
    }
    for (std::size_t width = kBlock; width < n; width *= 2) {
      for (std::size_t begin = 0; begin < n; begin += 2 * width) {
        inversions += merge(begin, std::min(begin + width, n), std::min(begin + 2 * width, n));
      }
      merged.swap(ping);
    }
    return inversions;
  }

  std::uint64_t merge(std::size_t begin, std::size_t middle, std::size_t end) {
    const double* from = merged.data();
    double* to = ping.data();
    std::uint64_t inversions = 0;
    std::size_t i = begin, j = middle, k = begin;
    // In order already, as all of a plain map's distributions are: a copy instead of a merge.
    if (middle < end && from[middle - 1] > from[middle]) {
      while (i < middle && j < end) {  // without a branch on the data, which random data would mispredict every other time
        const bool right = from[j] < from[i];
        to[k++] = right ? from[j] : from[i];
        inversions += right ? middle - i : 0;
        i += !right;
        j += right;
      }
    }
    std::copy(from + i, from + middle, to + k);
    std::copy(from + j, from + end, to + k + (middle - i));
    return inversions;
  }
};

void check_numbers(const std::optional<std::span<const std::int64_t>>& numbers, const ConstView& x, const char* name) {
  if (!numbers || static_cast<std::int64_t>(numbers->size()) == x.size()) return;
  refuse(std::string(name) + " has " + std::to_string(numbers->size()) + " numbers for the " + std::to_string(x.size()) +
         " elements of x of shape " + to_string(x.shape()) + "; give one for each");
}

constexpr auto kAll = [](const Element&, const Element&) { return true; };
constexpr auto kSame = [](const Element& a, const Element& b) { return a.same == b.same; };
constexpr auto kBoth = [](const Element& a, const Element& b) { return a.same == b.same && a.different == b.different; };

OrderComparison compare_numbered(const ConstView& x, const ConstView& y, std::span<const std::int64_t> numbers) {
  Elements elements(x, y, {.same = numbers});
  OrderComparison comparison;
  comparison.elements = static_cast<std::int64_t>(elements.list.size());
  comparison.left_out = elements.left_out;
  comparison.not_a_number = elements.not_a_number;
  const PairCounts all = elements.tally_runs(kAll);
  elements.gather(&Element::same, elements.same_count);
  comparison.within = elements.tally_runs(kSame);
  comparison.across = all - comparison.within;
  return comparison;
}

// ---------------------------------------------------------------------------------------------------- maps and
// promises

bool has_affine(const Options& options) { return !options.weight.empty() || !options.bias.empty(); }

/// Who meets whom: for each element its distribution, and its weight and bias where the map has any.
struct Parts {
  std::vector<std::int64_t> numbers;
  std::vector<std::int64_t> parameters;
  std::vector<double> weights, biases;
  std::int64_t distributions = 0;

  Parts(const ConstView& x, const Grouping& grouping) : numbers(numbers_of(x, grouping)) {
    for (std::int64_t number : numbers) distributions = std::max(distributions, number + 1);
  }

  void take_affine(const ConstView& x, const Grouping& grouping, const Options& options) {
    if (!has_affine(options)) return;
    if (!options.weight.empty()) weights = values_of(options.weight);
    for (double& w : weights) w += options.weight_plus_one ? 1 : 0;
    if (!options.bias.empty()) biases = values_of(options.bias);
    const Grouping::Boxes boxes = grouping.boxes(x.shape());
    const Dims& shape = boxes.shape;
    Dims step = shape, index = shape;
    for (int axis = 0; axis < shape.rank(); ++axis) step[axis] = index[axis] = 0;
    std::int64_t count = 1;
    for (int k = boxes.parameter_axes.rank() - 1; k >= 0; --k) {
      const int axis = static_cast<int>(boxes.parameter_axes[k]);
      step[axis] = count;
      count *= shape[axis];
    }
    parameters.resize(numbers.size());
    for (std::int64_t& parameter : parameters) {
      parameter = 0;
      for (int axis = 0; axis < shape.rank(); ++axis) parameter += index[axis] * step[axis];
      for (int axis = shape.rank() - 1; axis >= 0 && ++index[axis] == shape[axis]; --axis) index[axis] = 0;
    }
  }

  std::size_t size() const { return numbers.size(); }
  std::size_t distribution(std::size_t i) const { return static_cast<std::size_t>(numbers[i]); }
  double weight(std::size_t i) const { return weights.empty() ? 1 : weights[static_cast<std::size_t>(parameters[i])]; }
  double bias(std::size_t i) const { return biases.empty() ? 0 : biases[static_cast<std::size_t>(parameters[i])]; }
};

Options without_affine(const Options& options) {
  Options plain = options;
  plain.weight = plain.bias = {};
  plain.weight_plus_one = false;
  return plain;
}

/// An output of its own.
struct Normalized {
  std::vector<std::byte> memory;
  View y;

  Normalized(const ConstView& x, const Grouping& grouping, const Options& options)
      : memory(static_cast<std::size_t>(x.size()) * size_of(x.dtype())), y(memory.data(), x.dtype(), x.shape()) {
    normalize(x, y, grouping, options);
  }
};

OrderPromise promise_order(const Parts& parts) {
  struct Distribution {
    double weight = 0, bias = 0;
    std::int64_t count = 0;
    bool uniform = true;
  };
  std::vector<Distribution> distributions(static_cast<std::size_t>(parts.distributions));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts.numbers[i] < 0) continue;
    Distribution& d = distributions[parts.distribution(i)];
    if (d.count++ == 0) {
      d.weight = parts.weight(i);
      d.bias = parts.bias(i);
      d.uniform = std::isfinite(d.weight) && std::isfinite(d.bias);
    }
    d.uniform = d.uniform && parts.weight(i) == d.weight && parts.bias(i) == d.bias;
  }
  OrderPromise promise;
  for (const Distribution& d : distributions) {
    if (d.count < 2) continue;
    ++(!d.uniform ? promise.none : d.weight > 0 ? promise.kept : d.weight < 0 ? promise.reversed : promise.tied);
  }
  return promise;
}

/// Whether elements of two distributions are there to be compared.
Order promise_across(const Parts& parts) {
  std::int64_t first = -1;
  for (std::int64_t number : parts.numbers) {
    if (number < 0) continue;
    if (first >= 0 && number != first) return Order::none;
    first = number;
  }
  return Order::no_pairs;
}

// ---------------------------------------------------------------------------------------------------- vectors

/// How many elements a vector has.
std::int64_t vector_length(const ConstView& x) {
  if (x.rank() > 0 && x.shape()[x.rank() - 1] > 0) return x.shape()[x.rank() - 1];
  refuse("x of shape " + to_string(x.shape()) + " has no vectors with elements; give it shape (..., d) with d of 1 or more");
}

enum class State : std::uint8_t { compared, left_out, zero, not_finite };

/// Scales v to length 1.
State make_unit(std::span<double> v) {
  double largest = 0;
  for (double value : v) {
    if (!std::isfinite(value)) return State::not_finite;
    largest = std::max(largest, std::fabs(value));
  }
  if (largest == 0) return State::zero;
  // Squares of what is near the ends of the range of double would leave it; a power of two rounds nothing that counts.
  if (largest > 0x1p400 || largest < 0x1p-400) {
    const double factor = largest > 1 ? 0x1p-600 : 0x1p600;
    for (double& value : v) value *= factor;
  }
  double square = 0;
  for (double value : v) square += value * value;
  const double length = std::sqrt(square);
  for (double& value : v) value /= length;
  return State::compared;
}

double degrees_of(double apart, double together) {
  constexpr double kDegrees = 57.295779513082320876798154814105;
  return 2 * std::atan2(std::sqrt(apart), std::sqrt(together)) * kDegrees;
}

/// The vectors of x and y, as unit vectors in C order, and whether each can be compared.
struct Vectors {
  std::int64_t length, count;
  std::vector<double> before, after;
  std::vector<State> states;

  /// numbers: negative for elements that are left out; empty where none is.
  Vectors(const ConstView& x, const ConstView& y, std::span<const std::int64_t> numbers)
      : length(vector_length(x)), count(x.size() / length), before(values_of(x)), after(values_of(y)) {
    states.reserve(static_cast<std::size_t>(count));
    for (std::int64_t v = 0; v < count; ++v) {
      bool any = numbers.empty();
      for (std::int64_t i = v * length; !numbers.empty() && i < (v + 1) * length; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (numbers[at] < 0) {
          before[at] = after[at] = 0;
        } else {
          any = true;
        }
      }
      State state = State::left_out;
      if (any) {
        const State then = make_unit(of(before, v)), now = make_unit(of(after, v));
        state = then == State::not_finite || now == State::not_finite ? State::not_finite
                : then == State::zero || now == State::zero           ? State::zero
                                                                      : State::compared;
      }
      states.push_back(state);
    }
  }

  std::span<double> of(std::vector<double>& units, std::int64_t v) const {
    return std::span(units).subspan(static_cast<std::size_t>(v * length), static_cast<std::size_t>(length));
  }

  VectorComparison compare() const {
    VectorComparison c;
    c.turns.reserve(states.size());
    double cosines = 0, degrees = 0;
    for (std::int64_t v = 0; v < count; ++v) {
      const State state = states[static_cast<std::size_t>(v)];
      c.left_out += state == State::left_out;
      c.zero += state == State::zero;
      c.not_finite += state == State::not_finite;
      Turn turn;
      if (state == State::compared) {
        double apart = 0, together = 0;
        for (auto i = static_cast<std::size_t>(v * length); i < static_cast<std::size_t>((v + 1) * length); ++i) {
          apart += (before[i] - after[i]) * (before[i] - after[i]);
          together += (before[i] + after[i]) * (before[i] + after[i]);
        }
        turn = {(together - apart) / (together + apart), degrees_of(apart, together)};
        const bool first = c.compared++ == 0;
        cosines += turn.cosine;
        degrees += turn.degrees;
        if (first || turn.cosine < c.min_cosine) c.min_cosine = turn.cosine;
        if (first || turn.degrees > c.max_degrees) {
          c.max_degrees = turn.degrees;
          c.most_turned = v;
        }
      }
      c.turns.push_back(turn);
    }
    if (c.compared > 0) {
      c.mean_cosine = cosines / static_cast<double>(c.compared);
      c.mean_degrees = degrees / static_cast<double>(c.compared);
    }
    return c;
  }
};

/// Unit vectors, eight side by side, so that one vector is compared with eight at a time.
class Packed {
 public:
  static constexpr std::int64_t kWidth = 8;

  Packed(const std::vector<double>& units, const std::vector<std::int64_t>& chosen, std::int64_t length)
      : length_(length), values_(((chosen.size() + kWidth - 1) / kWidth) * kWidth * static_cast<std::size_t>(length)) {
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      double* to = values_.data() + (k / kWidth) * kWidth * static_cast<std::size_t>(length) + k % kWidth;
      const double* from = units.data() + chosen[k] * length;
      for (std::int64_t i = 0; i < length; ++i) to[i * kWidth] = from[i];
    }
  }

  /// The angles, in degrees, of vector i to the eight of a block.
  void angles(std::int64_t i, std::int64_t block, double (&degrees)[kWidth]) const {
    const double* a = values_.data() + i / kWidth * kWidth * length_ + i % kWidth;
    const double* b = values_.data() + block * kWidth * length_;
    double apart[kWidth] = {};
    for (std::int64_t c = 0; c < length_; ++c) {
      const double value = a[c * kWidth];
      for (std::int64_t j = 0; j < kWidth; ++j) {
        const double difference = value - b[c * kWidth + j];
        apart[j] += difference * difference;
      }
    }
    for (std::int64_t j = 0; j < kWidth; ++j) {
      // |a - b|^2 + |a + b|^2 = 4 spares the second sum, but for nearly opposite vectors, where it would cancel.
      double together = 4 - apart[j];
      if (together < 1) {
        together = 0;
        for (std::int64_t c = 0; c < length_; ++c) {
          const double sum = a[c * kWidth] + b[c * kWidth + j];
          together += sum * sum;
        }
      }
      degrees[j] = degrees_of(apart[j], together);
    }
  }

 private:
  std::int64_t length_;
  std::vector<double> values_;
};

std::optional<AngleChange> widest_change(const Vectors& vectors, Runner* given) {
  std::vector<std::int64_t> chosen;
  for (std::int64_t v = 0; v < vectors.count; ++v) {
    if (vectors.states[static_cast<std::size_t>(v)] == State::compared) chosen.push_back(v);
  }
  const auto n = static_cast<std::int64_t>(chosen.size());
  if (n < 2) return std::nullopt;
  if (n > kMostVectorsInPairs) {
    refuse(std::to_string(n) + " vectors are more than the " + std::to_string(kMostVectorsInPairs) +
           " whose every pair of angles is looked at; give a sample of them");
  }
  // A block of vectors is a task; each finds its own best, and these are compared in the order of the blocks.
  struct Search {
    const Packed before, after;
    std::int64_t n;
    std::vector<AngleChange> best;

    void run(std::int64_t task) {
      // One best for each vector, as the blocks are the outer loop (they stay in cache for eight vectors) and the first
      // of equal changes is by vectors.
      std::array<AngleChange, Packed::kWidth> found;
      std::array<double, Packed::kWidth> widest;
      widest.fill(-1);
      double then[Packed::kWidth], now[Packed::kWidth];
      const std::int64_t first = task * Packed::kWidth, last = std::min(first + Packed::kWidth, n);
      for (std::int64_t block = task; block * Packed::kWidth < n; ++block) {
        for (std::int64_t i = first; i < last; ++i) {
          const auto own = static_cast<std::size_t>(i - first);
          before.angles(i, block, then);
          after.angles(i, block, now);
          for (std::int64_t j = 0; j < Packed::kWidth; ++j) {
            const std::int64_t other = block * Packed::kWidth + j;
            if (other <= i || other >= n || !(std::fabs(now[j] - then[j]) > widest[own])) continue;
            widest[own] = std::fabs(now[j] - then[j]);
            found[own] = {i, other, then[j], now[j]};
          }
        }
      }
      const auto best_own = std::max_element(widest.begin(), widest.end()) - widest.begin();  // the first of equals
      best[static_cast<std::size_t>(task)] = found[static_cast<std::size_t>(best_own)];
    }
  };
  const std::int64_t tasks = (n + Packed::kWidth - 1) / Packed::kWidth;
  Search search{Packed(vectors.before, chosen, vectors.length), Packed(vectors.after, chosen, vectors.length), n,
                std::vector<AngleChange>(static_cast<std::size_t>(tasks))};
  constexpr std::int64_t kWorthThreads = 1 << 20;  // subtractions; a fork costs a few microseconds, these a millisecond
  Runner& runner = n * n * vectors.length < kWorthThreads ? serial_runner() : given ? *given : default_runner();
  runner.run(
      tasks, [](void* context, std::int64_t task) { static_cast<Search*>(context)->run(task); }, &search);
  AngleChange widest = search.best[0];
  for (const AngleChange& found : search.best) {
    if (std::fabs(found.change()) > std::fabs(widest.change())) widest = found;
  }
  widest.first = chosen[static_cast<std::size_t>(widest.first)];
  widest.second = chosen[static_cast<std::size_t>(widest.second)];
  return widest;
}

VectorPromise promise_vectors(const Parts& parts, std::int64_t length, bool centered) {
  struct Distribution {
    std::int64_t vector = -1;  // the first that has a part in it
    double weight = 0;
    bool meeting = false;  // another one has too
    bool kept = true;
  };
  std::vector<Distribution> distributions(static_cast<std::size_t>(parts.distributions));
  VectorPromise promise;
  const auto count = static_cast<std::int64_t>(parts.size()) / length;
  for (std::int64_t v = 0; v < count; ++v) {
    const auto begin = static_cast<std::size_t>(v * length), end = begin + static_cast<std::size_t>(length);
    std::size_t first = begin;
    while (first < end && parts.numbers[first] < 0) ++first;
    if (first == end) continue;
    promise.subtracts_mean |= centered;
    bool several = false;
    for (std::size_t i = first; i < end; ++i) {
      several |= parts.numbers[i] >= 0 && parts.numbers[i] != parts.numbers[first];
    }
    promise.several_distributions |= several;
    for (std::size_t i = first; i < end; ++i) {
      if (parts.numbers[i] < 0) continue;
      const double weight = parts.weight(i), bias = parts.bias(i);
      promise.weights_differ |= !(weight == parts.weight(first));
      promise.adds_bias |= !(bias == 0);
      promise.flips |= !(weight > 0) || std::isinf(weight);

      Distribution& d = distributions[parts.distribution(i)];
      if (d.vector < 0) {
        d.vector = v;
        d.weight = weight;
      }
      d.meeting |= d.vector != v;
      const std::size_t opposite = static_cast<std::size_t>(d.vector * length) + (i - begin);
      d.kept = d.kept && !several && weight == d.weight && weight > 0 && std::isfinite(weight) && std::isfinite(bias) &&
               bias == parts.bias(opposite);
    }
  }
  for (const Distribution& d : distributions) {
    if (d.meeting) promise.differences_kept = d.kept && promise.differences_kept.value_or(true);
  }
  return promise;
}

}  // namespace

// -------------------------------------------------------------------------------------------------------- public

PairCounts operator+(const PairCounts& a, const PairCounts& b) {
  return {a.kept + b.kept, a.reversed + b.reversed, a.tied_before + b.tied_before, a.tied_after + b.tied_after,
          a.tied_both + b.tied_both};
}

PairCounts operator-(const PairCounts& whole, const PairCounts& part) {
  if (part.kept > whole.kept || part.reversed > whole.reversed || part.tied_before > whole.tied_before ||
      part.tied_after > whole.tied_after || part.tied_both > whole.tied_both) {
    refuse("the " + std::to_string(part.total()) + " pairs to be taken away are no part of the " +
           std::to_string(whole.total()) + " pairs; subtract a finer partition's from a coarser one's");
  }
  return {whole.kept - part.kept, whole.reversed - part.reversed, whole.tied_before - part.tied_before,
          whole.tied_after - part.tied_after, whole.tied_both - part.tied_both};
}

PairCounts count_pairs(const ConstView& x, const ConstView& y, const PairKind& kind) {
  check_pair(x, y);
  check_count(x);
  check_numbers(kind.same, x, "same");
  check_numbers(kind.different, x, "different");
  Elements elements(x, y, kind);
  elements.gather(&Element::same, elements.same_count);
  const PairCounts same = elements.tally_runs(kSame);
  if (!kind.different) return same;
  // Gathering is stable: the elements that are alike in both now stand together, still in the order of x and y.
  elements.gather(&Element::different, elements.different_count);
  return same - elements.tally_runs(kBoth);
}

OrderComparison compare_order(const ConstView& x, const ConstView& y, const Grouping& grouping) {
  check_pair(x, y);
  check_count(x);
  return compare_numbered(x, y, numbers_of(x, grouping));
}

Order OrderPromise::order() const {
  if (none > 0) return Order::none;
  if ((kept > 0) + (reversed > 0) + (tied > 0) > 1) return Order::by_distribution;
  return kept > 0 ? Order::kept : reversed > 0 ? Order::reversed : tied > 0 ? Order::tied : Order::no_pairs;
}

Comparability comparability(const ConstView& x, const Grouping& grouping, const Options& options) {
  check_view(x, "x");
  check_count(x);
  Comparability result;
  result.has_affine = has_affine(options);
  Parts parts(x, grouping);
  const auto look = [&](const Options& chosen) {
    const Normalized normalized(x, grouping, chosen);  // also checks weight and bias
    parts.take_affine(x, grouping, chosen);
    return MapOrder{promise_order(parts), promise_across(parts), compare_numbered(x, normalized.y, parts.numbers)};
  };
  result.plain = look(without_affine(options));
  result.affine = result.has_affine ? look(options) : result.plain;
  return result;
}

VectorComparison compare_vectors(const ConstView& x, const ConstView& y) {
  check_pair(x, y);
  return Vectors(x, y, {}).compare();
}

VectorComparison compare_vectors(const ConstView& x, const ConstView& y, const Grouping& grouping) {
  check_pair(x, y);
  return Vectors(x, y, numbers_of(x, grouping)).compare();
}

std::optional<AngleChange> largest_angle_change(const ConstView& x, const ConstView& y, Runner* runner) {
  check_pair(x, y);
  return widest_change(Vectors(x, y, {}), runner);
}

std::optional<AngleChange> largest_angle_change(const ConstView& x, const ConstView& y, const Grouping& grouping,
                                                Runner* runner) {
  check_pair(x, y);
  return widest_change(Vectors(x, y, numbers_of(x, grouping)), runner);
}

VectorComparability vector_comparability(const ConstView& x, const Grouping& grouping, const Options& options) {
  check_view(x, "x");
  const std::int64_t length = vector_length(x);
  VectorComparability result;
  result.has_affine = has_affine(options);
  Parts parts(x, grouping);
  const auto look = [&](const Options& chosen) {
    const Normalized normalized(x, grouping, chosen);  // also checks weight and bias
    parts.take_affine(x, grouping, chosen);
    const Vectors vectors(x, normalized.y, parts.numbers);
    return MapVectors{promise_vectors(parts, length, chosen.centered), vectors.compare(),
                      widest_change(vectors, chosen.runner)};
  };
  result.plain = look(without_affine(options));
  result.affine = result.has_affine ? look(options) : result.plain;
  return result;
}

}  // namespace norma
