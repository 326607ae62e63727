// SPDX-License-Identifier: Apache-2.0
// Normalizations beside moving the same bytes: one thread, memory that is used over and over, in one run.
//
//     first_bar                                 all cases; the table at the end has the ratios of medians
//     first_bar --benchmark_filter=batch_norm   some of them
//     first_bar --check                         no times: every case once, against the definition in double
//
// Each case is a benchmark `NAME/norma`, and its bytes are moved by `NAME/memcpy` and `NAME/loop` (vectors as wide as
// the compiler makes them; for backward, which reads two tensors and writes one, a sum of two). The repetitions of all
// of them are interleaved at random, so that a machine that slows down slows all alike; the ratio is of norma's median
// to the better of the other two. Before anything is timed, the result is compared with the definition.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <norma/norma.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using norma::ConstView;
using norma::Dims;
using norma::DType;
using norma::Grouping;
using norma::Moments;
using norma::View;

enum class Pass : std::uint8_t { train, infer, backward };

struct Case {
  std::string name;
  Dims shape;
  Grouping grouping;
  DType dtype = DType::f32;
  Pass pass = Pass::train;
  bool centered = true;
  double bar = 0;  // at most this many times the copy; 0: not set
};

const Dims kImage{32, 64, 56, 56}, kImageLast{32, 56, 56, 64}, kTokens{4096, 768};

std::vector<Case> all_cases() {
  std::vector<Case> cases = {
      {.name = "layer_norm/4096x768", .shape = kTokens, .grouping = Grouping::layer({768}), .bar = 1.3},
      {.name = "batch_norm/NCHW", .shape = kImage, .grouping = Grouping::batch(), .bar = 1.6},
      {.name = "batch_norm/NHWC", .shape = kImageLast, .grouping = Grouping::batch(-1)},
      {.name = "batch_norm/NC", .shape = {4096, 1024}, .grouping = Grouping::batch()},
      {.name = "group_norm/NCHW", .shape = kImage, .grouping = Grouping::group(32)},
      {.name = "group_norm/NHWC", .shape = kImageLast, .grouping = Grouping::group(32, -1)},
      {.name = "instance_norm/NCHW", .shape = kImage, .grouping = Grouping::instance()},
      {.name = "instance_norm/NHWC", .shape = kImageLast, .grouping = Grouping::instance(-1)},
      {.name = "layer_norm/sample", .shape = kImage, .grouping = Grouping::sample()},
      {.name = "rms_norm/4096x768", .shape = kTokens, .grouping = Grouping::layer({768}), .centered = false},
      {.name = "rms_norm/2048x4096", .shape = {2048, 4096}, .grouping = Grouping::layer({4096}), .centered = false},
  };
  const std::vector<Case> forward = cases;
  for (const char* name : {"layer_norm/4096x768", "batch_norm/NCHW", "batch_norm/NHWC", "batch_norm/NC",
                           "group_norm/NCHW", "rms_norm/4096x768"}) {
    Case c = *std::find_if(forward.begin(), forward.end(), [&](const Case& of) { return of.name == name; });
    c.name += "/backward";
    c.pass = Pass::backward;
    c.bar = 0;
    cases.push_back(c);
  }
  for (const char* name : {"batch_norm/NCHW", "batch_norm/NHWC"}) {
    Case c = *std::find_if(forward.begin(), forward.end(), [&](const Case& of) { return of.name == name; });
    c.name += "/inference";
    c.pass = Pass::infer;
    c.bar = 0;
    cases.push_back(c);
  }
  for (const DType dtype : {DType::bf16, DType::f16}) {
    for (const char* name : {"layer_norm/4096x768", "batch_norm/NCHW"}) {
      Case c = *std::find_if(forward.begin(), forward.end(), [&](const Case& of) { return of.name == name; });
      c.name += std::string("/") + name_of(dtype);
      c.dtype = dtype;
      c.bar = 0;
      cases.push_back(c);
    }
  }
  return cases;
}

/// Memory that begins on a cache line.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : bytes_(bytes), memory_(static_cast<std::byte*>(::operator new(bytes, kLine))) {
    std::memset(memory_.get(), 0, bytes);
  }
  std::byte* data() const { return memory_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, kLine); }
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> memory_;
};

