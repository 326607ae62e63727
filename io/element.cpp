// SPDX-License-Identifier: Apache-2.0
#include "io/element.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "io/byte_order.hpp"
#include "io/text.hpp"

namespace norma::io {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;  // a multiple of every element's size
constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

std::string index_of(std::uint64_t position, const Payload& payload) {
  Dims index = payload.shape;
  const int rank = index.rank();
  for (int k = 0; k < rank; ++k) {
    const int axis = payload.fortran_order ? k : rank - 1 - k;
    const auto size = static_cast<std::uint64_t>(payload.shape[axis]);
    index[axis] = static_cast<std::int64_t>(position % size);
    position /= size;
  }
  return to_string(index);
}

template <class From, class To>
void widen(std::span<const std::byte> from, std::byte* to) {
  for (std::size_t i = 0; i * sizeof(From) < from.size(); ++i) {
    From value;
    std::memcpy(&value, &from[i * sizeof(From)], sizeof(From));
    const To wide = static_cast<To>(value);
    std::memcpy(to + i * sizeof(To), &wide, sizeof(To));
  }
}

// The place of the first 64 bit integer that a double might not hold exactly, or the number of them.
template <class Integer>
std::size_t first_inexact(std::span<const std::byte> bytes) {
  const std::size_t count = bytes.size() / sizeof(Integer);
  for (std::size_t i = 0; i < count; ++i) {
    Integer value;
    std::memcpy(&value, &bytes[i * sizeof(Integer)], sizeof(Integer));
    if (value > static_cast<Integer>(kExactInDouble)) return i;
    if constexpr (std::is_signed_v<Integer>) {
      if (value < -kExactInDouble) return i;
    }
  }
  return count;
}

std::size_t first_inexact(std::span<const std::byte> bytes, Element element) {
  if (element == Element::i64) return first_inexact<std::int64_t>(bytes);
  if (element == Element::u64) return first_inexact<std::uint64_t>(bytes);
  return bytes.size() / size_of(element);
}

void widen(std::span<const std::byte> from, Element element, std::byte* to) {
  switch (element) {
    case Element::boolean:
      for (const std::byte byte : from) {
        const float value = byte == std::byte{0} ? 0.0F : 1.0F;
        std::memcpy(to, &value, sizeof value);
        to += sizeof value;
      }
      return;
    case Element::u8: return widen<std::uint8_t, float>(from, to);
    case Element::i8: return widen<std::int8_t, float>(from, to);
    case Element::u16: return widen<std::uint16_t, float>(from, to);
    case Element::i16: return widen<std::int16_t, float>(from, to);
    case Element::u32: return widen<std::uint32_t, double>(from, to);
    case Element::i32: return widen<std::int32_t, double>(from, to);
    case Element::u64: return widen<std::uint64_t, double>(from, to);
    case Element::i64: return widen<std::int64_t, double>(from, to);
    default: return;  // floats are read into place
  }
}

bool is_kept(Element element, bool as_mask) {
  const bool is_float =
      element == Element::f16 || element == Element::bf16 || element == Element::f32 || element == Element::f64;
  return is_float || (as_mask && (element == Element::u8 || element == Element::boolean));
}

void read_widened(Source& source, const Payload& payload, const std::string& label, Array& array) {
  const std::size_t size = size_of(payload.element);
  const std::size_t wide = norma::size_of(array.dtype());
  std::vector<std::byte> piece(kPiece);
  const auto count = static_cast<std::uint64_t>(array.size());
  for (std::uint64_t done = 0; done < count;) {
    const auto elements = static_cast<std::size_t>(std::min<std::uint64_t>(count - done, kPiece / size));
    const auto bytes = std::span(piece).first(elements * size);
    source.read(bytes);
    if (payload.big_endian != kFilesAreSwapped) swap_elements(bytes, size);
    if (const std::size_t bad = first_inexact(bytes, payload.element); bad < elements) {
      throw Error(
          fmt::format("{} holds a 64-bit integer beyond 2^53 at index {}, which f64 cannot hold exactly; "
                      "subtract an offset first, or save it as float64",
                      label, index_of(done + bad, payload)));
    }
    widen(bytes, payload.element, array.bytes().data() + done * wide);
    done += elements;
  }
}

}  // namespace

std::size_t size_of(Element element) {
  switch (element) {
    case Element::boolean:
    case Element::u8:
    case Element::i8: return 1;
    case Element::u16:
    case Element::i16:
    case Element::f16:
    case Element::bf16: return 2;
    case Element::u32:
    case Element::i32:
    case Element::f32: return 4;
    default: return 8;
  }
}

DType dtype_for(Element element, bool as_mask) {
  switch (element) {
    case Element::boolean:
    case Element::u8: return as_mask ? DType::u8 : DType::f32;
    case Element::i8:
    case Element::u16:
    case Element::i16:
    case Element::f32: return DType::f32;
    case Element::f16: return DType::f16;
    case Element::bf16: return DType::bf16;
    default: return DType::f64;
  }
}

Array read_payload(Source& source, const Payload& payload, bool as_mask, const std::string& label, std::string name) {
  const auto count = checked_count(payload.shape);
  if (!count) {
    throw Error(fmt::format("{} claims a shape of {}, more than any file holds; its header is wrong", label,
                            to_string(payload.shape)));
  }
  const std::uint64_t claimed = *count * size_of(payload.element);
  const auto refuse_short = [&](std::uint64_t held) {
    throw Error(fmt::format("{} {}; it is truncated or its header is wrong", label, claim_and_truth(claimed, held)));
  };
  const auto held = source.remaining();
  if (!held) {
    const std::vector<std::byte> staged = source.read_bytes(claimed);
    if (staged.size() < claimed) refuse_short(staged.size());
    return read_payload(*memory_source(staged, source.label()), payload, as_mask, label, std::move(name));
  }
  if (*held < claimed) refuse_short(*held);

  const DType dtype = dtype_for(payload.element, as_mask);
  Array array = payload.fortran_order
                    ? Array::make(std::move(name), dtype, payload.shape, fortran_strides(payload.shape))
                    : Array::make(std::move(name), dtype, payload.shape);
  if (!is_kept(payload.element, as_mask)) {
    read_widened(source, payload, label, array);
    return array;
  }
  source.read(array.bytes());
  if (payload.big_endian != kFilesAreSwapped) swap_elements(array.bytes(), size_of(payload.element));
  return array;
}

}  // namespace norma::io
