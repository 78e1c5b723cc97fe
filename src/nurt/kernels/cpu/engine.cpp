// Every cell in both scalar types for one instruction set; compiled once per set (see CMakeLists.txt).
#include "backward.h"
#include "cells/elman.h"
#include "cells/cifg_lstm.h"
#include "cells/gru.h"
#include "cells/layer_norm_lstm.h"
#include "cells/lstm.h"
#include "cells/peephole_lstm.h"
#include "cells/projected_lstm.h"
#include "cells/reset_before_gru.h"
#include "draws.h"
#include "forward.h"
#include "stream.h"

namespace nurt {
namespace NURT_ISA {
namespace {

template <class Cell, class S> void forward(const Plan& plan, const Forward& call) {
  ForwardPass<Cell, S>::run(plan, call);
}
template <class Cell, class S> void backward(const Plan& plan, const Backward& call) {
  run_backward<Cell, S>(plan, call);
}

template <class Cell, class S> void* open_stream(const Plan& plan, const Forward& call) {
  return new StreamLayer<Cell, S>(plan, call);
}
template <class Cell, class S> void step_stream(const void* layer, const Forward& call) {
  static_cast<const StreamLayer<Cell, S>*>(layer)->step(call);
}
template <class Cell, class S> void close_stream(void* layer) { delete static_cast<StreamLayer<Cell, S>*>(layer); }

template <class Cell, class S> void enter_stream(StreamCalls& calls) {
  calls = {&open_stream<Cell, S>, &step_stream<Cell, S>, &close_stream<Cell, S>};
}

template <class Cell, CellKind kind> void enter(Engine& engine) {
  static_assert(kCells[static_cast<int>(kind)].kept == (Cell::gates_are_output ? 0 : Cell::row_blocks), "see problem.h");
  static_assert(kCells[static_cast<int>(kind)].has_cell_state == Cell::has_cell_state, "see problem.h");
  constexpr int row = static_cast<int>(kind);
  engine.forward[row][static_cast<int>(Scalar::float32)] = &forward<Cell, float>;
  engine.forward[row][static_cast<int>(Scalar::float64)] = &forward<Cell, double>;
  engine.backward[row][static_cast<int>(Scalar::float32)] = &backward<Cell, float>;
  engine.backward[row][static_cast<int>(Scalar::float64)] = &backward<Cell, double>;
  enter_stream<Cell, float>(engine.stream[row][static_cast<int>(Scalar::float32)]);
  enter_stream<Cell, double>(engine.stream[row][static_cast<int>(Scalar::float64)]);
}

template <class S> void map(int function, const void* from, void* to, std::size_t count) {
  for_columns<S>(count, [&](auto io, std::size_t j) {
    const auto x = io.read(static_cast<const S*>(from) + j);
    io.write(static_cast<S*>(to) + j, function == 0 ? tanh<S>(x) : sigmoid<S>(x));
  });
}

template <class S>
void drop(const void* from, const std::uint8_t* mask, double scale, void* to, std::size_t count) {
  const S* source = static_cast<const S*>(from);
  S* target = static_cast<S*>(to);
  // A product, not a choice: NaN stays NaN.
  for (std::size_t i = 0; i < count; ++i) target[i] = source[i] * (mask[i] != 0 ? static_cast<S>(scale) : S(0));
}

Engine build() {
  Engine engine{};
  enter<Lstm, CellKind::lstm>(engine);
  enter<Gru, CellKind::gru>(engine);
  enter<Elman<Tanh>, CellKind::elman_tanh>(engine);
  enter<Elman<Relu>, CellKind::elman_relu>(engine);
  enter<Elman<Sigmoid>, CellKind::elman_sigmoid>(engine);
  enter<Elman<Identity>, CellKind::linear>(engine);
  enter<PeepholeLstm, CellKind::peephole_lstm>(engine);
  enter<CifgLstm, CellKind::cifg_lstm>(engine);
  enter<ResetBeforeGru, CellKind::reset_before_gru>(engine);
  enter<ProjectedLstm, CellKind::projected_lstm>(engine);
  enter<LayerNormLstm, CellKind::layer_norm_lstm>(engine);
  engine.drop[static_cast<int>(Scalar::float32)] = &drop<float>;
  engine.drop[static_cast<int>(Scalar::float64)] = &drop<double>;
  engine.draw = &draw;
  engine.map[static_cast<int>(Scalar::float32)] = &map<float>;
  engine.map[static_cast<int>(Scalar::float64)] = &map<double>;
  return engine;
}

}  // namespace
}  // namespace NURT_ISA

#define NURT_PASTE(a, b) a##b
#define NURT_ENGINE(isa) NURT_PASTE(isa, _engine)
const Engine& NURT_ENGINE(NURT_ISA)() {
  static const Engine engine = NURT_ISA::build();
  return engine;
}

}  // namespace nurt
