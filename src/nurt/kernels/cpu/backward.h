// The backward walk through time, then the gradients of the weights.
#pragma once

#include "time_loop.h"
#include "weight_gradients.h"

namespace nurt::NURT_ISA {

// Everything a tile needs; pointers shared by all tiles refer to disjoint rows.
template <class Cell, class S> struct BackwardPass {
  const Plan& plan;
  const Backward& call;
  Walk<S> walk_;
  Tile tile;
  std::size_t chunk_steps;
  const Packed<S>&input_weights, &hidden_weights;  // W_ih and W_hh as they stand: sums run over the gates
  const S* zeros;
  S* grad_gates;               // (pairs, row_blocks * H), pairs of (step, rank) with step as the slow index
  S *grad_hidden, *grad_cell;  // (B, H) by rank: what flows from step t+1 to step t
  const S **input_rows, **previous_rows;  // (pairs): x_t and h_{t-1}, for the weight gradients
  int threads;

  static constexpr std::size_t blocks = Cell::row_blocks;

  void walk() {
    const std::size_t H = plan.hidden, steps = tile.steps(plan);
    for (std::size_t rank = tile.begin; rank < tile.end; ++rank) {
      copy(grad_hidden + rank * H, state_row<S>(call.grad_final_hidden, plan, rank, zeros), H);
      if (Cell::has_cell_state) {
        copy(grad_cell + rank * H, state_row<S>(call.grad_final_cell, plan, rank, zeros), H);
      }
    }
    for (std::size_t end = steps; end > 0;) {
      const std::size_t begin = end > chunk_steps ? end - chunk_steps : 0;
      for (std::size_t step = end; step-- > begin;) retreat(step);
      if (call.grad_inputs.data != nullptr) to_inputs(begin, end);
      end = begin;
    }
    finish();
  }

 private:
  S* gates_row(std::size_t rank, std::size_t step) const {
    return grad_gates + (static_cast<std::size_t>(plan.first[step]) + rank) * blocks * plan.hidden;
  }

  void retreat(std::size_t step) {
    const S* recurrent[kTileRows];
    S* hidden[kTileRows];
    const std::size_t H = plan.hidden, alive = tile.alive(plan, step);
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i;
      hidden[i] = grad_hidden + rank * H;
      recurrent[i] = gates_row(rank, step) + Cell::recurrent_first * H;
      point_wise(rank, step, hidden[i]);
    }
    multiply_together<S, Cell::direct_path ? Start::present : Start::zero>(recurrent, hidden, alive, hidden_weights,
                                                                           nullptr, threads);
  }

  void point_wise(std::size_t rank, std::size_t step, S* dh) {
    const std::size_t H = plan.hidden;
    const S* previous = step == 0 ? state_row<S>(call.initial_hidden, plan, rank, zeros)
                                  : walk_.at(call.outputs, rank, step - 1);
    const auto pair = static_cast<std::size_t>(plan.first[step]) + rank;
    input_rows[pair] = walk_.at(call.inputs, rank, step);
    previous_rows[pair] = previous;
    BackwardSlice<S> row{};
    row.gates = walk_.at(Cell::gates_are_output ? call.outputs : call.gates, rank, step);
    row.previous_hidden = previous;
    row.grad_hidden = dh;
    row.grad_gates = gates_row(rank, step);
    if constexpr (Cell::has_cell_state) {
      row.cell = walk_.at(call.cells, rank, step);
      row.previous_cell = step == 0 ? state_row<S>(call.initial_cell, plan, rank, zeros)
                                    : walk_.at(call.cells, rank, step - 1);
      row.grad_cell = grad_cell + rank * H;
    }
    const S* dy = call.grad_outputs.data == nullptr ? zeros : walk_.at(call.grad_outputs, rank, step);
    S* total = call.total_grad_hidden.data == nullptr ? nullptr : walk_.at(call.total_grad_hidden, rank, step);
    S* total_cell = call.total_grad_cell.data == nullptr ? nullptr : walk_.at(call.total_grad_cell, rank, step);
    // What the next call for this row will touch: one step back in the tensors, an earlier pair in the scratch.
    const S* next_gates = row.gates;
    S* next_grad_gates = row.grad_gates;
    if (step > 0) {
      next_gates = walk_.at(Cell::gates_are_output ? call.outputs : call.gates, rank, step - 1);
      next_grad_gates = gates_row(rank, step - 1);
    }
    for_columns<S>(H, [&](auto io, std::size_t j) {
      for (std::size_t b = 0; b < blocks; ++b) {
        fetch_later(next_gates + b * H + j);
        write_later(next_grad_gates + b * H + j);
      }
      const auto sum = io.read(dh + j) + io.read(dy + j);
      io.write(dh + j, sum);
      if (total != nullptr) io.write(total + j, sum);
      Cell::template backward<S>(io,
                                 {row.gates + j, row.previous_hidden + j, offset(row.previous_cell, j),
                                  offset(row.cell, j), row.grad_hidden + j, offset(row.grad_cell, j),
                                  row.grad_gates + j, offset(total_cell, j)},
                                 H);
    });
  }

