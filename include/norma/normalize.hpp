// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "norma/grouping.hpp"
#include "norma/moments.hpp"
#include "norma/parallel.hpp"
#include "norma/view.hpp"

/// Forward and backward, over any grouping.
///
///     y = (x - mean) * rstd * weight + bias          rstd = 1 / sqrt(variance + eps)
///
/// mean and variance are those of the distribution that the element belongs to; the variance is the population's. weight and
/// bias belong to the element's index along the grouping's parameter axes.

namespace norma {

enum class Activation : std::uint8_t { none, relu };

/// How a result becomes 8-bit integers, for the int8 matrix product or convolution that takes it:
///
///     y = clamp(round(v / scale) + zero_point, -128, 127)
///
/// v is what would have been written otherwise. As in ONNX's QuantizeLinear it is divided, by scale in the type that is computed in
/// (double for f64, else float), and rounded to the nearest integer, halves to the even one, before the zero point is added. NaN
/// becomes zero_point: int8 has none to show, and QuantizeLinear leaves it open. What a mask leaves out, whose result is 0, is
/// zero_point too.
struct Quantization {
  double scale = 0;    ///< one step of y, above 0; 0: nothing is quantized
  int zero_point = 0;  ///< what stands for 0; -128 … 127
};

/// What the same pass does beside normalizing, at the price of the bytes that it reads and writes more and of nothing else:
///
///     sum = x + residual                                 then sum is normalized in place of x
///     y   = activation(normalized + add)                 quantized, where y is of i8
///
/// So a transformer's block adds its residual before the norm and gets the sum back, and ResNet's adds its shortcut after BatchNorm
/// and before ReLU. Each intermediate value is rounded as if it had been stored between two calls, but for the activation's
/// and quantization's argument, which in f16 and bf16 is kept in float.
struct Fusion {
  ConstView residual{};  ///< added to x first; absent: nothing is. Shape, dtype and strides of x; so has sum
  View sum{};            ///< takes x + residual; needed where there is a residual. May be the very same view as x or residual
  ConstView add{};       ///< added after weight and bias; absent: nothing is. x's dtype, shape and strides of y, or y itself
  Activation activation = Activation::none;  ///< relu: what is below zero becomes 0; NaN stays NaN
  Quantization quantization{};               ///< last of all, for inference: where y is of i8, and there alone
};

struct Options {
  ConstView weight{};            ///< of any float dtype, contiguous, as many values as the grouping has parameters; absent: 1
  ConstView bias{};              ///< likewise; absent: 0
  bool weight_plus_one = false;  ///< weight is stored around zero and applied as 1 + weight
  double eps = 1e-5;             ///< added to the variance, in the units of x squared; 0 or more
  bool centered = true;          ///< false measures about zero and subtracts nothing: RMSNorm (arXiv:1910.07467, eq. 4)
  Runner* runner = nullptr;      ///< where the work runs; null: default_runner()
  Fusion fusion{};               ///< backward uses its activation alone
  /// What is written (y, or dx) is memory that was allocated just now, which no cache is likely to hold: then it goes past the
  /// caches from 1 MiB on, where other memory does from 8 MiB or a quarter of the last level. Changes the time alone.
  bool new_output = false;
};

/// The backward pass of a Fusion. Its x is what was normalized (sum, where there was a residual), and
///
///     dy counts where y > 0 alone       (where there was an activation)
///     dadd = dy, as it counts           the gradient of add
///     dx   = … + dsum                   the gradient of x and of residual alike
struct FusionGradients {
  ConstView y{};     ///< what forward gave; needed where it had an activation. Shape, dtype and strides of dy
  View dadd{};       ///< needs dx. Shape, dtype and strides of dy, or dy itself
  ConstView dsum{};  ///< the gradient that reaches sum by other ways; needs dx. Shape, dtype and strides of dx, or dx itself
};

/// Where backward writes. Each may be absent. dweight and dbias take any float dtype; dx has x's.
struct Gradients {
  View dx{}, dweight{}, dbias{};
  FusionGradients fusion{};
};

/// Measures each distribution of x. moments: as many as the grouping has distributions, numbered as Grouping::assign does.
/// Of Options it uses centered and runner. Throws Error.
NORMA_API void measure(const ConstView& x, const Grouping& grouping, std::span<Moments> moments, const Options& = {});

/// Normalizes each distribution of x by what is measured of it, as in training.
///
/// x, y    same shape and dtype; y may be the very same view as x; partial overlap throws. Where Fusion quantizes, y is of i8 and
///         memory of its own.
/// saved   where given: what was measured, one a distribution, for backward() and running statistics.
/// Throws Error before anything is written. One read and one write of x where a distribution fits in cache.
NORMA_API void normalize(const ConstView& x, const View& y, const Grouping& grouping, const Options& = {},
                         std::span<Moments> saved = {});

/// Normalizes x by given statistics, as in inference: one a distribution.
NORMA_API void normalize_with(const ConstView& x, const View& y, const Grouping& grouping, std::span<const Moments> given,
                              const Options& = {});

/// The gradients of a loss through normalize(), from dy = dloss/dy and what normalize() saved.
///
///     g  = dy * weight              xhat = (x - mean) * rstd
///     dx = (g - mean(g) - xhat * mean(g * xhat)) * rstd        (without mean(g) where not centered)
///     dweight = sum(dy * xhat)      dbias = sum(dy)            (over all elements that share the parameter)
///
/// Ioffe, Szegedy 2015, section 3. options must be those of the forward pass (bias is not used, nor is quantization: the gradients
/// are those of what was quantized). dx may be the very same view as dy or x. Throws Error before anything is written.
NORMA_API void backward(const ConstView& x, const ConstView& dy, const Grouping& grouping, std::span<const Moments> saved,
                        const Gradients& gradients, const Options& = {});

/// The gradients through normalize_with(), whose statistics are constants: dx = dy * weight * rstd.
NORMA_API void backward_with(const ConstView& x, const ConstView& dy, const Grouping& grouping, std::span<const Moments> given,
                             const Gradients& gradients, const Options& = {});

/// A grouping laid over a layout: a few nested loops. All checks of shapes and strides happen when it is made; it can then
/// run any number of times, on any memory of that layout, from several threads at once. A warm run allocates nothing.
class NORMA_API Plan {
 public:
  /// For measure() alone; for normalize() and normalize_with(); for backward() and backward_with(). Throws Error.
  Plan(const ConstView& x, const Grouping& grouping);
  Plan(const ConstView& x, const View& y, const Grouping& grouping);
  Plan(const ConstView& x, const ConstView& dy, const ConstView& dx, const Grouping& grouping);

