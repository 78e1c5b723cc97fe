// The forward walk through time.
#pragma once

#include "carry.h"
#include "normalised_forward.h"
#include "time_loop.h"

namespace nurt::NURT_ISA {

// Weights as the products want them: packed once for a call, or once for a stream of steps.
template <class Cell, class S> struct Prepared {
  Packed<S> input_weights, hidden_weights;
  Packed<S> further_weights;  // of the second product, or W_hr
  S *bias, *zeros;

  static std::size_t scratch_size(const Plan& plan) {
    const std::size_t H = plan.hidden;
    return room<S>(Packed<S>::size(plan.inputs, Cell::gates * H)) +
           room<S>(Packed<S>::size(plan.outputs, Cell::recurrent_blocks * H)) +
           room<S>(Packed<S>::size(further_depth(plan), further_columns(plan))) + room<S>(Cell::row_blocks * H) +
           room<S>(larger(H, plan.outputs));
  }

  Prepared(Scratch& scratch, const Plan& plan, const Forward& call)
      : input_weights(take<S>(scratch, Packed<S>::size(plan.inputs, Cell::gates * plan.hidden)), plan.inputs,
                      Cell::gates * plan.hidden),
        hidden_weights(take<S>(scratch, Packed<S>::size(plan.outputs, Cell::recurrent_blocks * plan.hidden)),
                       plan.outputs, Cell::recurrent_blocks * plan.hidden),
        further_weights(take<S>(scratch, Packed<S>::size(further_depth(plan), further_columns(plan))),
                        further_depth(plan), further_columns(plan)),
        bias(take<S>(scratch, Cell::row_blocks * plan.hidden)),
        zeros(take<S>(scratch, larger(plan.hidden, plan.outputs))) {
    const std::size_t H = plan.hidden, input_pieces = input_weights.pieces(), hidden_pieces = hidden_weights.pieces();
    clear(zeros, larger(H, plan.outputs));
    gather_bias(call, H);
    parallel_for(input_pieces + hidden_pieces + further_weights.pieces(), plan.threads, [&](std::size_t task) {
      if (task < input_pieces) {
        const S* w = static_cast<const S*>(call.weight_ih);
        input_weights.pack_columns(task, [&](std::size_t n) {
          return w + (Cell::input_block(n / H) * H + n % H) * plan.inputs;
        });
      } else if (task < input_pieces + hidden_pieces) {
        const S* w = static_cast<const S*>(call.weight_hh);
        hidden_weights.pack_columns(task - input_pieces, [&](std::size_t n) { return w + n * plan.outputs; });
      } else {
        const S* w = Cell::projected ? static_cast<const S*>(call.learned.of[kProjection])
                                     : static_cast<const S*>(call.weight_hh) + Cell::recurrent_blocks * H * H;
        further_weights.pack_columns(task - input_pieces - hidden_pieces, [&](std::size_t n) { return w + n * H; });
      }
    });
  }

 private:
  static std::size_t further_depth(const Plan& plan) { return Cell::projected || Cell::second_product ? plan.hidden : 0; }
  static std::size_t further_columns(const Plan& plan) {
    return Cell::projected ? plan.outputs : Cell::second_product ? plan.hidden : 0;
  }

  // b_ih and b_hh, each added to the blocks that its product feeds.
  void gather_bias(const Forward& call, std::size_t H) {
    clear(bias, Cell::row_blocks * H);
    const S* input = static_cast<const S*>(call.bias_ih);
    const S* hidden = static_cast<const S*>(call.bias_hh);
    for (std::size_t b = 0; b < Cell::gates; ++b) {
      S* of_input = bias + b * H;
      S* of_hidden = bias + (Cell::recurrent_first + b) * H;
      for (std::size_t j = 0; input != nullptr && j < H; ++j) of_input[j] += input[Cell::input_block(b) * H + j];
      for (std::size_t j = 0; hidden != nullptr && j < H; ++j) of_hidden[j] += hidden[b * H + j];
    }
  }
};

// Memory of one tile's walk for what is not kept.
template <class Cell, class S> struct ForwardMemory {
  S* ring;      // gates of one chunk, when they are not kept
  S* seen;      // per row, what W_hh meets, where that is not h_{t-1} itself
  S* between;   // per row, sums before they are normalised, or what the second product meets
  S* made;      // per row, what is projected, when it is not kept
  S* old_cell;  // per row, where the new cell state is written over it

  static bool keeps(const Forward& call) { return Cell::gates_are_output || call.gates.data != nullptr; }

  static std::size_t count(const Plan& plan, const Forward& call) {
    const Tiles tiles(plan);
    return ring_count(plan, call) + tiles.rows * (seen_columns(plan, call) + between_columns(plan) + made_columns(plan, call)) +
           old_count(plan, call);
  }

  ForwardMemory(S* memory, const Plan& plan, const Forward& call)
      : ring(memory),
        seen(ring + ring_count(plan, call)),
        between(seen + Tiles(plan).rows * seen_columns(plan, call)),
        made(between + Tiles(plan).rows * between_columns(plan)),
        old_cell(made + Tiles(plan).rows * made_columns(plan, call)) {}

 private:
  static std::size_t ring_count(const Plan& plan, const Forward& call) {
    return keeps(call) ? 0 : Tiles(plan).chunk_rows() * Cell::row_blocks * plan.hidden;
  }
  static std::size_t seen_columns(const Plan& plan, const Forward& call) {
    return call.carry.hidden_mask == nullptr ? 0 : plan.outputs;
  }
  static std::size_t between_columns(const Plan& plan) {
    return Cell::normalised ? Cell::gates * plan.hidden : Cell::second_product ? plan.hidden : 0;
  }
  static std::size_t made_columns(const Plan& plan, const Forward& call) {
    return Cell::projected && call.made.data == nullptr ? plan.hidden : 0;
  }
  static std::size_t old_count(const Plan& plan, const Forward& call) {
    return call.carry.keep_cell.data != nullptr && call.cells.data == nullptr ? Tiles(plan).rows * plan.hidden : 0;
  }
};

template <class Cell, class S> class ForwardPass {
 public:
  static void run(Plan plan, const Forward& call) {
    plan.threads = useful_threads<Cell>(plan);
    const Team team(plan.threads);
    Scratch scratch(Prepared<Cell, S>::scratch_size(plan) + memory_size(plan, call));
    const Prepared<Cell, S> prepared(scratch, plan, call);
    walk_tiles(plan, call, prepared, take_memory(scratch, plan, call));
  }

  // All of time for all of the batch; `memory` as take_memory gives it.
  static void walk_tiles(const Plan& plan, const Forward& call, const Prepared<Cell, S>& prepared, S* memory) {
    const Tiles tiles(plan);
    const std::size_t share = ForwardMemory<Cell, S>::count(plan, call);
    parallel_for(tiles.count, plan.threads, [&](std::size_t task) {
      ForwardPass pass{plan,
                       call,
                       {plan},
                       tiles[task],
                       tiles.chunk_steps(),
                       prepared,
                       {memory + task * share, plan, call},
                       ForwardMemory<Cell, S>::keeps(call),
                       tiles.threads_within(plan)};
      pass.walk();
    });
  }

  static std::size_t memory_size(const Plan& plan, const Forward& call) { return room<S>(memory_count(plan, call)); }
  static S* take_memory(Scratch& scratch, const Plan& plan, const Forward& call) {
    return take<S>(scratch, memory_count(plan, call));
  }

  const Plan& plan;
  const Forward& call;
  Walk<S> walk_;
  Tile tile;
  std::size_t chunk_steps;
  const Prepared<Cell, S>& prepared;
  ForwardMemory<Cell, S> memory;
  bool keep;
  int threads;

 private:
  static std::size_t memory_count(const Plan& plan, const Forward& call) {
    return Tiles(plan).count * ForwardMemory<Cell, S>::count(plan, call);
  }

  void walk() {
    const std::size_t H = plan.hidden, steps = tile.steps(plan);
    if (Cell::has_cell_state && call.cells.data == nullptr) {
      // Nothing is kept: the cell state is updated in place where the final one is wanted.
      for (std::size_t r = tile.begin; r < tile.end; ++r) {
        // A stream keeps its state in one place.
        if (call.final_cell == call.initial_cell) continue;
        copy(cell_row<S>(call.final_cell, plan, r), cell_row<S>(call.initial_cell, plan, r, prepared.zeros), H);
      }
    }
    Borders borders(flops_of_a_step<Cell>(plan, tile.end - tile.begin));
    for (std::size_t begin = 0; begin < steps; begin += chunk_steps) {
      const std::size_t end = smaller(begin + chunk_steps, steps);
      project_inputs(begin, end);
      for (std::size_t step = begin; step < end; ++step) {
        if (borders.leave()) return;
        advance(step, begin);
      }
    }
    finish();
  }

  S* gates_at(std::size_t rank, std::size_t step, std::size_t chunk_begin) const {
    if constexpr (Cell::gates_are_output) return walk_.at(call.outputs, rank, step);
    if (keep) return walk_.at(call.gates, rank, step);
    return memory.ring +
           ((step - chunk_begin) * (tile.end - tile.begin) + rank - tile.begin) * Cell::row_blocks * plan.hidden;
  }
  S* normals_at(std::size_t rank, std::size_t step) const {
    return call.normals.data == nullptr ? nullptr : walk_.at(call.normals, rank, step);
  }
  // Where W_ih x goes.
  S* input_sums_at(std::size_t rank, std::size_t step, std::size_t chunk_begin) const {
    if (Cell::normalised && call.normals.data != nullptr) return normals_at(rank, step);
    return gates_at(rank, step, chunk_begin);
  }
  const S* gain(const void* weight) const { return static_cast<const S*>(weight); }

  void project_inputs(std::size_t begin, std::size_t end) {
    const S* from[kMostChunkRows];
    S* to[kMostChunkRows];
    [[maybe_unused]] S* normals[Cell::normalised ? kMostChunkRows : 1];
    const std::size_t H = plan.hidden;
    constexpr std::size_t beyond = Cell::row_blocks - Cell::gates;
    std::size_t rows = 0;
    for (std::size_t step = begin; step < end; ++step) {
      const std::size_t alive = tile.alive(plan, step);
      for (std::size_t r = tile.begin; r < tile.begin + alive; ++r, ++rows) {
        from[rows] = walk_.at(call.inputs, r, step);
        to[rows] = input_sums_at(r, step, begin);
        if constexpr (Cell::normalised) normals[rows] = normals_at(r, step);
        if (beyond > 0) copy(to[rows] + Cell::gates * H, prepared.bias + Cell::gates * H, beyond * H);
      }
    }
    if constexpr (Cell::normalised) {
      multiply_together<S, Start::zero>(from, to, rows, prepared.input_weights, nullptr, threads);
      NormalisedForward<Cell, S>::normalise_inputs(to, call.normals.data == nullptr ? nullptr : normals, rows, H);
    } else {
      multiply_together<S, Start::bias>(from, to, rows, prepared.input_weights, prepared.bias, threads);
    }
  }

  void advance(std::size_t step, std::size_t chunk_begin) {
    const S* previous[kTileRows];
    const S* seen[kTileRows];
    S* gates[kTileRows];
    S* recurrent[kTileRows];
    const std::size_t H = plan.hidden, P = plan.outputs, alive = tile.alive(plan, step);
    const auto mask = call.carry.hidden_mask;
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i;
      previous[i] = step == 0 ? hidden_row<S>(call.initial_hidden, plan, rank, prepared.zeros)
                              : walk_.at(call.outputs, rank, step - 1);
      seen[i] = previous[i];
      gates[i] = gates_at(rank, step, chunk_begin);
      recurrent[i] = gates[i] + Cell::recurrent_first * H;
      if (mask != nullptr) {
        seen[i] = memory.seen + i * P;
        masked(row_of<S>(mask, P, plan, rank), previous[i], memory.seen + i * P, P);
      }
    }
    ForwardSlice<S> rows[kTileRows];
    for (std::size_t i = 0; i < alive; ++i) rows[i] = row_at(tile.begin + i, step, gates[i], previous[i]);
    if constexpr (Cell::normalised) {
      normalised_step(seen, rows, alive, step, chunk_begin);
    } else {
      multiply_together<S, Start::present>(seen, recurrent, alive, prepared.hidden_weights, nullptr, threads);
      if constexpr (Cell::second_product) add_second_product(seen, gates, alive);
      for (std::size_t i = 0; i < alive; ++i) point_wise(rows[i]);
    }
    if constexpr (Cell::has_cell_state) {
      for (std::size_t i = 0; i < alive; ++i) keep_cell(tile.begin + i, step, rows[i]);
    }
    if constexpr (Cell::projected) project(alive, step);
    if (call.carry.keep_hidden.data == nullptr) return;
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i;
      S* hidden = walk_.at(call.outputs, rank, step);
      if (Cell::gates_are_output && call.made.data != nullptr) copy(walk_.at(call.made, rank, step), hidden, P);
      keep_part<S>(walk_.at(call.carry.keep_hidden, rank, step), previous[i], hidden, P);
    }
  }

  void normalised_step(const S* const* seen, const ForwardSlice<S>* rows, std::size_t alive, std::size_t step,
                       std::size_t chunk_begin) const {
    S* sums[kTileRows];
    for (std::size_t i = 0; i < alive; ++i) sums[i] = memory.between + i * Cell::gates * plan.hidden;
    multiply_together<S, Start::zero>(seen, sums, alive, prepared.hidden_weights, nullptr, threads);
    const NormalisedForward<Cell, S> forward(call.learned, prepared.bias, prepared.zeros, plan.hidden);
    for (std::size_t begin = 0; begin < alive; begin += kRowBlock) {
      NormalisedForwardRow<S> block[kRowBlock];
      const std::size_t count = smaller(kRowBlock, alive - begin);
      for (std::size_t i = 0; i < count; ++i) {
        const ForwardSlice<S>& row = rows[begin + i];
        const std::size_t rank = tile.begin + begin + i;
        block[i] = {input_sums_at(rank, step, chunk_begin), sums[begin + i], normals_at(rank, step), row.gates,
                    row.previous_cell, row.cell, row.hidden};
      }
      forward.step(block, count);
    }
  }

  // The last block += W_hn q
  void add_second_product(const S* const* seen, S* const* gates, std::size_t alive) const {
    const S* reset[kTileRows];
    S* last[kTileRows];
    const std::size_t H = plan.hidden;
    for (std::size_t i = 0; i < alive; ++i) {
      S* q = memory.between + i * H;
      for_columns<S>(H, [&](auto io, std::size_t j) { Cell::template reset<S>(io, gates[i] + j, seen[i] + j, q + j); });
      reset[i] = q;
      last[i] = gates[i] + Cell::recurrent_blocks * H;
    }
    multiply_together<S, Start::present>(reset, last, alive, prepared.further_weights, nullptr, threads);
  }

  // What the step makes of the hidden state, before a projection.
  S* made_at(std::size_t rank, std::size_t step) const {
    if constexpr (!Cell::projected) return walk_.at(call.outputs, rank, step);
    return call.made.data == nullptr ? memory.made + (rank - tile.begin) * plan.hidden : walk_.at(call.made, rank, step);
  }

  // What the step of a row reads and writes, from its first column.
  ForwardSlice<S> row_at(std::size_t rank, std::size_t step, S* gates, const S* previous) const {
    const std::size_t H = plan.hidden;
    ForwardSlice<S> row{gates, previous, nullptr, made_at(rank, step), nullptr, nullptr, call.constants};
    if constexpr (Cell::peepholes) row.peepholes = gain(call.learned.of[kPeepholes]);
    if constexpr (Cell::has_cell_state) {
      row.cell = call.cells.data == nullptr ? cell_row<S>(call.final_cell, plan, rank) : walk_.at(call.cells, rank, step);
      row.previous_cell = call.cells.data == nullptr ? row.cell
                          : step == 0 ? cell_row<S>(call.initial_cell, plan, rank, prepared.zeros)
                                      : walk_.at(call.cells, rank, step - 1);
      if (call.carry.keep_cell.data != nullptr && row.previous_cell == row.cell) {
        S* old = memory.old_cell + (rank - tile.begin) * H;
        copy(old, row.previous_cell, H);
        row.previous_cell = old;
      }
    }
    return row;
  }

  void point_wise(const ForwardSlice<S>& row) const {
    const std::size_t H = plan.hidden;
    for_columns<S>(H, [&](auto io, std::size_t j) {
      Cell::template forward<S>(io, {row.gates + j, row.previous_hidden + j, offset(row.previous_cell, j), row.hidden + j,
                                     offset(row.cell, j), offset(row.peepholes, j), row.constants}, H);
    });
  }

  // Zoneout of the cell state.
  void keep_cell(std::size_t rank, std::size_t step, const ForwardSlice<S>& row) const {
    if (call.carry.keep_cell.data == nullptr) return;
    if (call.made_cells.data != nullptr) copy(walk_.at(call.made_cells, rank, step), row.cell, plan.hidden);
    keep_part<S>(walk_.at(call.carry.keep_cell, rank, step), row.previous_cell, row.cell, plan.hidden);
  }

  // outputs = W_hr made
  void project(std::size_t alive, std::size_t step) const {
    const S* made[kTileRows];
    S* outputs[kTileRows];
    for (std::size_t i = 0; i < alive; ++i) {
      made[i] = made_at(tile.begin + i, step);
      outputs[i] = walk_.at(call.outputs, tile.begin + i, step);
    }
    multiply_together<S, Start::zero>(made, outputs, alive, prepared.further_weights, nullptr, threads);
  }

  // Final states: those after the row's own last element. Past it, outputs are zero.
  void finish() {
    const std::size_t H = plan.hidden, P = plan.outputs;
    for (std::size_t rank = tile.begin; rank < tile.end; ++rank) {
      const auto length = static_cast<std::size_t>(plan.length[rank]);
      const S* hidden = length == 0 ? hidden_row<S>(call.initial_hidden, plan, rank, prepared.zeros)
                                    : walk_.at(call.outputs, rank, length - 1);
      copy(hidden_row<S>(call.final_hidden, plan, rank), hidden, P);
      if (Cell::has_cell_state && call.cells.data != nullptr) {
        const S* cell = length == 0 ? cell_row<S>(call.initial_cell, plan, rank, prepared.zeros)
                                    : walk_.at(call.cells, rank, length - 1);
        copy(cell_row<S>(call.final_cell, plan, rank), cell, H);
      }
      walk_.clear_past_end(call.outputs, rank, P);
      if (!call.clear_past_end) continue;
      if (!Cell::gates_are_output && keep) walk_.clear_past_end(call.gates, rank, Cell::row_blocks * H);
      if (Cell::has_cell_state && call.cells.data != nullptr) walk_.clear_past_end(call.cells, rank, H);
      if (call.made.data != nullptr) walk_.clear_past_end(call.made, rank, H);
      if (call.made_cells.data != nullptr) walk_.clear_past_end(call.made_cells, rank, H);
      if (call.normals.data != nullptr) walk_.clear_past_end(call.normals, rank, normal_columns(H));
    }
  }
};

}  // namespace nurt::NURT_ISA
