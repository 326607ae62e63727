// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "norma/error.hpp"

namespace norma {

/// The caller's parallel-for: derive from it to run Norma's work on threads of your own.
///
/// Norma cuts its work from the data alone, never from the number of threads, so every Runner gives the same bits.
class NORMA_API Runner {
 public:
  virtual ~Runner() = default;
  /// Calls task(context, i) once for each i in [0, tasks), in any order and on any threads, and returns when all are
  /// done. The tasks do not throw.
  virtual void run(std::int64_t tasks, void (*task)(void* context, std::int64_t index), void* context) = 0;
  /// How many tasks may run at once, 1 or more: a hint on whether splitting is worth it.
  virtual int concurrency() const = 0;
};

/// The library's own small pool. Several threads may use it at once: the one that finds it busy does its work itself.
NORMA_API Runner& default_runner();

/// Runs everything on the calling thread.
NORMA_API Runner& serial_runner();

/// Threads of the library's own pool, the calling one included. Default: the environment variable NORMA_NUM_THREADS
/// (a number from 1 to 1024; anything else throws Error at the first use), or else the processors this process may use.
/// set_num_threads throws Error outside 1 … 1024; it waits until the pool is idle.
NORMA_API void set_num_threads(int threads);
NORMA_API int num_threads();

}  // namespace norma
