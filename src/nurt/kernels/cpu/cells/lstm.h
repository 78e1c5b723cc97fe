// i = s(a_i)  f = s(a_f)  g = tanh(a_g)  o = s(a_o)
// c' = f c + i g      h' = o tanh(c')            (torch's order of gates: i f g o)
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct Lstm : CellLayout<4, 4> {
  static constexpr Names kept{4, {"input", "forget", "candidate", "output"}};
  static constexpr bool has_cell_state = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t hidden) {
    S* gate = at.gates;
    const auto i = sigmoid<S>(io.read(gate)), f = sigmoid<S>(io.read(gate + hidden));
    const auto g = tanh<S>(io.read(gate + 2 * hidden)), o = sigmoid<S>(io.read(gate + 3 * hidden));
    const auto c = f * io.read(at.previous_cell) + i * g;
    io.write(gate, i);
    io.write(gate + hidden, f);
    io.write(gate + 2 * hidden, g);
    io.write(gate + 3 * hidden, o);
    io.write(at.cell, c);
    io.write(at.hidden, o * tanh<S>(c));
  }

  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t hidden) {
    const S* gate = at.gates;
    const auto i = io.read(gate), f = io.read(gate + hidden);
    const auto g = io.read(gate + 2 * hidden), o = io.read(gate + 3 * hidden);
    const auto squashed = tanh<S>(io.read(at.cell));
    const auto dh = io.read(at.grad_hidden);
    const auto dc = io.read(at.grad_cell) + dh * o * (S(1) - squashed * squashed);
    if (at.total_grad_cell != nullptr) io.write(at.total_grad_cell, dc);
    io.write(at.grad_gates, dc * g * i * (S(1) - i));
    io.write(at.grad_gates + hidden, dc * io.read(at.previous_cell) * f * (S(1) - f));
    io.write(at.grad_gates + 2 * hidden, dc * i * (S(1) - g * g));
    io.write(at.grad_gates + 3 * hidden, dh * squashed * o * (S(1) - o));
    io.write(at.grad_cell, dc * f);
  }
};

NURT_CELL(Lstm, "lstm")

}  // namespace nurt::NURT_ISA
