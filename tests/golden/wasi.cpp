// SPDX-License-Identifier: Apache-2.0
// What a WebAssembly program lacks: threads, and exceptions. As web/core.cpp does it for the page, but a refusal ends the program.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "norma/parallel.hpp"

namespace norma {

Runner& serial_runner() {
  class Serial final : public Runner {
   public:
    void run(std::int64_t tasks, void (*task)(void*, std::int64_t), void* context) override {
      for (std::int64_t i = 0; i < tasks; ++i) task(context, i);
    }
    int concurrency() const override { return 1; }
  };
  static Serial serial;
  return serial;
}
Runner& default_runner() { return serial_runner(); }

}  // namespace norma

extern "C" {
void* __cxa_allocate_exception(std::size_t size) noexcept { return std::malloc(size); }
void __cxa_free_exception(void* thrown) noexcept { std::free(thrown); }
int __cxa_thread_atexit(void (*)(void*), void*, void*) noexcept { return 0; }
[[noreturn]] void __cxa_throw(void* thrown, void*, void (*)(void*)) {
  std::fprintf(stderr, "golden: %s\n", static_cast<std::exception*>(thrown)->what());
  std::exit(3);
}
}