// bf16 by truncation and f16 of numbers between 2^-14 and 2^16: what the cases hold.
void store(DType dtype, std::byte* data, std::size_t i, float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  std::uint16_t half = static_cast<std::uint16_t>(bits >> 16);
  if (dtype == DType::f32) {
    std::memcpy(data + 4 * i, &value, 4);
    return;
  }
  if (dtype == DType::f16) {
    const int exponent = static_cast<int>(bits >> 23 & 255) - 112;
    half = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
    if (exponent > 0) half = static_cast<std::uint16_t>(half | exponent << 10 | (bits >> 13 & 1023));
  }
  std::memcpy(data + 2 * i, &half, 2);
}

double load(DType dtype, const std::byte* data, std::size_t i) {
  float value;
  if (dtype == DType::f32) {
    std::memcpy(&value, data + 4 * i, 4);
    return double{value};
  }
  std::uint16_t half;
  std::memcpy(&half, data + 2 * i, 2);
  if (dtype == DType::f16) {
    const int exponent = half >> 10 & 31;
    const double size = exponent ? std::ldexp(1024 + (half & 1023), exponent - 25) : std::ldexp(half & 1023, -24);
    return half & 0x8000 ? -size : size;
  }
  const std::uint32_t bits = std::uint32_t{half} << 16;
  std::memcpy(&value, &bits, sizeof(value));
  return double{value};
}

