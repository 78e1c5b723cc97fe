// The backward step of a cell whose sums and cell state are normalised, for a block of rows, and the gradients of the
// vectors it learns.
#pragma once

#include "carry.h"
#include "normalised_forward.h"
#include "pairs.h"

namespace nurt::NURT_ISA {

// Sums that become the gradients of biases and gains: one set for each block of kRowBlock ranks, added up by whoever
// walks through time with these ranks, then the sets in rising order. Tiles are whole blocks, so that the order does
// not depend on how many threads share them.
template <class Cell, class S> struct NormSums {
  std::size_t hidden, blocks;
  S* data;

  static std::size_t scratch_size(const Plan& plan) { return room<S>(count(plan) * columns(plan.hidden)); }
  NormSums(Scratch& scratch, const Plan& plan) : hidden(plan.hidden), blocks(count(plan)) {
    data = take<S>(scratch, blocks * columns(hidden));
    clear(data, blocks * columns(hidden));
  }

  // A set: of da, of da times the normal sums of either product, of dn times the normal cell state, of dn.
  S* of_rank(std::size_t rank) const { return data + rank / kRowBlock * columns(hidden); }
  static std::size_t gains(std::size_t product, std::size_t hidden) { return (1 + product) * Cell::gates * hidden; }
  static std::size_t cell_gain(std::size_t hidden) { return 3 * Cell::gates * hidden; }
  static std::size_t cell_bias(std::size_t hidden) { return cell_gain(hidden) + hidden; }

  void give(const Backward& call) const {
    if constexpr (!Cell::normalised) return;
    for (std::size_t block = 1; block < blocks; ++block) add_to(data, data + block * columns(hidden), columns(hidden));
    const std::size_t sums = Cell::gates * hidden;
    give_part(call.grad_bias_ih, 0, sums);
    give_part(call.grad_bias_hh, 0, sums);
    give_part(call.grad_learned.of[kNormIh], gains(0, hidden), sums);
    give_part(call.grad_learned.of[kNormHh], gains(1, hidden), sums);
    give_part(call.grad_learned.of[kNormCell], cell_gain(hidden), hidden);
    give_part(call.grad_learned.of[kNormCellBias], cell_bias(hidden), hidden);
  }

 private:
  static std::size_t count(const Plan& plan) {
    return Cell::normalised ? (plan.batch + kRowBlock - 1) / kRowBlock : 0;
  }
  static std::size_t columns(std::size_t hidden) { return (3 * Cell::gates + 2) * hidden; }
  void give_part(void* to, std::size_t first, std::size_t size) const {
    if (to != nullptr) copy(static_cast<S*>(to), data + first, size);
  }
};

template <class S> struct NormalisedBackwardRow {
  BackwardSlice<S> at;  // but for grad_gates
  const S* grad_outputs;
  S* total_grad_hidden;  // optional
  S* normals;            // as the forward pass left them
  S *grad_gates, *grad_cell_normal;  // room for da and dn
  S *to_input, *to_recurrent;  // where the gradients of W_ih x and W_hh h go
};

// At most kRowBlock rows. Each norm needs all of a row, so there are three passes over it.
template <class Cell, class S> class NormalisedBackward {
 public:
  NormalisedBackward(const Learned<const void>& learned, const S* zeros, S* sums, std::size_t hidden)
      : hidden_(hidden),
        gain_ih_(static_cast<const S*>(learned.of[kNormIh])),
        gain_hh_(static_cast<const S*>(learned.of[kNormHh])),
        gain_cell_(static_cast<const S*>(learned.of[kNormCell])),
        bias_cell_(learned.of[kNormCellBias] == nullptr ? zeros : static_cast<const S*>(learned.of[kNormCellBias])),
        sums_(sums) {}

  void add(const NormalisedBackwardRow<S>& row) { rows_[count_++] = row; }

  void step() {
    for (std::size_t i = 0; i < count_; ++i) through_output(i);
    for (std::size_t i = 0; i < count_; ++i) through_cell(i);
    through_products();
    add_cell_terms();
  }

 private:
  NormalRow<Cell, S> kept(std::size_t i) const { return {rows_[i].normals, hidden_}; }

  // dh to da_o and dn.
  void through_output(std::size_t i) {
    const NormalisedBackwardRow<S>& row = rows_[i];
    const BackwardSlice<S>& at = row.at;
    const Norm<S> norm = kept(i).of_cell();
    NormAdjointSums<S> sums;
    for_columns<S>(hidden_, [&](auto io, std::size_t j) {
      const auto dh = io.read(at.grad_hidden + j) + io.read(row.grad_outputs + j);
      if (row.total_grad_hidden != nullptr) io.write(row.total_grad_hidden + j, dh);
      const auto gain = io.read(gain_cell_ + j), normal = norm(io.read(at.cell + j));
      const auto n = gain * normal + io.read(bias_cell_ + j);
      const auto dn = Cell::template output_backward<S>(io, row.grad_gates + j, at.gates + j, n, dh, hidden_);
      io.write(row.grad_cell_normal + j, dn);
      sums.add(gain * dn, normal);
    });
    of_cell_[i] = sums.adjoint(hidden_, norm.scale);
  }

  // dn and dc to the rest of da.
  void through_cell(std::size_t i) {
    const NormalisedBackwardRow<S>& row = rows_[i];
    const BackwardSlice<S>& at = row.at;
    const NormalRow<Cell, S> normals = kept(i);
    const Norm<S> norm = normals.of_cell();
    const S *input = normals.normal(0), *recurrent = normals.normal(1);
    NormAdjointSums<S> of_input, of_recurrent;
    for_columns<S>(hidden_, [&](auto io, std::size_t j) {
      const auto u = io.read(gain_cell_ + j) * io.read(row.grad_cell_normal + j);
      const auto dc = io.read(at.grad_cell + j) + of_cell_[i](u, norm(io.read(at.cell + j)));
      if (at.total_grad_cell != nullptr) io.write(at.total_grad_cell + j, dc);
      Vector<S> da[Cell::gates];
      da[Cell::gates - 1] = io.read(row.grad_gates + (Cell::gates - 1) * hidden_ + j);
      Cell::template backward<S>(io, at.gates + j, at.previous_cell + j, dc, row.grad_gates + j, at.grad_cell + j, da,
                                 hidden_);
      for (std::size_t b = 0; b < Cell::gates; ++b) {
        const std::size_t column = b * hidden_ + j;
        of_input.add(io.read(gain_ih_ + column) * da[b], io.read(input + column));
        of_recurrent.add(io.read(gain_hh_ + column) * da[b], io.read(recurrent + column));
      }
    });
    of_input_[i] = of_input.adjoint(Cell::gates * hidden_, normals.scale(0));
    of_recurrent_[i] = of_recurrent.adjoint(Cell::gates * hidden_, normals.scale(1));
  }

  // da to the gradients of both products, and what these rows add to the sums over da.
  void through_products() {
    const std::size_t columns = Cell::gates * hidden_;
    S *bias = sums_, *gains_ih = sums_ + NormSums<Cell, S>::gains(0, hidden_);
    S* gains_hh = sums_ + NormSums<Cell, S>::gains(1, hidden_);
    for_columns<S>(columns, [&](auto io, std::size_t j) {
      const auto gain_ih = io.read(gain_ih_ + j), gain_hh = io.read(gain_hh_ + j);
      Vector<S> sum{}, along_input{}, along_recurrent{};
      for (std::size_t i = 0; i < count_; ++i) {
        const S* normals = rows_[i].normals + j;
        const auto da = io.read(rows_[i].grad_gates + j);
        const auto input = io.read(normals), recurrent = io.read(normals + columns);
        io.write(rows_[i].to_input + j, of_input_[i](gain_ih * da, input));
        io.write(rows_[i].to_recurrent + j, of_recurrent_[i](gain_hh * da, recurrent));
        sum += da;
        along_input += da * input;
        along_recurrent += da * recurrent;
      }
      io.write(bias + j, io.read(bias + j) + sum);
      io.write(gains_ih + j, io.read(gains_ih + j) + along_input);
      io.write(gains_hh + j, io.read(gains_hh + j) + along_recurrent);
    });
  }

  void add_cell_terms() {
    S *gains = sums_ + NormSums<Cell, S>::cell_gain(hidden_), *bias = sums_ + NormSums<Cell, S>::cell_bias(hidden_);
    for_columns<S>(hidden_, [&](auto io, std::size_t j) {
      Vector<S> sum{}, along{};
      for (std::size_t i = 0; i < count_; ++i) {
        const auto dn = io.read(rows_[i].grad_cell_normal + j);
        sum += dn;
        along += dn * kept(i).of_cell()(io.read(rows_[i].at.cell + j));
      }
      io.write(bias + j, io.read(bias + j) + sum);
      io.write(gains + j, io.read(gains + j) + along);
    });
  }

  std::size_t hidden_;
  const S *gain_ih_, *gain_hh_, *gain_cell_, *bias_cell_;
  S* sums_;  // the set of these ranks
  std::size_t count_ = 0;
  NormalisedBackwardRow<S> rows_[kRowBlock];
  NormAdjoint<S> of_cell_[kRowBlock], of_input_[kRowBlock], of_recurrent_[kRowBlock];
};

}  // namespace nurt::NURT_ISA
