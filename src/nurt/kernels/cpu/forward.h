// The forward walk through time.
#pragma once

#include "time_loop.h"

namespace nurt::NURT_ISA {

// Weights as the products want them: packed once for a call, or once for a stream of steps.
template <class Cell, class S> struct Prepared {
  Packed<S> input_weights, hidden_weights;
  S *bias, *zeros;

  static std::size_t scratch_size(const Plan& plan) {
    const std::size_t H = plan.hidden, columns = Cell::gates * H;
    return room<S>(Packed<S>::size(plan.inputs, columns)) + room<S>(Packed<S>::size(H, columns)) +
           room<S>(Cell::row_blocks * H) + room<S>(H);
  }

  Prepared(Scratch& scratch, const Plan& plan, const Forward& call)
      : input_weights(take<S>(scratch, Packed<S>::size(plan.inputs, Cell::gates * plan.hidden)), plan.inputs,
                      Cell::gates * plan.hidden),
        hidden_weights(take<S>(scratch, Packed<S>::size(plan.hidden, Cell::gates * plan.hidden)), plan.hidden,
                       Cell::gates * plan.hidden),
        bias(take<S>(scratch, Cell::row_blocks * plan.hidden)),
        zeros(take<S>(scratch, plan.hidden)) {
    const std::size_t H = plan.hidden, input_pieces = input_weights.pieces();
    clear(zeros, H);
    gather_bias(call, H);
    parallel_for(input_pieces + hidden_weights.pieces(), plan.threads, [&](std::size_t task) {
      if (task < input_pieces) {
        const S* w = static_cast<const S*>(call.weight_ih);
        input_weights.pack_columns(task, [&](std::size_t n) {
          return w + (Cell::input_block(n / H) * H + n % H) * plan.inputs;
        });
      } else {
        const S* w = static_cast<const S*>(call.weight_hh);
        hidden_weights.pack_columns(task - input_pieces, [&](std::size_t n) { return w + n * H; });
      }
    });
  }

 private:
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

template <class Cell, class S> class ForwardPass {
 public:
  static void run(Plan plan, const Forward& call) {
    plan.threads = useful_threads<Cell>(plan);
    const Team team(plan.threads);
    Scratch scratch(Prepared<Cell, S>::scratch_size(plan) + ring_size(plan, call));
    const Prepared<Cell, S> prepared(scratch, plan, call);
    walk_tiles(plan, call, prepared, take_ring(scratch, plan, call));
  }

  // All of time for all of the batch; `ring` as take_ring gives it.
  static void walk_tiles(const Plan& plan, const Forward& call, const Prepared<Cell, S>& prepared, S* ring) {
    const Tiles tiles(plan);
    const std::size_t share = tiles.chunk_rows() * Cell::row_blocks * plan.hidden;
    parallel_for(tiles.count, plan.threads, [&](std::size_t task) {
      ForwardPass pass{plan,
                       call,
                       {plan},
                       tiles[task],
                       tiles.chunk_steps(),
                       prepared.input_weights,
                       prepared.hidden_weights,
                       prepared.bias,
                       prepared.zeros,
                       keeps(call),
                       ring == nullptr ? nullptr : ring + task * share,
                       tiles.threads_within(plan)};
      pass.walk();
    });
  }

  static std::size_t ring_size(const Plan& plan, const Forward& call) {
    return keeps(call) ? 0 : room<S>(ring_count(plan));
  }
  static S* take_ring(Scratch& scratch, const Plan& plan, const Forward& call) {
    return keeps(call) ? nullptr : take<S>(scratch, ring_count(plan));
  }

  const Plan& plan;
  const Forward& call;
  Walk<S> walk_;
  Tile tile;
  std::size_t chunk_steps;
  const Packed<S>&input_weights, &hidden_weights;
  const S *bias, *zeros;
  bool keep;
  S* ring;  // gates of one chunk, when they are not kept
  int threads;

 private:
  static bool keeps(const Forward& call) { return Cell::gates_are_output || call.gates.data != nullptr; }
  static std::size_t ring_count(const Plan& plan) {
    const Tiles tiles(plan);
    return tiles.count * tiles.chunk_rows() * Cell::row_blocks * plan.hidden;
  }

  void walk() {
    const std::size_t H = plan.hidden, steps = tile.steps(plan);
    if (Cell::has_cell_state && call.cells.data == nullptr) {
      // Nothing is kept: the cell state is updated in place where the final one is wanted.
      for (std::size_t r = tile.begin; r < tile.end; ++r) {
        // A stream keeps its state in one place.
        if (call.final_cell == call.initial_cell) continue;
        copy(state_row<S>(call.final_cell, plan, r), state_row<S>(call.initial_cell, plan, r, zeros), H);
      }
    }
    for (std::size_t begin = 0; begin < steps; begin += chunk_steps) {
      const std::size_t end = smaller(begin + chunk_steps, steps);
      project_inputs(begin, end);
      for (std::size_t step = begin; step < end; ++step) advance(step, begin);
    }
    finish();
  }

  S* gates_at(std::size_t rank, std::size_t step, std::size_t chunk_begin) const {
    if constexpr (Cell::gates_are_output) return walk_.at(call.outputs, rank, step);
    if (keep) return walk_.at(call.gates, rank, step);
    return ring + ((step - chunk_begin) * (tile.end - tile.begin) + rank - tile.begin) * Cell::row_blocks * plan.hidden;
  }

  void project_inputs(std::size_t begin, std::size_t end) {
    const S* from[kMostChunkRows];
    S* to[kMostChunkRows];
    const std::size_t H = plan.hidden;
    constexpr std::size_t beyond = Cell::row_blocks - Cell::gates;
    std::size_t rows = 0;
    for (std::size_t step = begin; step < end; ++step) {
      const std::size_t alive = tile.alive(plan, step);
      for (std::size_t r = tile.begin; r < tile.begin + alive; ++r, ++rows) {
        from[rows] = walk_.at(call.inputs, r, step);
        to[rows] = gates_at(r, step, begin);
        if (beyond > 0) copy(to[rows] + Cell::gates * H, bias + Cell::gates * H, beyond * H);
      }
    }
    multiply_together<S, Start::bias>(from, to, rows, input_weights, bias, threads);
  }

  void advance(std::size_t step, std::size_t chunk_begin) {
    const S* previous[kTileRows];
    S* gates[kTileRows];
    S* recurrent[kTileRows];
    const std::size_t H = plan.hidden, alive = tile.alive(plan, step);
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i;
      previous[i] = step == 0 ? state_row<S>(call.initial_hidden, plan, rank, zeros)
                              : walk_.at(call.outputs, rank, step - 1);
      gates[i] = gates_at(rank, step, chunk_begin);
      recurrent[i] = gates[i] + Cell::recurrent_first * H;
    }
    multiply_together<S, Start::present>(previous, recurrent, alive, hidden_weights, nullptr, threads);
    for (std::size_t i = 0; i < alive; ++i) {
      const std::size_t rank = tile.begin + i;
      S* hidden = walk_.at(call.outputs, rank, step);
      S* cell = nullptr;
      const S* previous_cell = nullptr;
      if constexpr (Cell::has_cell_state) {
        cell = call.cells.data == nullptr ? state_row<S>(call.final_cell, plan, rank)
                                          : walk_.at(call.cells, rank, step);
        previous_cell = call.cells.data == nullptr ? cell
                        : step == 0 ? state_row<S>(call.initial_cell, plan, rank, zeros)
                                    : walk_.at(call.cells, rank, step - 1);
      }
      for_columns<S>(H, [&](auto io, std::size_t j) {
        Cell::template forward<S>(
            io, {gates[i] + j, previous[i] + j, offset(previous_cell, j), hidden + j, offset(cell, j)}, H);
      });
    }
  }

  // Final states: those after the row's own last element. Past it, outputs are zero.
  void finish() {
    const std::size_t H = plan.hidden;
    for (std::size_t rank = tile.begin; rank < tile.end; ++rank) {
      const auto length = static_cast<std::size_t>(plan.length[rank]);
      const S* hidden = length == 0 ? state_row<S>(call.initial_hidden, plan, rank, zeros)
                                    : walk_.at(call.outputs, rank, length - 1);
      copy(state_row<S>(call.final_hidden, plan, rank), hidden, H);
      if (Cell::has_cell_state && call.cells.data != nullptr) {
        const S* cell = length == 0 ? state_row<S>(call.initial_cell, plan, rank, zeros)
                                    : walk_.at(call.cells, rank, length - 1);
        copy(state_row<S>(call.final_cell, plan, rank), cell, H);
      }
      walk_.clear_past_end(call.outputs, rank, H);
      if (!call.clear_past_end) continue;
      if (!Cell::gates_are_output && keep) walk_.clear_past_end(call.gates, rank, Cell::row_blocks * H);
      if (Cell::has_cell_state && call.cells.data != nullptr) walk_.clear_past_end(call.cells, rank, H);
    }
  }
};

}  // namespace nurt::NURT_ISA
