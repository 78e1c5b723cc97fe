// Every cell in both scalar types for one instruction set; compiled once per set (see CMakeLists.txt).
#include "backward.h"
#include "cells.h"
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

template <class Cell> void enter(Engine& engine, const char* name) {
  static_assert(Cell::kept.count == (Cell::gates_are_output ? 0 : Cell::row_blocks), "name what is kept");
  CellCode& code = engine.cells[engine.count++];
  code.facts = {name, Cell::gates, Cell::kept, Cell::has_cell_state, Cell::projected, Cell::normalised, Cell::learned,
                Cell::constants};
  code.forward[static_cast<int>(Scalar::float32)] = &forward<Cell, float>;
  code.forward[static_cast<int>(Scalar::float64)] = &forward<Cell, double>;
  code.backward[static_cast<int>(Scalar::float32)] = &backward<Cell, float>;
  code.backward[static_cast<int>(Scalar::float64)] = &backward<Cell, double>;
  enter_stream<Cell, float>(code.stream[static_cast<int>(Scalar::float32)]);
  enter_stream<Cell, double>(code.stream[static_cast<int>(Scalar::float64)]);
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
  // NURT_CELLS comes from the headers in cells/, see CMakeLists.txt.
#define NURT_ENTER(Cell, name) enter<Cell>(engine, name);
  NURT_CELLS(NURT_ENTER)
#undef NURT_ENTER
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
