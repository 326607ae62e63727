// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "io/byte_order.hpp"
#include "io/output_file.hpp"
#include "io/text.hpp"

namespace norma::io {
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the reference implementation's limit
constexpr std::size_t kHeaderAlignment = 8;
constexpr std::string_view kMetadata = "__metadata__";

struct KnownDtype {
  std::string_view code;
  Element element;
};
constexpr std::array<KnownDtype, 13> kDtypes = {{
    {"F32", Element::f32},
    {"F16", Element::f16},
    {"BF16", Element::bf16},
    {"F64", Element::f64},
    {"BOOL", Element::boolean},
    {"U8", Element::u8},
    {"I8", Element::i8},
    {"U16", Element::u16},
    {"I16", Element::i16},
    {"U32", Element::u32},
    {"I32", Element::i32},
    {"U64", Element::u64},
    {"I64", Element::i64},
}};

struct TensorEntry {
  std::string name;
  Element element = Element::f32;
  Dims shape{};
  std::uint64_t begin = 0, end = 0;
};

struct Header {
  std::vector<TensorEntry> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

// Takes the header's JSON as it is parsed, and refuses at the first thing that has no place in it: no document is
// built, so that neither depth nor size nor a repeated key can be abused.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& label) : label_(label) {}

  Header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::start: place_ = Place::top; return true;
      case Place::tensor_begin: place_ = Place::tensor; return true;
      case Place::metadata_begin: place_ = Place::metadata; return true;
      default: refuse("an object stands where none belongs");
    }
  }

  bool key(string_t& key) override {
    switch (place_) {
      case Place::top:
        if (!names_.insert(key).second) refuse(fmt::format("the name {} appears twice", in_quotes(key, 60)));
        if (key == kMetadata) {
          place_ = Place::metadata_begin;
        } else {
          header_.tensors.push_back({.name = key});
          fields_ = 0;
          place_ = Place::tensor_begin;
        }
        return true;
      case Place::tensor: return tensor_key(key);
      case Place::metadata:
        metadata_key_ = key;
        if (header_.metadata.contains(key)) refuse(fmt::format("the metadata {} appears twice", in_quotes(key, 60)));
        return true;
      default: refuse("a key stands where none belongs");
    }
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(metadata_key_, std::move(text));
      return true;
    }
    if (place_ != Place::dtype) refuse("text stands where none belongs");
    const auto* known =
        std::find_if(kDtypes.begin(), kDtypes.end(), [&](const KnownDtype& d) { return d.code == text; });
    if (known == kDtypes.end()) {
      throw Error(
          fmt::format("{}, tensor {}, is of dtype {}; Norma reads F16, BF16, F32, F64, BOOL, and I and U of 8, "
                      "16, 32 and 64",
                      label_, in_quotes(tensor().name, 60), in_quotes(text, 40)));
    }
    tensor().element = known->element;
    place_ = Place::tensor;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape_begin) {
      place_ = Place::shape;
    } else if (place_ == Place::offsets_begin) {
      place_ = Place::offsets;
      offsets_ = 0;
    } else {
      refuse("an array stands where none belongs");
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
        refuse("a size is too large");
      if (tensor().shape.rank() == kMaxRank) {
        throw Error(fmt::format("{}, tensor {}, has more than {} axes; reshape it to {} or fewer", label_,
                                in_quotes(tensor().name, 60), kMaxRank, kMaxRank));
      }
      tensor().shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets && offsets_ < 2) {
      (offsets_++ == 0 ? tensor().begin : tensor().end) = value;
    } else {
      refuse("a number stands where none belongs");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2) refuse("data_offsets are not two numbers");
    place_ = Place::tensor;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor && fields_ != (kDtypeField | kShapeField | kOffsetsField)) {
      refuse(fmt::format("the tensor {} lacks its dtype, shape or data_offsets", in_quotes(tensor().name, 60)));
    }
    place_ = Place::top;
    return true;
  }

  bool null() override { refuse("a null stands where none belongs"); }
  bool boolean(bool) override { refuse("a truth value stands where none belongs"); }
  bool number_integer(number_integer_t) override { refuse("a negative number stands where none belongs"); }
  bool number_float(number_float_t, const string_t&) override { refuse("a fraction stands where none belongs"); }
  bool binary(binary_t&) override { refuse("binary data stands where none belongs"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    refuse(fmt::format("it is no JSON at byte {}", position));
  }

 private:
  enum class Place {
    start,
    top,
    metadata_begin,
    metadata,
    tensor_begin,
    tensor,
    dtype,
    shape_begin,
    shape,
    offsets_begin,
    offsets
  };
  static constexpr unsigned kDtypeField = 1, kShapeField = 2, kOffsetsField = 4;

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(fmt::format("{} has a malformed .safetensors header: {}; save it again", label_, what));
  }

  TensorEntry& tensor() { return header_.tensors.back(); }

  bool tensor_key(const std::string& key) {
    struct Field {
      std::string_view key;
      unsigned bit;
      Place next;
    };
    static constexpr Field kFields[] = {{"dtype", kDtypeField, Place::dtype},
                                        {"shape", kShapeField, Place::shape_begin},
                                        {"data_offsets", kOffsetsField, Place::offsets_begin}};
    for (const Field& field : kFields) {
      if (key != field.key) continue;
      if ((fields_ & field.bit) != 0) refuse(fmt::format("{} appears twice", in_quotes(key, 60)));
      fields_ |= field.bit;
      place_ = field.next;
      return true;
    }
    refuse(fmt::format("the tensor {} has the unknown key {}", in_quotes(tensor().name, 60), in_quotes(key, 60)));
  }

  const std::string& label_;
  Header header_;
  std::set<std::string> names_;
  std::string metadata_key_;
  Place place_ = Place::start;
  unsigned fields_ = 0;
  int offsets_ = 0;
};

