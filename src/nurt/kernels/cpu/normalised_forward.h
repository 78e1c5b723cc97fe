// The forward step of a cell whose sums and cell state are normalised, for a block of rows.
#pragma once

#include "row_norm.h"
#include "time_loop.h"

namespace nurt::NURT_ISA {

// Where a row of `normals` keeps what; see normal_columns in problem.h.
template <class Cell, class S> struct NormalRow {
  S* data;
  std::size_t hidden;

  // Products: 0 of the inputs, 1 the recurrent one.
  S* normal(std::size_t product) const { return data + product * Cell::gates * hidden; }
  S& scale(std::size_t product) const { return data[2 * Cell::gates * hidden + product]; }
  Norm<S> of_cell() const { return {data[2 * Cell::gates * hidden + 2], data[2 * Cell::gates * hidden + 3]}; }
  void keep_of_cell(const Norm<S>& norm) const {
    data[2 * Cell::gates * hidden + 2] = norm.mean;
    data[2 * Cell::gates * hidden + 3] = norm.scale;
  }
};

template <class S> struct NormalisedForwardRow {
  const S* input;  // the normal W_ih x; may be where the gates come to stand
  const S* sums;   // W_hh h
  S* normals;      // where what the backward pass needs is kept; optional
  S* gates;
  const S* previous_cell;
  S *cell, *hidden;
};

// A block of rows; with what is the same for all of them.
template <class Cell, class S> class NormalisedForward {
 public:
  NormalisedForward(const Learned<const void>& learned, const S* bias, const S* zeros, std::size_t hidden)
      : hidden_(hidden),
        bias_(bias),
        gain_ih_(static_cast<const S*>(learned.of[kNormIh])),
        gain_hh_(static_cast<const S*>(learned.of[kNormHh])),
        gain_cell_(static_cast<const S*>(learned.of[kNormCell])),
        bias_cell_(learned.of[kNormCellBias] == nullptr ? zeros : static_cast<const S*>(learned.of[kNormCellBias])) {}

  // x = LN(x) for rows W_ih x, in their place; `normals` are the rows that keep 1 / sigma, where they are kept.
  static void normalise_inputs(S* const* x, S* const* normals, std::size_t rows, std::size_t hidden) {
    const std::size_t columns = Cell::gates * hidden;
    Norm<S> norms[kRowBlock];
    for (std::size_t begin = 0; begin < rows; begin += kRowBlock) {
      const std::size_t count = smaller(kRowBlock, rows - begin);
      find_norms(x + begin, count, columns, norms);
      for (std::size_t i = 0; i < count; ++i) {
        S* row = x[begin + i];
        if (normals != nullptr) kept(normals[begin + i], hidden).scale(0) = norms[i].scale;
        for_columns<S>(columns, [&](auto io, std::size_t j) { io.write(row + j, norms[i](io.read(row + j))); });
      }
    }
  }

  // At most kRowBlock rows.
  void step(const NormalisedForwardRow<S>* rows, std::size_t count) const {
    const S *sums[kRowBlock], *cells[kRowBlock];
    Norm<S> norms[kRowBlock];
    for (std::size_t i = 0; i < count; ++i) {
      sums[i] = rows[i].sums;
      cells[i] = rows[i].cell;
    }
    find_norms(sums, count, Cell::gates * hidden_, norms);
    for (std::size_t i = 0; i < count; ++i) activate(rows[i], norms[i]);
    find_norms(cells, count, hidden_, norms);
    for (std::size_t i = 0; i < count; ++i) put_out(rows[i], norms[i]);
  }

 private:
  static NormalRow<Cell, S> kept(S* normals, std::size_t hidden) { return {normals, hidden}; }

  // Gates and cell state from a = gain_ih * LN(W_ih x) + gain_hh * LN(W_hh h) + b_ih + b_hh.
  void activate(const NormalisedForwardRow<S>& row, const Norm<S>& norm) const {
    S* normals = nullptr;
    if (row.normals != nullptr) {
      normals = kept(row.normals, hidden_).normal(1);
      kept(row.normals, hidden_).scale(1) = norm.scale;
    }
    for_columns<S>(hidden_, [&](auto io, std::size_t j) {
      Vector<S> a[Cell::gates];
      for (std::size_t b = 0; b < Cell::gates; ++b) {
        const std::size_t at = b * hidden_ + j;
        const auto normal = norm(io.read(row.sums + at));
        if (normals != nullptr) io.write(normals + at, normal);
        const auto from_input = io.read(gain_ih_ + at) * io.read(row.input + at) + io.read(bias_ + at);
        a[b] = io.read(gain_hh_ + at) * normal + from_input;
      }
      Cell::template forward<S>(io, a, row.gates + j, row.previous_cell + j, row.cell + j, hidden_);
    });
  }

  // hidden = o tanh(gain * LN(cell) + bias)
  void put_out(const NormalisedForwardRow<S>& row, const Norm<S>& norm) const {
    if (row.normals != nullptr) kept(row.normals, hidden_).keep_of_cell(norm);
    const S* o = row.gates + (Cell::gates - 1) * hidden_;
    for_columns<S>(hidden_, [&](auto io, std::size_t j) {
      const auto n = io.read(gain_cell_ + j) * norm(io.read(row.cell + j)) + io.read(bias_cell_ + j);
      io.write(row.hidden + j, Cell::template output<S>(io.read(o + j), n));
    });
  }

  std::size_t hidden_;
  const S *bias_, *gain_ih_, *gain_hh_, *gain_cell_, *bias_cell_;
};

}  // namespace nurt::NURT_ISA
