// SPDX-License-Identifier: Apache-2.0
#include "work.hpp"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

namespace norma::python {

namespace {

constexpr std::int64_t kPause = 10;  // milliseconds between two looks

std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

/// The OpenMP runtime that a loaded library depends on, through libgomp's entry (LLVM's and Intel's runtimes have it too).
/// There may be several in a process; only the library's own threads wait where they are wanted.
class OpenMP final : public Runner {
 public:
  bool find(const char* library) {
    struct Wanted {
      const char* name;
      std::string path;
    } wanted{library, {}};
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* pointer) {
          auto& [name, path] = *static_cast<Wanted*>(pointer);
          if (std::strstr(info->dlpi_name, name) != nullptr) path = info->dlpi_name;
          return 0;
        },
        &wanted);
    void* handle = wanted.path.empty() ? nullptr : dlopen(wanted.path.c_str(), RTLD_NOLOAD | RTLD_LAZY);
    if (handle == nullptr) return false;
    parallel_ = reinterpret_cast<Parallel>(dlsym(handle, "GOMP_parallel"));  // looks into what the library depends on, too
    threads_ = reinterpret_cast<Threads>(dlsym(handle, "omp_get_max_threads"));
    return parallel_ != nullptr && threads_ != nullptr;
  }

  void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
    struct Job {
      std::atomic<std::int64_t> next{0};
      std::int64_t tasks;
      void (*task)(void*, std::int64_t);
      void* context;
    } job{{}, tasks, task, context};
    parallel_(
        [](void* pointer) {
          Job& shared = *static_cast<Job*>(pointer);
          for (std::int64_t i; (i = shared.next.fetch_add(1, std::memory_order_relaxed)) < shared.tasks;)
            shared.task(shared.context, i);
        },
        &job, 0, 0);
  }

  int concurrency() const override { return threads_(); }

 private:
  using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
  using Threads = int (*)();
  Parallel parallel_ = nullptr;
  Threads threads_ = nullptr;
};

std::atomic<Runner*> chosen{nullptr};

}  // namespace

Runner& runner() {
  Runner* borrowed = chosen.load(std::memory_order_relaxed);
  return borrowed ? *borrowed : default_runner();
}

bool borrow_openmp(const char* library) {
  static OpenMP openmp;
  // libgomp's threads do not survive a fork, and it would wait for them for ever.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { chosen.store(nullptr); });
  if (registered == 0 && chosen.load() == nullptr && openmp.find(library)) chosen.store(&openmp);
  return chosen.load() != nullptr;
}

bool on_main_thread() {
  static const auto main = nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
  return PyThread_get_thread_ident() == main;
}

struct Interruptible::State {
  Interruptible& runner;
  void (*task)(void*, std::int64_t);
  void* context;
  std::thread::id caller = std::this_thread::get_id();
  std::atomic<bool> stop{false};
};

Interruptible::Interruptible(Runner& inner) : inner_(inner), last_look_(now()) {}

bool Interruptible::stopped() const { return stopped_; }

int Interruptible::concurrency() const { return std::max(2, inner_.concurrency()); }

void Interruptible::run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) {
  if (stopped_) return;
  State state{*this, task, context};
  inner_.run(
      tasks,
      [](void* pointer, std::int64_t i) {
        State& s = *static_cast<State*>(pointer);
        if (s.stop.load(std::memory_order_relaxed)) return;
        s.task(s.context, i);
        if (std::this_thread::get_id() != s.caller || now() - s.runner.last_look_ < kPause) return;
        const nb::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) s.stop.store(true);
        s.runner.last_look_ = now();
      },
      &state);
  stopped_ = state.stop.load();
}

}  // namespace norma::python
