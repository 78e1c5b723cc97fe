// The two matrix products of a recurrence.
//
//   multiply            C[r] (+)= A[r] . P      rows r given by pointers, P packed: the steps of the time loop
//   accumulate_outer    C += sum_k a_k^T b_k    the weight gradients, one long sum over all (step, row) pairs
//
// Both keep a block of C in registers (kRowBlock rows by up to three vectors) and add terms in rising k, one by one;
// lone columns of `multiply` add them lane by lane. Which way an element is summed follows from the sizes of P alone, so
// its value depends neither on the block it falls into nor on the thread that computes it.
#pragma once

#include "vectors.h"

namespace nurt::NURT_ISA {

#if NURT_ISA_LEVEL == NURT_AVX512 || defined(__aarch64__)
constexpr std::size_t kRowBlock = 8;  // 32 vector registers: 24 sums, 3 of P, 1 of A
#else
constexpr std::size_t kRowBlock = 4;  // 16 vector registers: 12 sums, 3 of P, 1 of A
#endif
constexpr std::size_t kPanelVectors = 3;

inline std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }
inline std::size_t larger(std::size_t a, std::size_t b) { return a > b ? a : b; }

template <std::size_t N> struct Size { static constexpr std::size_t value = N; };

// Calls work(Size<rows>) for the rows left over by whole blocks, 0 .. kRowBlock-1.
template <class Work> inline void for_rest(std::size_t rows, const Work& work) {
  switch (rows) {
    case 1: work(Size<1>{}); break;
    case 2: work(Size<2>{}); break;
    case 3: work(Size<3>{}); break;
    default:
      if constexpr (kRowBlock > 4) {
        switch (rows) {
          case 4: work(Size<4>{}); break;
          case 5: work(Size<5>{}); break;
          case 6: work(Size<6>{}); break;
          case 7: work(Size<7>{}); break;
          default: break;
        }
      }
  }
}

// Columns 0 .. n-1 cut into panels of three vectors or fewer. A lone vector at the end would leave the arithmetic
// units waiting for loads, so four vectors are cut as two and two.
template <class S> struct Panels {
  std::size_t columns, vectors, count;

  explicit Panels(std::size_t n)
      : columns(n), vectors((n + kLanes<S> - 1) / kLanes<S>), count((vectors + kPanelVectors - 1) / kPanelVectors) {}

  bool short_pair() const { return vectors % kPanelVectors == 1 && count >= 2; }
  std::size_t first_vector(std::size_t panel) const {
    return kPanelVectors * panel - (short_pair() && panel + 1 == count ? 1 : 0);
  }
  std::size_t first_column(std::size_t panel) const { return first_vector(panel) * kLanes<S>; }
  std::size_t width(std::size_t panel) const {  // in vectors
    return (panel + 1 == count ? vectors : first_vector(panel + 1)) - first_vector(panel);
  }
  std::size_t used(std::size_t panel) const {  // columns that exist, the last vector may be partly empty
    return smaller(columns - first_column(panel), width(panel) * kLanes<S>);
  }
};

// Columns beyond the last whole vector that are better computed one by one: where they are few and the sum is long, dot
// products along the sum beat a vector of columns that is mostly empty. Adding up the lanes at the end costs about as
// much as 16 vectors of the sum.
template <class S> inline std::size_t lone_columns(std::size_t depth, std::size_t columns) {
  const std::size_t rest = columns % kLanes<S>;
  return 2 * rest * (depth / kLanes<S> + 16) < depth ? rest : 0;
}

// A (depth x columns) matrix in pieces: panel after panel, within a panel one row of width(panel) vectors per k; then, as
// the last piece, the lone columns, one after the other.
template <class S> struct Packed {
  S* data;
  std::size_t depth, lone;
  Panels<S> panels;

  Packed(S* memory, std::size_t depth, std::size_t columns)
      : data(memory), depth(depth), lone(lone_columns<S>(depth, columns)), panels(columns - lone) {}
  static std::size_t size(std::size_t depth, std::size_t columns) {
    const std::size_t lone = lone_columns<S>(depth, columns);
    return (Panels<S>(columns - lone).vectors * kLanes<S> + lone) * depth;
  }
  std::size_t columns() const { return panels.columns + lone; }
  std::size_t pieces() const { return panels.count + (lone > 0 ? 1 : 0); }
  S* panel(std::size_t p) const { return data + panels.first_column(p) * depth; }
  S* lone_column(std::size_t i) const { return data + (panels.columns + i) * depth; }

  // Fills one piece from pointers to the matrix's columns, column(j)[k], or to its rows, row(k)[j].
  template <class Column> void pack_columns(std::size_t piece, const Column& column) const {
    if (piece == panels.count) {
      for (std::size_t i = 0; i < lone; ++i) {
        __builtin_memcpy(lone_column(i), column(panels.columns + i), depth * sizeof(S));
      }
      return;
    }
    const std::size_t stride = panels.width(piece) * kLanes<S>, used = panels.used(piece);
    const S* from[kPanelVectors * kLanes<S>];
    for (std::size_t j = 0; j < used; ++j) from[j] = column(panels.first_column(piece) + j);
    S* to = panel(piece);
    for (std::size_t k = 0; k < depth; ++k, to += stride) {
      for (std::size_t j = 0; j < used; ++j) to[j] = from[j][k];
      for (std::size_t j = used; j < stride; ++j) to[j] = 0;
    }
  }
  template <class Row> void pack_rows(std::size_t piece, const Row& row) const {
    if (piece == panels.count) {
      for (std::size_t k = 0; k < depth; ++k) {
        for (std::size_t i = 0; i < lone; ++i) lone_column(i)[k] = row(k)[panels.columns + i];
      }
      return;
    }
    const std::size_t stride = panels.width(piece) * kLanes<S>, used = panels.used(piece);
    S* to = panel(piece);
    for (std::size_t k = 0; k < depth; ++k, to += stride) {
      const S* from = row(k) + panels.first_column(piece);
      for (std::size_t j = 0; j < used; ++j) to[j] = from[j];
      for (std::size_t j = used; j < stride; ++j) to[j] = 0;
    }
  }
};