// Tensors in the order of their data, which must lie end to end from 0 and fit their shapes.
void check_offsets(std::vector<TensorEntry>& tensors, const std::string& label) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t expected = 0;
  for (const TensorEntry& tensor : tensors) {
    const auto refuse = [&](const std::string& what) {
      throw Error(fmt::format("{}, tensor {}, {}; the header is wrong", label, in_quotes(tensor.name, 60), what));
    };
    if (tensor.begin != expected) {
      refuse(fmt::format("begins at byte {} of the data, where {} was expected: tensors overlap or leave a hole",
                         tensor.begin, expected));
    }
    if (tensor.end < tensor.begin) refuse("ends before it begins");
    const auto count = checked_count(tensor.shape);
    if (!count || *count * size_of(tensor.element) != tensor.end - tensor.begin) {
      refuse(fmt::format("has {} of data, which its dtype and shape {} do not take",
                         human_bytes(tensor.end - tensor.begin), to_string(tensor.shape)));
    }
    expected = tensor.end;
  }
}

Header read_header(Source& source) {
  const std::string& label = source.label();
  std::array<std::byte, 8> length_field;
  const std::size_t arrived = source.read_up_to(length_field);
  if (arrived == 0) throw Error(label + " is empty; a .safetensors file was expected");
  if (arrived < length_field.size()) throw Error(label + " ends within its first 8 bytes; it is truncated");
  if (kFilesAreSwapped) swap_elements(length_field, sizeof(std::uint64_t));
  const auto length = std::bit_cast<std::uint64_t>(length_field);
  const auto held = source.remaining();
  if (length > kLongestHeader || (held && length > *held)) {
    throw Error(fmt::format("{} claims a header of {}{}; it is no .safetensors file, or is truncated", label,
                            human_bytes(length), held ? fmt::format(" but holds {}", human_bytes(*held)) : ""));
  }
  const std::vector<std::byte> text = source.read_bytes(length);
  if (text.size() < length) {
    throw Error(fmt::format("{} claims a header of {} but holds {}; it is truncated", label, human_bytes(length),
                            human_bytes(text.size())));
  }
  if (text.empty() || text.front() != std::byte{'{'}) {
    throw Error(label + " has a malformed .safetensors header: it does not begin with '{'; save it again");
  }
  HeaderReader reader(label);
  const auto* begin = reinterpret_cast<const char*>(text.data());
  nlohmann::json::sax_parse(begin, begin + text.size(), &reader);
  Header header = reader.take();
  check_offsets(header.tensors, label);
  const std::uint64_t claimed = header.tensors.empty() ? 0 : header.tensors.back().end;
  if (const auto data = source.remaining(); data && *data != claimed) {
    throw Error(fmt::format("{} {}; it is truncated or its header is wrong", label, claim_and_truth(claimed, *data)));
  }
  return header;
}

void skip(Source& source, std::uint64_t count) {
  std::vector<std::byte> discarded(static_cast<std::size_t>(std::min<std::uint64_t>(count, std::uint64_t{1} << 20)));
  while (count > 0) {
    const auto piece =
        std::span(discarded).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, discarded.size())));
    source.read(piece);
    count -= piece.size();
  }
}

std::string join_names(const std::vector<TensorEntry>& tensors) {
  constexpr std::size_t kShown = 8;
  std::string names;
  for (std::size_t i = 0; i < std::min(tensors.size(), kShown); ++i) {
    names += (i == 0 ? "" : ", ") + in_quotes(tensors[i].name, 60);
  }
  return tensors.empty() ? "none" : tensors.size() > kShown ? names + ", …" : names;
}

