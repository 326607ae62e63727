// SPDX-License-Identifier: Apache-2.0
// Every allocation fails once, every call that writes a file fails once in every way, and the command is killed at every step:
// a file is the old one or the new one, a failure is one sentence and exit status 2, and the library can be called again.
//
//     NORMA_FAULTS=all fault_test      every single allocation of each command; without it, some fifty of them
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cli/app.hpp"
#include "element.hpp"
#include "faults.hpp"
#include "io/npy.hpp"
#include "io/safetensors.hpp"
#include "io_testing.hpp"
#include "norma/layers.hpp"
#include "norma/norma.h"
#include "norma/parallel.hpp"

namespace norma::test {
namespace {

using faults::Call;
using faults::How;
using io::testing::read_file;
using io::testing::TestFolder;
using io::testing::write_file;

/// A command line, run in a folder that holds what it reads, and the files that it writes there.
struct Command {
  const char* name;
  std::vector<std::string> words;
  std::vector<std::string> outputs;
};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"npy", {"apply", "x.npy", "--norm", "batch", "-o", "out.npy"}, {"out.npy"}},
      {"npz", {"apply", "x.npy", "--norm", "layer", "-o", "out.npz"}, {"out.npz"}},
      {"safetensors", {"apply", "x.npy", "--norm", "sample", "-o", "out.safetensors"}, {"out.safetensors"}},
      {"state", {"apply", "x.npy", "--norm", "batch", "--state", "state.safetensors", "-o", "out.npy"}, {"out.npy", "state.safetensors"}},
      {"table", {"standardize", "t.csv", "--value", "v", "--by", "k", "--save", "save.csv", "-o", "z.csv"}, {"z.csv", "save.csv"}},
      {"fold", {"fold", "net.safetensors", "-o", "out.safetensors"}, {"out.safetensors"}},
      {"page", {"explain", "x.npy", "--norm", "batch", "--html", "page.html"}, {"page.html"}},
  };
  return all;
}

/// A layer and the BatchNorm behind it, all of ones.
io::StoredSafetensors trained_network() {
  io::StoredSafetensors file;
  const auto add = [&](const std::string& name, const Dims& shape) {
    const auto bytes = count_of(shape) * static_cast<std::int64_t>(sizeof(float));
    io::StoredTensor& tensor = file.tensors.emplace(name, io::StoredTensor{io::Element::f32, shape, io::Array::make(name, DType::u8, {bytes})}).first->second;
    for (std::int64_t i = 0; i < count_of(shape); ++i) set_value(tensor.mutable_view(), i, 1);
  };
  add("fc.weight", {5, 7});
  for (const char* name : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}) add(name, {5});
  return file;
}

/// How a run of the command ended, and what it left.
struct Attempt {
  int status = 0;  // exit status; -signal where a signal ended it
  bool fired = false;
  long seen = 0;  // calls of the armed kind
  std::string err;
  std::vector<std::string> files;  // the outputs, as they are now
  std::vector<std::string> left;   // of temporaries
};

/// What is armed before the command runs.
struct Fault {
  Call call;
  long nth;
  How how;
  int number;
};

