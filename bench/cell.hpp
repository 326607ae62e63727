// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// What every peer of the benchmark shares: one cell of the grid, and the conversation with the driver.

namespace bench {

/// One cell of the grid; grid.py says what there is, and writes it as a line of key=value.
struct Cell {
  std::string op, layout, dtype, pass, narrow, data;
  std::vector<std::int64_t> shape;  // as it lies in memory
  int normalized = 1;               // layer and rms norm: how many trailing axes
  std::int64_t groups = 1;
  std::int64_t offset = 0;  // elements between a cache line and the first element of each tensor
  int threads = 1;
  bool hard = false;  // data of mean 10^4 and deviation 0.1, in place of 0 and 1

  /// Throws std::invalid_argument for a key or a number that is none.
  explicit Cell(const std::string& line);

  bool backward() const { return pass == "backward"; }
  bool inference() const { return pass == "inference"; }
  bool per_row() const { return layout == "rows"; }
  bool channels_last() const { return layout == "NHWC" || layout == "NLC"; }
  std::size_t element_size() const { return dtype == "f64" ? 8 : dtype == "f32" ? 4 : 2; }
  std::size_t count() const;
  std::size_t bytes() const { return count() * element_size(); }
  /// The shape as samples, channels and positions; of rows: rows, 1, width.
  std::int64_t n() const, c() const, s() const;
  /// How many weights.
  std::int64_t parameters() const { return per_row() ? s() : c(); }
  /// The path of one of the cell's tensors ("x", "dy", "weight", …), which norma's worker writes for the others.
  std::string file(const char* tensor) const { return data + "/" + tensor; }
};

/// Memory that begins `offset` elements behind a cache line.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::size_t bytes, std::size_t offset_bytes);
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// Throws std::runtime_error when the file is not there or too short.
  void read(const std::string& path) const;
  void write(const std::string& path) const;

 private:
  std::vector<std::byte> memory_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A peer in its own process. Each command is a line on stdin, each answer a line on stdout:
///
///     prepare CELL        makes memory ready, runs once                 ok | no, and why
///     run WHAT N          runs N times, after half as many untimed      ok and nanoseconds a run
///     save PATH           writes the result as it lies in memory        ok
///     error PATH          norma's alone: that result's worst error      ok and ulps
struct Peer {
  std::function<void(const Cell&)> prepare;               // throws where it cannot
  std::function<std::function<void()>(const std::string&)> work;  // by its name
  std::function<const Buffer&()> result;
  std::function<double(const std::string&)> error;
};
int serve(const Peer& peer, const std::string& name);

}  // namespace bench
