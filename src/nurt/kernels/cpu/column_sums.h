// Gradients of learned vectors: sums over all (step, row) pairs of a gradient, or of its product with something.
//
// Each element is one sum in rising order of the pairs; threads share the elements.
#pragma once

#include "pairs.h"

namespace nurt::NURT_ISA {

// to[j] = sum over pairs of grad[pair][j] * other[pair][j]; without `other`, of grad alone.
template <class S> struct ColumnSum {
  S* to;  // optional
  const S* grad;
  std::size_t stride;       // between the rows of grad
  const S* const* other;    // optional: one row per pair
  std::size_t other_first;  // column of `other` that meets the first of grad
  std::size_t columns;
};

template <class S> void sum_part(const ColumnSum<S>& sum, std::size_t pairs, std::size_t begin, std::size_t count) {
  alignas(64) S totals[64] = {};
  for (std::size_t p = 0; p < pairs; ++p) {
    const S* grad = sum.grad + p * sum.stride + begin;
    const S* other = sum.other == nullptr ? nullptr : sum.other[p] + sum.other_first + begin;
    for_columns<S>(count, [&](auto io, std::size_t j) {
      const auto term = other == nullptr ? io.read(grad + j) : io.read(grad + j) * io.read(other + j);
      io.write(totals + j, io.read(totals + j) + term);
    });
  }
  copy(sum.to + begin, totals, count);
}

template <class S> void sum_columns(const ColumnSum<S>* sums, std::size_t count, std::size_t pairs, int threads) {
  constexpr std::size_t share = 64;
  std::size_t tasks = 0;
  for (std::size_t i = 0; i < count; ++i) tasks += (sums[i].columns + share - 1) / share;
  parallel_for(tasks, threads, [&](std::size_t task) {
    const ColumnSum<S>* sum = sums;
    for (; task >= (sum->columns + share - 1) / share; ++sum) task -= (sum->columns + share - 1) / share;
    if (sum->to == nullptr) return;
    sum_part(*sum, pairs, task * share, smaller(share, sum->columns - task * share));
  });
}

// The vectors that a cell learns, biases outside a norm included.
template <class Cell, class S> void sum_columns([[maybe_unused]] const Plan& plan, [[maybe_unused]] const Backward& call,
                 const Pairs<Cell, S>& pairs) {
  [[maybe_unused]] const std::size_t H = plan.hidden, columns = Cell::gates * H, row = Cell::row_blocks * H;
  [[maybe_unused]] const S* da = pairs.grad_gates;
  [[maybe_unused]] const auto learned = [](void* to, std::size_t first) { return offset(static_cast<S*>(to), first); };
  if constexpr (Cell::peepholes) {
    void* to = call.grad_learned.of[kPeepholes];
    const ColumnSum<S> sums[] = {{learned(to, 0), da, row, pairs.old_cells, 0, H},
                                 {learned(to, H), da + H, row, pairs.old_cells, 0, H},
                                 {learned(to, 2 * H), da + 3 * H, row, pairs.cells, 0, H}};
    sum_columns(sums, 3, pairs.count, plan.threads);
  }
}

}  // namespace nurt::NURT_ISA