class Faults : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    command_ = commands()[GetParam()];
    io::Array x = io::testing::random_bits(DType::bf16, {4, 3, 300}, 7);
    for (std::size_t i = 1; i < x.bytes().size(); i += 2) x.bytes()[i] = std::byte{0x3F};  // from 0.5 to 2
    io::write_npy(folder_ / "x.npy", x.view());
    write_file(folder_ / "t.csv", "k,v\na,1\na,3\nb,5\nb,\n\"c,d\",2\n");
    io::write_safetensors(folder_ / "net.safetensors", trained_network());
    // What a first run writes is the new file; the old one is something else of its kind.
    for (const std::string& name : command_.outputs) std::filesystem::remove(folder_ / name);
    const Attempt first = attempt(nullptr, false);
    ASSERT_EQ(first.status, 0) << first.err;
    new_ = first.files;
  }

  std::string old_of(const std::string& name) const {
    // A state that does not parse would be refused; an absent one is made.
    return name == "state.safetensors" ? std::string() : "old";
  }

  void restore() const {
    for (const std::string& name : command_.outputs) {
      std::filesystem::remove(folder_ / name);
      if (!old_of(name).empty()) write_file(folder_ / name, old_of(name));
    }
    for (const std::string& name : temporaries()) std::filesystem::remove(folder_ / name);
  }

  std::vector<std::string> temporaries() const {
    std::vector<std::string> found;
    for (const std::string& name : folder_.names()) {
      if (name.rfind(".norma-", 0) == 0) found.push_back(name);
    }
    return found;
  }

  /// Runs the command in a child of this process, with a fault armed.
  Attempt attempt(const Fault* fault, bool from_old = true) const {
    if (from_old) restore();
    struct Told {
      bool fired;
      long seen;
    };
    auto* told = static_cast<Told*>(::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    *told = {false, 0};
    const std::string err = folder_ / "stderr";
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open("/dev/null", O_RDWR), STDOUT_FILENO);
      ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      std::filesystem::current_path(std::filesystem::path(err).parent_path());
      set_num_threads(1);
      std::vector<const char*> argv{"norma"};
      for (const std::string& word : command_.words) argv.push_back(word.c_str());
      if (fault != nullptr) faults::arm(fault->call, fault->nth, fault->how, fault->number);
      const int status = cli::run(static_cast<int>(argv.size()), argv.data());
      faults::disarm();
      *told = {faults::fired(), faults::seen()};
      ::_exit(status);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    Attempt ended;
    ended.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    ended.fired = told->fired || WIFSIGNALED(status);
    ended.seen = told->seen;
    ::munmap(told, sizeof(Told));
    ended.err = read_file(err);
    for (const std::string& name : command_.outputs) {
      ended.files.push_back(std::filesystem::exists(folder_ / name) ? read_file(folder_ / name) : std::string());
    }
    ended.left = temporaries();
    return ended;
  }

  void expect_old_or_new(const Attempt& ended) const {
    for (std::size_t i = 0; i < ended.files.size(); ++i) {
      const std::string& name = command_.outputs[i];
      EXPECT_TRUE(ended.files[i] == new_[i] || ended.files[i] == old_of(name)) << name << " is neither the old file nor the new one";
    }
  }

  void expect_old(const Attempt& ended) const {
    // The first to be written of two may be the new one when the second fails.
    for (std::size_t i = 0; i < ended.files.size(); ++i) {
      if (ended.files.size() == 1) {
        EXPECT_TRUE(ended.files[i] == old_of(command_.outputs[i])) << "a failure replaced " << command_.outputs[i];
      }
    }
    EXPECT_TRUE(ended.files != new_) << "all was written, and yet it says that it failed: " << ended.err;
  }

  /// What holds however a run that was not killed ends.
  void expect_told(const Attempt& ended) const {
    expect_old_or_new(ended);
    EXPECT_TRUE(ended.left.empty()) << "left behind: " << ended.left.front();
    if (ended.status == 0) {
      EXPECT_TRUE(ended.files == new_) << "it says that all was written, and it was not";
      return;
    }
    ASSERT_EQ(ended.status, 2) << ended.err;
    expect_old(ended);
    EXPECT_EQ(ended.err.rfind("norma: ", 0), 0U) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }

  /// Lets the calls of a kind fail, one in each run; returns how many there are. most: so many are tried, spread evenly.
  long each(const Fault& fault, long most, const std::function<void(const Attempt&)>& look) const {
    const Fault never{fault.call, LONG_MAX, fault.how, fault.number};
    const long calls = attempt(&never).seen, stride = std::max(1L, calls / most);
    for (long nth = 1; nth <= calls; nth += stride) {
      SCOPED_TRACE(std::string(command_.name) + ": call " + std::to_string(nth) + " of " + std::to_string(calls));
      const Fault now{fault.call, nth, fault.how, fault.number};
      const Attempt ended = attempt(&now);
      EXPECT_TRUE(ended.fired);
      look(ended);
      if (HasFailure()) break;
    }
    return calls;
  }

  TestFolder folder_;
  Command command_;
  std::vector<std::string> new_;
};

