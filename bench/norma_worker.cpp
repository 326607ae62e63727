// SPDX-License-Identifier: Apache-2.0
// Norma, and moving the same bytes, for the benchmark's driver; with --check: the cells that stand on stdin, a line each,
// once and without a time, against the definition in long double.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <norma/norma.hpp>
#include <stdexcept>
#include <utility>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "tensors.hpp"

namespace bench {
namespace {

norma::DType dtype_of(const std::string& name) {
  for (const norma::DType dtype : {norma::DType::f32, norma::DType::f64, norma::DType::f16, norma::DType::bf16}) {
    if (name == norma::name_of(dtype)) return dtype;
  }
  throw std::invalid_argument("there is no dtype '" + name + "'");
}

std::unique_ptr<norma::Layer> make_layer(const Tensors& of) {
  const Cell& cell = of.cell;
  const norma::Dims shape(cell.shape);
  const int axis = cell.channels_last() ? -1 : 1;
  const norma::Dims trailing(std::span(cell.shape).last(static_cast<std::size_t>(cell.normalized)));
  std::unique_ptr<norma::Layer> layer;
  if (cell.op == "layer_norm") layer = std::make_unique<norma::LayerNorm>(trailing);
  if (cell.op == "rms_norm") layer = std::make_unique<norma::RMSNorm>(trailing, norma::RMSNormOptions{.eps = 1e-5});
  if (cell.op == "group_norm")
    layer = std::make_unique<norma::GroupNorm>(cell.groups, cell.c(), norma::GroupNormOptions{.channel_axis = axis});
  if (cell.op == "instance_norm")
    layer = std::make_unique<norma::InstanceNorm>(cell.c(),
                                                  norma::InstanceNormOptions{.affine = true, .channel_axis = axis});
  if (cell.op == "batch_norm") {
    auto batch = std::make_unique<norma::BatchNorm>(cell.c(), norma::BatchNormOptions{.channel_axis = axis});
    batch->running_mean.assign(of.mean.begin(), of.mean.end());
    batch->running_var.assign(of.variance.begin(), of.variance.end());
    layer = std::move(batch);
  }
  if (!layer) throw std::invalid_argument("there is no op '" + cell.op + "'");
  layer->weight = of.weight;
  if (cell.op != "rms_norm") layer->bias = of.bias;
  layer->train(!cell.inference());
  return layer;
}

/// Norma through its layers, as a user calls them.
class Norma {
 public:
  explicit Norma(const Cell& cell) : of_(cell), layer_(make_layer(of_)) {
    if (cell.threads > 1) norma::set_num_threads(cell.threads);
    layer_->runner = cell.threads > 1 ? &norma::default_runner() : &norma::serial_runner();
    const norma::DType dtype = dtype_of(cell.dtype);
    const norma::Dims shape(cell.shape);
    x_ = {of_.x.data(), dtype, shape};
    y_ = {of_.y.data(), dtype, shape};
    if (cell.backward()) dy_ = {of_.dy.data(), dtype, shape};
    // The positions are axis 1 of (N, L, C) and of whole samples in rows, and axis 2 of (N, C, L).
    narrowing_.lengths = of_.lengths;
    narrowing_.lengths_axis = cell.channels_last() ? 1 : 2;
    if (!of_.mask.empty()) {
      const norma::Dims by = cell.channels_last() ? norma::Dims{cell.n(), cell.s(), 1} : norma::Dims{cell.n(), 1, cell.s()};
      narrowing_.mask = norma::view(std::as_const(of_.mask).data(), by);
    }
    if (cell.backward()) layer_->forward(x_, y_, narrowing_);
    run();
  }

  void run() {
    if (of_.cell.backward()) layer_->backward(x_, dy_, y_, narrowing_);
    else layer_->forward(x_, y_, narrowing_);
  }
  const Tensors& tensors() const { return of_; }
  norma::Runner& runner() const { return *layer_->runner; }

 private:
  Tensors of_;
  std::unique_ptr<norma::Layer> layer_;
  norma::ConstView x_, dy_;
  norma::View y_;
  norma::Narrowing narrowing_;
};

// ---- Moving the same bytes: one read and one write, or for backward two and one ----

typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));

#if defined(__x86_64__)
#define BENCH_TARGETS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BENCH_TARGETS
#endif

BENCH_TARGETS void copy_loop(const std::byte* from, std::byte* to, std::size_t bytes) {
  for (std::size_t i = 0; i + 64 <= bytes; i += 64) {
    *reinterpret_cast<Vector*>(to + i) = *reinterpret_cast<const Vector*>(from + i);
    __asm__ volatile("" ::: "memory");  // or GCC makes it memcpy
  }
}