/// A case with its memory, made when its first benchmark runs.
class Bench {
 public:
  explicit Bench(const Case& of)
      : case_(of),
        count_(static_cast<std::size_t>(norma::count_of(of.shape))),
        x_(count_ * size_of(of.dtype)),
        dy_(of.pass == Pass::backward ? x_.bytes() : 0),
        y_(x_.bytes()),
        boxes_(of.grouping.boxes(of.shape)),
        saved_(static_cast<std::size_t>(boxes_.distributions())),
        weight_(static_cast<std::size_t>(boxes_.parameters())),
        bias_(weight_.size()),
        dweight_(weight_.size()),
        dbias_(weight_.size()) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < count_; ++i) {
      store(of.dtype, x_.data(), i, 3 + 2 * normal(random));
      if (backward()) store(of.dtype, dy_.data(), i, normal(random));
    }
    for (std::size_t k = 0; k < weight_.size(); ++k) weight_[k] = 1 + normal(random) / 4, bias_[k] = normal(random);
    options_.weight = norma::view(std::as_const(weight_).data(), {boxes_.parameters()});
    if (of.centered) options_.bias = norma::view(std::as_const(bias_).data(), {boxes_.parameters()});
    options_.centered = of.centered;
    options_.runner = &norma::serial_runner();
    norma::measure(x(), of.grouping, saved_, options_);
    if (backward()) {
      plan_ = std::make_unique<norma::Plan>(x(), dy(), y(), of.grouping);
    } else {
      plan_ = std::make_unique<norma::Plan>(x(), y(), of.grouping);
    }
  }

  void run() {
    switch (case_.pass) {
      case Pass::train: plan_->normalize(x(), y(), options_, saved_); break;
      case Pass::infer: plan_->normalize_with(x(), y(), saved_, options_); break;
      case Pass::backward:
        plan_->backward(x(), dy(), saved_,
                        {.dx = y(),
                         .dweight = norma::view(dweight_.data(), {boxes_.parameters()}),
                         .dbias = norma::view(dbias_.data(), {boxes_.parameters()})},
                        options_);
        break;
    }
    benchmark::DoNotOptimize(y_.data());
    benchmark::ClobberMemory();
  }

  void copy_by_memcpy() {
    std::memcpy(y_.data(), x_.data(), x_.bytes());
    benchmark::DoNotOptimize(y_.data());
    benchmark::ClobberMemory();
  }

  /// Vectors of 64 bytes, as the compiler makes them of this machine's baseline.
  void copy_by_loop() {
    typedef float Vector __attribute__((vector_size(64), aligned(64), may_alias));
    const auto* x = reinterpret_cast<const Vector*>(x_.data());
    auto* y = reinterpret_cast<Vector*>(y_.data());
    const std::size_t n = x_.bytes() / sizeof(Vector);
    if (backward()) {
      const auto* dy = reinterpret_cast<const Vector*>(dy_.data());
      for (std::size_t i = 0; i < n; ++i) y[i] = x[i] + dy[i];
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        y[i] = x[i];
        benchmark::ClobberMemory();  // or GCC makes it memcpy
      }
    }
    benchmark::DoNotOptimize(y);
    benchmark::ClobberMemory();
  }

  /// The largest error of a run's result against the definition in double, in units of max(1, |y|).
  double error() {
    std::vector<std::int64_t> ids(count_);
    case_.grouping.assign(case_.shape, ids);
    const std::vector<std::int64_t> parameter = parameters();
    struct Sums {
      double n = 0, mean = 0, m2 = 0, g = 0, gx = 0, rstd = 0;
    };
    std::vector<Sums> sums(saved_.size());
    const auto of = [&](std::size_t i) -> Sums& { return sums[static_cast<std::size_t>(ids[i])]; };
    const auto value = [&](std::size_t i) { return load(case_.dtype, x_.data(), i); };
    for (std::size_t i = 0; i < count_; ++i) of(i).n += 1, of(i).mean += value(i);
    for (Sums& s : sums) s.mean = case_.centered ? s.mean / s.n : 0;
    for (std::size_t i = 0; i < count_; ++i) of(i).m2 += (value(i) - of(i).mean) * (value(i) - of(i).mean);
    for (Sums& s : sums) s.rstd = 1 / std::sqrt(s.m2 / s.n + options_.eps);
    const auto xhat = [&](std::size_t i) { return (value(i) - of(i).mean) * of(i).rstd; };
    const auto weight = [&](std::size_t i) { return double{weight_[static_cast<std::size_t>(parameter[i])]}; };
    const auto g = [&](std::size_t i) { return load(case_.dtype, dy_.data(), i) * weight(i); };
    if (backward()) {
      for (std::size_t i = 0; i < count_; ++i) of(i).g += g(i), of(i).gx += g(i) * xhat(i);
    }
    run();
    double worst = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const double exact =
          backward()
              ? (g(i) - (case_.centered ? of(i).g / of(i).n : 0) - xhat(i) * of(i).gx / of(i).n) * of(i).rstd
              : xhat(i) * weight(i) + (case_.centered ? double{bias_[static_cast<std::size_t>(parameter[i])]} : 0);
      const double error = std::abs(load(case_.dtype, y_.data(), i) - exact) / std::max(1.0, std::abs(exact));
      worst = error >= 0 ? std::max(worst, error) : HUGE_VAL;
    }
    return worst;
  }

  /// Some units in the last place.
  double tolerance() const { return case_.dtype == DType::f32 ? 1e-6 : case_.dtype == DType::f16 ? 0x1p-10 : 0x1p-7; }
  std::int64_t bytes_moved() const { return static_cast<std::int64_t>(x_.bytes() * (backward() ? 3 : 2)); }
  bool backward() const { return case_.pass == Pass::backward; }

 private:
  ConstView x() const { return {x_.data(), case_.dtype, case_.shape}; }
  ConstView dy() const { return {dy_.data(), case_.dtype, case_.shape}; }
  View y() const { return {y_.data(), case_.dtype, case_.shape}; }

  /// For each element the index of its weight.
  std::vector<std::int64_t> parameters() const {
    std::vector<std::int64_t> of(count_);
    const Dims strides = norma::contiguous_strides(case_.shape);
    for (std::size_t i = 0; i < count_; ++i) {
      for (std::int64_t axis : boxes_.parameter_axes) {
        const std::int64_t size = case_.shape[static_cast<int>(axis)];
        of[i] = of[i] * size + static_cast<std::int64_t>(i) / strides[static_cast<int>(axis)] % size;
      }
    }
    return of;
  }

  Case case_;
  std::size_t count_;
  Buffer x_, dy_, y_;
  Grouping::Boxes boxes_;
  std::vector<Moments> saved_;
  std::vector<float> weight_, bias_, dweight_, dbias_;
  norma::Options options_;
  std::unique_ptr<norma::Plan> plan_;
};

