// SPDX-License-Identifier: Apache-2.0
#include "io/npz.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <set>

#include "io/byte_order.hpp"
#include "io/npy.hpp"
#include "io/output_file.hpp"
#include "io/text.hpp"

namespace norma::io {
namespace {

constexpr std::string_view kSuffix = ".npy";

// Deflate's best is 258 bytes for two bits: 1032 to one, and a few bytes to begin with.
constexpr std::uint64_t kDeflateRatio = 1032;
constexpr std::uint64_t kDeflateSlack = 1024;

// MS-DOS for 1980-01-01 00:00, the zip format's zero and numpy's choice: the same arrays give the same bytes.
constexpr zip_uint16_t kDosDate = (0 << 9) | (1 << 5) | 1;
constexpr zip_uint16_t kDosTime = 0;

constexpr std::size_t kNamesShown = 8;

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using ZipPointer = std::unique_ptr<zip_t, Discard>;
using MemberPointer = std::unique_ptr<zip_file_t, Discard>;

std::string join_names(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) shown.push_back(in_quotes(names[i], 60));
  if (names.size() > kNamesShown) shown.emplace_back("…");
  return fmt::format("{}", fmt::join(shown, ", "));
}

struct ZipError {
  zip_error_t of{};
  ZipError() { zip_error_init(&of); }
  ~ZipError() { zip_error_fini(&of); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
};

// What libzip could not do, said after a colon. A lack of memory is what it is everywhere; libzip 1.7 leaves it unsaid at times.
[[noreturn]] void refuse_zip(const std::string& sentence, zip_error_t* error) {
  const int code = zip_error_code_zip(error);
  if (code == ZIP_ER_MEMORY || code == ZIP_ER_OK) throw std::bad_alloc();
  throw Error(sentence + ": " + zip_error_strerror(error));
}

class MemberSource final : public Source {
 public:
  MemberSource(MemberPointer member, std::uint64_t size, std::string label)
      : Source(std::move(label)), member_(std::move(member)), left_(size) {}

 private:
  std::size_t read_more(std::span<std::byte> out) override {
    const zip_int64_t count = zip_fread(member_.get(), out.data(), out.size());
    if (count < 0) refuse_zip(label() + " is damaged", zip_file_get_error(member_.get()));
    const auto taken = static_cast<std::uint64_t>(count);
    if (taken > left_) throw Error(label() + " is damaged: it holds more than the archive says");
    left_ -= taken;
    return static_cast<std::size_t>(count);
  }
  std::optional<std::uint64_t> more() const override { return left_; }

  MemberPointer member_;
  std::uint64_t left_;
};

// Lets libzip read from, or write to, a place of ours. libzip would by itself write beside the target and rename, out
// of OutputFile's sight.
class ZipStream {
 public:
  virtual ~ZipStream() = default;

  // libzip owns what this returns, and not the stream.
  zip_source_t* make_source() {
    ZipError error;
    zip_source_t* source = zip_source_function_create(&ZipStream::dispatch, this, &error.of);
    if (source == nullptr) refuse_zip("[npz] libzip cannot be used", &error.of);
    return source;
  }

 protected:
  ZipStream() { zip_error_init(&error_); }

  zip_int64_t fail(int zip_code, int error_number) {
    zip_error_set(&error_, zip_code, error_number);
    return -1;
  }

  virtual zip_int64_t size() const = 0;
  virtual zip_int64_t read_at(std::uint64_t offset, std::span<std::byte> out) = 0;
  virtual zip_int64_t write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual bool writable() const = 0;

  zip_error_t error_{};

 private:
  static zip_int64_t dispatch(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    return static_cast<ZipStream*>(self)->handle(data, length, command);
  }

  zip_int64_t seek(void* data, zip_uint64_t length, std::uint64_t& position) {
    const zip_int64_t target =
        zip_source_seek_compute_offset(position, static_cast<zip_uint64_t>(size()), data, length, &error_);
    if (target < 0) return -1;
    position = static_cast<std::uint64_t>(target);
    return 0;
  }

