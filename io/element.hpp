// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "io/array.hpp"
#include "io/source.hpp"

namespace norma::io {

/// What an element of a file is; more than Norma computes in.
enum class Element : std::uint8_t { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };

/// How a tensor is to be read.
struct ReadOptions {
  /// Which tensor of a file that holds several; may be empty where there is only one.
  std::string name;
  /// Keep unsigned bytes and truth values as u8, as a mask wants them, instead of widening them to f32.
  bool as_mask = false;
};

/// Bytes of one element in a file.
std::size_t size_of(Element element);

/// What an element becomes: floats stay what they are; 8 and 16 bit integers become f32 and wider ones f64, in which
/// every value of theirs is exact (64 bit integers beyond 2^53 are refused one by one, as they are read).
DType dtype_for(Element element, bool as_mask);

/// What a file says about the bytes that follow.
struct Payload {
  Element element = Element::f32;
  bool big_endian = false;
  bool fortran_order = false;
  Dims shape{};
};

/// Reads exactly the bytes of the payload and gives them Norma's dtype. Fortran order becomes strides, nothing is
/// moved.
///
/// label says in errors what is being read. Throws Error when the source holds fewer bytes than claimed, before
/// anything is allocated for them; from a pipe, memory grows with what arrives.
Array read_payload(Source& source, const Payload& payload, bool as_mask, const std::string& label, std::string name);

}  // namespace norma::io
