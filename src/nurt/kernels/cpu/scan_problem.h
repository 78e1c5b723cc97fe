// What crosses the border between the binding of the diagonal scan and its vector code: plain structures alone, for
// the reason that problem.h gives.
#pragma once

#include <cstddef>
#include <cstdint>

#include "problem.h"

namespace nurt {

enum class Number : int { float32, float64, complex64, complex128 };
constexpr int kNumbers = 4;

// Sizes of h_t = a_t h_{t-1} + b_t, element by element. `size` counts numbers, real or complex.
struct Scan {
  std::size_t batch, time, size;  // B, T, D
  const std::int64_t* lengths;    // (B) steps of each row; null: T
  bool reverse;                   // every row from its own last step to its first
  int threads;
};

// Strides of `Rows` count numbers here; those of `a` are zero along an axis that it does not have.
// (B, D) tensors are contiguous; null means absent.
struct ScanForward {
  Rows a, b;            // (B, T, D)
  const void* initial;  // (B, D), optional: zero
  Rows outputs;         // (B, T, D)
  void* final;          // (B, D)
};

// Over which axes the gradient of `a` is summed, because `a` does not have them.
enum class Shared : int { nothing, time, batch, both };

struct ScanBackward {
  Rows a, outputs;         // as in the forward pass
  const void* initial;     // (B, D), optional: zero
  Rows grad_outputs;       // (B, T, D), optional: zero
  const void* grad_final;  // (B, D), optional: zero
  Shared shared;
  Rows grad_a;             // (B, T, D), (B, 1, D), (1, T, D) or (1, 1, D) as `shared` says; optional
  Rows grad_b;             // (B, T, D), optional
  void* grad_initial;      // (B, D), optional
};

struct ScanEngine {
  void (*forward[kNumbers])(const Scan&, const ScanForward&);
  void (*backward[kNumbers])(const Scan&, const ScanBackward&);
};

const ScanEngine& baseline_scan_engine();
const ScanEngine& avx2_scan_engine();
const ScanEngine& avx512_scan_engine();

}  // namespace nurt
