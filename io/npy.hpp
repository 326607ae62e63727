// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/element.hpp"

namespace norma::io {

/// Reads a .npy file, versions 1 to 3 ("-" is standard input).
///
/// Elements: f2, f4, f8, booleans, integers of 8 to 64 bits (see dtype_for), of either byte order; and bfloat16, which
/// ml_dtypes saves under the descr '<V2': exactly that is read as bf16, no other V. Fortran order becomes strides.
/// Refused, with Error: pickled objects, structures, strings, complex numbers, long doubles; more than 8 axes; a file
/// whose size is not the one that its header says; a 64 bit integer beyond 2^53.
Array read_npy(const std::string& path, const ReadOptions& options = {});

/// As above, from bytes that are already open; takes all of them.
Array read_npy(Source& source, const ReadOptions& options = {}, std::string name = {});

/// Writes a .npy file, version 1, byte for byte as numpy.save would. Strides are kept where they are Fortran's; all
/// others are written in C order. bf16 is written as '<V2', u8 as '|u1', i8 as '|i1'.
void write_npy(const std::string& path, const ConstView& x);

/// What stands before the data of a .npy file; its length is a multiple of 64.
std::string npy_header(DType dtype, const Dims& shape, bool fortran_order);

}  // namespace norma::io
