// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Makes one call to the system fail, once. Linking faults.cpp puts malloc and the calls that files are written by in place of
/// the C library's; until arm() they do what those do.

namespace norma::test::faults {

/// What fails. `step` is any of the calls on files below it.
enum class Call : std::uint8_t { allocate, open, write, sync, rename, close, change_mode, truncate, step };

/// fail: returns -1 (or null) and sets errno. shorten: writes half of the bytes. signal: raises one before the call is made.
enum class How : std::uint8_t { fail, shorten, signal };

/// The nth call from now on, counted from 1. number: errno, or the signal.
void arm(Call call, long nth, How how, int number);
void disarm();
/// Whether what was armed has happened.
bool fired();
/// How many calls of the kind that was armed there were so far, at most nth.
long seen();

}  // namespace norma::test::faults
