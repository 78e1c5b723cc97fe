#include "plan.h"

#include <algorithm>
#include <numeric>

namespace nurt {

Planner::Planner(std::size_t batch, std::size_t time, std::size_t inputs, std::size_t hidden, std::size_t outputs,
                 const std::int64_t* lengths, bool reverse, bool packed, int threads)
    : row_(batch), length_(batch, static_cast<std::int64_t>(time)) {
  std::iota(row_.begin(), row_.end(), 0);
  if (lengths != nullptr) {
    // Stable, so that equal lengths keep the order of the batch.
    std::stable_sort(row_.begin(), row_.end(), [&](std::int64_t a, std::int64_t b) { return lengths[a] > lengths[b]; });
    std::transform(row_.begin(), row_.end(), length_.begin(), [&](std::int64_t row) { return lengths[row]; });
  }
  const auto steps = static_cast<std::size_t>(length_.front());
  first_.assign(steps + 1, 0);
  std::size_t alive = batch;
  for (std::size_t step = 0; step < steps; ++step) {
    while (length_[alive - 1] <= static_cast<std::int64_t>(step)) --alive;
    first_[step + 1] = first_[step] + static_cast<std::int64_t>(alive);
  }
  plan_ = {batch, steps, inputs, hidden, outputs, time, row_.data(), length_.data(), first_.data(), reverse, packed, threads};
}

}  // namespace nurt
