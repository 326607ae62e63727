// SPDX-License-Identifier: Apache-2.0
// oneDNN for the benchmark's driver, built once against each of its installed builds: primitives made beforehand, each
// layout given as it is. How many threads is for the environment to say, before this starts.
#include <dnnl.hpp>
#include <memory>
#include <stdexcept>
#include <unordered_map>

#include "cell.hpp"

namespace bench {
namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;

constexpr float kEps = 1e-5F;

memory::data_type type_of(const std::string& dtype) {
  if (dtype == "f32") return memory::data_type::f32;
  if (dtype == "bf16") return memory::data_type::bf16;
  if (dtype == "f16") return memory::data_type::f16;
  throw std::invalid_argument("oneDNN has no " + dtype + " here");
}

/// The tensor as oneDNN describes it: samples, channels, positions in this order, whatever the layout.
memory::desc describe(const Cell& cell) {
  const memory::data_type type = type_of(cell.dtype);
  if (cell.per_row()) return {{cell.n(), cell.s()}, type, memory::format_tag::ab};
  memory::dims dims{cell.n(), cell.c()};
  const std::size_t first = cell.channels_last() ? 1 : 2, positions = cell.shape.size() - 2;
  dims.insert(dims.end(), cell.shape.begin() + static_cast<long>(first),
              cell.shape.begin() + static_cast<long>(first + positions));
  using tag = memory::format_tag;
  if (positions == 0) return {dims, type, tag::nc};
  if (positions == 1) return {dims, type, cell.channels_last() ? tag::nwc : tag::ncw};
  return {dims, type, cell.channels_last() ? tag::nhwc : tag::nchw};
}

class OneDnn {
 public:
  explicit OneDnn(const Cell& cell) : cell_(cell), x_(buffer()), y_(buffer()), dy_(buffer()) {
    if (!cell.narrow.empty()) throw std::invalid_argument("oneDNN has no padding");
    x_.read(cell.file("x"));
    const memory::desc data = describe(cell), parameter = vector_of(cell.parameters());
    bind(DNNL_ARG_SRC, data, x_.data());
    bind(DNNL_ARG_SCALE, parameter)->read(cell.file("weight"));
    bind(DNNL_ARG_SHIFT, parameter)->read(cell.file("bias"));
    // A forward pass leaves the statistics that backward needs.
    make(false, data);
    if (cell.inference()) {
      room_.at(DNNL_ARG_MEAN).read(cell.file("mean"));
      room_.at(DNNL_ARG_VARIANCE).read(cell.file("variance"));
    }
    bind(DNNL_ARG_DST, data, y_.data());
    run();
    if (!cell.backward()) return;
    dy_.read(cell.file("dy"));
    make(true, data);
    bind(DNNL_ARG_DIFF_DST, data, dy_.data());
    bind(DNNL_ARG_DIFF_SRC, data, y_.data());
    bind(DNNL_ARG_DIFF_SCALE, parameter);
    bind(DNNL_ARG_DIFF_SHIFT, parameter);
    run();
  }

  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }
  const Buffer& result() const { return y_; }

 private:
  Buffer buffer() const { return {cell_.bytes(), static_cast<std::size_t>(cell_.offset) * cell_.element_size()}; }
  static memory::desc vector_of(std::int64_t n) { return {{n}, memory::data_type::f32, memory::format_tag::a}; }

  Buffer* bind(int argument, const memory::desc& desc, void* data = nullptr) {
    Buffer* room = nullptr;
    if (!data) {
      room = &(room_[argument] = Buffer(desc.get_size(), 0));
      data = room->data();
    }
    arguments_[argument] = memory(desc, engine_, data);
    return room;
  }

  template <class Forward, class Backward, class... Rest>
  void make_of(bool backward, const memory::desc& data, Rest... rest) {
    const typename Forward::primitive_desc forward(
        engine_, cell_.inference() ? prop_kind::forward_inference : prop_kind::forward_training, data, data, rest...);
    if (backward) {
      primitive_ = Backward({engine_, prop_kind::backward, data, data, data, rest..., forward});
      return;
    }
    primitive_ = Forward(forward);
    for (const auto& [argument, desc] : {std::pair{DNNL_ARG_MEAN, forward.mean_desc()}, {DNNL_ARG_VARIANCE, forward.variance_desc()}}) {
      if (desc.get_size() != 0) bind(argument, desc);
    }
  }

  void make(bool backward, const memory::desc& data) {
    const normalization_flags affine = normalization_flags::use_scale | normalization_flags::use_shift;
    if (cell_.op == "layer_norm") {
      make_of<dnnl::layer_normalization_forward, dnnl::layer_normalization_backward>(backward, data, kEps, affine);
    } else if (cell_.op == "batch_norm") {
      const normalization_flags given = cell_.inference() ? affine | normalization_flags::use_global_stats : affine;
      make_of<dnnl::batch_normalization_forward, dnnl::batch_normalization_backward>(backward, data, kEps, given);
#if DNNL_VERSION_MAJOR > 3 || DNNL_VERSION_MINOR >= 10
    } else if (cell_.op == "rms_norm") {
      const normalization_flags rms = normalization_flags::use_scale | normalization_flags::rms_norm;
      make_of<dnnl::layer_normalization_forward, dnnl::layer_normalization_backward>(backward, data, kEps, rms);
    } else if (cell_.op == "group_norm" || cell_.op == "instance_norm") {
      const std::int64_t groups = cell_.op == "group_norm" ? cell_.groups : cell_.c();
      make_of<dnnl::group_normalization_forward, dnnl::group_normalization_backward>(backward, data, groups, kEps, affine);
#endif
    } else {
      throw std::invalid_argument("this oneDNN has no " + cell_.op);
    }
  }

  Cell cell_;
  Buffer x_, y_, dy_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::primitive primitive_;
  std::unordered_map<int, Buffer> room_;
  std::unordered_map<int, memory> arguments_;
};

}  // namespace
}  // namespace bench

int main() {
  std::unique_ptr<bench::OneDnn> made;
  bench::Peer peer;
  peer.prepare = [&](const bench::Cell& cell) {
    made.reset();
    made = std::make_unique<bench::OneDnn>(cell);
  };
  peer.work = [&](const std::string&) { return [&made] { made->run(); }; };
  peer.result = [&]() -> const bench::Buffer& { return made->result(); };
  const dnnl_version_t* version = dnnl_version();
  return bench::serve(peer, "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                                std::to_string(version->patch));
}
