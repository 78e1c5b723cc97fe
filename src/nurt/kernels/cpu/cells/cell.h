// What a cell tells the time loop.
//
// Before its point-wise step the loop has put W_ih x + W_hh h + biases into the cell's row of `row_blocks` blocks of H
// numbers. The step turns them into activated gates, which are all that the backward pass will see. Backward, the
// step turns the total dL/dh_t (and dL/dc_t) into the gradients of those blocks before activation.
//
// A cell that needs more than products and one point-wise step says so among the facts of its layout, and the loop
// does it around the step: a projection of the new hidden state, a second product in the middle of the step,
// normalisation of whole rows.
//
// A cell is registered by the line NURT_CELL(layout, "name") in its header: the build collects these lines from all
// headers of this folder (CMakeLists.txt), so that no list of cells is kept by hand.
#pragma once

#include "../functions.h"
#include "../problem.h"

#define NURT_CELL(Layout, name)

namespace nurt::NURT_ISA {

// One vector's worth of columns of one row; pointers that a cell does not use may be null.
template <class S> struct ForwardSlice {
  S* gates;  // block b of this column is at gates + b * H
  const S *previous_hidden, *previous_cell;
  S *hidden, *cell;
  const S* peepholes;  // w_ci of this column; w_cf and w_co at + H and + 2 * H
  const double* constants;
};
template <class S> struct BackwardSlice {
  const S* gates;
  const S *previous_hidden, *previous_cell, *cell;
  S* grad_hidden;  // in: total dL/dh_t; out, with direct_path: the part of dL/dh_{t-1} that bypasses W_hh
  S* grad_cell;    // in: dL/dc_t from step t+1; out: dL/dc_{t-1}
  S* grad_gates;
  S* total_grad_cell;  // optional: total dL/dc_t
  const S* peepholes;
  const double* constants;
};

// Places among a cell's learned tensors of those that the loop itself works with.
constexpr std::size_t kProjection = 0, kPeepholes = 0;
constexpr std::size_t kNormIh = 0, kNormHh = 1, kNormCell = 2, kNormCellBias = 3;

// Defaults; a cell overrides what differs.
template <std::size_t RowBlocks, std::size_t Gates> struct CellLayout {
  static constexpr std::size_t row_blocks = RowBlocks;  // blocks of H in a row
  static constexpr Names kept{};                        // of these blocks; empty where the row is the output
  static constexpr LearnedTensors learned{};
  static constexpr std::size_t constants = 0;
  static constexpr std::size_t gates = Gates;           // blocks of H in W_ih and W_hh
  static constexpr std::size_t recurrent_first = 0;     // W_hh h goes to blocks recurrent_first ..; W_ih x to 0 ..
  static constexpr std::size_t recurrent_blocks = Gates;  // blocks of W_hh that h_{t-1} meets; the rest: second_product
  static constexpr std::size_t input_block(std::size_t block) { return block; }  // block of the row -> block of W_ih
  static constexpr bool has_cell_state = false;
  static constexpr bool direct_path = false;      // dL/dh_{t-1} has a part that bypasses W_hh
  static constexpr bool gates_are_output = false;  // the row is the output row
  static constexpr bool peepholes = false;
  // h_t = W_hr m_t, where m_t is what the step makes.
  static constexpr bool projected = false;
  // The last block of W_hh meets q = reset(h_{t-1}), known in the middle of the step; its block is the last of the row.
  static constexpr bool second_product = false;
  // Sums are normalised before they meet in the row, and so is c_t before it becomes h_t.
  static constexpr bool normalised = false;
};

}  // namespace nurt::NURT_ISA
