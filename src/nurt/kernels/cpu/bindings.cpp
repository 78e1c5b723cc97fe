// Python face of the native CPU code: nurt.kernels._cpu.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "instruction_set.h"

namespace nb = nanobind;

NB_MODULE(_cpu, module) {
  module.doc() = "Native CPU code of nurt.";
  module.def("instruction_sets", &nurt::supported_instruction_sets,
             "Vector instruction sets that this processor and its operating system can run, "
             "narrowest first; the first one, 'baseline', is always there.");
  module.def("compiler", &nurt::compiler, "Compiler that built this module.");
}