  zip_int64_t handle(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_OPEN: read_position_ = 0; return 0;
      case ZIP_SOURCE_READ: {
        const zip_int64_t count = read_at(read_position_, {static_cast<std::byte*>(data), length});
        if (count > 0) read_position_ += static_cast<std::uint64_t>(count);
        return count;
      }
      case ZIP_SOURCE_SEEK: return seek(data, length, read_position_);
      case ZIP_SOURCE_TELL: return static_cast<zip_int64_t>(read_position_);
      case ZIP_SOURCE_STAT: {
        auto* stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->size = static_cast<zip_uint64_t>(size());
        stat->valid = ZIP_STAT_SIZE;
        return sizeof(*stat);
      }
      case ZIP_SOURCE_BEGIN_WRITE: write_position_ = 0; return 0;
      case ZIP_SOURCE_WRITE: {
        const zip_int64_t count = write_at(write_position_, {static_cast<const std::byte*>(data), length});
        if (count > 0) write_position_ += static_cast<std::uint64_t>(count);
        return count;
      }
      case ZIP_SOURCE_SEEK_WRITE: return seek(data, length, write_position_);
      case ZIP_SOURCE_TELL_WRITE: return static_cast<zip_int64_t>(write_position_);
      case ZIP_SOURCE_ERROR: return zip_error_to_data(&error_, data, length);
      case ZIP_SOURCE_SUPPORTS: return writable() ? ZIP_SOURCE_SUPPORTS_WRITABLE : ZIP_SOURCE_SUPPORTS_SEEKABLE;
      case ZIP_SOURCE_CLOSE:
      case ZIP_SOURCE_COMMIT_WRITE:    // OutputFile commits
      case ZIP_SOURCE_ROLLBACK_WRITE:  // and takes back
      case ZIP_SOURCE_REMOVE:
      case ZIP_SOURCE_FREE: return 0;
      default: return fail(ZIP_ER_OPNOTSUPP, 0);
    }
  }

  std::uint64_t read_position_ = 0, write_position_ = 0;
};

class ZipInput final : public ZipStream {
 public:
  explicit ZipInput(SeekableFile file) : file_(std::move(file)) {}
  const SeekableFile& file() const { return file_; }

 private:
  zip_int64_t size() const override { return static_cast<zip_int64_t>(file_.size()); }
  zip_int64_t read_at(std::uint64_t offset, std::span<std::byte> out) override {
    try {
      return static_cast<zip_int64_t>(file_.read_at(offset, out));
    } catch (const std::exception&) {
      return fail(ZIP_ER_READ, errno);  // no exception may cross libzip
    }
  }
  zip_int64_t write_at(std::uint64_t, std::span<const std::byte>) override { return fail(ZIP_ER_OPNOTSUPP, 0); }
  bool writable() const override { return false; }

  SeekableFile file_;
};

class ZipOutput final : public ZipStream {
 public:
  explicit ZipOutput(int fd) : fd_(fd) {}

 private:
  zip_int64_t size() const override { return static_cast<zip_int64_t>(size_); }
  zip_int64_t read_at(std::uint64_t, std::span<std::byte>) override { return 0; }  // a new archive has nothing to read
  zip_int64_t write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) return fail(ZIP_ER_SEEK, errno);
    if (const int error_number = write_fully(fd_, bytes)) return fail(ZIP_ER_WRITE, error_number);
    size_ = std::max(size_, offset + bytes.size());
    return static_cast<zip_int64_t>(bytes.size());
  }
  bool writable() const override { return true; }

  int fd_;
  std::uint64_t size_ = 0;
};

