#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# reproducible_test.sh CMAKE JOBS: builds the last commit twice, in folders of different names and lengths, and compares what is
# installed, byte for byte.
set -euo pipefail
cmake=$1 jobs=$2
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset CMAKE_CXX_COMPILER_LAUNCHER CMAKE_C_COMPILER_LAUNCHER  # a cache would compare one build with itself
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

for place in "$scratch/one" "$scratch/a longer name/two"; do
  mkdir -p "$place/source"
  git archive HEAD | tar -x -C "$place/source"
  {
    "$cmake" -S "$place/source" -B "$place/build" -G Ninja -DCMAKE_MAKE_PROGRAM=/usr/bin/ninja -DCMAKE_BUILD_TYPE=Release -DNORMA_BUILD_TESTS=OFF &&
      "$cmake" --build "$place/build" -j "$jobs" && DESTDIR=$place/installed "$cmake" --install "$place/build" --prefix /usr
  } >"$scratch/log" 2>&1 || { tail -n 40 "$scratch/log"; exit 1; }
  (cd "$place/installed" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$scratch/$(basename "$place").sums"
done
if ! diff "$scratch/one.sums" "$scratch/two.sums"; then
  echo "reproducible: the files above (<, >) differ between two builds of one commit" >&2
  exit 1
fi
echo "reproducible: $(wc -l <"$scratch/one.sums") files of two builds of $(git rev-parse --short HEAD) are the same; of them"
grep -E 'libnorma\.(so|a)|bin/norma' "$scratch/one.sums"
