// SPDX-License-Identifier: Apache-2.0
#include "io/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "io/byte_order.hpp"
#include "io/output_file.hpp"
#include "io/text.hpp"

namespace norma::io {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kLongestHeader = 65'535;  // what version 1 can say; longer ones describe structures
constexpr std::size_t kGrowthDigits = 21;       // numpy leaves room for the growing axis to be rewritten in place

[[noreturn]] void refuse_dtype(const std::string& label, std::string_view descr) {
  const char kind = descr.size() > 1 ? descr[1] : '?';
  switch (kind) {
    case 'O':
      throw Error(
          fmt::format("{} holds pickled Python objects (dtype {}), which may run code when they are read; save "
                      "numbers instead, as array.astype('float32') gives them",
                      label, in_quotes(descr, 40)));
    case 'U':
    case 'S':
    case 'a': throw Error(fmt::format("{} holds text (dtype {}); Norma reads numbers", label, in_quotes(descr, 40)));
    case 'c':
      throw Error(fmt::format("{} holds complex numbers (dtype {}); save their real and imaginary parts as two arrays",
                              label, in_quotes(descr, 40)));
    default:
      throw Error(
          fmt::format("{} holds elements of dtype {}; Norma reads float16, float32, float64, bfloat16 ('<V2'), "
                      "bool and integers of 8 to 64 bits",
                      label, in_quotes(descr, 40)));
  }
}

Element parse_descr(const std::string& label, std::string_view descr, bool& big_endian) {
  struct Known {
    std::string_view code;
    Element element;
  };
  static constexpr Known kKnown[] = {
      {"b1", Element::boolean}, {"u1", Element::u8},  {"i1", Element::i8},  {"u2", Element::u16},
      {"i2", Element::i16},     {"u4", Element::u32}, {"i4", Element::i32}, {"u8", Element::u64},
      {"i8", Element::i64},     {"f2", Element::f16}, {"f4", Element::f32}, {"f8", Element::f64},
  };
  if (descr == "<V2") return Element::bf16;
  if (descr.size() == 3 && "<>|="sv.find(descr[0]) != std::string_view::npos) {
    big_endian = descr[0] == '>';
    for (const Known& known : kKnown) {
      if (descr.substr(1) == known.code) return known.element;
    }
  }
  refuse_dtype(label, descr);
}

// Reads the header's dictionary: a Python literal of three known keys, in any order and any spacing.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& label) : text_(text), label_(label) {}

  Payload parse() {
    Payload payload;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !has_descr) {
        has_descr = true;
        if (peek() == '[' || peek() == '(' || peek() == '{') refuse_structure();
        payload.element = parse_descr(label_, string(), payload.big_endian);
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        payload.fortran_order = boolean();
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        payload.shape = shape();
      } else {
        refuse("the keys 'descr', 'fortran_order' and 'shape', once each");
      }
      if (!take(',') && peek() != '}') refuse("a comma or a closing brace");
    }
    if (!has_descr || !has_order || !has_shape) refuse("the keys 'descr', 'fortran_order' and 'shape'");
    if (peek() != '\0' || position_ != text_.size()) refuse("nothing after the closing brace");
    return payload;
  }

 private:
  [[noreturn]] void refuse(const char* expected) const {
    throw Error(fmt::format("{} has a malformed .npy header: at its byte {}, {} was expected; save it again", label_,
                            position_, expected));
  }
  [[noreturn]] void refuse_structure() const {
    throw Error(
        fmt::format("{} holds structures (a dtype with fields); save one of the fields, as array['field']", label_));
  }

  // The next character that is no space, not taken; '\0' at the end.
  char peek() {
    while (position_ < text_.size() && " \t\r\n"sv.find(text_[position_]) != std::string_view::npos) ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool take(char c) {
    if (peek() != c || position_ == text_.size()) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse(c == '{' ? "'{'" : c == ':' ? "':'" : "'('");
  }

  std::string_view string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse("a quoted name");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) refuse("a closing quote");
    const std::string_view value = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    return value;
  }

  bool boolean() {
    for (const auto& [word, value] : {std::pair("True"sv, true), std::pair("False"sv, false)}) {
      if (peek() == word[0] && text_.substr(position_).starts_with(word)) {
        position_ += word.size();
        return value;
      }
    }
    refuse("True or False");
  }

  Dims shape() {
    Dims sizes;
    expect('(');
    while (!take(')')) {
      if (sizes.rank() == kMaxRank) {
        throw Error(fmt::format("{} has more than {} axes; reshape it to {} or fewer", label_, kMaxRank, kMaxRank));
      }
      sizes.push_back(size());
      if (!take(',') && peek() != ')') refuse("a comma or a closing parenthesis");
    }
    return sizes;
  }

  std::int64_t size() {
    if (peek() == '-') refuse("a size of 0 or more");
    std::int64_t value = 0;
    const char* begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) refuse("a size below 2^63");
    position_ += static_cast<std::size_t>(end - begin);
    take('L');  // Python 2 wrote its long integers so
    return value;
  }

  std::string_view text_;
  const std::string& label_;
  std::size_t position_ = 0;
};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint32_t little_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

