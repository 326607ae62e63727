// SPDX-License-Identifier: Apache-2.0
#include "tensor.hpp"

#include <nanobind/ndarray.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/ndarraytypes.h>  // an array's fields alone: no function of NumPy's is called through its table

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>

namespace norma::python {

namespace {

// DLPack 1.x, as far as it is used here (github.com/dmlc/dlpack, include/dlpack/dlpack.h).
constexpr std::int32_t kCpu = 1;
constexpr std::uint8_t kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kBool = 6, kForeign = 255;

struct DLTensor {
  void* data;
  std::int32_t device_type, device_id, ndim;
  std::uint8_t code, bits;
  std::uint16_t lanes;
  std::int64_t *shape, *strides;
  std::uint64_t byte_offset;
};

/// The table of C functions that a type carries as `__dlpack_c_exchange_api__`.
struct ExchangeApi {
  std::uint32_t major, minor;
  void* previous;
  void* allocate;
  void* managed_from_object;
  void* managed_to_object;
  int (*tensor_from_object)(void* object, DLTensor* out);  // borrows
  void* current_stream;
};

PyObject* imported(const char* module, const char* name) {
  return nb::object(nb::module_::import_(module).attr(name)).release().ptr();  // kept for the life of the process
}

bool loaded(const char* module) { return PyDict_GetItemString(PyImport_GetModuleDict(), module) != nullptr; }

bool is_instance(nb::handle object, const char* module, const char* type) {
  if (!loaded(module)) return false;
  const nb::object wanted = nb::module_::import_(module).attr(type);
  return PyObject_IsInstance(object.ptr(), wanted.ptr()) == 1;
}

std::string text_of(nb::handle object, const char* attribute) { return nb::str(nb::object(object.attr(attribute))).c_str(); }
std::string name_of_type(nb::handle object) { return text_of(object.type(), "__name__"); }

}  // namespace

ArrayType ArrayType::made_of(nb::handle object) {
  ArrayType type;
  if (is_instance(object, "numpy.ma", "MaskedArray")) return type;
  if (is_instance(object, "numpy", "ndarray")) {
    type.family = Family::numpy;
  } else if (is_instance(object, "torch", "Tensor")) {
    type.family = Family::torch;
  } else if (nb::hasattr(object, "__dlpack__")) {
    type.family = Family::dlpack;
  } else if (PyObject_CheckBuffer(object.ptr()) && !PyBytes_Check(object.ptr())) {
    type.family = Family::buffer;
  }
  const nb::handle python_type = object.type();
  if (nb::hasattr(python_type, "__dlpack_c_exchange_api__")) {
    const nb::object capsule = python_type.attr("__dlpack_c_exchange_api__");
    const auto* api = static_cast<const ExchangeApi*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
    if (api == nullptr) PyErr_Clear();
    if (api != nullptr && api->major == 1) type.exchange = api;
  }
  return type;
}

ArrayType ArrayType::of(nb::handle object) {
  // A few types make up nearly all calls. Those remembered are kept alive, so that their addresses stay theirs.
  struct Remembered {
    PyTypeObject* type;
    ArrayType known;
  };
  static std::array<Remembered, 16> remembered;
  static std::size_t count = 0;
  PyTypeObject* type = Py_TYPE(object.ptr());
  for (std::size_t i = 0; i < count; ++i) {
    if (remembered[i].type == type) return remembered[i].known;
  }
  const ArrayType made = made_of(object);
  if (count == remembered.size()) return made;
  Py_INCREF(reinterpret_cast<PyObject*>(type));
  remembered[count] = {type, made};
  return remembered[count++].known;
}

Tensor::Tensor(nb::handle object, const char* name, Access access, bool recorded) : name_(name), access_(access) {
  if (!object.is_valid() || object.is_none()) return;
  object_ = object;
  type_ = ArrayType::of(object);
  if (type_.family == ArrayType::Family::torch && !recorded) {
    static PyObject* requires_grad = PyUnicode_InternFromString("requires_grad");
    static PyObject* is_grad_enabled = imported("torch", "is_grad_enabled");
    const nb::object needs = nb::steal(PyObject_GetAttr(object.ptr(), requires_grad));
    if (!needs.is_valid()) nb::raise_python_error();
    if (needs.ptr() == Py_True && nb::cast<bool>(nb::handle(is_grad_enabled)())) {
      const std::string text = std::string(name) +
                               " requires a gradient, which this function does not record; use norma.torch's layers, or "
                               "x.detach(), or torch.no_grad()";
      throw nb::value_error(text.c_str());
    }
  }
  if (type_.exchange != nullptr) {
    DLTensor tensor;
    if (static_cast<const ExchangeApi*>(type_.exchange)->tensor_from_object(object.ptr(), &tensor) != 0) {
      refuse_memory(nb::python_error().what());
    }
    adopt(&tensor);
  } else if (type_.family == ArrayType::Family::numpy) {
    adopt_numpy();
  } else if (type_.family == ArrayType::Family::buffer) {
    adopt_buffer();
  } else if (type_.family == ArrayType::Family::dlpack || type_.family == ArrayType::Family::torch) {
    import_dlpack();
  } else {
    refuse_type("an array of NumPy, PyTorch, JAX, or another with __dlpack__");
  }
  if (access == Access::write && readonly_) {
    const std::string text = std::string(name) +
                             " may not be written (a read-only array, or of a library whose arrays never "
                             "change, as JAX'); leave it out, and take what is returned";
    throw nb::value_error(text.c_str());
  }
}

Tensor::~Tensor() {
  if (has_buffer_) PyBuffer_Release(&buffer_);
}

void Tensor::refuse_type(const char* expected) const {
  std::string what = name_of_type(object_);
  if (bits_ != 0 && nb::hasattr(object_, "dtype")) what += " of " + text_of(object_, "dtype");
  const std::string text = std::string(name_) + " is a " + what + "; give " + expected;
  throw nb::type_error(text.c_str());
}

void Tensor::refuse_device() const {
  const std::string device = nb::hasattr(object_, "device") ? text_of(object_, "device") : "another device";
  const std::string text =
      std::string(name_) + " lives on " + device + "; Norma computes on CPUs: move it there, as x.cpu() does";
  throw nb::value_error(text.c_str());
}

void Tensor::refuse_memory(std::string why) const {
  if (nb::hasattr(object_, "device")) {
    const nb::object device = object_.attr("device");  // of JAX' tracers a method
    if (!PyCallable_Check(device.ptr()) && text_of(object_, "device") != "cpu") refuse_device();
  }
  why = why.substr(0, why.find('\n'));
  const std::string text = std::string(name_) + " is a " + name_of_type(object_) + " whose memory cannot be seen" +
                           (why.empty() ? "" : " (" + why + ")") +
                           "; give a dense array with values of its own, outside of jit, grad and vmap";
  throw nb::type_error(text.c_str());
}

void Tensor::adopt(const void* dl_tensor) {
  const auto& t = *static_cast<const DLTensor*>(dl_tensor);
  if (t.device_type != kCpu) refuse_device();
  shape_ = Dims(std::span(t.shape, static_cast<std::size_t>(t.ndim)));
  strides_ = t.strides ? Dims(std::span(t.strides, static_cast<std::size_t>(t.ndim))) : contiguous_strides(shape_);
  data_ = static_cast<char*>(t.data) + t.byte_offset;
  code_ = t.code;
  bits_ = t.lanes == 1 ? t.bits : 0;
}

void Tensor::import_dlpack() {
  nb::ndarray<nb::ro> array;
  if (!nb::try_cast(object_, array, false)) refuse_memory("");
  DLTensor t{};
  t.data = const_cast<void*>(array.data());
  t.device_type = array.device_type();
  t.ndim = static_cast<std::int32_t>(array.ndim());
  const nb::dlpack::dtype dtype = array.dtype();
  t.code = dtype.code;
  t.bits = dtype.bits;
  t.lanes = dtype.lanes;
  t.shape = const_cast<std::int64_t*>(array.shape_ptr());
  t.strides = const_cast<std::int64_t*>(array.stride_ptr());
  adopt(&t);
  keeper_ = nb::cast(array);
  if (access_ == Access::write) {
    nb::ndarray<> written;
    // JAX' arrays never change, but do not say so through DLPack.
    readonly_ = is_instance(object_, "jax", "Array") || !nb::try_cast(object_, written, false);
  }
}

void Tensor::adopt_numpy() {
  auto* array = reinterpret_cast<PyArrayObject*>(object_.ptr());
  data_ = PyArray_DATA(array);
  readonly_ = !PyArray_ISWRITEABLE(array);
  set_element(PyArray_TYPE(array));
  if (PyArray_DESCR(array)->byteorder == NPY_OPPBYTE) code_ = kForeign;
  set_shape(PyArray_NDIM(array), PyArray_DIMS(array), PyArray_STRIDES(array), std::max(1, bits_ / 8));
}

/// By NumPy's number of a type.
void Tensor::set_element(int type) {
  const auto set = [this](std::uint8_t code, std::size_t bytes) { code_ = code, bits_ = static_cast<std::uint8_t>(8 * bytes); };
  switch (type) {
    case NPY_FLOAT: return set(kFloat, sizeof(float));
    case NPY_DOUBLE: return set(kFloat, sizeof(double));
    case NPY_HALF: return set(kFloat, 2);
    case NPY_BOOL: return set(kBool, 1);
    case NPY_BYTE: return set(kInt, 1);
    case NPY_SHORT: return set(kInt, sizeof(short));
    case NPY_INT: return set(kInt, sizeof(int));
    case NPY_LONG: return set(kInt, sizeof(long));
    case NPY_LONGLONG: return set(kInt, sizeof(long long));
    case NPY_UBYTE: return set(kUInt, 1);
    case NPY_USHORT: return set(kUInt, sizeof(short));
    case NPY_UINT: return set(kUInt, sizeof(int));
    case NPY_ULONG: return set(kUInt, sizeof(long));
    case NPY_ULONGLONG: return set(kUInt, sizeof(long long));
    default: break;
  }
  set(kForeign, 1);
  if (type < NPY_USERDEF) return;
  // ml_dtypes' bfloat16 gets its number when it is registered.
  static int bfloat16 = -1;
  if (type != bfloat16) {
    if (text_of(object_, "dtype") != "bfloat16") refuse_type("float32, float64, float16 or bfloat16");
    bfloat16 = type;
  }
  set(kBfloat, 2);
}

/// From strides in bytes.
void Tensor::set_shape(int rank, const Py_ssize_t* shape, const Py_ssize_t* strides, Py_ssize_t element) {
  if (rank > kMaxRank) Dims(std::vector<std::int64_t>(static_cast<std::size_t>(rank)));  // which refuses it
  bool whole = true;
  for (int axis = 0; axis < rank; ++axis) {
    shape_.push_back(shape[axis]);
    strides_.push_back(strides[axis] / element);
    whole = whole && strides[axis] % element == 0;
  }
  if (!whole) refuse_type("one whose strides are whole elements; copy it first");
}

void Tensor::adopt_buffer() {
  if (PyObject_GetBuffer(object_.ptr(), &buffer_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) nb::raise_python_error();
  has_buffer_ = true;
  readonly_ = buffer_.readonly != 0;
  data_ = buffer_.buf;
  const char* format = buffer_.format ? buffer_.format : "B";
  if (*format == '<' || *format == '=' || *format == '@') ++format;
  bits_ = static_cast<std::uint8_t>(buffer_.itemsize * 8);
  switch (*format == '\0' || format[1] == '\0' ? *format : '\0') {
    case 'f':
    case 'd':
    case 'e': code_ = kFloat; break;
    case '?': code_ = kBool; break;
    case 'B':
    case 'H':
    case 'I': code_ = kUInt; break;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n': code_ = kInt; break;
    default: code_ = kForeign; break;
  }
  set_shape(buffer_.ndim, buffer_.shape, buffer_.strides, std::max<Py_ssize_t>(1, buffer_.itemsize));
}

ConstView Tensor::floats() const {
  if (empty()) return {};
  if (is(kFloat, 32)) return {data_, DType::f32, shape_, strides_};
  if (is(kFloat, 64)) return {data_, DType::f64, shape_, strides_};
  if (is(kFloat, 16)) return {data_, DType::f16, shape_, strides_};
  if (is(kBfloat, 16)) return {data_, DType::bf16, shape_, strides_};
  refuse_type("float32, float64, float16 or bfloat16");
}

View Tensor::written() const {
  const ConstView v = floats();
  return v.empty() ? View() : View(data_, v.dtype(), shape_, strides_);
}

void Tensor::tell_autograd() const {
  if (empty() || type_.family != ArrayType::Family::torch) return;
  // What torch.autograd.graph.increment_version, which is Python and takes three times as long, ends in. Older ones take one tensor.
  static const nb::handle increment = imported("torch._C", "_increment_version");
  static const bool takes_many = [] {
    try {
      increment(nb::tuple());
      return true;
    } catch (const nb::python_error&) {
      return false;
    }
  }();
  try {
    takes_many ? increment(nb::make_tuple(object_)) : increment(object_);
  } catch (const nb::python_error&) {
    if (!nb::cast<bool>(object_.attr("is_inference")())) throw;  // those keep no count
  }
}

ConstView Tensor::mask() const {
  if (empty()) return {};
  if (is(kBool, 8) || is(kUInt, 8)) return {data_, DType::u8, shape_, strides_};
  refuse_type("bool or uint8: true where an element counts");
}

Moments* Tensor::moments(std::int64_t& count) const {
  if (!is(kInt, 64) || shape_.rank() != 2 || shape_[1] != 4 || !(strides_ == contiguous_strides(shape_))) {
    refuse_type("norma.Moments, or contiguous int64 of shape (distributions, 4)");
  }
  count = shape_[0];
  return static_cast<Moments*>(data_);
}

namespace {

template <class Integer>
std::vector<std::int64_t> copied(const void* data, std::int64_t size, std::int64_t stride) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(static_cast<const Integer*>(data)[i * stride]);
  }
  return values;
}

}  // namespace

