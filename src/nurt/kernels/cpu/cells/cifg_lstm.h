// f = s(a_f)  g = tanh(a_g)  o = s(a_o)
// c' = f c + (1 - f) g      h' = o tanh(c')            (order of gates: f g o)
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct CifgLstm : CellLayout<3, 3> {
  static constexpr Names kept{3, {"forget", "candidate", "output"}};
  static constexpr bool has_cell_state = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t hidden) {
    S* gate = at.gates;
    const auto f = sigmoid<S>(io.read(gate)), o = sigmoid<S>(io.read(gate + 2 * hidden));
    const auto g = tanh<S>(io.read(gate + hidden));
    const auto c = f * io.read(at.previous_cell) + (S(1) - f) * g;
    io.write(gate, f);
    io.write(gate + hidden, g);
    io.write(gate + 2 * hidden, o);
    io.write(at.cell, c);
    io.write(at.hidden, o * tanh<S>(c));
  }

  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t hidden) {
    const S* gate = at.gates;
    const auto f = io.read(gate), g = io.read(gate + hidden), o = io.read(gate + 2 * hidden);
    const auto squashed = tanh<S>(io.read(at.cell));
    const auto dh = io.read(at.grad_hidden);
    const auto dc = io.read(at.grad_cell) + dh * o * (S(1) - squashed * squashed);
    if (at.total_grad_cell != nullptr) io.write(at.total_grad_cell, dc);
    io.write(at.grad_gates, dc * (io.read(at.previous_cell) - g) * f * (S(1) - f));
    io.write(at.grad_gates + hidden, dc * (S(1) - f) * (S(1) - g * g));
    io.write(at.grad_gates + 2 * hidden, dh * squashed * o * (S(1) - o));
    io.write(at.grad_cell, dc * f);
  }
};

NURT_CELL(CifgLstm, "cifg_lstm")

}  // namespace nurt::NURT_ISA
