// Layer normalisation of rows, and its adjoint.
//
// A sum over a row is a chain of additions, each waiting for the one before. So whoever has several rows takes each
// step for all of them before the next: the processor fills the waits of one row with the work of another.
#pragma once

#include "vectors.h"

namespace nurt::NURT_ISA {

constexpr double kNormEpsilon = 1e-5;  // as in layer_norm.py

// normal = (x - mean) * scale
template <class S> struct Norm {
  S mean, scale;  // scale: 1 / sigma

  Vector<S> operator()(Vector<S> x) const { return (x - mean) * scale; }
};

// v in the lanes that `io` reads, zero beyond: what is not read from memory may be anything there.
template <class S> inline Vector<S> only(Whole<S>, Vector<S> v) { return v; }
template <class S> inline Vector<S> only(First<S> io, Vector<S> v) {
  Bits<S> lane;
  for (std::size_t i = 0; i < kLanes<S>; ++i) lane[i] = static_cast<decltype(+lane[0])>(i);
  return lane < static_cast<decltype(+lane[0])>(io.n) ? v : Vector<S>{};
}

template <class S> inline S mean_of(const S* x, std::size_t n) {
  Vector<S> sum{};
  for_columns<S>(n, [&](auto io, std::size_t j) { sum += io.read(x + j); });
  return sum_lanes<S>(sum) / static_cast<S>(n);
}

template <class S> inline S scale_of(const S* x, S mean, std::size_t n) {
  Vector<S> squares{};
  for_columns<S>(n, [&](auto io, std::size_t j) {
    const auto centred = only<S>(io, io.read(x + j) - mean);
    squares += centred * centred;
  });
  const S variance = sum_lanes<S>(squares) / static_cast<S>(n);
  return static_cast<S>(1.0 / __builtin_sqrt(static_cast<double>(variance) + kNormEpsilon));
}

// The norms of `count` rows of n columns.
template <class S> inline void find_norms(const S* const* x, std::size_t count, std::size_t n, Norm<S>* norms) {
  for (std::size_t i = 0; i < count; ++i) norms[i].mean = mean_of(x[i], n);
  for (std::size_t i = 0; i < count; ++i) norms[i].scale = scale_of(x[i], norms[i].mean, n);
}

// dx = (u - mean(u) - normal * mean(u * normal)) * scale with u = gain * dy.
template <class S> struct NormAdjoint {
  S mean, slope, scale;

  Vector<S> operator()(Vector<S> u, Vector<S> normal) const { return (u - mean - normal * slope) * scale; }
};

// The two means over a row, vector by vector.
template <class S> struct NormAdjointSums {
  Vector<S> sum{}, along{};

  void add(Vector<S> u, Vector<S> normal) {
    sum += u;
    along += u * normal;
  }
  NormAdjoint<S> adjoint(std::size_t n, S scale) const {
    return {sum_lanes<S>(sum) / static_cast<S>(n), sum_lanes<S>(along) / static_cast<S>(n), scale};
  }
};

}  // namespace nurt::NURT_ISA
