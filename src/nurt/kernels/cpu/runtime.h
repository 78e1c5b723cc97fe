// Threads and scratch memory: the parts of the run time that are the same for every instruction set.
#pragma once

#include <cstddef>

namespace nurt {

using Task = void (*)(void* context, std::size_t index);

// Runs task(context, 0 .. tasks-1), each once, on at most `threads` threads including the caller; returns when all
// are done. Tasks are handed out in rising order to whoever is free, so a thread that loses its core costs at most
// the task it holds. Workers sleep between calls. When the pool is busy with another caller, this caller does
// everything itself. Tasks must not throw.
void run_tasks(std::size_t tasks, int threads, Task task, void* context);

// One block of 64-byte aligned memory for the length of a call. Blocks are kept and handed out again, because fresh
// pages cost more than the arithmetic of a small problem.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // The next `bytes` of the block, rounded up to 64; running out is a fault of ours and ends the program.
  void* take(std::size_t bytes);

 private:
  char* block_;
  std::size_t size_;
  std::size_t used_ = 0;
};

// Room that `take(bytes)` needs.
constexpr std::size_t scratch_bytes(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

// Fill every scratch block with NaN before use, so that tests see a read of something never written.
void poison_scratch(bool on);

}  // namespace nurt
