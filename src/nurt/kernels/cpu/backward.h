// The backward walk through time, then the gradients of the weights.
#pragma once

#include "carry.h"
#include "column_sums.h"
#include "normalised_backward.h"
#include "pairs.h"
#include "time_loop.h"
#include "weight_gradients.h"

namespace nurt::NURT_ISA {

// Memory of one tile's walk, a row of it for each row of the batch.
template <class Cell, class S> struct BackwardMemory {
  S *kept_hidden, *kept_cell;  // what zoneout passes around the step
  S* through;                  // what comes down through W_hh, where something happens to it on the way
  S* between;                  // gradient of what is projected, or of what the second product met
  S* normalised;               // of a block of rows alone: da and dn of a normalised cell

  static std::size_t count(const Plan& plan, const Backward& call) {
    const std::size_t P = plan.outputs, H = plan.hidden;
    return Tiles(plan).rows * (kept_columns(call.carry.keep_hidden, P) + kept_columns(call.carry.keep_cell, H) +
                               (call.carry.any() ? P : 0) + between_columns(H)) +
           (Cell::normalised ? kRowBlock * (Cell::gates + 1) * H : 0);
  }
  BackwardMemory(S* memory, const Plan& plan, const Backward& call)
      : kept_hidden(memory),
        kept_cell(kept_hidden + Tiles(plan).rows * kept_columns(call.carry.keep_hidden, plan.outputs)),
        through(kept_cell + Tiles(plan).rows * kept_columns(call.carry.keep_cell, plan.hidden)),
        between(through + Tiles(plan).rows * (call.carry.any() ? plan.outputs : 0)),
        normalised(between + Tiles(plan).rows * between_columns(plan.hidden)) {}

 private:
  static std::size_t between_columns(std::size_t H) { return Cell::projected || Cell::second_product ? H : 0; }
  static std::size_t kept_columns(const Rows& keep, std::size_t columns) { return keep.data == nullptr ? 0 : columns; }
};

// The weights as they stand, packed: sums run over the gates.
template <class Cell, class S> struct BackwardWeights {
  Packed<S> input, hidden, further;  // further: of the second product, or W_hr

  static std::size_t scratch_size(const Plan& plan, const Backward& call) {
    const std::size_t H = plan.hidden;
    return room<S>(Packed<S>::size(input_depth(plan, call), plan.inputs)) +
           room<S>(Packed<S>::size(Cell::recurrent_blocks * H, plan.outputs)) +
           room<S>(Packed<S>::size(further_depth(plan), H));
  }

  BackwardWeights(Scratch& scratch, const Plan& plan, const Backward& call)
      : input(take<S>(scratch, Packed<S>::size(input_depth(plan, call), plan.inputs)), input_depth(plan, call),
              plan.inputs),
        hidden(take<S>(scratch, Packed<S>::size(Cell::recurrent_blocks * plan.hidden, plan.outputs)),
               Cell::recurrent_blocks * plan.hidden, plan.outputs),
        further(take<S>(scratch, Packed<S>::size(further_depth(plan), plan.hidden)), further_depth(plan), plan.hidden) {
    const std::size_t H = plan.hidden, I = plan.inputs, P = plan.outputs;
    const std::size_t hidden_pieces = hidden.pieces();
    const std::size_t input_pieces = input.depth == 0 ? 0 : input.pieces();
    const std::size_t further_pieces = further.depth == 0 ? 0 : further.pieces();
    parallel_for(hidden_pieces + input_pieces + further_pieces, plan.threads, [&](std::size_t task) {
      const S* hh = static_cast<const S*>(call.weight_hh);
      if (task < hidden_pieces) {
        hidden.pack_rows(task, [&](std::size_t k) { return hh + k * P; });
      } else if (task < hidden_pieces + input_pieces) {
        const S* w = static_cast<const S*>(call.weight_ih);
        input.pack_rows(task - hidden_pieces, [&](std::size_t k) {
          return w + (Cell::input_block(k / H) * H + k % H) * I;
        });
      } else {
        const S* w = Cell::projected ? static_cast<const S*>(call.learned.of[kProjection]) : hh + Cell::recurrent_blocks * H * H;
        further.pack_rows(task - hidden_pieces - input_pieces, [&](std::size_t k) { return w + k * H; });
      }
    });
  }

 private:
  static std::size_t input_depth(const Plan& plan, const Backward& call) {
    return call.grad_inputs.data == nullptr ? 0 : Cell::gates * plan.hidden;
  }
  static std::size_t further_depth(const Plan& plan) {
    return Cell::projected ? plan.outputs : Cell::second_product ? plan.hidden : 0;
  }
};

// Everything a tile needs; pointers shared by all tiles refer to disjoint rows.
template <class Cell, class S> struct BackwardPass {
  const Plan& plan;
  const Backward& call;
  Walk<S> walk_;
  Tile tile;
  std::size_t chunk_steps;
  const BackwardWeights<Cell, S>& weights;
  const S* zeros;
  const Pairs<Cell, S>& pairs;
  const NormSums<Cell, S>& norm_sums;
  S *grad_hidden, *grad_cell;  // (B, P) and (B, H) by rank: what flows from step t+1 to step t
  BackwardMemory<Cell, S> memory;
  int threads;

  static constexpr std::size_t blocks = Cell::row_blocks;

  void walk() {
    const std::size_t H = plan.hidden, P = plan.outputs, steps = tile.steps(plan);
    for (std::size_t rank = tile.begin; rank < tile.end; ++rank) {
      copy(grad_hidden + rank * P, hidden_row<S>(call.grad_final_hidden, plan, rank, zeros), P);
      if (Cell::has_cell_state) {
        copy(grad_cell + rank * H, cell_row<S>(call.grad_final_cell, plan, rank, zeros), H);
      }
    }
    Borders borders(flops_of_a_step<Cell>(plan, tile.end - tile.begin));
    for (std::size_t end = steps; end > 0;) {
      const std::size_t begin = end > chunk_steps ? end - chunk_steps : 0;
      for (std::size_t step = end; step-- > begin;) {
        if (borders.leave()) return;
        retreat(step);
      }
      if (call.grad_inputs.data != nullptr) to_inputs(begin, end);
      end = begin;
    }
    finish();
  }

 private:
  std::size_t pair(std::size_t rank, std::size_t step) const {
    return static_cast<std::size_t>(plan.first[step]) + rank;
  }
  S* gates_row(std::size_t rank, std::size_t step) const {
    return pairs.grad_gates + pair(rank, step) * blocks * plan.hidden;
  }
  // The gradient of W_ih x (which = 0) or W_hh h (1), where it is not da itself.
  S* product_row(std::size_t rank, std::size_t step, std::size_t which) const {
    return pairs.grad_products + (2 * pair(rank, step) + which) * Cell::gates * plan.hidden;
  }

  void retreat(std::size_t step) {
    const S* recurrent[kTileRows];
    S* down[kTileRows];
    const std::size_t H = plan.hidden, P = plan.outputs, alive = tile.alive(plan, step);
    const bool carried = call.carry.any(), apart = carried || Cell::projected;
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i;
      down[i] = carried ? memory.through + i * P : grad_hidden + rank * P;
      recurrent[i] = Cell::normalised ? product_row(rank, step, 1) : gates_row(rank, step) + Cell::recurrent_first * H;
      if (apart) receive(rank, step, i);
    }
    if constexpr (Cell::projected) before_projection(step, alive);
    if constexpr (Cell::normalised) {
      for (std::size_t i = 0; i < alive; i += kRowBlock) normalised_step(step, i, smaller(i + kRowBlock, alive), apart);
    } else {
      // Rows and columns fall as the steps do: processors guess where such a walk through memory goes on.
      for (std::size_t i = alive; i-- > 0;) {
        const std::size_t rank = tile.begin + i;
        point_wise(rank, step, row_at(rank, step, Cell::projected ? memory.between + i * H : grad_hidden + rank * P, apart));
      }
    }
    if constexpr (Cell::second_product) {
      before_second_product(step, alive, down, carried);
      multiply_together<S, Start::present>(recurrent, down, alive, weights.hidden, nullptr, threads);
    } else if (Cell::direct_path && !carried) {
      multiply_together<S, Start::present>(recurrent, down, alive, weights.hidden, nullptr, threads);
    } else {
      multiply_together<S, Start::zero>(recurrent, down, alive, weights.hidden, nullptr, threads);
    }
    if (!carried) return;
    for (std::size_t i = 0; i < alive; ++i) hand_down(tile.begin + i, i);
  }

