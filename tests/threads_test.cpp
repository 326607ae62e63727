// SPDX-License-Identifier: Apache-2.0
// The pool and plans under several threads at once; ThreadSanitizer runs this program alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

#include "norma/normalize.hpp"
#include "outcome.hpp"
#include "refusal.hpp"

namespace norma::test {
namespace {

class Threads : public ::testing::Test {
 protected:
  void TearDown() override { set_num_threads(threads_); }
  int threads_ = num_threads();
};

TEST_F(Threads, EachTaskRunsOnce) {
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_EQ(num_threads(), threads);
    EXPECT_EQ(default_runner().concurrency(), threads);
    for (int round = 0; round < 300; ++round) {
      const std::int64_t tasks = round % 40;
      std::array<std::atomic<int>, 40> counts{};
      default_runner().run(
          tasks,
          [](void* context, std::int64_t i) {
            ++(*static_cast<decltype(counts)*>(context))[static_cast<std::size_t>(i)];
          },
          &counts);
      for (std::size_t i = 0; i < counts.size(); ++i)
        ASSERT_EQ(counts[i].load(), static_cast<std::int64_t>(i) < tasks ? 1 : 0);
    }
  }
}

TEST_F(Threads, AllOfTheTasksAreDoneWhenRunReturns) {
  set_num_threads(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int64_t> written(64, 0);  // not atomic: ThreadSanitizer sees whether run() orders them
    default_runner().run(
        64,
        [](void* context, std::int64_t i) {
          (*static_cast<std::vector<std::int64_t>*>(context))[static_cast<std::size_t>(i)] = i;
        },
        &written);
    for (std::int64_t i = 0; i < 64; ++i) ASSERT_EQ(written[static_cast<std::size_t>(i)], i);
  }
}

TEST_F(Threads, ATaskMayRunTasks) {
  set_num_threads(3);
  std::atomic<int> count{0};
  default_runner().run(
      8,
      [](void* context, std::int64_t) {
        default_runner().run(
            5, [](void* inner, std::int64_t) { ++*static_cast<std::atomic<int>*>(inner); }, context);
      },
      &count);
  EXPECT_EQ(count.load(), 40);
}

/// Large enough to be shared, of each family and each way of sharing.
std::vector<Case> cases() {
  std::vector<Case> all;
  Random random(1);
  const auto add = [&](DType dtype, const Dims& shape, const Grouping& grouping, const char* text) {
    Case c;
    c.shape = shape;
    c.dtype = dtype;
    c.g.grouping = grouping;
    c.g.text = text;
    c.g.distributions = grouping.boxes(shape).distributions();
    c.g.parameters = grouping.boxes(shape).parameters();
    c.x = c.y = c.dy = c.dx = Tensor(dtype, shape);
    fill(random, c.x, {3, 1});
    fill(random, c.dy, {});
    c.weight = c.dweight = c.dbias = Tensor(DType::f32, {c.g.parameters});
    fill(random, c.weight, {1, 0.5});
    c.options.weight = c.weight.in();
    all.push_back(std::move(c));
  };
  add(DType::f32, {64, 768}, Grouping::layer({768}), "fused rows");
  add(DType::f32, {1, 200000}, Grouping::sample(), "one long row");
  add(DType::f16, {4, 8, 1500}, Grouping::batch(), "runs");
  add(DType::f32, {3000, 16}, Grouping::batch(), "folded columns");
  add(DType::bf16, {300, 200}, Grouping::batch(), "columns");
  add(DType::f64, {40, 1200}, Grouping::over({0}), "strips of columns");
  add(DType::f32, {8, 32, 300}, Grouping::group(4), "groups");
  add(DType::f32, {8, 300, 32}, Grouping::group(4, -1), "merged columns");
  return all;
}

TEST_F(Threads, SeveralCallersGetTheirOwnResults) {
  set_num_threads(4);
  std::vector<Case> problems = cases();
  std::vector<Outcome> right;
  for (Case& c : problems) right.push_back(outcome_of(c, serial_runner()));
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      std::vector<Case> own = problems;
      for (Case& c : own) c.options.weight = c.weight.in();
      for (std::size_t k = 0; k < 2 * own.size(); ++k) {
        const std::size_t i = (k + 2 * static_cast<std::size_t>(caller)) % own.size();
        if (!(outcome_of(own[i], default_runner()) == right[i])) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST_F(Threads, OnePlanServesThemAll) {
  set_num_threads(2);
  std::vector<Case> problems = cases();
  for (Case& c : problems) {
    const Plan plan(c.x.in(), c.y.out(), c.g.grouping);
    plan.normalize(c.x.in(), c.y.out(), c.options);
    const std::string right = c.y.bits();
    std::vector<Tensor> results(3, Tensor(c.dtype, c.shape));
    std::vector<std::thread> callers;
    for (Tensor& y : results) {
      callers.emplace_back([&] {
        for (int round = 0; round < 3; ++round) plan.normalize(c.x.in(), y.out(), c.options);
      });
    }
    for (std::thread& caller : callers) caller.join();
    for (const Tensor& y : results) EXPECT_TRUE(y.bits() == right) << c.g.text;
  }
}

TEST_F(Threads, TheirNumberMayChangeMeanwhile) {
  std::vector<Case> problems = cases();
  Case& c = problems[1];
  const Outcome right = outcome_of(c, serial_runner());
  std::atomic<bool> done{false};
  std::thread changer([&] {
    for (int i = 0; !done.load(); ++i) set_num_threads(1 + i % 4);
  });
  for (int round = 0; round < 20; ++round) EXPECT_EQ(outcome_of(c, default_runner()), right);
  done.store(true);
  changer.join();
}

TEST_F(Threads, SmallInputsStayOnTheCallersThread) {
  class Forbidden final : public Runner {
   public:
    void run(std::int64_t, void (*)(void*, std::int64_t), void*) override {
      ADD_FAILURE() << "a small call was shared";
    }
    int concurrency() const override { return 8; }
  } runner;
  for (const Dims& shape : {Dims{4, 8, 3}, Dims{64, 100}, Dims{1, 2000}}) {
    Tensor x(DType::f32, shape), y = x;
    for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, static_cast<double>(i));
    std::vector<Moments> saved(static_cast<std::size_t>(Grouping::batch().boxes(shape).distributions()));
    if (count_of(shape) / static_cast<std::int64_t>(saved.size()) > 1) {
      normalize(x.in(), y.out(), Grouping::batch(), {.runner = &runner}, saved);
    }
    normalize(x.in(), y.out(), Grouping::sample(), {.runner = &runner});
  }
}

TEST_F(Threads, LargeOnesAreShared) {
  for (Case& c : cases()) {
    DisorderlyRunner runner(1, 4);
    outcome_of(c, runner);
    EXPECT_GT(runner.runs(), 0) << c.g.text;
  }
}

// What the environment says is read once a process: these ask a process of its own.

std::string own_path() {
  std::string path(4096, '\0');
  path.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::readlink("/proc/self/exe", path.data(), path.size()))));
  return path;
}

