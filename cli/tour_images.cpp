// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "cli/comparability_report.hpp"
#include "cli/tensors.hpp"
#include "cli/tour.hpp"
#include "io/npy.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using nlohmann::ordered_json;
using report::Cell;
using report::Lines;
using report::Page;
using report::Style;
using report::Table;

namespace {

constexpr std::array kPhotos = {"chelsea", "coffee", "rocket", "astronaut"};
constexpr std::array kChannels = {"red", "green", "blue"};
constexpr std::int64_t kImages = kPhotos.size(), kColours = kChannels.size();

/// An element of a table of images by channels.
struct Place {
  std::int64_t image = 0, channel = 0;
};
std::size_t number_of(Place place) { return static_cast<std::size_t>(place.image * kColours + place.channel); }

/// The kinds of pairs, by what the two elements share; each pair is of one kind.
struct Kinds {
  PairCounts channel, image, neither;  ///< same channel of different images; same image, different channels; neither
};

/// One normalization of the photographs.
struct Norm {
  std::string_view name;  ///< also in the ids of the table of strings
  Grouping grouping;
  std::int64_t distributions = 0;
  std::vector<double> after, means;  ///< means: of each channel of each image
  Kinds kinds;
  MapOrder order;
};

/// Two channels of an image, or two images in a channel, whose mean brightness changed places.
struct Flip {
  Place bright, dark;
};

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

class Images : public TourPart {
 public:
  explicit Images(const std::string& data)
      : pixels_(read_photos(data + "/photos.npy", shape_)), means_(means_of(pixels_)) {
    norms_.push_back(apply("batch", Grouping::batch()));
    norms_.push_back(apply("sample", Grouping::sample()));
    norms_.push_back(apply("instance", Grouping::instance()));
  }

  ordered_json numbers() const override;
  void show(Page& page, const Say& say) const override;

 private:
  Norm apply(std::string_view name, const Grouping& grouping) const;
  Kinds count_kinds(const std::vector<double>& after) const;
  std::vector<double> means_of(const std::vector<double>& values) const;
  std::optional<Flip> widest_flip(const Norm& norm, bool same_image) const;

  void show_thumbnails(Page& page, const Say& say) const;
  Lines thumbnail(const Page& page, std::int64_t image) const;
  void show_pictures(Page& page, const Say& say) const;
  void show_means(Page& page, const Say& say) const;
  void show_flip(Page& page, const Say& say, const Norm& norm, bool same_image) const;
  void show_kinds(Page& page, const Say& say) const;

  std::int64_t positions() const { return shape_[2] * shape_[3]; }