  // The total gradient of the state after the step, and what of it zoneout leaves to the step.
  void receive(std::size_t rank, std::size_t step, std::size_t i) const {
    const std::size_t H = plan.hidden, P = plan.outputs;
    S* dh = grad_hidden + rank * P;
    if (call.grad_outputs.data != nullptr) add_to<S>(dh, walk_.at(call.grad_outputs, rank, step), P);
    if (call.total_grad_hidden.data != nullptr) copy(walk_.at(call.total_grad_hidden, rank, step), dh, P);
    if (call.carry.keep_hidden.data != nullptr) {
      divide<S>(walk_.at(call.carry.keep_hidden, rank, step), dh, memory.kept_hidden + i * P, P);
    }
    if constexpr (Cell::projected) copy(pairs.grad_outputs + pair(rank, step) * P, dh, P);
    if (!Cell::has_cell_state || call.carry.keep_cell.data == nullptr) return;
    S* dc = grad_cell + rank * H;
    if (call.total_grad_cell.data != nullptr) copy(walk_.at(call.total_grad_cell, rank, step), dc, H);
    divide<S>(walk_.at(call.carry.keep_cell, rank, step), dc, memory.kept_cell + i * H, H);
  }

  // What the step passes down to the state before it, over all its paths.
  void hand_down(std::size_t rank, std::size_t i) const {
    const std::size_t H = plan.hidden, P = plan.outputs;
    const Carry& carry = call.carry;
    S *dh = grad_hidden + rank * P, *down = memory.through + i * P;
    if (carry.hidden_mask != nullptr) masked<S>(row_of<S>(carry.hidden_mask, P, plan, rank), down, down, P);
    if (Cell::direct_path) {
      add_to<S>(dh, down, P);
    } else {
      copy(dh, down, P);
    }
    if (carry.keep_hidden.data != nullptr) add_to<S>(dh, memory.kept_hidden + i * P, P);
    if (Cell::has_cell_state && carry.keep_cell.data != nullptr) {
      add_to<S>(grad_cell + rank * H, memory.kept_cell + i * H, H);
    }
    if (carry.gradient_clip == 0) return;
    const auto bound = static_cast<S>(carry.gradient_clip);
    clamp(dh, bound, P);
    if (Cell::has_cell_state) clamp(grad_cell + rank * H, bound, H);
  }