std::string answer_of(const std::string& environment) {
  const std::string command =
      environment + " '" + own_path() + "' --gtest_also_run_disabled_tests --gtest_filter=*DISABLED_Answer 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  for (int c; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  ::pclose(pipe);
  return output;
}

TEST(Environment, DISABLED_Answer) {
  try {
    std::printf("threads=%d;", num_threads());
  } catch (const Error& error) {
    std::printf("refused=%s;", error.what());
  }
  try {
    std::printf("target=%s;", target());
  } catch (const Error& error) {
    std::printf("refused=%s;", error.what());
  }
}

TEST(Environment, SaysHowManyThreads) {
  EXPECT_NE(answer_of("NORMA_NUM_THREADS=3").find("threads=3;"), std::string::npos);
  for (const char* bad : {"0", "1025", "two", "3x", "-1", "99999999999999"}) {
    const std::string answer = answer_of("NORMA_NUM_THREADS=" + std::string(bad));
    EXPECT_NE(answer.find("refused=[NORMA_NUM_THREADS] '" + std::string(bad) + "'"), std::string::npos) << answer;
    EXPECT_NE(answer.find("1 to 1024"), std::string::npos) << answer;
  }
}

TEST(Environment, SaysWhichTarget) {
  for (const std::string& name : targets()) {
    EXPECT_NE(answer_of("NORMA_TARGET=" + name).find("target=" + name + ";"), std::string::npos) << name;
  }
  const std::string answer = answer_of("NORMA_TARGET=MMX");
  EXPECT_NE(answer.find("refused=[NORMA_TARGET] 'MMX'"), std::string::npos) << answer;
}

}  // namespace
}  // namespace norma::test
