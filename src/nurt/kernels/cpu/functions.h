// exp, tanh and sigmoid of vectors.
//
// e^x - 1 = 2^n (e^r - 1) + (2^n - 1) with x = n ln 2 + r, |r| <= ln 2 / 2, and e^r - 1 = r + r^2 q(r), where the
// polynomial q minimises the largest error relative to e^r - 1 (float: 1.6e-8, double: 5.4e-19, both before rounding).
// ln 2 is split in two so that n ln 2 is exact in its leading part. NaN goes through every function: the clamps
// are written so that a comparison with NaN keeps the NaN.
#pragma once

#include "vectors.h"

namespace nurt::NURT_ISA {

template <class S> struct ExpTable;
template <> struct ExpTable<float> {
  static constexpr int mantissa = 23;
  static constexpr std::int32_t one = 0x3F800000;
  static constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer kept in the low bits
  static constexpr float ln2_high = 0.693359375f, ln2_low = -0.00021219444f;
  static constexpr float q[] = {0.5f, 0.16666543f, 0.04166628f, 0.008366611f, 0.0013946497f};
  // Beyond these e^x is 0 or infinite in this type; the scale 2^n saturates to exactly that.
  static constexpr float lowest = -88.0f, highest = 89.0f;
  static constexpr float tanh_is_one = 10.0f;
};
template <> struct ExpTable<double> {
  static constexpr int mantissa = 52;
  static constexpr std::int64_t one = 0x3FF0000000000000;
  static constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double ln2_high = 0.6931471803691238, ln2_low = 1.9082149293851713e-10;
  static constexpr double q[] = {0.5,
                                 0.16666666666666677,
                                 0.041666666666666664,
                                 0.008333333333321192,
                                 0.0013888888888887254,
                                 0.00019841269887142825,
                                 2.480158731512622e-05,
                                 2.755724326766384e-06,
                                 2.755728640649956e-07,
                                 2.5109346049860913e-08,
                                 2.0909524231354282e-09};
  static constexpr double lowest = -709.0, highest = 710.0;
  static constexpr double tanh_is_one = 20.0;
};

template <class S> struct ExpParts {
  Vector<S> scale;   // 2^n
  Vector<S> excess;  // e^r - 1
};

// For x between ExpTable::lowest and highest.
template <class S> inline ExpParts<S> exp_parts(Vector<S> x) {
  using T = ExpTable<S>;
  constexpr S log2_e = static_cast<S>(1.44269504088896340736);
  constexpr int last = sizeof(T::q) / sizeof(S) - 1;
  const Vector<S> shifted = x * log2_e + T::shift;
  const Vector<S> n = shifted - T::shift;
  Vector<S> r = x - n * T::ln2_high;
  r = r - n * T::ln2_low;
  Vector<S> q = splat<S>(T::q[last]);
#pragma GCC unroll 12
  for (int i = last - 1; i >= 0; --i) q = q * r + T::q[i];
  return {as_vector<S>((as_bits<S>(shifted) << T::mantissa) + T::one), r + r * r * q};
}

// Clamps that keep NaN.
template <class S> inline Vector<S> at_least(Vector<S> x, S low) { return x < low ? splat<S>(low) : x; }
template <class S> inline Vector<S> at_most(Vector<S> x, S high) { return x > high ? splat<S>(high) : x; }

// 1 / (1 + e^-x). Results below the smallest normal number come out as zero.
template <class S> inline Vector<S> sigmoid(Vector<S> x) {
  using T = ExpTable<S>;
  const auto e = exp_parts<S>(at_most<S>(at_least<S>(-x, T::lowest), T::highest));
  return S(1) / (S(1) + e.scale * (S(1) + e.excess));
}

// sign(x) (1 - e^-2|x|) / (1 + e^-2|x|): nothing can overflow, and e^x - 1 keeps small x accurate.
template <class S> inline Vector<S> tanh(Vector<S> x) {
  using T = ExpTable<S>;
  constexpr auto sign_bit = static_cast<decltype(T::one)>(~(~std::uint64_t{0} >> 1) >> (64 - 8 * sizeof(S)));
  const Bits<S> bits = as_bits<S>(x);
  const Vector<S> size = at_most<S>(as_vector<S>(bits & ~sign_bit), T::tanh_is_one);
  const auto e = exp_parts<S>(S(-2) * size);
  const Vector<S> m = e.scale * e.excess + (e.scale - S(1));
  const Vector<S> y = m / (S(2) + m);
  return as_vector<S>((as_bits<S>(y) & ~sign_bit) | (bits & sign_bit));
}

}  // namespace nurt::NURT_ISA
