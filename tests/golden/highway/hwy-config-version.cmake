# SPDX-License-Identifier: Apache-2.0
file(STRINGS /usr/include/hwy/highway.h norma_highway_line REGEX "define HWY_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" PACKAGE_VERSION "${norma_highway_line}")
if(NOT PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
