// Layer normalisation of one row, and its adjoint.
#pragma once

#include "vectors.h"

namespace nurt::NURT_ISA {

constexpr double kNormEpsilon = 1e-5;  // as in layer_norm.py

template <class S> inline S mean_of(const S* x, std::size_t n) {
  Vector<S> sum{};
  for_columns<S>(n, [&](auto io, std::size_t j) { sum += io.read(x + j); });
  return sum_lanes<S>(sum) / static_cast<S>(n);
}

// normal = (x - mean) / sigma; returns 1 / sigma. `normal` may be `x`.
template <class S> inline S normalise(const S* x, S* normal, std::size_t n) {
  const S mean = mean_of(x, n);
  Vector<S> squares{};
  for_columns<S>(n, [&](auto io, std::size_t j) {
    io.write(normal + j, io.read(x + j) - mean);
    // Read again, because lanes beyond the row are zero only when they come from memory.
    const auto centred = io.read(normal + j);
    squares += centred * centred;
  });
  const S variance = sum_lanes<S>(squares) / static_cast<S>(n);
  const auto scale = static_cast<S>(1.0 / __builtin_sqrt(static_cast<double>(variance) + kNormEpsilon));
  for_columns<S>(n, [&](auto io, std::size_t j) { io.write(normal + j, io.read(normal + j) * scale); });
  return scale;
}

// to (+)= (u - mean(u) - normal * mean(u * normal)) / sigma with u = gain * grad.
template <class S, bool add>
inline void normalise_adjoint(const S* grad, const S* gain, const S* normal, S scale, S* to, std::size_t n) {
  Vector<S> sum{}, along{};
  for_columns<S>(n, [&](auto io, std::size_t j) {
    const auto u = io.read(gain + j) * io.read(grad + j);
    sum += u;
    along += u * io.read(normal + j);
  });
  const S mean = sum_lanes<S>(sum) / static_cast<S>(n), slope = sum_lanes<S>(along) / static_cast<S>(n);
  for_columns<S>(n, [&](auto io, std::size_t j) {
    const auto u = io.read(gain + j) * io.read(grad + j);
    const auto dx = (u - mean - io.read(normal + j) * slope) * scale;
    if constexpr (add) {
      io.write(to + j, io.read(to + j) + dx);
    } else {
      io.write(to + j, dx);
    }
  });
}

}  // namespace nurt::NURT_ISA
