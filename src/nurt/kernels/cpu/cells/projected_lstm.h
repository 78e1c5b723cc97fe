// The LSTM, whose h' is called m here, and      h' = W_hr m
#pragma once

#include "lstm.h"

namespace nurt::NURT_ISA {

struct ProjectedLstm : Lstm {
  static constexpr bool projected = true;
};

}  // namespace nurt::NURT_ISA
