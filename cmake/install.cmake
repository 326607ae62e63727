# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` lays down: headers, both libraries, a CMake package, a pkg-config file, the command with its data,
# licence and documentation. Nothing of it knows where it was installed.

if(NOT NORMA_INSTALL)
  return()
endif()

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(norma_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/norma)

# In three parts, of which packages are made: the shared library, what is needed to build against it, the command.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/norma DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

# Two sets: who links the shared library needs nothing else, the static one needs Highway and threads.
install(TARGETS norma_shared EXPORT norma-targets LIBRARY COMPONENT library NAMELINK_COMPONENT development)
install(TARGETS norma_static EXPORT norma-static-targets ARCHIVE COMPONENT development)
foreach(set norma-targets norma-static-targets)
  install(EXPORT ${set} NAMESPACE norma:: DESTINATION ${norma_package_dir} COMPONENT development)
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/norma-config.cmake.in ${PROJECT_BINARY_DIR}/norma-config.cmake
  INSTALL_DESTINATION ${norma_package_dir})
# Before 1.0 a minor version may change what callers rely on.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/norma-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/norma-config.cmake ${PROJECT_BINARY_DIR}/norma-config-version.cmake
  DESTINATION ${norma_package_dir} COMPONENT development)

# pkg-config finds the prefix from where norma.pc lies.
file(RELATIVE_PATH norma_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" norma_pc_prefix "${norma_pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/norma.pc.in ${PROJECT_BINARY_DIR}/norma.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/norma.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(TARGET norma_cli)
  install(TARGETS norma_cli COMPONENT command)
  # data_directory() looks for share/norma beside the program's folder.
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/norma COMPONENT command)
  install(FILES ${norma_manual_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
  install(FILES ${norma_manual_dir}/norma.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME norma COMPONENT command)
  install(FILES ${norma_manual_dir}/_norma DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT command)
  install(FILES ${norma_manual_dir}/norma.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)
endif()

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/README.zh-CN.md
  ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT command)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT command PATTERN "*.py" EXCLUDE)

if(PROJECT_IS_TOP_LEVEL)
  include(cmake/pack.cmake)
endif()
