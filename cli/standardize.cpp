// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/key_statistics.hpp"
#include "cli/progress.hpp"
#include "cli/words.hpp"
#include "io/csv.hpp"
#include "io/output_file.hpp"
#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::cli {
namespace {

struct StandardizeOptions {
  std::string input, output = "-", stats, save;
  std::vector<std::string> values, by, missing;
  std::optional<int> ddof;
  bool inverse = false;
};

/// "a,b" as two columns, unless one is called that.
std::vector<std::string> columns_named(const io::CsvTable& table, const std::vector<std::string>& texts) {
  std::vector<std::string> names;
  for (const std::string& text : texts) {
    if (std::find(table.columns().begin(), table.columns().end(), text) != table.columns().end()) {
      names.push_back(text);
      continue;
    }
    for (const std::string& name : split(text, ',')) names.push_back(table.columns()[table.column(name)]);
  }
  return names;
}

/// Puts the table's columns in place of what was typed.
void resolve(StandardizeOptions& options, const io::CsvTable& table) {
  options.values = columns_named(table, options.values);
  options.by = columns_named(table, options.by);
  std::set<std::string> seen;
  for (const auto* names : {&options.values, &options.by}) {
    for (const std::string& name : *names) {
      if (seen.insert(name).second) continue;
      throw Error(fmt::format("[standardize] --value and --by name the column {} twice; name it once", io::in_quotes(name)));
    }
  }
}

/// What can be refused without the table.
void check(const StandardizeOptions& options) {
  if (options.inverse && options.stats.empty()) {
    throw Error("[standardize] --inverse needs the statistics of the values; say with --stats where --save wrote them");
  }
  if (!options.stats.empty() && !options.save.empty()) {
    throw Error("[standardize] --stats uses statistics and --save writes measured ones; give one of the two");
  }
  if (!options.stats.empty() && options.ddof) {
    throw Error("[standardize] --ddof is that of the statistics in --stats; leave it out");
  }
  if (!options.save.empty() && options.save == options.output) {
    throw Error("[standardize] --save and --output name the same file; give each its own");
  }
  if (options.ddof && *options.ddof != 0 && *options.ddof != 1) {
    throw Error(fmt::format("[standardize] --ddof is {}; 0 divides the sum of squares by n, 1 by n - 1", *options.ddof));
  }
}

/// The rows of a table, each with its key and its numbers.
class Rows {
 public:
  Rows(io::CsvTable from, const StandardizeOptions& options) : table(std::move(from)), missing_(options.missing) {
    for (const std::string& name : options.values) value_at.push_back(table.column(name));
    for (const std::string& name : options.by) by_at_.push_back(table.column(name));
    key.resize(by_at_.size());
    numbers.resize(value_at.size());
  }

  /// Calls visit(row) after key and numbers are those of the row; a missing number is NaN.
  template <class Visit>
  void for_each(Progress& progress, const char* what, const Visit& visit) {
    progress.stage(fmt::format("{} {}", what, table.label()), table.size());
    table.for_each_row([&](const io::CsvRow& row) {
      for (std::size_t i = 0; i < by_at_.size(); ++i) key[i] = row.fields[by_at_[i]];
      for (std::size_t v = 0; v < value_at.size(); ++v) {
        const std::string_view field = row.fields[value_at[v]];
        const bool missing = io::is_blank(field) || std::find(missing_.begin(), missing_.end(), field) != missing_.end();
        numbers[v] = missing ? std::numeric_limits<double>::quiet_NaN() : table.number(row, value_at[v]);
      }
      visit(row);
      progress.set(table.position());
    });
  }

  io::CsvTable table;
  std::vector<std::size_t> value_at;
  std::vector<std::string_view> key;
  std::vector<double> numbers;

