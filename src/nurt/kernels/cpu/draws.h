// Coins that fall as torch's own do: the Mersenne twister behind its generator [matsumoto1998mersenne], read a block of
// words at a time where torch calls it once per word.
#pragma once

#include <cmath>
#include <cstdint>

#include "products.h"

namespace nurt::NURT_ISA {

// The beginning of what torch.Generator.get_state() gives for a CPU.
struct GeneratorState {
  static constexpr std::size_t kWords = 624;
  std::uint64_t seed;
  std::int32_t left;  // words that the block still has, plus one
  std::int32_t seeded;
  std::uint64_t next;  // the first of them
  std::uint64_t words[kWords];
};

class Twister {
 public:
  explicit Twister(const GeneratorState& state) : used_(state.left > 1 ? static_cast<std::size_t>(state.next) : kWords) {
    for (std::size_t i = 0; i < kWords; ++i) words_[i] = static_cast<std::uint32_t>(state.words[i]);
  }

  void draw(std::uint32_t* to, std::size_t count) {
    while (count > 0) {
      if (used_ == kWords) twist();
      const std::size_t size = smaller(count, kWords - used_);
      for (std::size_t i = 0; i < size; ++i) to[i] = tempered(words_[used_ + i]);
      used_ += size;
      to += size;
      count -= size;
    }
  }

  void leave(GeneratorState& state) const {
    for (std::size_t i = 0; i < kWords; ++i) state.words[i] = words_[i];
    state.left = static_cast<std::int32_t>(kWords - used_) + 1;
    state.next = used_;
  }

 private:
  static constexpr std::size_t kWords = GeneratorState::kWords, kShift = 397;

  static std::uint32_t twisted(std::uint32_t upper, std::uint32_t lower) {
    const std::uint32_t joined = (upper & 0x80000000u) | (lower & 0x7fffffffu);
    return (joined >> 1) ^ ((0u - (lower & 1u)) & 0x9908b0dfu);
  }
  static std::uint32_t tempered(std::uint32_t word) {
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680u;
    word ^= (word << 15) & 0xefc60000u;
    return word ^ (word >> 18);
  }

  void twist() {
    std::size_t i = 0;
    for (; i < kWords - kShift; ++i) words_[i] = words_[i + kShift] ^ twisted(words_[i], words_[i + 1]);
    for (; i + 1 < kWords; ++i) words_[i] = words_[i + kShift - kWords] ^ twisted(words_[i], words_[i + 1]);
    words_[i] = words_[kShift - 1] ^ twisted(words_[i], words_[0]);
    used_ = 0;
  }

  std::size_t used_;
  std::uint32_t words_[kWords];
};

// mask[i] = whether a uniform number of [0, 1) with 53 bits lies below `keep`; the state moves on.
inline void draw(void* generator, double keep, std::uint8_t* mask, std::size_t count) {
  constexpr std::size_t kBlock = 1024;
  constexpr std::uint64_t kBits = (std::uint64_t{1} << 53) - 1;
  const auto bound = static_cast<std::uint64_t>(std::ceil(std::ldexp(keep, 53)));
  auto& state = *static_cast<GeneratorState*>(generator);
  Twister twister(state);
  std::uint32_t words[2 * kBlock];
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t size = smaller(kBlock, count - begin);
    twister.draw(words, 2 * size);
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint64_t number = (std::uint64_t{words[2 * i]} << 32 | words[2 * i + 1]) & kBits;
      mask[begin + i] = number < bound ? 1 : 0;
    }
  }
  if (count > 0) twister.leave(state);
}

}  // namespace nurt::NURT_ISA
