// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "norma/normalize.hpp"

/// The named layers: a Grouping, and the state that goes with it.
///
///     norma::BatchNorm bn(64);                       // PyTorch's defaults
///     bn.forward(x, y);                              // trains: measures the batch, updates the running statistics
///     bn.backward(x, dy, dx);                        // bn.weight_grad, bn.bias_grad
///     bn.eval();
///     bn.forward(x, y);                              // uses the running statistics
///
/// Names and defaults are PyTorch's (2.13). A layer that comes from elsewhere is made with that framework's options:
///
///     norma::BatchNorm bn(64, norma::BatchNormOptions::of(norma::Convention::keras));
///
/// What the same words mean in each (Keras 3, flax.linen, ONNX opset 23), and what of() therefore sets:
///
///                               torch              keras               flax                onnx
///     running = …               (1-m)·old + m·new  m·old + (1-m)·new   m·old + (1-m)·new   m·old + (1-m)·new
///     BatchNorm momentum        0.1                0.99                0.99                0.9
///     BatchNorm eps             1e-5               1e-3                1e-5                1e-5
///     running variance          m2 / (n-1)         m2 / n              m2 / n              m2 / n
///     LayerNorm eps             1e-5               1e-3                1e-6                1e-5
///     GroupNorm eps             1e-5               1e-3                1e-6                1e-5
///     InstanceNorm eps, affine  1e-5, no           1e-3, yes           1e-6, yes           1e-5, yes
///     RMSNorm eps               machine epsilon    1e-6                1e-6                1e-5
///     channel axis              1                  -1                  -1                  1
///     weight, bias              weight, bias       gamma, beta         scale, bias         scale, B
///     running_mean, running_var the same           moving_mean,        mean, var           input_mean, input_var
///                                                  moving_variance
///
/// To convert: torch's momentum = 1 - m of the others; torch's variance = n/(n-1) · the others', where n is the size of
/// a channel's batch. Weights carry over as they are. Keras has no InstanceNorm: its GroupNormalization(groups=-1) is
/// it. ONNX' GroupNormalization before opset 21 has a scale for each group: repeat it for each channel. The variance
/// that tensorflow's fused kernels kept running (Keras 2) was the unbiased one.

namespace norma {

enum class Convention : std::uint8_t { torch, keras, flax, onnx };

/// What running statistics do about a distribution whose mean or variance came out infinite or NaN.
enum class OnNonfinite : std::uint8_t {
  skip,    ///< they stay as they were, for that distribution alone; its output is what it is
  poison,  ///< they become what came out, as in PyTorch; no later batch cures them
  refuse,  ///< forward() throws before it writes anything; costs one more read of x
};

struct BatchNormOptions {
  double eps = 1e-5;                     ///< added to the variance; 0 or more
  std::optional<double> momentum = 0.1;  ///< 0 … 1, meaning as below; std::nullopt: the cumulative average
  bool affine = true;                    ///< whether there is a weight, one value a channel
  bool bias = true;                      ///< whether affine has a bias too
  bool track_running_stats = true;       ///< false: the batch's own statistics also in eval()
  int channel_axis = 1;                  ///< negative counts from the end; not axis 0
  bool momentum_is_decay = false;        ///< false: the share of the new batch; true: of the old value
  bool unbiased_running_var = true;      ///< running_var takes m2 / (n-1), else m2 / n
  OnNonfinite on_nonfinite = OnNonfinite::skip;

  NORMA_API static BatchNormOptions of(Convention convention);
};

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< whether there is a weight, one value for each element of normalized_shape
  bool bias = true;                ///< whether elementwise_affine has a bias too

  NORMA_API static LayerNormOptions of(Convention convention);
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
  bool bias = true;
  int channel_axis = 1;

  NORMA_API static GroupNormOptions of(Convention convention);
};

struct InstanceNormOptions {
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;
  bool affine = false;
  bool bias = true;  ///< of affine
  bool track_running_stats = false;
  int channel_axis = 1;
  bool momentum_is_decay = false;
  bool unbiased_running_var = true;
  OnNonfinite on_nonfinite = OnNonfinite::skip;

  NORMA_API static InstanceNormOptions of(Convention convention);
};

