// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "norma/error.hpp"

namespace norma::test {

/// EXPECT that work throws norma::Error, with a sentence that holds each of the parts.
template <class Work>
void expect_refusal(const Work& work, const std::vector<std::string>& parts) {
  std::string sentence;
  try {
    work();
    ADD_FAILURE() << "was not refused";
    return;
  } catch (const Error& error) {
    sentence = error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw something else than norma::Error: " << error.what();
    return;
  }
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << "more than a sentence: " << sentence;
  EXPECT_EQ(sentence.front(), '[') << sentence;
  for (const std::string& part : parts)
    EXPECT_NE(sentence.find(part), std::string::npos) << "'" << part << "' in: " << sentence;
}

}  // namespace norma::test
