// SPDX-License-Identifier: Apache-2.0
// The photographs as a part of a page.
#include <algorithm>
#include <cmath>

#include "cli/comparability_report.hpp"
#include "cli/tour_images.hpp"
#include "io/image.hpp"
#include "report/block.hpp"
#include "report/charts.hpp"
#include "report/document.hpp"
#include "report/markup.hpp"

namespace norma::cli {

using report::Document;
using report::Figure;
using report::Style;

namespace {

constexpr double kBlack = -2, kWhite = 2;  // deviations, in the photographs after
// A normalized channel's mean is 0 but for rounding, which has no order.
constexpr double kRounding = 1e-9;

std::string photo_name(const Say& say, std::int64_t image) { return say.name(kPhotos[static_cast<std::size_t>(image)]); }
std::string channel_name(const Say& say, std::int64_t channel) {
  return say.name(kChannels[static_cast<std::size_t>(channel)]);
}

std::string distribution_of(const Say& say, const ImageNorm& norm) {
  return say(fmt::format("images.{}.caption", norm.name), fmt::arg("distributions", norm.distributions));
}

}  // namespace

report::Picture Images::photos_picture(const Say& say, const std::string& title, const std::vector<double>& values,
                                       double black, double white) const {
  report::Drawing drawing(title);
  constexpr double kSide = 172, kGap = 16;
  const std::int64_t height = shape_[2], width = shape_[3];
  std::string names;
  double top = drawing.y();
  for (std::int64_t image = 0; image < kImages; ++image) {
    std::vector<std::uint8_t> pixels;
    for (std::int64_t p = 0; p < positions(); ++p) {
      for (std::int64_t channel = 0; channel < kColours; ++channel) {
        const double value = values[static_cast<std::size_t>((image * kColours + channel) * positions() + p)];
        pixels.push_back(static_cast<std::uint8_t>(std::lround(std::clamp((value - black) / (white - black), 0.0, 1.0) * 255)));
      }
    }
    const auto png = io::encode_png(pixels, static_cast<int>(width), static_cast<int>(height));
    const double x = static_cast<double>(image % 2) * (kSide + kGap), y = image < 2 ? top : top + kSide + 30;
    drawing.image({x, y}, kSide, kSide, report::data_uri("image/png", png));
    drawing.text({x, y + kSide + 16}, photo_name(say, image), "faint");
    names += (names.empty() ? "" : say("list.comma")) + photo_name(say, image);
  }
  return std::move(drawing).finish(top + 2 * (kSide + 30), say("images.photos.description", fmt::arg("names", names)));
}

report::Picture Images::block_picture(const Say& say, const ImageNorm& norm) const {
  const std::string distribution = distribution_of(say, norm);
  report::BlockOptions options;
  options.axes = report::BlockAxes::of(4);
  options.title = say("block.named", fmt::arg("norm", norm_name(say, norm)), fmt::arg("distribution", distribution));
  options.description = say("images.block.description", fmt::arg("distribution", distribution));
  options.back = say("images.axis.images");
  options.across = say("images.axis.channels");
  options.down = say("images.axis.positions");
  return report::draw_block(report::Membership(norm.grouping, shape_), options).picture;
}

/// The channels of the images against each other.
report::Picture Images::matrix_picture(const Say& say, const ImageNorm& norm) const {
  const report::Membership membership(norm.grouping, shape_);
  report::MatrixOptions options{
      say("images.matrix.title", fmt::arg("norm", norm_name(say, norm))), {}, {}, 1, static_cast<int>(kColours)};
  std::vector<report::PairState> states;
  std::vector<bool> reversed;
  int same = 0, other = 0, turned = 0;
  for (std::int64_t i = 0; i < kImages * kColours; ++i) {
    options.labels.push_back(photo_name(say, i / kColours) + say("list.comma") + channel_name(say, i % kColours));
    for (std::int64_t j = 0; j < kImages * kColours; ++j) {
      const bool together =
          membership.at({i / kColours, i % kColours, 0, 0}) == membership.at({j / kColours, j % kColours, 0, 0});
      const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
      const double before = means_[a] - means_[b], after = norm.means[a] - norm.means[b];
      const bool turn = std::fabs(after) > kRounding && (before < 0) != (after < 0);
      states.push_back(i == j ? report::PairState::self : together ? report::PairState::same : report::PairState::other);
      reversed.push_back(i != j && turn);
      if (i < j) ++(together ? same : other), turned += turn;
    }
  }
  options.description =
      say("images.matrix.description", fmt::arg("same", same), fmt::arg("other", other), fmt::arg("reversed", turned));
  return report::draw_matrix(static_cast<int>(kImages * kColours), states, reversed, options);
}

/// The means by rank; lines of one channel, or of one image, share a colour.
report::Picture Images::ranks_picture(const Say& say, const ImageNorm& norm, bool of_channels) const {
  std::vector<report::RankLine> lines;
  std::vector<std::string> names;
  for (std::int64_t image = 0; image < kImages; ++image) {
    for (std::int64_t channel = 0; channel < kColours; ++channel) {
      const std::size_t i = number_of({image, channel});
      const std::string name = photo_name(say, image) + " " + channel_name(say, channel);
      lines.push_back({fmt::format("{}  {:.0f}", name, means_[i]), fmt::format("{:.2f}  {}", norm.means[i], name), means_[i],
                       norm.means[i], static_cast<int>(of_channels ? channel : image), false});
    }
  }
  for (std::int64_t k = 0; k < (of_channels ? kColours : kImages); ++k)
    names.push_back(of_channels ? channel_name(say, k) : photo_name(say, k));
  const report::Crossings crossings = report::crossings_of(lines);
  return report::draw_rank_lines(
      lines, {.title = say(fmt::format("images.ranks.{}", norm.name)),
              .description = say("ranks.description", fmt::arg("lines", lines.size()), fmt::arg("within", crossings.within),
                                 fmt::arg("across", crossings.across), fmt::arg("pairs", crossings.pairs_across)),
              .before = say("ranks.before"),
              .after = say("ranks.after"),
              .width = 400,
              .line_height = 21,
              .names = names});
}

report::Picture Images::bars_picture(const Say& say, const ImageNorm& norm) const {
  return draw_bars(
      say, norm_name(say, norm),
      {bar_of(say("images.kinds.channel"), norm.kinds.channel), bar_of(say("images.kinds.image"), norm.kinds.image),
       bar_of(say("images.kinds.neither"), norm.kinds.neither)});
}

void Images::show(Document& page, const Say& say) const {
  page.title(say("images.title"));
  page.paragraph(say("images.source"), Style::faint);
  page.paragraph(say("images.idea", fmt::arg("images", shape_[0]), fmt::arg("channels", shape_[1]),
                     fmt::arg("height", shape_[2]), fmt::arg("width", shape_[3]),
                     fmt::arg("layout", say("images.idea.block"))));
  Figure blocks, photos, matrices, bars;
  blocks.small = photos.small = matrices.small = bars.small = true;
  photos.pictures.push_back(photos_picture(say, say("images.photos.before"), pixels_, 0, 255));
  for (const ImageNorm& norm : norms_) {
    blocks.pictures.push_back(block_picture(say, norm));
    photos.pictures.push_back(photos_picture(say, norm_name(say, norm), norm.after, kBlack, kWhite));
    matrices.pictures.push_back(matrix_picture(say, norm));
    bars.pictures.push_back(bars_picture(say, norm));
  }
  blocks.caption = say("block.caption.plain");
  page.figure(blocks);
  photos.caption = say("images.photos.caption", fmt::arg("black", kBlack), fmt::arg("white", kWhite));
  page.figure(photos);
  Figure ranks{{ranks_picture(say, norms_[0], true), ranks_picture(say, norms_[1], false)}, say("images.ranks.caption")};
  ranks.tables.push_back(means_table(say, say("images.before"), means_, 0));
  for (const ImageNorm& norm : norms_) ranks.tables.push_back(means_table(say, norm_name(say, norm), norm.means, 2));
  page.figure(ranks);
  show_flip(page, say, norms_[0], true);
  show_flip(page, say, norms_[1], false);
  page.paragraph(say("images.instance.flip"));
  matrices.caption = say("images.matrix.caption");
  page.figure(matrices);
  page.heading(say("images.report"));
  page.paragraph(say("tour.promise"));
  page.figure(bars);
  show_kinds(page, say);
  page.paragraph(say("images.training"));
}

}  // namespace norma::cli
