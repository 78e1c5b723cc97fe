// What happens to a row of the state between two steps, one row at a time.
#pragma once

#include "vectors.h"

namespace nurt::NURT_ISA {

// to = mask * from
template <class S> inline void masked(const S* mask, const S* from, S* to, std::size_t n) {
  for_columns<S>(n, [&](auto io, std::size_t j) { io.write(to + j, io.read(mask + j) * io.read(from + j)); });
}

// fresh = k * old + (1 - k) * fresh
template <class S> inline void keep_part(const S* share, const S* old, S* fresh, std::size_t n) {
  for_columns<S>(n, [&](auto io, std::size_t j) {
    const auto k = io.read(share + j);
    io.write(fresh + j, k * io.read(old + j) + (S(1) - k) * io.read(fresh + j));
  });
}

// Divides the gradient of the state after zoneout: kept = k * grad, grad = (1 - k) * grad.
template <class S> inline void divide(const S* share, S* grad, S* kept, std::size_t n) {
  for_columns<S>(n, [&](auto io, std::size_t j) {
    const auto k = io.read(share + j), g = io.read(grad + j);
    io.write(kept + j, k * g);
    io.write(grad + j, (S(1) - k) * g);
  });
}

template <class S> inline void add_to(S* sum, const S* term, std::size_t n) {
  for_columns<S>(n, [&](auto io, std::size_t j) { io.write(sum + j, io.read(sum + j) + io.read(term + j)); });
}

// NaN stays NaN.
template <class S> inline void clamp(S* values, S bound, std::size_t n) {
  for_columns<S>(n, [&](auto io, std::size_t j) {
    const auto v = io.read(values + j), most = splat<S>(bound);
    const auto below = v > most ? most : v;
    io.write(values + j, below < -most ? -most : below);
  });
}

}  // namespace nurt::NURT_ISA
