// What the forward and the backward walk through time share: rows, tiles, scratch, threads.
#pragma once

#include "borders.h"
#include "cells/cell.h"
#include "problem.h"
#include "products.h"
#include "runtime.h"

namespace nurt::NURT_ISA {

template <class S> inline S* take(Scratch& scratch, std::size_t count) {
  return static_cast<S*>(scratch.take(count * sizeof(S)));
}
template <class S> constexpr std::size_t room(std::size_t count) { return scratch_bytes(count * sizeof(S)); }

template <class S> inline void copy(S* to, const S* from, std::size_t count) {
  __builtin_memcpy(to, from, count * sizeof(S));
}
template <class S> inline void clear(S* to, std::size_t count) { __builtin_memset(to, 0, count * sizeof(S)); }

// p + j, where an absent array stays absent.
template <class S> inline S* offset(S* p, std::size_t j) { return p == nullptr ? nullptr : p + j; }

// A batch tile: neighbouring ranks that one thread walks through all of time. How the ranks are cut does not touch
// the numbers, so the cut may follow the number of threads.
struct Tile {
  std::size_t begin, end;

  // The tile's rows alive at `step`: ranks begin .. begin + alive - 1.
  std::size_t alive(const Plan& plan, std::size_t step) const {
    const auto living = static_cast<std::size_t>(plan.first[step + 1] - plan.first[step]);
    return living <= begin ? 0 : smaller(living, end) - begin;
  }
  std::size_t steps(const Plan& plan) const { return static_cast<std::size_t>(plan.length[begin]); }
};

constexpr std::size_t kTileRows = 64;
// Rows of one product of the inputs: enough to pay for streaming the weights, few enough to stay in the cache until
// the time loop comes for them.
constexpr std::size_t kChunkRows = 256;

struct Tiles {
  std::size_t batch, rows, count;

  explicit Tiles(const Plan& plan) : batch(plan.batch) {
    const auto threads = static_cast<std::size_t>(plan.threads);
    const bool ragged = plan.first[plan.steps] < static_cast<std::int64_t>(plan.batch * plan.steps);
    std::size_t share = threads == 1 ? batch : (batch + threads - 1) / threads;
    // Long rows come first, so smaller tiles even out the work.
    if (ragged && threads > 1) share = (share + 1) / 2;
    rows = smaller((share + kRowBlock - 1) / kRowBlock * kRowBlock, kTileRows);
    count = (batch + rows - 1) / rows;
  }
  Tile operator[](std::size_t index) const { return {index * rows, smaller((index + 1) * rows, batch)}; }
  std::size_t chunk_steps() const { return larger(1, kChunkRows / rows); }
  // Threads for the products of a tile: a tile that is alone has all of them.
  int threads_within(const Plan& plan) const { return count == 1 ? plan.threads : 1; }
  std::size_t chunk_rows() const { return chunk_steps() * rows; }
};
constexpr std::size_t kMostChunkRows = kChunkRows + kTileRows;

// Which element of a tensor belongs to (rank, step).
template <class S> struct Walk {
  const Plan& plan;

  std::size_t time(std::size_t rank, std::size_t step) const {
    return plan.reverse ? static_cast<std::size_t>(plan.length[rank]) - 1 - step : step;
  }
  S* at(const Rows& rows, std::size_t rank, std::size_t step) const {
    return element(rows, rank, time(rank, step));
  }
  S* element(const Rows& rows, std::size_t rank, std::size_t time) const {
    // Packed rows are ranked already, so what `first` counts is also where a step begins.
    if (plan.packed) return static_cast<S*>(rows.data) + (plan.first[time] + plan.row[rank]) * rows.batch;
    return static_cast<S*>(rows.data) + plan.row[rank] * rows.batch + static_cast<std::ptrdiff_t>(time) * rows.time;
  }
  // Zeroes the elements past the end of the row.
  void clear_past_end(const Rows& rows, std::size_t rank, std::size_t columns) const {
    if (plan.packed) return;
    for (auto t = static_cast<std::size_t>(plan.length[rank]); t < plan.time; ++t) clear(element(rows, rank, t), columns);
  }
};

// Row `rank` of a contiguous (B, P) hidden or (B, H) cell state, or of the default when it is absent.
template <class S> inline const S* row_of(const void* state, std::size_t size, const Plan& plan, std::size_t rank) {
  return static_cast<const S*>(state) + plan.row[rank] * static_cast<std::ptrdiff_t>(size);
}
template <class S> inline const S* hidden_row(const void* state, const Plan& plan, std::size_t rank, const S* absent) {
  return state == nullptr ? absent : row_of<S>(state, plan.outputs, plan, rank);
}
template <class S> inline S* hidden_row(void* state, const Plan& plan, std::size_t rank) {
  return const_cast<S*>(row_of<S>(state, plan.outputs, plan, rank));
}
template <class S> inline const S* cell_row(const void* state, const Plan& plan, std::size_t rank, const S* absent) {
  return state == nullptr ? absent : row_of<S>(state, plan.hidden, plan, rank);
}
template <class S> inline S* cell_row(void* state, const Plan& plan, std::size_t rank) {
  return const_cast<S*>(row_of<S>(state, plan.hidden, plan, rank));
}

// multiply, with the columns shared between threads where one product is worth waking them: a batch of few rows and
// many hidden units has no other work to share. More parts than threads, so that a thread that loses its core holds
// up little.
template <class S, Start start>
void multiply_together(const S* const* a, S* const* c, std::size_t rows, const Packed<S>& packed, const S* bias,
                       int threads) {
  constexpr double least_flops = 1.5e6;
  const double flops = 2.0 * static_cast<double>(rows * packed.depth) * static_cast<double>(packed.columns());
  if (threads == 1 || flops < least_flops) return multiply<S, start>(a, c, rows, packed, bias);
  const std::size_t pieces = packed.pieces();
  const std::size_t parts = smaller(pieces, 4 * static_cast<std::size_t>(threads));
  parallel_for(parts, threads, [&](std::size_t part) {
    multiply_pieces<S, start>(a, c, rows, packed, bias, pieces * part / parts, pieces * (part + 1) / parts);
  });
}

// Operations of the products of a step of so many rows, about.
template <class Cell> inline double flops_of_a_step(const Plan& plan, std::size_t rows) {
  return 2.0 * static_cast<double>(rows * (plan.inputs + plan.outputs)) * static_cast<double>(Cell::gates * plan.hidden);
}

// A pass too small for more runs on one thread.
template <class Cell> inline int useful_threads(const Plan& plan) {
  const double flops = 2.0 * static_cast<double>(plan.first[plan.steps]) *
                       static_cast<double>(Cell::gates * plan.hidden * (plan.inputs + plan.outputs));
  return flops < kLeastFlops ? 1 : plan.threads;
}

}  // namespace nurt::NURT_ISA
