// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/strings.hpp"
#include "norma/normalize.hpp"
#include "report/document.hpp"
#include "report/terminal.hpp"

/// The tour: what normalizations do to real incomes, images and sentences. Every number is computed from the samples
/// when it is shown.

namespace norma::cli {

/// One part of the tour, measured.
class TourPart {
 public:
  TourPart() = default;
  TourPart(const TourPart&) = delete;
  TourPart& operator=(const TourPart&) = delete;
  virtual ~TourPart() = default;

  virtual nlohmann::ordered_json numbers() const = 0;
  virtual void show(report::Page& page, const Say& say) const = 0;
  virtual void show(report::Document& page, const Say& say) const = 0;
};

/// Each reads its samples in the folder of data. Throws Error.
std::unique_ptr<TourPart> measure_incomes(const std::string& data);
std::unique_ptr<TourPart> measure_images(const std::string& data);
std::unique_ptr<TourPart> measure_sentences(const std::string& data);

/// The names of the parts, in their order.
std::span<const std::string_view> tour_parts();

/// The tour, or the parts of it that are named, as a page, as HTML and pictures, and as numbers. Throws Error.
std::string tour_page(const std::string& data, const std::vector<std::string>& parts, Language language,
                      report::Page::Options options);
report::Document tour_document(const std::string& data, const std::vector<std::string>& parts, Language language);
nlohmann::ordered_json tour_numbers(const std::string& data, const std::vector<std::string>& parts);

/// x normalized in double.
std::vector<double> normalized(std::span<const double> x, const Dims& shape, const Grouping& grouping,
                               const Options& options = {});

}  // namespace norma::cli