enum class Start { zero, bias, present };  // what the sum begins with

template <class S, std::size_t R, std::size_t W, Start start>
inline void multiply_block(const S* const* a, S* const* c, std::size_t column, const S* panel, std::size_t depth,
                           std::size_t used, const S* bias, const S* ahead) {
  const First<S> last{used - (W - 1) * kLanes<S>};
  Vector<S> sum[R][W];
  for (std::size_t i = 0; i < R; ++i) {
    for (std::size_t w = 0; w < W; ++w) {
      if constexpr (start == Start::zero) {
        sum[i][w] = Vector<S>{};
      } else {
        const S* from = (start == Start::bias ? bias : c[i]) + column + w * kLanes<S>;
        sum[i][w] = w + 1 < W ? load(from) : last.read(from);
      }
    }
  }
  const S* row[R];
  for (std::size_t i = 0; i < R; ++i) row[i] = a[i];
  if constexpr (start != Start::present) {
    for (std::size_t i = 0; i < R; ++i) {
      for (std::size_t w = 0; w < W; ++w) write_soon(c[i] + column + w * kLanes<S>);
    }
  }
#pragma GCC unroll 2
  for (std::size_t k = 0; k < depth; ++k, panel += W * kLanes<S>, ahead += kLanes<S>) {
    fetch_later(ahead);
    Vector<S> p[W];
    for (std::size_t w = 0; w < W; ++w) p[w] = load(panel + w * kLanes<S>);
    for (std::size_t i = 0; i < R; ++i) {
      const Vector<S> value = splat<S>(row[i][k]);
      for (std::size_t w = 0; w < W; ++w) sum[i][w] += value * p[w];
    }
  }
  for (std::size_t i = 0; i < R; ++i) {
    for (std::size_t w = 0; w + 1 < W; ++w) store(c[i] + column + w * kLanes<S>, sum[i][w]);
    last.write(c[i] + column + (W - 1) * kLanes<S>, sum[i][W - 1]);
  }
}

template <class S, std::size_t W, Start start>
inline void multiply_panel(const S* const* a, S* const* c, std::size_t rows, std::size_t column, const S* panel,
                           std::size_t depth, std::size_t used, const S* bias) {
  // The next panel lies behind this one. Each block of rows asks for one vector of it per k, so that large weights
  // arrive from the third-level cache while others are at work.
  constexpr std::size_t row_size = W * kLanes<S>;
  const S* ahead = panel + row_size * depth;
  std::size_t r = 0;
  for (; r + kRowBlock <= rows; r += kRowBlock) {
    multiply_block<S, kRowBlock, W, start>(a + r, c + r, column, panel, depth, used, bias,
                                           r / kRowBlock < W ? ahead + r / kRowBlock * kLanes<S> * depth : panel);
  }
  const auto rest = [&](auto size) {
    multiply_block<S, decltype(size)::value, W, start>(a + r, c + r, column, panel, depth, used, bias, panel);
  };
  for_rest(rows - r, rest);
}

// One column of R rows of C, as dot products.
template <class S, std::size_t R, Start start>
inline void multiply_lone_block(const S* const* a, S* const* c, std::size_t column, const S* weights,
                                std::size_t depth, const S* bias) {
  Vector<S> sum[R] = {};
  for_columns<S>(depth, [&](auto io, std::size_t k) {
    const Vector<S> w = io.read(weights + k);
    for (std::size_t i = 0; i < R; ++i) sum[i] += io.read(a[i] + k) * w;
  });
  for (std::size_t i = 0; i < R; ++i) {
    const S begin = start == Start::zero ? S(0) : (start == Start::bias ? bias : c[i])[column];
    c[i][column] = begin + sum_lanes<S>(sum[i]);
  }
}

