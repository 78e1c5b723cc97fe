// Python face of the native CPU code: nurt.kernels._cpu.
//
// Tensors come as addresses and element strides; nurt.kernels.native makes them and words the errors that people
// see. The checks here are the last guard against a wrong call: they raise ValueError instead of touching memory.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>

#include "instruction_set.h"
#include "plan.h"
#include "problem.h"
#include "runtime.h"
#include "scan_bindings.h"

namespace nb = nanobind;

namespace {

using nurt::Backward;
using nurt::Engine;
using nurt::Forward;
using nurt::Rows;

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

// What every call says first.
struct Call {
  int cell, scalar, threads;
  bool reverse, packed;
  std::size_t batch, time, inputs, hidden;
  Address lengths;  // B int64, or 0

  void check() const {
    require(cell >= 0 && cell < nurt::kCellKinds, "no such cell");
    require(scalar >= 0 && scalar < nurt::kScalars, "no such scalar type");
    require(threads >= 1 && threads <= 1024, "the number of threads must lie between 1 and 1024");
    require(batch > 0 && time > 0 && inputs > 0 && hidden > 0, "B, T, I and H must be at least 1");
    const auto limit = std::size_t{1} << 40;
    require(batch < limit && time < limit && inputs < limit && hidden < limit && batch * time < limit,
            "B, T, I or H is beyond any memory");
    require(!packed || lengths != 0, "packed data need their lengths");
    std::int64_t steps = 0;
    for (std::size_t b = 0; lengths != 0 && b < batch; ++b) {
      const std::int64_t length = pointer<const std::int64_t>(lengths)[b];
      require(length >= 0 && length <= static_cast<std::int64_t>(time), "a length lies outside 0 .. T");
      require(!packed || b == 0 || length <= pointer<const std::int64_t>(lengths)[b - 1],
              "packed rows must be ranked by falling length");
      steps += length;
    }
    // Of packed data `time` is the number of rows.
    require(!packed || steps == static_cast<std::int64_t>(time), "packed data do not have the sum of lengths as rows");
  }
  nurt::Planner planner() const {
    return {batch, time, inputs, hidden, pointer<const std::int64_t>(lengths), reverse, packed, threads};
  }
  bool is_lstm() const { return cell == static_cast<int>(nurt::CellKind::lstm); }
  bool is_gru() const { return cell == static_cast<int>(nurt::CellKind::gru); }
};

void forward(const std::string& isa, const Call& call, const RowsIn& inputs, Address weight_ih, Address weight_hh,
             Address bias_ih, Address bias_hh, Address initial_hidden, Address initial_cell, const RowsIn& outputs,
             const RowsIn& gates, const RowsIn& cells, Address final_hidden, Address final_cell, bool clear_past_end) {
  call.check();
  const Forward f{rows(inputs),          pointer(weight_ih),    pointer(weight_hh), pointer(bias_ih),
                  pointer(bias_hh),      pointer(initial_hidden), pointer(initial_cell), rows(outputs),
                  rows(gates),           rows(cells),           pointer(final_hidden),   pointer(final_cell),
                  clear_past_end};
  require(f.inputs.data && f.weight_ih && f.weight_hh && f.outputs.data && f.final_hidden, "an address is missing");
  require(!call.is_lstm() || f.final_cell, "the LSTM needs room for its final cell state");
  require(!call.is_lstm() || (f.gates.data != nullptr) == (f.cells.data != nullptr), "keep gates and cells, or neither");
  const Engine& use = engine(isa);
  nb::gil_scoped_release release;
  const nurt::Planner planner = call.planner();
  use.forward[call.cell][call.scalar](planner.plan(), f);
}

void backward(const std::string& isa, const Call& call, const RowsIn& inputs, const RowsIn& outputs,
              const RowsIn& gates, const RowsIn& cells, Address weight_ih, Address weight_hh, Address initial_hidden,
              Address initial_cell, const RowsIn& grad_outputs, Address grad_final_hidden, Address grad_final_cell,
              const RowsIn& grad_inputs, Address grad_weight_ih, Address grad_weight_hh, Address grad_bias_ih,
              Address grad_bias_hh, Address grad_initial_hidden, Address grad_initial_cell,
              const RowsIn& total_grad_hidden, const RowsIn& total_grad_cell) {
  call.check();
  const Backward b{rows(inputs),
                   rows(outputs),
                   rows(gates),
                   rows(cells),
                   pointer(weight_ih),
                   pointer(weight_hh),
                   pointer(initial_hidden),
                   pointer(initial_cell),
                   rows(grad_outputs),
                   pointer(grad_final_hidden),
                   pointer(grad_final_cell),
                   rows(grad_inputs),
                   pointer(grad_weight_ih),
                   pointer(grad_weight_hh),
                   pointer(grad_bias_ih),
                   pointer(grad_bias_hh),
                   pointer(grad_initial_hidden),
                   pointer(grad_initial_cell),
                   rows(total_grad_hidden),
                   rows(total_grad_cell)};
  require(b.inputs.data && b.outputs.data && b.weight_ih && b.weight_hh, "an address is missing");
  require(!(call.is_lstm() || call.is_gru()) || b.gates.data, "the forward pass kept no gates");
  require(!call.is_lstm() || b.cells.data, "the forward pass kept no cell states");
  const Engine& use = engine(isa);
  nb::gil_scoped_release release;
  const nurt::Planner planner = call.planner();
  use.backward[call.cell][call.scalar](planner.plan(), b);
}

// Layers one above the other, stepped together. Weights are packed here; states and outputs belong to the caller.
class Stream {
 public:
  Stream(const std::string& isa, int cell, int scalar, std::size_t batch, int threads)
      : batch_(batch), threads_(threads) {
    require(threads >= 1 && threads <= 1024, "the number of threads must lie between 1 and 1024");
    require(cell >= 0 && cell < nurt::kCellKinds, "no such cell");
    require(scalar >= 0 && scalar < nurt::kScalars, "no such scalar type");
    require(batch > 0, "B must be at least 1");
    calls_ = &engine(isa).stream[cell][scalar];
  }
  ~Stream() {
    for (auto& layer : layers_) calls_->close(layer->handle);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void add_layer(std::size_t inputs, std::size_t hidden, Address weight_ih, Address weight_hh, Address bias_ih,
                 Address bias_hh, Address state_hidden, Address state_cell, Address outputs) {
    require(inputs > 0 && hidden > 0 && weight_ih && weight_hh && state_hidden && outputs, "an address is missing");
    require(layers_.empty() || layers_.back()->hidden == inputs, "a layer does not fit on the one below");
    auto layer = std::make_unique<Layer>(batch_, inputs, hidden, threads_);
    const auto row = static_cast<std::ptrdiff_t>(hidden);
    layer->call = {{nullptr, static_cast<std::ptrdiff_t>(inputs), 0}, pointer(weight_ih), pointer(weight_hh),
                   pointer(bias_ih), pointer(bias_hh), pointer(state_hidden), pointer(state_cell),
                   {pointer(outputs), row, 0}, {}, {}, pointer(state_hidden), pointer(state_cell), false};
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
  struct Layer {
    nurt::Planner planner;
    std::size_t hidden;
    Forward call{};
    void* handle = nullptr;
    Layer(std::size_t batch, std::size_t inputs, std::size_t hidden, int threads)
        : planner(batch, 1, inputs, hidden, nullptr, false, false, threads), hidden(hidden) {}
  };

  std::size_t batch_;
  int threads_;
  const nurt::StreamCalls* calls_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::mutex turn_;
};

void map(const std::string& isa, int function, int scalar, Address from, Address to, std::size_t count) {
  require(scalar >= 0 && scalar < nurt::kScalars, "no such scalar type");
  require(function == 0 || function == 1, "no such function");
  engine(isa).map[scalar](function, pointer(from), pointer(to), count);
}

}  // namespace

NB_MODULE(_cpu, module) {
  module.doc() = "Native CPU code of nurt.";
  module.def("instruction_sets", &nurt::supported_instruction_sets,
             "Vector instruction sets that this processor and its operating system can run, "
             "narrowest first; the first one, 'baseline', is always there.");
  module.def("compiler", &nurt::compiler, "Compiler that built this module.");
  nb::class_<Call>(module, "Call", "Sizes and options of one recurrence.")
      .def(
          "__init__",
          [](Call* self, int cell, int scalar, int threads, bool reverse, bool packed, std::size_t batch,
             std::size_t time, std::size_t inputs, std::size_t hidden, Address lengths) {
            new (self) Call{cell, scalar, threads, reverse, packed, batch, time, inputs, hidden, lengths};
          },
          nb::arg("cell"), nb::arg("scalar"), nb::arg("threads"), nb::arg("reverse"), nb::arg("packed"), nb::arg("batch"),
          nb::arg("time"), nb::arg("inputs"), nb::arg("hidden"), nb::arg("lengths"));
  module.def("forward", &forward, "The whole time loop forward; see Forward in problem.h for the arguments.");
  module.def("backward", &backward, "The whole time loop backward; see Backward in problem.h for the arguments.");
  nb::class_<Stream>(module, "Stream", "Layers stepped one moment at a time, weights packed once.")
      .def(nb::init<const std::string&, int, int, std::size_t, int>())
      .def("add_layer", &Stream::add_layer, "I, H, weights and biases; then hidden and cell state and outputs (B, H).")
      .def("step", &Stream::step, "One step from `inputs` (B, I) to `outputs` (B, H); the states move on in place.");
  module.def("map", &map, "tanh (0) or sigmoid (1) of `count` numbers, as the cells compute them.");
  module.def("poison_scratch", &nurt::poison_scratch, "Fill scratch memory with NaN before use; for tests.");
  nurt::bind_scan(module);
}
