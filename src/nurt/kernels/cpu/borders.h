// The borders between steps, where a long call may be given up.
#pragma once

#include "runtime.h"

namespace nurt::NURT_ISA {

// One for each walk. A look costs tens of nanoseconds, so small steps share one.
class Borders {
 public:
  // `work` in floating-point operations or bytes, about.
  explicit Borders(double work_of_a_step) : of_a_step_(work_of_a_step) {}

  // To be called before each step: whether to leave.
  bool leave() {
    work_ += of_a_step_;
    if (work_ < kWorkBetweenLooks) return false;
    work_ = 0;
    return look_up();
  }

 private:
  // Some tens of microseconds.
  static constexpr double kWorkBetweenLooks = 1e6;

  double of_a_step_, work_ = 0;
};

}  // namespace nurt::NURT_ISA