BENCH_TARGETS void add_loop(const std::byte* a, const std::byte* b, std::byte* to, std::size_t bytes) {
  for (std::size_t i = 0; i + 64 <= bytes; i += 64) {
    *reinterpret_cast<Vector*>(to + i) = *reinterpret_cast<const Vector*>(a + i) + *reinterpret_cast<const Vector*>(b + i);
  }
}

#if defined(__SSE2__)
// Past the caches, where the memory is aligned. b: null to copy.
void stream(const std::byte* a, const std::byte* b, std::byte* to, std::size_t bytes) {
  const auto at = [](const std::byte* p) { return _mm_loadu_ps(reinterpret_cast<const float*>(p)); };
  for (std::size_t i = 0; i + 64 <= bytes; i += 64) {
    for (std::size_t k = i; k < i + 64; k += 16)
      _mm_stream_ps(reinterpret_cast<float*>(to + k), b ? _mm_add_ps(at(a + k), at(b + k)) : at(a + k));
  }
  _mm_sfence();
}
#endif

void move(const std::string& way, const Tensors& of, std::size_t begin, std::size_t end) {
  const std::byte *a = of.x.data() + begin, *b = of.cell.backward() ? of.dy.data() + begin : nullptr;
  std::byte* to = of.y.data() + begin;
  if (way[0] == 'm') std::memcpy(to, a, end - begin);
#if defined(__SSE2__)
  else if (way[0] == 's' && of.cell.offset == 0) stream(a, b, to, end - begin);
#endif
  else if (b) add_loop(a, b, to, end - begin);
  else copy_loop(a, to, end - begin);
  __asm__ volatile("" ::"r"(to) : "memory");
}

/// memcpy, loop, stream; with "-2" behind it on as many threads.
std::function<void()> mover(const std::string& way, const Norma& norma) {
  const std::size_t dash = way.find('-');
  const int parts = dash == way.npos ? 1 : std::stoi(way.substr(dash + 1));
  const Tensors* of = &norma.tensors();
  if (parts == 1) return [=] { move(way, *of, 0, of->cell.bytes()); };
  norma::Runner* runner = &norma.runner();
  return [=] {
    struct Job {
      const std::string* way;
      const Tensors* of;
      std::size_t part;
    } job{&way, of, (of->cell.bytes() / static_cast<std::size_t>(parts) + 63) / 64 * 64};
    runner->run(
        parts,
        [](void* context, std::int64_t k) {
          const Job& of_job = *static_cast<const Job*>(context);
          const std::size_t begin = static_cast<std::size_t>(k) * of_job.part, end = begin + of_job.part;
          move(*of_job.way, *of_job.of, begin, std::min(end, of_job.of->cell.bytes()));
        },
        &job);
  };
}

// ---- The two ways to be run ----

// Above what contracts.md allows each dtype, in ulps of max(1, |y|), and far below any mistake.
constexpr double kTolerance = 16;

int check() {
  int cells = 0, wrong = 0;
  for (std::string line; std::getline(std::cin, line); ++cells) {
    double error = HUGE_VAL;
    std::string why;
    try {
      const Norma norma{Cell(line)};
      error = norma.tensors().error(norma.tensors().y.data());
    } catch (const std::exception& e) {
      why = e.what();
    }
    if (error <= kTolerance) continue;
    ++wrong;
    std::printf("WRONG by %g ulp: %s %s\n", error, line.c_str(), why.c_str());
  }
  std::printf("%d cells, %d wrong\n", cells, wrong);
  return wrong != 0 || cells == 0;
}

int serve_norma() {
  std::unique_ptr<Norma> norma;
  Peer peer;
  peer.prepare = [&](const Cell& cell) {
    norma.reset();
    norma = std::make_unique<Norma>(cell);
    norma->tensors().write();
  };
  peer.work = [&](const std::string& what) -> std::function<void()> {
    if (what == "norma") return [&norma] { norma->run(); };
    return mover(what, *norma);
  };
  peer.result = [&]() -> const Buffer& { return norma->tensors().y; };
  peer.error = [&](const std::string& path) {
    const Buffer result(norma->tensors().cell.bytes(), 0);
    result.read(path);
    return norma->tensors().error(result.data());
  };
  return serve(peer, std::string("Norma ") + NORMA_VERSION + " " + norma::target());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return argc == 2 && std::strcmp(argv[1], "--check") == 0 ? bench::check() : bench::serve_norma(); }
