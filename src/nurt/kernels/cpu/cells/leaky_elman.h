// g = tanh(a), a = W_ih x + b_ih + W_hh h + b_hh      h' = (1 - leak) h + leak g      (one constant: leak)
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

struct LeakyElman : CellLayout<1, 1> {
  static constexpr Names kept{1, {"candidate"}};
  static constexpr std::size_t constants = 1;
  static constexpr bool direct_path = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t) {
    const S leak = static_cast<S>(at.constants[0]);
    const auto g = tanh<S>(io.read(at.gates));
    io.write(at.gates, g);
    io.write(at.hidden, (S(1) - leak) * io.read(at.previous_hidden) + leak * g);
  }

  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t) {
    const S leak = static_cast<S>(at.constants[0]);
    const auto g = io.read(at.gates), dh = io.read(at.grad_hidden);
    io.write(at.grad_gates, leak * dh * (S(1) - g * g));
    io.write(at.grad_hidden, (S(1) - leak) * dh);
  }
};

NURT_CELL(LeakyElman, "leaky_elman")

}  // namespace nurt::NURT_ISA