 private:
  std::vector<std::size_t> by_at_;
  std::vector<std::string> missing_;
};

KeyStatistics measure(const StandardizeOptions& options, Rows& rows, Progress& progress) {
  KeyStatistics statistics(options.by, options.values);
  statistics.ddof = options.ddof.value_or(0);
  KeyMeter meter(statistics, options.values.size());
  rows.for_each(progress, "measuring", [&](const io::CsvRow&) { meter.take(statistics.add(rows.key), rows.numbers); });
  meter.finish();
  for (std::int64_t k = 0; k < statistics.keys(); ++k) {
    for (std::size_t v = 0; v < options.values.size(); ++v) {
      if (std::isfinite(statistics.of(k, v).m2) && std::isfinite(statistics.of(k, v).mean)) continue;
      throw Error(fmt::format("[standardize] the values of {} with the key {} are too large for their squares to be numbers; "
                              "divide the column by a power of ten",
                              io::in_quotes(options.values[v]), statistics.label(k)));
    }
  }
  return statistics;
}

/// z of x, as normalize() computes it in f64, or x of z. Nothing where a deviation of 0 gives x no score.
std::optional<double> convert(double x, const Moments& m, double deviation, bool inverse) {
  if (inverse) return (x * deviation + m.mean_low) + m.mean;
  const double distance = x - m.mean - m.mean_low;
  if (deviation == 0) return distance == 0 ? std::optional(0.0) : std::nullopt;
  return distance * (1 / deviation);
}

/// What a reader of the result should know, on standard error.
void tell(const StandardizeOptions& options, const KeyStatistics& statistics, const std::vector<std::int64_t>& missing) {
  for (std::size_t v = 0; v < missing.size(); ++v) {
    const std::string column = io::in_quotes(options.values[v]);
    if (missing[v] != 0) fmt::print(stderr, "norma: {}: {} missing, left as they are\n", column, missing[v]);
    if (options.inverse) continue;
    std::int64_t flat = 0;
    for (std::int64_t k = 0; k < statistics.keys(); ++k) {
      if (statistics.of(k, v).count > 0 && statistics.deviation(k, v) == 0) ++flat;
    }
    if (flat != 0) {
      fmt::print(stderr, "norma: {}: {} of {} keys hold one value, or equal ones; their scores are 0\n", column, flat,
                 statistics.keys());
    }
  }
}

void standardize(StandardizeOptions options) {
  check(options);
  io::CsvTable table(options.input);
  resolve(options, table);
  Rows rows(std::move(table), options);
  Progress progress;
  const KeyStatistics statistics = options.stats.empty()
                                       ? measure(options, rows, progress)
                                       : KeyStatistics::load(options.stats, options.by, options.values);
  io::OutputFile out(options.output);
  std::vector<std::string_view> fields(rows.table.columns().begin(), rows.table.columns().end());
  std::string line;
  io::append_csv_row(line, fields);
  out.write(line);

  std::vector<std::string> texts(options.values.size());
  std::vector<std::int64_t> missing(options.values.size());
  rows.for_each(progress, "writing", [&](const io::CsvRow& row) {
    const std::int64_t key = statistics.find(rows.key);
    fields.assign(row.fields.begin(), row.fields.end());
    for (std::size_t v = 0; v < texts.size(); ++v) {
      if (std::isnan(rows.numbers[v])) {
        ++missing[v];
        continue;
      }
      const std::string& column = options.values[v];
      if (key < 0 || statistics.of(key, v).count == 0) {
        throw Error(fmt::format("[standardize] {}, row {}: {} has no statistics of {} for this key; measure a table that has it",
                                rows.table.label(), row.number, io::in_quotes(options.stats), io::in_quotes(column)));
      }
      const std::optional<double> result =
          convert(rows.numbers[v], statistics.of(key, v), statistics.deviation(key, v), options.inverse);
      if (!result || !std::isfinite(*result)) {
        throw Error(fmt::format("[standardize] {}, row {}: {} in {} has no finite {}, as the deviation of the key {} is {}; "
                                "leave the row out",
                                rows.table.label(), row.number, rows.numbers[v], io::in_quotes(column),
                                options.inverse ? "value" : "score", statistics.label(key), statistics.deviation(key, v)));
      }
      texts[v].clear();
      io::append_number(texts[v], *result);
      fields[rows.value_at[v]] = texts[v];
    }
    line.clear();
    io::append_csv_row(line, fields);
    out.write(line);
  });
  progress.stop();
  // The statistics first: scores without them could not be brought back.
  if (!options.save.empty()) statistics.save(options.save);
  out.commit();
  tell(options, statistics, missing);
}

}  // namespace

void add_standardize(CLI::App& app) {
  CLI::App* command = app.add_subcommand("standardize", "Standardize columns of a table, each key by itself (GROUP BY)");
  const auto options = std::make_shared<StandardizeOptions>();
  command->add_option("input", options->input, "A CSV file whose first row names the columns, or - for standard input")
      ->required()
      ->type_name("IN");
  command->add_option("--value", options->values, "The columns to standardize")
      ->required()
      ->allow_extra_args(false)
      ->type_name("COL,...");
  command->add_option("--by", options->by, "The columns whose fields are the key; without them all rows form one distribution")
      ->allow_extra_args(false)
      ->type_name("COL,...");
  command->add_option("-o,--output", options->output, "The file to write; - is standard output")
      ->capture_default_str()
      ->type_name("OUT");
  command->add_option("--ddof", options->ddof, "0: divide the sum of squares by n; 1: by n - 1 [0]")->type_name("0|1");
  command->add_option("--missing", options->missing, "A text that stands for a missing value, as NA; a blank always does")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  command->add_option("--save", options->save, "Also write the statistics of each key, a CSV file")->type_name("FILE");
  command->add_option("--stats", options->stats, "Use the statistics that --save wrote, and measure nothing")
      ->type_name("FILE");
  command->add_flag("--inverse", options->inverse, "From scores back to values, by --stats");
  command->callback([options] { standardize(*options); });
}

}  // namespace norma::cli
