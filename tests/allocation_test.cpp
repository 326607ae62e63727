// SPDX-License-Identifier: Apache-2.0
// A warm call of a plan allocates nothing: every operator new of this program is counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <numeric>
#include <vector>

#include "norma/normalize.hpp"
#include "random_case.hpp"

namespace {

std::atomic<std::int64_t> allocations{0};

// Not inlined: GCC would see free() without malloc() and warn of a mismatch.
[[gnu::noinline]] void release(void* p) { std::free(p); }

[[gnu::noinline]] void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  return alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                                               : std::malloc(size ? size : 1);
}
void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  if (void* p = allocate(size, alignment)) return p;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new(std::size_t size, std::align_val_t a) { return allocate_or_throw(size, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t size, std::align_val_t a) { return allocate_or_throw(size, static_cast<std::size_t>(a)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }

namespace norma::test {
namespace {

/// Everything that can be made ready beforehand.
struct Warm {
  explicit Warm(Case& c)
      : measuring(c.x.in(), c.g.grouping),
        forward(c.x.in(), c.y.out(), c.g.grouping),
        backward(c.x.in(), c.dy.in(), c.dx.in(), c.g.grouping),
        x(c.x.in()),
        dy(c.dy.in()),
        y(c.y.out()),
        gradients(c.gradients()),
        options(c.options),
        saved(c.room()),
        trains(!c.g.refused_in_training(c.shape)) {}

  void call() {
    measuring.measure(x, saved, options);
    if (trains) forward.normalize(x, y, options, saved);
    forward.normalize_with(x, y, saved, options);
    backward.backward(x, dy, saved, gradients, options);
    backward.backward_with(x, dy, saved, gradients, options);
  }

  Plan measuring, forward, backward;
  ConstView x, dy;
  View y;
  Gradients gradients;
  Options options;
  std::vector<Moments> saved;
  bool trains;
};

// The release build makes them all. Instrumented code takes 50 times as long, and has nothing new to say of the millionth call.
#ifdef NORMA_SANITIZED
constexpr int kSmallCalls = 20'000, kSharedCalls = 20;
#else
constexpr int kSmallCalls = 1'000'000, kSharedCalls = 100;
#endif

TEST(Allocation, IsCounted) {
  const std::int64_t before = allocations.load();
  delete new int(3);
  ::operator delete(::operator new(64, std::align_val_t(64)), std::align_val_t(64));
  EXPECT_EQ(allocations.load() - before, 2);
}

TEST(Allocation, AWarmCallDoesNone) {
  for_random_cases(600, [](std::uint64_t seed) {
    Random random(seed);
    Case c = random_case(random, seed % 50 == 0 ? 60000 : 600);
    SCOPED_TRACE(c.text());
    Warm warm(c);
    warm.options.runner = &serial_runner();
    warm.call();
    const std::int64_t before = allocations.load();
    warm.call();
    EXPECT_EQ(allocations.load() - before, 0);
  });
}

/// As an inference server makes them, one token after another.
TEST(Allocation, AMillionSmallCallsDoNone) {
  const Dims shape{1, 96};
  std::vector<float> x(96), y(96);
  std::iota(x.begin(), x.end(), 1.0F);
  const ConstView in = view(static_cast<const float*>(x.data()), shape);
  const View out = view(y.data(), shape);
  const Plan plan(in, out, Grouping::layer({96}));
  std::vector<Moments> saved(1);
  plan.normalize(in, out, {}, saved);
  const std::vector<float> first = y;
  const std::int64_t before = allocations.load();
  for (int i = 0; i < kSmallCalls; ++i) {
    y[static_cast<std::size_t>(i % 96)] = 0;
    plan.normalize(in, out, {}, saved);
  }
  EXPECT_EQ(allocations.load() - before, 0);
  EXPECT_EQ(y, first);
}

/// On the pool each thread has scratch of its own, which grows when it first takes part: a few times at most, and not
/// with the number of calls.
TEST(Allocation, OnThePoolEachThreadWarmsUpOnce) {
  set_num_threads(3);
  Random random(1);
  for (const auto& [shape, grouping] :
       {std::pair{Dims{1, 200000}, Grouping::sample()}, std::pair{Dims{4, 8, 1500}, Grouping::batch()},
        std::pair{Dims{3000, 16}, Grouping::batch()}, std::pair{Dims{60, 1200}, Grouping::over({0})},
        std::pair{Dims{64, 768}, Grouping::layer({768})}}) {
    Case c;
    c.shape = shape;
    c.g.grouping = grouping;
    c.g.distributions = grouping.boxes(shape).distributions();
    c.g.parameters = grouping.boxes(shape).parameters();
    c.x = c.y = c.dy = c.dx = Tensor(DType::f32, shape);
    fill(random, c.x, {});
    fill(random, c.dy, {});
    c.dweight = c.dbias = Tensor(DType::f32, {c.g.parameters});
    Warm warm(c);
    warm.call();
    const std::int64_t before = allocations.load();
    for (int i = 0; i < kSharedCalls; ++i) warm.call();
    EXPECT_LE(allocations.load() - before, 3 * 20) << to_string(shape);
  }
}

}  // namespace
}  // namespace norma::test
