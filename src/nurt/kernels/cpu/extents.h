// The memory that a caller hands over, and whether what a call reads and writes lies within it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "problem.h"

namespace nurt {

class Extents {
 public:
  // Addresses and sizes in bytes, one after the other.
  explicit Extents(std::vector<std::uintptr_t> flat = {}) : flat_(std::move(flat)) {
    if (flat_.size() % 2 != 0) throw std::invalid_argument("nurt.kernels._cpu: every address needs its size in bytes");
  }
  const std::vector<std::uintptr_t>& flat() const { return flat_; }

  // Absent memory is within any.
  void require(const void* data, std::size_t bytes, const char* what) const {
    if (data == nullptr || bytes == 0) return;
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    for (std::size_t i = 0; i < flat_.size(); i += 2) {
      if (begin >= flat_[i] && begin - flat_[i] <= flat_[i + 1] && bytes <= flat_[i + 1] - (begin - flat_[i])) return;
    }
    throw std::invalid_argument(std::string("nurt.kernels._cpu: ") + what + " does not lie within the memory that was given");
  }
  // `columns` numbers of `size` bytes in each of `batch` rows and `time` steps.
  void require(const Rows& rows, std::size_t batch, std::size_t time, std::size_t columns, std::size_t size,
               const char* what) const {
    if (rows.batch < 0 || rows.time < 0) throw std::invalid_argument("nurt.kernels._cpu: a stride is below zero");
    const std::size_t last = (batch - 1) * static_cast<std::size_t>(rows.batch) + (time - 1) * static_cast<std::size_t>(rows.time);
    require(rows.data, (last + columns) * size, what);
  }

 private:
  std::vector<std::uintptr_t> flat_;
};

}  // namespace nurt
