// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "cli/strings.hpp"
#include "norma/comparability.hpp"
#include "report/terminal.hpp"

/// The comparability report as people and as programs read it: what is promised for any data, then what these showed.

namespace norma::cli {

/// A table of the pairs within distributions and across them.
void show_order(report::Page& page, const Say& say, const MapOrder& order);

/// What is promised of vectors along the last axis, then how they turned.
void show_vectors(report::Page& page, const Say& say, const MapVectors& vectors);

/// How they turned.
void show_seen(report::Page& page, const Say& say, const VectorComparison& seen);

nlohmann::ordered_json numbers_of(const PairCounts& pairs);
nlohmann::ordered_json numbers_of(const MapOrder& order);
nlohmann::ordered_json numbers_of(const MapVectors& vectors);
nlohmann::ordered_json numbers_of(const VectorComparison& seen);

}  // namespace norma::cli
