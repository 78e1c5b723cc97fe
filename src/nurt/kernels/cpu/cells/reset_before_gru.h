// r = s(a_r)  z = s(a_z)  n = tanh(x_n + W_hn q),  q = r h      (reset before the product, the original form)
// h' = n + z (h - n)                                             (order of gates: r z n)
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct ResetBeforeGru : CellLayout<3, 3> {
  static constexpr Names kept{3, {"reset", "update", "candidate"}};
  static constexpr std::size_t recurrent_blocks = 2;
  static constexpr bool direct_path = true;
  static constexpr bool second_product = true;

  // `seen` is what W_hh meets; `reset` becomes q.
  template <class S, class Io> static void reset(Io io, S* gates, const S* seen, S* reset) {
    const auto r = sigmoid<S>(io.read(gates));
    io.write(gates, r);
    io.write(reset, r * io.read(seen));
  }

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t hidden) {
    S* gate = at.gates;
    const auto z = sigmoid<S>(io.read(gate + hidden)), n = tanh<S>(io.read(gate + 2 * hidden));
    io.write(gate + hidden, z);
    io.write(gate + 2 * hidden, n);
    io.write(at.hidden, n + z * (io.read(at.previous_hidden) - n));
  }

  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t hidden) {
    const S* gate = at.gates;
    const auto z = io.read(gate + hidden), n = io.read(gate + 2 * hidden);
    const auto dh = io.read(at.grad_hidden);
    io.write(at.grad_gates + hidden, dh * (io.read(at.previous_hidden) - n) * z * (S(1) - z));
    io.write(at.grad_gates + 2 * hidden, dh * (S(1) - z) * (S(1) - n * n));
    io.write(at.grad_hidden, dh * z);
  }

  // From dq to da_r; returns what reaches `seen` through q.
  template <class S, class Io>
  static Vector<S> reset_backward(Io io, const S* gates, const S* seen, const S* grad_reset, S* grad_gates) {
    const auto r = io.read(gates), dq = io.read(grad_reset);
    io.write(grad_gates, dq * io.read(seen) * r * (S(1) - r));
    return dq * r;
  }
};

NURT_CELL(ResetBeforeGru, "reset_before_gru")

}  // namespace nurt::NURT_ISA
