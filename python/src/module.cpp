// SPDX-License-Identifier: Apache-2.0
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "functions.hpp"
#include "moments.hpp"
#include "norma/parallel.hpp"
#include "norma/version.hpp"
#include "work.hpp"

NB_MODULE(_norma, m) {
  namespace nb = nanobind;
  using namespace nb::literals;
  using namespace norma::python;

  nb::set_leak_warnings(false);  // norma.torch keeps groupings until the process ends
  m.attr("__version__") = NORMA_VERSION;
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const norma::Error& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });
  bind_grouping(m);
  bind_moments(m);
  bind_functions(m);
  bind_comparability(m);
  m.def("num_threads", &norma::num_threads, "Threads of Norma's own pool, the calling one included.");
  m.def("set_num_threads", &norma::set_num_threads, "threads"_a, nb::call_guard<nb::gil_scoped_release>(),
        "1 to 1024; waits until the pool is idle.");
  m.def("target", &norma::target, "The instruction set that runs; NORMA_TARGET chooses another.");
  m.def("targets", &norma::targets, "Those that this machine can run.");
  m.def("_borrow_openmp", &borrow_openmp, "library"_a,
        "Runs Norma's work on the threads of the OpenMP runtime that a loaded library uses.");
}