// Opens an archive over stream, which must outlive it.
ZipPointer open_zip(ZipStream& stream, int flags, const std::string& refusal) {
  zip_source_t* source = stream.make_source();
  ZipError error;
  zip_t* archive = zip_open_from_source(source, flags, &error.of);
  if (archive == nullptr) {
    zip_source_free(source);
    refuse_zip(refusal, &error.of);
  }
  return ZipPointer(archive);
}

void add_array(zip_t* archive, const std::string& label, const NamedView& array, const std::string& header,
               Compression compression) {
  const auto refuse = [&] {
    refuse_zip(fmt::format("{} cannot take the array {}", label, in_quotes(array.name, 60)), zip_get_error(archive));
  };
  const ConstView& x = array.view;
  // libzip only reads the fragments; its struct serves writing too and is not const.
  auto* text = reinterpret_cast<zip_uint8_t*>(const_cast<char*>(header.data()));
  auto* data = static_cast<zip_uint8_t*>(const_cast<void*>(x.data()));
  const zip_buffer_fragment_t fragments[] = {{text, header.size()},
                                             {data, static_cast<zip_uint64_t>(x.size()) * size_of(x.dtype())}};
  zip_source_t* source = zip_source_buffer_fragment(archive, fragments, x.size() == 0 ? 1 : 2, 0);
  if (source == nullptr) refuse();
  const std::string member = array.name + std::string(kSuffix);
  const zip_int64_t index = zip_file_add(archive, member.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    refuse();
  }
  const auto place = static_cast<zip_uint64_t>(index);
  const zip_int32_t method = compression == Compression::stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
  if (zip_set_file_compression(archive, place, method, 0) != 0) refuse();
  if (zip_file_set_dostime(archive, place, kDosTime, kDosDate, 0) != 0) refuse();
}

void write_archive(int fd, const std::string& label, std::span<const NamedView> arrays, Compression compression) {
  // libzip takes the data at zip_close: until then the headers and the copies of what lies otherwise than in files must live.
  std::vector<Array> copies;
  std::vector<std::string> headers;
  copies.reserve(arrays.size());
  headers.reserve(arrays.size());
  ZipOutput output(fd);
  ZipPointer archive = open_zip(output, ZIP_CREATE | ZIP_TRUNCATE, label + " cannot be written");
  for (NamedView array : arrays) {
    if (!array.view.contiguous() || kFilesAreSwapped) array.view = copies.emplace_back(contiguous_copy(array.view)).view();
    if (kFilesAreSwapped) swap_elements(copies.back().bytes(), size_of(array.view.dtype()));
    headers.push_back(npy_header(array.view.dtype(), array.view.shape(), false));
    add_array(archive.get(), label, array, headers.back(), compression);
  }
  if (zip_close(archive.get()) != 0) refuse_zip(label + " cannot be written", zip_get_error(archive.get()));
  static_cast<void>(archive.release());  // zip_close has freed it
}

void copy_to(OutputFile& file, int fd) {
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  for (off_t offset = 0;;) {
    const auto count = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(fmt::format("{} cannot be written: {}", file.label(), system_message(errno)));
    if (count == 0) return;
    file.write(std::span<const std::byte>(buffer).first(static_cast<std::size_t>(count)));
    offset += count;
  }
}

}  // namespace

struct NpzFile::Archive {
  explicit Archive(SeekableFile file) : stream(std::move(file)) {}
  ZipInput stream;
  ZipPointer zip;  // after stream, so that it goes first
};

NpzFile::NpzFile(const std::string& path) : archive_(std::make_unique<Archive>(SeekableFile(path))) { list(); }
NpzFile::NpzFile(Source& source) : archive_(std::make_unique<Archive>(SeekableFile(source))) { list(); }
NpzFile::NpzFile(NpzFile&&) noexcept = default;
NpzFile::~NpzFile() = default;

