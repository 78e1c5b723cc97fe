// Signals of Python while native code computes: Ctrl-C ends a long call.
#pragma once

#include <nanobind/nanobind.h>

#include "runtime.h"

namespace nurt {

// Python runs the handlers of signals in its main thread alone.
inline unsigned long main_thread() {
  static const unsigned long main = nanobind::cast<unsigned long>(
      nanobind::module_::import_("threading").attr("main_thread")().attr("ident"));
  return main;
}

// Runs the handlers of signals that have come; whether one of them raised.
inline bool signal_raised() {
  const nanobind::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

// Runs `work` without the lock of the interpreter. A handler of a signal runs on the way; where it raises, `work` is
// given up and its error is raised here.
template <class Work> void without_gil(const Work& work) {
  const bool in_main_thread = PyThread_get_thread_ident() == main_thread();
  bool stopped = false;
  {
    const nanobind::gil_scoped_release release;
    const Interruptible interruptible(in_main_thread ? &signal_raised : nullptr);
    work();
    stopped = interruptible.stopped();
  }
  if (stopped) throw nanobind::python_error();
}

}  // namespace nurt
