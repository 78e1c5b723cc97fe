// Python face of the native CPU code: nurt.kernels._cpu.
//
// Tensors come as addresses and element strides; nurt.kernels.native makes them and words the errors that people
// see. The checks here are the last guard against a wrong call: they raise ValueError instead of touching memory.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "instruction_set.h"
#include "interrupts.h"
#include "plan.h"
#include "problem.h"
#include "runtime.h"
#include "scan_bindings.h"
#include "stack.h"

namespace nb = nanobind;

namespace {

using nurt::Engine;
using nurt::Forward;
using nurt::Layer;
using nurt::Rows;
using nurt::Side;
using nurt::Stack;

using Address = std::uintptr_t;  // 0: absent
using RowsIn = std::tuple<Address, std::ptrdiff_t, std::ptrdiff_t>;  // address, batch stride, time stride

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("nurt.kernels._cpu: ") + what);
}

template <class T = void> T* pointer(Address address) { return reinterpret_cast<T*>(address); }

Rows rows(const RowsIn& in) { return {pointer(std::get<0>(in)), std::get<1>(in), std::get<2>(in)}; }

const Engine& engine(const std::string& isa) {
  for (const std::string& name : nurt::supported_instruction_sets()) {
    if (name != isa) continue;
#if defined(NURT_X86_ENGINES)
    if (isa == "avx512") return nurt::avx512_engine();
    if (isa == "avx2") return nurt::avx2_engine();
#endif
    return nurt::baseline_engine();
  }
  throw std::invalid_argument("nurt.kernels._cpu: this processor has no instruction set '" + isa + "'");
}

const nurt::CellFacts& facts_of(std::size_t cell) { return nurt::baseline_engine().cells[cell].facts; }

// The sizes of a call, checked before anything is touched.
std::unique_ptr<Stack> make_stack(int cell, int scalar, int threads, bool packed, std::size_t batch, std::size_t time,
                                  std::size_t features, std::size_t hidden, std::size_t outputs, std::size_t layers,
                                  const std::vector<bool>& reverse, Address lengths) {
  require(cell >= 0 && static_cast<std::size_t>(cell) < nurt::baseline_engine().count, "no such cell");
  require(scalar >= 0 && scalar < nurt::kScalars, "no such scalar type");
  require(threads >= 1 && threads <= 1024, "the number of threads must lie between 1 and 1024");
  require(batch > 0 && time > 0 && features > 0 && hidden > 0, "B, T, I and H must be at least 1");
  const nurt::CellFacts& facts = facts_of(static_cast<std::size_t>(cell));
  const bool projected = facts.projected;
  require(outputs > 0 && (projected ? outputs <= hidden : outputs == hidden), "P does not fit the cell");
  require(layers > 0 && (reverse.size() == 1 || reverse.size() == 2), "L must be at least 1 and D 1 or 2");
  const auto limit = std::size_t{1} << 40;
  require(batch < limit && time < limit && features < limit && hidden < limit && batch * time < limit,
          "B, T, I or H is beyond any memory");
  require(!packed || lengths != 0, "packed data need their lengths");
  const auto* length = pointer<const std::int64_t>(lengths);
  std::int64_t steps = 0;
  for (std::size_t b = 0; length != nullptr && b < batch; ++b) {
    require(length[b] >= 0 && length[b] <= static_cast<std::int64_t>(time), "a length lies outside 0 .. T");
    require(!packed || b == 0 || length[b] <= length[b - 1], "packed rows must be ranked by falling length");
    steps += length[b];
  }
  // Of packed data `time` is the number of rows.
  require(!packed || steps == static_cast<std::int64_t>(time), "packed data do not have the sum of lengths as rows");
  auto stack = std::make_unique<Stack>();
  stack->cell = static_cast<std::size_t>(cell);
  stack->scalar = static_cast<nurt::Scalar>(scalar);
  stack->threads = threads;
  stack->packed = packed;
  stack->batch = batch;
  stack->time = time;
  stack->features = features;
  stack->hidden = hidden;
  stack->outputs = outputs;
  stack->reverse.assign(reverse.begin(), reverse.end());
  stack->layers.resize(layers);
  stack->lengths = length;
  return stack;
}

void require_learned(const nurt::CellFacts& cell, const Side& side) {
  require(side.weight_ih && side.weight_hh, "an address is missing");
  for (std::size_t i = 0; i < cell.learned.count; ++i) {
    const nurt::LearnedTensor& one = cell.learned.of[i];
    require(side.learned.of[i] || one.optional, (std::string(one.name) + " is missing").c_str());
  }
}

