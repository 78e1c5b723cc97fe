// a = LN(W_ih x) + LN(W_hh h) + b      i = s(a_i)  f = s(a_f)  g = tanh(a_g)  o = s(a_o)
// c' = f c + i g      h' = o tanh(n),  n = gain LN(c') + bias            (order of gates: i f g o)
//
// The loop normalises the sums before the step and c' in its middle.
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct LayerNormLstm : CellLayout<4, 4> {
  static constexpr bool has_cell_state = true;
  static constexpr bool normalised = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t hidden) {
    S* gate = at.gates;
    const auto i = sigmoid<S>(io.read(gate)), f = sigmoid<S>(io.read(gate + hidden));
    const auto g = tanh<S>(io.read(gate + 2 * hidden));
    io.write(gate, i);
    io.write(gate + hidden, f);
    io.write(gate + 2 * hidden, g);
    io.write(gate + 3 * hidden, sigmoid<S>(io.read(gate + 3 * hidden)));
    io.write(at.cell, f * io.read(at.previous_cell) + i * g);
  }
  // From n to h'.
  template <class S> static Vector<S> output(Vector<S> o, Vector<S> n) { return o * tanh<S>(n); }

  // From dh to da_o and dn.
  template <class S, class Io>
  static void output_backward(Io io, S* grad_gates, const S* gates, Vector<S> n, Vector<S> dh, S* grad_n,
                              std::size_t hidden) {
    const auto squashed = tanh<S>(n), o = io.read(gates + 3 * hidden);
    io.write(grad_gates + 3 * hidden, dh * squashed * o * (S(1) - o));
    io.write(grad_n, dh * o * (S(1) - squashed * squashed));
  }
  // The rest; at.grad_cell is dL/dc' over all paths.
  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t hidden) {
    const S* gate = at.gates;
    const auto i = io.read(gate), f = io.read(gate + hidden), g = io.read(gate + 2 * hidden);
    const auto dc = io.read(at.grad_cell);
    if (at.total_grad_cell != nullptr) io.write(at.total_grad_cell, dc);
    io.write(at.grad_gates, dc * g * i * (S(1) - i));
    io.write(at.grad_gates + hidden, dc * io.read(at.previous_cell) * f * (S(1) - f));
    io.write(at.grad_gates + 2 * hidden, dc * i * (S(1) - g * g));
    io.write(at.grad_cell, dc * f);
  }
};

}  // namespace nurt::NURT_ISA
