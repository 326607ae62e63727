#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# package_test.sh CMAKE BUILD_DIR SOURCE_DIR: installs to a folder of its own, moves it, and builds other people's projects
# against it: with CMake, both libraries, C and C++; with pkg-config. Then the installed command, where there is one.
set -euo pipefail
cmake=$1 build=$2 source=$3

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset DESTDIR CMAKE_PREFIX_PATH
say() { printf 'package: %s\n' "$1"; }

# A staged install, as packagers make it; then its files are moved: nothing may remember where they were.
DESTDIR=$scratch/stage "$cmake" --install "$build" --prefix /opt/norma >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
mv "$scratch/stage/opt/norma" "$scratch/moved"
if [ -n "$(find "$scratch/stage" -type f)" ]; then say "files were installed beside the prefix"; exit 1; fi
prefix=$scratch/moved
# A program may remember where its sources' data was; what others read may not.
if grep -rlIF -e "$scratch/stage" -e "$build" -e "$source/include" -e "$source/src" "$prefix"; then say "these files name a folder of the build"; exit 1; fi

cached() { sed -n "s/^$1:[^=]*=//p" "$build/CMakeCache.txt"; }

configure_and_build() {
  {
    "$cmake" -S "$1" -B "$1/build" -G "$(cached CMAKE_GENERATOR)" -DCMAKE_MAKE_PROGRAM="$(cached CMAKE_MAKE_PROGRAM)" \
      -DCMAKE_PREFIX_PATH="$prefix" && "$cmake" --build "$1/build"
  } >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
}

mkdir "$scratch/app"
cp "$source/examples/first.cpp" "$scratch/app/"
cat >"$scratch/app/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES CXX)
find_package(norma 0.1 REQUIRED COMPONENTS static)
add_executable(first first.cpp)
target_link_libraries(first PRIVATE norma::norma)
add_executable(first_static first.cpp)
target_link_libraries(first_static PRIVATE norma::norma_static)
END
configure_and_build "$scratch/app"
for program in first first_static; do
  say "$program: $("$scratch/app/build/$program")"
done

# The shared library alone asks for nothing: no C++ compiler, no Highway.
mkdir "$scratch/plain"
cp "$source/examples/c_example.c" "$scratch/plain/"
cat >"$scratch/plain/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(plain LANGUAGES C)
find_package(norma 0.1 REQUIRED)
add_executable(c_example c_example.c)
target_link_libraries(c_example PRIVATE norma::norma)
if(hwy_FOUND OR TARGET norma::norma_static)
  message(FATAL_ERROR "Highway was looked for, though nobody asked for the static library")
endif()
find_package(norma 0.2 QUIET)
if(norma_FOUND)
  message(FATAL_ERROR "0.1 passes for 0.2")
endif()
END
configure_and_build "$scratch/plain"
say "c_example: $("$scratch/plain/build/c_example")"

if command -v pkg-config >/dev/null; then
  pc=$(dirname "$(find "$prefix" -name norma.pc)")
  # shellcheck disable=SC2046  # the flags are words
  ${CXX:-c++} -std=c++20 "$source/examples/first.cpp" -o "$scratch/by_pkg_config" \
    $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs norma) -Wl,-rpath,"$(PKG_CONFIG_PATH=$pc pkg-config --variable=libdir norma)"
  say "pkg-config: $("$scratch/by_pkg_config")"
fi

if [ -x "$prefix/bin/norma" ]; then
  say "$("$prefix/bin/norma" --version)"
  (cd / && env -u NORMA_DATA "$prefix/bin/norma" tour --lang en >"$scratch/tour")
  [ -s "$scratch/tour" ] || { say "the installed tour says nothing"; exit 1; }
fi
for file in share/doc/norma/LICENSE share/doc/norma/docs/contracts.md include/norma/norma.h; do
  [ -f "$prefix/$file" ] || { say "$file is missing"; exit 1; }
done
say "complete"
