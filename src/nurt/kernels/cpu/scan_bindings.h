// The diagonal scan's part of the Python module.
#pragma once

#include <nanobind/nanobind.h>

namespace nurt {

void bind_scan(nanobind::module_& module);

}  // namespace nurt