std::vector<std::byte> read_header(Source& source) {
  const auto begin = source.read_bytes(kMagic.size() + 2);
  if (begin.empty()) throw Error(source.label() + " is empty; a .npy file was expected");
  if (!as_text(begin).starts_with(kMagic.substr(0, std::min(begin.size(), kMagic.size())))) {
    throw Error(source.label() + " is no .npy file: it does not begin with \\x93NUMPY; save it with numpy.save");
  }
  const auto truncated = [&] { return Error(source.label() + " ends within its .npy header; it is truncated"); };
  if (begin.size() < kMagic.size() + 2) throw truncated();
  const int major = std::to_integer<int>(begin[kMagic.size()]);
  const int minor = std::to_integer<int>(begin[kMagic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    throw Error(fmt::format("{} is of .npy version {}.{}; 1.0, 2.0 and 3.0 are read", source.label(), major, minor));
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const auto length_field = source.read_bytes(length_bytes);
  if (length_field.size() < length_bytes) throw truncated();
  const std::uint32_t length = little_endian(length_field);
  if (length > kLongestHeader) {
    throw Error(fmt::format("{} claims a .npy header of {}; those of plain numbers are shorter than {}", source.label(),
                            human_bytes(length), human_bytes(kLongestHeader + 1)));
  }
  auto header = source.read_bytes(length);
  if (header.size() < length) throw truncated();
  return header;
}

std::string_view descr_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return "<f4";
    case DType::f64: return "<f8";
    case DType::f16: return "<f2";
    case DType::bf16: return "<V2";
    case DType::u8: return "|u1";
    case DType::i8: return "|i1";
  }
  return {};
}

}  // namespace

Array read_npy(const std::string& path, const ReadOptions& options) { return read_npy(*open_source(path), options); }

Array read_npy(Source& source, const ReadOptions& options, std::string name) {
  const std::vector<std::byte> header = read_header(source);
  const Payload payload = HeaderParser(as_text(header), source.label()).parse();
  const auto count = checked_count(payload.shape);
  const auto held = source.remaining();
  const auto refuse_surplus = [&](const std::string& surplus) {
    throw Error(
        fmt::format("{} holds {} more than the shape {} in its header says; its header is wrong or something was "
                    "appended",
                    source.label(), surplus, to_string(payload.shape)));
  };
  if (held && count && *held > *count * size_of(payload.element)) {
    refuse_surplus(human_bytes(*held - *count * size_of(payload.element)));
  }
  Array array = read_payload(source, payload, options.as_mask, source.label(), std::move(name));
  if (!source.at_end()) refuse_surplus("bytes");
  return array;
}

std::string npy_header(DType dtype, const Dims& shape, bool fortran_order) {
  std::string sizes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    sizes += fmt::format("{}{}", axis == 0 ? "" : ", ", shape[axis]);
  }
  if (shape.rank() == 1) sizes += ",";
  std::string dictionary = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}", descr_of(dtype),
                                       fortran_order ? "True" : "False", sizes);
  if (shape.rank() > 0) {
    const std::string growing = fmt::format("{}", shape[fortran_order ? shape.rank() - 1 : 0]);
    dictionary.append(kGrowthDigits - growing.size(), ' ');
  }
  constexpr std::size_t kPrefix = kMagic.size() + 2 + 2;
  const std::size_t unpadded = kPrefix + dictionary.size() + 1;
  dictionary.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dictionary += '\n';
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(dictionary.size() & 0xFF), static_cast<char>(dictionary.size() >> 8)};
  return header + dictionary;
}

void write_npy(const std::string& path, const ConstView& x) {
  if (x.empty()) throw Error("[write_npy] there is no tensor to write");
  const std::size_t size = size_of(x.dtype());
  const bool fortran_order = !x.contiguous() && x.strides() == fortran_strides(x.shape());
  OutputFile file(path);
  file.write(npy_header(x.dtype(), x.shape(), fortran_order));
  if (fortran_order) {
    write_elements(file, {static_cast<const std::byte*>(x.data()), static_cast<std::size_t>(x.size()) * size}, size);
  } else {
    for_each_piece(x, [&](std::span<const std::byte> piece) { write_elements(file, piece, size); });
  }
  file.commit();
}

}  // namespace norma::io