std::string_view code_of(Element element) {
  return std::find_if(kDtypes.begin(), kDtypes.end(), [&](const KnownDtype& d) { return d.element == element; })->code;
}

Element element_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return Element::f64;
    case DType::f16: return Element::f16;
    case DType::bf16: return Element::bf16;
    case DType::u8: return Element::u8;
    case DType::i8: return Element::i8;
    default: return Element::f32;
  }
}

DType float_dtype(Element element, const std::string& name) {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    if (element_of(dtype) == element) return dtype;
  }
  throw Error(fmt::format("the tensor {} is of dtype {}, and F32, F64, F16 or BF16 was expected", in_quotes(name, 60),
                          code_of(element)));
}

// f64 values as 64 bit integers, in C order.
std::vector<std::int64_t> whole_numbers(const NamedView& tensor) {
  const auto refuse = [&](const std::string& what) {
    throw Error(fmt::format("[write_safetensors] the tensor {} cannot be written as I64: {}",
                            in_quotes(tensor.name, 60), what));
  };
  if (tensor.view.dtype() != DType::f64)
    refuse(fmt::format("it is {}, and f64 was expected", name_of(tensor.view.dtype())));
  constexpr double kExact = 9007199254740992.0;  // 2^53
  std::vector<std::int64_t> numbers;
  numbers.reserve(static_cast<std::size_t>(tensor.view.size()));
  for_each_piece(tensor.view, [&](std::span<const std::byte> piece) {
    for (std::size_t i = 0; i < piece.size(); i += sizeof(double)) {
      double value = 0;
      std::memcpy(&value, &piece[i], sizeof value);
      if (!(std::abs(value) <= kExact) || value != std::trunc(value))
        refuse(fmt::format("{} is no whole number within 2^53", value));
      numbers.push_back(static_cast<std::int64_t>(value));
    }
  });
  return numbers;
}

// A tensor on its way into a file.
struct Outgoing {
  std::string_view name;
  Element element;
  const Dims* shape;
  std::function<void(OutputFile&)> write;
};

// JSON's own quoting; refuses what is no UTF-8, which JSON cannot say.
std::string json_text(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(fmt::format("[write_safetensors] the name {} is no UTF-8", in_quotes(text, 60)));
  }
}

std::string make_header(std::span<const Outgoing> tensors, const std::map<std::string, std::string, std::less<>>& metadata) {
  std::string text = "{";
  const auto separate = [&] {
    if (text.size() > 1) text += ',';
  };
  if (!metadata.empty()) {
    text += json_text(std::string(kMetadata)) + ":{";
    bool first = true;
    for (const auto& [key, value] : metadata) {
      text += (first ? "" : ",") + json_text(key) + ":" + json_text(value);
      first = false;
    }
    text += '}';
  }
  std::uint64_t offset = 0;
  for (const Outgoing& tensor : tensors) {
    separate();
    const std::uint64_t end = offset + static_cast<std::uint64_t>(count_of(*tensor.shape)) * size_of(tensor.element);
    std::string sizes;
    for (const std::int64_t size : *tensor.shape) sizes += fmt::format("{}{}", sizes.empty() ? "" : ",", size);
    text += fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", json_text(std::string(tensor.name)),
                        code_of(tensor.element), sizes, offset, end);
    offset = end;
  }
  text += '}';
  text.append((kHeaderAlignment - text.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
  return text;
}

void write_all(const std::string& path, std::vector<Outgoing> tensors,
               const std::map<std::string, std::string, std::less<>>& metadata) {
  std::set<std::string_view> names;
  for (const Outgoing& tensor : tensors) {
    if (tensor.name.empty() || tensor.name == kMetadata) {
      throw Error(
          fmt::format("[write_safetensors] {} is no name for a tensor; choose another", in_quotes(tensor.name)));
    }
    if (!names.insert(tensor.name).second) {
      throw Error(fmt::format("[write_safetensors] two tensors have the name {}", in_quotes(tensor.name, 60)));
    }
  }
  std::sort(tensors.begin(), tensors.end(), [](const Outgoing& a, const Outgoing& b) {
    const std::size_t size_a = size_of(a.element), size_b = size_of(b.element);
    return size_a != size_b ? size_a > size_b : a.name < b.name;
  });
  const std::string header = make_header(tensors, metadata);
  OutputFile file(path);
  const std::uint64_t length = header.size();
  write_elements(file, std::as_bytes(std::span(&length, 1)), sizeof length);
  file.write(header);
  for (const Outgoing& tensor : tensors) tensor.write(file);
  file.commit();
}

Array read_tensor_entry(Source& source, const TensorEntry& entry, bool as_mask) {
  const Payload payload{.element = entry.element, .shape = entry.shape};
  const std::string label = fmt::format("{}, tensor {},", source.label(), in_quotes(entry.name, 60));
  return read_payload(source, payload, as_mask, label, entry.name);
}

void require_name(const Source& source, const Header& header, const ReadOptions& options) {
  if (options.name.empty()) return;
  for (const TensorEntry& entry : header.tensors) {
    if (entry.name == options.name) return;
  }
  throw Error(fmt::format("{} holds no tensor {}; it holds {}", source.label(), in_quotes(options.name, 60),
                          join_names(header.tensors)));
}

void require_end(Source& source) {
  if (!source.at_end()) throw Error(source.label() + " holds bytes after its last tensor; its header is wrong");
}

Safetensors read_wanted(Source& source, Header header, const ReadOptions& options) {
  Safetensors result;
  result.metadata = std::move(header.metadata);
  for (const TensorEntry& entry : header.tensors) {
    if (options.name.empty() || entry.name == options.name) {
      result.tensors.emplace(entry.name, read_tensor_entry(source, entry, options.as_mask));
    } else {
      skip(source, entry.end - entry.begin);
    }
  }
  require_end(source);
  return result;
}

}  // namespace

