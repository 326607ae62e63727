// SPDX-License-Identifier: Apache-2.0
#include "cell.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <numeric>
#include <sstream>
#include <stdexcept>

namespace bench {

Cell::Cell(const std::string& line) {
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals), value = equals == word.npos ? "" : word.substr(equals + 1);
    if (key == "op") op = value;
    else if (key == "layout") layout = value;
    else if (key == "dtype") dtype = value;
    else if (key == "pass") pass = value;
    else if (key == "narrow") narrow = value;
    else if (key == "data") data = value;
    else if (key == "normalized") normalized = std::stoi(value);
    else if (key == "groups") groups = std::stoll(value);
    else if (key == "offset") offset = std::stoll(value);
    else if (key == "threads") threads = std::stoi(value);
    else if (key == "hard") hard = value == "1";
    else if (key == "shape") {
      std::istringstream sizes(value);
      for (std::string size; std::getline(sizes, size, 'x');) shape.push_back(std::stoll(size));
    } else {
      throw std::invalid_argument("a cell has no '" + key + "'");
    }
  }
  if (shape.size() < 2) throw std::invalid_argument("a cell needs a shape of two sizes or more");
}

namespace {
using Sizes = std::vector<std::int64_t>;
std::int64_t product(Sizes::const_iterator from, Sizes::const_iterator to) {
  return std::accumulate(from, to, std::int64_t{1}, std::multiplies<>());
}
}  // namespace

std::size_t Cell::count() const { return static_cast<std::size_t>(product(shape.begin(), shape.end())); }
std::int64_t Cell::n() const { return per_row() ? product(shape.begin(), shape.end() - normalized) : shape[0]; }
std::int64_t Cell::c() const { return per_row() ? 1 : channels_last() ? shape.back() : shape[1]; }
std::int64_t Cell::s() const { return product(shape.begin(), shape.end()) / n() / c(); }

Buffer::Buffer(std::size_t bytes, std::size_t offset_bytes) : memory_(bytes + offset_bytes + 64), bytes_(bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(memory_.data());
  data_ = memory_.data() + ((begin + 63) / 64 * 64 - begin) + offset_bytes;
}

void Buffer::read(const std::string& path) const {
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(data_), static_cast<std::streamsize>(bytes_)))
    throw std::runtime_error(path + " is not there, or too short");
}

void Buffer::write(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.write(reinterpret_cast<const char*>(data_), static_cast<std::streamsize>(bytes_)).flush())
    throw std::runtime_error(path + " cannot be written");
}

int serve(const Peer& peer, const std::string& name) {
  std::cout << "ok " << name << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command, what;
    words >> command;
    try {
      if (command == "prepare") {
        peer.prepare(Cell(line.substr(command.size())));
        std::cout << "ok" << std::endl;
      } else if (command == "run") {
        long times = 1;
        words >> what >> times;
        const std::function<void()> work = peer.work(what);
        for (long k = 0; k < (times + 1) / 2; ++k) work();
        const auto begin = std::chrono::steady_clock::now();
        for (long k = 0; k < times; ++k) work();
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
        std::cout << "ok " << taken.count() / static_cast<double>(times) << std::endl;
      } else if (command == "save") {
        words >> what;
        peer.result().write(what);
        std::cout << "ok" << std::endl;
      } else if (command == "error") {
        words >> what;
        std::cout << "ok " << peer.error(what) << std::endl;
      } else {
        throw std::invalid_argument("there is no command '" + command + "'");
      }
    } catch (const std::exception& e) {
      std::cout << "no " << e.what() << std::endl;
    }
  }
  return 0;
}

}  // namespace bench