  Dims shape_;
  std::vector<double> pixels_, means_;
  std::vector<Norm> norms_;
};

Norm Images::apply(std::string_view name, const Grouping& grouping) const {
  Norm norm{name, grouping, grouping.boxes(shape_).distributions(), normalized(pixels_, shape_, grouping), {}, {}, {}};
  norm.means = means_of(norm.after);
  norm.kinds = count_kinds(norm.after);
  norm.order = comparability(view(pixels_.data(), shape_), grouping).plain;
  return norm;
}

Kinds Images::count_kinds(const std::vector<double>& after) const {
  std::vector<std::int64_t> image(pixels_.size()), channel(pixels_.size());
  Grouping::sample().assign(shape_, image);
  Grouping::batch().assign(shape_, channel);
  const ConstView x = view(pixels_.data(), shape_), y = view(after.data(), shape_);
  Kinds kinds;
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
  for (const Moments& m : moments) means.push_back(m.mean);
  return means;
}

/// Of the pairs of means of one image (or of one channel) that changed their order, the one that was furthest apart.
std::optional<Flip> Images::widest_flip(const Norm& norm, bool same_image) const {
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

// ---------------------------------------------------------------------------------------------------------- pages

std::string norm_name(const Say& say, const Norm& norm) {
  return say(norm.name == "sample" ? "norm.layer" : fmt::format("norm.{}", norm.name));
}

constexpr std::int64_t kThumbnail = 20;  // pixels a side

/// A photograph, small: two pixels to a character, the upper as its foreground, the lower as its background.
Lines Images::thumbnail(const Page& page, std::int64_t image) const {
  const auto level = [&](std::int64_t channel, std::int64_t row, std::int64_t column) {
    const std::int64_t h = shape_[2], w = shape_[3];
    return static_cast<std::uint8_t>(pixels_[static_cast<std::size_t>(
        ((image * kColours + channel) * h + row * h / kThumbnail) * w + column * w / kThumbnail)]);
  };
  const auto pixel = [&](std::int64_t row, std::int64_t column) {
    return report::Rgb{level(0, row, column), level(1, row, column), level(2, row, column)};
  };
  Lines lines;
  for (std::int64_t row = 0; row + 1 < kThumbnail; row += 2) {
    std::string line;
    for (std::int64_t column = 0; column < kThumbnail; ++column)
      line += page.paint(pixel(row, column), pixel(row + 1, column), "▀");
    lines.push_back(line);
  }
  return lines;
}

void Images::show_thumbnails(Page& page, const Say& say) const {
  if (!page.colour()) return;
  std::vector<Lines> photos;
  for (std::int64_t image = 0; image < kImages; ++image) {
    photos.push_back(thumbnail(page, image));
    photos.back().push_back(page.paint(Style::faint, say.name(kPhotos[static_cast<std::size_t>(image)])));
  }
  page.lines(report::beside(photos, 3));
  page.blank();
}

void Images::show_pictures(Page& page, const Say& say) const {
  report::PictureOptions options;
  options.roles = report::Roles::of(4);
  options.most_rows = 2;
  options.most_columns = 5;
  options.label = [&](int axis, const Dims& index, std::int64_t) {
    return say.name(axis == 1 ? kChannels[static_cast<std::size_t>(index[1])]
                              : kPhotos[static_cast<std::size_t>(index[0])]);
  };
  std::vector<Lines> pictures;
  for (const Norm& norm : norms_) {
    Lines lines = report::draw(page, norm.grouping, shape_, options);
    const std::string id = fmt::format("images.{}", norm.name);
    lines.insert(lines.begin(), page.paint(Style::strong, norm_name(say, norm)));
    lines.push_back(page.paint(Style::faint, say(id + ".caption", fmt::arg("distributions", norm.distributions))));
    pictures.push_back(lines);
  }
  page.lines(report::beside(pictures, 4));
}

/// The mean of each channel of each image, before and after: rows of images, columns of channels.
void Images::show_means(Page& page, const Say& say) const {
  using enum Table::Align;
  const auto block = [&](const std::string& heading, const std::vector<double>& means, int digits, bool named) {
    Table table;
    if (named) table.columns.push_back({"", left});
    for (const char* channel : kChannels) table.columns.push_back({say.name(channel)});
    for (std::int64_t image = 0; image < kImages; ++image) {
      std::vector<Cell> row;
      if (named) row.push_back(say.name(kPhotos[static_cast<std::size_t>(image)]));
      // Adding 0 makes a -0 that rounding leaves a plain one.
      for (std::int64_t channel = 0; channel < kColours; ++channel) {
        const double scale = std::pow(10, digits);
        row.push_back(
            fmt::format("{:.{}f}", std::round(means[number_of({image, channel})] * scale) / scale + 0.0, digits));
      }
      table.rows.push_back(row);
    }
    Lines lines = page.table_lines(table);
    lines.insert(lines.begin(), page.paint(Style::strong, heading));
    return lines;
  };
  std::vector<Lines> blocks{block(say("images.before"), means_, 0, true)};
  for (const Norm& norm : norms_) blocks.push_back(block(norm_name(say, norm), norm.means, 2, false));
  page.lines(report::beside(blocks, 4));
}

void Images::show_flip(Page& page, const Say& say, const Norm& norm, bool same_image) const {
  const std::optional<Flip> flip = widest_flip(norm, same_image);
  if (!flip) return;
  const auto photo = [&](Place place) { return say.name(kPhotos[static_cast<std::size_t>(place.image)]); };
  const auto channel = [&](Place place) { return say.name(kChannels[static_cast<std::size_t>(place.channel)]); };
  page.paragraph(say(fmt::format("images.{}.flip", norm.name), fmt::arg("photo", photo(flip->bright)),
                     fmt::arg("channel", channel(flip->bright)),
                     fmt::arg("bright", same_image ? channel(flip->bright) : photo(flip->bright)),
                     fmt::arg("dark", same_image ? channel(flip->dark) : photo(flip->dark)),
                     fmt::arg("bright_before", means_[number_of(flip->bright)]),
                     fmt::arg("dark_before", means_[number_of(flip->dark)]),
                     fmt::arg("bright_after", norm.means[number_of(flip->bright)]),
                     fmt::arg("dark_after", norm.means[number_of(flip->dark)])));
}

void Images::show_kinds(Page& page, const Say& say) const {
  using enum Table::Align;
  Table table{{{say("images.kinds"), left},
               {say("images.kinds.channel")},
               {say("images.kinds.image")},
               {say("images.kinds.neither")}},
              {}};
  for (const Norm& norm : norms_) {
    std::vector<Cell> row{norm_name(say, norm)};
    for (const PairCounts* pairs : {&norm.kinds.channel, &norm.kinds.image, &norm.kinds.neither}) {
      row.push_back(
          page.paint(pairs->reversed == 0 ? Style::kept : Style::plain,
                     percent(static_cast<double>(pairs->kept), static_cast<double>(pairs->kept + pairs->reversed))));
    }
    table.rows.push_back(row);
  }
  page.table(table);
}

void Images::show(Page& page, const Say& say) const {
  page.title(say("images.title"));
  page.paragraph(say("images.source"), Style::faint);
  page.blank();
  show_thumbnails(page, say);
  page.paragraph(say("images.idea", fmt::arg("images", shape_[0]), fmt::arg("channels", shape_[1]),
                     fmt::arg("height", shape_[2]), fmt::arg("width", shape_[3])));
  page.blank();
  show_pictures(page, say);
  page.blank();
  page.paragraph(say("images.means"));
  page.blank();
  show_means(page, say);
  page.blank();
  show_flip(page, say, norms_[0], true);
  show_flip(page, say, norms_[1], false);
  page.paragraph(say("images.instance.flip"));
  page.blank();
  page.heading(say("images.report"));
  page.paragraph(say("tour.promise"));
  show_kinds(page, say);
  page.blank();
  page.paragraph(say("images.training"));
}

// -------------------------------------------------------------------------------------------------------- numbers

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

ordered_json Images::numbers() const {
  ordered_json json{{"shape", std::vector<std::int64_t>(shape_.begin(), shape_.end())}, {"means", table_of(means_)}};
  for (const Norm& norm : norms_) {
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

}  // namespace

std::unique_ptr<TourPart> measure_images(const std::string& data) { return std::make_unique<Images>(data); }

}  // namespace norma::cli
