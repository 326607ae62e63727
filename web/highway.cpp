// SPDX-License-Identifier: Apache-2.0
// Highway's compiled part, which Debian has for no WebAssembly: there is one instruction set to choose from.
#include <hwy/targets.h>

#include <cstdint>

namespace hwy {

std::int64_t SupportedTargets() { return HWY_STATIC_TARGET; }
void SetSupportedTargetsForTest(std::int64_t) {}
ChosenTarget& GetChosenTarget() {
  static ChosenTarget target;
  return target;
}

}  // namespace hwy
