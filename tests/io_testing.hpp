// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "io/array.hpp"
#include "io/byte_order.hpp"
#include "io/source.hpp"
#include "norma/error.hpp"

namespace norma::io::testing {

/// A folder of a test's own, gone with it.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "norma-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The sentence that work refuses with; fails the test when it does not refuse, or with anything but Error.
inline std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw something else than norma::Error: " << error.what();
    return {};
  }
  ADD_FAILURE() << "was not refused";
  return {};
}

/// EXPECT that work is refused by a sentence that holds each of the parts.
inline void expect_refusal(const std::function<void()>& work, const std::vector<std::string>& parts) {
  const std::string sentence = refusal(work);
  for (const std::string& part : parts)
    EXPECT_NE(sentence.find(part), std::string::npos) << "'" << part << "' in: " << sentence;
}

inline std::unique_ptr<Source> source_of(const std::string& bytes, const std::string& label = "'test'") {
  return memory_source(std::as_bytes(std::span(bytes)), label);
}

/// The bytes of a value, little-endian or big-endian.
template <class T>
std::string bytes_of(T value, bool big = false) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  if (big != kFilesAreSwapped) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An array's memory as a file has it.
inline std::string file_bytes(const Array& array) {
  std::string bytes(text_of(array.bytes()));
  if (kFilesAreSwapped) swap_elements(std::as_writable_bytes(std::span(bytes)), size_of(array.dtype()));
  return bytes;
}

/// All elements of a view in C order, f32 and f64 alone, as double.
inline std::vector<double> values_of(const ConstView& x) {
  std::vector<double> values;
  for_each_piece(x, [&](std::span<const std::byte> piece) {
    for (std::size_t i = 0; i < piece.size(); i += size_of(x.dtype())) {
      float narrow = 0;
      double wide = 0;
      if (x.dtype() == DType::f64) {
        std::memcpy(&wide, &piece[i], sizeof wide);
      } else {
        std::memcpy(&narrow, &piece[i], sizeof narrow);
        wide = narrow;
      }
      values.push_back(wide);
    }
  });
  return values;
}

/// An array of random bits: all kinds of NaN, infinities and denormals among them.
inline Array random_bits(DType dtype, const Dims& shape, std::uint64_t seed) {
  Array array = Array::make({}, dtype, shape);
  std::mt19937_64 generator(seed);
  for (std::byte& byte : array.bytes()) byte = static_cast<std::byte>(generator());
  return array;
}

/// A pipe with a name, that gives bytes to whoever reads it: once, or without end until the reader is gone.
class NamedPipe {
 public:
  NamedPipe(const std::string& path, std::string bytes, bool endless = false) : path_(path) {
    std::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    writer_ = std::thread([path, bytes = std::move(bytes), endless] {
      std::ofstream pipe(path, std::ios::binary);
      do {
        pipe << bytes << std::flush;
      } while (endless && pipe);
    });
  }
  ~NamedPipe() { writer_.join(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::thread writer_;
};

constexpr DType kAllDtypes[] = {DType::f32, DType::f64, DType::f16, DType::bf16, DType::u8};

}  // namespace norma::io::testing