template <class S, Start start>
inline void multiply_lone(const S* const* a, S* const* c, std::size_t rows, const Packed<S>& packed, const S* bias) {
  for (std::size_t i = 0; i < packed.lone; ++i) {
    const std::size_t column = packed.panels.columns + i;
    const S* weights = packed.lone_column(i);
    std::size_t r = 0;
    for (; r + kRowBlock <= rows; r += kRowBlock) {
      multiply_lone_block<S, kRowBlock, start>(a + r, c + r, column, weights, packed.depth, bias);
    }
    for_rest(rows - r, [&](auto size) {
      multiply_lone_block<S, decltype(size)::value, start>(a + r, c + r, column, weights, packed.depth, bias);
    });
  }
}

// C[r] (+)= A[r] . packed in the columns of the pieces first .. last-1, for `rows` rows. C may not overlap A.
template <class S, Start start>
void multiply_pieces(const S* const* a, S* const* c, std::size_t rows, const Packed<S>& packed, const S* bias,
                     std::size_t first, std::size_t last) {
  const Panels<S>& panels = packed.panels;
  for (std::size_t p = first; p < last; ++p) {
    if (p == panels.count) return multiply_lone<S, start>(a, c, rows, packed, bias);
    const std::size_t column = panels.first_column(p), used = panels.used(p);
    const S* panel = packed.panel(p);
    switch (panels.width(p)) {
      case 1: multiply_panel<S, 1, start>(a, c, rows, column, panel, packed.depth, used, bias); break;
      case 2: multiply_panel<S, 2, start>(a, c, rows, column, panel, packed.depth, used, bias); break;
      default: multiply_panel<S, 3, start>(a, c, rows, column, panel, packed.depth, used, bias); break;
    }
  }
}

// All of C.
template <class S, Start start>
void multiply(const S* const* a, S* const* c, std::size_t rows, const Packed<S>& packed, const S* bias) {
  multiply_pieces<S, start>(a, c, rows, packed, bias, 0, packed.pieces());
}

template <class S, std::size_t R, std::size_t W>
inline void outer_block(const S* a, const S* b, std::size_t depth, S* c) {
  constexpr std::size_t stride = W * kLanes<S>;
  Vector<S> sum[R][W];
  for (std::size_t i = 0; i < R; ++i) {
    for (std::size_t w = 0; w < W; ++w) sum[i][w] = load(c + i * stride + w * kLanes<S>);
  }
#pragma GCC unroll 2
  for (std::size_t k = 0; k < depth; ++k, a += kRowBlock, b += stride) {
    Vector<S> p[W];
    for (std::size_t w = 0; w < W; ++w) p[w] = load(b + w * kLanes<S>);
    for (std::size_t i = 0; i < R; ++i) {
      const Vector<S> value = splat<S>(a[i]);
      for (std::size_t w = 0; w < W; ++w) sum[i][w] += value * p[w];
    }
  }
  for (std::size_t i = 0; i < R; ++i) {
    for (std::size_t w = 0; w < W; ++w) store(c + i * stride + w * kLanes<S>, sum[i][w]);
  }
}

// C[j] += sum_k a_k[j] b_k for j = 0 .. rows-1. b and C have rows of W whole vectors; a comes in blocks of kRowBlock
// columns, each block with its `depth` rows one after the other (pack_row_blocks).
template <class S, std::size_t W>
void accumulate_outer(const S* a, std::size_t rows, const S* b, std::size_t depth, S* c) {
  constexpr std::size_t block = kRowBlock * W * kLanes<S>;
  for (; rows >= kRowBlock; rows -= kRowBlock, a += kRowBlock * depth, c += block) {
    outer_block<S, kRowBlock, W>(a, b, depth, c);
  }
  for_rest(rows, [&](auto size) { outer_block<S, decltype(size)::value, W>(a, b, depth, c); });
}

// Columns first .. first+columns-1 of the rows a[0 .. depth-1], as accumulate_outer wants them. Row by row, because
// the rows lie far apart and are read from distant memory.
template <class S>
void pack_row_blocks(S* to, const S* const* a, std::size_t depth, std::size_t first, std::size_t columns) {
  for (std::size_t k = 0; k < depth; ++k) {
    const S* from = a[k] + first;
    S* block = to + k * kRowBlock;
    std::size_t j = 0;
    for (; j + kRowBlock <= columns; j += kRowBlock, block += depth * kRowBlock) {
      __builtin_memcpy(block, from + j, kRowBlock * sizeof(S));
    }
    for (std::size_t i = 0; j + i < columns; ++i) block[i] = from[j + i];
  }
}

}  // namespace nurt::NURT_ISA
