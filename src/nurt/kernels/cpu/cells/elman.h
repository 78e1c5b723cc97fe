// h' = f(a), a = W_ih x + b_ih + W_hh h + b_hh, for f = tanh, relu, sigmoid or the identity.
//
// f' can be told from h' alone, so the activated row is the output itself and nothing else is kept.
#pragma once

#include "cell.h"

namespace nurt::NURT_ISA {

template <class Activation> struct Elman : CellLayout<1, 1> {
  static constexpr bool gates_are_output = true;

  template <class S, class Io> static void forward(Io io, const ForwardSlice<S>& at, std::size_t) {
    io.write(at.hidden, Activation::template value<S>(io.read(at.gates)));
  }
  template <class S, class Io> static void backward(Io io, const BackwardSlice<S>& at, std::size_t) {
    io.write(at.grad_gates, Activation::template gradient<S>(io.read(at.grad_hidden), io.read(at.gates)));
  }
};

struct Tanh {
  template <class S> static Vector<S> value(Vector<S> a) { return tanh<S>(a); }
  template <class S> static Vector<S> gradient(Vector<S> dh, Vector<S> h) { return dh * (S(1) - h * h); }
};
struct Relu {
  // Written so that NaN stays NaN, and -0 and 0 have the gradient 0 as in torch.
  template <class S> static Vector<S> value(Vector<S> a) { return a < S(0) ? Vector<S>{} : a; }
  template <class S> static Vector<S> gradient(Vector<S> dh, Vector<S> h) { return h <= S(0) ? Vector<S>{} : dh; }
};
struct Sigmoid {
  template <class S> static Vector<S> value(Vector<S> a) { return sigmoid<S>(a); }
  template <class S> static Vector<S> gradient(Vector<S> dh, Vector<S> h) { return dh * h * (S(1) - h); }
};
struct Identity {
  template <class S> static Vector<S> value(Vector<S> a) { return a; }
  template <class S> static Vector<S> gradient(Vector<S> dh, Vector<S>) { return dh; }
};

NURT_CELL(Elman<Tanh>, "elman_tanh")
NURT_CELL(Elman<Relu>, "elman_relu")
NURT_CELL(Elman<Sigmoid>, "elman_sigmoid")
NURT_CELL(Elman<Identity>, "linear")

}  // namespace nurt::NURT_ISA