struct RMSNormOptions {
  /// std::nullopt: the machine epsilon of what is computed in, as PyTorch does: 2^-52 for f64 data, else 2^-23 (also
  /// for f16 and bf16, whose own epsilons PyTorch does not take; seen in 2.13).
  std::optional<double> eps{};
  bool elementwise_affine = true;
  bool weight_plus_one = false;  ///< weight begins at 0 and is applied as 1 + weight (Gemma's)

  NORMA_API static RMSNormOptions of(Convention convention);
};

/// Which elements of x count, where not all do. What does not count touches no statistic; its output and its gradient
/// are zero. One of the two at most.
struct Narrowing {
  ConstView mask{};                         ///< u8, broadcasts to x; 0 leaves out. See Grouping::masked
  std::span<const std::int64_t> lengths{};  ///< one a sample; see Grouping::with_lengths
  int lengths_axis = 1;                     ///< the axis of positions: 1 in (N, L, C), 2 in (N, C, L)
};

/// One tensor of a layer's state: a name of PyTorch's state_dict, and values in C order that somebody else owns.
/// state() gives weights as float, statistics as double and counts as int64; load_state() takes any of these types.
struct StateTensor {
  std::string name;
  Dims shape;
  std::variant<std::span<const float>, std::span<const double>, std::span<const std::int64_t>, std::span<const Half>,
               std::span<const BFloat16>>
      values;
};

/// What the layers share. Made by the classes below.
///
/// One thread uses a layer at a time, except that any number may call infer() and state() as long as nobody calls
/// anything else. A layer remembers the plan of the last forward and of the last backward: a call on the same layout
/// plans nothing, locks nothing and allocates nothing (with lengths: as long as they are the same ones).
class NORMA_API Layer {
 public:
  virtual ~Layer();

  /// y = the normalization of x. Remembers what backward() needs. In training, of layers that track, updates the
  /// running statistics after y was written.
  ///
  /// x, y  same shape and dtype, f32, f64, f16 or bf16, any strides; y may be the very same view as x.
  ///
  /// fusion  what the same pass does besides: see Fusion
  ///
  /// Throws Error before anything is written or updated.
  void forward(const ConstView& x, const View& y, const Narrowing& narrowing = {}, const Fusion& fusion = {});

  /// What forward() computes after eval(), whatever the mode; changes nothing in the layer. It plans each time unless
  /// the layout is that of the last forward().
  void infer(const ConstView& x, const View& y, const Narrowing& narrowing = {}, const Fusion& fusion = {}) const;

  /// dx = the gradient with respect to x, from dy = dloss/dy; weight_grad and bias_grad are overwritten (PyTorch adds:
  /// whoever gathers several batches adds them up). The statistics are those that the last forward() used: as
  /// functions of x where it measured them, as constants where it took the running ones.
  /// x          what the last forward() was given; narrowing likewise.
  /// dx         absent: the gradients of weight and bias alone. May be the very same view as dy.
  /// fusion     where the last forward() had one; then x is the sum that it wrote, if there was a residual. The activation is
  ///            remembered.
  /// Throws Error before anything is written.
  void backward(const ConstView& x, const ConstView& dy, const View& dx, const Narrowing& narrowing = {},
                const FusionGradients& fusion = {});

  /// New layers train.
  void train(bool on = true) { training_ = on; }
  void eval() { training_ = false; }
  bool training() const { return training_; }
  /// What is added to the variance; std::nullopt: RMSNorm's default, the machine epsilon of what is computed in.
  std::optional<double> eps() const { return eps_; }

  /// The learnable part, in C order; empty where the layer has none (then 1 and 0). weight begins at 1, bias at 0.
  std::vector<float> weight, bias;
  /// Written by backward().
  std::vector<float> weight_grad, bias_grad;
  /// Where the work runs; null: default_runner(). Not owned.
  Runner* runner = nullptr;

  /// The whole state under PyTorch's names, pointing into this layer: valid until it changes or goes. In PyTorch's
  /// order.
  std::vector<StateTensor> state() const;

