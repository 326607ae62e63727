// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "norma/moments.hpp"
#include "norma/view.hpp"

/// Arrays of NumPy, PyTorch, JAX and whatever speaks DLPack or the buffer protocol: seen without a copy, made in kind.

namespace norma::python {

namespace nb = nanobind;

enum class Access : std::uint8_t { read, write };

/// What is known of a type of arrays; asked once for each of the first types that come.
struct ArrayType {
  enum class Family : std::uint8_t { numpy, torch, dlpack, buffer, none };
  Family family = Family::none;
  const void* exchange = nullptr;  ///< DLPack's table of C functions, where the type has one

  static ArrayType of(nb::handle object);

 private:
  static ArrayType made_of(nb::handle object);
};

/// An array as Python handed it over; holds it while it lives. Throws TypeError for what is no array or has other elements
/// than Norma takes, ValueError for another device, memory that may not be written, or a gradient that nobody would record.
class Tensor {
 public:
  Tensor() = default;
  /// None is an absent tensor. recorded: autograd knows of this call, so that tensors which require gradients are welcome.
  Tensor(nb::handle object, const char* name, Access access = Access::read, bool recorded = false);
  ~Tensor();
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  bool empty() const { return object_.ptr() == nullptr; }
  nb::handle object() const { return object_; }
  const Dims& shape() const { return shape_; }
  /// Of float elements; a mask's, of bool or uint8.
  ConstView floats() const;
  View written() const;
  /// After writing: counts the change, as PyTorch's own in-place operations do, so that autograd notices where it kept the tensor.
  void tell_autograd() const;
  ConstView mask() const;
  /// int64 of shape (n, 4), side by side: what norma::Moments look like from outside.
  Moments* moments(std::int64_t& count) const;
  /// One axis of integers, copied.
  std::vector<std::int64_t> integers() const;

 private:
  friend class Result;
  void adopt(const void* dl_tensor);
  void adopt_numpy();
  void adopt_buffer();
  void set_element(int numpy_type);
  void set_shape(int rank, const Py_ssize_t* shape, const Py_ssize_t* strides, Py_ssize_t element);
  void import_dlpack();
  [[noreturn]] void refuse_type(const char* expected) const;
  [[noreturn]] void refuse_device() const;
  [[noreturn]] void refuse_memory(std::string why) const;
  bool is(std::uint8_t code, std::uint8_t bits) const { return code_ == code && bits_ == bits; }

  nb::handle object_;
  const char* name_ = "";
  Access access_ = Access::read;
  ArrayType type_;
  void* data_ = nullptr;
  Dims shape_, strides_;
  std::uint8_t code_ = 0, bits_ = 0;  // as DLPack's
  bool readonly_ = false, has_buffer_ = false;
  Py_buffer buffer_;
  nb::object keeper_;
};

/// Memory for a result of x's kind, shape and dtype; object() hands it to Python.
class Result {
 public:
  explicit Result(const Tensor& x);
  View view() const { return view_; }
  nb::object object();

 private:
  const Tensor& x_;
  nb::object made_;  // NumPy's or PyTorch's
  std::optional<Tensor> tensor_;
  void* memory_ = nullptr;  // for all others: becomes theirs
  nb::object owner_;
  View view_;
};

/// One axis of integers from an array or a Python sequence.
std::vector<std::int64_t> integers(nb::handle object, const char* name);
/// A size or a sequence of sizes.
Dims dims(nb::handle object, const char* name);
nb::tuple tuple_of(const Dims& values);

}  // namespace norma::python
