// SPDX-License-Identifier: Apache-2.0
// Measuring, and the numbers of --json.
#include "cli/tour_images.hpp"

#include "cli/comparability_report.hpp"
#include "cli/tensors.hpp"
#include "io/npy.hpp"

namespace norma::cli {

using nlohmann::ordered_json;

namespace {

/// NCHW, as norms expect it, of the samples' NHWC: a matter of strides.
std::vector<double> read_photos(const std::string& path, Dims& shape) {
  const io::Array photos = io::read_npy(path);
  const Dims& nhwc = photos.shape();
  if (nhwc.rank() != 4 || nhwc[0] != kImages || nhwc[3] != kColours) {
    throw Error("[tour] photos.npy has the shape " + to_string(nhwc) +
                ", not (4, height, width, 3); take data/ as it was shipped");
  }
  shape = {nhwc[0], nhwc[3], nhwc[1], nhwc[2]};
  const Dims& s = photos.strides();
  const ConstView turned(photos.view().data(), photos.dtype(), shape, {s[0], s[3], s[1], s[2]});
  return to_doubles(turned);
}

}  // namespace

Images::Images(const std::string& data) : pixels_(read_photos(data + "/photos.npy", shape_)), means_(means_of(pixels_)) {
  norms_.push_back(apply("batch", Grouping::batch()));
  norms_.push_back(apply("sample", Grouping::sample()));
  norms_.push_back(apply("instance", Grouping::instance()));
}

ImageNorm Images::apply(std::string_view name, const Grouping& grouping) const {
  ImageNorm norm{name, grouping, grouping.boxes(shape_).distributions(), normalized(pixels_, shape_, grouping), {}, {}, {}};
  norm.means = means_of(norm.after);
  norm.kinds = count_kinds(norm.after);
  norm.order = comparability(view(pixels_.data(), shape_), grouping).plain;
  return norm;
}

ImageKinds Images::count_kinds(const std::vector<double>& after) const {
  std::vector<std::int64_t> image(pixels_.size()), channel(pixels_.size());
  Grouping::sample().assign(shape_, image);
  Grouping::batch().assign(shape_, channel);
  const ConstView x = view(pixels_.data(), shape_), y = view(after.data(), shape_);
  ImageKinds kinds;
  kinds.channel = count_pairs(x, y, {.same = channel, .different = image});
  kinds.image = count_pairs(x, y, {.same = image, .different = channel});
  // Of different images, without those of the same channel.
  kinds.neither = count_pairs(x, y, {.same = {}, .different = image}) - kinds.channel;
  return kinds;
}

std::vector<double> Images::means_of(const std::vector<double>& values) const {
  std::vector<Moments> moments(static_cast<std::size_t>(kImages * kColours));
  measure(view(values.data(), shape_), Grouping::instance(), moments);
  std::vector<double> means;
  means.reserve(moments.size());
  for (const Moments& m : moments) means.push_back(m.mean);
  return means;
}

/// Of the pairs of means of one image (or of one channel) that changed their order, the one that was furthest apart.
std::optional<Flip> Images::widest_flip(const ImageNorm& norm, bool same_image) const {
  std::optional<Flip> widest;
  double most = 0;
  for (std::int64_t i = 0; i < kImages * kColours; ++i) {
    for (std::int64_t j = 0; j < kImages * kColours; ++j) {
      const Place a{i / kColours, i % kColours}, b{j / kColours, j % kColours};
      if (same_image ? a.image != b.image : a.channel != b.channel) continue;
      const double apart = means_[number_of(a)] - means_[number_of(b)];
      if (apart <= most || norm.means[number_of(a)] >= norm.means[number_of(b)]) continue;
      most = apart;
      widest = Flip{a, b};
    }
  }
  return widest;
}

// -------------------------------------------------------------------------------------------------------- numbers

namespace {

ordered_json table_of(const std::vector<double>& means) {
  ordered_json json;
  for (std::int64_t image = 0; image < kImages; ++image) {
    ordered_json row;
    for (std::int64_t channel = 0; channel < kColours; ++channel) {
      row[kChannels[static_cast<std::size_t>(channel)]] = means[number_of({image, channel})];
    }
    json[kPhotos[static_cast<std::size_t>(image)]] = row;
  }
  return json;
}

}  // namespace

ordered_json Images::numbers() const {
  ordered_json json{{"shape", std::vector<std::int64_t>(shape_.begin(), shape_.end())}, {"means", table_of(means_)}};
  for (const ImageNorm& norm : norms_) {
    json["norms"].push_back({{"norm", norm.name},
                             {"distributions", norm.distributions},
                             {"means", table_of(norm.means)},
                             {"pairs",
                              {{"same_channel_other_image", numbers_of(norm.kinds.channel)},
                               {"same_image_other_channel", numbers_of(norm.kinds.image)},
                               {"other_image_other_channel", numbers_of(norm.kinds.neither)}}},
                             {"order", numbers_of(norm.order)}});
  }
  return json;
}

std::unique_ptr<TourPart> measure_images(const std::string& data) { return std::make_unique<Images>(data); }

}  // namespace norma::cli
