// One layer of a stream: weights packed once, then one step per call, with nothing allocated on the way.
#pragma once

#include "forward.h"

namespace nurt::NURT_ISA {

// A step is the forward walk over T = 1, so its numbers are those of a whole sequence, bit for bit.
template <class Cell, class S> class StreamLayer {
 public:
  StreamLayer(const Plan& plan, const Forward& call)
      : scratch_(Prepared<Cell, S>::scratch_size(plan) + ForwardPass<Cell, S>::ring_size(plan, call)),
        prepared_(scratch_, plan, call),
        ring_(ForwardPass<Cell, S>::take_ring(scratch_, plan, call)) {}

  void step(const Plan& plan, const Forward& call) const {
    ForwardPass<Cell, S>::walk_tiles(plan, call, prepared_, ring_);
  }

 private:
  Scratch scratch_;
  Prepared<Cell, S> prepared_;
  S* ring_;
};

}  // namespace nurt::NURT_ISA
