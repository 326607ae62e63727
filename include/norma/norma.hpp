// SPDX-License-Identifier: Apache-2.0
#pragma once

/// All of Norma.

#include "norma/comparability.hpp"
#include "norma/error.hpp"
#include "norma/fold.hpp"
#include "norma/grouping.hpp"
#include "norma/layers.hpp"
#include "norma/moments.hpp"
#include "norma/normalize.hpp"
#include "norma/parallel.hpp"
#include "norma/version.hpp"
#include "norma/view.hpp"
