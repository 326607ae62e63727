// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __wasm__
#include <pthread.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace norma {

/// Short-lived memory of the calling thread. It grows to what the largest call needed and is then reused, so that a warm call
/// allocates nothing. Frames nest: what was taken since a frame began is free again when it ends.
class Scratch {
 public:
  class Frame {
   public:
    Frame() : scratch_(of_thread()), used_(scratch_.used_) {}
    ~Frame() { scratch_.release(used_); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    /// n uninitialized values, aligned to a cache line. T is plain data.
    template <class T>
    T* take(std::int64_t n) {
      return static_cast<T*>(scratch_.take(static_cast<std::size_t>(n) * sizeof(T)));
    }
    /// n values of T().
    template <class T>
    T* make(std::int64_t n) {
      T* values = take<T>(n);
      std::uninitialized_fill_n(values, n, T());
      return values;
    }

   private:
    Scratch& scratch_;
    std::size_t used_;
  };

#ifndef __wasm__
  static bool prepare() noexcept {
    try {
      thread_end();
      return true;
    } catch (const std::bad_alloc&) {
      return false;  // and the first Frame throws
    }
  }
#endif

 private:
  static constexpr std::size_t kLine = 64;
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t(kLine)); }
  };
  using Block = std::unique_ptr<std::byte, Free>;

#ifdef __wasm__
  static Scratch& of_thread() {
    static Scratch scratch;
    return scratch;
  }
#else
  /// Freed when the thread ends. A thread_local's destructor would do that too, but where there is no memory to register one, glibc ends
  /// the process.
  static Scratch& of_thread() {
    thread_local Scratch* mine = nullptr;
    if (mine == nullptr) [[unlikely]] {
      auto made = std::make_unique<Scratch>();
      made->home_ = &mine;
      if (pthread_setspecific(thread_end().key, made.get()) != 0) throw std::bad_alloc();
      mine = made.release();
    }
    return *mine;
  }
  struct ThreadEnd {
    pthread_key_t key{};
    ThreadEnd() {
      if (pthread_key_create(&key, &ThreadEnd::free) != 0) throw std::bad_alloc();
    }
    ~ThreadEnd() { pthread_key_delete(key); }
    ThreadEnd(const ThreadEnd&) = delete;
    ThreadEnd& operator=(const ThreadEnd&) = delete;
    static void free(void* scratch) {
      const std::unique_ptr<Scratch> ended(static_cast<Scratch*>(scratch));
      *ended->home_ = nullptr;  // what runs at the thread's end after this begins anew
    }
  };
  static const ThreadEnd& thread_end() {
    static const ThreadEnd one;
    return one;
  }
  Scratch** home_ = nullptr;
#endif

  static Block allocate(std::size_t bytes) {
    return Block(static_cast<std::byte*>(::operator new(bytes, std::align_val_t(kLine))));
  }

  void* take(std::size_t bytes) {
    bytes = (bytes + kLine - 1) / kLine * kLine;
    used_ += bytes;
    if (used_ <= capacity_) return block_.get() + (used_ - bytes);
    // Too small: this call lives on memory of its own, and the block is made large enough when the last frame ends.
    used_ -= bytes;
    overflow_.push_back(allocate(bytes));
    used_ += bytes;
    wanted_ = used_ > wanted_ ? used_ : wanted_;
    return overflow_.back().get();
  }

  void release(std::size_t used) {
    used_ = used;
    if (used_ != 0 || wanted_ <= capacity_) return;
    overflow_.clear();
    block_.reset();
    capacity_ = 0;
    // Failing to grow is no failure of the call that just succeeded.
    if (auto* p = static_cast<std::byte*>(::operator new(wanted_, std::align_val_t(kLine), std::nothrow))) {
      block_.reset(p);
      capacity_ = wanted_;
    }
  }

  Block block_;
  std::vector<Block> overflow_;
  std::size_t capacity_ = 0, used_ = 0, wanted_ = 0;
};

#ifndef __wasm__
/// Before any pool: at the process' end its workers are then joined, and free what is theirs, while the key is still there.
inline const bool scratch_is_prepared = Scratch::prepare();
#endif

}  // namespace norma