void require_constants(const nurt::CellFacts& cell, const std::vector<double>& constants) {
  require(constants.size() == cell.constants, "the cell has another number of constants");
}

// What both passes read and what one of them keeps for the other lies within the memory that was given; so does what
// they write. A pass that is of one sort alone leaves the other's addresses null.
void require_memory(const Stack& stack) {
  const nurt::CellFacts& cell = facts_of(stack.cell);
  const nurt::Extents& memory = stack.memory;
  const std::size_t number = stack.scalar == nurt::Scalar::float32 ? 4 : 8;
  const std::size_t B = stack.batch, T = stack.packed ? 1 : stack.time, H = stack.hidden, P = stack.outputs;
  const std::size_t steps = stack.packed ? stack.time : B * T, directions = stack.reverse.size();
  const std::size_t sides = stack.layers.size() * directions, width = directions * P, gates = cell.gates * H;
  // Packed data are rows of one step.
  const std::size_t rows = stack.packed ? stack.time : B;
  const auto numbers = [&](const void* data, std::size_t count, const char* what) {
    memory.require(data, count * number, what);
  };
  memory.require(stack.lengths, B * sizeof(std::int64_t), "`lengths`");
  memory.require(stack.inputs, rows, T, stack.features, number, "`inputs`");
  memory.require(stack.grad_outputs, rows, T, width, number, "`grad_outputs`");
  for (const void* state : {stack.initial_hidden, static_cast<const void*>(stack.final_hidden), stack.grad_final_hidden,
                            static_cast<const void*>(stack.grad_initial_hidden)}) {
    numbers(state, sides * B * P, "a hidden state");
  }
  for (const void* state : {stack.initial_cell, static_cast<const void*>(stack.final_cell), stack.grad_final_cell,
                            static_cast<const void*>(stack.grad_initial_cell)}) {
    numbers(state, sides * B * H, "a cell state");
  }
  numbers(stack.grad_inputs, steps * stack.features, "`grad_inputs`");
  for (std::size_t l = 0; l < stack.layers.size(); ++l) {
    const Layer& layer = stack.layers[l];
    const std::size_t features = l == 0 ? stack.features : width;
    numbers(layer.outputs, steps * width, "`outputs`");
    numbers(layer.grad_outputs, steps * width, "`grad_outputs` of a layer");
    memory.require(layer.mask, steps * width, "`mask`");
    for (std::size_t d = 0; d < directions; ++d) {
      const Side& side = layer.sides[d];
      for (const void* weight : {side.weight_ih, static_cast<const void*>(side.grad_weight_ih)}) {
        numbers(weight, gates * features, "`weight_ih` or its gradient");
      }
      for (const void* weight : {side.weight_hh, static_cast<const void*>(side.grad_weight_hh)}) {
        numbers(weight, gates * P, "`weight_hh` or its gradient");
      }
      for (const void* bias : {side.bias_ih, side.bias_hh, static_cast<const void*>(side.grad_bias_ih),
                               static_cast<const void*>(side.grad_bias_hh)}) {
        numbers(bias, gates, "a bias or its gradient");
      }
      for (std::size_t i = 0; i < cell.learned.count; ++i) {
        const std::size_t count = cell.learned.of[i].blocks == 0 ? P * H : cell.learned.of[i].blocks * H;
        numbers(side.learned.of[i], count, "what a cell learns beside weights");
        numbers(side.grad_learned.of[i], count, "the gradient of what a cell learns beside weights");
      }
      numbers(side.hidden_mask, B * P, "`hidden_mask`");
      memory.require(side.keep_hidden, B, T, P, number, "`keep_hidden`");
      memory.require(side.keep_cell, B, T, H, number, "`keep_cell`");
      numbers(side.gates, steps * cell.kept.count * H, "`gates`");
      for (const void* kept : {side.cells, side.made, side.made_cells, side.total_grad_cell}) {
        numbers(kept, steps * H, "what is kept of each step");
      }
      numbers(side.normals, steps * nurt::normal_columns(H), "`normals`");
      numbers(side.total_grad_hidden, steps * P, "`total_grad_hidden`");
    }
  }
}

void require_forward(const Stack& stack) {
  const nurt::CellFacts& cell = facts_of(stack.cell);
  require(stack.inputs.data && stack.final_hidden, "an address is missing");
  require(!cell.has_cell_state || stack.final_cell, "the cell needs room for its final cell state");
  require_constants(cell, stack.constants);
  for (const Layer& layer : stack.layers) {
    require(layer.outputs, "an address is missing");
    for (std::size_t d = 0; d < stack.reverse.size(); ++d) {
      const Side& side = layer.sides[d];
      require_learned(cell, side);
      require(!cell.has_cell_state || (side.gates != nullptr) == (side.cells != nullptr),
              "keep gates and cells, or neither");
      require(side.gates == nullptr || !cell.normalised || side.normals, "keep the norms too");
      require(side.gates == nullptr || !cell.projected || side.made, "keep what is projected too");
    }
  }
  require_memory(stack);
}