std::vector<std::int64_t> Tensor::integers() const {
  if (shape_.rank() == 1) {
    const std::int64_t size = shape_[0], stride = strides_[0];
    if (is(kInt, 64)) return copied<std::int64_t>(data_, size, stride);
    if (is(kInt, 32)) return copied<std::int32_t>(data_, size, stride);
    if (is(kInt, 16)) return copied<std::int16_t>(data_, size, stride);
    if (is(kInt, 8)) return copied<std::int8_t>(data_, size, stride);
    if (is(kUInt, 32)) return copied<std::uint32_t>(data_, size, stride);
    if (is(kUInt, 16)) return copied<std::uint16_t>(data_, size, stride);
    if (is(kUInt, 8)) return copied<std::uint8_t>(data_, size, stride);
  }
  refuse_type("integers along one axis");
}

// ------------------------------------------------------------------------------------------------------------- results

Result::Result(const Tensor& x) : x_(x) {
  using Family = ArrayType::Family;
  if (x.type_.family == Family::numpy || x.type_.family == Family::torch) {
    static PyObject* numpy = imported("numpy", "empty_like");
    static PyObject* torch = loaded("torch") ? imported("torch", "empty_like") : nullptr;
    if (x.type_.family == Family::torch && torch == nullptr) torch = imported("torch", "empty_like");
    made_ = nb::handle(x.type_.family == Family::numpy ? numpy : torch)(x.object_);
    tensor_.emplace(made_, "out", Access::write, true);
    view_ = tensor_->written();
    return;
  }
  // 64: what JAX asks of memory that it takes over without a copy.
  constexpr std::align_val_t kAlignment{64};
  const ConstView v = x.floats();
  memory_ = ::operator new(std::max<std::size_t>(1, static_cast<std::size_t>(v.size()) * size_of(v.dtype())), kAlignment);
  owner_ = nb::capsule(memory_, [](void* p) noexcept { ::operator delete(p, kAlignment); });
  view_ = View(memory_, v.dtype(), v.shape());
}