  // dm = W_hr' dh
  void before_projection(std::size_t step, std::size_t alive) const {
    const S* from[kTileRows];
    S* to[kTileRows];
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t at = pair(tile.begin + i, step);
      from[i] = pairs.grad_outputs + at * plan.outputs;
      to[i] = memory.between + i * plan.hidden;
      pairs.further[at] = walk_.at(call.made, tile.begin + i, step);
    }
    multiply_together<S, Start::zero>(from, to, alive, weights.further, nullptr, threads);
  }

  // dq = W_hn' da_n, and through q to the reset gate and to what W_hh met.
  void before_second_product(std::size_t step, std::size_t alive, S* const* down, bool carried) const {
    const S* from[kTileRows];
    S* to[kTileRows];
    const std::size_t H = plan.hidden;
    for (std::size_t i = 0; i < alive; ++i) {
      from[i] = gates_row(tile.begin + i, step) + Cell::recurrent_blocks * H;
      to[i] = memory.between + i * H;
    }
    multiply_together<S, Start::zero>(from, to, alive, weights.further, nullptr, threads);
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i, at = pair(rank, step);
      const S *gates = walk_.at(call.gates, rank, step), *seen = pairs.seen[at];
      S *da = gates_row(rank, step), *q = pairs.reset_memory + at * H;
      pairs.further[at] = q;
      for_columns<S>(H, [&](auto io, std::size_t j) {
        io.write(q + j, io.read(gates + j) * io.read(seen + j));
        const auto through = Cell::template reset_backward<S>(io, gates + j, seen + j, to[i] + j, da + j);
        io.write(down[i] + j, carried ? through : io.read(down[i] + j) + through);
      });
    }
  }

  // What the step of a row reads and writes, from its first column.
  struct Row {
    BackwardSlice<S> at;
    const S* grad_outputs;
    S* total_grad_hidden;  // optional
  };

  // Also leaves what the gradients of the weights need of this row.
  Row row_at(std::size_t rank, std::size_t step, S* dh, bool received) const {
    const std::size_t H = plan.hidden, at = pair(rank, step);
    const S* previous = step == 0 ? hidden_row<S>(call.initial_hidden, plan, rank, zeros)
                                  : walk_.at(call.outputs, rank, step - 1);
    pairs.inputs[at] = walk_.at(call.inputs, rank, step);
    pairs.seen[at] = previous;
    if (call.carry.hidden_mask != nullptr) {
      const std::size_t P = plan.outputs;
      masked<S>(row_of<S>(call.carry.hidden_mask, P, plan, rank), previous, pairs.seen_memory + at * P, P);
      pairs.seen[at] = pairs.seen_memory + at * P;
    }
    BackwardSlice<S> row{};
    row.gates = walk_.at(own_gates(), rank, step);
    row.previous_hidden = previous;
    row.grad_hidden = dh;
    row.constants = call.constants;
    if constexpr (!Cell::normalised) row.grad_gates = gates_row(rank, step);
    if constexpr (Cell::has_cell_state) {
      row.cell = walk_.at(call.made_cells.data == nullptr ? call.cells : call.made_cells, rank, step);
      row.previous_cell = step == 0 ? cell_row<S>(call.initial_cell, plan, rank, zeros)
                                    : walk_.at(call.cells, rank, step - 1);
      row.grad_cell = grad_cell + rank * H;
      if (call.total_grad_cell.data != nullptr && call.carry.keep_cell.data == nullptr) {
        row.total_grad_cell = walk_.at(call.total_grad_cell, rank, step);
      }
    }
    if constexpr (Cell::peepholes) {
      row.peepholes = static_cast<const S*>(call.learned.of[kPeepholes]);
      pairs.old_cells[at] = row.previous_cell;
      pairs.cells[at] = row.cell;
    }
    const S* dy = received || call.grad_outputs.data == nullptr ? zeros : walk_.at(call.grad_outputs, rank, step);
    S* total = received || call.total_grad_hidden.data == nullptr ? nullptr
                                                                  : walk_.at(call.total_grad_hidden, rank, step);
    return {row, dy, total};
  }

  void point_wise(std::size_t rank, std::size_t step, const Row& row) const {
    const std::size_t H = plan.hidden;
    S* dh = row.at.grad_hidden;
    // What the next call for this row will touch: one step back in the tensors, an earlier pair in the scratch.
    const S* next_gates = row.at.gates;
    S* next_grad_gates = row.at.grad_gates;
    if (step > 0) {
      next_gates = walk_.at(own_gates(), rank, step - 1);
      next_grad_gates = gates_row(rank, step - 1);
    }
    for_columns_falling<S>(H, [&](auto io, std::size_t j) {
      for (std::size_t b = 0; b < blocks; ++b) {
        fetch_later(next_gates + b * H + j);
        write_later(next_grad_gates + b * H + j);
      }
      const auto sum = io.read(dh + j) + io.read(row.grad_outputs + j);
      io.write(dh + j, sum);
      if (row.total_grad_hidden != nullptr) io.write(row.total_grad_hidden + j, sum);
      Cell::template backward<S>(io, part(row.at, j), H);
    });
  }

  // The tile's rows begin .. end-1, at most a block.
  void normalised_step(std::size_t step, std::size_t begin, std::size_t end, bool received) const {
    const std::size_t H = plan.hidden, columns = Cell::gates * H;
    NormalisedBackward<Cell, S> block(call.learned, zeros, norm_sums.of_rank(tile.begin + begin), H);
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t rank = tile.begin + i;
      const Row row = row_at(rank, step, grad_hidden + rank * plan.outputs, received);
      S* room_of_row = memory.normalised + (i - begin) * (columns + H);
      block.add({row.at, row.grad_outputs, row.total_grad_hidden, walk_.at(call.normals, rank, step), room_of_row,
                 room_of_row + columns, product_row(rank, step, 0), product_row(rank, step, 1)});
    }
    block.step();
  }

  // The tensor of what the cell's backward step reads as its gates.
  const Rows& own_gates() const {
    if constexpr (!Cell::gates_are_output) return call.gates;
    return call.made.data == nullptr ? call.outputs : call.made;
  }

  static BackwardSlice<S> part(const BackwardSlice<S>& row, std::size_t j) {
    return {row.gates + j,
            row.previous_hidden + j,
            offset(row.previous_cell, j),
            offset(row.cell, j),
            row.grad_hidden + j,
            offset(row.grad_cell, j),
            row.grad_gates + j,
            offset(row.total_grad_cell, j),
            offset(row.peepholes, j),
            row.constants};
  }

  void to_inputs(std::size_t begin, std::size_t end) {
    const S* from[kMostChunkRows];
    S* to[kMostChunkRows];
    std::size_t rows = 0;
    for (std::size_t step = begin; step < end; ++step) {
      const std::size_t alive = tile.alive(plan, step);
      for (std::size_t r = tile.begin; r < tile.begin + alive; ++r, ++rows) {
        from[rows] = Cell::normalised ? product_row(r, step, 0) : gates_row(r, step);
        to[rows] = walk_.at(call.grad_inputs, r, step);
      }
    }
    if (call.add_to_inputs) return multiply_together<S, Start::present>(from, to, rows, weights.input, nullptr, threads);
    multiply_together<S, Start::zero>(from, to, rows, weights.input, nullptr, threads);
  }

  void finish() {
    const std::size_t H = plan.hidden, P = plan.outputs;
    for (std::size_t rank = tile.begin; rank < tile.end; ++rank) {
      if (call.grad_initial_hidden != nullptr) {
        copy(hidden_row<S>(call.grad_initial_hidden, plan, rank), grad_hidden + rank * P, P);
      }
      if (Cell::has_cell_state && call.grad_initial_cell != nullptr) {
        copy(cell_row<S>(call.grad_initial_cell, plan, rank), grad_cell + rank * H, H);
      }
      if (call.grad_inputs.data != nullptr) walk_.clear_past_end(call.grad_inputs, rank, plan.inputs);
      if (call.total_grad_hidden.data != nullptr) walk_.clear_past_end(call.total_grad_hidden, rank, P);
      if (call.total_grad_cell.data != nullptr) walk_.clear_past_end(call.total_grad_cell, rank, H);
    }
  }
};

