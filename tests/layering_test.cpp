// SPDX-License-Identifier: Apache-2.0
// Who includes whom. That each public header compiles alone, and brings nothing of Highway's, is compiled:
// layering_headers.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = NORMA_SOURCE_DIR;

struct Include {
  std::string file, name;
  bool quoted;
};

std::vector<Include> includes_of(const fs::path& file) {
  std::vector<Include> found;
  std::ifstream in(file);
  const std::regex include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, include))
      found.push_back({file.lexically_relative(kSource), match[2], match[1] == "\""});
  }
  return found;
}

std::vector<Include> includes_under(const std::string& folder) {
  std::vector<Include> found;
  if (!fs::exists(kSource / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".hpp" && extension != ".cpp" && extension != ".h" && extension != ".c") continue;
    for (Include& include : includes_of(entry.path())) found.push_back(std::move(include));
  }
  return found;
}

bool starts_with(const std::string& s, const std::string& with) { return s.rfind(with, 0) == 0; }

/// view → grouping → moments → normalize → layers → fold: a header includes only what stands to its left. error, version,
/// parallel and moments include nothing of ours but error.
TEST(Layering, PublicHeadersLookToTheLeft) {
  const std::map<std::string, std::set<std::string>> may = {
      {"error.hpp", {}},
      {"version.hpp", {}},
      {"moments.hpp", {}},
      {"view.hpp", {"error"}},
      {"parallel.hpp", {"error"}},
      {"grouping.hpp", {"error", "view"}},
      {"normalize.hpp", {"error", "view", "grouping", "moments", "parallel"}},
      {"comparability.hpp", {"error", "view", "grouping", "moments", "parallel", "normalize"}},
      {"layers.hpp", {"error", "view", "grouping", "moments", "parallel", "normalize"}},
      {"fold.hpp", {"error", "view", "grouping", "moments", "parallel", "normalize", "layers"}},
      {"norma.hpp",
       {"error", "version", "view", "grouping", "moments", "parallel", "normalize", "comparability", "layers", "fold"}},
      {"norma.h", {"version"}},
  };
  int looked = 0;
  for (const auto& entry : fs::directory_iterator(kSource / "include/norma")) {
    const std::string header = entry.path().filename();
    const auto rule = may.find(header);
    ASSERT_NE(rule, may.end()) << header << " has no rule: say here what it may include";
    for (const Include& include : includes_of(entry.path())) {
      ++looked;
      if (!include.quoted) continue;
      ASSERT_TRUE(starts_with(include.name, "norma/")) << header << " includes " << include.name;
      const std::string name = fs::path(include.name).stem();
      EXPECT_TRUE(rule->second.count(name)) << header << " includes " << include.name;
    }
  }
  EXPECT_GT(looked, 10);
}

TEST(Layering, PublicHeadersDoNoInputOrOutputAndNoSimd) {
  const std::set<std::string> never = {"iostream", "fstream",    "cstdio", "stdio.h",
                                       "iomanip",  "filesystem", "thread", "immintrin.h"};
  for (const Include& include : includes_under("include")) {
    EXPECT_FALSE(never.count(include.name)) << include.file << " includes " << include.name;
    EXPECT_FALSE(starts_with(include.name, "hwy")) << include.file << " includes " << include.name;
  }
}

TEST(Layering, OneFolderKnowsInstructionSets) {
  int dispatch = 0;
  for (const char* folder : {"src", "io", "report", "cli", "python", "mpi", "web"}) {
    for (const Include& include : includes_under(folder)) {
      if (include.file == "web/highway.cpp") continue;  // stands in for Highway's library
      const bool in_simd = starts_with(include.file, "src/simd/");
      const bool simd = starts_with(include.name, "hwy/") || include.name.find("-inl.hpp") != std::string::npos ||
                        include.name.find("intrin.h") != std::string::npos;
      EXPECT_TRUE(in_simd || !simd) << include.file << " includes " << include.name;
      if (include.name == "hwy/foreach_target.h") {
        EXPECT_EQ(include.file, "src/simd/dispatch.cpp");
        ++dispatch;
      }
      // Pointers, sizes, strides: no view's layout, no grouping, no plan.
      if (in_simd && include.quoted && include.file != "src/simd/dispatch.cpp") {
        EXPECT_TRUE(starts_with(include.name, "simd/") || include.name == "norma/moments.hpp" ||
                    include.name == "norma/view.hpp")
            << include.file << " includes " << include.name;
      }
    }
  }
  EXPECT_EQ(dispatch, 1);
}

/// All but one: layer_state is the bridge from files to layers.
TEST(Layering, FilesKnowViewsAlone) {
  for (const Include& include : includes_under("io")) {
    if (!include.quoted) continue;
    const bool bridge = starts_with(include.file, "io/layer_state.");
    EXPECT_TRUE(starts_with(include.name, "io/") || include.name == "norma/view.hpp" ||
                include.name == "norma/error.hpp" || (bridge && include.name == "norma/layers.hpp"))
        << include.file << " includes " << include.name;
  }
}

TEST(Layering, TheCoreKnowsNothingOfWhatUsesIt) {
  for (const Include& include : includes_under("src")) {
    for (const char* other : {"io/", "report/", "cli/", "python/", "mpi/", "web/", "bench/", "tests/", "fmt/"}) {
      EXPECT_FALSE(starts_with(include.name, other)) << include.file << " includes " << include.name;
    }
  }
}

TEST(Layering, ThePoolIsALeaf) {
  for (const Include& include : includes_of(kSource / "src/parallel.cpp")) {
    EXPECT_TRUE(!include.quoted || include.name == "norma/parallel.hpp") << include.name;
  }
}

}  // namespace
