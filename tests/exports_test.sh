#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# exports_test.sh LIBRARY FOLDER: what the shared library shows is norma_… in C and namespace norma in C++, and nothing else; of
# C, exactly what FOLDER/norma.ABI.symbols lists for the library's ABI version.
set -eu
library=$1 lists=$2
symbols=$(nm -D --defined-only "$library" | awk '{ print $3 }')

# Some that must be there: an empty list is no success, and a caller's catch and copy need type information and tables.
for wanted in norma_normalize norma_last_error _ZN5norma9BatchNormC1ElRKNS_16BatchNormOptionsE _ZTIN5norma5ErrorE \
  _ZTVN5norma5LayerE; do
  if ! printf '%s\n' "$symbols" | grep -qx "$wanted"; then
    echo "$wanted is not exported by $library" >&2
    exit 1
  fi
done

# _ZN5norma…, _ZNK5norma…: members of namespace norma; _ZTI, _ZTS, _ZTV: their type information and tables.
foreign=$(printf '%s\n' "$symbols" | grep -Ev '^(norma_[a-z_]+|_ZNK?5norma.*|_ZT[ISV]N5norma[0-9].*)$' || true)
# Of the inside: Highway, the SIMD kernels, what no header declares.
inside=$(printf '%s\n' "$symbols" | grep -E '3hwy|5norma4simd|5norma8PlanData|5norma7Scratch|_GLOBAL__N_' || true)
if [ -n "$foreign$inside" ]; then
  echo "$library exports what is not its interface:" >&2
  printf '%s\n' "$foreign" "$inside" | c++filt >&2
  exit 1
fi

# The ABI version is the one in the library's name, and its list of C functions is whole.
abi=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[libnorma\.so\.\([0-9]*\)\].*/\1/p')
if [ ! -f "$lists/norma.$abi.symbols" ]; then
  echo "ABI version '$abi' of $library has no list $lists/norma.$abi.symbols" >&2
  exit 1
fi
wanted=$(grep -v '^#' "$lists/norma.$abi.symbols")
shown=$(printf '%s\n' "$symbols" | grep '^norma_' | LC_ALL=C sort)
if [ "$wanted" != "$shown" ]; then
  echo "the C functions that $library shows (>) are not those of $lists/norma.$abi.symbols (<):" >&2
  scratch=$(mktemp -d)
  printf '%s\n' "$wanted" >"$scratch/wanted"
  printf '%s\n' "$shown" | diff "$scratch/wanted" - >&2 || true
  rm -r "$scratch"
  exit 1
fi