template <class Cell, class S> void run_backward(Plan plan, const Backward& call) {
  plan.threads = useful_threads<Cell>(plan);
  const Team team(plan.threads);
  const Tiles tiles(plan);
  const std::size_t H = plan.hidden, P = plan.outputs, wide = larger(H, P);
  const std::size_t share = BackwardMemory<Cell, S>::count(plan, call);
  WeightGradients<Cell, S> gradients(plan, call);
  Scratch scratch(BackwardWeights<Cell, S>::scratch_size(plan, call) + room<S>(wide) +
                  Pairs<Cell, S>::scratch_size(plan, call) + NormSums<Cell, S>::scratch_size(plan) + room<S>(plan.batch * P) + room<S>(plan.batch * H) +
                  room<S>(tiles.count * share) + gradients.scratch_size());
  const BackwardWeights<Cell, S> weights(scratch, plan, call);
  S* zeros = take<S>(scratch, wide);
  clear(zeros, wide);
  const Pairs<Cell, S> pairs(scratch, plan, call);
  const NormSums<Cell, S> norm_sums(scratch, plan);
  S* grad_hidden = take<S>(scratch, plan.batch * P);
  S* grad_cell = take<S>(scratch, plan.batch * H);
  S* memory = take<S>(scratch, tiles.count * share);
  parallel_for(tiles.count, plan.threads, [&](std::size_t task) {
    BackwardPass<Cell, S>{plan,  call,  {plan},      tiles[task], tiles.chunk_steps(),                 weights,
                          zeros, pairs, norm_sums, grad_hidden, grad_cell,   {memory + task * share, plan, call}, tiles.threads_within(plan)}
        .walk();
  });
  // Of a walk that was given up, pairs are missing.
  if (given_up()) return;
  gradients.run(scratch, pairs);
  sum_columns<Cell, S>(plan, call, pairs);
  norm_sums.give(call);
}

}  // namespace nurt::NURT_ISA