void require_backward(const Stack& stack) {
  const nurt::CellFacts& cell = facts_of(stack.cell);
  require(stack.inputs.data, "an address is missing");
  require_constants(cell, stack.constants);
  for (const Layer& layer : stack.layers) {
    require(layer.outputs, "an address is missing");
    for (std::size_t d = 0; d < stack.reverse.size(); ++d) {
      const Side& side = layer.sides[d];
      require_learned(cell, side);
      require(!cell.normalised || side.normals, "the forward pass kept no norms");
      require(!cell.projected || side.made, "the forward pass kept nothing that is projected");
      require(!side.keep_cell.data || side.made_cells, "the forward pass kept no cell states before zoneout");
      const bool keeps = cell.kept.count > 0;
      require(keeps || !side.keep_hidden.data || side.made, "the forward pass kept nothing before zoneout");
      require(!keeps || side.gates, "the forward pass kept no gates");
      require(!cell.has_cell_state || side.cells, "the forward pass kept no cell states");
    }
  }
  require_memory(stack);
}

void forward(const std::string& isa, const Stack& stack) {
  require_forward(stack);
  const Engine& use = engine(isa);
  nurt::without_gil([&] { nurt::run_forward(use, stack); });
}

void backward(const std::string& isa, const Stack& stack) {
  require_backward(stack);
  const Engine& use = engine(isa);
  nurt::without_gil([&] { nurt::run_backward(use, stack); });
}

// An attribute of Python that takes an address, 0 for absent.
template <auto member, class Class> void address(nb::class_<Class>& type, const char* name) {
  using Pointer = std::remove_reference_t<decltype(std::declval<Class&>().*member)>;
  type.def_prop_rw(
      name, [](const Class& self) { return reinterpret_cast<Address>(self.*member); },
      [](Class& self, Address value) { self.*member = reinterpret_cast<Pointer>(value); });
}

// One that takes an address with the strides of batch and time.
template <auto member, class Class> void strided(nb::class_<Class>& type, const char* name) {
  type.def_prop_rw(
      name,
      [](const Class& self) {
        const Rows& rows = self.*member;
        return RowsIn{reinterpret_cast<Address>(rows.data), rows.batch, rows.time};
      },
      [](Class& self, const RowsIn& value) { self.*member = rows(value); });
}

// An entry of a table of learned tensors.
template <class Memory> Memory*& at(Memory* (&table)[nurt::kMostLearned], std::size_t index) {
  if (index >= nurt::kMostLearned) throw std::out_of_range("nurt.kernels._cpu: no such learned tensor");
  return table[index];
}

// The facts of every cell, in the order of their codes.
nb::list cells() {
  const Engine& all = nurt::baseline_engine();
  nb::list found;
  for (std::size_t code = 0; code < all.count; ++code) {
    const nurt::CellFacts& cell = all.cells[code].facts;
    nb::list kept, learned;
    for (std::size_t i = 0; i < cell.kept.count; ++i) kept.append(nb::str(cell.kept.of[i]));
    for (std::size_t i = 0; i < cell.learned.count; ++i) {
      const nurt::LearnedTensor& one = cell.learned.of[i];
      learned.append(nb::make_tuple(nb::str(one.name), one.blocks, one.optional));
    }
    nb::dict facts;
    facts["name"] = nb::str(cell.name);
    facts["gates"] = cell.gates;
    facts["kept"] = kept;
    facts["has_cell"] = cell.has_cell_state;
    facts["projected"] = cell.projected;
    facts["normalised"] = cell.normalised;
    facts["learned"] = learned;
    facts["constants"] = cell.constants;
    found.append(facts);
  }
  return found;
}

