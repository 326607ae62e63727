// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The version of the library: the one line that CMake, Python and C read. Semantic versioning.
#define NORMA_VERSION "0.1.0"

/// The version of the binary interface of norma.h; it changes only when an existing caller would break.
#define NORMA_ABI_VERSION 1