Safetensors read_safetensors(const std::string& path, const ReadOptions& options) {
  return read_safetensors(*open_source(path), options);
}

Safetensors read_safetensors(Source& source, const ReadOptions& options) {
  Header header = read_header(source);
  require_name(source, header, options);
  return read_wanted(source, std::move(header), options);
}

Array read_safetensor(Source& source, const ReadOptions& options) {
  Header header = read_header(source);
  require_name(source, header, options);
  if (options.name.empty() && header.tensors.size() != 1) {
    throw Error(fmt::format("{} holds {} tensors; say which by its name: {}", source.label(), header.tensors.size(),
                            join_names(header.tensors)));
  }
  return std::move(read_wanted(source, std::move(header), options).tensors.begin()->second);
}

void write_safetensors(const std::string& path, std::span<const NamedView> tensors,
                       const std::map<std::string, std::string, std::less<>>& metadata) {
  std::vector<Outgoing> outgoing;
  for (const NamedView& tensor : tensors) {
    if (tensor.view.empty()) throw Error("[write_safetensors] there is no tensor to write as " + in_quotes(tensor.name, 60));
    Outgoing out{tensor.name, element_of(tensor.view.dtype()), &tensor.view.shape(), {}};
    if (tensor.as_i64) {
      out.element = Element::i64;
      out.write = [numbers = whole_numbers(tensor)](OutputFile& file) {
        write_elements(file, std::as_bytes(std::span(numbers)), sizeof(std::int64_t));
      };
    } else {
      out.write = [&tensor](OutputFile& file) {
        const std::size_t size = norma::size_of(tensor.view.dtype());
        for_each_piece(tensor.view, [&](std::span<const std::byte> piece) { write_elements(file, piece, size); });
      };
    }
    outgoing.push_back(std::move(out));
  }
  write_all(path, std::move(outgoing), metadata);
}

ConstView StoredTensor::view() const { return {bytes.bytes().data(), float_dtype(element, bytes.name()), shape}; }

View StoredTensor::mutable_view() { return {bytes.bytes().data(), float_dtype(element, bytes.name()), shape}; }

StoredSafetensors read_stored_safetensors(const std::string& path) {
  const auto source = open_source(path);
  Header header = read_header(*source);
  StoredSafetensors result{.tensors = {}, .metadata = std::move(header.metadata)};
  for (const TensorEntry& entry : header.tensors) {
    const auto count = static_cast<std::int64_t>(entry.end - entry.begin);
    Array bytes = read_tensor_entry(*source, {.name = entry.name, .element = Element::u8, .shape = {count}}, true);
    if (kFilesAreSwapped) swap_elements(bytes.bytes(), size_of(entry.element));
    result.tensors.emplace(entry.name, StoredTensor{entry.element, entry.shape, std::move(bytes)});
  }
  require_end(*source);
  return result;
}

void write_safetensors(const std::string& path, const StoredSafetensors& file) {
  std::vector<Outgoing> outgoing;
  for (const auto& [name, tensor] : file.tensors) {
    const auto write = [&tensor = tensor](OutputFile& out) { write_elements(out, tensor.bytes.bytes(), size_of(tensor.element)); };
    outgoing.push_back({name, tensor.element, &tensor.shape, write});
  }
  write_all(path, std::move(outgoing), file.metadata);
}

}  // namespace norma::io
