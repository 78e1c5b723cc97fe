// Large results ask for huge pages: the first touch of each small page costs a microsecond, which for results of
// megabytes is more than computing them.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace nurt {

// Advice about `bytes` from `start`, which the system may ignore; the memory stays as it is.
inline void want_huge_pages(void* start, std::size_t bytes) {
#if defined(__linux__)
  constexpr std::uintptr_t huge = std::uintptr_t{2} << 20;
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::uintptr_t begin = (address + huge - 1) / huge * huge, end = (address + bytes) / huge * huge;
  if (start != nullptr && begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)start, (void)bytes;
#endif
}

}  // namespace nurt