  /// Takes over a state: each tensor of state() once, with the shape that it has there, and no other, in any order.
  /// Throws Error, and changes nothing, when a name is unknown, missing or given twice, a shape differs, a variance or
  /// a count is negative, or a count is not whole.
  void load_state(std::span<const StateTensor> tensors);

  /// "batch_norm", "layer_norm", …: what errors call it.
  const char* name() const { return name_; }

 protected:
  struct Shape {
    Dims parameters;            // of weight and bias
    std::int64_t channels = 0;  // 0: there is no channel axis
    int channel_axis = 1;
  };
  /// eps is std::nullopt for the machine epsilon of the data.
  Layer(const char* name, const Grouping& grouping, const Shape& shape, std::optional<double> eps, bool has_weight,
        bool has_bias);
  Layer(const Layer&) = default;
  Layer(Layer&&) = default;
  Layer& operator=(const Layer&) = default;
  Layer& operator=(Layer&&) = default;

  struct Slot {
    const char* name;
    Dims shape;
    std::variant<std::vector<float>*, std::vector<double>*, std::vector<std::int64_t>*, std::int64_t*> values;
  };
  /// What state() shows, in its order.
  virtual void list(std::vector<Slot>& slots);
  /// The statistics to use in place of the data's own; they fill `given`. False where there are none.
  virtual bool has_statistics() const { return false; }
  virtual void fill_statistics(std::span<Moments> given) const;
  /// Before and after a training pass.
  virtual bool refuses_nonfinite() const { return false; }
  virtual void absorb(std::span<const Moments> measured);
  virtual void check_state() const {}
  [[noreturn]] void refuse(const std::string& sentence) const;

  bool centered_ = true;
  bool weight_plus_one_ = false;
  Shape shape_;

 private:
  /// A plan, and the narrowing that it was made with.
  struct Planned {
    std::optional<Plan> plan;
    ConstView mask;
    std::shared_ptr<const std::vector<std::int64_t>> lengths;
    int lengths_axis = 1;

    bool narrowed_by(const Narrowing& narrowing) const;
  };
  Options options(DType dtype, const Fusion& fusion = {}) const;
  Planned prepare(const ConstView& x, const Narrowing& narrowing, Grouping& narrowed) const;
  const Plan& plan_forward(const ConstView& x, const View& y, const Narrowing& narrowing);
  void train_forward(const Plan& plan, const ConstView& x, const View& y, const Narrowing& narrowing, const Fusion& fusion,
                     std::span<Moments> saved);

  const char* name_;
  Grouping grouping_;
  std::optional<double> eps_;
  bool training_ = true;
  Planned forward_, backward_, measure_;
  std::vector<Moments> saved_, next_;         // what the last forward() used, and room for the next one's
  bool constant_ = false;                     // … and whether as constants
  Activation activation_ = Activation::none;  // … and its activation
  std::optional<Dims> last_;                  // … and on which shape
};

/// A layer that keeps running statistics: BatchNorm, InstanceNorm.
///
/// In training each channel's statistics are taken up, after the pass, by
///
///     running_mean = (1-m) · running_mean + m · mean           m = momentum, or 1 - momentum where momentum_is_decay
///     running_var  = (1-m) · running_var  + m · m2 / (n - 1)   or m2 / n where unbiased_running_var is off
///
/// A channel with fewer than two counted values, as when all else is padding, keeps its running statistics; an empty
/// batch changes nothing at all; OnNonfinite says what Inf and NaN do.
///
/// Cumulative average (momentum = std::nullopt): running_mean and running_var are the exact mean and variance of
/// everything seen so far, each element counting once, so that a short last batch does not count as much as a long one.
/// PyTorch's cumulative average weighs each batch alike, and averages variances, which leaves out how far the batches'
/// means lie apart. Ours needs the number of elements, which is part of the state in this mode alone:
/// `num_elements_tracked`, one a channel (PyTorch's load_state_dict takes such a file with strict=False). A state of
/// PyTorch's lacks it, and is for layers with a momentum.
class NORMA_API RunningLayer : public Layer {
 public:
  /// One value a channel, in double so that saving keeps what was measured; empty where not tracked. They begin at 0
  /// and 1.
  std::vector<double> running_mean, running_var;
  /// Forward passes in training over batches that are not empty.
  std::int64_t num_batches_tracked = 0;
  /// Cumulative average: the elements that running_mean and running_var stand for. Else empty.
  std::vector<std::int64_t> num_elements_tracked;