void bind_stack(nb::module_& module) {
  nb::class_<Side> side(module, "Side", "One direction of one layer; see Side in stack.h.");
  side.def(nb::init<>());
  address<&Side::weight_ih>(side, "weight_ih");
  address<&Side::weight_hh>(side, "weight_hh");
  address<&Side::bias_ih>(side, "bias_ih");
  address<&Side::bias_hh>(side, "bias_hh");
  address<&Side::hidden_mask>(side, "hidden_mask");
  strided<&Side::keep_hidden>(side, "keep_hidden");
  strided<&Side::keep_cell>(side, "keep_cell");
  address<&Side::gates>(side, "gates");
  address<&Side::cells>(side, "cells");
  address<&Side::made>(side, "made");
  address<&Side::made_cells>(side, "made_cells");
  address<&Side::normals>(side, "normals");
  address<&Side::grad_weight_ih>(side, "grad_weight_ih");
  address<&Side::grad_weight_hh>(side, "grad_weight_hh");
  address<&Side::grad_bias_ih>(side, "grad_bias_ih");
  address<&Side::grad_bias_hh>(side, "grad_bias_hh");
  address<&Side::total_grad_hidden>(side, "total_grad_hidden");
  address<&Side::total_grad_cell>(side, "total_grad_cell");

  side.def("learned", [](Side& self, std::size_t index, Address value) { at(self.learned.of, index) = pointer(value); });
  side.def("grad_learned",
           [](Side& self, std::size_t index, Address value) { at(self.grad_learned.of, index) = pointer(value); });

  nb::class_<Layer> layer(module, "Layer", "One layer; see Layer in stack.h.");
  address<&Layer::outputs>(layer, "outputs");
  address<&Layer::mask>(layer, "mask");
  address<&Layer::grad_outputs>(layer, "grad_outputs");

  nb::class_<Stack> stack(module, "Stack", "Layers and directions of one call; see Stack in stack.h.");
  stack.def(nb::new_(&make_stack), nb::arg("cell"), nb::arg("scalar"), nb::arg("threads"), nb::arg("packed"),
            nb::arg("batch"), nb::arg("time"), nb::arg("features"), nb::arg("hidden"), nb::arg("outputs"), nb::arg("layers"),
            nb::arg("reverse"), nb::arg("lengths"));
  stack.def(
      "layer", [](Stack& self, std::size_t index) -> Layer& { return self.layers.at(index); },
      nb::rv_policy::reference_internal);
  stack.def(
      "side",
      [](Stack& self, std::size_t index, std::size_t direction) -> Side& {
        if (direction >= self.reverse.size()) throw std::out_of_range("nurt.kernels._cpu: no such direction");
        return self.layers.at(index).sides[direction];
      },
      nb::rv_policy::reference_internal);
  stack.def_rw("scale", &Stack::scale);
  stack.def_rw("clear_past_end", &Stack::clear_past_end);
  stack.def_rw("gradient_clip", &Stack::gradient_clip);
  stack.def_rw("constants", &Stack::constants);
  stack.def_prop_rw(
      "memory", [](const Stack& self) { return self.memory.flat(); },
      [](Stack& self, std::vector<Address> flat) { self.memory = nurt::Extents(std::move(flat)); });
  strided<&Stack::inputs>(stack, "inputs");
  strided<&Stack::grad_outputs>(stack, "grad_outputs");
  address<&Stack::initial_hidden>(stack, "initial_hidden");
  address<&Stack::initial_cell>(stack, "initial_cell");
  address<&Stack::final_hidden>(stack, "final_hidden");
  address<&Stack::final_cell>(stack, "final_cell");
  address<&Stack::grad_final_hidden>(stack, "grad_final_hidden");
  address<&Stack::grad_final_cell>(stack, "grad_final_cell");
  address<&Stack::grad_inputs>(stack, "grad_inputs");
  address<&Stack::grad_initial_hidden>(stack, "grad_initial_hidden");
  address<&Stack::grad_initial_cell>(stack, "grad_initial_cell");
  module.def("forward", &forward, "All layers and directions forward, in one call.");
  module.def("backward", &backward, "All layers and directions backward, in one call.");
}

