// a = LN(W_ih x) + LN(W_hh h) + b      i = s(a_i)  f = s(a_f)  g = tanh(a_g)  o = s(a_o)
// c' = f c + i g      h' = o tanh(n),  n = gain LN(c') + bias            (order of gates: i f g o)
//
// The loop normalises the sums before the step and c' in its middle (normalised_forward.h, normalised_backward.h).
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct LayerNormLstm : CellLayout<4, 4> {
  static constexpr Names kept{4, {"input", "forget", "candidate", "output"}};
  static constexpr LearnedTensors learned{
      4, {{"norm_ih", 4, false}, {"norm_hh", 4, false}, {"norm_cell", 1, false}, {"norm_cell_bias", 1, true}}};
  static constexpr bool has_cell_state = true;
  static constexpr bool normalised = true;

  // From a to the gates and c'.
  template <class S, class Io>
  static void forward(Io io, const Vector<S>* a, S* gate, const S* previous_cell, S* cell, std::size_t hidden) {
    const auto i = sigmoid<S>(a[0]), f = sigmoid<S>(a[1]);
    const auto g = tanh<S>(a[2]);
    io.write(gate, i);
    io.write(gate + hidden, f);
    io.write(gate + 2 * hidden, g);
    io.write(gate + 3 * hidden, sigmoid<S>(a[3]));
    io.write(cell, f * io.read(previous_cell) + i * g);
  }
  // From n to h'.
  template <class S> static Vector<S> output(Vector<S> o, Vector<S> n) { return o * tanh<S>(n); }

  // From dh to da_o; returns dn.
  template <class S, class Io>
  static Vector<S> output_backward(Io io, S* grad_gates, const S* gates, Vector<S> n, Vector<S> dh,
                                   std::size_t hidden) {
    const auto squashed = tanh<S>(n), o = io.read(gates + 3 * hidden);
    io.write(grad_gates + 3 * hidden, dh * squashed * o * (S(1) - o));
    return dh * o * (S(1) - squashed * squashed);
  }
  // From dc, dL/dc' over all paths, to the rest of da, in memory and in `da`, and to dL/dc.
  template <class S, class Io>
  static void backward(Io io, const S* gate, const S* previous_cell, Vector<S> dc, S* grad_gates, S* grad_cell,
                       Vector<S>* da, std::size_t hidden) {
    const auto i = io.read(gate), f = io.read(gate + hidden), g = io.read(gate + 2 * hidden);
    da[0] = dc * g * i * (S(1) - i);
    da[1] = dc * io.read(previous_cell) * f * (S(1) - f);
    da[2] = dc * i * (S(1) - g * g);
    for (std::size_t b = 0; b < 3; ++b) io.write(grad_gates + b * hidden, da[b]);
    io.write(grad_cell, dc * f);
  }
};

NURT_CELL(LayerNormLstm, "layer_norm_lstm")

}  // namespace nurt::NURT_ISA
