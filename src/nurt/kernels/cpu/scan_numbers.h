// Vectors of real and of complex numbers under one interface. Complex numbers lie in memory as torch keeps them, real
// and imaginary part side by side, so that a vector holds half as many of them.
#pragma once

#include "vectors.h"

namespace nurt::NURT_ISA {

template <class S> struct Real {
  using Part = S;
  static constexpr std::size_t parts = 1;
  static Vector<S> times(Vector<S> x, Vector<S> y) { return x * y; }
  static Vector<S> conjugate_times(Vector<S> x, Vector<S> y) { return x * y; }
};

template <class S> struct Complex {
  using Part = S;
  static constexpr std::size_t parts = 2;

  // (x_r y_r - x_i y_i, x_r y_i + x_i y_r)
  static Vector<S> times(Vector<S> x, Vector<S> y) {
    return real_parts(x) * y + imaginary_parts(x) * signs() * swapped(y);
  }
  // (x_r y_r + x_i y_i, x_r y_i - x_i y_r)
  static Vector<S> conjugate_times(Vector<S> x, Vector<S> y) {
    return real_parts(x) * y - imaginary_parts(x) * signs() * swapped(y);
  }

 private:
  // Lane i of the result is lane `pick(i)` of v.
  template <class Pick> static Vector<S> picked(Vector<S> v, Pick pick) {
    Bits<S> lanes{};
    for (std::size_t i = 0; i < kLanes<S>; ++i) lanes[i] = static_cast<std::int32_t>(pick(i));
#if defined(__clang__)
    Vector<S> result{};
    for (std::size_t i = 0; i < kLanes<S>; ++i) result[i] = v[lanes[i]];
    return result;
#else
    return __builtin_shuffle(v, lanes);
#endif
  }
  static Vector<S> real_parts(Vector<S> v) {
    return picked(v, [](std::size_t i) { return i & ~std::size_t{1}; });
  }
  static Vector<S> imaginary_parts(Vector<S> v) {
    return picked(v, [](std::size_t i) { return i | 1; });
  }
  static Vector<S> swapped(Vector<S> v) {
    return picked(v, [](std::size_t i) { return i ^ 1; });
  }
  static Vector<S> signs() {
    Vector<S> result{};
    for (std::size_t i = 0; i < kLanes<S>; ++i) result[i] = i % 2 == 0 ? S(-1) : S(1);
    return result;
  }
};

}  // namespace nurt::NURT_ISA