// Layers one above the other, stepped together. Weights are packed here; states and outputs belong to the caller.
class Stream {
 public:
  Stream(const std::string& isa, int cell, int scalar, std::size_t batch, int threads, std::vector<double> constants)
      : batch_(batch), threads_(threads), constants_(std::move(constants)) {
    require(threads >= 1 && threads <= 1024, "the number of threads must lie between 1 and 1024");
    require(cell >= 0 && static_cast<std::size_t>(cell) < nurt::baseline_engine().count, "no such cell");
    require(scalar >= 0 && scalar < nurt::kScalars, "no such scalar type");
    require(batch > 0, "B must be at least 1");
    calls_ = &engine(isa).cells[cell].stream[scalar];
    facts_ = &facts_of(static_cast<std::size_t>(cell));
    require_constants(*facts_, constants_);
  }
  ~Stream() {
    for (auto& layer : layers_) calls_->close(layer->handle);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // I, H and P; the learned tensors of `side`; states and room for outputs.
  void add_layer(std::size_t inputs, std::size_t hidden, std::size_t columns, const Side& side, Address state_hidden,
                 Address state_cell, Address outputs) {
    require(inputs > 0 && hidden > 0 && columns > 0 && state_hidden && outputs, "an address is missing");
    require_learned(*facts_, side);
    require(facts_->projected ? columns <= hidden : columns == hidden, "P does not fit the cell");
    require(layers_.empty() || layers_.back()->columns == inputs, "a layer does not fit on the one below");
    auto layer = std::make_unique<Level>(batch_, inputs, hidden, columns, threads_);
    Forward& call = layer->call;
    call.inputs.batch = static_cast<std::ptrdiff_t>(inputs);
    call.weight_ih = side.weight_ih;
    call.weight_hh = side.weight_hh;
    call.bias_ih = side.bias_ih;
    call.bias_hh = side.bias_hh;
    call.learned = side.learned;
    call.constants = constants_.data();
    call.initial_hidden = call.final_hidden = pointer(state_hidden);
    call.initial_cell = call.final_cell = pointer(state_cell);
    call.outputs = {pointer(outputs), static_cast<std::ptrdiff_t>(columns), 0};
    layer->handle = calls_->open(layer->planner.plan(), layer->call);
    layers_.push_back(std::move(layer));
  }

  // `inputs` (B, I) and `outputs` (B, H), contiguous.
  void step(Address inputs, Address outputs) {
    require(!layers_.empty() && inputs && outputs, "an address is missing");
    nb::gil_scoped_release release;
    const std::lock_guard<std::mutex> turn(turn_);
    void* below = pointer(inputs);
    for (auto& layer : layers_) {
      layer->call.inputs.data = below;
      if (layer == layers_.back()) layer->call.outputs.data = pointer(outputs);
      calls_->step(layer->handle, layer->call);
      below = layer->call.outputs.data;
    }
  }

 private:
  struct Level {
    nurt::Planner planner;
    std::size_t columns;
    Forward call{};
    void* handle = nullptr;
    Level(std::size_t batch, std::size_t inputs, std::size_t hidden, std::size_t columns, int threads)
        : planner(batch, 1, inputs, hidden, columns, nullptr, false, false, threads), columns(columns) {}
  };

  std::size_t batch_;
  int threads_;
  std::vector<double> constants_;
  const nurt::StreamCalls* calls_;
  const nurt::CellFacts* facts_;
  std::vector<std::unique_ptr<Level>> layers_;
  std::mutex turn_;
};

void map(const std::string& isa, int function, int scalar, Address from, Address to, std::size_t count) {
  require(scalar >= 0 && scalar < nurt::kScalars, "no such scalar type");
  require(function == 0 || function == 1, "no such function");
  engine(isa).map[scalar](function, pointer(from), pointer(to), count);
}

// `generator` is what torch.Generator.get_state() gives, which the caller has made sure of.
void draw(const std::string& isa, Address generator, double keep, Address mask, std::size_t count) {
  require(keep >= 0 && keep <= 1, "a probability lies between 0 and 1");
  require(generator && (mask || count == 0), "an address is missing");
  engine(isa).draw(pointer(generator), keep, static_cast<std::uint8_t*>(pointer(mask)), count);
}

}  // namespace

NB_MODULE(_cpu, module) {
  nurt::main_thread();
  module.doc() = "Native CPU code of nurt.";
  module.def("instruction_sets", &nurt::supported_instruction_sets,
             "Vector instruction sets that this processor and its operating system can run, "
             "narrowest first; the first one, 'baseline', is always there.");
  module.def("compiler", &nurt::compiler, "Compiler that built this module.");
  module.def("cells", &cells, "Name, sizes, kept blocks, learned tensors and constants of every cell.");
  bind_stack(module);
  nb::class_<Stream>(module, "Stream", "Layers stepped one moment at a time, weights packed once.")
      .def(nb::init<const std::string&, int, int, std::size_t, int, std::vector<double>>())
      .def("add_layer", &Stream::add_layer, "I, H, P, the weights; then hidden and cell state and room for outputs (B, P).")
      .def("step", &Stream::step, "One step from `inputs` (B, I) to `outputs` (B, P); the states move on in place.");
  module.def("map", &map, "tanh (0) or sigmoid (1) of `count` numbers, as the cells compute them.");
  module.def("draw", &draw, "A Bernoulli mask of `count` numbers, 1 with probability `keep`, with the draws of torch's generator.");
  module.def("poison_scratch", &nurt::poison_scratch, "Fill scratch memory with NaN before use; for tests.");
  nurt::bind_scan(module);
}
