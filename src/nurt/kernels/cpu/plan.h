// Turns the lengths of a batch into a Plan: who is alive when. Compiled once, without special instructions.
#pragma once

#include <cstdint>
#include <vector>

#include "problem.h"

namespace nurt {

class Planner {
 public:
  // lengths: B numbers between 0 and time, or null when every row has `time` steps.
  Planner(std::size_t batch, std::size_t time, std::size_t inputs, std::size_t hidden, std::size_t outputs,
          const std::int64_t* lengths, bool reverse, bool packed, int threads);

  const Plan& plan() const { return plan_; }

 private:
  std::vector<std::int64_t> row_, length_, first_;
  Plan plan_;
};

}  // namespace nurt