INSTANTIATE_TEST_SUITE_P(Command, Faults, ::testing::Range(std::size_t{0}, commands().size()),
                         [](const auto& info) { return commands()[info.param].name; });

#ifdef NORMA_FAULTS_IN_MALLOC
TEST_P(Faults, AnAllocationThatFailsIsOneSentence) {
  const char* wanted = std::getenv("NORMA_FAULTS");
  const long most = wanted != nullptr && std::string(wanted) == "all" ? LONG_MAX : 50;
  const long calls = each({Call::allocate, 0, How::fail, ENOMEM}, most, [&](const Attempt& ended) {
    expect_told(ended);
    if (ended.status == 2) EXPECT_NE(ended.err.find("memory"), std::string::npos) << ended.err;
  });
  EXPECT_GT(calls, 100);
  std::printf("faults: %s: %ld allocations, %ld of them tried\n", command_.name, calls, calls / std::max(1L, calls / most));
}
#endif

TEST_P(Faults, AWriteThatFailsLeavesTheOldFile) {
  for (const int error : {ENOSPC, EIO}) {
    for (const Call call : {Call::open, Call::write, Call::sync, Call::rename}) {
      long refused = 0;
      const long calls = each({call, 0, How::fail, error}, LONG_MAX, [&](const Attempt& ended) {
        expect_told(ended);
        if (ended.status != 2) return;
        ++refused;
        EXPECT_NE(ended.err.find(std::strerror(error)), std::string::npos) << ended.err;
      });
      EXPECT_GT(calls, 0) << static_cast<int>(call);
      // The folder's own fsync comes after the rename; the file is whole all the same.
      EXPECT_EQ(refused, call == Call::sync ? static_cast<long>(command_.outputs.size()) : calls) << static_cast<int>(call);
    }
    each({Call::close, 0, How::fail, error}, LONG_MAX, [&](const Attempt& ended) { expect_told(ended); });
    each({Call::change_mode, 0, How::fail, error}, LONG_MAX, [&](const Attempt& ended) { expect_told(ended); });
  }
}

TEST_P(Faults, AnInterruptionOrAShortWriteIsGoneOver) {
  const auto succeeds = [&](const Attempt& ended) {
    EXPECT_EQ(ended.status, 0) << ended.err;
    expect_told(ended);
  };
  for (const Call call : {Call::open, Call::write, Call::sync, Call::close}) each({call, 0, How::fail, EINTR}, LONG_MAX, succeeds);
  EXPECT_GT(each({Call::write, 0, How::shorten, 0}, LONG_MAX, succeeds), 0);
}

TEST_P(Faults, AKillAtAnyStepLeavesTheOldFileOrTheNew) {
  const long steps = each({Call::step, 0, How::signal, SIGKILL}, LONG_MAX, [&](const Attempt& ended) {
    EXPECT_EQ(ended.status, -SIGKILL);
    expect_old_or_new(ended);
    // What was left lies beside, and is in nobody's way.
    const Attempt again = attempt(nullptr, false);
    EXPECT_TRUE(again.status == 0 || command_.outputs.size() > 1) << again.err;
  });
  EXPECT_GT(steps, 3);
}

TEST_P(Faults, ATerminationAtAnyStepTakesItsTemporaryAlong) {
  each({Call::step, 0, How::signal, SIGTERM}, LONG_MAX, [&](const Attempt& ended) {
    EXPECT_EQ(ended.status, -SIGTERM);
    expect_old_or_new(ended);
    EXPECT_TRUE(ended.left.empty()) << "left behind: " << ended.left.front();
  });
}

