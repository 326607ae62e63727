// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "cli/strings.hpp"
#include "norma/comparability.hpp"
#include "report/charts.hpp"
#include "report/writer.hpp"

/// The comparability report as people and as programs read it: what is promised for any data, then what these showed.

namespace norma::cli {

/// A table of the pairs within distributions and across them, and the same as bars.
void show_order(report::Writer& page, const Say& say, const MapOrder& order);
report::Picture picture_of(const Say& say, const MapOrder& order, const std::string& title);

/// A bar of pairs: how many kept their order.
report::ShareBar bar_of(const std::string& label, const PairCounts& pairs);
report::Picture draw_bars(const Say& say, const std::string& title, const std::vector<report::ShareBar>& bars);

/// What is promised of vectors along the last axis, then how they turned.
void show_vectors(report::Writer& page, const Say& say, const MapVectors& vectors);

/// How they turned.
void show_seen(report::Writer& page, const Say& say, const VectorComparison& seen);

nlohmann::ordered_json numbers_of(const PairCounts& pairs);
nlohmann::ordered_json numbers_of(const MapOrder& order);
nlohmann::ordered_json numbers_of(const MapVectors& vectors);
nlohmann::ordered_json numbers_of(const VectorComparison& seen);

}  // namespace norma::cli
