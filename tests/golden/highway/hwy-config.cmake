# SPDX-License-Identifier: Apache-2.0
# Highway for another machine: its headers are everybody's, and the little that Debian compiles of it is web/highway.cpp,
# which knows the one instruction set that the compiler was told of.
if(NOT TARGET hwy::hwy)
  find_path(norma_highway_headers hwy/highway.h PATHS /usr/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  # Alone, as the rest of the folder is this machine's.
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/headers)
  file(CREATE_LINK ${norma_highway_headers}/hwy ${CMAKE_BINARY_DIR}/headers/hwy SYMBOLIC)
  add_library(norma_highway STATIC ${CMAKE_CURRENT_LIST_DIR}/../../../web/highway.cpp)
  target_include_directories(norma_highway SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/headers)
  target_compile_features(norma_highway PUBLIC cxx_std_20)
  add_library(hwy::hwy ALIAS norma_highway)
endif()