#ifdef NORMA_FAULTS_IN_MALLOC
/// Lets the first, second, … allocation of a call fail until there is none left; returns how many there are. fails: makes the
/// call, and says whether it failed; a call that can do without the memory may succeed. look: at what is left of a failure.
long each_allocation(const std::function<void()>& prepare, const std::function<bool()>& fails, const std::function<void(bool failed)>& look) {
  for (long nth = 1;; ++nth) {
    prepare();
    faults::arm(Call::allocate, nth, How::fail, ENOMEM);
    const bool failed = fails();
    faults::disarm();
    if (!faults::fired()) {
      EXPECT_FALSE(failed);
      return nth - 1;
    }
    SCOPED_TRACE("allocation " + std::to_string(nth));
    look(failed);
    if (::testing::Test::HasFailure()) return nth;
  }
}

std::vector<float> ramp(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i * i % 97);
  return x;
}

TEST(FaultsInC, AnAllocationThatFailsIsAStatusAndTheNextCallWorks) {
  set_num_threads(1);
  std::vector<float> x = ramp(4 * 3 * 50), y(x.size()), wanted(x.size());
  const std::int64_t shape[] = {4, 3, 50};
  const norma_view in = norma_contiguous(x.data(), NORMA_F32, 3, shape), out = norma_contiguous(y.data(), NORMA_F32, 3, shape),
                   exact = norma_contiguous(wanted.data(), NORMA_F32, 3, shape);
  for (const norma_grouping& grouping : {norma_grouping_batch(1), norma_grouping_instance(1), norma_grouping_sample()}) {
    ASSERT_EQ(norma_normalize(&in, &exact, &grouping, nullptr, nullptr, 0), NORMA_OK) << norma_last_error();
    const long calls = each_allocation(
        [&] { std::fill(y.begin(), y.end(), 0.0F); },
        [&] {
          const norma_status status = norma_normalize(&in, &out, &grouping, nullptr, nullptr, 0);
          EXPECT_TRUE(status == NORMA_OK || status == NORMA_OUT_OF_MEMORY) << status << ": " << norma_last_error();
          return status != NORMA_OK;
        },
        [&](bool failed) {
          if (!failed) {
            EXPECT_EQ(y, wanted) << "it went on without memory, to another result";
            return;
          }
          EXPECT_NE(std::string(norma_last_error()), "");
          ASSERT_EQ(norma_normalize(&in, &out, &grouping, nullptr, nullptr, 0), NORMA_OK);
          EXPECT_EQ(y, wanted);
        });
    EXPECT_GT(calls, 0);
  }
}

TEST(FaultsInC, ALayerThatCannotBeMadeIsNone) {
  norma_layer* layer = nullptr;
  const long calls = each_allocation([] {}, [&] { return norma_batch_norm_create(3, nullptr, &layer) != NORMA_OK; },
                                     [](bool failed) { EXPECT_TRUE(failed); });
  EXPECT_GT(calls, 0);
  norma_layer_destroy(layer);
}

TEST(FaultsInLayers, AForwardThatFailsTrainsNothing) {
  set_num_threads(1);
  const std::vector<float> x = ramp(4 * 3 * 50);
  std::vector<float> y(x.size());
  const auto remembered = [](const Layer& layer) {
    std::string all;
    for (const StateTensor& tensor : layer.state()) {
      std::visit([&](auto values) { all.append(reinterpret_cast<const char*>(values.data()), values.size_bytes()); }, tensor.values);
    }
    return all;
  };
  std::unique_ptr<BatchNorm> layer;
  std::string before;
  const long calls = each_allocation(
      [&] {
        layer = std::make_unique<BatchNorm>(3);
        before = remembered(*layer);
      },
      [&] {
        try {
          layer->forward(view(x.data(), {4, 3, 50}), view(y.data(), {4, 3, 50}));
          return false;
        } catch (const std::bad_alloc&) {
          return true;
        }
      },
      [&](bool failed) {
        EXPECT_EQ(remembered(*layer) == before, failed);
        if (failed) layer->forward(view(x.data(), {4, 3, 50}), view(y.data(), {4, 3, 50}));
        EXPECT_EQ(layer->num_batches_tracked, 1);
      });
  EXPECT_GT(calls, 0);
}
#endif

}  // namespace
}  // namespace norma::test
