// One layer of a stream: weights packed once, then one step per call, with nothing allocated on the way.
#pragma once

#include "forward.h"

namespace nurt::NURT_ISA {

// A step is the forward walk over T = 1, so its numbers are those of a whole sequence, bit for bit.
template <class Cell, class S> class StreamLayer {
 public:
  StreamLayer(Plan plan, const Forward& call)
      : plan_(shared_by_useful_threads(plan)),
        scratch_(Prepared<Cell, S>::scratch_size(plan_) + ForwardPass<Cell, S>::memory_size(plan_, call)),
        prepared_(scratch_, plan_, call),
        memory_(ForwardPass<Cell, S>::take_memory(scratch_, plan_, call)) {}

  void step(const Forward& call) const {
    const Team team(plan_.threads);
    ForwardPass<Cell, S>::walk_tiles(plan_, call, prepared_, memory_);
  }

 private:
  static Plan shared_by_useful_threads(Plan plan) {
    plan.threads = useful_threads<Cell>(plan);
    return plan;
  }

  Plan plan_;
  Scratch scratch_;
  Prepared<Cell, S> prepared_;
  S* memory_;
};

}  // namespace nurt::NURT_ISA
