// The diagonal scan h_t = a_t h_{t-1} + b_t and its adjoint; README.md in the folder above derives both.
//
// A task is one row of the batch and one tile of columns, walked through all of its time: nothing waits for another
// task, and the state stays in the first-level cache. How columns are cut into tiles depends on the shape alone, never on the
// number of threads, and sums run in an order that is fixed by the shape too.
#pragma once

#include "borders.h"
#include "runtime.h"
#include "scan_numbers.h"
#include "scan_problem.h"

namespace nurt::NURT_ISA {

// Bytes of columns in a tile: rows of memory that are read in one go when there are tasks enough, down to a cache
// line when there are not.
constexpr std::size_t kWideTile = 1024, kNarrowTile = 64;
constexpr std::size_t kTasksWanted = 8;
// Steps whose contributions to a sum over time are added up before they join the total: a long sum of small numbers
// rounds like a sum of 64 and one of T / 64.
constexpr std::size_t kStepsPerSum = 64;
// Numbers times steps below which waking a second thread costs more than it saves.
constexpr std::size_t kFewNumbers = std::size_t{1} << 15;

// From here on columns and strides count parts: one per real number, two per complex one.
template <class N> struct ScanTiles {
  using S = typename N::Part;
  std::size_t columns, width, tiles;

  explicit ScanTiles(const Scan& scan) : columns(scan.size * N::parts), width(kWideTile / sizeof(S)) {
    while (width > kNarrowTile / sizeof(S) && scan.batch * count() < kTasksWanted) width /= 2;
    tiles = count();
  }
  std::size_t count() const { return (columns + width - 1) / width; }
  std::size_t first(std::size_t tile) const { return tile * width; }
  std::size_t size(std::size_t tile) const {
    const std::size_t rest = columns - first(tile);
    return rest < width ? rest : width;
  }
};

// One number per column of a tile.
template <class S> struct alignas(64) TileOf {
  S at[kWideTile / sizeof(S)];

  void set(const S* from, std::size_t count) {
    for (std::size_t j = 0; j < count; ++j) at[j] = from == nullptr ? S(0) : from[j];
  }
  void give(S* to, std::size_t count) const {
    for (std::size_t j = 0; to != nullptr && j < count; ++j) to[j] = at[j];
  }
};

// A tile of (B, T, D) seen from one row; absent tensors stay null.
template <class N> struct RowOf {
  using S = typename N::Part;
  S* start;
  std::ptrdiff_t stride;

  RowOf(const Rows& rows, std::size_t row, std::size_t column)
      : start(static_cast<S*>(rows.data)), stride(rows.time * static_cast<std::ptrdiff_t>(N::parts)) {
    const auto parts = static_cast<std::ptrdiff_t>(N::parts);
    if (start != nullptr) start += static_cast<std::ptrdiff_t>(row) * rows.batch * parts + static_cast<std::ptrdiff_t>(column);
  }
  S* at(std::size_t t) const {
    return start == nullptr ? nullptr : start + static_cast<std::ptrdiff_t>(t) * stride;
  }

  void clear(std::size_t from, std::size_t to, std::size_t count) const {
    for (std::size_t t = from; start != nullptr && t < to; ++t) {
      S* row = at(t);
      for (std::size_t j = 0; j < count; ++j) row[j] = S(0);
    }
  }
};

// The part of a contiguous (B, D) tensor that belongs to one row and tile.
template <class N, class T> T* moment_of(T* data, const ScanTiles<N>& tiles, std::size_t row, std::size_t column) {
  return data == nullptr ? nullptr : data + row * tiles.columns + column;
}

inline std::size_t length_of(const Scan& scan, std::size_t row) {
  return scan.lengths == nullptr ? scan.time : static_cast<std::size_t>(scan.lengths[row]);
}

// Columns in the direction in which the walk goes through memory: processors guess where a walk goes on, but not where
// it jumps back at every row.
template <class S, class Visit> void for_columns_along(bool forwards, std::size_t count, const Visit& visit) {
  if (forwards) return for_columns<S>(count, visit);
  for_columns_falling<S>(count, visit);
}

// Runs visit(0 .. tasks-1).
template <class Visit> void for_tasks(const Scan& scan, std::size_t tasks, const Visit& visit) {
  const bool few = scan.batch * scan.time * scan.size < kFewNumbers;
  const int threads = few ? 1 : scan.threads;
  // Without a team parallel_for has nobody but the caller.
  const Team team(tasks > 1 ? threads : 1);
  parallel_for(tasks, threads, visit);
}

template <class N> struct ScanForwardPass {
  using S = typename N::Part;

  static void run(const Scan& scan, const ScanForward& call) {
    const ScanTiles<N> tiles(scan);
    for_tasks(scan, scan.batch * tiles.tiles, [&](std::size_t task) {
      walk(scan, call, tiles, task / tiles.tiles, task % tiles.tiles);
    });
  }

 private:
  static void walk(const Scan& scan, const ScanForward& call, const ScanTiles<N>& tiles, std::size_t row,
                   std::size_t tile) {
    const std::size_t column = tiles.first(tile), count = tiles.size(tile), length = length_of(scan, row);
    const RowOf<N> a(call.a, row, column), b(call.b, row, column), outputs(call.outputs, row, column);
    TileOf<S> hidden;
    hidden.set(moment_of(static_cast<const S*>(call.initial), tiles, row, column), count);
    // Memory is what takes time here: about as long for a byte as an operation of a product.
    Borders borders(static_cast<double>(3 * count * sizeof(S)));
    for (std::size_t k = 0; k < length; ++k) {
      if (borders.leave()) return;
      const std::size_t t = scan.reverse ? length - 1 - k : k;
      const S *a_t = a.at(t), *b_t = b.at(t);
      S* h_t = outputs.at(t);
      for_columns_along<S>(!scan.reverse, count, [&](auto io, std::size_t j) {
        const auto h = N::times(io.read(a_t + j), io.read(hidden.at + j)) + io.read(b_t + j);
        io.write(hidden.at + j, h);
        io.write(h_t + j, h);
      });
    }
    outputs.clear(length, scan.time, count);
    hidden.give(moment_of(static_cast<S*>(call.final), tiles, row, column), count);
  }
};

template <class N> struct ScanBackwardPass {
  using S = typename N::Part;

  static void run(const Scan& scan, const ScanBackward& call) {
    const ScanTiles<N> tiles(scan);
    if (call.grad_a.data == nullptr) return by_rows<Mode::nothing>(scan, call, tiles);
    switch (call.shared) {
      case Shared::nothing: return by_rows<Mode::each>(scan, call, tiles);
      case Shared::time: return by_rows<Mode::summed>(scan, call, tiles);
      case Shared::batch: return by_columns(scan, call, tiles);
      case Shared::both: return by_rows_and_summed(scan, call, tiles);
    }
  }

 private:
  // What becomes of the gradient of a_t: not asked for; written; added to that of the rows before; summed over time.
  enum class Mode { nothing, each, added, summed };

  template <Mode mode> static void by_rows(const Scan& scan, const ScanBackward& call, const ScanTiles<N>& tiles) {
    for_tasks(scan, scan.batch * tiles.tiles, [&](std::size_t task) {
      walk<mode>(scan, call, tiles, task / tiles.tiles, task % tiles.tiles);
    });
  }

  // Every step of `a` is shared by the rows: they follow one another in each tile of columns.
  static void by_columns(const Scan& scan, const ScanBackward& call, const ScanTiles<N>& tiles) {
    for_tasks(scan, tiles.tiles, [&](std::size_t tile) {
      RowOf<N>(call.grad_a, 0, tiles.first(tile)).clear(0, scan.time, tiles.size(tile));
      Borders borders(static_cast<double>(5 * scan.time * tiles.size(tile) * sizeof(S)));
      for (std::size_t row = 0; row < scan.batch && !borders.leave(); ++row) walk<Mode::added>(scan, call, tiles, row, tile);
    });
  }

  // One `a` for all rows and steps: a sum per row, then the rows in rising order.
  static void by_rows_and_summed(const Scan& scan, const ScanBackward& call, const ScanTiles<N>& tiles) {
    Scratch scratch(scratch_bytes(scan.batch * tiles.columns * sizeof(S)));
    auto* sums = static_cast<S*>(scratch.take(scan.batch * tiles.columns * sizeof(S)));
    ScanBackward by_row = call;
    by_row.grad_a = {sums, static_cast<std::ptrdiff_t>(scan.size), 0};
    by_rows<Mode::summed>(scan, by_row, tiles);
    auto* total = static_cast<S*>(call.grad_a.data);
    for (std::size_t row = 0; row < scan.batch; ++row) {
      const S* sum = sums + row * tiles.columns;
      for (std::size_t j = 0; j < tiles.columns; ++j) total[j] = row == 0 ? sum[j] : total[j] + sum[j];
    }
  }

  template <Mode mode>
  static void walk(const Scan& scan, const ScanBackward& call, const ScanTiles<N>& tiles, std::size_t row,
                   std::size_t tile) {
    const std::size_t column = tiles.first(tile), count = tiles.size(tile), length = length_of(scan, row);
    const RowOf<N> a(call.a, row, column), outputs(call.outputs, row, column);
    const RowOf<N> grad_outputs(call.grad_outputs, row, column), grad_a(call.grad_a, row, column);
    const RowOf<N> grad_b(call.grad_b, row, column);
    TileOf<S> grad, initial, recent, total;
    grad.set(moment_of(static_cast<const S*>(call.grad_final), tiles, row, column), count);
    initial.set(moment_of(static_cast<const S*>(call.initial), tiles, row, column), count);
    if (mode == Mode::summed) {
      recent.set(nullptr, count);
      total.set(nullptr, count);
    }
    Borders borders(static_cast<double>(5 * count * sizeof(S)));
    for (std::size_t k = length; k-- > 0;) {
      if (borders.leave()) return;
      const std::size_t t = scan.reverse ? length - 1 - k : k;
      const S* before = k == 0 ? initial.at : outputs.at(scan.reverse ? t + 1 : t - 1);
      const S *a_t = a.at(t), *grad_t = grad_outputs.at(t);
      S *grad_a_t = mode == Mode::summed ? recent.at : grad_a.at(t), *grad_b_t = grad_b.at(t);
      for_columns_along<S>(scan.reverse, count, [&](auto io, std::size_t j) {
        auto dh = io.read(grad.at + j);
        if (grad_t != nullptr) dh = dh + io.read(grad_t + j);
        if (grad_b_t != nullptr) io.write(grad_b_t + j, dh);
        if constexpr (mode != Mode::nothing) {
          auto da = N::conjugate_times(io.read(before + j), dh);
          if constexpr (mode != Mode::each) da = io.read(grad_a_t + j) + da;
          io.write(grad_a_t + j, da);
        }
        io.write(grad.at + j, N::conjugate_times(io.read(a_t + j), dh));
      });
      if (mode == Mode::summed && k % kStepsPerSum == 0) {
        for (std::size_t j = 0; j < count; ++j) total.at[j] += recent.at[j];
        recent.set(nullptr, count);
      }
    }
    if (mode == Mode::each) grad_a.clear(length, scan.time, count);
    if (mode == Mode::summed) total.give(grad_a.at(0), count);
    grad_b.clear(length, scan.time, count);
    grad.give(moment_of(static_cast<S*>(call.grad_initial), tiles, row, column), count);
  }
};

}  // namespace nurt::NURT_ISA