void NpzFile::list() {
  const std::string& label = archive_->stream.file().label();
  // libzip takes no bytes at all for an archive of no members.
  if (archive_->stream.file().size() == 0) throw Error(label + " is empty; a .npz archive was expected");
  archive_->zip = open_zip(archive_->stream, ZIP_RDONLY, label + " is no .npz archive, or is truncated");
  const zip_int64_t entries = zip_get_num_entries(archive_->zip.get(), 0);
  for (zip_int64_t i = 0; i < entries; ++i) {
    const auto place = static_cast<zip_uint64_t>(i);
    const char* raw = zip_get_name(archive_->zip.get(), place, ZIP_FL_ENC_GUESS);
    std::string_view name = raw == nullptr ? "" : raw;
    if (!name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    if (!places_.emplace(name, place).second) {
      throw Error(fmt::format("{} holds two arrays of the name {}; save it again", label, in_quotes(name, 60)));
    }
    names_.emplace_back(name);
  }
}

Array NpzFile::read(const ReadOptions& options) {
  const std::string& label = archive_->stream.file().label();
  if (names_.empty()) throw Error(label + " holds no .npy array; save it with numpy.savez");
  if (options.name.empty() && names_.size() > 1) {
    throw Error(fmt::format("{} holds {} arrays; say which by its name: {}", label, names_.size(), join_names(names_)));
  }
  const std::string name = options.name.empty() ? names_.front() : options.name;
  const auto found = places_.find(name);
  if (found == places_.end()) {
    throw Error(fmt::format("{} holds no array {}; it holds {}", label, in_quotes(name, 60), join_names(names_)));
  }

  const std::string member_label = fmt::format("{}, array {},", label, in_quotes(name, 60));
  zip_t* zip = archive_->zip.get();
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(zip, found->second, 0, &stat) != 0) refuse_zip(member_label + " is damaged", zip_get_error(zip));
  if ((stat.valid & kNeeded) != kNeeded)
    throw Error(member_label + " is damaged: the archive does not say how long it is, or how compressed");
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
    throw Error(member_label + " is encrypted; save it without a password");
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    throw Error(
        fmt::format("{} is compressed by method {}; stored and deflated arrays are read", member_label, stat.comp_method));
  }
  const std::uint64_t file_size = archive_->stream.file().size();
  const bool possible = stat.comp_size <= file_size &&
                        (stat.comp_method == ZIP_CM_STORE ? stat.size == stat.comp_size
                                                          : stat.size <= stat.comp_size * kDeflateRatio + kDeflateSlack);
  if (!possible) {
    throw Error(fmt::format("{} claims {} of data in {} of a file of {}; it is truncated or its header is wrong", member_label,
                            human_bytes(stat.size), human_bytes(stat.comp_size), human_bytes(file_size)));
  }
  MemberPointer member(zip_fopen_index(zip, found->second, 0));
  if (!member) refuse_zip(member_label + " cannot be read", zip_get_error(zip));
  MemberSource source(std::move(member), stat.size, member_label);
  return read_npy(source, options, name);
}

Array read_npz(const std::string& path, const ReadOptions& options) { return NpzFile(path).read(options); }

void write_npz(const std::string& path, std::span<const NamedView> arrays, Compression compression) {
  std::set<std::string_view> names;
  for (const NamedView& array : arrays) {
    if (array.name.empty()) throw Error("[write_npz] an array has no name; numpy calls the first one arr_0");
    if (array.view.empty()) throw Error("[write_npz] there is no tensor to write as " + in_quotes(array.name, 60));
    if (!names.insert(array.name).second) {
      throw Error(fmt::format("[write_npz] two arrays have the name {}", in_quotes(array.name, 60)));
    }
  }
  OutputFile file(path);
  if (file.is_replacement()) {
    write_archive(file.descriptor(), file.label(), arrays, compression);
  } else {
    // A zip is written with seeking, which a pipe cannot do.
    const FileDescriptor spool = unlinked_temporary();
    write_archive(spool.get(), file.label(), arrays, compression);
    copy_to(file, spool.get());
  }
  file.commit();
}

}  // namespace norma::io