  std::int64_t distributions() const;
  std::int64_t parameters() const;
  /// Whether the views have the layout that the plan was made for (the memory may be another).
  bool fits(const ConstView& x, const ConstView& y) const;
  bool fits(const ConstView& x, const ConstView& dy, const ConstView& dx) const;
  /// The loops and the kernel family, a line each, for people.
  std::string describe() const;

  void measure(const ConstView& x, std::span<Moments> moments, const Options& = {}) const;
  void normalize(const ConstView& x, const View& y, const Options& = {}, std::span<Moments> saved = {}) const;
  void normalize_with(const ConstView& x, const View& y, std::span<const Moments> given, const Options& = {}) const;
  void backward(const ConstView& x, const ConstView& dy, std::span<const Moments> saved, const Gradients& gradients,
                const Options& = {}) const;
  void backward_with(const ConstView& x, const ConstView& dy, std::span<const Moments> given, const Gradients& gradients,
                     const Options& = {}) const;

 private:
  std::shared_ptr<const struct PlanData> data_;
};

/// The instruction set that runs ("AVX3", "AVX2", "SSE4", "NEON", …: Highway's names), and those that this machine can run.
/// Default: the best one, or the environment variable NORMA_TARGET. set_target() and a wrong NORMA_TARGET throw Error;
/// set_target() is not for use while other threads normalize. Every target gives the same bits.
NORMA_API const char* target();
NORMA_API std::vector<std::string> targets();
NORMA_API void set_target(const std::string& name);

}  // namespace norma
