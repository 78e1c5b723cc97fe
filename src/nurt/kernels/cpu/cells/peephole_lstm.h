// i = s(a_i + w_ci c)  f = s(a_f + w_cf c)  g = tanh(a_g)
// c' = f c + i g      o = s(a_o + w_co c')      h' = o tanh(c')       (order of gates: i f g o; of peepholes: i f o)
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct PeepholeLstm : CellLayout<4, 4> {
  static constexpr Names kept{4, {"input", "forget", "candidate", "output"}};
  static constexpr LearnedTensors learned{1, {{"weight_ch", 3, false}}};
  static constexpr bool has_cell_state = true;
  static constexpr bool peepholes = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t hidden) {
    S* gate = at.gates;
    const auto old = io.read(at.previous_cell);
    const auto i = sigmoid<S>(io.read(gate) + io.read(at.peepholes) * old);
    const auto f = sigmoid<S>(io.read(gate + hidden) + io.read(at.peepholes + hidden) * old);
    const auto g = tanh<S>(io.read(gate + 2 * hidden));
    const auto c = f * old + i * g;
    const auto o = sigmoid<S>(io.read(gate + 3 * hidden) + io.read(at.peepholes + 2 * hidden) * c);
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
    const auto da_o = dh * squashed * o * (S(1) - o);
    const auto dc = io.read(at.grad_cell) + dh * o * (S(1) - squashed * squashed) +
                    io.read(at.peepholes + 2 * hidden) * da_o;
    if (at.total_grad_cell != nullptr) io.write(at.total_grad_cell, dc);
    const auto da_i = dc * g * i * (S(1) - i);
    const auto da_f = dc * io.read(at.previous_cell) * f * (S(1) - f);
    io.write(at.grad_gates, da_i);
    io.write(at.grad_gates + hidden, da_f);
    io.write(at.grad_gates + 2 * hidden, dc * i * (S(1) - g * g));
    io.write(at.grad_gates + 3 * hidden, da_o);
    io.write(at.grad_cell, dc * f + io.read(at.peepholes) * da_i + io.read(at.peepholes + hidden) * da_f);
  }
};

NURT_CELL(PeepholeLstm, "peephole_lstm")

}  // namespace nurt::NURT_ISA
