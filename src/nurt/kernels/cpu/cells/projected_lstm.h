// The LSTM, whose h' is called m here, and      h' = W_hr m
#pragma once

#include "lstm.h"

namespace nurt::NURT_ISA {

struct ProjectedLstm : Lstm {
  static constexpr LearnedTensors learned{1, {{"weight_hr", 0, false}}};
  static constexpr bool projected = true;
};

NURT_CELL(ProjectedLstm, "projected_lstm")

}  // namespace nurt::NURT_ISA
