// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "norma/parallel.hpp"

namespace norma::python {

namespace nb = nanobind;

/// Runs work(runner) without the GIL, and honours Ctrl-C.
///
/// Fewer than kKeepsGil elements are done within some microseconds: giving the GIL up would cost more than it gives others.
/// From kInterruptible on, on Python's main thread (no other sees signals), pending signals are looked for between tasks, at
/// most every kPause; where a handler raises, the tasks left are skipped, and its exception is thrown: the result is then
/// written in part.
inline constexpr std::int64_t kKeepsGil = 8192, kInterruptible = std::int64_t{1} << 22;

class Interruptible final : public Runner {
 public:
  explicit Interruptible(Runner& inner);
  void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override;
  /// Two at least: a lone thread is to look up between tasks too.
  int concurrency() const override;
  bool stopped() const;

 private:
  struct State;
  Runner& inner_;
  std::int64_t last_look_ = 0;
  bool stopped_ = false;
};

/// Where Norma's work runs when Python calls: the library's own threads, or those of `borrow_openmp`.
Runner& runner();
/// Runs Norma's work on the threads of the OpenMP runtime that a loaded library uses (PyTorch's libtorch_cpu): two pools that
/// wait for work by spinning take each other's processors. False where there is none.
bool borrow_openmp(const char* library);

bool on_main_thread();

template <class Work>
void run_work(std::int64_t elements, const Work& work) {
  if (elements < kKeepsGil) return work(runner());
  if (elements < kInterruptible || !on_main_thread()) {
    const nb::gil_scoped_release others_may_run;
    return work(runner());
  }
  Interruptible interruptible(runner());
  {
    const nb::gil_scoped_release others_may_run;
    work(interruptible);
  }
  if (interruptible.stopped()) nb::raise_python_error();
}

}  // namespace norma::python
