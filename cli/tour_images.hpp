// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "cli/tour.hpp"
#include "norma/comparability.hpp"
#include "report/drawing.hpp"

/// The second part of the tour: photographs under BatchNorm, LayerNorm and InstanceNorm.

namespace norma::cli {

inline constexpr std::array kPhotos = {"chelsea", "coffee", "rocket", "astronaut"};
inline constexpr std::array kChannels = {"red", "green", "blue"};
inline constexpr std::int64_t kImages = kPhotos.size(), kColours = kChannels.size();

/// An element of a table of images by channels.
struct Place {
  std::int64_t image = 0, channel = 0;
};
inline std::size_t number_of(Place place) { return static_cast<std::size_t>(place.image * kColours + place.channel); }

/// The kinds of pairs, by what the two elements share; each pair is of one kind.
struct ImageKinds {
  PairCounts channel, image, neither;  ///< same channel of different images; same image, different channels; neither
};

/// One normalization of the photographs.
struct ImageNorm {
  std::string_view name;  ///< also in the ids of the table of strings
  Grouping grouping;
  std::int64_t distributions = 0;
  std::vector<double> after, means;  ///< means: of each channel of each image
  ImageKinds kinds;
  MapOrder order;
};

/// Two channels of an image, or two images in a channel, whose mean brightness changed places.
struct Flip {
  Place bright, dark;
};

class Images : public TourPart {
 public:
  explicit Images(const std::string& data);

  nlohmann::ordered_json numbers() const override;
  void show(report::Page& page, const Say& say) const override;
  void show(report::Document& page, const Say& say) const override;

 private:
  ImageNorm apply(std::string_view name, const Grouping& grouping) const;
  ImageKinds count_kinds(const std::vector<double>& after) const;
  std::vector<double> means_of(const std::vector<double>& values) const;
  std::optional<Flip> widest_flip(const ImageNorm& norm, bool same_image) const;

  // What a terminal and HTML say alike.
  report::Table means_table(const Say& say, const std::string& heading, const std::vector<double>& means, int digits) const;
  void show_flip(report::Writer& page, const Say& say, const ImageNorm& norm, bool same_image) const;
  void show_kinds(report::Writer& page, const Say& say) const;

  void show_thumbnails(report::Page& page, const Say& say) const;
  report::Lines thumbnail(const report::Page& page, std::int64_t image) const;
  void show_pictures(report::Page& page, const Say& say) const;
  void show_means(report::Page& page, const Say& say) const;

  report::Picture photos_picture(const Say& say, const std::string& title, const std::vector<double>& values, double black,
                                 double white) const;
  report::Picture block_picture(const Say& say, const ImageNorm& norm) const;
  report::Picture matrix_picture(const Say& say, const ImageNorm& norm) const;
  report::Picture ranks_picture(const Say& say, const ImageNorm& norm, bool of_channels) const;
  report::Picture bars_picture(const Say& say, const ImageNorm& norm) const;

  std::int64_t positions() const { return shape_[2] * shape_[3]; }

  Dims shape_;
  std::vector<double> pixels_, means_;
  std::vector<ImageNorm> norms_;
};

std::string norm_name(const Say& say, const ImageNorm& norm);

}  // namespace norma::cli
