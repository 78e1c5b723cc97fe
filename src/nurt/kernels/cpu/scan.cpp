// The diagonal scan for every kind of number and one instruction set; compiled once per set (see CMakeLists.txt).
#include "scan.h"

namespace nurt {
namespace NURT_ISA {
namespace {

template <class N> void enter(ScanEngine& engine, Number number) {
  engine.forward[static_cast<int>(number)] = &ScanForwardPass<N>::run;
  engine.backward[static_cast<int>(number)] = &ScanBackwardPass<N>::run;
}

ScanEngine build_scans() {
  ScanEngine engine{};
  enter<Real<float>>(engine, Number::float32);
  enter<Real<double>>(engine, Number::float64);
  enter<Complex<float>>(engine, Number::complex64);
  enter<Complex<double>>(engine, Number::complex128);
  return engine;
}

}  // namespace
}  // namespace NURT_ISA

#define NURT_PASTE(a, b) a##b
#define NURT_SCAN_ENGINE(isa) NURT_PASTE(isa, _scan_engine)
const ScanEngine& NURT_SCAN_ENGINE(NURT_ISA)() {
  static const ScanEngine engine = NURT_ISA::build_scans();
  return engine;
}

}  // namespace nurt
