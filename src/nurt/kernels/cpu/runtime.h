// Threads and scratch memory: the parts of the run time that are the same for every instruction set.
#pragma once

#include <cstddef>

namespace nurt {

// Threads for the length of a call. Whoever makes the outermost team of a thread leads it: the workers are woken once
// and then look for the tasks of one run_tasks after the other until the team ends. A team inside a team, of fewer than
// two threads, or at a time when another caller leads one is nobody but the caller.
class Team {
 public:
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

 private:
  bool leads_;
};

// A pass of fewer operations in its products does not repay waking a sleeping thread.
constexpr double kLeastFlops = 3e6;

using Task = void (*)(void* context, std::size_t index);

// Runs task(context, 0 .. tasks-1), each once, and returns when all are done: by the team that this thread leads, or by
// this thread alone when it leads none or threads == 1. Tasks are assigned in rising order to the next free thread, so a
// thread that comes late or loses its core costs at most the task it holds. Tasks must not throw.
void run_tasks(std::size_t tasks, int threads, Task task, void* context);

// The same with work(0 .. count-1).
template <class Work> inline void parallel_for(std::size_t count, int threads, const Work& work) {
  run_tasks(
      count, threads, [](void* context, std::size_t i) { (*static_cast<const Work*>(context))(i); },
      const_cast<Work*>(&work));
}

// While one lives, what this thread and its team compute can be given up. The thread that made it asks `poll` about every
// tenth of a second, at the border of a step, whether to stop; all others see the answer. Results are worthless then.
class Interruptible {
 public:
  using Poll = bool (*)();

  explicit Interruptible(Poll poll);  // null: cannot be given up
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  // Whether it was given up.
  bool stopped() const;

  struct Call;

 private:
  Call* const call_;
  Call* const before_;
};

// Whether what this thread computes was given up; look_up also asks, where it is this thread's turn and time.
bool given_up();
bool look_up();

// One block of 64-byte aligned memory for the length of a call. Blocks are kept and reused, because fresh
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
