// SPDX-License-Identifier: Apache-2.0
// What a terminal and HTML say alike of the photographs, and the page of a terminal.
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/tour_images.hpp"
#include "report/picture.hpp"

namespace norma::cli {

using report::Cell;
using report::Lines;
using report::Page;
using report::Style;
using report::Table;
using report::Writer;

std::string norm_name(const Say& say, const ImageNorm& norm) {
  return say(norm.name == "sample" ? "norm.layer" : fmt::format("norm.{}", norm.name));
}

static constexpr std::int64_t kThumbnail = 20;  // pixels a side

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
    return say.name(axis == 1 ? kChannels[static_cast<std::size_t>(index[1])] : kPhotos[static_cast<std::size_t>(index[0])]);
  };
  std::vector<Lines> pictures;
  for (const ImageNorm& norm : norms_) {
    Lines lines = report::draw(page, norm.grouping, shape_, options);
    const std::string id = fmt::format("images.{}", norm.name);
    lines.insert(lines.begin(), page.paint(Style::strong, norm_name(say, norm)));
    lines.push_back(page.paint(Style::faint, say(id + ".caption", fmt::arg("distributions", norm.distributions))));
    pictures.push_back(lines);
  }
  page.lines(report::beside(pictures, 4));
}

/// The mean of each channel of each image: rows of images, columns of channels.
Table Images::means_table(const Say& say, const std::string& heading, const std::vector<double>& means, int digits) const {
  Table table{{{heading, Table::Align::left}}, {}};
  for (const char* channel : kChannels) table.columns.push_back({say.name(channel)});
  for (std::int64_t image = 0; image < kImages; ++image) {
    std::vector<Cell> row{say.name(kPhotos[static_cast<std::size_t>(image)])};
    for (std::int64_t channel = 0; channel < kColours; ++channel) {
      const double mean = means[number_of({image, channel})], scale = std::pow(10, digits);
      // Adding 0 makes a -0 that rounding leaves a plain one.
      row.emplace_back(fmt::format("{:.{}f}", std::round(mean * scale) / scale + 0.0, digits), mean);
    }
    table.rows.push_back(row);
  }
  return table;
}

/// Before and after, beside each other; the images are named once.
void Images::show_means(Page& page, const Say& say) const {
  const auto block = [&](const std::string& heading, Table table, bool named) {
    table.columns[0].heading.clear();
    if (!named) {
      table.columns.erase(table.columns.begin());
      for (auto& row : table.rows) row.erase(row.begin());
    }
    Lines lines = page.table_lines(table);
    lines.insert(lines.begin(), page.paint(Style::strong, heading));
    return lines;
  };
  std::vector<Lines> blocks{block(say("images.before"), means_table(say, "", means_, 0), true)};
  for (const ImageNorm& norm : norms_)
    blocks.push_back(block(norm_name(say, norm), means_table(say, "", norm.means, 2), false));
  page.lines(report::beside(blocks, 4));
}

void Images::show_flip(Writer& page, const Say& say, const ImageNorm& norm, bool same_image) const {
  const std::optional<Flip> flip = widest_flip(norm, same_image);
  if (!flip) return;
  const auto photo = [&](Place place) { return say.name(kPhotos[static_cast<std::size_t>(place.image)]); };
  const auto channel = [&](Place place) { return say.name(kChannels[static_cast<std::size_t>(place.channel)]); };
  page.paragraph(say(
      fmt::format("images.{}.flip", norm.name), fmt::arg("photo", photo(flip->bright)),
      fmt::arg("channel", channel(flip->bright)), fmt::arg("bright", same_image ? channel(flip->bright) : photo(flip->bright)),
      fmt::arg("dark", same_image ? channel(flip->dark) : photo(flip->dark)),
      fmt::arg("bright_before", means_[number_of(flip->bright)]), fmt::arg("dark_before", means_[number_of(flip->dark)]),
      fmt::arg("bright_after", norm.means[number_of(flip->bright)]),
      fmt::arg("dark_after", norm.means[number_of(flip->dark)])));
}

void Images::show_kinds(Writer& page, const Say& say) const {
  using enum Table::Align;
  Table table{
      {{say("images.kinds"), left}, {say("images.kinds.channel")}, {say("images.kinds.image")}, {say("images.kinds.neither")}},
      {}};
  for (const ImageNorm& norm : norms_) {
    std::vector<Cell> row{norm_name(say, norm)};
    for (const PairCounts* pairs : {&norm.kinds.channel, &norm.kinds.image, &norm.kinds.neither}) {
      row.emplace_back(percent(static_cast<double>(pairs->kept), static_cast<double>(pairs->kept + pairs->reversed)),
                       pairs->kept_share(), pairs->reversed == 0 ? Style::kept : Style::plain);
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
                     fmt::arg("height", shape_[2]), fmt::arg("width", shape_[3]),
                     fmt::arg("layout", say("images.idea.lines"))));
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

}  // namespace norma::cli
