// Which vector instructions may be used on the machine the program runs on.
#pragma once

#include <string>
#include <vector>

namespace nurt {

inline std::vector<std::string> supported_instruction_sets() {
  std::vector<std::string> names{"baseline"};
#if defined(NURT_X86_ENGINES)
  // The built-in also asks the operating system whether it saves the wide registers.
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    names.emplace_back("avx2");
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      names.emplace_back("avx512");
    }
  }
#endif
  return names;
}

inline std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
  return std::string("gcc ") + __VERSION__;
#else
  return "unknown";
#endif
}

}  // namespace nurt