  /// Back to 0, 1 and none seen, as PyTorch's.
  void reset_running_stats();

 protected:
  RunningLayer(const char* name, const Grouping& grouping, std::int64_t num_features, const InstanceNormOptions& options,
               bool pools_samples);
  void list(std::vector<Slot>& slots) override;
  bool has_statistics() const override { return tracks_; }
  void fill_statistics(std::span<Moments> given) const override;
  bool refuses_nonfinite() const override { return tracks_ && on_nonfinite_ == OnNonfinite::refuse; }
  void absorb(std::span<const Moments> measured) override;
  void check_state() const override;

 private:
  double variance_of(const Moments& m) const { return m.variance(unbiased_ ? 1 : 0); }

  std::optional<double> momentum_;
  bool tracks_, momentum_is_decay_, unbiased_, pools_samples_;
  OnNonfinite on_nonfinite_;
};

/// Normalizes each channel over all samples and positions: BatchNorm1d, 2d and 3d in one.
///
///     y = (x - mean[c]) / sqrt(variance[c] + eps) * weight[c] + bias[c]
///
/// Training: mean and variance (the population's) of this batch. After eval(): running_mean and running_var.
/// x  (N, C), (N, C, L), (N, C, H, W), …; with channel_axis = -1 (N, C), (N, L, C), (N, H, W, C), ….
///
/// Throws Error when num_features < 1, eps < 0, momentum is outside [0, 1], any is NaN; in training on one value a
/// channel.
///
/// Ioffe, Szegedy 2015, arXiv:1502.03167, algorithm 1 and 2.
class NORMA_API BatchNorm : public RunningLayer {
 public:
  explicit BatchNorm(std::int64_t num_features, const BatchNormOptions& options = {});
};

/// Normalizes each channel of each sample: InstanceNorm1d, 2d and 3d in one. As BatchNorm, but for
///
///     mean, variance        of each sample by itself, in training and, unless tracked, in inference
///     running statistics    take the average of the samples' means and variances (PyTorch's rule); the cumulative one
///                           weighs batches by their elements
///
/// Differs from PyTorch in two points: num_batches_tracked counts (PyTorch's stays 0), and momentum = std::nullopt is
/// the cumulative average (PyTorch never updates then).
///
/// Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022, eq. 3.
class NORMA_API InstanceNorm : public RunningLayer {
 public:
  explicit InstanceNorm(std::int64_t num_features, const InstanceNormOptions& options = {});
};

/// Normalizes over the trailing axes.
///
///     y[r, j] = (x[r, j] - mean[r]) / sqrt(variance[r] + eps) * weight[j] + bias[j]
///
/// normalized_shape  the last sizes of x, each 1 or more: {D} makes each token a distribution, {L, D} each sentence.
/// The same in training and in inference.
/// Ba, Kiros, Hinton 2016, arXiv:1607.06450, eq. 3-4.
class NORMA_API LayerNorm : public Layer {
 public:
  explicit LayerNorm(const Dims& normalized_shape, const LayerNormOptions& options = {});
};

/// Normalizes num_groups runs of neighbouring channels, each of each sample.
///
///     y = (x - mean[n, g]) / sqrt(variance[n, g] + eps) * weight[c] + bias[c]
///
/// num_groups  divides num_channels.
/// The same in training and in inference.
/// Wu, He 2018, arXiv:1803.08494, eq. 7.
class NORMA_API GroupNorm : public Layer {
 public:
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels, const GroupNormOptions& options = {});
};

/// Divides by the root mean square over the trailing axes; subtracts nothing.
///
///     y[r, j] = x[r, j] / sqrt(mean_j(x[r, j]^2) + eps) * weight[j]
///
/// The same in training and in inference.
/// Zhang, Sennrich 2019, arXiv:1910.07467, eq. 4.
class NORMA_API RMSNorm : public Layer {
 public:
  explicit RMSNorm(const Dims& normalized_shape, const RMSNormOptions& options = {});
};

}  // namespace norma