nb::object Result::object() {
  if (made_.is_valid()) return made_;
  std::array<std::size_t, kMaxRank> shape{};
  for (int axis = 0; axis < view_.rank(); ++axis)
    shape[static_cast<std::size_t>(axis)] = static_cast<std::size_t>(view_.shape()[axis]);
  const nb::dlpack::dtype dtype{view_.dtype() == DType::bf16 ? kBfloat : kFloat,
                                static_cast<std::uint8_t>(8 * size_of(view_.dtype())), 1};
  const nb::ndarray<nb::array_api> ours(memory_, static_cast<std::size_t>(view_.rank()), shape.data(), owner_, nullptr, dtype);
  const nb::object exporter = nb::cast(ours);
  nb::object library;
  if (nb::hasattr(x_.object_, "__array_namespace__")) {
    library = x_.object_.attr("__array_namespace__")();
  } else if (x_.type_.family == ArrayType::Family::buffer) {
    library = nb::module_::import_("numpy");
  }
  return library.is_valid() && nb::hasattr(library, "from_dlpack") ? library.attr("from_dlpack")(exporter) : exporter;
}

// ------------------------------------------------------------------------------------------------------------- numbers

namespace {

[[noreturn]] void refuse_integer(const char* name) {
  const std::string text = std::string(name) + " holds something that is no integer of 64 bits; give integers";
  throw nb::type_error(text.c_str());
}

/// A Python integer, or NumPy's or another's that stands for one.
std::int64_t integer(nb::handle object, const char* name) {
  const nb::object index = nb::steal(PyNumber_Index(object.ptr()));
  const std::int64_t value = index.is_valid() ? PyLong_AsLongLong(index.ptr()) : -1;
  if (value == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    refuse_integer(name);
  }
  return value;
}

}  // namespace

std::vector<std::int64_t> integers(nb::handle object, const char* name) {
  if (!PySequence_Check(object.ptr()) || nb::hasattr(object, "__dlpack__")) return Tensor(object, name).integers();
  std::vector<std::int64_t> values;
  for (const nb::handle item : object) values.push_back(integer(item, name));
  return values;
}

Dims dims(nb::handle object, const char* name) {
  if (PyTuple_Check(object.ptr())) {
    Dims result;
    for (Py_ssize_t i = 0, n = PyTuple_Size(object.ptr()); i < n; ++i) {
      result.push_back(integer(nb::handle(PyTuple_GetItem(object.ptr(), i)), name));
    }
    return result;
  }
  const bool one = PyLong_Check(object.ptr()) || (PyIndex_Check(object.ptr()) && !PySequence_Check(object.ptr()));
  if (one) return {integer(object, name)};
  return Dims(integers(object, name));
}

nb::tuple tuple_of(const Dims& values) {
  nb::list list;
  for (const std::int64_t v : values) list.append(v);
  return nb::tuple(list);
}

}  // namespace norma::python
