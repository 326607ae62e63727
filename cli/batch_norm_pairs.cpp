// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_norm_pairs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>
#include <span>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::cli {
namespace {

constexpr std::string_view kMean = ".running_mean", kVar = ".running_var";

std::string quoted_briefly(std::string_view name) { return io::in_quotes(name, 120); }

/// The first of them, for a sentence.
std::string some_of(std::span<const std::string> names) {
  constexpr std::size_t kShown = 6;
  std::vector<std::string> shown;
  for (const std::string& name : names.first(std::min(names.size(), kShown))) shown.push_back(quoted_briefly(name));
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     names.size() > kShown ? fmt::format(" and {} more", names.size() - kShown) : "");
}

/// "layer1.0." and "bn2"
std::pair<std::string_view, std::string_view> split(std::string_view module) {
  const std::size_t dot = module.rfind('.');
  const std::size_t leaf = dot == std::string_view::npos ? 0 : dot + 1;
  return {module.substr(0, leaf), module.substr(leaf)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The module's parent, each run of digits as one #: blocks that repeat have one name.
std::string kind_of_parent(std::string_view module) {
  std::string kind;
  for (const char c : split(module).first) {
    if (!is_digit(c)) {
      kind += c;
    } else if (!kind.ends_with('#')) {
      kind += '#';
    }
  }
  return kind;
}

/// What layers may be called whose BatchNorm is called `leaf`: for "bn1" and "conv1_bn", "conv1".
std::vector<std::string> layer_names(std::string_view leaf) {
  for (const std::string_view word : {"batch_norm", "batchnorm", "bn"}) {
    const std::size_t at = leaf.find(word);
    if (at == std::string_view::npos) continue;
    const std::string before(leaf.substr(0, at)), after(leaf.substr(at + word.size()));
    // A word of its own: "subnet" has no BatchNorm in it.
    if (!(before.empty() || before.ends_with('_')) || !(after.empty() || after.starts_with('_') || is_digit(after[0])))
      continue;
    std::vector<std::string> names;
    for (const char* layer : {"conv", "fc", "linear"}) names.push_back(fmt::format("{}{}{}", before, layer, after));
    if (!before.empty()) names.push_back(before.substr(0, before.size() - 1) + after);
    if (before.empty() && after.starts_with('_')) names.push_back(after.substr(1));
    return names;
  }
  return {};
}

class Finder {
 public:
  Finder(const Shapes& shapes, const PairOptions& options)
      : shapes_(shapes), options_(options), batch_norms_(batch_norms_of(shapes)) {
    for (const auto& [name, shape] : shapes) {
      if (name.ends_with(".weight") && shape.rank() >= 2) layers_.push_back(name.substr(0, name.size() - 7));
    }
    std::sort(layers_.begin(), layers_.end());  // without ".weight" the order is another
    for (const std::string& pattern : options.transposed) {
      const std::vector<std::string> found = matching(pattern, layers_);
      if (found.empty())
        refuse(fmt::format("--transposed {} is no layer with a weight here; there are {}", quoted_briefly(pattern),
                           some_of(layers_)));
      transposed_.insert(found.begin(), found.end());
    }
    for (const std::string& bn : batch_norms_) weigh(bn);
  }

  std::vector<FoldPair> pairs() {
    take_given();
    std::set<std::string> kept;
    for (const std::string& pattern : options_.keep) {
      const std::vector<std::string> found = matching(pattern, batch_norms_);
      if (found.empty())
        refuse(fmt::format("--keep {} is no BatchNorm here; there are {}", quoted_briefly(pattern), some_of(batch_norms_)));
      kept.insert(found.begin(), found.end());
    }
    for (const std::string& bn : batch_norms_) {
      if (!given_.contains(bn) && !kept.contains(bn)) infer(bn);
    }
    refuse_unknown();
    refuse_shared_layers();
    return std::move(pairs_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& sentence) { throw Error("[fold] " + sentence); }

  static std::vector<std::string> matching(const std::string& pattern, const std::vector<std::string>& names) {
    std::vector<std::string> found;
    std::copy_if(names.begin(), names.end(), std::back_inserter(found),
                 [&](const std::string& n) { return match(pattern, n).has_value(); });
    return found;
  }

  const Dims& weight_of(const std::string& layer) const { return shapes_.find(layer + ".weight")->second; }
  bool is_layer(const std::string& name) const { return std::binary_search(layers_.begin(), layers_.end(), name); }
  int channel_axis(const std::string& layer) const { return transposed_.contains(layer) ? 1 : 0; }
  std::int64_t outputs(const std::string& layer) const { return weight_of(layer)[channel_axis(layer)]; }
  std::int64_t channels(const std::string& bn) const { return count_of(shapes_.find(bn + std::string(kMean))->second); }
  bool fits(const std::string& layer, const std::string& bn) const { return outputs(layer) == channels(bn); }

  /// Whether the channels would also allow the BatchNorm to stand before the layer.
  bool fits_before(const std::string& layer, const std::string& bn) const {
    const Dims& weight = weight_of(layer);
    const std::int64_t inputs = weight[1 - channel_axis(layer)];
    const bool may_be_depthwise = weight.rank() > 2 && inputs == 1;
    return inputs == channels(bn) || may_be_depthwise;
  }

  void take_given() {
    for (const std::string& text : options_.pairs) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos || text.find('=', equals + 1) != std::string::npos) {
        refuse(fmt::format("--pair {} is no LAYER=BATCHNORM, such as conv1=bn1", quoted_briefly(text)));
      }
      const std::string layer_pattern = text.substr(0, equals), bn_pattern = text.substr(equals + 1);
      const std::size_t star = layer_pattern.find('*');
      if ((star == std::string::npos) != (bn_pattern.find('*') == std::string::npos)) {
        refuse(
            fmt::format("--pair {} has a * on one side alone; put one on both, where the names agree", quoted_briefly(text)));
      }
      bool found = false;
      for (const std::string& bn : batch_norms_) {
        const std::optional<std::string> stands_for = match(bn_pattern, bn);
        if (!stands_for) continue;
        found = true;
        std::string layer = layer_pattern;
        if (star != std::string::npos) layer.replace(star, 1, *stands_for);
        give(layer, bn);
      }
      if (!found)
        refuse(fmt::format("--pair {} names no BatchNorm here; there are {}", quoted_briefly(text), some_of(batch_norms_)));
    }
  }

  void give(const std::string& layer, const std::string& bn) {
    if (!is_layer(layer)) {
      refuse(fmt::format("--pair: {} has no weight of two axes or more here, and cannot go before {}; there are {}",
                         quoted_briefly(layer), quoted_briefly(bn), some_of(layers_)));
    }
    if (!fits(layer, bn)) refuse("--pair: " + mismatch(layer, bn));
    if (!given_.insert(bn).second) refuse(fmt::format("--pair gives {} two layers; give it one", quoted_briefly(bn)));
    pairs_.push_back({layer, bn, channel_axis(layer), "pair"});
  }

  std::string mismatch(const std::string& layer, const std::string& bn) const {
    const Dims& weight = weight_of(layer);
    const bool otherwise = weight[1 - channel_axis(layer)] == channels(bn);
    const char* hint = !otherwise                 ? ""
                       : channel_axis(layer) == 0 ? ", and as many inputs as these: it is transposed, or goes behind"
                                                  : " as --transposed says, and as many inputs as these";
    return fmt::format("{} has {} channels, but {} with its weight {} has {} outputs{}", quoted_briefly(bn), channels(bn),
                       quoted_briefly(layer), to_string(weight), outputs(layer), hint);
  }

  std::vector<std::string> named_like(const std::string& bn) const {
    const auto [parent, leaf] = split(bn);
    std::vector<std::string> found;
    for (const std::string& name : layer_names(leaf)) {
      const std::string layer = std::string(parent) + name;
      if (is_layer(layer)) found.push_back(layer);
    }
    return found;
  }

  std::vector<std::string> fitting(const std::vector<std::string>& layers, const std::string& bn) const {
    std::vector<std::string> found;
    std::copy_if(layers.begin(), layers.end(), std::back_inserter(found), [&](const std::string& l) { return fits(l, bn); });
    return found;
  }

  /// What a BatchNorm tells of the order in modules named alike.
  void weigh(const std::string& bn) {
    const std::vector<std::string> layers = named_like(bn), right = fitting(layers, bn);
    if (layers.empty()) return;
    const std::string kind = kind_of_parent(bn);
    if (right.empty()) contradicted_.insert(kind);
    if (right.size() == 1 && !fits_before(right.front(), bn)) shown_.insert(kind);
  }

  void infer(const std::string& bn) {
    const auto [parent, leaf] = split(bn);
    std::int64_t index = 0;
    const auto [stop, error] = std::from_chars(leaf.data(), leaf.data() + leaf.size(), index);
    if (error == std::errc{} && stop == leaf.data() + leaf.size() && leaf == std::to_string(index)) {
      const std::string before = fmt::format("{}{}", parent, index - 1);
      if (is_layer(before)) return fits(before, bn) ? accept(before, bn, "sequence") : doubt(mismatch(before, bn));
    }
    const std::vector<std::string> layers = named_like(bn), right = fitting(layers, bn);
    if (layers.empty()) return doubt(unnamed(bn));
    if (right.empty()) return doubt(mismatch(layers.front(), bn));
    if (right.size() > 1) return doubt(fmt::format("{} may go behind {}", quoted_briefly(bn), fmt::join(right, " or ")));
    const std::string& layer = right.front();
    const std::string kind = kind_of_parent(bn);
    if (fits_before(layer, bn) && (!shown_.contains(kind) || contradicted_.contains(kind))) {
      return doubt(fmt::format("{} may stand before {} as well as behind it, and no channels show which", quoted_briefly(bn),
                               quoted_briefly(layer)));
    }
    accept(layer, bn, "name");
  }

  void accept(const std::string& layer, const std::string& bn, std::string_view by) {
    pairs_.push_back({layer, bn, channel_axis(layer), by});
  }
  void doubt(const std::string& reason) { doubts_.push_back(reason); }

  std::string unnamed(const std::string& bn) const {
    std::vector<std::string> near;
    for (const std::string& layer : fitting(layers_, bn)) {
      if (split(layer).first == split(bn).first) near.push_back(layer);
    }
    return fmt::format("no layer's name or place goes with {} of {} channels{}", quoted_briefly(bn), channels(bn),
                       near.empty() ? "" : ", which " + some_of(near) + (near.size() == 1 ? " has" : " have") + " beside it");
  }

  void refuse_unknown() const {
    if (doubts_.empty()) return;
    constexpr std::size_t kShown = 4;
    const auto shown = std::span(doubts_).first(std::min(doubts_.size(), kShown));
    refuse(fmt::format(
        "which layer goes before a BatchNorm is not certain: {}{}; say which with --pair LAYER=BATCHNORM (and with "
        "--transposed LAYER, if it is one), or leave the BatchNorm as it is with --keep",
        fmt::join(shown, "; "), doubts_.size() > kShown ? fmt::format("; and {} more", doubts_.size() - kShown) : ""));
  }

  void refuse_shared_layers() const {
    std::map<std::string, std::string> behind;
    for (const FoldPair& pair : pairs_) {
      const auto [other, is_new] = behind.emplace(pair.layer, pair.batch_norm);
      if (is_new) continue;
      refuse(fmt::format(
          "{} would go before both {} and {}, and one layer takes in one BatchNorm; say with --pair which, and --keep "
          "the other",
          quoted_briefly(pair.layer), quoted_briefly(other->second), quoted_briefly(pair.batch_norm)));
    }
  }

  const Shapes& shapes_;
  const PairOptions& options_;
  std::vector<std::string> batch_norms_, layers_;
  std::set<std::string> transposed_, given_;
  std::set<std::string> shown_, contradicted_;  // kinds of modules in which channels show that layers go first, and that not
  std::vector<FoldPair> pairs_;
  std::vector<std::string> doubts_;
};

}  // namespace

std::optional<std::string> match(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name ? std::optional<std::string>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (name.size() < before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
  return std::string(name.substr(star, name.size() - before.size() - after.size()));
}

std::vector<std::string> batch_norms_of(const Shapes& shapes) {
  std::vector<std::string> found;
  for (const auto& [name, shape] : shapes) {
    for (const auto& [one, other] : {std::pair{kMean, kVar}, std::pair{kVar, kMean}}) {
      if (!name.ends_with(one)) continue;
      const std::string module = name.substr(0, name.size() - one.size());
      if (!shapes.contains(module + std::string(other))) {
        throw Error(fmt::format("[fold] there is {} without {}; save the whole state dict", quoted_briefly(name),
                                quoted_briefly(module + std::string(other))));
      }
      if (one == kMean) found.push_back(module);
    }
  }
  return found;
}

std::vector<FoldPair> find_pairs(const Shapes& shapes, const PairOptions& options) { return Finder(shapes, options).pairs(); }

}  // namespace norma::cli
