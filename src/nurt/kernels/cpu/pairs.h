// What the backward walk leaves for every (step, row) pair; the gradients of the weights are sums over all of them.
//
// Pairs are counted with the step as the slow index. What a cell or call does not need takes no memory.
#pragma once

#include "time_loop.h"

namespace nurt::NURT_ISA {

template <class Cell, class S> struct Pairs {
  std::size_t count;
  S* grad_gates;      // (pairs, row_blocks * H): da, where W_ih x and W_hh h are not normalised
  S* grad_products;   // (pairs, 2 * gates * H): gradients of W_ih x and W_hh h, where they are
  S* grad_outputs;    // (pairs, P): dh_t as the step made it, where it is projected
  S* seen_memory;     // (pairs, P): m h_{t-1}, under a mask
  S* reset_memory;    // (pairs, H): what the second product met
  const S** inputs;   // x_t
  const S** seen;     // what W_hh met
  const S** further;  // what the second product or W_hr met
  const S **old_cells, **cells;  // c_{t-1} and c_t as the gates saw them, for peepholes

  static std::size_t scratch_size(const Plan& plan, const Backward& call) {
    const auto count = static_cast<std::size_t>(plan.first[plan.steps]);
    std::size_t size = 0;
    for (const bool needed : kRowsNeeded) size += room<const S*>(needed ? count : 0);
    for (const std::size_t width : widths(plan, call).of) size += room<S>(count * width);
    return size;
  }

  Pairs(Scratch& scratch, const Plan& plan, const Backward& call)
      : count(static_cast<std::size_t>(plan.first[plan.steps])) {
    S** memory[] = {&grad_gates, &grad_products, &grad_outputs, &seen_memory, &reset_memory};
    const Widths width = widths(plan, call);
    for (std::size_t i = 0; i < 5; ++i) *memory[i] = take<S>(scratch, count * width.of[i]);
    const S*** rows[] = {&inputs, &seen, &further, &old_cells, &cells};
    for (std::size_t i = 0; i < 5; ++i) *rows[i] = take<const S*>(scratch, kRowsNeeded[i] ? count : 0);
  }

 private:
  static constexpr bool kRowsNeeded[5] = {
      true, true, Cell::projected || Cell::second_product, Cell::peepholes, Cell::peepholes};

  struct Widths {
    std::size_t of[5];
  };
  static Widths widths(const Plan& plan, const Backward& call) {
    const std::size_t H = plan.hidden, P = plan.outputs;
    return {{Cell::normalised ? 0 : Cell::row_blocks * H, Cell::normalised ? 2 * Cell::gates * H : 0, Cell::projected ? P : 0,
             call.carry.hidden_mask != nullptr ? P : 0, Cell::second_product ? H : 0}};
  }
};

}  // namespace nurt::NURT_ISA
