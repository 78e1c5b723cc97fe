// Python face of the diagonal scan. Addresses and strides come from nurt/kernels/native/scan.py; what is checked here
// is the last guard against a wrong call.
#include "scan_bindings.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <tuple>

#include "extents.h"
#include "instruction_set.h"
#include "interrupts.h"
#include "pages.h"
#include "scan_problem.h"

namespace nb = nanobind;

namespace nurt {
namespace {

using Address = std::uintptr_t;  // 0: absent
using RowsIn = std::tuple<Address, std::ptrdiff_t, std::ptrdiff_t>;  // address, batch stride, time stride

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("nurt.kernels._cpu: ") + what);
}

template <class T = void> T* pointer(Address address) { return reinterpret_cast<T*>(address); }

Rows rows(const RowsIn& in) { return {pointer(std::get<0>(in)), std::get<1>(in), std::get<2>(in)}; }

const ScanEngine& engine(const std::string& isa) {
  for (const std::string& name : supported_instruction_sets()) {
    if (name != isa) continue;
#if defined(NURT_X86_ENGINES)
    if (isa == "avx512") return avx512_scan_engine();
    if (isa == "avx2") return avx2_scan_engine();
#endif
    return baseline_scan_engine();
  }
  throw std::invalid_argument("nurt.kernels._cpu: this processor has no instruction set '" + isa + "'");
}

// What both calls say first.
struct ScanCall {
  int number;
  Scan scan;
  Extents memory;  // all of what is read and written lies in it

  ScanCall(int number, int threads, bool reverse, std::size_t batch, std::size_t time, std::size_t size,
           Address lengths)
      : number(number), scan{batch, time, size, pointer<const std::int64_t>(lengths), reverse, threads} {
    require(number >= 0 && number < kNumbers, "no such kind of number");
    require(threads >= 1 && threads <= 1024, "the number of threads must lie between 1 and 1024");
    const auto limit = std::size_t{1} << 40;
    require(batch > 0 && time > 0 && size > 0, "B, T and D must be at least 1");
    require(batch < limit && time < limit && size < limit && batch * time < limit, "B, T or D is beyond any memory");
    for (std::size_t b = 0; scan.lengths != nullptr && b < batch; ++b) {
      require(scan.lengths[b] >= 0 && scan.lengths[b] <= static_cast<std::int64_t>(time),
              "a length lies outside 0 .. T");
    }
  }
  // Bytes of a number, and of a contiguous (B, T, D).
  std::size_t of_number() const {
    constexpr std::size_t bytes[kNumbers] = {4, 8, 8, 16};
    return bytes[number];
  }
  std::size_t bytes() const { return scan.batch * scan.time * scan.size * of_number(); }

  void require_memory(std::initializer_list<Rows> sequences, std::initializer_list<const void*> moments) const {
    memory.require(scan.lengths, scan.batch * sizeof(std::int64_t), "`lengths`");
    for (const Rows& rows : sequences) memory.require(rows, scan.batch, scan.time, scan.size, of_number(), "a sequence");
    for (const void* moment : moments) memory.require(moment, scan.batch * scan.size * of_number(), "a state");
  }
};

void forward(const std::string& isa, const ScanCall& call, const RowsIn& a, const RowsIn& b, Address initial,
             const RowsIn& outputs, Address final) {
  const ScanForward f{rows(a), rows(b), pointer(initial), rows(outputs), pointer(final)};
  require(f.a.data && f.b.data && f.outputs.data && f.final, "an address is missing");
  call.require_memory({f.a, f.b, f.outputs}, {f.initial, f.final});
  const ScanEngine& use = engine(isa);
  without_gil([&] {
    want_huge_pages(f.outputs.data, call.bytes());
    use.forward[call.number](call.scan, f);
  });
}

void backward(const std::string& isa, const ScanCall& call, const RowsIn& a, const RowsIn& outputs, Address initial,
              const RowsIn& grad_outputs, Address grad_final, bool shared_by_rows, bool shared_by_steps,
              const RowsIn& grad_a, const RowsIn& grad_b, Address grad_initial) {
  const Shared shared = shared_by_rows ? (shared_by_steps ? Shared::both : Shared::batch)
                                       : (shared_by_steps ? Shared::time : Shared::nothing);
  const ScanBackward g{rows(a),  rows(outputs), pointer(initial), rows(grad_outputs), pointer(grad_final), shared,
                       rows(grad_a), rows(grad_b),  pointer(grad_initial)};
  require(g.a.data && g.outputs.data, "an address is missing");
  call.require_memory({g.a, g.outputs, g.grad_outputs, g.grad_a, g.grad_b}, {g.initial, g.grad_final, g.grad_initial});
  const ScanEngine& use = engine(isa);
  without_gil([&] {
    if (shared == Shared::nothing) want_huge_pages(g.grad_a.data, call.bytes());
    want_huge_pages(g.grad_b.data, call.bytes());
    use.backward[call.number](call.scan, g);
  });
}

}  // namespace

void bind_scan(nb::module_& module) {
  nb::class_<ScanCall>(module, "ScanCall", "Sizes and options of one diagonal scan.")
      .def(nb::init<int, int, bool, std::size_t, std::size_t, std::size_t, Address>(), nb::arg("number"),
           nb::arg("threads"), nb::arg("reverse"), nb::arg("batch"), nb::arg("time"), nb::arg("size"),
           nb::arg("lengths"))
      .def_prop_rw(
          "memory", [](const ScanCall& self) { return self.memory.flat(); },
          [](ScanCall& self, std::vector<Address> flat) { self.memory = Extents(std::move(flat)); });
  module.def("scan_forward", &forward, "The whole scan; see ScanForward in scan_problem.h for the arguments.");
  module.def("scan_backward", &backward, "Its adjoint; see ScanBackward in scan_problem.h for the arguments.");
}

}  // namespace nurt
