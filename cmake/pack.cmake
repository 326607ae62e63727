# SPDX-License-Identifier: Apache-2.0
# Three Debian packages, made by cpack in the build folder: libnorma1, the shared library; libnorma-dev, to build against it;
# norma, the command. `./run package` makes them and installs them in a clean system.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME norma)
set(CPACK_PACKAGE_VENDOR Norma)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_CONTACT "Norma maintainers <maintainers@norma.invalid>")  # reserved: mail goes nowhere
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENTS_ALL library development command)

set(norma_library_package libnorma${norma_abi})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${norma_library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "Normalization layers, built on one idea: the shared library
 BatchNorm, LayerNorm, GroupNorm, InstanceNorm, RMSNorm and any other grouping.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS ON)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libnorma-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Normalization layers, built on one idea: headers and the static library
 For C++20 and C, with a CMake package and a pkg-config file.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${norma_library_package} (= ${PROJECT_VERSION}), libhwy-dev")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME norma)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "Normalization layers, built on one idea: the command
 Normalizes tensors and tables, and explains what that did to them.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_SUGGESTS librsvg2-bin)

include(CPack)
