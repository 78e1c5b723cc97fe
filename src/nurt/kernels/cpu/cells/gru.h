// r = s(a_r)  z = s(a_z)  n = tanh(x_n + r m),  m = W_hn h + b_hn      (reset after the product, as torch and cuDNN)
// h' = n + z (h - n)
//
// The row is kept as n r z m: the input's product covers n r z, the recurrent product r z m, each one whole range.
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct Gru : CellLayout<4, 3> {
  static constexpr Names kept{4, {"candidate", "reset", "update", "recurrent_candidate"}};
  static constexpr std::size_t recurrent_first = 1;
  static constexpr std::size_t input_block(std::size_t block) { return (block + 2) % 3; }  // torch's order is r z n
  static constexpr bool direct_path = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t hidden) {
    S* gate = at.gates;
    const auto r = sigmoid<S>(io.read(gate + hidden)), z = sigmoid<S>(io.read(gate + 2 * hidden));
    const auto n = tanh<S>(io.read(gate) + r * io.read(gate + 3 * hidden));
    io.write(gate, n);
    io.write(gate + hidden, r);
    io.write(gate + 2 * hidden, z);
    io.write(at.hidden, n + z * (io.read(at.previous_hidden) - n));
  }

  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t hidden) {
    const S* gate = at.gates;
    const auto n = io.read(gate), r = io.read(gate + hidden);
    const auto z = io.read(gate + 2 * hidden), m = io.read(gate + 3 * hidden);
    const auto dh = io.read(at.grad_hidden);
    const auto da_n = dh * (S(1) - z) * (S(1) - n * n);
    io.write(at.grad_gates, da_n);
    io.write(at.grad_gates + hidden, da_n * m * r * (S(1) - r));
    io.write(at.grad_gates + 2 * hidden, dh * (io.read(at.previous_hidden) - n) * z * (S(1) - z));
    io.write(at.grad_gates + 3 * hidden, da_n * r);
    io.write(at.grad_hidden, dh * z);
  }
};

NURT_CELL(Gru, "gru")

}  // namespace nurt::NURT_ISA