/// One case's memory at a time would be made anew for every interleaved repetition: all of them are kept.
Bench& bench_of(const Case& of) {
  static std::map<std::string, std::unique_ptr<Bench>> made;
  std::unique_ptr<Bench>& bench = made[of.name];
  if (!bench) {
    bench = std::make_unique<Bench>(of);
    if (const double error = bench->error(); !(error <= bench->tolerance())) {
      std::fprintf(stderr, "first_bar: %s is wrong by %g; no time is taken of a wrong answer\n", of.name.c_str(),
                   error);
      std::exit(1);
    }
  }
  return *bench;
}

/// Gathers the times of all repetitions.
class Medians : public benchmark::ConsoleReporter {
 public:
  Medians() : benchmark::ConsoleReporter(OO_None) {}
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      const std::string& name = run.run_name.function_name;
      times_[name].push_back(run.real_accumulated_time / static_cast<double>(run.iterations) * 1e3);
    }
  }
  /// Milliseconds; 0 where it did not run.
  double of(const std::string& name) const {
    const auto found = times_.find(name);
    if (found == times_.end()) return 0;
    std::vector<double> times = found->second;
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

int check(const std::vector<Case>& cases) {
  int wrong = 0;
  for (const Case& c : cases) {
    Bench bench(c);
    const double error = bench.error();
    const bool right = error <= bench.tolerance();
    std::printf("%-30s error %.1e  %s\n", c.name.c_str(), error, right ? "right" : "WRONG");
    wrong += right ? 0 : 1;
  }
  return wrong ? 1 : 0;
}

void print_table(const std::vector<Case>& cases, const Medians& medians) {
  std::printf("%s, one thread; medians. ratio: norma to the faster way of moving the same bytes.\n\n", norma::target());
  std::printf("%-30s %9s %9s %9s %7s %6s %7s %9s\n", "case", "norma ms", "memcpy ms", "loop ms", "ratio", "bar", "GB/s",
              "error");
  for (const Case& c : cases) {
    const double time = medians.of(c.name + "/norma"), loop = medians.of(c.name + "/loop"),
                 copy = medians.of(c.name + "/memcpy");
    if (time == 0 || loop == 0) continue;
    Bench& bench = bench_of(c);
    const double best = copy == 0 ? loop : std::min(copy, loop), ratio = time / best;
    std::printf("%-30s %9.3f ", c.name.c_str(), time);
    copy == 0 ? std::printf("%9s ", "-") : std::printf("%9.3f ", copy);
    std::printf("%9.3f %7.2f ", loop, ratio);
    c.bar == 0 ? std::printf("%6s ", "-") : std::printf("%6.2f ", c.bar);
    std::printf("%7.1f %9.1e%s\n", static_cast<double>(bench.bytes_moved()) / time / 1e6, bench.error(),
                c.bar != 0 && ratio > c.bar ? "  above the bar" : "");
  }
}

/// Whether the caller gave this option.
bool given(int argc, char** argv, const char* option) {
  return std::any_of(argv + 1, argv + argc,
                     [&](const char* a) { return std::strncmp(a, option, std::strlen(option)) == 0; });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Case> cases = all_cases();
  if (argc == 2 && std::strcmp(argv[1], "--check") == 0) return check(cases);
  std::vector<std::string> arguments(argv, argv + argc);
  for (const char* option : {"--benchmark_repetitions=21", "--benchmark_min_time=0.02"}) {
    const std::string name(option, std::strchr(option, '='));
    if (!given(argc, argv, name.c_str())) arguments.emplace_back(option);
  }
  arguments.emplace_back("--benchmark_enable_random_interleaving=true");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 1;

  const auto add = [](const Case& c, const char* what, void (Bench::*work)()) {
    benchmark::RegisterBenchmark((c.name + "/" + what).c_str(), [c, work](benchmark::State& state) {
      Bench& bench = bench_of(c);
      for (auto _ : state) (bench.*work)();
      state.SetBytesProcessed(state.iterations() * bench.bytes_moved());
    });
  };
  for (const Case& c : cases) {
    add(c, "norma", &Bench::run);
    if (c.pass != Pass::backward) add(c, "memcpy", &Bench::copy_by_memcpy);
    add(c, "loop", &Bench::copy_by_loop);
  }
  Medians medians;
  benchmark::RunSpecifiedBenchmarks(&medians);
  print_table(cases, medians);
  return 0;
}