  void to_inputs(std::size_t begin, std::size_t end) {
    const S* from[kMostChunkRows];
    S* to[kMostChunkRows];
    std::size_t rows = 0;
    for (std::size_t step = begin; step < end; ++step) {
      const std::size_t alive = tile.alive(plan, step);
      for (std::size_t r = tile.begin; r < tile.begin + alive; ++r, ++rows) {
        from[rows] = gates_row(r, step);
        to[rows] = walk_.at(call.grad_inputs, r, step);
      }
    }
    if (call.add_to_inputs) return multiply_together<S, Start::present>(from, to, rows, input_weights, nullptr, threads);
    multiply_together<S, Start::zero>(from, to, rows, input_weights, nullptr, threads);
  }

  void finish() {
    const std::size_t H = plan.hidden;
    for (std::size_t rank = tile.begin; rank < tile.end; ++rank) {
      if (call.grad_initial_hidden != nullptr) {
        copy(state_row<S>(call.grad_initial_hidden, plan, rank), grad_hidden + rank * H, H);
      }
      if (Cell::has_cell_state && call.grad_initial_cell != nullptr) {
        copy(state_row<S>(call.grad_initial_cell, plan, rank), grad_cell + rank * H, H);
      }
      if (call.grad_inputs.data != nullptr) walk_.clear_past_end(call.grad_inputs, rank, plan.inputs);
      if (call.total_grad_hidden.data != nullptr) walk_.clear_past_end(call.total_grad_hidden, rank, H);
      if (call.total_grad_cell.data != nullptr) walk_.clear_past_end(call.total_grad_cell, rank, H);
    }
  }
};

template <class Cell, class S> void run_backward(Plan plan, const Backward& call) {
  plan.threads = useful_threads<Cell>(plan);
  const Team team(plan.threads);
  const Tiles tiles(plan);
  const std::size_t H = plan.hidden, I = plan.inputs, width = Cell::row_blocks * H, depth = Cell::gates * H;
  const auto pairs = static_cast<std::size_t>(plan.first[plan.steps]);
  const bool to_inputs = call.grad_inputs.data != nullptr;
  const std::size_t input_size = to_inputs ? Packed<S>::size(depth, I) : 0;
  WeightGradients<Cell, S> weights(plan, call);
  Scratch scratch(room<S>(input_size) + room<S>(Packed<S>::size(depth, H)) + room<S>(H) + room<S>(pairs * width) +
                  2 * room<S>(plan.batch * H) + 2 * room<const S*>(pairs) + weights.scratch_size());
  const Packed<S> input_weights(take<S>(scratch, input_size), depth, I);
  const Packed<S> hidden_weights(take<S>(scratch, Packed<S>::size(depth, H)), depth, H);
  S* zeros = take<S>(scratch, H);
  clear(zeros, H);
  S* grad_gates = take<S>(scratch, pairs * width);
  S* grad_hidden = take<S>(scratch, plan.batch * H);
  S* grad_cell = take<S>(scratch, plan.batch * H);
  auto** input_rows = take<const S*>(scratch, pairs);
  auto** previous_rows = take<const S*>(scratch, pairs);

  const std::size_t hidden_pieces = hidden_weights.pieces();
  const std::size_t input_pieces = to_inputs ? input_weights.pieces() : 0;
  parallel_for(hidden_pieces + input_pieces, plan.threads, [&](std::size_t task) {
    if (task < hidden_pieces) {
      const S* w = static_cast<const S*>(call.weight_hh);
      hidden_weights.pack_rows(task, [&](std::size_t k) { return w + k * H; });
    } else {
      const S* w = static_cast<const S*>(call.weight_ih);
      input_weights.pack_rows(task - hidden_pieces, [&](std::size_t k) {
        return w + (Cell::input_block(k / H) * H + k % H) * I;
      });
    }
  });
  parallel_for(tiles.count, plan.threads, [&](std::size_t task) {
    BackwardPass<Cell, S>{plan,      call,      {plan},     tiles[task],   tiles.chunk_steps(),       input_weights, hidden_weights, zeros,
                          grad_gates, grad_hidden, grad_cell, input_rows, previous_rows, tiles.threads_within(plan)}
        .walk();
  });
  weights.run(scratch, grad_gates, input_rows, previous_rows);
}

}  // namespace nurt::NURT_ISA
